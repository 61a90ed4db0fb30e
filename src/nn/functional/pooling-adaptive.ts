// Paddle's pools whose windows follow from the size of the result, and putting maxima back to their places.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { adaptiveMaxPool, fractionalMaxPool } from "../../ops/pooling.js";
import { adaptiveAveragePool } from "../../ops/pooling-average.js";
import { unpool } from "../../ops/pooling-places.js";
import { mean } from "../../ops/reduction.js";
import { type IntsLike, numberOf } from "../../tensor/arguments.js";
import { rand } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";
import {
  channelsFirst,
  channelsLast,
  type Padding,
  type PerAxis,
  paddings,
  perAxis,
  requireSpace,
  type SpatialFormat,
  widen,
  narrow,
} from "./spatial.js";

/** Extents of the result; null keeps an axis. */
export type AdaptiveSize = number | readonly (number | null)[] | IntsLike;

/** Options of adaptive averages. */
export interface AdaptiveAvgPoolOptions {
  /** Channels first (default) or last. */
  readonly dataFormat?: SpatialFormat | undefined;
}

/** Options of adaptive maxima. */
export interface AdaptiveMaxPoolOptions {
  /** Whether the positions of the maxima in their planes come too. Default false. */
  readonly returnMask?: boolean | undefined;
}

/** Extents as kernels want them: 0 keeps an axis; one axis of space becomes two. */
function extentsOf(size: AdaptiveSize, axes: number, op: string): number[] {
  const plain = Array.isArray(size) ? (size as readonly (number | null)[]).map((n) => n ?? 0) : (size as PerAxis);
  const extents = perAxis(plain, axes, "outputSize", op);
  if (extents.some((n) => n < 0)) throw new InvalidArgumentError("outputSize must be positive.", { op });
  return axes === 1 ? [0, ...extents] : extents;
}

type AdaptiveAvgPool = (
  x: Tensor,
  outputSize: AdaptiveSize,
  ...rest: Trailing<SpatialFormat, AdaptiveAvgPoolOptions>
) => Tensor;

const adaptiveAvgPoolOf =
  (axes: number): AdaptiveAvgPool =>
  (given, size, ...rest) => {
    const op = `adaptive_avg_pool${axes}d`;
    const { dataFormat } = splitOptions<AdaptiveAvgPoolOptions>(op, rest, ["dataFormat"]);
    requireSpace(given, axes, op);
    const { x, back } = channelsFirst(given, channelsLast(dataFormat, axes, op));
    const extents = extentsOf(size, axes, op);
    const space = Array.from({ length: axes }, (_, i) => i + 2);
    // The mean of whole planes fuses with what is around it.
    if (extents.slice(-axes).every((n) => n === 1)) return back(mean(x, space, true));
    return back(axes === 1 ? narrow(adaptiveAveragePool(widen(x), extents)) : adaptiveAveragePool(x, extents));
  };

/** Means over one axis cut into `outputSize` parts: {@link adaptiveAvgPool2d} for `[n, channels, length]`. */
export const adaptiveAvgPool1d: AdaptiveAvgPool = adaptiveAvgPoolOf(1);
/**
 * Means over two axes cut into as many parts as `outputSize` says: part o of n elements is `⌊o n / size⌋` … `⌈(o + 1) n / size⌉`.
 *
 * @param x `[n, channels, height, width]` (or "NHWC")
 * @throws InvalidArgumentError for a rank or size that does not fit.
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * console.log(nn.functional.adaptiveAvgPool2d(ones([1, 3, 8, 8]), [2, null]).shape); // [1, 3, 2, 8]
 * ```
 */
export const adaptiveAvgPool2d: AdaptiveAvgPool = adaptiveAvgPoolOf(2);
/** Means over three axes: {@link adaptiveAvgPool2d} for `[n, channels, depth, height, width]` (or "NDHWC"). */
export const adaptiveAvgPool3d: AdaptiveAvgPool = adaptiveAvgPoolOf(3);

interface AdaptiveMaxPool {
  (x: Tensor, outputSize: AdaptiveSize, ...rest: [true] | [{ readonly returnMask: true }]): [Tensor, Tensor];
  (x: Tensor, outputSize: AdaptiveSize, ...rest: Trailing<boolean, AdaptiveMaxPoolOptions>): Tensor;
}

const adaptiveMaxPoolOf = (axes: number): AdaptiveMaxPool =>
  ((given: Tensor, size: AdaptiveSize, ...rest: Trailing<boolean, AdaptiveMaxPoolOptions>) => {
    const op = `adaptive_max_pool${axes}d`;
    const { returnMask } = splitOptions<AdaptiveMaxPoolOptions>(op, rest, ["returnMask"]);
    requireSpace(given, axes, op);
    const extents = extentsOf(size, axes, op);
    const pair = adaptiveMaxPool(axes === 1 ? widen(given) : given, extents);
    const [out, mask] = axes === 1 ? pair.map(narrow) : pair;
    return returnMask ? [out, mask] : out;
  }) as AdaptiveMaxPool;

/** Maxima over one axis cut into `outputSize` parts: {@link adaptiveMaxPool2d} for `[n, channels, length]`. */
export const adaptiveMaxPool1d: AdaptiveMaxPool = adaptiveMaxPoolOf(1);
/**
 * Maxima over two axes cut into parts as in {@link adaptiveAvgPool2d}.
 *
 * @param x `[n, channels, height, width]`
 * @throws InvalidArgumentError for a rank or size that does not fit.
 */
export const adaptiveMaxPool2d: AdaptiveMaxPool = adaptiveMaxPoolOf(2);
/** Maxima over three axes: {@link adaptiveMaxPool2d} for `[n, channels, depth, height, width]`. */
export const adaptiveMaxPool3d: AdaptiveMaxPool = adaptiveMaxPoolOf(3);

/** Options of {@link fractionalMaxPool2d}. */
export interface FractionalMaxPoolOptions {
  /** Size of windows; default null: each reaches to the next. */
  readonly kernelSize?: PerAxis | null | undefined;
  /** Where in (0, 1) the windows begin. Default null: drawn at random. */
  readonly randomU?: number | null | undefined;
  /** Whether the positions of the maxima in their planes come too. Default false. */
  readonly returnMask?: boolean | undefined;
}

interface FractionalMaxPool {
  (
    x: Tensor,
    outputSize: AdaptiveSize,
    options: FractionalMaxPoolOptions & { readonly returnMask: true },
  ): [Tensor, Tensor];
  (x: Tensor, outputSize: AdaptiveSize, ...rest: Trailing<PerAxis | null, FractionalMaxPoolOptions>): Tensor;
}

const fractionalMaxPoolOf = (axes: number): FractionalMaxPool =>
  ((x: Tensor, size: AdaptiveSize, ...rest: Trailing<PerAxis | null, FractionalMaxPoolOptions>) => {
    const op = `fractional_max_pool${axes}d`;
    const o = splitOptions<FractionalMaxPoolOptions>(op, rest, ["kernelSize", "randomU", "returnMask"]);
    requireSpace(x, axes, op);
    const u = o.randomU ?? numberOf(rand([1]), op);
    if (!(u > 0 && u < 1)) throw new InvalidArgumentError(`randomU must lie in (0, 1), got ${u}.`, { op });
    const sizes = perAxis(o.kernelSize ?? 0, axes, "kernelSize", op);
    const [out, mask] = fractionalMaxPool(x, extentsOf(size, axes, op), sizes, u);
    return o.returnMask ? [out, mask] : out;
  }) as FractionalMaxPool;

/**
 * Maxima of windows at irregular distances (Graham, Fractional max-pooling, 2014), over two axes. Without `randomU` its place is drawn,
 * which needs numbers now: not inside a Program.
 *
 * @param x `[n, channels, height, width]`
 * @throws InvalidArgumentError for randomU outside (0, 1), and sizes that do not fit.
 */
export const fractionalMaxPool2d: FractionalMaxPool = fractionalMaxPoolOf(2);
/** {@link fractionalMaxPool2d} for `[n, channels, depth, height, width]`. */
export const fractionalMaxPool3d: FractionalMaxPool = fractionalMaxPoolOf(3);

/** Options of {@link maxUnpool2d}. */
export interface MaxUnpoolOptions {
  /** Distance of windows. Default the kernel size. */
  readonly stride?: PerAxis | null | undefined;
  /** Padding that pooling had. Default 0. */
  readonly padding?: Padding | undefined;
  /** Channels first. */
  readonly dataFormat?: SpatialFormat | undefined;
  /** Extents of the result, or its whole shape. Default what the windows span. */
  readonly outputSize?: PerAxis | null | undefined;
}

type MaxUnpool = (
  x: Tensor,
  indices: Tensor,
  kernelSize: PerAxis,
  ...rest:
    | Trailing<PerAxis | null, MaxUnpoolOptions>
    | [PerAxis | null | undefined, Padding | undefined, MaxUnpoolOptions?]
) => Tensor;

const maxUnpoolOf =
  (axes: number): MaxUnpool =>
  (x, indices, kernelSize, ...rest) => {
    const op = `max_unpool${axes}d`;
    const o = splitOptions<MaxUnpoolOptions>(op, rest, ["stride", "padding", "dataFormat", "outputSize"], 2);
    requireSpace(x, axes, op);
    if (channelsLast(o.dataFormat, axes, op))
      throw new InvalidArgumentError("channels must come first.", { op, hint: "transpose x." });
    const sizes = perAxis(kernelSize, axes, "kernelSize", op);
    const strides = o.stride === undefined || o.stride === null ? sizes : perAxis(o.stride, axes, "stride", op);
    const pads = paddings(o.padding ?? 0, axes, false, op) ?? [];
    const spanned = sizes.map((n, i) => (x.shape[2 + i]! - 1) * strides[i]! - 2 * (pads[2 * i] ?? 0) + n);
    const extents = wanted(o.outputSize, x, axes, op) ?? spanned;
    extents.forEach((n, i) => {
      if (n <= spanned[i]! - strides[i]! || n >= spanned[i]! + strides[i]!)
        throw new InvalidArgumentError(
          `outputSize of axis ${i} must be between ${spanned[i]! - strides[i]!} and ${spanned[i]! + strides[i]!}, got ${n}.`,
          { op, x: x.shape, outputSize: extents },
        );
    });
    if (axes > 1) return unpool(x, indices, extents);
    return narrow(unpool(widen(x), widen(indices), [1, ...extents]));
  };

/** The extents asked for, from a size of space alone or a whole shape. */
function wanted(size: PerAxis | null | undefined, x: Tensor, axes: number, op: string): number[] | undefined {
  if (size === undefined || size === null) return undefined;
  if (Array.isArray(size) && size.length === axes + 2) return perAxis(size.slice(2), axes, "outputSize", op);
  if (Array.isArray(size) && size.length !== axes)
    throw new InvalidArgumentError(`outputSize must have ${axes} or ${axes + 2} extents, got ${size.length}.`, {
      op,
      x: x.shape,
    });
  return perAxis(size, axes, "outputSize", op);
}

/** Puts maxima over one axis back: {@link maxUnpool2d} for `[n, channels, length]`. */
export const maxUnpool1d: MaxUnpool = maxUnpoolOf(1);
/**
 * Puts maxima back to the positions that pooling with `returnMask` gave, zeros elsewhere.
 *
 * @param x `[n, channels, height, width]`
 * @param indices positions in the planes of the result, of x's shape, int32 or int64
 * @throws InvalidArgumentError for an outputSize that no such pooling has.
 */
export const maxUnpool2d: MaxUnpool = maxUnpoolOf(2);
/** Puts maxima over three axes back: {@link maxUnpool2d} for `[n, channels, depth, height, width]`. */
export const maxUnpool3d: MaxUnpool = maxUnpoolOf(3);
