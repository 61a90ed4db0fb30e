// What numbers a dtype can hold: Paddle's finfo and iinfo.

import { type DType, dtypes, realOf, requireDType } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";

/** Limits of a floating-point dtype. */
export interface FloatInfo {
  readonly dtype: DType;
  readonly bits: number;
  /** Distance from 1 to the next number. */
  readonly eps: number;
  readonly min: number;
  readonly max: number;
  /** Smallest positive number with all its digits. */
  readonly smallestNormal: number;
  /** The same as `smallestNormal`. */
  readonly tiny: number;
  /** The power of ten of the decimal digits that are always right. */
  readonly resolution: number;
}

/** Limits of an integer dtype; of int64 as bigints. */
export interface IntegerInfo {
  readonly dtype: DType;
  readonly bits: number;
  readonly min: number | bigint;
  readonly max: number | bigint;
}

/** Bits of the fraction and the largest exponent (IEEE 754). */
const formats = {
  float16: { fraction: 10, exponent: 15 },
  bfloat16: { fraction: 7, exponent: 127 },
  float32: { fraction: 23, exponent: 127 },
  float64: { fraction: 52, exponent: 1023 },
} as const;

/**
 * The limits of a floating-point dtype; of the parts of a complex one.
 *
 * @throws InvalidArgumentError for other dtypes.
 * @example
 * ```ts
 * import { finfo } from "oarjs";
 * console.log(finfo("float16").max); // 65504
 * ```
 */
export function finfo(dtype: DType): FloatInfo {
  const real = realOf(requireDType("finfo", dtype));
  if (!Object.hasOwn(formats, real)) {
    throw new InvalidArgumentError(`${dtype} is no floating-point dtype.`, { op: "finfo", dtype, hint: "use iinfo." });
  }
  const { fraction, exponent } = formats[real as keyof typeof formats];
  const max = (2 - 2 ** -fraction) * 2 ** exponent;
  const smallestNormal = 2 ** (1 - exponent);
  const digits = Math.floor(fraction * Math.log10(2));
  return {
    ...{ dtype: real, bits: 8 * dtypes[real].bytes, eps: 2 ** -fraction, min: -max, max },
    ...{ smallestNormal, tiny: smallestNormal, resolution: Number(`1e-${digits}`) },
  };
}

/**
 * The limits of an integer dtype.
 *
 * @throws InvalidArgumentError for other dtypes.
 * @example
 * ```ts
 * import { iinfo } from "oarjs";
 * console.log(iinfo("int8").min); // -128
 * ```
 */
export function iinfo(dtype: DType): IntegerInfo {
  const info = dtypes[requireDType("iinfo", dtype)];
  if (info.kind !== "int") {
    throw new InvalidArgumentError(`${dtype} is no integer dtype.`, { op: "iinfo", dtype, hint: "use finfo." });
  }
  const bits = 8 * info.bytes;
  if (dtype === "uint8") return { dtype, bits, min: 0, max: 255 };
  if (dtype === "int64") return { dtype, bits, min: -(2n ** 63n), max: 2n ** 63n - 1n };
  return { dtype, bits, min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 };
}
