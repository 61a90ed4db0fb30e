// Paddle's normalisations: layer, batch, instance and group norm, over axes of the input.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape, type Shape } from "../../core/shape.js";
import type { OpRecord } from "../../program/op.js";
import { batchNormInferOp, batchNormOp, movingAverageOp, withGradientOfOp } from "../../ops/batch-norm.js";
import * as ops from "../../ops/norm.js";
import { isKnown, reshape, reshapeLike, unsqueeze } from "../../ops/views.js";
import type { Tensor } from "../../tensor/tensor.js";
import { bind, bind1 } from "../../trace/bind.js";
import { withGrad } from "../../trace/tape.js";

/** Where channels stand: after the samples ("NCHW" and its kin) or last ("NHWC" and its kin). */
export type DataFormat = "NC" | "NCL" | "NCHW" | "NCDHW" | "NLC" | "NHWC" | "NDHWC";

const formats: readonly string[] = ["NC", "NCL", "NCHW", "NCDHW", "NLC", "NHWC", "NDHWC"];

/** The axis of channels; any format of the right end counts, whatever its number of axes, as in Paddle. */
export function channelAxis(format: string, rank: number, op: string): number {
  if (!formats.includes(format))
    throw new InvalidArgumentError(`dataFormat must be one of ${formats.join(", ")}, got ${JSON.stringify(format)}.`, {
      op,
    });
  return format[1] === "C" ? 1 : rank - 1;
}

/** A vector of one number for each channel as a tensor of x's rank. */
const perChannel = (v: Tensor, rank: number, axis: number): Tensor =>
  reshape(
    v,
    Array.from({ length: rank }, (_, a) => (a === axis ? -1 : 1)),
  );

/** Scale and shift of a normalisation. */
export interface AffineOptions {
  /** Scale; none by default. */
  readonly weight?: Tensor | null | undefined;
  /** Shift; none by default. */
  readonly bias?: Tensor | null | undefined;
}

/** Options of {@link layerNorm}. */
export interface LayerNormOptions extends AffineOptions {
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number | undefined;
}

function normalize(
  op: OpRecord,
  x: Tensor,
  axes: readonly number[],
  epsilon: number,
  o: AffineOptions,
  shape: Shape,
): Tensor {
  const fitted = (v: Tensor | null | undefined): Tensor | undefined => (v ? reshape(v, shape) : undefined);
  return bind(op, [x, fitted(o.weight), fitted(o.bias)], { axes, epsilon })[0] as Tensor;
}

/** The shape that x must end in, and its axes. */
function lastAxes(x: Tensor, normalizedShape: number | Shape, op: string): [shape: Shape, axes: number[]] {
  const shape = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
  const first = x.shape.length - shape.length;
  if (shape.length === 0 || first < 0 || shape.some((n, i) => n !== x.shape[first + i] && x.shape[first + i] !== -1))
    throw new InvalidArgumentError(`x ${formatShape(x.shape)} must end in normalizedShape ${formatShape(shape)}.`, {
      op,
      x: x.shape,
    });
  return [shape, shape.map((_, i) => first + i)];
}

/**
 * `(x - mean) / √(variance + ε) · weight + bias` over the last axes of x, which have the shape `normalizedShape`.
 *
 * @param x `[…, ...normalizedShape]`
 * @param normalizedShape a number means the last axis
 * @param rest `weight`, `bias`: of normalizedShape, or flat; `epsilon`
 * @throws InvalidArgumentError when x does not end in normalizedShape.
 * @example
 * ```ts
 * import { nn, toTensor } from "oarjs";
 * console.log(await nn.functional.layerNorm(toTensor([[1, 3]]), 2).tolist()); // about [[-1, 1]]
 * ```
 */
export function layerNorm(
  x: Tensor,
  normalizedShape: number | Shape,
  ...rest: Trailing<Tensor | null, LayerNormOptions>
): Tensor {
  const o = splitOptions<LayerNormOptions>("layer_norm", rest, ["weight", "bias", "epsilon"]);
  const [shape, axes] = lastAxes(x, normalizedShape, "layer_norm");
  return normalize(ops.layerNormOp, x, axes, o.epsilon ?? 1e-5, o, shape);
}

/** Options of {@link batchNorm}. */
export interface BatchNormOptions extends AffineOptions {
  /** Use and learn the batch's statistics instead of the running ones. Default false. */
  readonly training?: boolean | undefined;
  /** How much of the former running statistics stays. Default 0.9. */
  readonly momentum?: number | undefined;
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number | undefined;
  /** Default "NCHW". */
  readonly dataFormat?: DataFormat | undefined;
  /** Use the running statistics although training (true), or the batch's although not (false). Default: as `training` says. */
  readonly useGlobalStats?: boolean | null | undefined;
}

const batchNormKeys = ["weight", "bias", "training", "momentum", "epsilon", "dataFormat", "useGlobalStats"] as const;

/**
 * Normalises each channel, by the statistics of the batch (training) or by running ones. In training the running statistics become
 * `momentum · former + (1 - momentum) · batch`, in place; the variance is the biased one, as in Paddle. A batch of a single number a
 * channel passes unchanged and leaves them alone.
 *
 * @param x `[N, C, …]` or `[N, …, C]` as `dataFormat` says
 * @param runningMean `[C]`
 * @param runningVar `[C]`
 * @throws InvalidArgumentError for x of one axis, for another dataFormat, for parameters that do not fit the channels.
 */
export function batchNorm(
  x: Tensor,
  runningMean: Tensor,
  runningVar: Tensor,
  ...rest: Trailing<Tensor | null, BatchNormOptions>
): Tensor {
  const o = splitOptions<BatchNormOptions>("batch_norm", rest, batchNormKeys);
  const rank = x.shape.length;
  if (rank < 2)
    throw new InvalidArgumentError(`x must have 2 axes or more, got ${formatShape(x.shape)}.`, { op: "batch_norm" });
  const axis = channelAxis(o.dataFormat ?? "NCHW", rank, "batch_norm");
  requireChannels(x, runningMean, axis);
  const epsilon = o.epsilon ?? 1e-5;
  const channelwise = (v: Tensor | null | undefined): Tensor | undefined => (v ? perChannel(v, rank, axis) : undefined);
  const [weight, bias] = [channelwise(o.weight), channelwise(o.bias)];
  const byRunning = (): Tensor =>
    bind1(batchNormInferOp, [x, channelwise(runningMean), channelwise(runningVar), weight, bias], {
      epsilon,
    }) as Tensor;
  if (o.useGlobalStats ?? !o.training) return byRunning();
  const axes = x.shape.flatMap((_, a) => (a === axis ? [] : [a]));
  if (isKnown(x.shape) && axes.every((a) => x.shape[a] === 1)) return x;
  const byBatch = (): Tensor => {
    const [out, mean, variance] = bind(batchNormOp, [x, weight, bias], { axes, epsilon }) as [Tensor, Tensor, Tensor];
    const momentum = o.momentum ?? 0.9;
    withGrad(false, () => {
      bind(movingAverageOp, [runningMean, reshapeLike(mean, runningMean)], { momentum });
      bind(movingAverageOp, [runningVar, reshapeLike(variance, runningVar)], { momentum });
    });
    return out;
  };
  if (o.training) return byBatch();
  // Outside training Paddle's gradient is that of the running statistics, although the batch's made the output.
  const out = withGrad(false, byBatch);
  return bind1(withGradientOfOp, [out, byRunning()]) as Tensor;
}

function requireChannels(x: Tensor, running: Tensor, axis: number): void {
  const [have, want] = [running.shape[0] ?? 0, x.shape[axis]!];
  if (running.shape.length === 1 && (have === want || want < 0)) return;
  throw new InvalidArgumentError(
    `x ${formatShape(x.shape)} has ${want} channels on axis ${axis}, the running statistics are ${formatShape(running.shape)}.`,
    { op: "batch_norm", x: x.shape },
  );
}

/** Options of {@link instanceNorm}. */
export interface InstanceNormOptions extends AffineOptions {
  /** Accepted for Paddle's sake; neither read nor changed, as in Paddle. */
  readonly runningMean?: Tensor | null | undefined;
  /** Accepted for Paddle's sake; neither read nor changed, as in Paddle. */
  readonly runningVar?: Tensor | null | undefined;
  /** Accepted for Paddle's sake: the input's statistics are always used. */
  readonly useInputStats?: boolean | undefined;
  /** Accepted for Paddle's sake. */
  readonly momentum?: number | undefined;
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number | undefined;
  /** Accepted for Paddle's sake: channels are axis 1. */
  readonly dataFormat?: DataFormat | undefined;
}

const instanceNormKeys = [
  "runningMean",
  "runningVar",
  "weight",
  "bias",
  "useInputStats",
  "momentum",
  "eps",
  "dataFormat",
] as const;

/**
 * Normalises each channel of each sample by its own mean and variance.
 *
 * @param x `[N, C, …]`
 * @throws InvalidArgumentError for x of one axis.
 */
export function instanceNorm(x: Tensor, ...rest: Trailing<Tensor | null, InstanceNormOptions>): Tensor {
  const o = splitOptions<InstanceNormOptions>("instance_norm", rest, instanceNormKeys);
  const rank = x.shape.length;
  if (rank < 2)
    throw new InvalidArgumentError(`x must have 2 axes or more, got ${formatShape(x.shape)}.`, { op: "instance_norm" });
  const spread = rank === 2 ? unsqueeze(x, [2]) : x;
  const axes = spread.shape.flatMap((_, a) => (a < 2 ? [] : [a]));
  const shape = [-1, ...axes.map(() => 1)];
  const out = normalize(ops.instanceNormOp, spread, axes, o.eps ?? 1e-5, o, shape);
  return rank === 2 ? reshapeLike(out, x) : out;
}

/** Options of {@link groupNorm}. */
export interface GroupNormOptions extends AffineOptions {
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number | undefined;
  /** Default "NCHW". */
  readonly dataFormat?: DataFormat | undefined;
}

/**
 * Normalises each group of channels of each sample by the group's mean and variance; scale and shift are per channel.
 *
 * @param x `[N, C, …]` or `[N, …, C]` as `dataFormat` says; C is a multiple of numGroups
 * @throws InvalidArgumentError when numGroups does not divide the channels.
 */
export function groupNorm(x: Tensor, numGroups: number, ...rest: Trailing<number, GroupNormOptions>): Tensor {
  const o = splitOptions<GroupNormOptions>("group_norm", rest, ["epsilon", "weight", "bias", "dataFormat"]);
  const rank = x.shape.length;
  const axis = channelAxis(o.dataFormat ?? "NCHW", rank, "group_norm");
  const channels = x.shape[axis] ?? 0;
  if (rank < 2 || !Number.isInteger(numGroups) || numGroups < 1 || channels % numGroups !== 0)
    throw new InvalidArgumentError(
      `numGroups ${numGroups} must divide the channels of x ${formatShape(x.shape)}, which are axis ${axis}.`,
      { op: "group_norm", x: x.shape },
    );
  // The channels' axis becomes two: groups, and channels of a group.
  const grouped = reshape(x, [...x.shape.slice(0, axis), numGroups, channels / numGroups, ...x.shape.slice(axis + 1)]);
  const axes = grouped.shape.flatMap((_, a) => (a === 0 || a === axis ? [] : [a]));
  const shape = [numGroups, channels / numGroups, ...x.shape.slice(axis + 1).map(() => 1)];
  return reshapeLike(normalize(ops.groupNormOp, grouped, axes, o.epsilon ?? 1e-5, o, shape), x);
}

/** Options of {@link rmsNorm}. */
export interface RmsNormOptions {
  /** Scale; none by default. */
  readonly weight?: Tensor | null | undefined;
  /** Added to the mean square. Default 1e-5. */
  readonly eps?: number | undefined;
}

/** `x / √(mean x² + ε) · weight` over the last axes of x, which have the shape `normalizedShape`. */
export function rmsNorm(
  x: Tensor,
  normalizedShape: number | Shape,
  ...rest: Trailing<Tensor | null, RmsNormOptions>
): Tensor {
  const { weight, eps = 1e-5 } = splitOptions<RmsNormOptions>("rms_norm", rest, ["weight", "eps"]);
  const [shape, axes] = lastAxes(x, normalizedShape, "rms_norm");
  return bind(ops.rmsNormOp, [x, weight ? reshape(weight, shape) : undefined], { axes, epsilon: eps })[0] as Tensor;
}
