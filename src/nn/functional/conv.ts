// Paddle's convolutions and transposed convolutions over one, two and three axes.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape } from "../../core/shape.js";
import { type ConvSettings, conv, convTranspose, transposedExtent } from "../../ops/convolution.js";
import type { Tensor } from "../../tensor/tensor.js";
import {
  channelsFirst,
  channelsLast,
  type Padding,
  type PerAxis,
  paddings,
  perAxis,
  requireSpace,
  samePaddings,
  type SpatialFormat,
  widen,
  narrow,
} from "./spatial.js";

/** Options of convolutions. */
export interface ConvOptions {
  /** One number for each channel of the result. Default null: none. */
  readonly bias?: Tensor | null | undefined;
  /** Distance of the kernel's places. Default 1. */
  readonly stride?: PerAxis | undefined;
  /** Zeros around the input. Default 0. */
  readonly padding?: Padding | undefined;
  /** Distance of the kernel's taps. Default 1. */
  readonly dilation?: PerAxis | undefined;
  /** Groups of channels that do not see each other. Default 1. */
  readonly groups?: number | undefined;
  /** Channels first (default) or last. */
  readonly dataFormat?: SpatialFormat | undefined;
}

/** Options of transposed convolutions. */
export interface ConvTransposeOptions extends ConvOptions {
  /** Elements added at the end of each axis of the result. Default 0. */
  readonly outputPadding?: PerAxis | undefined;
  /** Extents of the result, instead of outputPadding. */
  readonly outputSize?: PerAxis | null | undefined;
}

const convKeys = ["bias", "stride", "padding", "dilation", "groups", "dataFormat"] as const;
const transposeKeys = [...convKeys, "outputPadding", "outputSize"] as const;

type Rest = Trailing<Tensor | null, ConvOptions>;
type TransposeRest = Trailing<Tensor | null, ConvTransposeOptions>;

interface Call {
  readonly op: string;
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  readonly settings: ConvSettings;
  back(y: Tensor): Tensor;
}

/** Reads what all convolutions take; one axis of space becomes two. */
function prepare(op: string, given: Tensor, weight: Tensor, axes: number, o: ConvOptions): Call {
  requireSpace(given, axes, op);
  const last = channelsLast(o.dataFormat, axes, op);
  const { x, back } = channelsFirst(given, last);
  const groups = o.groups ?? 1;
  if (!Number.isInteger(groups) || groups < 1)
    throw new InvalidArgumentError(`groups must be a positive integer, got ${groups}.`, { op });
  if (x.shape[1]! >= 0 && x.shape[1]! % groups !== 0)
    throw new InvalidArgumentError(
      `the ${x.shape[1]} channels of x ${formatShape(given.shape)} cannot be split into ${groups} groups.`,
      { op, x: given.shape, groups },
    );
  const strides = perAxis(o.stride ?? 1, axes, "stride", op);
  let dilations = perAxis(o.dilation ?? 1, axes, "dilation", op);
  let pads = paddings(o.padding ?? 0, axes, last, op);
  if (!pads) {
    // As Paddle: "SAME" takes no notice of dilation, and drops it.
    pads = samePaddings(x.shape.slice(2), weight.shape.slice(2), strides);
    dilations = dilations.map(() => 1);
  }
  const settings = { strides, paddings: pads, dilations, groups };
  const bias = o.bias ?? undefined;
  if (axes > 1) return { op, x, weight, bias, settings, back };
  return {
    op,
    x: widen(x),
    weight: weight.shape.length === 3 ? widen(weight) : weight,
    bias,
    settings: {
      strides: [1, ...strides],
      paddings: [0, 0, ...pads],
      dilations: [1, ...dilations],
      groups,
    },
    back: (y) => back(narrow(y)),
  };
}

function convolve(op: string, x: Tensor, weight: Tensor, axes: number, rest: Rest): Tensor {
  const o = splitOptions<ConvOptions>(op, rest, convKeys);
  const call = prepare(op, x, weight, axes, o);
  return call.back(conv(call.x, call.weight, call.bias, call.settings));
}

function transposeConv(op: string, x: Tensor, weight: Tensor, axes: number, rest: TransposeRest): Tensor {
  const o = splitOptions<ConvTransposeOptions>(op, rest, transposeKeys);
  const call = prepare(op, x, weight, axes, o);
  const first = call.settings.strides.length - axes;
  const added = perAxis(o.outputPadding ?? 0, axes, "outputPadding", op);
  const more = [...new Array<number>(first).fill(0), ...added];
  if (o.outputSize !== undefined && o.outputSize !== null) {
    if (added.some((n) => n !== 0))
      throw new InvalidArgumentError("outputPadding and outputSize cannot both be given.", { op });
    perAxis(o.outputSize, axes, "outputSize", op).forEach((size, i) => {
      const axis = first + i;
      const least = transposedExtent(call.x.shape[2 + axis]!, call.weight.shape[2 + axis]!, call.settings, axis);
      const stride = call.settings.strides[axis]!;
      if (least >= 0 && (size < least || size >= least + stride))
        throw new InvalidArgumentError(
          `outputSize of axis ${i} must be in [${least}, ${least + stride}), got ${size}.`,
          {
            op,
            x: x.shape,
            weight: weight.shape,
          },
        );
      more[axis] = size - least;
    });
  }
  const reach = call.settings.strides.map((s, i) => Math.max(s, call.settings.dilations[i]!));
  if (more.some((n, i) => n < 0 || (n > 0 && n >= reach[i]!)))
    throw new InvalidArgumentError(`outputPadding ${formatShape(added)} must be smaller than stride or dilation.`, {
      op,
    });
  return call.back(convTranspose(call.x, call.weight, call.bias, call.settings, more));
}

/**
 * Convolution over one axis: `out[n, o, l] = bias[o] + Σ weight[o, c, t] x[n, c, l · stride + t · dilation - padding]`.
 *
 * @param x `[n, channels, length]` (or "NLC")
 * @param weight `[out, channels / groups, taps]`
 * @throws InvalidArgumentError for ranks, channels or extents that do not fit.
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * console.log(nn.functional.conv1d(ones([1, 2, 5]), ones([3, 2, 3]), { padding: 1 }).shape); // [1, 3, 5]
 * ```
 */
export const conv1d = (x: Tensor, weight: Tensor, ...rest: Rest): Tensor => convolve("conv1d", x, weight, 1, rest);

/**
 * Convolution over two axes.
 *
 * @param x `[n, channels, height, width]` (or "NHWC")
 * @param weight `[out, channels / groups, …taps]`
 * @throws InvalidArgumentError for ranks, channels or extents that do not fit.
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * console.log(nn.functional.conv2d(ones([1, 3, 8, 8]), ones([4, 3, 3, 3]), { stride: 2 }).shape); // [1, 4, 3, 3]
 * ```
 */
export const conv2d = (x: Tensor, weight: Tensor, ...rest: Rest): Tensor => convolve("conv2d", x, weight, 2, rest);

/** Convolution over three axes: {@link conv2d} for `[n, channels, depth, height, width]` (or "NDHWC"). */
export const conv3d = (x: Tensor, weight: Tensor, ...rest: Rest): Tensor => convolve("conv3d", x, weight, 3, rest);

/** Transposed convolution over one axis: {@link conv2dTranspose} for `[n, channels, length]` (or "NLC"). */
export const conv1dTranspose = (x: Tensor, weight: Tensor, ...rest: TransposeRest): Tensor =>
  transposeConv("conv1d_transpose", x, weight, 1, rest);

/**
 * Transposed convolution over two axes: the map whose gradient of x is a convolution with the same weights. Each axis gets
 * `(n - 1) · stride - paddings + dilation · (taps - 1) + 1 + outputPadding` elements.
 *
 * @param x `[n, channels, height, width]` (or "NHWC")
 * @param weight `[channels, out / groups, …taps]`
 * @throws InvalidArgumentError for ranks, channels or extents that do not fit, and for an outputSize that no input gives.
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * console.log(nn.functional.conv2dTranspose(ones([1, 3, 4, 4]), ones([3, 2, 2, 2]), { stride: 2 }).shape); // [1, 2, 8, 8]
 * ```
 */
export const conv2dTranspose = (x: Tensor, weight: Tensor, ...rest: TransposeRest): Tensor =>
  transposeConv("conv2d_transpose", x, weight, 2, rest);

/** Transposed convolution over three axes: {@link conv2dTranspose} for `[n, channels, depth, height, width]` (or "NDHWC"). */
export const conv3dTranspose = (x: Tensor, weight: Tensor, ...rest: TransposeRest): Tensor =>
  transposeConv("conv3d_transpose", x, weight, 3, rest);
