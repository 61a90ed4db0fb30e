// Paddle's cross entropies: of scores with class numbers or distributions, and the negative log-likelihood.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape, normalizeAxis } from "../../core/shape.js";
import { add, multiply, neg, subtract } from "../../ops/arithmetic.js";
import { sum } from "../../ops/broadcast.js";
import { cast } from "../../ops/cast.js";
import { classCounts, countClasses, pickClass } from "../../ops/class-pick.js";
import * as ops from "../../ops/cross-entropy.js";
import { embedding } from "../../ops/embedding.js";
import { log } from "../../ops/exponential.js";
import { divideNonzero, probabilityLoss } from "../../ops/loss.js";
import { labelSmooth, oneHot } from "../../ops/one-hot.js";
import { sumOver } from "../../ops/reduction.js";
import { softmax } from "../../ops/softmax.js";
import { reshape, reshapeLike, squeeze, unsqueeze } from "../../ops/views.js";
import type { Tensor } from "../../tensor/tensor.js";
import { checkNumbers, type Reduction, reduced, reductionOf } from "./checks.js";

/** Options of {@link crossEntropy}. */
export interface CrossEntropyOptions {
  /** A weight for each class. Default: all 1. */
  readonly weight?: Tensor | null | undefined;
  /** Places of this label lose nothing; from 0 on they do not count in the mean either, as in Paddle. Default -100. */
  readonly ignoreIndex?: number | undefined;
  /** Default "mean": over places, or over their classes' weights. */
  readonly reduction?: Reduction | undefined;
  /** Labels are distributions over the classes. Default false: class numbers. */
  readonly softLabel?: boolean | undefined;
  /** The axis of classes. Default -1. */
  readonly axis?: number | undefined;
  /** The input holds scores; false: probabilities. Default true. */
  readonly useSoftmax?: boolean | undefined;
  /** How far labels move towards the uniform distribution. Default 0. */
  readonly labelSmoothing?: number | undefined;
}

const keys = ["weight", "ignoreIndex", "reduction", "softLabel", "axis", "useSoftmax", "labelSmoothing"] as const;

/** What a cross entropy is computed of: labels are class numbers with extent 1 along `axis`, or distributions. */
interface Task {
  readonly input: Tensor;
  readonly label: Tensor;
  readonly soft: boolean;
  readonly axis: number;
  readonly ignore: number;
  readonly useSoftmax: boolean;
}

/**
 * Cross entropy of scores with class numbers, `log Σ e^x - x[label]`, or with distributions, `Σ label (log Σ e^x - x)`.
 *
 * @param input scores, with the classes along `axis` (default the last)
 * @param label class numbers of the input's shape without the axis of classes, or with extent 1 there; with `softLabel`
 * distributions of the input's shape
 * @throws OutOfRangeError for a class number outside the classes that is not ignoreIndex (when few are given), InvalidArgumentError
 * for shapes that do not fit, an unknown reduction, an ignoreIndex with softLabel.
 * @example
 * ```ts
 * import { nn, toTensor } from "oarjs";
 * const loss = nn.functional.crossEntropy(toTensor([[0, 0]]), toTensor([1], { dtype: "int64" }));
 * console.log(await loss.item()); // 0.6931471824645996
 * ```
 */
export function crossEntropy(
  input: Tensor,
  label: Tensor,
  ...rest: Trailing<Tensor | null, CrossEntropyOptions>
): Tensor {
  const o = splitOptions<CrossEntropyOptions>("cross_entropy", rest, keys);
  const reduction = reductionOf(o.reduction, "cross_entropy");
  const task = taskOf(input, label, o, "cross_entropy");
  const places = placeLosses(task);
  const weights = o.weight ? placeWeights(task, o.weight) : undefined;
  const loss = weights ? multiply(places, weights) : places;
  if (reduction === "sum") return sum(loss);
  if (reduction === "mean") return meanLoss(loss, task, weights);
  return label.shape.length < input.shape.length ? squeeze(loss, [task.axis]) : loss;
}

function taskOf(input: Tensor, label: Tensor, o: CrossEntropyOptions, op: string): Task {
  const rank = input.shape.length;
  if (rank === 0) throw new InvalidArgumentError("the input must have an axis of classes.", { op });
  if (label.shape.length !== rank && label.shape.length !== rank - 1)
    throw new InvalidArgumentError(
      `label ${formatShape(label.shape)} must have as many axes as input ${formatShape(input.shape)}, or one less.`,
      { op, input: input.shape, label: label.shape },
    );
  const ignore = o.ignoreIndex ?? -100;
  if (o.softLabel && ignore > 0)
    throw new InvalidArgumentError("ignoreIndex is for class numbers, not for softLabel.", { op, ignoreIndex: ignore });
  const axis = normalizeAxis(o.axis ?? -1, rank, op);
  const placed = label.shape.length === rank ? label : unsqueeze(label, [axis]);
  const task = { input, axis, ignore, useSoftmax: o.useSoftmax ?? true };
  const smoothing = o.labelSmoothing ?? 0;
  if (smoothing > 0) return { ...task, label: smoothed(placed, task, smoothing, o.softLabel ?? false, op), soft: true };
  if (o.softLabel) return { ...task, label: cast(placed, input.dtype), soft: true };
  if (placed.shape[axis] === 1) checkNumbers(placed, input.shape[axis]!, op, ignore);
  return { ...task, label: placed, soft: false };
}

/** Labels as distributions that have moved towards the uniform one. */
function smoothed(
  label: Tensor,
  { input, axis }: Pick<Task, "input" | "axis">,
  epsilon: number,
  soft: boolean,
  op: string,
): Tensor {
  const classes = input.shape[axis]!;
  if (soft || label.shape[axis] !== 1 || classes === 1) return labelSmooth(cast(label, input.dtype), epsilon, classes);
  checkNumbers(label, classes, op);
  const rows = oneHot(squeeze(label, [axis]), classes, axis, input.dtype);
  return labelSmooth(rows, epsilon, classes);
}

/** The loss at each place; the axis of classes has extent 1. */
function placeLosses({ input, label, soft, axis, ignore, useSoftmax }: Task): Tensor {
  if (soft)
    return useSoftmax ? ops.crossEntropySoft(input, label, axis) : sumOver(probabilityLoss(input, label), [axis], true);
  if (useSoftmax) return ops.crossEntropy(input, label, axis, ignore);
  // An ignored place picks 0, which becomes 1, whose logarithm is 0.
  const ignored = subtract(1, classCounts(label, ignore, input));
  return neg(log(add(pickClass(input, label, axis, ignore), ignored)));
}

/** The weight of each place: of its class, or of its distribution's mean class. */
function placeWeights({ input, label, soft, axis, ignore }: Task, weight: Tensor): Tensor {
  const classes = input.shape[axis]!;
  if (weight.shape.length !== 1 || weight.shape[0] !== classes)
    throw new InvalidArgumentError(
      `weight must be [${classes}], one for each class, got ${formatShape(weight.shape)}.`,
      {
        op: "cross_entropy",
      },
    );
  if (!soft) return reshapeLike(embedding(label, unsqueeze(weight, [1]), ignore), label);
  const along = reshape(
    weight,
    input.shape.map((_, a) => (a === axis ? classes : 1)),
  );
  return sumOver(multiply(cast(label, weight.dtype), along), [axis], true);
}

/** The mean over places, over those that are not ignored, or over weights; 0 where there is nothing to divide by. */
function meanLoss(loss: Tensor, { label, soft, ignore }: Task, weights: Tensor | undefined): Tensor {
  if (weights) return divideNonzero(sum(loss), sum(weights));
  if (soft || ignore < 0) return reduced(loss, "mean");
  return cast(divideNonzero(sum(loss), countClasses(label, ignore, loss)), loss.dtype);
}

/** Options of {@link softmaxWithCrossEntropy}. */
export interface SoftmaxWithCrossEntropyOptions<R extends boolean = boolean> {
  readonly softLabel?: boolean | undefined;
  /** Places of this label lose nothing. Default -100. */
  readonly ignoreIndex?: number | undefined;
  /** Accepted for Paddle's sake: it is always stable. */
  readonly numericStableMode?: boolean | undefined;
  /** Return `[loss, softmax]`. Default false. */
  readonly returnSoftmax?: R | undefined;
  /** Default -1. */
  readonly axis?: number | undefined;
}

const oldKeys = ["softLabel", "ignoreIndex", "numericStableMode", "returnSoftmax", "axis"] as const;

/**
 * Cross entropy of each place, with extent 1 along the axis of classes; with `returnSoftmax` the probabilities too.
 *
 * @deprecated use {@link crossEntropy}
 */
export function softmaxWithCrossEntropy<R extends boolean = false>(
  logits: Tensor,
  label: Tensor,
  ...rest: Trailing<boolean, SoftmaxWithCrossEntropyOptions<R>>
): R extends true ? [loss: Tensor, softmax: Tensor] : Tensor {
  type Result = R extends true ? [loss: Tensor, softmax: Tensor] : Tensor;
  const {
    numericStableMode: _,
    returnSoftmax,
    ...o
  } = splitOptions<SoftmaxWithCrossEntropyOptions<R>>("softmax_with_cross_entropy", rest, oldKeys);
  const task = taskOf(logits, label, o, "softmax_with_cross_entropy");
  const loss = placeLosses(task);
  return (returnSoftmax ? [loss, softmax(logits, task.axis)] : loss) as Result;
}

/** Options of {@link nllLoss}. */
export interface NllLossOptions {
  /** A weight for each class. Default: all 1. */
  readonly weight?: Tensor | null | undefined;
  /** Places of this label lose and count nothing. Default -100. */
  readonly ignoreIndex?: number | undefined;
  /** Default "mean": over places, or over their classes' weights. */
  readonly reduction?: Reduction | undefined;
}

/**
 * Negative log-likelihood: `-weight[label] x[label]`.
 *
 * @param input log-probabilities `[N, C]` or `[N, C, …]`
 * @param label class numbers `[N]` or `[N, …]`
 * @throws OutOfRangeError for a class number outside the classes that is not ignoreIndex (when few are given), InvalidArgumentError
 * for shapes that do not fit.
 */
export function nllLoss(input: Tensor, label: Tensor, ...rest: Trailing<Tensor | null, NllLossOptions>): Tensor {
  const o = splitOptions<NllLossOptions>("nll_loss", rest, ["weight", "ignoreIndex", "reduction"]);
  const reduction = reductionOf(o.reduction, "nll_loss");
  if (input.shape.length < 2)
    throw new InvalidArgumentError(`input must have 2 axes or more, got ${formatShape(input.shape)}.`, {
      op: "nll_loss",
    });
  if (label.shape.length !== input.shape.length - 1)
    throw new InvalidArgumentError(
      `label ${formatShape(label.shape)} must have one axis less than input ${formatShape(input.shape)}.`,
      { op: "nll_loss" },
    );
  const ignore = o.ignoreIndex ?? -100;
  checkNumbers(label, input.shape[1]!, "nll_loss", ignore);
  const placed = unsqueeze(label, [1]);
  const task: Task = { input, label: placed, soft: false, axis: 1, ignore, useSoftmax: false };
  const places = neg(pickClass(input, placed, 1, ignore));
  const weights = o.weight ? placeWeights(task, o.weight) : undefined;
  const loss = squeeze(weights ? multiply(places, weights) : places, [1]);
  if (reduction !== "mean") return reduced(loss, reduction);
  const total = weights ? sum(weights) : countClasses(placed, ignore, loss);
  return cast(divideNonzero(sum(loss), total), loss.dtype);
}
