// Paddle's losses of unaligned sequences: CTC and the transducer's.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape } from "../../core/shape.js";
import { divide, subtract } from "../../ops/arithmetic.js";
import { cast } from "../../ops/cast.js";
import { isinf } from "../../ops/predicate.js";
import { ctc } from "../../ops/ctc.js";
import { where } from "../../ops/logic.js";
import { logsumexp } from "../../ops/reduction.js";
import { rnnt } from "../../ops/rnnt.js";
import { wideType } from "../../ops/softmax.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type Reduction, reduced, reductionOf } from "./checks.js";

/** Log-probabilities of scores along the last axis. */
function logProbabilities(scores: Tensor): Tensor {
  const wide = cast(scores, wideType(scores.dtype));
  return subtract(wide, logsumexp(wide, [wide.shape.length - 1], true));
}

function requireBlank(blank: number, classes: number, op: string): void {
  if (Number.isInteger(blank) && blank >= 0 && (classes < 0 || blank < classes)) return;
  throw new InvalidArgumentError(`blank must be a class in [0, ${classes}), got ${blank}.`, { op });
}

/** Options of {@link ctcLoss}. */
export interface CtcLossOptions {
  /** The class that says nothing. Default 0. */
  readonly blank?: number | undefined;
  /** Default "mean": of the losses over their labels' lengths. */
  readonly reduction?: Reduction | undefined;
  /** Divide gradients (not losses) by the number of steps, as Paddle does. Default false. */
  readonly normByTimes?: boolean | undefined;
  /** Infinite losses become 0. Default false. */
  readonly zeroInfinity?: boolean | undefined;
}

/**
 * Connectionist temporal classification: `-log P(labels)` over all alignments (Graves et al. 2006). A sample that no alignment fits
 * has loss 0, as in Paddle.
 *
 * @param logProbs scores `[time, batch, classes]`; softmax is applied inside
 * @param labels `[batch, length]`
 * @param inputLengths steps of each sample, `[batch]`
 * @param labelLengths labels of each sample, `[batch]`
 * @throws InvalidArgumentError for other shapes, for a blank that is no class.
 */
export function ctcLoss(
  logProbs: Tensor,
  labels: Tensor,
  inputLengths: Tensor,
  labelLengths: Tensor,
  ...rest: Trailing<number, CtcLossOptions>
): Tensor {
  const o = splitOptions<CtcLossOptions>("ctc_loss", rest, ["blank", "reduction", "normByTimes", "zeroInfinity"]);
  const reduction = reductionOf(o.reduction, "ctc_loss");
  if (logProbs.shape.length !== 3)
    throw new InvalidArgumentError(`scores must be [time, batch, classes], got ${formatShape(logProbs.shape)}.`, {
      op: "ctc_loss",
    });
  const blank = o.blank ?? 0;
  requireBlank(blank, logProbs.shape[2]!, "ctc_loss");
  const all = ctc(logProbabilities(logProbs), labels, inputLengths, labelLengths, blank, o.normByTimes ?? false);
  const loss = o.zeroInfinity ? where<Tensor>(isinf(all), 0, all) : all;
  const result = reduction === "mean" ? divide(loss, cast(labelLengths, loss.dtype)) : loss;
  return cast(reduced(result, reduction), logProbs.dtype);
}

/** Options of {@link rnntLoss}. */
export interface RnntLossOptions {
  /** The class that says nothing. Default 0. */
  readonly blank?: number | undefined;
  /** How much gradients favour early labels (FastEmit). Default 0.001. */
  readonly fastemitLambda?: number | undefined;
  /** Default "mean": over the batch. */
  readonly reduction?: Reduction | undefined;
}

/**
 * The transducer loss: `-log P(labels)` over all alignments (Graves 2012).
 *
 * @param input log-probabilities `[batch, time, length + 1, classes]` (apply `logSoftmax` first, as for Paddle on CPU)
 * @param label `[batch, length]`
 * @param inputLengths steps of each sample, `[batch]`
 * @param labelLengths labels of each sample, `[batch]`
 * @throws InvalidArgumentError for other shapes, for a blank that is no class.
 */
export function rnntLoss(
  input: Tensor,
  label: Tensor,
  inputLengths: Tensor,
  labelLengths: Tensor,
  ...rest: Trailing<number, RnntLossOptions>
): Tensor {
  const o = splitOptions<RnntLossOptions>("rnnt_loss", rest, ["blank", "fastemitLambda", "reduction"]);
  const reduction = reductionOf(o.reduction, "rnnt_loss");
  if (input.shape.length !== 4)
    throw new InvalidArgumentError(
      `log-probabilities must be [batch, time, length + 1, classes], got ${formatShape(input.shape)}.`,
      { op: "rnnt_loss" },
    );
  const blank = o.blank ?? 0;
  requireBlank(blank, input.shape[3]!, "rnnt_loss");
  const lambda = o.fastemitLambda ?? 0.001;
  const loss = rnnt(cast(input, wideType(input.dtype)), label, inputLengths, labelLengths, blank, lambda);
  return cast(reduced(loss, reduction), input.dtype);
}
