// Paddle's pooling functions: maxima, averages and p-norms of windows over one, two and three axes.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { divide, multiply } from "../../ops/arithmetic.js";
import { pow } from "../../ops/exponential.js";
import { maxPool } from "../../ops/pooling.js";
import { averagePool } from "../../ops/pooling-average.js";
import type { PoolWindows } from "../../ops/pooling-shapes.js";
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

/** Options that all pools of even windows have. `stride` and `padding` may be given bare. */
export interface PoolOptions {
  /** Distance of windows. Default the kernel size. */
  readonly stride?: PerAxis | null | undefined;
  /** Elements that belong to windows around the input. Default 0. */
  readonly padding?: Padding | undefined;
  /** Whether a last window that is not whole counts. Default false. */
  readonly ceilMode?: boolean | undefined;
  /** Channels first (default) or last. */
  readonly dataFormat?: SpatialFormat | undefined;
}

/** Options of maxima. */
export interface MaxPoolOptions extends PoolOptions {
  /** Whether the positions of the maxima in their planes come too. Default false. */
  readonly returnMask?: boolean | undefined;
}

/** Options of averages. */
export interface AvgPoolOptions extends PoolOptions {
  /** Whether padding does not count in the mean. Default true. */
  readonly exclusive?: boolean | undefined;
  /** Divide sums by this in place of the number of elements. */
  readonly divisorOverride?: number | null | undefined;
}

type Bare = PerAxis | null;
type PoolRest<O> = Trailing<Bare, O> | [stride: Bare | undefined, padding: Padding | undefined, options?: O];

interface Call {
  readonly x: Tensor;
  readonly windows: PoolWindows;
  readonly sizes: readonly number[];
  back(y: Tensor): Tensor;
}

/** Reads windows; one axis of space becomes two. */
function prepare(op: string, given: Tensor, kernelSize: PerAxis, axes: number, o: PoolOptions): Call {
  requireSpace(given, axes, op);
  const last = channelsLast(o.dataFormat, axes, op);
  const { x, back } = channelsFirst(given, last);
  const sizes = perAxis(kernelSize, axes, "kernelSize", op);
  const strides = o.stride === undefined || o.stride === null ? sizes : perAxis(o.stride, axes, "stride", op);
  const { padding = 0, ceilMode: ceil = false } = o;
  if (typeof padding === "string" && padding.toUpperCase() === "VALID" && ceil)
    throw new InvalidArgumentError('padding "VALID" has no ceilMode.', { op });
  const pads = paddings(padding, axes, last, op) ?? samePaddings(x.shape.slice(2), sizes, strides);
  if (axes > 1) return { x, windows: { sizes, strides, paddings: pads, ceil }, sizes, back };
  const windows = { sizes: [1, ...sizes], strides: [1, ...strides], paddings: [0, 0, ...pads], ceil };
  return { x: widen(x), windows, sizes, back: (y) => back(narrow(y)) };
}

const maxKeys = ["stride", "padding", "returnMask", "ceilMode", "dataFormat"] as const;

function maxima(
  op: string,
  x: Tensor,
  size: PerAxis,
  axes: number,
  rest: PoolRest<MaxPoolOptions>,
): Tensor | [Tensor, Tensor] {
  const o = splitOptions<MaxPoolOptions>(op, rest, maxKeys, 2);
  if (o.returnMask && channelsLast(o.dataFormat, axes, op))
    throw new InvalidArgumentError("positions are given for channels first only.", {
      op,
      hint: "drop returnMask, or transpose x and use the default dataFormat.",
    });
  const call = prepare(op, x, size, axes, o);
  const [out, mask] = maxPool(call.x, call.windows);
  return o.returnMask ? [call.back(out), call.back(mask)] : call.back(out);
}

const avgKeys = ["stride", "padding", "exclusive", "ceilMode", "divisorOverride", "dataFormat"] as const;

function averages(op: string, x: Tensor, size: PerAxis, axes: number, rest: PoolRest<AvgPoolOptions>): Tensor {
  const o = splitOptions<AvgPoolOptions>(op, rest, avgKeys, 2);
  const call = prepare(op, x, size, axes, o);
  const out = call.back(averagePool(call.x, call.windows, o.exclusive ?? true));
  if (o.divisorOverride === undefined || o.divisorOverride === null) return out;
  return divide(multiply(out, product(call.sizes)), o.divisorOverride);
}

const product = (list: readonly number[]): number => list.reduce((a, b) => a * b, 1);

/**
 * The functions below come in threes: over one axis `[n, c, l]`, two `[n, c, h, w]` and three `[n, c, d, h, w]`.
 */
interface MaxPool {
  (x: Tensor, kernelSize: PerAxis, ...rest: PoolRest<MaxPoolOptions & { readonly returnMask: true }>): [Tensor, Tensor];
  (x: Tensor, kernelSize: PerAxis, ...rest: PoolRest<MaxPoolOptions>): Tensor;
}

const maxPoolOf = (axes: number): MaxPool =>
  ((x: Tensor, size: PerAxis, ...rest: PoolRest<MaxPoolOptions>) =>
    maxima(`max_pool${axes}d`, x, size, axes, rest)) as MaxPool;

/** Maxima of windows over one axis: {@link maxPool2d} for `[n, channels, length]`. */
export const maxPool1d: MaxPool = maxPoolOf(1);
/**
 * Maxima of windows over two axes; the gradient flows to the first of equal elements.
 *
 * @param x `[n, channels, height, width]`
 * @throws InvalidArgumentError for ranks and windows that do not fit.
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * console.log(nn.functional.maxPool2d(ones([1, 3, 8, 8]), 2).shape); // [1, 3, 4, 4]
 * ```
 */
export const maxPool2d: MaxPool = maxPoolOf(2);
/** Maxima of windows over three axes: {@link maxPool2d} for `[n, channels, depth, height, width]`. */
export const maxPool3d: MaxPool = maxPoolOf(3);

type AvgPool = (x: Tensor, kernelSize: PerAxis, ...rest: PoolRest<AvgPoolOptions>) => Tensor;
const avgPoolOf =
  (axes: number): AvgPool =>
  (x, size, ...rest) =>
    averages(`avg_pool${axes}d`, x, size, axes, rest);

/** Means of windows over one axis: {@link avgPool2d} for `[n, channels, length]`. */
export const avgPool1d: AvgPool = avgPoolOf(1);
/**
 * Means of windows over two axes.
 *
 * @param x `[n, channels, height, width]`
 * @throws InvalidArgumentError for ranks and windows that do not fit.
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * console.log(nn.functional.avgPool2d(ones([1, 3, 8, 8]), 2).shape); // [1, 3, 4, 4]
 * ```
 */
export const avgPool2d: AvgPool = avgPoolOf(2);
/** Means of windows over three axes: {@link avgPool2d} for `[n, channels, depth, height, width]`. */
export const avgPool3d: AvgPool = avgPoolOf(3);

type LpPool = (x: Tensor, normType: number, kernelSize: PerAxis, ...rest: PoolRest<PoolOptions>) => Tensor;

const lpPoolOf =
  (axes: number): LpPool =>
  (x, normType, size, ...rest) => {
    const op = `lp_pool${axes}d`;
    const o = splitOptions<PoolOptions>(op, rest, ["stride", "padding", "ceilMode", "dataFormat"], 2);
    if (!(normType > 0)) throw new InvalidArgumentError(`normType must be positive, got ${normType}.`, { op });
    const call = prepare(op, x, size, axes, o);
    if (normType === Infinity) return call.back(maxPool(call.x, call.windows)[0]);
    const sums = averagePool(pow(call.x, normType), call.windows, true, "none");
    return call.back(pow(sums, 1 / normType));
  };

/** p-norms of windows over one axis: {@link lpPool2d} for `[n, channels, length]`. */
export const lpPool1d: LpPool = lpPoolOf(1);
/**
 * p-norms of windows over two axes: `(Σ x^p)^(1/p)`, without absolute values, as Paddle has it; infinity gives maxima.
 *
 * @param x `[n, channels, height, width]`
 * @throws InvalidArgumentError for a normType that is not positive, and windows that do not fit.
 */
export const lpPool2d: LpPool = lpPoolOf(2);
