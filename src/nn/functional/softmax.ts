// Paddle's softmax functions: softmax, its logarithm, and softmax in place.

import type { DType } from "../../core/dtype.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { cast } from "../../ops/cast.js";
import * as ops from "../../ops/softmax.js";
import type { Tensor } from "../../tensor/tensor.js";
import { inplace } from "../../trace/inplace.js";

/** Options of softmax functions. */
export interface SoftmaxOptions {
  /** The axis along which numbers sum to 1. Default -1. */
  readonly axis?: number | undefined;
  /** Convert to this dtype first. */
  readonly dtype?: DType | null | undefined;
}

function read(x: Tensor, rest: Trailing<number, SoftmaxOptions>, op: string): [Tensor, number] {
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
  return ops.softmax(...read(x, rest, "softmax"));
}

/** {@link softmax} in place of x. */
export function softmax_(x: Tensor, ...rest: Trailing<number, SoftmaxOptions>): Tensor {
  const [, axis] = read(x, rest, "softmax_");
  return inplace(x, "softmax_", (former) => ops.softmax(former, axis));
}

/**
 * `x - max - log Σ e^(x - max)` along an axis: the logarithm of {@link softmax}, exact where that underflows.
 *
 * @throws InvalidArgumentError for integers, OutOfRangeError for an axis that x has not.
 */
export function logSoftmax(x: Tensor, ...rest: Trailing<number, SoftmaxOptions>): Tensor {
  return ops.logSoftmax(...read(x, rest, "log_softmax"));
}
