// Functional activations of neural networks, element by element unless said otherwise. All take float tensors of any shape.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape, normalizeAxis } from "../../core/shape.js";
import * as ops from "../../ops/activation.js";
import * as pieces from "../../ops/piecewise-activation.js";
import { multiply } from "../../ops/arithmetic.js";
import { slice } from "../../ops/concat.js";
import { max } from "../../ops/reduction.js";
import { reshape } from "../../ops/views.js";
import { mutating } from "../../tensor/mutating.js";
import type { Tensor } from "../../tensor/tensor.js";
import { bind1 } from "../../trace/bind.js";

export { sigmoid, tanh, tanh_ } from "../../tensor/unary.js";

/**
 * `max(x, 0)`.
 *
 * @example
 * ```ts
 * import { nn, toTensor } from "oarjs";
 * console.log(await nn.functional.relu(toTensor([-1, 2])).tolist()); // [0, 2]
 * ```
 */
export const relu = (x: Tensor): Tensor => pieces.relu(x);
/** {@link relu} in place. */
export const relu_: typeof relu = mutating("relu_", relu);
/** `min(max(x, 0), 6)`. */
export const relu6 = (x: Tensor): Tensor => bind1(pieces.relu6Op, [x]) as Tensor;

/** Options of {@link leakyRelu}. */
export interface LeakyReluOptions {
  /** Slope below 0, default 0.01. */
  readonly negativeSlope?: number | undefined;
}

/** x, or `negativeSlope x` where x < 0. */
export function leakyRelu(x: Tensor, ...rest: Trailing<number, LeakyReluOptions>): Tensor {
  const { negativeSlope = 0.01 } = splitOptions<LeakyReluOptions>("leakyRelu", rest, ["negativeSlope"]);
  return pieces.leakyRelu(x, negativeSlope);
}
/** {@link leakyRelu} in place. */
export const leakyRelu_: typeof leakyRelu = mutating("leakyRelu_", leakyRelu);

/** Options of {@link elu} and {@link celu}. */
export interface EluOptions {
  /** Limit of the negative side (with its sign changed), default 1. */
  readonly alpha?: number | undefined;
}

/** x where x > 0, else `alpha (e^x - 1)`. */
export function elu(x: Tensor, ...rest: Trailing<number, EluOptions>): Tensor {
  const { alpha = 1 } = splitOptions<EluOptions>("elu", rest, ["alpha"]);
  return bind1(ops.eluOp, [x], { alpha }) as Tensor;
}
/** {@link elu} in place. */
export const elu_: typeof elu = mutating("elu_", elu);

/**
 * x where x > 0, else `alpha (e^(x / alpha) - 1)`.
 *
 * @throws InvalidArgumentError for alpha 0.
 */
export function celu(x: Tensor, ...rest: Trailing<number, EluOptions>): Tensor {
  const { alpha = 1 } = splitOptions<EluOptions>("celu", rest, ["alpha"]);
  if (alpha === 0) throw new InvalidArgumentError("alpha must not be 0.", { op: "celu", alpha });
  return bind1(ops.celuOp, [x], { alpha }) as Tensor;
}

/** Options of {@link selu}. */
export interface SeluOptions {
  /** Factor, above 1; the default keeps mean 0 and variance 1. */
  readonly scale?: number | undefined;
  /** Limit of the negative side, not negative. */
  readonly alpha?: number | undefined;
}

/**
 * `scale x` where x > 0, else `scale alpha (e^x - 1)`.
 *
 * @throws InvalidArgumentError for a scale that is not above 1 or an alpha below 0.
 */
export function selu(x: Tensor, ...rest: Trailing<number, SeluOptions>): Tensor {
  const o = splitOptions<SeluOptions>("selu", rest, ["scale", "alpha"]);
  const { scale = ops.seluScale, alpha = ops.seluAlpha } = o;
  if (scale <= 1) throw new InvalidArgumentError(`scale must be above 1, got ${scale}.`, { op: "selu", scale });
  if (alpha < 0) throw new InvalidArgumentError(`alpha must not be below 0, got ${alpha}.`, { op: "selu", alpha });
  return bind1(ops.seluOp, [x], { scale, alpha }) as Tensor;
}

/** Options of {@link gelu}. */
export interface GeluOptions {
  /** True or "tanh": the form with tanh. Default false: with the error function. */
  readonly approximate?: boolean | "tanh" | "none" | undefined;
}

/** `x Phi(x)`, Phi the distribution function of the standard normal, or its approximation by tanh. */
export function gelu(x: Tensor, ...rest: Trailing<boolean | "tanh" | "none", GeluOptions>): Tensor {
  const { approximate = false } = splitOptions<GeluOptions>("gelu", rest, ["approximate"]);
  if (typeof approximate !== "boolean" && approximate !== "tanh" && approximate !== "none")
    throw new InvalidArgumentError(`approximate must be a boolean, "tanh" or "none", got ${String(approximate)}.`, {
      op: "gelu",
    });
  return ops.gelu(x, approximate === true || approximate === "tanh");
}

/** Options of {@link silu}. */
export interface SiluOptions {
  /** Whether x takes the result. Default false. */
  readonly inplace?: boolean | undefined;
}

const silu_ = mutating("silu_", (x: Tensor): Tensor => ops.silu(x));

/** `x sigmoid(x)`. */
export function silu(x: Tensor, ...rest: Trailing<boolean, SiluOptions>): Tensor {
  const { inplace = false } = splitOptions<SiluOptions>("silu", rest, ["inplace"]);
  return inplace ? silu_(x) : ops.silu(x);
}

/** `x sigmoid(x)`, another name of {@link silu}. */
export const swish = (x: Tensor): Tensor => ops.silu(x);
/** `x tanh(ln(1 + e^x))`. */
export const mish = (x: Tensor): Tensor => bind1(ops.mishOp, [x]) as Tensor;

/** Options of {@link softplus}. */
export interface SoftplusOptions {
  /** Steepness, default 1. */
  readonly beta?: number | undefined;
  /** Where `beta x` is above it the result is x. Default 20. */
  readonly threshold?: number | undefined;
}

/** `ln(1 + e^(beta x)) / beta`. */
export function softplus(x: Tensor, ...rest: Trailing<number, SoftplusOptions>): Tensor {
  const { beta = 1, threshold = 20 } = splitOptions<SoftplusOptions>("softplus", rest, ["beta", "threshold"]);
  return ops.softplus(x, beta, threshold);
}

/** `x / (1 + |x|)`. */
export const softsign = (x: Tensor): Tensor => bind1(ops.softsignOp, [x]) as Tensor;
/** `x - tanh x`. */
export const tanhshrink = (x: Tensor): Tensor => bind1(ops.tanhshrinkOp, [x]) as Tensor;
/** `ln(sigmoid x)`, without overflow. */
export const logSigmoid = (x: Tensor): Tensor => ops.logSigmoid(x);

/** Options of {@link hardshrink} and {@link softshrink}. */
export interface ShrinkOptions {
  /** Default 0.5. */
  readonly threshold?: number | undefined;
}

/** x outside (-threshold, threshold), 0 inside. */
export function hardshrink(x: Tensor, ...rest: Trailing<number, ShrinkOptions>): Tensor {
  const { threshold = 0.5 } = splitOptions<ShrinkOptions>("hardshrink", rest, ["threshold"]);
  return bind1(pieces.hardshrinkOp, [x], { threshold }) as Tensor;
}

/**
 * x moved towards 0 by the threshold, 0 within it.
 *
 * @throws InvalidArgumentError for a threshold below 0.
 */
export function softshrink(x: Tensor, ...rest: Trailing<number, ShrinkOptions>): Tensor {
  const { threshold = 0.5 } = splitOptions<ShrinkOptions>("softshrink", rest, ["threshold"]);
  if (threshold < 0)
    throw new InvalidArgumentError(`the threshold must not be below 0, got ${threshold}.`, { op: "softshrink" });
  return bind1(pieces.softshrinkOp, [x], { threshold }) as Tensor;
}

/** Options of {@link hardtanh}. */
export interface HardtanhOptions {
  /** Default -1. */
  readonly min?: number | undefined;
  /** Default 1. */
  readonly max?: number | undefined;
}

/** x between min and max; the gradient flows strictly inside. */
export function hardtanh(x: Tensor, ...rest: Trailing<number, HardtanhOptions>): Tensor {
  const o = splitOptions<HardtanhOptions>("hardtanh", rest, ["min", "max"]);
  return bind1(pieces.hardtanhOp, [x], { min: o.min ?? -1, max: o.max ?? 1 }) as Tensor;
}
/** {@link hardtanh} in place. */
export const hardtanh_: typeof hardtanh = mutating("hardtanh_", hardtanh);

/** Options of {@link hardsigmoid}. */
export interface HardsigmoidOptions {
  /** Default 0.1666667. */
  readonly slope?: number | undefined;
  /** Default 0.5. */
  readonly offset?: number | undefined;
}

/** `slope x + offset` between 0 and 1. */
export function hardsigmoid(x: Tensor, ...rest: Trailing<number, HardsigmoidOptions>): Tensor {
  const { slope = 0.1666667, offset = 0.5 } = splitOptions<HardsigmoidOptions>("hardsigmoid", rest, [
    "slope",
    "offset",
  ]);
  return bind1(pieces.hardsigmoidOp, [x], { slope, offset }) as Tensor;
}

/** `x min(max(x + 3, 0), 6) / 6`. */
export const hardswish = (x: Tensor): Tensor => bind1(pieces.hardswishOp, [x]) as Tensor;

/** Options of {@link thresholdedRelu}. */
export interface ThresholdedReluOptions {
  /** Default 1. */
  readonly threshold?: number | undefined;
  /** What stands where x is not above the threshold, default 0. */
  readonly value?: number | undefined;
}

/** x above the threshold, `value` elsewhere. */
export function thresholdedRelu(x: Tensor, ...rest: Trailing<number, ThresholdedReluOptions>): Tensor {
  const o = splitOptions<ThresholdedReluOptions>("thresholdedRelu", rest, ["threshold", "value"]);
  return bind1(pieces.thresholdedReluOp, [x], { threshold: o.threshold ?? 1, value: o.value ?? 0 }) as Tensor;
}
/** {@link thresholdedRelu} in place. */
export const thresholdedRelu_: typeof thresholdedRelu = mutating("thresholdedRelu_", thresholdedRelu);

const channelsFirst = ["NC", "NCL", "NCHW", "NCDHW"];
const channelsLast = ["NLC", "NHWC", "NDHWC"];

/** Options of {@link prelu}. */
export interface PreluOptions {
  /** Where the channels are: "NC…" axis 1 (default "NCHW"), "N…C" the last axis. */
  readonly dataFormat?: string | undefined;
}

/**
 * x where x > 0, else `weight x`; the weight has one element, or one a channel.
 *
 * @throws InvalidArgumentError for another number of weights, or an unknown format.
 */
export function prelu(x: Tensor, weight: Tensor, ...rest: Trailing<string, PreluOptions>): Tensor {
  const { dataFormat = "NCHW" } = splitOptions<PreluOptions>("prelu", rest, ["dataFormat"]);
  if (weight.ndim > 1)
    throw new InvalidArgumentError(`the weight must have at most one axis, got ${formatShape(weight.shape)}.`, {
      op: "prelu",
      weight: weight.shape,
    });
  if (weight.size === 1) return bind1(pieces.preluOp, [x, reshape(weight, [])]) as Tensor;
  if (!channelsFirst.includes(dataFormat) && !channelsLast.includes(dataFormat))
    throw new InvalidArgumentError(
      `dataFormat must be one of ${[...channelsFirst, ...channelsLast].join(", ")}, got ${JSON.stringify(dataFormat)}.`,
      { op: "prelu" },
    );
  const axis = channelsFirst.includes(dataFormat) ? 1 : x.ndim - 1;
  if (x.ndim < 2 || x.shape[axis] !== weight.shape[0])
    throw new InvalidArgumentError(
      `one weight a channel: x is ${formatShape(x.shape)} with channels on axis ${axis}, the weight ${formatShape(weight.shape)}.`,
      { op: "prelu", x: x.shape, weight: weight.shape },
    );
  const shape = x.shape.map((_, i) => (i === axis ? weight.shape[0]! : 1));
  return bind1(pieces.preluOp, [x, reshape(weight, shape)]) as Tensor;
}

/** Options of {@link maxout}. */
export interface MaxoutOptions {
  /** Axis of the channels: 1 (default), or 3 or -1. */
  readonly axis?: number | undefined;
}

/**
 * The largest of each `groups` neighbouring channels: `[N, C, H, W]` gives `[N, C / groups, H, W]`.
 *
 * @throws InvalidArgumentError for another rank or axis, or channels that groups do not divide.
 */
export function maxout(x: Tensor, groups: number, ...rest: Trailing<number, MaxoutOptions>): Tensor {
  const { axis = 1 } = splitOptions<MaxoutOptions>("maxout", rest, ["axis"]);
  if (x.ndim !== 4)
    throw new InvalidArgumentError(`x must have 4 axes, got ${formatShape(x.shape)}.`, { op: "maxout", x: x.shape });
  if (![1, 3, -1].includes(axis))
    throw new InvalidArgumentError(`axis must be 1, 3 or -1, got ${axis}.`, { op: "maxout", axis });
  const at = axis === 1 ? 1 : 3;
  const channels = x.shape[at]!;
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0)
    throw new InvalidArgumentError(`groups must divide the ${channels} channels, got ${groups}.`, {
      op: "maxout",
      groups,
    });
  const grouped = [...x.shape.slice(0, at), channels / groups, groups, ...x.shape.slice(at + 1)];
  return max(reshape(x, grouped), [at + 1], false);
}

/** Two halves of an axis. */
function halves(x: Tensor, axis: number, op: string): [Tensor, Tensor] {
  const at = normalizeAxis(axis, x.ndim, op);
  const n = x.shape[at] ?? 1;
  if (x.ndim === 0 || n % 2 !== 0)
    throw new InvalidArgumentError(`axis ${axis} of ${formatShape(x.shape)} cannot be halved.`, { op, x: x.shape });
  return [slice(x, [at], [0], [n / 2]), slice(x, [at], [n / 2], [n])];
}

/** Options of {@link glu}. */
export interface GluOptions {
  /** The axis that is halved, default -1. */
  readonly axis?: number | undefined;
}

/**
 * `a sigmoid(b)` for the two halves a and b of an axis.
 *
 * @throws InvalidArgumentError when the axis cannot be halved.
 */
export function glu(x: Tensor, ...rest: Trailing<number, GluOptions>): Tensor {
  const { axis = -1 } = splitOptions<GluOptions>("glu", rest, ["axis"]);
  const [a, b] = halves(x, axis, "glu");
  return multiply(a, ops.sigmoid(b));
}

/** Options of {@link swiglu}. */
export interface SwigluOptions {
  /** A tensor of x's shape; without it x is halved along its last axis. */
  readonly y?: Tensor | null | undefined;
}

/**
 * `silu(x) y`, or of the two halves of x's last axis.
 *
 * @throws InvalidArgumentError when shapes differ or the last axis cannot be halved.
 */
export function swiglu(x: Tensor, ...rest: Trailing<Tensor | null, SwigluOptions>): Tensor {
  const { y } = splitOptions<SwigluOptions>("swiglu", rest, ["y"]);
  const [a, b] = y ? [x, y] : halves(x, -1, "swiglu");
  return ops.swiglu(a, b);
}

export {
  /** @deprecated Alias of {@link logSigmoid}. */
  logSigmoid as logsigmoid,
};
