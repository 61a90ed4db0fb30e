// Paddle's losses of single elements: squares, distances, likelihoods and binary cross entropies.

import { isFloat } from "../../core/dtype.js";
import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape, sameShape } from "../../core/shape.js";
import { add, divide, multiply, neg, subtract } from "../../ops/arithmetic.js";
import { sum } from "../../ops/broadcast.js";
import { cast } from "../../ops/cast.js";
import { greaterThan, maximum } from "../../ops/comparison.js";
import { exp, log, pow } from "../../ops/exponential.js";
import { where } from "../../ops/logic.js";
import * as ops from "../../ops/loss.js";
import { bceLoss, logitLoss } from "../../ops/loss-binary.js";
import { abs } from "../../ops/rounding.js";
import { unsqueeze } from "../../ops/views.js";
import type { Tensor } from "../../tensor/tensor.js";
import { withGrad } from "../../trace/tape.js";
import { type Reduction, type ReductionOptions, reduced, reductionOf, requireSameShape } from "./checks.js";

/** A loss of two tensors that has no option but how it is reduced. */
function simple(
  api: string,
  input: Tensor,
  label: Tensor,
  rest: Trailing<Reduction, ReductionOptions>,
  loss: (x: Tensor, y: Tensor) => Tensor,
): Tensor {
  const { reduction } = splitOptions<ReductionOptions>(api, rest, ["reduction"]);
  const how = reductionOf(reduction, api);
  return reduced(loss(input, label), how);
}

const square = (x: Tensor): Tensor => multiply(x, x);

/** `(input - label)²`, element by element. */
export const squareErrorCost = (input: Tensor, label: Tensor): Tensor => square(subtract(input, label));

/**
 * `(input - label)²`, reduced.
 *
 * @param input any shape
 * @param label a shape that broadcasts with input's
 * @throws InvalidArgumentError for an unknown reduction.
 * @example
 * ```ts
 * import { nn, toTensor } from "oarjs";
 * console.log(await nn.functional.mseLoss(toTensor([1, 2]), toTensor([1, 4])).item()); // 2
 * ```
 */
export const mseLoss = (input: Tensor, label: Tensor, ...rest: Trailing<Reduction, ReductionOptions>): Tensor =>
  simple("mse_loss", input, label, rest, squareErrorCost);

/** `|input - label|`, reduced. */
export const l1Loss = (input: Tensor, label: Tensor, ...rest: Trailing<Reduction, ReductionOptions>): Tensor =>
  simple("l1_loss", input, label, rest, (x, y) => abs(subtract(x, y)));

/** Options of {@link smoothL1Loss}. */
export interface SmoothL1LossOptions extends ReductionOptions {
  /** Where the square becomes a line. Default 1. */
  readonly delta?: number | undefined;
  /** False: divided by delta. Default true. */
  readonly isHuber?: boolean | undefined;
}

/** `r² / 2` where `|r| ≤ delta`, else `delta (|r| - delta / 2)`, with r = input - label; reduced. */
export function smoothL1Loss(input: Tensor, label: Tensor, ...rest: Trailing<Reduction, SmoothL1LossOptions>): Tensor {
  const o = splitOptions<SmoothL1LossOptions>("smooth_l1_loss", rest, ["reduction", "delta", "isHuber"]);
  const delta = o.delta ?? 1;
  const reduction = reductionOf(o.reduction, "smooth_l1_loss");
  const loss = ops.huberLoss(input, label, delta);
  return reduced(o.isHuber === false ? divide(loss, delta) : loss, reduction);
}

/** Options of {@link klDiv}. */
export interface KlDivOptions {
  /** Also "batchmean": the sum over the first extent. Default "mean". */
  readonly reduction?: Reduction | "batchmean" | undefined;
  /** Whether label holds logarithms. Default false. */
  readonly logTarget?: boolean | undefined;
}

/**
 * Kullback-Leibler divergence `label (log label - input)`, 0 where label is not positive; reduced.
 *
 * @param input log-probabilities
 * @param label probabilities of the same shape, or their logarithms with `logTarget`
 */
export function klDiv(input: Tensor, label: Tensor, ...rest: Trailing<Reduction | "batchmean", KlDivOptions>): Tensor {
  const o = splitOptions<KlDivOptions>("kl_div", rest, ["reduction", "logTarget"]);
  const loss = ops.klDiv(input, label, o.logTarget ?? false);
  if (o.reduction !== "batchmean") return reduced(loss, reductionOf(o.reduction, "kl_div"));
  return loss.shape.length > 0 ? divide(sum(loss), loss.shape[0]!) : loss;
}

/** Options of {@link binaryCrossEntropy}. */
export interface BinaryCrossEntropyOptions extends ReductionOptions {
  /** Factors of the losses, broadcast. Default none. */
  readonly weight?: Tensor | null | undefined;
}

/** `-(label log input + (1 - label) log(1 - input))` of probabilities, logarithms from -100 on; reduced. */
export function binaryCrossEntropy(
  input: Tensor,
  label: Tensor,
  ...rest: Trailing<Tensor | null, BinaryCrossEntropyOptions>
): Tensor {
  const o = splitOptions<BinaryCrossEntropyOptions>("binary_cross_entropy", rest, ["weight", "reduction"]);
  const reduction = reductionOf(o.reduction, "binary_cross_entropy");
  const loss = bceLoss(input, label);
  return reduced(o.weight ? multiply(loss, o.weight) : loss, reduction);
}

/** Options of {@link binaryCrossEntropyWithLogits}. */
export interface LogitsOptions extends BinaryCrossEntropyOptions {
  /** Factor of the losses of positive labels, broadcast. Default 1. */
  readonly posWeight?: Tensor | null | undefined;
}

/** Binary cross entropy of logits: `(1 - label) x + (1 + (posWeight - 1) label) log(1 + e^-x)`, reduced. */
export function binaryCrossEntropyWithLogits(
  logit: Tensor,
  label: Tensor,
  ...rest: Trailing<Tensor | null, LogitsOptions>
): Tensor {
  const api = "binary_cross_entropy_with_logits";
  const o = splitOptions<LogitsOptions>(api, rest, ["weight", "reduction", "posWeight"]);
  const reduction = reductionOf(o.reduction, api);
  const positive = o.posWeight ? add(multiply(label, subtract(o.posWeight, 1)), 1) : undefined;
  const loss = logitLoss(logit, label, positive);
  return reduced(o.weight ? multiply(loss, o.weight) : loss, reduction);
}

/** `-label log(input + ε) - (1 - label) log(1 - input + ε)`, element by element; epsilon is 1e-4 by default. */
export function logLoss(
  input: Tensor,
  label: Tensor,
  ...rest: Trailing<number, { readonly epsilon?: number }>
): Tensor {
  const { epsilon = 1e-4 } = splitOptions<{ readonly epsilon?: number }>("log_loss", rest, ["epsilon"]);
  return ops.logLoss(input, label, epsilon);
}

/** Options of {@link sigmoidFocalLoss}. */
export interface SigmoidFocalLossOptions {
  /** Divides the losses: a tensor of one element. Default none. */
  readonly normalizer?: Tensor | null | undefined;
  /** Share of positive labels. Default 0.25. */
  readonly alpha?: number | undefined;
  /** How much easy examples count less. Default 2. */
  readonly gamma?: number | undefined;
  /** Default "sum". */
  readonly reduction?: Reduction | undefined;
}

/** `α_t (1 - p_t)^γ` times the binary cross entropy of logits, p_t the probability of the true label (Lin et al. 2017). */
export function sigmoidFocalLoss(
  logit: Tensor,
  label: Tensor,
  ...rest: Trailing<Tensor | null, SigmoidFocalLossOptions>
): Tensor {
  const api = "sigmoid_focal_loss";
  const o = splitOptions<SigmoidFocalLossOptions>(api, rest, ["normalizer", "alpha", "gamma", "reduction"]);
  const reduction = reductionOf(o.reduction ?? "sum", api);
  if (o.normalizer && o.normalizer.shape.length > 1)
    throw new InvalidArgumentError(`the normalizer must hold one number, got ${formatShape(o.normalizer.shape)}.`, {
      op: api,
    });
  const alpha = o.alpha ?? 0.25;
  const loss = logitLoss(logit, label);
  // 1 - p_t = p + y - 2 p y, and α_t = α y + (1 - α) (1 - y).
  const p = divide<Tensor>(1, add(exp(neg(logit)), 1));
  const missed = subtract(add(p, label), multiply(multiply(p, label), 2));
  const share = add(multiply(label, 2 * alpha - 1), 1 - alpha);
  const weighted = multiply(multiply(share, loss), pow<Tensor>(missed, o.gamma ?? 2));
  return reduced(o.normalizer ? divide(weighted, o.normalizer) : weighted, reduction);
}

/** Options of {@link poissonNllLoss}. */
export interface PoissonNllLossOptions extends ReductionOptions {
  /** Whether input is the logarithm of the rate. Default true. */
  readonly logInput?: boolean | undefined;
  /** Add Stirling's approximation of `log label!` where label is above 1. Default false. */
  readonly full?: boolean | undefined;
  /** Added to the rate inside the logarithm. Default 1e-8. */
  readonly epsilon?: number | undefined;
}

/** Negative log-likelihood of Poisson counts: `rate - label log rate`, reduced. */
export function poissonNllLoss(
  input: Tensor,
  label: Tensor,
  ...rest: Trailing<boolean, PoissonNllLossOptions>
): Tensor {
  const api = "poisson_nll_loss";
  const o = splitOptions<PoissonNllLossOptions>(api, rest, ["logInput", "full", "epsilon", "reduction"]);
  const epsilon = o.epsilon ?? 1e-8;
  if (!(epsilon > 0)) throw new InvalidArgumentError(`epsilon must be positive, got ${epsilon}.`, { op: api });
  const reduction = reductionOf(o.reduction, api);
  requireSameShape(api, input, label);
  const main =
    (o.logInput ?? true)
      ? subtract(exp(input), multiply(label, input))
      : subtract(input, multiply(label, log(add(input, epsilon))));
  return reduced(o.full ? add(main, stirling(label)) : main, reduction);
}

/** `n log n - n + log(2 π n) / 2` for n above 1, else 0. */
function stirling(n: Tensor): Tensor {
  const safe = maximum<Tensor>(n, 1);
  const value = add(subtract(multiply(safe, log(safe)), safe), multiply(log(multiply(safe, 2 * Math.PI)), 0.5));
  return where<Tensor>(greaterThan(n, 1), value, 0);
}

/** Options of {@link gaussianNllLoss}. */
export interface GaussianNllLossOptions extends ReductionOptions {
  /** Add the constant `log(2 π) / 2`. Default false. */
  readonly full?: boolean | undefined;
  /** The least variance. Default 1e-6. */
  readonly epsilon?: number | undefined;
}

/**
 * Negative log-likelihood of normal distributions: `(log v + (input - label)² / v) / 2`, reduced; v the variance, from epsilon on and
 * without a gradient below it, as in Paddle.
 *
 * @param variance of input's shape, with last extent 1, or without the last axis
 * @throws InvalidArgumentError for another shape of variance.
 */
export function gaussianNllLoss(
  input: Tensor,
  label: Tensor,
  variance: Tensor,
  ...rest: Trailing<boolean, GaussianNllLossOptions>
): Tensor {
  const api = "gaussian_nll_loss";
  const o = splitOptions<GaussianNllLossOptions>(api, rest, ["full", "epsilon", "reduction"]);
  const reduction = reductionOf(o.reduction, api);
  for (const t of [input, label, variance])
    if (!isFloat(t.dtype)) throw new InvalidArgumentError(`needs floating-point tensors, got ${t.dtype}.`, { op: api });
  const spread = spreadOf(input, variance, api);
  const v = withGrad(false, () => maximum<Tensor>(spread, o.epsilon ?? 1e-6));
  const loss = multiply(add(log(v), divide(square(subtract(input, label)), v)), 0.5);
  return reduced(o.full ? add(loss, 0.5 * Math.log(2 * Math.PI)) : loss, reduction);
}

function spreadOf(input: Tensor, variance: Tensor, op: string): Tensor {
  const front = input.shape.slice(0, -1);
  if (sameShape(variance.shape, input.shape) || sameShape(variance.shape, [...front, 1])) return variance;
  if (sameShape(variance.shape, front)) return unsqueeze(variance, [front.length]);
  throw new InvalidArgumentError(
    `variance ${formatShape(variance.shape)} does not fit input ${formatShape(input.shape)}.`,
    { op },
  );
}

/** `log(1 + e^(-label input))`, reduced; labels are 1 or -1. */
export function softMarginLoss(input: Tensor, label: Tensor, ...rest: Trailing<Reduction, ReductionOptions>): Tensor {
  requireSameShape("soft_margin_loss", input, label);
  return simple("soft_margin_loss", input, label, rest, (x, y) => log(add(exp(neg(multiply(cast(y, x.dtype), x))), 1)));
}
