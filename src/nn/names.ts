// Names as Paddle spells them.

/** Class name to name scope: `Conv2DTranspose` is `conv2d_transpose`, `PReLU` is `p_re_lu`. */
export function snakeCase(name: string): string {
  const words = name.replace(/(.)([A-Z][a-z]+)/g, "$1_$2").replace(/([a-z])([A-Z])/g, "$1_$2");
  return words.toLowerCase();
}

/** Field name to Python's: `selfAttn` is `self_attn`, `weightIhL0` is `weight_ih_l0`. */
export const pythonName = (field: string): string =>
  field.replace(/([a-z0-9])([A-Z])/g, (_, before: string, letter: string) => `${before}_${letter.toLowerCase()}`);
