// How types and literals are spelt in C: the tables that the C renderer writes declarations from.

import { BugError } from "../core/errors.js";
import { type KType, type MemType, memBytes } from "../kernel/expr.js";

/** Scalar types every library starts with. `_m` spells a type of the untyped heap: it may alias anything. */
export const header = [
  "typedef float f32; typedef double f64;",
  "typedef signed char i8; typedef unsigned char u8; typedef short i16; typedef unsigned short u16;",
  "typedef int i32; typedef unsigned int u32; typedef long long i64; typedef unsigned long long u64;",
  ...["f32", "f64", "i8", "u8", "i16", "u16", "i32", "u32", "i64"].map(
    (t) => `typedef ${t} ${t}_m __attribute__((may_alias));`,
  ),
  "#define INLINE static inline __attribute__((always_inline, unused))",
  // One rounding where the processor has a fused instruction, else two: a library call would be slow.
  "#if defined(__FMA__) || defined(__AVX512F__) || defined(__aarch64__) || (defined(__riscv_flen) && __riscv_flen >= 64)",
  "#define FMA_F32(x, y, z) __builtin_fmaf(x, y, z)",
  "#define FMA_F64(x, y, z) __builtin_fma(x, y, z)",
  "#else",
  "#define FMA_F32(x, y, z) ((x) * (y) + (z))",
  "#define FMA_F64(x, y, z) ((x) * (y) + (z))",
  "#endif",
  // gcc makes a loop over the lanes of vectors one instruction when it is vectorised, not when it is unrolled first.
  "#ifdef __clang__",
  "#define LANES(n) for (int k = 0; k < n; k++)",
  '#define UNROLL(n) _Pragma("unroll")',
  "#else",
  '#define LANES(n) _Pragma("GCC unroll 1") for (int k = 0; k < n; k++)',
  "#define UNROLL_(x) _Pragma(#x)",
  "#define UNROLL(n) UNROLL_(GCC unroll n)",
  "#endif",
  // Keeps the compiler from vectorising what is left over after a vector loop.
  '#define REMAINDER __asm__ volatile("")',
  "",
].join("\n");

/** Bits of one element of a C base type. */
export const bits: Readonly<Record<string, number>> = {
  ...Object.fromEntries(Object.entries(memBytes).map(([t, bytes]) => [t, bytes * 8])),
  u32: 32,
  u64: 64,
};

/** The type that stands for a computing type's lanes: masks of vectors are integers of the same width. */
export const baseType = (type: KType): "f32" | "f64" | "i32" | "i64" =>
  type === "m32" ? "i32" : type === "m64" ? "i64" : type;

/** The C type of a value: `f32`, `i64x8`; scalar masks are `i32`. */
export function valueType(type: KType, lanes: number): string {
  if (lanes > 1) return `${baseType(type)}x${lanes}`;
  return type === "m32" || type === "m64" ? "i32" : type;
}

/** Declares the vector type of `lanes` elements of `base`: one for values and one for memory of any alignment. */
export function vectorTypedef(base: string, lanes: number): string {
  if (lanes < 2 || (lanes & (lanes - 1)) !== 0) throw new BugError(`a vector of ${lanes} lanes`);
  const bytes = bits[base]! / 8;
  const size = `vector_size(${lanes * bytes})`;
  const name = `${base}x${lanes}`;
  return (
    `typedef ${base} ${name} __attribute__((${size}));\n` +
    `typedef ${base} ${name}_m __attribute__((${size}, aligned(${bytes}), may_alias));\n`
  );
}

/** A literal that reads back as exactly the same bits (NaN: as a quiet NaN). */
export function literal(type: KType, value: number | bigint | boolean): string {
  if (typeof value === "boolean") return value ? "1" : "0";
  if (type === "f32") return floatLiteral(Number(value), 9, "f");
  if (type === "f64") return floatLiteral(Number(value), 17, "");
  // The smallest integers have no literal of their own type: "-" is an operator on a literal that does not fit.
  if (type === "i64") {
    const v = BigInt(value);
    return v === -(2n ** 63n) ? "(-9223372036854775807LL - 1)" : parenthesised(`${v}LL`);
  }
  return Number(value) === -(2 ** 31) ? "(-2147483647 - 1)" : parenthesised(`${value}`);
}

/** 9 digits identify every float, 17 every double. */
function floatLiteral(v: number, digits: number, suffix: string): string {
  if (Number.isNaN(v)) return `__builtin_nan${suffix}("")`;
  if (!Number.isFinite(v)) return v > 0 ? `__builtin_inf${suffix}()` : `(-__builtin_inf${suffix}())`;
  if (v === 0) return Object.is(v, -0) ? `(-0.0${suffix})` : `0.0${suffix}`;
  const text = v.toPrecision(digits);
  const short = String(v).length < text.length ? String(v) : text;
  const spelt = /[.e]/.test(short) ? short : `${short}.0`;
  return parenthesised(spelt + suffix);
}

const parenthesised = (text: string): string => (text.startsWith("-") ? `(${text})` : text);

/** The memory types as the heap spells them. */
export const memoryType = (mem: MemType): string => `${mem}_m`;
