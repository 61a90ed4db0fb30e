// Stores that bypass the caches, where the compiler and the processor have them, else plain ones.

import type { MemType } from "../kernel/expr.js";
import type { Helpers } from "./c-ops.js";
import { bits } from "./c-types.js";

/** Streaming stores of x86 are not ordered with later ones: a fence ends each kernel that uses them. */
export const streamFence =
  "#if defined(__SSE2__)\n#define STREAM_FENCE __builtin_ia32_sfence()\n#else\n#define STREAM_FENCE ((void)0)\n#endif\n";

/** Bytes of a vector: the instruction set it needs, and the builtin with the vector type that it takes. */
const instructions: Readonly<Record<number, readonly [feature: string, builtin: string, lanes: number]>> = {
  16: ["__SSE2__", "__builtin_ia32_movntps", 4],
  32: ["__AVX__", "__builtin_ia32_movntps256", 8],
  64: ["__AVX512F__", "__builtin_ia32_movntps512", 16],
};

/** The name of a function (memory, vector) that stores past the caches if the address is a multiple of the vector's size. */
export function spellStreamStore(mem: MemType, lanes: number, helpers: Helpers): string {
  const type = helpers.vector(mem, lanes);
  const bytes = (bits[mem]! / 8) * lanes;
  const name = `stream_${type}`;
  const known = instructions[bytes];
  const plain = `*(${type}_m *)p = v;`;
  if (!known) return helpers.declare(name, () => `INLINE void ${name}(void *p, ${type} v) { ${plain} }\n`);
  const [feature, builtin, floats] = known;
  const vector = helpers.vector("f32", floats);
  return helpers.declare(
    name,
    () =>
      `INLINE void ${name}(void *p, ${type} v) {\n` +
      `#if defined(__clang__)\n` +
      `  if (((u64)p & ${bytes - 1}) == 0) __builtin_nontemporal_store(v, (${type} *)p); else ${plain}\n` +
      `#elif defined(${feature})\n` +
      `  if (((u64)p & ${bytes - 1}) == 0) ${builtin}((float *)p, (${vector})v); else ${plain}\n` +
      `#else\n  ${plain}\n#endif\n}\n`,
  );
}
