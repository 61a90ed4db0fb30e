// metric.accuracy: the accuracy of one batch as a tensor, in Programs and compiled steps too.

import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { formatShape } from "../core/shape.js";
import { noGrad } from "../tensor/autograd.js";
import { cast } from "../tensor/creation.js";
import { equal } from "../tensor/logic.js";
import { divide } from "../tensor/math.js";
import { sum } from "../tensor/reduction.js";
import { topk } from "../tensor/search.js";
import type { Tensor } from "../tensor/tensor.js";
import { assignInto } from "../trace/inplace.js";

/** Options of {@link accuracy}. */
export interface BatchAccuracyOptions {
  /** A sample counts when its label is among the k highest scores; 1 by default. */
  readonly k?: number | undefined;
  /** Takes the number of samples that count, in place. */
  readonly correct?: Tensor | null | undefined;
  /** Takes the number of samples, in place. */
  readonly total?: Tensor | null | undefined;
  /** Accepted for Paddle's sake; it names nothing. */
  readonly name?: string | null | undefined;
}

/**
 * The share of samples whose label is among the k highest scores.
 *
 * @param input scores, `[samples, classes]`
 * @param label class numbers, `[samples, 1]`
 * @returns a float32 tensor without axes, which has no gradient
 * @throws InvalidArgumentError when there is not one label for each row of scores, or k is not within 1 and the number of classes.
 * @example
 * ```ts
 * import { metric, toTensor } from "oarjs";
 * const scores = toTensor([[0.1, 0.9], [0.7, 0.3]]);
 * console.log(await metric.accuracy(scores, toTensor([[1n], [1n]])).item()); // 0.5
 * ```
 */
export function accuracy(input: Tensor, label: Tensor, ...rest: Trailing<number, BatchAccuracyOptions>): Tensor {
  const keys = ["k", "correct", "total", "name"] as const;
  const { k = 1, correct, total } = splitOptions<BatchAccuracyOptions>("accuracy", rest, keys);
  const [samples, classes] = input.shape;
  if (input.ndim !== 2 || label.ndim !== 2 || label.shape[0] !== samples || label.shape[1] !== 1) {
    const shapes = `input is ${formatShape(input.shape)}, label ${formatShape(label.shape)}`;
    throw new InvalidArgumentError(`scores [samples, classes] and labels [samples, 1] were expected: ${shapes}.`, {
      op: "accuracy",
      input: input.shape,
      label: label.shape,
    });
  }
  if (!Number.isInteger(k) || k < 1 || k > classes!)
    throw new InvalidArgumentError(`k must be from 1 to ${classes}, got ${k}.`, { op: "accuracy", k });
  return noGrad(() => {
    const [, highest] = topk(input, k);
    const hits = sum(cast(equal(highest, cast(label, highest.dtype)), "float32"));
    // As a sum, so that the number of samples may be known only when a Program runs.
    const count = sum(cast(equal(label, label), "float32"));
    if (correct) assignInto(correct, cast(hits, correct.dtype).reshape(correct.shape));
    if (total) assignInto(total, cast(count, total.dtype).reshape(total.shape));
    return divide(hits, count);
  });
}
