// Paddle's linear and bilinear maps, and rearrangements of channels, pixels and time.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape, sameShape } from "../../core/shape.js";
import { add, divide, multiply } from "../../ops/arithmetic.js";
import { concat, pad, slice } from "../../ops/concat.js";
import { pow } from "../../ops/exponential.js";
import { linear as linearOf, matmul } from "../../ops/matmul.js";
import { transpose } from "../../ops/movement.js";
import { sumOver } from "../../ops/reduction.js";
import { reshape, reshapeLike, unsqueeze } from "../../ops/views.js";
import { gatherTree as gatherTreeOf, windowSum } from "../../ops/window.js";
import type { Tensor } from "../../tensor/tensor.js";
import { channelAxis } from "./norm.js";

/** Options of maps that may have a shift. */
export interface BiasOptions {
  readonly bias?: Tensor | null | undefined;
}

/**
 * `x weight + bias`.
 *
 * @param x `[…, in]`
 * @param weight `[in, out]`
 * @param rest `bias`: `[out]`
 * @throws InvalidArgumentError when the inner extents differ.
 * @example
 * ```ts
 * import { nn, toTensor } from "oarjs";
 * console.log(await nn.functional.linear(toTensor([[1, 2]]), toTensor([[1], [10]])).tolist()); // [[21]]
 * ```
 */
export function linear(x: Tensor, weight: Tensor, ...rest: Trailing<Tensor | null, BiasOptions>): Tensor {
  const { bias } = splitOptions<BiasOptions>("linear", rest, ["bias"]);
  if (x.shape.length === 1) return reshape(linearOf(unsqueeze(x, [0]), weight, bias ?? undefined), [-1]);
  return linearOf(x, weight, bias ?? undefined);
}

/**
 * `out[n, o] = Σ_i Σ_j x1[n, i] weight[o, i, j] x2[n, j] + bias[o]`.
 *
 * @param x1 `[N, I]`
 * @param x2 `[N, J]`
 * @param weight `[O, I, J]`
 * @param rest `bias`: `[1, O]`
 * @throws InvalidArgumentError for shapes that do not fit.
 */
export function bilinear(
  x1: Tensor,
  x2: Tensor,
  weight: Tensor,
  ...rest: Trailing<Tensor | null, BiasOptions>
): Tensor {
  const { bias } = splitOptions<BiasOptions>("bilinear", rest, ["bias"]);
  const [outs, i, j] = weight.shape;
  const fits =
    weight.shape.length === 3 && x1.shape.length === 2 && sameShape(x2.shape, [x1.shape[0]!, j!]) && x1.shape[1] === i;
  if (!fits)
    throw new InvalidArgumentError(
      `x1 ${formatShape(x1.shape)}, x2 ${formatShape(x2.shape)} and weight ${formatShape(weight.shape)} must be [N, I], [N, J] and [O, I, J].`,
      { op: "bilinear" },
    );
  const wide = matmul(x1, reshape(transpose(weight, [1, 0, 2]), [i!, outs! * j!]));
  const out = sumOver(multiply(reshape(wide, [-1, outs!, j!]), unsqueeze(x2, [1])), [2], false);
  return bias ? add(out, bias) : out;
}

/** Options of rearrangements of images. */
export interface ImageFormatOptions {
  /** Default "NCHW". */
  readonly dataFormat?: "NCHW" | "NHWC" | undefined;
}

function imageOf(x: Tensor, format: string | undefined, op: string): "NCHW" | "NHWC" {
  const known = format ?? "NCHW";
  if (known !== "NCHW" && known !== "NHWC")
    throw new InvalidArgumentError(`dataFormat must be "NCHW" or "NHWC", got ${JSON.stringify(format)}.`, { op });
  if (x.shape.length !== 4)
    throw new InvalidArgumentError(`x must have 4 axes, got ${formatShape(x.shape)}.`, { op, x: x.shape });
  return known;
}

const requireFactor = (n: number, name: string, op: string): void => {
  if (!Number.isInteger(n) || n < 1)
    throw new InvalidArgumentError(`${name} must be a positive integer, got ${n}.`, { op });
};

/**
 * Channels become pixels: `[N, C r², H, W]` to `[N, C, H r, W r]`.
 *
 * @throws InvalidArgumentError when r² does not divide the channels.
 */
export function pixelShuffle(x: Tensor, upscaleFactor: number, ...rest: Trailing<string, ImageFormatOptions>): Tensor {
  const op = "pixel_shuffle";
  const r = upscaleFactor;
  requireFactor(r, "upscaleFactor", op);
  const last = imageOf(x, splitOptions<ImageFormatOptions>(op, rest, ["dataFormat"]).dataFormat, op) === "NHWC";
  const [n, h, w, c] = (last ? x.shape : [x.shape[0], x.shape[2], x.shape[3], x.shape[1]]) as [
    number,
    number,
    number,
    number,
  ];
  if (c % (r * r) !== 0)
    throw new InvalidArgumentError(`${r * r} (upscaleFactor squared) must divide the ${c} channels.`, {
      op,
      x: x.shape,
    });
  const to = c / (r * r);
  if (last) return reshape(transpose(reshape(x, [n, h, w, to, r, r]), [0, 1, 4, 2, 5, 3]), [n, h * r, w * r, to]);
  return reshape(transpose(reshape(x, [n, to, r, r, h, w]), [0, 1, 4, 2, 5, 3]), [n, to, h * r, w * r]);
}

/**
 * Pixels become channels: `[N, C, H r, W r]` to `[N, C r², H, W]`.
 *
 * @throws InvalidArgumentError when r does not divide height and width.
 */
export function pixelUnshuffle(
  x: Tensor,
  downscaleFactor: number,
  ...rest: Trailing<string, ImageFormatOptions>
): Tensor {
  const op = "pixel_unshuffle";
  const r = downscaleFactor;
  requireFactor(r, "downscaleFactor", op);
  const last = imageOf(x, splitOptions<ImageFormatOptions>(op, rest, ["dataFormat"]).dataFormat, op) === "NHWC";
  const [n, h, w, c] = (last ? x.shape : [x.shape[0], x.shape[2], x.shape[3], x.shape[1]]) as [
    number,
    number,
    number,
    number,
  ];
  if (h % r !== 0 || w % r !== 0)
    throw new InvalidArgumentError(`downscaleFactor ${r} must divide height ${h} and width ${w}.`, { op, x: x.shape });
  if (last)
    return reshape(transpose(reshape(x, [n, h / r, r, w / r, r, c]), [0, 1, 3, 5, 2, 4]), [n, h / r, w / r, c * r * r]);
  return reshape(transpose(reshape(x, [n, c, h / r, r, w / r, r]), [0, 1, 3, 5, 2, 4]), [n, c * r * r, h / r, w / r]);
}

/**
 * Interleaves `groups` groups of channels: channel `g (C / groups) + i` goes to `i groups + g`.
 *
 * @throws InvalidArgumentError when groups does not divide the channels.
 */
export function channelShuffle(x: Tensor, groups: number, ...rest: Trailing<string, ImageFormatOptions>): Tensor {
  const op = "channel_shuffle";
  requireFactor(groups, "groups", op);
  const last = imageOf(x, splitOptions<ImageFormatOptions>(op, rest, ["dataFormat"]).dataFormat, op) === "NHWC";
  const [a, b, c, d] = x.shape as [number, number, number, number];
  const channels = last ? d : b;
  if (channels % groups !== 0)
    throw new InvalidArgumentError(`groups ${groups} must divide the ${channels} channels.`, { op, x: x.shape });
  const each = channels / groups;
  const mixed = last
    ? transpose(reshape(x, [a, b, c, groups, each]), [0, 1, 2, 4, 3])
    : transpose(reshape(x, [a, groups, each, c, d]), [0, 2, 1, 3, 4]);
  return reshapeLike(mixed, x);
}

/** Options of {@link temporalShift}. */
export interface TemporalShiftOptions extends ImageFormatOptions {
  /** Share of channels that move one step on, and as many one step back. Default 0.25. */
  readonly shiftRatio?: number | undefined;
}

/**
 * Moves some channels of a video one step on in time, as many one step back (Lin et al. 2019); zeros come in.
 *
 * @param x `[N segNum, C, H, W]`
 * @param segNum steps of a sample
 * @throws InvalidArgumentError when segNum does not divide the first extent.
 */
export function temporalShift(x: Tensor, segNum: number, ...rest: Trailing<number, TemporalShiftOptions>): Tensor {
  const op = "temporal_shift";
  const o = splitOptions<TemporalShiftOptions>(op, rest, ["shiftRatio", "dataFormat"]);
  const last = imageOf(x, o.dataFormat, op) === "NHWC";
  requireFactor(segNum, "segNum", op);
  const ratio = o.shiftRatio ?? 0.25;
  if (x.shape[0]! % segNum !== 0 || !(ratio > 0 && ratio < 0.5))
    throw new InvalidArgumentError(
      `segNum ${segNum} must divide the first extent of ${formatShape(x.shape)}, and shiftRatio ${ratio} lie within (0, 0.5).`,
      { op, x: x.shape },
    );
  const video = reshape(x, [x.shape[0]! / segNum, segNum, ...x.shape.slice(1)]);
  const axis = last ? 4 : 2;
  const channels = video.shape[axis]!;
  const [on, back] = [Math.trunc(channels * ratio), Math.trunc(channels * 2 * ratio)];
  const part = (from: number, to: number): Tensor => slice(video, [axis], [from], [to]);
  const moved = (v: Tensor, steps: number): Tensor =>
    pad(
      v,
      v.shape.map((_, a) => (a === 1 ? steps : 0)),
      v.shape.map((_, a) => (a === 1 ? -steps : 0)),
    );
  return reshapeLike(concat([moved(part(0, on), 1), moved(part(on, back), -1), part(back, channels)], axis), x);
}

/** Options of {@link localResponseNorm}. */
export interface LocalResponseNormOptions {
  /** Default 1e-4. */
  readonly alpha?: number | undefined;
  /** Default 0.75. */
  readonly beta?: number | undefined;
  /** Default 1. */
  readonly k?: number | undefined;
  /** Default "NCHW". */
  readonly dataFormat?: "NCL" | "NLC" | "NCHW" | "NHWC" | "NCDHW" | "NDHWC" | undefined;
}

/**
 * `x / (k + alpha · mean x²)^beta`, the mean over `size` neighbouring channels (those outside count 0).
 *
 * @param x 3 axes or more
 * @throws InvalidArgumentError for fewer axes, for a size below 1.
 */
export function localResponseNorm(
  x: Tensor,
  size: number,
  ...rest: Trailing<number, LocalResponseNormOptions>
): Tensor {
  const op = "local_response_norm";
  const o = splitOptions<LocalResponseNormOptions>(op, rest, ["alpha", "beta", "k", "dataFormat"]);
  requireFactor(size, "size", op);
  if (x.shape.length < 3)
    throw new InvalidArgumentError(`x must have 3 axes or more, got ${formatShape(x.shape)}.`, { op });
  const axis = channelAxis(o.dataFormat ?? "NCHW", x.shape.length, op);
  const near = windowSum(multiply(x, x), axis, Math.floor(size / 2), size);
  const scale = add(multiply(near, (o.alpha ?? 1e-4) / size), o.k ?? 1);
  return divide(x, pow<Tensor>(scale, o.beta ?? 0.75));
}

/**
 * Beams followed back from the last step by their parents: the whole sequences a beam search found.
 *
 * @param ids `[time, batch, beam]`
 * @param parents the same shape: which beam of the step before each came from
 * @throws InvalidArgumentError for other shapes.
 */
export function gatherTree(ids: Tensor, parents: Tensor): Tensor {
  if (ids.shape.length !== 3 || !sameShape(ids.shape, parents.shape))
    throw new InvalidArgumentError(
      `ids ${formatShape(ids.shape)} and parents ${formatShape(parents.shape)} must be [time, batch, beam].`,
      { op: "gather_tree" },
    );
  return gatherTreeOf(ids, parents);
}
