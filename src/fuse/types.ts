// How dtypes live in kernels: memory type, computing type, conversions on load, on store and between.

import { type DType, isComplex, realOf } from "../core/dtype.js";
import { type Expr, type KType, type MemType, cast, compare, constant, isMask, select } from "../kernel/expr.js";
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from "../kernel/half.js";
import { k } from "../kernel/ops.js";

const mem: Readonly<Record<DType, MemType>> = {
  bool: "u8",
  uint8: "u8",
  int8: "i8",
  int16: "i16",
  int32: "i32",
  int64: "i64",
  float16: "u16",
  bfloat16: "u16",
  float32: "f32",
  float64: "f64",
  complex64: "f32",
  complex128: "f64",
};

const compute: Readonly<Record<DType, KType>> = {
  bool: "m32",
  uint8: "i32",
  int8: "i32",
  int16: "i32",
  int32: "i32",
  int64: "i64",
  float16: "f32",
  bfloat16: "f32",
  float32: "f32",
  float64: "f64",
  complex64: "f32",
  complex128: "f64",
};

/** The memory type of a dtype's elements (of one part, for complex). */
export const memOf = (dtype: DType): MemType => mem[dtype];

/** The type a dtype's elements compute in (of one part, for complex). */
export const computeOf = (dtype: DType): KType => compute[dtype];

/** Number of parts of an element: 2 for complex. */
export const partsOf = (dtype: DType): 1 | 2 => (isComplex(dtype) ? 2 : 1);

/** Whether loads and stores of a dtype need no conversion. */
export const isPlain = (dtype: DType): boolean =>
  dtype !== "bool" && dtype !== "float16" && dtype !== "bfloat16" && !isComplex(dtype);

/** A loaded memory word as a value of the dtype. */
export function fromMemory(dtype: DType, word: Expr): Expr {
  if (dtype === "bool") return compare("ne", word, constant("i32", 0));
  if (dtype === "float16") return f16ToF32(word);
  if (dtype === "bfloat16") return bf16ToF32(word);
  return word;
}

/** A computed value as the memory word of the dtype. */
export function toMemory(dtype: DType, value: Expr): Expr {
  const x = convert(value, dtype);
  if (dtype === "bool") return select(x, constant("i32", 1), constant("i32", 0));
  if (dtype === "float16") return f32ToF16(x);
  if (dtype === "bfloat16") return f32ToBf16(x);
  return x;
}

/** A value of any computing type as one of `dtype`'s. */
export const convert = (x: Expr, dtype: DType): Expr => {
  const to = computeOf(dtype);
  return to === "m32" && isMask(x.type) ? cast(x, "m32") : cast(x, to);
};

/** What a value would be after a store and a load: narrow types wrap, half types round. Fused chains keep it so. */
export function roundTo(dtype: DType, value: Expr): Expr {
  const x = convert(value, dtype);
  switch (realOf(dtype)) {
    case "float16":
      return f16ToF32(f32ToF16(x));
    case "bfloat16":
      return bf16ToF32(f32ToBf16(x));
    case "uint8":
      return k.and(x, 255);
    case "int8":
      return k.shr(k.shl(x, 24), 24);
    case "int16":
      return k.shr(k.shl(x, 16), 16);
    default:
      return x;
  }
}
