// toTensor: JavaScript data to tensors.

import { type DType, requireDType, type TypedArray } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { isNdArray, type NdArray } from "../core/nd-array.js";
import { fromNested } from "../core/nested.js";
import { checkOptions } from "../core/options.js";
import { getDefaultDtype } from "../core/promotion.js";
import { cast } from "../ops/cast.js";
import { fromArray } from "../trace/eager.js";
import { detachHandle } from "./autograd.js";
import { Tensor } from "./tensor.js";

/** What {@link toTensor} takes. */
export type TensorLike =
  | number
  | boolean
  | bigint
  | readonly TensorLike[]
  | TypedArray
  | Uint8ClampedArray
  | NdArray
  | Tensor;

/** Options of {@link toTensor}. */
export interface ToTensorOptions {
  /** Element type; by default the data's own. */
  readonly dtype?: DType | undefined;
  /** Accepted for Paddle's sake; there is one CPU device. */
  readonly place?: unknown;
  /** False: gradients are computed for it. Default true. */
  readonly stopGradient?: boolean | undefined;
}

/**
 * Makes a tensor. Nested arrays of numbers become the default float dtype, booleans bool, bigints int64; typed arrays keep their type
 * (one axis); an NdArray is taken as it is; a Tensor is copied.
 *
 * @throws InvalidArgumentError for ragged arrays, unknown options, values that are no numbers.
 * @example
 * ```ts
 * import { toTensor } from "oarjs";
 * console.log(toTensor([[1, 2, 3]]).shape); // [1, 3]
 * ```
 */
export function toTensor(data: TensorLike, options?: ToTensorOptions): Tensor {
  const { dtype, stopGradient = true } = checkOptions<ToTensorOptions>("toTensor", options, [
    "dtype",
    "place",
    "stopGradient",
  ]);
  if (dtype !== undefined) requireDType("toTensor", dtype);
  const made = (data instanceof Tensor ? cloneOf(data) : fromArray(arrayOf(data, dtype))) as Tensor;
  const out = dtype === undefined || made.dtype === dtype ? made : detachHandle(cast(made, dtype));
  out.stopGradient = stopGradient;
  return out;
}

const cloneOf = (x: Tensor): Tensor => fromArray({ dtype: x.dtype, shape: x.shape, data: x.dataSync() }) as Tensor;

function arrayOf(data: Exclude<TensorLike, Tensor>, dtype: DType | undefined): NdArray {
  if (isNdArray(data)) return data;
  if (ArrayBuffer.isView(data))
    return { dtype: typedArrayDtype(data as TypedArray), shape: [data.length], data: data as TypedArray } as NdArray;
  const first = firstElement(data);
  const own: DType = typeof first === "boolean" ? "bool" : typeof first === "bigint" ? "int64" : getDefaultDtype();
  if (first !== undefined && typeof first !== "boolean" && typeof first !== "bigint" && typeof first !== "number") {
    throw new InvalidArgumentError(`cannot make a tensor of ${typeof first} values.`, { op: "toTensor" });
  }
  return fromNested(data, dtype ?? own);
}

function firstElement(data: unknown): unknown {
  let at = data;
  while (Array.isArray(at)) at = at[0];
  return at;
}

function typedArrayDtype(data: TypedArray | Uint8ClampedArray): DType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Float64Array) return "float64";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof BigInt64Array) return "int64";
  if (data instanceof Uint8Array || data instanceof Uint8ClampedArray) return "uint8";
  if (data instanceof Int8Array) return "int8";
  if (data instanceof Int16Array) return "int16";
  if (data instanceof Uint16Array) return "float16";
  throw new InvalidArgumentError(`a ${(data as object).constructor.name} has no dtype here.`, { op: "toTensor" });
}
