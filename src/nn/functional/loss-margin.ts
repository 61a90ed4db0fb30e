// Paddle's losses of margins and distances: ranking, hinges, triplets, several labels, overlap of sets.

import { isFloat } from "../../core/dtype.js";
import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape, sameShape, sizeOf } from "../../core/shape.js";
import { add, divide, multiply, neg, subtract } from "../../ops/arithmetic.js";
import { sum } from "../../ops/broadcast.js";
import { cast } from "../../ops/cast.js";
import { equal, maximum, minimum } from "../../ops/comparison.js";
import { pickClass } from "../../ops/class-pick.js";
import { crossEntropySoft } from "../../ops/cross-entropy.js";
import { embedding } from "../../ops/embedding.js";
import { log1p, exp, pow, sqrt } from "../../ops/exponential.js";
import { where } from "../../ops/logic.js";
import { matmul } from "../../ops/matmul.js";
import { labelMargin } from "../../ops/margin.js";
import { oneHot } from "../../ops/one-hot.js";
import { mean, sumOver } from "../../ops/reduction.js";
import { abs } from "../../ops/rounding.js";
import { reshape, squeeze, unsqueeze } from "../../ops/views.js";
import type { Tensor } from "../../tensor/tensor.js";
import {
  checkNumbers,
  type Reduction,
  type ReductionOptions,
  reduced,
  reductionOf,
  requireSameShape,
} from "./checks.js";
import { pairwiseDistance } from "./distance.js";

const positive = (x: Tensor): Tensor => maximum<Tensor>(x, 0);
const square = (x: Tensor): Tensor => multiply(x, x);
const lastMean = (x: Tensor): Tensor => mean(x, [x.shape.length - 1], false);

/** Options of losses with a margin. */
export interface MarginOptions extends ReductionOptions {
  readonly margin?: number | undefined;
}

/** `max(0, -label (input - other) + margin)`, reduced; label 1 wants input above other, -1 below. margin is 0 by default. */
export function marginRankingLoss(
  input: Tensor,
  other: Tensor,
  label: Tensor,
  ...rest: Trailing<number, MarginOptions>
): Tensor {
  const o = splitOptions<MarginOptions>("margin_ranking_loss", rest, ["margin", "reduction"]);
  const reduction = reductionOf(o.reduction, "margin_ranking_loss");
  return reduced(positive(add(multiply(subtract(other, input), label), o.margin ?? 0)), reduction);
}

/** `input` where label is 1, `max(0, margin - input)` where it is -1; reduced. margin is 1 by default. */
export function hingeEmbeddingLoss(input: Tensor, label: Tensor, ...rest: Trailing<number, MarginOptions>): Tensor {
  const o = splitOptions<MarginOptions>("hinge_embedding_loss", rest, ["margin", "reduction"]);
  const reduction = reductionOf(o.reduction, "hinge_embedding_loss");
  const near = where<Tensor>(equal(label, 1), input, 0);
  const far = where<Tensor>(equal(label, -1), positive(subtract(o.margin ?? 1, input)), 0);
  return reduced(add(near, far), reduction);
}

/**
 * `1 - cos` of rows where label is 1, `max(0, cos - margin)` where it is -1; reduced. margin is 0 by default.
 *
 * @param input1 `[N, D]` or `[D]`
 * @param input2 the same shape
 * @param label `[N]`
 */
export function cosineEmbeddingLoss(
  input1: Tensor,
  input2: Tensor,
  label: Tensor,
  ...rest: Trailing<number, MarginOptions>
): Tensor {
  const api = "cosine_embedding_loss";
  const o = splitOptions<MarginOptions>(api, rest, ["margin", "reduction"]);
  const reduction = reductionOf(o.reduction, api);
  if (label.shape.length !== 1)
    throw new InvalidArgumentError(`label must have one axis, got ${formatShape(label.shape)}.`, { op: api });
  requireSameShape(api, input1, input2, "input1 and input2");
  if (input1.shape.length > 2 || !isFloat(input1.dtype))
    throw new InvalidArgumentError("inputs must be floating-point with one or two axes.", { op: api, x: input1.shape });
  const last = [input1.shape.length - 1];
  const dot = (x: Tensor, y: Tensor): Tensor => sumOver(multiply(x, y), last, false);
  const lengths = multiply(add(dot(input1, input1), 1e-11), add(dot(input2, input2), 1e-11));
  const cos = divide(dot(input1, input2), sqrt(lengths));
  const near = where<Tensor>(equal(label, 1), subtract(1, cos), 0);
  const far = where<Tensor>(equal(label, -1), positive(subtract(cos, o.margin ?? 0)), 0);
  return reduced(add(near, far), reduction);
}

/** Options of {@link tripletMarginLoss}. */
export interface TripletMarginLossOptions extends MarginOptions {
  /** Which norm measures distance. Default 2. */
  readonly p?: number | undefined;
  /** Added to differences. Default 1e-6. */
  readonly epsilon?: number | undefined;
  /** Take the distance of positive and negative where it is less. Default false. */
  readonly swap?: boolean | undefined;
}

/** `max(0, |input - positive| - |input - negative| + margin)` by rows, reduced. margin is 1 by default. */
export function tripletMarginLoss(
  input: Tensor,
  positives: Tensor,
  negatives: Tensor,
  ...rest: Trailing<number, TripletMarginLossOptions>
): Tensor {
  const api = "triplet_margin_loss";
  const keys = ["margin", "p", "epsilon", "swap", "reduction"] as const;
  const o = splitOptions<TripletMarginLossOptions>(api, rest, keys);
  const distance = (x: Tensor, y: Tensor): Tensor => pairwiseDistance(x, y, o.p ?? 2, { epsilon: o.epsilon ?? 1e-6 });
  return triplet(api, [input, positives, negatives], distance, o);
}

/** Options of {@link tripletMarginWithDistanceLoss}. */
export interface TripletMarginWithDistanceLossOptions extends MarginOptions {
  /** Default: the 2-norm of the difference. */
  readonly distanceFunction?: ((x: Tensor, y: Tensor) => Tensor) | null | undefined;
  /** Take the distance of positive and negative where it is less. Default false. */
  readonly swap?: boolean | undefined;
}

/** {@link tripletMarginLoss} with a distance of one's own. */
export function tripletMarginWithDistanceLoss(
  input: Tensor,
  positives: Tensor,
  negatives: Tensor,
  ...rest: Trailing<((x: Tensor, y: Tensor) => Tensor) | null, TripletMarginWithDistanceLossOptions>
): Tensor {
  const api = "triplet_margin_with_distance_loss";
  const keys = ["distanceFunction", "margin", "swap", "reduction"] as const;
  const o = splitOptions<TripletMarginWithDistanceLossOptions>(api, rest, keys);
  return triplet(api, [input, positives, negatives], o.distanceFunction ?? ((x, y) => pairwiseDistance(x, y)), o);
}

function triplet(
  api: string,
  [input, positives, negatives]: readonly [Tensor, Tensor, Tensor],
  distance: (x: Tensor, y: Tensor) => Tensor,
  o: MarginOptions & { readonly swap?: boolean | undefined },
): Tensor {
  const reduction = reductionOf(o.reduction, api);
  const margin = o.margin ?? 1;
  if (margin < 0) throw new InvalidArgumentError(`margin must not be negative, got ${margin}.`, { op: api });
  requireSameShape(api, input, positives, "input and positive");
  requireSameShape(api, input, negatives, "input and negative");
  const far = distance(input, negatives);
  const away = o.swap ? minimum<Tensor>(far, distance(positives, negatives)) : far;
  return reduced(positive(add(subtract(distance(input, positives), away), margin)), reduction);
}

/** Options of {@link multiLabelSoftMarginLoss}. */
export interface WeightedReductionOptions extends ReductionOptions {
  /** Factors of the losses, broadcast. Default none. */
  readonly weight?: Tensor | null | undefined;
}

/** Mean over the last axis of the binary cross entropy of logits, reduced over the rest. */
export function multiLabelSoftMarginLoss(
  input: Tensor,
  label: Tensor,
  ...rest: Trailing<Tensor | null, WeightedReductionOptions>
): Tensor {
  const api = "multi_label_soft_margin_loss";
  const o = splitOptions<WeightedReductionOptions>(api, rest, ["weight", "reduction"]);
  const reduction = reductionOf(o.reduction, api);
  requireSameShape(api, input, label);
  // -(y log σ(x) + (1 - y) log σ(-x)) = max(x, 0) - x y + log(1 + e^-|x|), which gives labels their gradient too.
  const tail = log1p(exp(neg(abs(input))));
  const loss = add(subtract(positive(input), multiply(input, label)), tail);
  return reduced(lastMean(o.weight ? multiply(loss, o.weight) : loss), reduction);
}

/** Options of {@link multiMarginLoss}. */
export interface MultiMarginLossOptions extends MarginOptions {
  /** Power of each term. Default 1. */
  readonly p?: number | undefined;
  /** A weight for each class. Default: all 1. */
  readonly weight?: Tensor | null | undefined;
}

/**
 * `Σ_{j ≠ label} max(0, margin - x[label] + x[j])^p / C`, times the label's weight; reduced. margin is 1 by default.
 *
 * @param input `[N, C]`
 * @param label class numbers `[N]`
 */
export function multiMarginLoss(
  input: Tensor,
  label: Tensor,
  ...rest: Trailing<number, MultiMarginLossOptions>
): Tensor {
  const api = "multi_margin_loss";
  const o = splitOptions<MultiMarginLossOptions>(api, rest, ["p", "margin", "weight", "reduction"]);
  const reduction = reductionOf(o.reduction, api);
  const [p, margin] = [o.p ?? 1, o.margin ?? 1];
  const [n, classes] = input.shape;
  if (input.shape.length !== 2 || label.shape[0] !== n)
    throw new InvalidArgumentError(
      `label ${formatShape(label.shape)} must hold one class for each row of input ${formatShape(input.shape)}.`,
      { op: api },
    );
  checkNumbers(label, classes!, api);
  const places = reshape(label, [-1, 1]);
  const own = pickClass(input, places, 1, noClass);
  const terms = pow<Tensor>(positive(add(subtract(input, own), margin)), p);
  // The label's own term is margin^p: taken out of the mean.
  const loss = subtract(lastMean(terms), margin ** p / classes!);
  if (!o.weight) return reduced(loss, reduction);
  if (o.weight.shape.length !== 1 || o.weight.shape[0] !== classes)
    throw new InvalidArgumentError(`weight must be [${classes}], got ${formatShape(o.weight.shape)}.`, { op: api });
  return reduced(multiply(loss, squeeze(embedding(reshape(label, [-1]), unsqueeze(o.weight, [1])), [1])), reduction);
}

/** No class has this number. */
const noClass = -(2 ** 31);

/**
 * `Σ_j Σ_{i not a label} max(0, 1 - x[label j] + x[i]) / C` over the labels of each row, which end at the first -1; reduced.
 *
 * @param input `[N, C]`
 * @param label `[N, C]`, class numbers and then -1
 */
export function multiLabelMarginLoss(
  input: Tensor,
  label: Tensor,
  ...rest: Trailing<Reduction, ReductionOptions>
): Tensor {
  const api = "multi_label_margin_loss";
  const { reduction } = splitOptions<ReductionOptions>(api, rest, ["reduction"]);
  const how = reductionOf(reduction, api);
  if (input.shape.length !== 2 || !sameShape(input.shape, label.shape))
    throw new InvalidArgumentError(
      `input ${formatShape(input.shape)} and label ${formatShape(label.shape)} must both be [N, C].`,
      { op: api },
    );
  checkNumbers(label, input.shape[1]!, api, -1);
  return reduced(labelMargin(input, label), how);
}

/**
 * Dice loss `1 - 2 |A ∩ B| / (|A| + |B| + ε)`, the mean over samples.
 *
 * @param input probabilities `[N, …, C]`
 * @param label class numbers `[N, …, 1]`
 */
export function diceLoss(
  input: Tensor,
  label: Tensor,
  ...rest: Trailing<number, { readonly epsilon?: number }>
): Tensor {
  const { epsilon = 1e-5 } = splitOptions<{ readonly epsilon?: number }>("dice_loss", rest, ["epsilon"]);
  const rank = input.shape.length;
  if (rank < 2 || !sameShape(label.shape, [...input.shape.slice(0, -1), 1]))
    throw new InvalidArgumentError(
      `label ${formatShape(label.shape)} must be input's shape ${formatShape(input.shape)} with last extent 1.`,
      { op: "dice_loss" },
    );
  const classes = input.shape.at(-1)!;
  checkNumbers(label, classes, "dice_loss");
  const wanted = oneHot(squeeze(label, [rank - 1]), classes, rank - 1, input.dtype);
  const axes = Array.from({ length: rank - 1 }, (_, i) => i + 1);
  const total = (x: Tensor): Tensor => sumOver(x, axes, false);
  const overlap = multiply(total(multiply(input, wanted)), 2);
  const score = subtract(1, divide(overlap, add(add(total(input), total(wanted)), epsilon)));
  return reduced(score, "mean");
}

/**
 * N-pair loss: cross entropy of the similarities of anchors and positives with equal labels, plus the mean square length of both
 * times `l2Reg / 4`.
 *
 * @param anchor `[N, D]`
 * @param positives `[N, D]`
 * @param labels `[N]`
 */
export function npairLoss(
  anchor: Tensor,
  positives: Tensor,
  labels: Tensor,
  ...rest: Trailing<number, { readonly l2Reg?: number }>
): Tensor {
  const { l2Reg = 0.002 } = splitOptions<{ readonly l2Reg?: number }>("npair_loss", rest, ["l2Reg"]);
  if (sizeOf(anchor.shape) === 0 || sizeOf(positives.shape) === 0)
    throw new InvalidArgumentError("anchor and positive must not be empty.", { op: "npair_loss" });
  const n = labels.shape[0]!;
  const same = cast(equal(reshape(labels, [n, 1]), reshape(labels, [1, n])), anchor.dtype);
  const target = divide(same, sumOver(same, [1], true));
  const length = (x: Tensor): Tensor => reduced(sumOver(square(x), [1], false), "mean");
  const lengths = multiply(add(length(anchor), length(positives)), l2Reg / 4);
  const similarity = matmul(anchor, positives, false, true);
  const entropy = multiply(target, crossEntropySoft(similarity, target, 1));
  return add(lengths, divide(sum(entropy), n));
}
