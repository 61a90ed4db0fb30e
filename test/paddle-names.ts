// Paddle's public names as test/fixtures/api records them, and how they are spelled here.

/** What `record.py` writes. */
export interface PaddleNames {
  readonly version: string;
  /** Public names by namespace, `paddle.Tensor` holding the methods. */
  readonly namespaces: Readonly<Record<string, readonly string[]>>;
  /** Names that are there though the namespace does not list them. */
  readonly unlisted: Readonly<Record<string, readonly string[]>>;
  /** Groups of paths that name one object. */
  readonly aliases: readonly (readonly string[])[];
}

/** Oar's spelling: camelCase, outer underscores kept, a name with capitals kept whole. */
export const camelCase = (name: string): string =>
  /[A-Z]/.test(name) ? name : name.replace(/(?<=[^_])_+([a-z0-9])/g, (_, c: string) => c.toUpperCase());

/** What stands at a Paddle path such as `paddle.nn.functional.log_softmax`, or undefined. */
export function valueAt(root: object, path: string): unknown {
  let here: unknown = root;
  for (const part of path.split(".").slice(1)) {
    if ((typeof here !== "object" && typeof here !== "function") || here === null) return undefined;
    here = Reflect.get(here, camelCase(part));
  }
  return here;
}
