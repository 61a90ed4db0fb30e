// NdArray: a plain n-dimensional array on the JavaScript side, what files are read to and results are fetched as.

import { type DType, type TypedArray, type TypedArrayOf, dtypes, isDType } from "./dtype.js";
import { InvalidArgumentError } from "./errors.js";
import { type Shape, formatShape, sizeOf } from "./shape.js";

/**
 * Elements in row-major order with their shape and dtype; no methods, no engine behind it.
 * float16 and bfloat16 hold bits, bool one byte an element, complex interleaved real and imaginary parts.
 */
export interface NdArray<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: Shape;
  readonly data: TypedArrayOf[D];
}

/** Number of array entries that `size` elements take: two each for complex. */
export const entriesOf = (dtype: DType, size: number): number => (dtypes[dtype].kind === "complex" ? 2 * size : size);

/** Makes an NdArray, checking that shape and data agree. Throws InvalidArgument. */
export function ndArray<D extends DType>(dtype: D, shape: Shape, data: TypedArrayOf[D]): NdArray<D> {
  const entries = entriesOf(dtype, sizeOf(shape));
  if (data.length !== entries) {
    throw new InvalidArgumentError(
      `shape ${formatShape(shape)} of ${dtype} needs ${entries} array entries, got ${data.length}.`,
      { shape, dtype },
    );
  }
  return { dtype, shape, data };
}

/** Whether `x` has the form of an NdArray. */
export function isNdArray(x: unknown): x is NdArray {
  if (typeof x !== "object" || x === null) return false;
  const r = x as { dtype?: unknown; shape?: unknown; data?: unknown };
  return isDType(r.dtype) && Array.isArray(r.shape) && ArrayBuffer.isView(r.data);
}

/** A zero-filled typed array for `size` elements of `dtype`. */
export function emptyData<D extends DType>(dtype: D, size: number): TypedArrayOf[D] {
  const array: TypedArray = new dtypes[dtype].array(entriesOf(dtype, size));
  return array as TypedArrayOf[D];
}
