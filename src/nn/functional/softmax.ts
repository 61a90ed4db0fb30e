// Paddle's softmax functions: softmax, its logarithm, and softmax in place.

import type { Trailing } from "../../core/options.js";
import * as ops from "../../ops/softmax.js";
import { softmaxArguments, type SoftmaxOptions } from "../../tensor/softmax.js";
import type { Tensor } from "../../tensor/tensor.js";
import { inplace } from "../../trace/inplace.js";

export { softmax, type SoftmaxOptions } from "../../tensor/softmax.js";

/** `softmax` in place of x. */
export function softmax_(x: Tensor, ...rest: Trailing<number, SoftmaxOptions>): Tensor {
  const [, axis] = softmaxArguments(x, rest, "softmax_");
  return inplace(x, "softmax_", (former) => ops.softmax(former, axis));
}

/**
 * `x - max - log Σ e^(x - max)` along an axis: the logarithm of `softmax`, exact where that underflows.
 *
 * @throws InvalidArgumentError for integers, OutOfRangeError for an axis that x has not.
 */
export function logSoftmax(x: Tensor, ...rest: Trailing<number, SoftmaxOptions>): Tensor {
  return ops.logSoftmax(...softmaxArguments(x, rest, "log_softmax"));
}
