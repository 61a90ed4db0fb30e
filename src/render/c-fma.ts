// The fused multiply-add of vectors as one instruction: left to itself a compiler may take a loop over lanes apart.

import type { KType } from "../kernel/expr.js";
import type { Helpers } from "./c-ops.js";
import { bits, baseType } from "./c-types.js";

/** Bytes of a register: the instruction set that fuses in it, and gcc's builtin for floats and for doubles. */
const instructions: Readonly<Record<number, readonly [feature: string, f32: string, f64: string]>> = {
  16: ["__FMA__", "__builtin_ia32_vfmaddps(x, y, z)", "__builtin_ia32_vfmaddpd(x, y, z)"],
  32: ["__FMA__", "__builtin_ia32_vfmaddps256(x, y, z)", "__builtin_ia32_vfmaddpd256(x, y, z)"],
  // All lanes (mask -1), rounding as the processor's state says (4).
  64: [
    "__AVX512F__",
    "__builtin_ia32_vfmaddps512_mask(x, y, z, -1, 4)",
    "__builtin_ia32_vfmaddpd512_mask(x, y, z, -1, 4)",
  ],
};

/** The name of a function of three vectors of `lanes` lanes: `x * y + z`, rounded as `FMA_F32` or `FMA_F64` rounds. */
export function spellVectorFma(of: KType, lanes: number, helpers: Helpers): string {
  const type = helpers.type(of, lanes);
  const scalar = `FMA_${baseType(of).toUpperCase()}`;
  const known = instructions[(bits[baseType(of)]! / 8) * lanes];
  const builtin =
    known && `#elif defined(__GNUC__) && defined(${known[0]})\n  return ${known[of === "f32" ? 1 : 2]};\n`;
  return helpers.declare(
    `fma_${type}`,
    () =>
      `INLINE ${type} fma_${type}(${type} x, ${type} y, ${type} z) {\n` +
      `#if defined(__clang__)\n  ${type} r; LANES(${lanes}) r[k] = ${scalar}(x[k], y[k], z[k]); return r;\n` +
      `${builtin ?? ""}#else\n  ${type} r; LANES(${lanes}) r[k] = ${scalar}(x[k], y[k], z[k]); return r;\n#endif\n}\n`,
  );
}
