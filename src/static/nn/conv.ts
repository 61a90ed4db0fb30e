// static.nn's convolutions.

import { InvalidArgumentError } from "../../core/errors.js";
import { checkOptions, splitOptions, type Trailing } from "../../core/options.js";
import { sizeOf } from "../../core/shape.js";
import {
  conv2d as conv2dOf,
  conv2dTranspose as conv2dTransposeOf,
  conv3d as conv3dOf,
  conv3dTranspose as conv3dTransposeOf,
} from "../../nn/functional/conv.js";
import { type Padding, type PerAxis, perAxis, type SpatialFormat } from "../../nn/functional/spatial.js";
import { Normal } from "../../nn/initializer/normal.js";
import { type AttrLike, aliasedAttr } from "../../param/param-attr.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type Activation, LayerHelper, requireTensor } from "../helper.js";

/** What all convolutions take. */
interface CommonConvOptions {
  /** Distance of the kernel's places. Default 1. */
  readonly stride?: PerAxis | undefined;
  /** Zeros around the input. Default 0. */
  readonly padding?: Padding | undefined;
  /** Distance of the kernel's taps. Default 1. */
  readonly dilation?: PerAxis | undefined;
  /** Groups of channels that do not see each other. Default 1. */
  readonly groups?: number | null | undefined;
  readonly paramAttr?: AttrLike;
  /** Alias of paramAttr. */
  readonly weightAttr?: AttrLike;
  /** False: no bias. */
  readonly biasAttr?: AttrLike;
  /** Accepted for Paddle's sake; false with as many groups as channels gives Paddle's name `depthwise_conv2d_N`. */
  readonly useCudnn?: boolean | undefined;
  readonly act?: Activation;
  readonly name?: string | null | undefined;
}

/** Options of {@link conv2d} and {@link conv3d}. */
export interface StaticConvOptions extends CommonConvOptions {
  readonly dataFormat?: SpatialFormat | undefined;
}

const keys = [
  "stride",
  "padding",
  "dilation",
  "groups",
  "paramAttr",
  "weightAttr",
  "biasAttr",
  "useCudnn",
  "act",
  "name",
  "dataFormat",
] as const;

/** Checked numbers of a call, and the axis of channels. */
function channelsOf(input: Tensor, spatial: number, format: string, groups: number, op: string): [number, number] {
  if (input.ndim !== spatial + 2)
    throw new InvalidArgumentError(`needs ${spatial + 2} axes, the input has ${input.ndim}.`, { op });
  const axis = format.endsWith("C") ? input.ndim - 1 : 1;
  const channels = input.shape[axis]!;
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0)
    throw new InvalidArgumentError(`groups ${groups} must divide the ${channels} channels.`, { op });
  return [channels, axis];
}

function convolution(
  spatial: 2 | 3,
  input: Tensor,
  filters: number,
  filterSize: PerAxis,
  given: StaticConvOptions | undefined,
): Tensor {
  const op = `static.nn.conv${spatial}d`;
  const o = checkOptions<StaticConvOptions>(op, given, keys);
  requireTensor(input, op);
  const groups = o.groups ?? 1;
  const format = o.dataFormat ?? (spatial === 2 ? "NCHW" : "NCDHW");
  const [channels, axis] = channelsOf(input, spatial, format, groups, op);
  if (!Number.isInteger(filters) || filters < 1 || filters % groups !== 0)
    throw new InvalidArgumentError(`the number of filters must be a multiple of groups ${groups}, got ${filters}.`, {
      op,
    });
  const depthwise = spatial === 2 && channels === groups && filters % channels === 0 && o.useCudnn === false;
  const helper = new LayerHelper(op, depthwise ? "depthwise_conv2d" : `conv${spatial}d`, o.name);
  const taps = perAxis(filterSize, spatial, "filterSize", op);
  const attr = aliasedAttr(o.weightAttr, o.paramAttr, op);
  // As in Paddle the spread counts all channels, with groups too.
  const defaultInitializer = new Normal(0, Math.sqrt(2 / (sizeOf(taps) * channels)));
  const weight = helper.required([filters, channels / groups, ...taps], input.dtype, { attr, defaultInitializer });
  const convolve = spatial === 2 ? conv2dOf : conv3dOf;
  const { stride, padding, dilation } = o;
  const y = helper.named(convolve(input, weight, { stride, padding, dilation, groups, dataFormat: format }));
  const bias = helper.parameter([filters], input.dtype, { attr: o.biasAttr, isBias: true });
  return helper.activated(helper.shifted(y, bias, axis), o.act);
}

/**
 * Convolution over two axes. The weight is `[numFilters, channels / groups, …filterSize]`, Normal(0, √(2 / (taps channels))).
 *
 * @param input `[n, channels, height, width]` (or "NHWC")
 * @throws InvalidArgumentError for ranks, channels or groups that do not fit.
 */
export const conv2d = (input: Tensor, numFilters: number, filterSize: PerAxis, options?: StaticConvOptions): Tensor =>
  convolution(2, input, numFilters, filterSize, options);

/** Convolution over three axes: {@link conv2d} for `[n, channels, depth, height, width]` (or "NDHWC"). */
export const conv3d = (input: Tensor, numFilters: number, filterSize: PerAxis, options?: StaticConvOptions): Tensor =>
  convolution(3, input, numFilters, filterSize, options);

/** Options of {@link conv2dTranspose} and {@link conv3dTranspose}. */
export interface StaticConvTransposeOptions extends CommonConvOptions {
  /** Extents of the result; decides filterSize when that is not given. */
  readonly outputSize?: PerAxis | null | undefined;
  readonly filterSize?: PerAxis | null | undefined;
  readonly dataFormat?: SpatialFormat | undefined;
}

const transposeKeys = ["outputSize", "filterSize", ...keys] as const;

function transposed(
  spatial: 2 | 3,
  input: Tensor,
  filters: number,
  rest: Trailing<PerAxis | null, StaticConvTransposeOptions>,
): Tensor {
  const op = `static.nn.conv${spatial}dTranspose`;
  const o = splitOptions<StaticConvTransposeOptions>(op, rest, transposeKeys);
  requireTensor(input, op);
  const groups = o.groups ?? 1;
  const format = o.dataFormat ?? (spatial === 2 ? "NCHW" : "NCDHW");
  const [channels, axis] = channelsOf(input, spatial, format, groups, op);
  const helper = new LayerHelper(op, `conv${spatial}d_transpose`, o.name);
  const taps = o.filterSize ? perAxis(o.filterSize, spatial, "filterSize", op) : tapsFor(input, spatial, axis, o, op);
  const attr = aliasedAttr(o.weightAttr, o.paramAttr, op);
  const weight = helper.required([channels, filters / groups, ...taps], input.dtype, { attr });
  const { stride, padding, dilation, outputSize } = o;
  const convolve = spatial === 2 ? conv2dTransposeOf : conv3dTransposeOf;
  const y = convolve(input, weight, { stride, padding, dilation, groups, outputSize, dataFormat: format });
  const bias = helper.parameter([filters], input.dtype, { attr: o.biasAttr, isBias: true });
  return helper.activated(helper.shifted(helper.named(y), bias, axis), o.act);
}

/** The filter whose result has the extents asked for: `(out - (in - 1) stride + 2 padding - 1) / dilation + 1`. */
function tapsFor(input: Tensor, spatial: number, axis: number, o: StaticConvTransposeOptions, op: string): number[] {
  if (o.outputSize === undefined || o.outputSize === null)
    throw new InvalidArgumentError("needs filterSize or outputSize.", { op });
  const out = perAxis(o.outputSize, spatial, "outputSize", op);
  const [stride, dilation] = [o.stride ?? 1, o.dilation ?? 1].map((n, i) =>
    perAxis(n, spatial, i ? "dilation" : "stride", op),
  );
  const padding = o.padding ?? 0;
  if (typeof padding !== "number" && !(Array.isArray(padding) && padding.every((n) => typeof n === "number")))
    throw new InvalidArgumentError("without filterSize the padding must be numbers.", { op });
  const pads = perAxis(padding as PerAxis, spatial, "padding", op);
  const first = axis === 1 ? 2 : 1;
  return out.map((n, i) => {
    const taps = (n - (input.shape[first + i]! - 1) * stride![i]! + 2 * pads[i]! - 1) / dilation![i]! + 1;
    return Math.floor(taps);
  });
}

/**
 * Transposed convolution over two axes. The weight is `[channels, numFilters / groups, …filterSize]`, XavierUniform.
 *
 * @param input `[n, channels, height, width]` (or "NHWC")
 * @throws InvalidArgumentError without filterSize and outputSize, and for channels or groups that do not fit.
 */
export const conv2dTranspose = (
  input: Tensor,
  numFilters: number,
  ...rest: Trailing<PerAxis | null, StaticConvTransposeOptions>
): Tensor => transposed(2, input, numFilters, rest);

/** Transposed convolution over three axes: {@link conv2dTranspose} for `[n, channels, depth, height, width]` (or "NDHWC"). */
export const conv3dTranspose = (
  input: Tensor,
  numFilters: number,
  ...rest: Trailing<PerAxis | null, StaticConvTransposeOptions>
): Tensor => transposed(3, input, numFilters, rest);
