// Functional dropout in all of Paddle's forms, randomised leaky ReLU and Gumbel-softmax.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape, normalizeAxis } from "../../core/shape.js";
import { multiply } from "../../ops/arithmetic.js";
import * as ops from "../../ops/random-dropout.js";
import { gumbelSoftmax as gumbelSoftmaxOf } from "../../ops/random-gumbel.js";
import { dropoutGenerator, generatorFor } from "../../ops/random-state.js";
import { numberOf } from "../../tensor/arguments.js";
import type { Tensor } from "../../tensor/tensor.js";

/** When the kept elements are scaled. */
export type DropoutMode = "upscale_in_train" | "downscale_in_infer";

/** Options of {@link dropout}. */
export interface DropoutOptions {
  /** Probability of dropping, default 0.5; a tensor of one element is read. */
  readonly p?: number | Tensor | undefined;
  /** Axes along which the mask differs; by default all. */
  readonly axis?: number | readonly number[] | null | undefined;
  /** False: nothing is dropped. Default true. */
  readonly training?: boolean | undefined;
  /**
   * "upscale_in_train" (default): kept elements are divided by 1 - p; "downscale_in_infer": outside training all are multiplied by it.
   */
  readonly mode?: DropoutMode | undefined;
  /** Accepted for Paddle's sake: the result is always a tensor of its own. */
  readonly inplace?: boolean | undefined;
  readonly name?: string | null | undefined;
}

const modes: readonly string[] = ["upscale_in_train", "downscale_in_infer"];

function requireProbability(p: unknown, op: string): void {
  if (typeof p === "number" && p >= 0 && p <= 1) return;
  throw new InvalidArgumentError(`p must be a number from 0 to 1, got ${String(p)}.`, { op, p });
}

/**
 * Sets elements to zero at random, each with probability p, and scales the others so that the mean stays. The gradient flows through
 * the elements that were kept. With `axis`, one decision holds for all elements that agree on those axes. p of 0 or 1 and evaluation draw
 * nothing from the stream.
 *
 * @throws InvalidArgumentError for p outside [0, 1], an unknown mode or an axis outside the rank.
 * @example
 * ```ts
 * import { nn, ones, seed } from "oarjs";
 * seed(0);
 * const y = nn.functional.dropout(ones([2, 3]), 0.5); // zeros and twos
 * ```
 */
export function dropout(x: Tensor, ...rest: Trailing<number | Tensor, DropoutOptions>): Tensor {
  const keys = ["p", "axis", "training", "inplace", "mode", "name"] as const;
  const o = splitOptions<DropoutOptions>("dropout", rest, keys);
  const { p: given = 0.5, axis = null, training = true, mode = "upscale_in_train" } = o;
  const p = numberOf(given, "dropout");
  requireProbability(p, "dropout");
  if (!modes.includes(mode))
    throw new InvalidArgumentError(`mode must be one of ${modes.join(", ")}, got ${String(mode)}.`, { op: "dropout" });
  if (given === 0) return x;
  const up = mode === "upscale_in_train";
  if (!training) return up ? x : multiply(x, axis === null ? Math.fround(1 - Math.fround(p)) : 1 - p);
  if (p === 1 || Math.fround(p) === 1) return multiply(x, 0);
  if (axis === null) {
    const divisor = up ? Math.fround(1 - Math.fround(p)) : 1;
    return ops.dropout(x, dropoutGenerator("dropout"), p, divisor);
  }
  const axes = dropAxes(axis, x.shape.length);
  return ops.dropoutAlong(x, generatorFor(0, "dropout"), p, axes, up ? 1 / (1 - p) : 1);
}

function dropAxes(axis: number | readonly number[], rank: number): number[] {
  const axes = typeof axis === "number" ? [axis] : [...axis];
  for (const a of axes) {
    if (Number.isInteger(a) && a >= 0 && a < rank) continue;
    throw new InvalidArgumentError(`an axis must be from 0 to ${rank - 1}, got ${a}.`, { op: "dropout", axis });
  }
  if (axes.length > rank)
    throw new InvalidArgumentError(`${axes.length} axes for a tensor of rank ${rank}.`, { op: "dropout", axis });
  return axes.sort((a, b) => a - b);
}

/** Options of {@link dropout2d}. */
export interface Dropout2DOptions {
  /** Probability of dropping a channel, default 0.5; a tensor of one element is read. */
  readonly p?: number | Tensor | undefined;
  readonly training?: boolean | undefined;
  /** Where the channels stand. */
  readonly dataFormat?: "NCHW" | "NHWC" | undefined;
  readonly name?: string | null | undefined;
}

/** Options of {@link dropout3d}. */
export interface Dropout3DOptions extends Omit<Dropout2DOptions, "dataFormat"> {
  /** Where the channels stand. */
  readonly dataFormat?: "NCDHW" | "NDHWC" | undefined;
}

function channelDropout(
  x: Tensor,
  op: string,
  formats: readonly [first: string, last: string],
  o: Omit<Dropout2DOptions, "dataFormat"> & { readonly dataFormat?: string | undefined },
): Tensor {
  const rank = formats[0].length;
  if (x.shape.length !== rank)
    throw new InvalidArgumentError(`needs ${rank} axes, got ${formatShape(x.shape)}.`, { op, x: x.shape });
  const format = o.dataFormat ?? formats[0];
  if (!formats.includes(format))
    throw new InvalidArgumentError(`dataFormat must be ${formats.join(" or ")}, got ${format}.`, { op });
  const axis = [0, format === formats[0] ? 1 : rank - 1];
  return dropout(x, { p: o.p, training: o.training, axis });
}

/** {@link dropout} of whole channels of images `[N, C, H, W]` (or NHWC). Throws InvalidArgument for another rank. */
export function dropout2d(x: Tensor, ...rest: Trailing<number | Tensor, Dropout2DOptions>): Tensor {
  const o = splitOptions<Dropout2DOptions>("dropout2d", rest, ["p", "training", "dataFormat", "name"]);
  return channelDropout(x, "dropout2d", ["NCHW", "NHWC"], o);
}

/** {@link dropout} of whole channels of volumes `[N, C, D, H, W]` (or NDHWC). Throws InvalidArgument for another rank. */
export function dropout3d(x: Tensor, ...rest: Trailing<number | Tensor, Dropout3DOptions>): Tensor {
  const o = splitOptions<Dropout3DOptions>("dropout3d", rest, ["p", "training", "dataFormat", "name"]);
  return channelDropout(x, "dropout3d", ["NCDHW", "NDHWC"], o);
}

/** Options of {@link alphaDropout} and {@link featureAlphaDropout}. */
export interface AlphaDropoutOptions {
  /** Probability of dropping, default 0.5. */
  readonly p?: number | undefined;
  readonly training?: boolean | undefined;
  readonly name?: string | null | undefined;
}

/** What SELU tends to for large negative numbers: -α λ, with the constants of Klambauer et al. (2017). */
const seluFloor = -1.6732632423543772 * 1.0507009873554805;

function alpha(x: Tensor, rest: Trailing<number, AlphaDropoutOptions>, op: string, features: boolean): Tensor {
  const { p = 0.5, training = true } = splitOptions<AlphaDropoutOptions>(op, rest, ["p", "training", "name"]);
  requireProbability(p, op);
  if (!training) return x;
  if (p === 1) return multiply(x, 0);
  if (features && x.shape.length < 2)
    throw new InvalidArgumentError(`needs at least two axes, got ${formatShape(x.shape)}.`, { op, x: x.shape });
  const a = ((1 - p) * (1 + p * seluFloor ** 2)) ** -0.5;
  const line = { a, b: -a * seluFloor * p, drop: seluFloor };
  return ops.alphaDropout(x, generatorFor(0, op), p, features ? [0, 1] : null, line);
}

/**
 * Dropout for SELU networks: dropped elements take SELU's lowest value, and the result is scaled and shifted so that mean and variance
 * stay (Klambauer et al., 2017).
 *
 * @throws InvalidArgumentError for p outside [0, 1].
 */
export const alphaDropout = (x: Tensor, ...rest: Trailing<number, AlphaDropoutOptions>): Tensor =>
  alpha(x, rest, "alphaDropout", false);

/** {@link alphaDropout} of whole features: one decision for all that follows the first two axes. */
export const featureAlphaDropout = (x: Tensor, ...rest: Trailing<number, AlphaDropoutOptions>): Tensor =>
  alpha(x, rest, "featureAlphaDropout", true);

/** Options of {@link rrelu}. */
export interface RreluOptions {
  /** Least slope, default 1/8. */
  readonly lower?: number | undefined;
  /** Largest slope, default 1/3. */
  readonly upper?: number | undefined;
  readonly training?: boolean | undefined;
  readonly name?: string | null | undefined;
}

/**
 * Leaky ReLU whose slope is uniform in [lower, upper) for each negative element; outside training it is the middle.
 *
 * @throws InvalidArgumentError unless 0 <= lower <= upper <= 1.
 */
export function rrelu(x: Tensor, ...rest: Trailing<number, RreluOptions>): Tensor {
  const o = splitOptions<RreluOptions>("rrelu", rest, ["lower", "upper", "training", "name"]);
  const { lower = 1 / 8, upper = 1 / 3, training = true } = o;
  if (!(lower >= 0 && lower <= upper && upper <= 1)) {
    throw new InvalidArgumentError(`needs 0 <= lower <= upper <= 1, got ${lower} and ${upper}.`, {
      op: "rrelu",
      lower,
      upper,
    });
  }
  if (!training) return ops.rreluEval(x, (Math.fround(lower) + Math.fround(upper)) / 2);
  return ops.rrelu(x, generatorFor(0, "rrelu"), lower, upper);
}

/** Options of {@link gumbelSoftmax}. */
export interface GumbelSoftmaxOptions {
  /** Divides the noisy logits, default 1; the smaller, the closer to one-hot. */
  readonly temperature?: number | undefined;
  /** True: one-hot vectors. Their gradient is softmax's at a one-hot result, as Paddle's kernel has it: zero. */
  readonly hard?: boolean | undefined;
  /** Default -1. */
  readonly axis?: number | undefined;
  readonly name?: string | null | undefined;
}

/**
 * A differentiable sample from categories with logits `x` (Jang et al., 2017).
 *
 * @throws InvalidArgumentError for a temperature that is not positive, OutOfRangeError for an axis outside the rank.
 * @example
 * ```ts
 * import { nn, toTensor } from "oarjs";
 * const pick = nn.functional.gumbelSoftmax(toTensor([[1, 2, 3]]), { hard: true }); // one 1, two 0
 * ```
 */
export function gumbelSoftmax(x: Tensor, ...rest: Trailing<number, GumbelSoftmaxOptions>): Tensor {
  const keys = ["temperature", "hard", "axis", "name"] as const;
  const { temperature = 1, hard = false, axis = -1 } = splitOptions<GumbelSoftmaxOptions>("gumbelSoftmax", rest, keys);
  if (!(temperature > 0))
    throw new InvalidArgumentError(`temperature must be positive, got ${temperature}.`, { op: "gumbelSoftmax" });
  const at = normalizeAxis(axis, x.shape.length, "gumbelSoftmax");
  return gumbelSoftmaxOf(x, generatorFor(0, "gumbelSoftmax"), temperature, hard, at);
}
