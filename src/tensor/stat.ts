// Paddle's statistics of samples: medians, quantiles, covariances.

import { isFloat } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { normalizeAxes, sizeOf } from "../core/shape.js";
import { takeAlongAxis } from "../ops/along-axis.js";
import { add, divide, multiply, subtract } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { slice, stack } from "../ops/concat.js";
import { full, fullLike } from "../ops/creation.js";
import { cumsum } from "../ops/cumulative.js";
import { matmul } from "../ops/matmul.js";
import { swapAxes, transpose } from "../ops/movement.js";
import { countNumbers, sumOver } from "../ops/reduction.js";
import { equal } from "../ops/comparison.js";
import { sqrt } from "../ops/exponential.js";
import { where } from "../ops/logic.js";
import { argsort } from "../ops/sort.js";
import { flatten, reshape, squeeze, unsqueeze } from "../ops/views.js";
import type { Value } from "../program/value.js";
import type { Tensor } from "./tensor.js";

/** Axes for {@link median} and its kin: one, several, or all (null, the default). */
type StatAxis = number | readonly number[] | null | undefined;

/** The reduced axes joined into a last one, and how a result without it gets the asked shape. */
interface Samples {
  readonly lines: Tensor;
  readonly finish: (out: Tensor) => Tensor;
}

function samplesOf(x: Tensor, axis: StatAxis, keepdim: boolean, op: string): Samples {
  const rank = x.shape.length;
  if (typeof axis === "object" && axis?.length === 0) throw new InvalidArgumentError("axis is an empty list.", { op });
  const axes = normalizeAxes(axis, rank, op);
  const kept = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const moved = transpose(x, [...kept, ...axes]);
  const lines =
    axes.length === 0 ? unsqueeze(moved, [rank]) : axes.length === 1 ? moved : flatten(moved, kept.length, rank - 1);
  return { lines, finish: (out) => (keepdim ? unsqueeze(out, axes) : out) };
}

const floatOf = (x: Tensor): Tensor => (x.dtype === "float64" ? x : cast(x, "float32"));

/** Elements number `i` (-1: the last) of each line, without the axis. */
function nth(lines: Tensor, i: number): Tensor {
  const axis = lines.shape.length - 1;
  return squeeze(slice(lines, [axis], [i], [i === -1 ? 2 ** 30 : i + 1]), [axis]);
}

/** Options of {@link median} and {@link nanmedian}. */
export interface MedianOptions {
  readonly axis?: StatAxis;
  readonly keepdim?: boolean | undefined;
  /** `"avg"` (default): the mean of the two middle elements; `"min"`: the lower one, and with an axis also its index. */
  readonly mode?: "avg" | "min" | undefined;
}

function readMedian(rest: Trailing<StatAxis, MedianOptions>, op: string): MedianOptions {
  const o = splitOptions<MedianOptions>(op, rest, ["axis", "keepdim", "mode"]);
  if (o.mode !== undefined && o.mode !== "avg" && o.mode !== "min")
    throw new InvalidArgumentError(`mode must be "avg" or "min", not ${String(o.mode)}.`, { op });
  return o;
}

/**
 * The middle element along an axis, or of all; NaN where the line has one. Integers give float32.
 *
 * @returns a tensor; with `mode: "min"` and an axis `[values, indices]`.
 * @throws OutOfRangeError for an axis that x has not.
 * @example
 * ```ts
 * import { median, toTensor } from "oarjs";
 * console.log(await (median(toTensor([3, 1, 2, 4])) as import("oarjs").Tensor).item()); // 2.5
 * ```
 */
export function median(x: Tensor, ...rest: Trailing<StatAxis, MedianOptions>): Tensor | [Tensor, Tensor] {
  const o = readMedian(rest, "median");
  if (sizeOf(x.shape) === 0)
    throw new InvalidArgumentError("the tensor has no elements.", { op: "median", x: x.shape });
  const { lines, finish } = samplesOf(x, o.axis, o.keepdim ?? false, "median");
  const axis = lines.shape.length - 1;
  const [ordered, order] = argsort(o.mode === "min" ? lines : floatOf(lines), axis);
  const count = lengthOf(lines, axis);
  const low = half(subtract(count, 1));
  const last = nth(ordered, -1);
  const picked = (t: Tensor, at: Tensor): Tensor => squeeze(takeAlongAxis(t, at, axis), [axis]);
  const lower = picked(ordered, low);
  // NaN is sorted to the end: where the last element is NaN, so is the median.
  const value = o.mode === "min" ? lower : divide(add(lower, picked(ordered, half(count))), 2);
  const out = finish(isFloat(value.dtype) ? (where(equal(last, last), value, last) as Tensor) : value);
  if (o.mode !== "min" || o.axis === undefined || o.axis === null) return out;
  return [out, finish(picked(order, low))];
}

/** The number of elements of each line, as float64: a Program knows it only when it is fed. */
const lengthOf = (lines: Tensor, axis: number): Tensor => sumOver(fullLike(lines, 1, "float64"), [axis], true);

/** {@link median} of the elements that are not NaN; NaN where there are none. */
export function nanmedian(x: Tensor, ...rest: Trailing<StatAxis, MedianOptions>): Tensor | [Tensor, Tensor] {
  const o = readMedian(rest, "nanmedian");
  const { lines, finish } = samplesOf(x, o.axis, o.keepdim ?? false, "nanmedian");
  const axis = lines.shape.length - 1;
  const [ordered, order] = argsort(floatOf(lines), axis);
  const count = countNumbers(cast(ordered, "float64"), [axis], true);
  const low = half(subtract(count, 1));
  const picked = (t: Tensor, at: Tensor): Tensor => finish(squeeze(takeAlongAxis(t, at, axis), [axis]));
  if (o.mode !== "min") return divide(add(picked(ordered, low), picked(ordered, half(count))), 2);
  const out = picked(ordered, low);
  return o.axis === undefined || o.axis === null ? out : [out, picked(order, low)];
}

/** Half of a count as an index, rounded down. */
const half = (count: Tensor): Tensor => cast(multiply(count, 0.5), "int64");

/** How {@link quantile} meets a position between two elements. */
export type Interpolation = "linear" | "lower" | "higher" | "midpoint" | "nearest";

/** Options of {@link quantile}. */
export interface QuantileOptions {
  readonly axis?: StatAxis;
  readonly keepdim?: boolean | undefined;
  /** Default `"linear"`. */
  readonly interpolation?: Interpolation | undefined;
}

const interpolations: readonly string[] = ["linear", "lower", "higher", "midpoint", "nearest"];

/** Indices of the elements below and above a position, and the weight of the upper one. */
function place(position: Tensor, how: Interpolation): { low: Tensor; high: Tensor; weight: Tensor | number } {
  const low = cast(position, "int64");
  const rest = subtract(position, cast(low, "float64"));
  const above = add(low, cast(cast(rest, "bool"), "int64"));
  if (how === "lower") return { low, high: low, weight: 0 };
  if (how === "higher") return { low: above, high: above, weight: 0 };
  if (how === "nearest") {
    const nearest = cast(add(position, 0.5), "int64");
    return { low: nearest, high: nearest, weight: 0 };
  }
  return { low, high: above, weight: how === "midpoint" ? 0.5 : rest };
}

function quantiles(
  x: Tensor,
  q: number | readonly number[] | Tensor,
  rest: Trailing<StatAxis, QuantileOptions>,
  op: "quantile" | "nanquantile",
): Tensor {
  const o = splitOptions<QuantileOptions>(op, rest, ["axis", "keepdim", "interpolation"]);
  const { interpolation: how = "linear" } = o;
  if (!interpolations.includes(how))
    throw new InvalidArgumentError(`interpolation must be one of ${interpolations.join(", ")}.`, { op });
  if (!isFloat(x.dtype)) throw new InvalidArgumentError(`needs a floating-point tensor, got ${x.dtype}.`, { op });
  const list = typeof q === "number" ? [q] : "dtype" in q ? Array.from(q.dataSync() as Float32Array, Number) : q;
  if (list.length === 0 || list.some((p) => !(p >= 0 && p <= 1)))
    throw new InvalidArgumentError(`q must be in [0, 1], got ${list.join(", ")}.`, { op, q: list });
  const { lines, finish } = samplesOf(x, o.axis, o.keepdim ?? false, op);
  const axis = lines.shape.length - 1;
  const [ordered] = argsort(lines, axis);
  const all = lengthOf(ordered, axis);
  const count = countNumbers(cast(ordered, "float64"), [axis], true);
  const last = op === "nanquantile" ? subtract(count, 1) : subtract(all, 1);
  const bad = op === "quantile" ? equal(count, all) : undefined;
  const outs = list.map((p) => {
    const { low, high, weight } = place(multiply(last, p), how);
    const [a, b] = [takeAlongAxis(ordered, low, axis), takeAlongAxis(ordered, high, axis)];
    const part = typeof weight === "number" ? weight : cast(weight, x.dtype);
    const value = how === "lower" || how === "higher" || how === "nearest" ? a : add(a, multiply(subtract(b, a), part));
    return finish(squeeze(bad ? (where(bad, value, NaN) as Tensor) : value, [axis]));
  });
  const several = typeof q !== "number" && !("dtype" in q && q.shape.length === 0);
  return several ? stack(outs, 0) : outs[0]!;
}

/**
 * The values below which the shares `q` of the elements lie, along an axis (or several, or all); NaN where a line has one.
 *
 * @param q - a share in [0, 1], or several, which give a first axis
 * @throws InvalidArgumentError for shares outside [0, 1] and integers.
 */
export const quantile = (
  x: Tensor,
  q: number | readonly number[] | Tensor,
  ...rest: Trailing<StatAxis, QuantileOptions>
): Tensor => quantiles(x, q, rest, "quantile");

/** {@link quantile} of the elements that are not NaN. */
export const nanquantile = (
  x: Tensor,
  q: number | readonly number[] | Tensor,
  ...rest: Trailing<StatAxis, QuantileOptions>
): Tensor => quantiles(x, q, rest, "nanquantile");

/** Options of {@link cov}. */
export interface CovOptions {
  /** Rows are variables, columns observations. Default true. */
  readonly rowvar?: boolean | undefined;
  /** Divide by n - 1. Default true. */
  readonly ddof?: boolean | undefined;
  /** How often each observation counts (integers). */
  readonly fweights?: Tensor | null | undefined;
  /** How much each observation weighs. */
  readonly aweights?: Tensor | null | undefined;
}

/**
 * Covariance matrix of variables.
 *
 * @throws InvalidArgumentError for more than two axes.
 */
export function cov(x: Tensor, ...rest: Trailing<boolean, CovOptions>): Tensor {
  const o = splitOptions<CovOptions>("cov", rest, ["rowvar", "ddof", "fweights", "aweights"]);
  if (x.shape.length < 1 || x.shape.length > 2)
    throw new InvalidArgumentError("x must have one or two axes.", { op: "cov", x: x.shape });
  const rows =
    x.shape.length === 1 ? unsqueeze(x, [0]) : o.rowvar === false && x.shape[0] !== 1 ? swapAxes(x, 0, 1) : x;
  const weights = [o.fweights, o.aweights].flatMap((w) => (w ? [cast(w, x.dtype)] : []));
  const w = weights.length === 2 ? multiply(weights[0]!, weights[1]!) : weights[0];
  const total = w ? sumOver(w, [0], false) : observations(rows);
  const weighted = (t: Tensor): Tensor => (w ? multiply(t, w) : t);
  const far = subtract(rows, divide(sumOver(weighted(rows), [1], true), total));
  const products = squeezeOne(matmul(far, weighted(far), false, true));
  return divide(products, divisor(total, w, o));
}

/** How many columns there are, as a tensor: a Program knows it only when it is fed. */
const observations = (rows: Tensor): Tensor =>
  sumOver(fullLike(squeeze(slice(rows, [0], [0], [1]), [0]), 1), [0], false);

const squeezeOne = (m: Tensor): Tensor => (m.shape[0] === 1 && m.shape[1] === 1 ? reshape(m, []) : m);

/** n - 1 (or n), or what stands for it with weights. */
function divisor(total: Tensor, w: Tensor | undefined, o: CovOptions): Tensor {
  if (o.ddof === false) return total;
  if (!o.aweights) return subtract(total, 1);
  return subtract(total, divide(sumOver(multiply(w!, cast(o.aweights, w!.dtype)), [0], false), total));
}

/** Matrix of correlation coefficients of variables: the covariances over the products of standard deviations. */
export function corrcoef(x: Tensor, ...rest: Trailing<boolean, { readonly rowvar?: boolean | undefined }>): Tensor {
  const { rowvar = true } = splitOptions<{ readonly rowvar?: boolean | undefined }>("corrcoef", rest, ["rowvar"]);
  const c = cov(x, { rowvar });
  if (c.shape.length === 0) return divide(c, c);
  const n = c.shape[0]!;
  const own = squeeze(
    takeAlongAxis(c, reshape(cumsum(full([n], 1, "int64") as Tensor, 0, true), [n, 1]) as Value, 1),
    [1],
  );
  const root = sqrt(own);
  return divide(divide(c, unsqueeze(root, [1])), unsqueeze(root, [0]));
}

/** What Tensor has of these as methods. */
export const statMethods = {
  median,
  nanmedian,
  quantile,
  nanquantile,
  cov,
  corrcoef,
};
