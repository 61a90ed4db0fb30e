// Softmax of tensors, Paddle's `paddle.softmax` and `Tensor.softmax`; its logarithm and the form in place are nn.functional's.

import type { DType } from "../core/dtype.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { cast } from "../ops/cast.js";
import * as ops from "../ops/softmax.js";
import type { Tensor } from "./tensor.js";

/** Options of softmax functions. */
export interface SoftmaxOptions {
  /** The axis along which numbers sum to 1. Default -1. */
  readonly axis?: number | undefined;
  /** Convert to this dtype first. */
  readonly dtype?: DType | null | undefined;
}

/** The tensor in the wished dtype, and the axis. */
export function softmaxArguments(
  x: Tensor,
  rest: Trailing<number, SoftmaxOptions>,
  op: string,
): readonly [Tensor, number] {
  const { axis = -1, dtype } = splitOptions<SoftmaxOptions>(op, rest, ["axis", "dtype"]);
  return [dtype ? cast(x, dtype) : x, axis];
}

/**
 * `e^(x - max) / Σ e^(x - max)` along an axis: positive numbers that sum to 1.
 *
 * @param x any shape, floating-point
 * @throws InvalidArgumentError for integers, OutOfRangeError for an axis that x has not.
 * @example
 * ```ts
 * import { nn, toTensor } from "oarjs";
 * console.log(await nn.functional.softmax(toTensor([0, 0])).tolist()); // [0.5, 0.5]
 * ```
 */
export function softmax(x: Tensor, ...rest: Trailing<number, SoftmaxOptions>): Tensor {
  return ops.softmax(...softmaxArguments(x, rest, "softmax"));
}

/** Methods of tensors. */
export const softmaxMethods = { softmax };
