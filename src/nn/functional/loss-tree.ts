// Paddle's losses for very many classes: hierarchical sigmoid, and softmax over clusters of rare classes.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape } from "../../core/shape.js";
import { add, multiply, neg, subtract } from "../../ops/arithmetic.js";
import { cast } from "../../ops/cast.js";
import { pickClass } from "../../ops/class-pick.js";
import { classPath } from "../../ops/class-tree.js";
import { greaterEqual, lessThan } from "../../ops/comparison.js";
import { embedding } from "../../ops/embedding.js";
import { clip, logicalAnd, where } from "../../ops/logic.js";
import { logitLoss } from "../../ops/loss-binary.js";
import { linear } from "../../ops/matmul.js";
import { sumOver } from "../../ops/reduction.js";
import { logSoftmax } from "../../ops/softmax.js";
import { reshape, squeeze, unsqueeze } from "../../ops/views.js";
import type { Tensor } from "../../tensor/tensor.js";
import { checkNumbers, reduced } from "./checks.js";

/** Options of {@link hsigmoidLoss}. */
export interface HsigmoidLossOptions {
  /** `[numClasses - 1, 1]`. Default none. */
  readonly bias?: Tensor | null | undefined;
  /** Inner nodes on the way to each sample's class, `[N, length]`, -1 behind its end. Default: a complete binary tree. */
  readonly pathTable?: Tensor | null | undefined;
  /** Which branch is taken at each of them, 0 or 1. */
  readonly pathCode?: Tensor | null | undefined;
  /** Paddle's wish for a gradient of rows only; the gradient is dense. */
  readonly isSparse?: boolean | undefined;
}

/** Scores beyond this count as this, as in Paddle. */
const mostScore = 40;

/**
 * Hierarchical sigmoid: the sum of binary cross entropies on the way from the root of a tree to the class (Morin and Bengio 2005).
 * As in Paddle each step that a way is shorter than the longest adds log 2, a constant without a gradient.
 *
 * @param input `[N, D]`
 * @param label `[N]` or `[N, 1]`
 * @param numClasses number of classes, at least 2
 * @param weight `[numClasses - 1, D]`, one row for each inner node
 * @returns `[N, 1]`
 * @throws InvalidArgumentError for fewer than two classes, for shapes that do not fit, for a table without codes.
 */
export function hsigmoidLoss(
  input: Tensor,
  label: Tensor,
  numClasses: number,
  weight: Tensor,
  ...rest: Trailing<Tensor | null, HsigmoidLossOptions>
): Tensor {
  const op = "hsigmoid_loss";
  const o = splitOptions<HsigmoidLossOptions>(op, rest, ["bias", "pathTable", "pathCode", "isSparse"]);
  if (!Number.isInteger(numClasses) || numClasses < 2)
    throw new InvalidArgumentError(`numClasses must be an integer from 2, got ${numClasses}.`, { op });
  if (input.shape.length !== 2 || weight.shape.length !== 2 || input.shape[1] !== weight.shape[1])
    throw new InvalidArgumentError(
      `input ${formatShape(input.shape)} and weight ${formatShape(weight.shape)} must be [N, D] and [nodes, D].`,
      { op },
    );
  if (!o.pathTable !== !o.pathCode) throw new InvalidArgumentError("pathTable and pathCode come together.", { op });
  const flat = reshape(label, [-1]);
  if (!o.pathTable) checkNumbers(flat, numClasses, op);
  // The longest way has as many steps as the largest leaf number has binary digits behind the first.
  const length = Math.floor(Math.log2(2 * numClasses - 1));
  const nodes = o.pathTable ?? classPath(flat, numClasses, length, "node");
  const codes = o.pathCode ?? classPath(flat, numClasses, length, "code");
  const scores = sumOver(multiply(embedding(nodes, weight, -1), unsqueeze(input, [1])), [2], false);
  const shifted = o.bias ? add(scores, squeeze(embedding(nodes, reshape(o.bias, [-1, 1]), -1), [2])) : scores;
  const losses = logitLoss(clip<Tensor>(shifted, -mostScore, mostScore), cast(codes, input.dtype));
  return sumOver(losses, [1], true);
}

/** Options of {@link adaptiveLogSoftmaxWithLoss}. */
export interface AdaptiveLogSoftmaxOptions {
  /** `[shortlist + clusters]`. Default none. */
  readonly headBias?: Tensor | null | undefined;
}

/**
 * Adaptive softmax (Grave et al. 2017): frequent classes have scores of their own, each cluster of rare ones one score and a smaller
 * softmax inside.
 *
 * @param input `[N, D]` or `[D]`
 * @param label `[N]`, or a scalar
 * @param headWeight `[D, shortlist + clusters]`
 * @param tailWeights two matrices for each cluster: `[D, H]` and `[H, classes of the cluster]`
 * @param cutoffs first class of each cluster, then the number of classes
 * @returns the log-probability of each label, and minus their mean
 * @throws OutOfRangeError for a label outside the classes (when few are given), InvalidArgumentError for shapes that do not fit.
 */
export function adaptiveLogSoftmaxWithLoss(
  input: Tensor,
  label: Tensor,
  headWeight: Tensor,
  tailWeights: readonly (readonly [Tensor, Tensor])[],
  cutoffs: readonly number[],
  ...rest: Trailing<Tensor | null, AdaptiveLogSoftmaxOptions>
): [output: Tensor, loss: Tensor] {
  const op = "adaptive_log_softmax_with_loss";
  const { headBias } = splitOptions<AdaptiveLogSoftmaxOptions>(op, rest, ["headBias"]);
  if (label.shape.length > 1 || input.shape.length !== label.shape.length + 1)
    throw new InvalidArgumentError(
      `input ${formatShape(input.shape)} and label ${formatShape(label.shape)} must be [N, D] and [N], or [D] and a scalar.`,
      { op },
    );
  if (cutoffs.length !== tailWeights.length + 1)
    throw new InvalidArgumentError(`${tailWeights.length} clusters need ${tailWeights.length + 1} cutoffs.`, { op });
  checkNumbers(label, cutoffs.at(-1)!, op);
  const x = label.shape.length === 0 ? unsqueeze(input, [0]) : input;
  const places = reshape(label, [-1, 1]);
  const head = logSoftmax(linear(x, headWeight, headBias ?? undefined), 1);
  let column = within(places, 0, cutoffs[0]!, 0);
  let output: Tensor | undefined;
  tailWeights.forEach(([first, second], i) => {
    const [low, high] = [cutoffs[i]!, cutoffs[i + 1]!];
    const inside = logSoftmax(linear(linear(x, first), second), 1);
    const own = pickClass(inside, within(places, low, high, low), 1, noClass);
    output = output ? add(output, own) : own;
    column = where<Tensor>(isWithin(places, low, high), cutoffs[0]! + i, column);
  });
  const own = pickClass(head, column, 1, noClass);
  const all = reshape(output ? add(output, own) : own, label.shape);
  return [all, neg(reduced(all, "mean"))];
}

/** Marks a place whose class is elsewhere. */
const noClass = -1;

const isWithin = (label: Tensor, low: number, high: number): Tensor =>
  logicalAnd(greaterEqual<Tensor>(label, low), lessThan<Tensor>(label, high));

/** Labels of a range, counted from `from`; {@link noClass} outside it. */
const within = (label: Tensor, low: number, high: number, from: number): Tensor =>
  where<Tensor>(isWithin(label, low, high), subtract<Tensor>(label, from), noClass);
