// float16 and bfloat16 as 16-bit patterns in an i32: conversions to and from float, rounding to nearest even.

import { binary, bitcast, compare, constant, type Expr, select, shift } from "./expr.js";

const int = (v: number): Expr => constant("i32", v);
const by = int;

/**
 * The float of a float16 pattern (i32, bits 0 … 15). Exact; NaN stays NaN.
 *
 * @example
 * ```ts
 * const x = f16ToF32(load(buf, i)); // buf holds u16
 * ```
 */
export function f16ToF32(bits: Expr): Expr {
  const magnitude = shift("shl", binary("and", bits, int(0x7fff)), by(13));
  // The exponent's bias grows by 112; as a multiplication it also makes denormals right.
  const scaled = bitcast(binary("mul", bitcast(magnitude, "f32"), constant("f32", 2 ** 112)), "i32");
  const special = compare("ge", magnitude, int(0x0f800000));
  const unsigned = select(special, binary("or", magnitude, int(0x7f800000)), scaled);
  return bitcast(binary("or", unsigned, shift("shl", binary("and", bits, int(0x8000)), by(16))), "f32");
}

/** The float16 pattern nearest to a float, ties to even; too large gives infinity, NaN gives 0x7e00. */
export function f32ToF16(x: Expr): Expr {
  const bits = bitcast(x, "i32");
  const magnitude = binary("and", bits, int(0x7fffffff));
  const odd = binary("and", shift("ushr", magnitude, by(13)), int(1));
  // Rounds at bit 13 and lowers the exponent's bias by 112, in one addition; wrong for denormals and above 65520 only.
  const normal = shift("shr", binary("add", binary("add", magnitude, int(0xfff - (112 << 23))), odd), by(13));
  // Beside 0.5 the last bit of a float is 2^-24, the smallest float16: the addition rounds.
  const summed = binary("add", bitcast(magnitude, "f32"), constant("f32", 0.5));
  const denormal = binary("sub", bitcast(summed, "i32"), int(0x3f000000));
  const finite = select(compare("lt", magnitude, int(0x38800000)), denormal, normal);
  const bounded = select(compare("ge", magnitude, int(0x477ff000)), int(0x7c00), finite);
  const signed = binary("or", bounded, binary("and", shift("ushr", bits, by(16)), int(0x8000)));
  return select(compare("gt", magnitude, int(0x7f800000)), int(0x7e00), signed);
}

/** The float of a bfloat16 pattern (i32, bits 0 … 15). Exact. */
export const bf16ToF32 = (bits: Expr): Expr => bitcast(shift("shl", bits, by(16)), "f32");

/** The bfloat16 pattern nearest to a float, ties to even; NaN gives 0x7fc0. */
export function f32ToBf16(x: Expr): Expr {
  const bits = bitcast(x, "i32");
  const odd = binary("and", shift("ushr", bits, by(16)), int(1));
  const rounded = shift("ushr", binary("add", binary("add", bits, int(0x7fff)), odd), by(16));
  return select(compare("ne", x, x), int(0x7fc0), rounded);
}
