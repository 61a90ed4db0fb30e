// Paddle's histograms: counts of samples in bins, of one column or several, and of integers.

import type { DType } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { sizeOf } from "../core/shape.js";
import { add, divide, multiply, subtract } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { equal, lessThan } from "../ops/comparison.js";
import { concat, slice } from "../ops/concat.js";
import * as counting from "../ops/count.js";
import { full } from "../ops/creation.js";
import { cumsum } from "../ops/cumulative.js";
import { where } from "../ops/logic.js";
import { max, min, sumOver } from "../ops/reduction.js";
import { searchsorted } from "../ops/search.js";
import { flatten, reshape, squeeze, unsqueeze } from "../ops/views.js";
import { sizeIn } from "../trace/size-in.js";
import type { Tensor } from "./tensor.js";

/** Options of {@link histogram}. */
export interface HistogramOptions {
  /** Number of bins. Default 100. */
  readonly bins?: number | undefined;
  /** Lower end; both 0 (default): the data's. */
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly weight?: Tensor | null | undefined;
  /** Divide so that the integral is 1. Default false. */
  readonly density?: boolean | undefined;
}

/** The ends of a histogram as tensors with no axes; a range of one point is widened by `margin` each way. */
function ends(x: Tensor, o: HistogramOptions, op: string, margin = 1): [Tensor, Tensor] {
  const { min: low = 0, max: high = 0 } = o;
  if (low > high) throw new InvalidArgumentError(`max ${high} is less than min ${low}.`, { op });
  const dtype: DType = x.dtype === "float64" ? "float64" : "float32";
  if (low !== 0 || high !== 0) {
    const widen = low === high ? margin : 0;
    return [full([], low - widen, dtype) as Tensor, full([], high + widen, dtype) as Tensor];
  }
  if (sizeOf(x.shape) === 0) return [full([], -1, dtype) as Tensor, full([], 1, dtype) as Tensor];
  const axes = x.shape.map((_, i) => i);
  const [least, most] = [cast(min(x, axes, false), dtype), cast(max(x, axes, false), dtype)];
  const widen = multiply(cast(equal(least, most), dtype), margin);
  return [subtract(least, widen), add(most, widen)];
}

/** How many elements fall in each of `bins` equal bins of [min, max]. */
export function histogram(input: Tensor, ...rest: Trailing<number, HistogramOptions>): Tensor {
  const o = splitOptions<HistogramOptions>("histogram", rest, ["bins", "min", "max", "weight", "density"]);
  const { bins = 100, density = false } = o;
  const [low, high] = ends(input, o, "histogram");
  const dtype = o.weight || density ? "float32" : "int64";
  const counts = counting.histogram(input, low, high, bins, { weight: o.weight ?? undefined, dtype });
  if (!density) return counts;
  const width = divide(cast(subtract(high, low), "float32"), bins);
  return divide(counts, multiply(sumOver(counts, [0], false), width));
}

/** The `bins` + 1 borders of the bins of {@link histogram}, as float32. */
export function histogramBinEdges(
  input: Tensor,
  ...rest: Trailing<number, Omit<HistogramOptions, "weight" | "density">>
): Tensor {
  const o = splitOptions<HistogramOptions>("histogramBinEdges", rest, ["bins", "min", "max"]);
  const { bins = 100 } = o;
  const [low, high] = ends(input, o, "histogramBinEdges", 0.5);
  return cast(edgesBetween(low, high, bins), "float32");
}

/** `bins` + 1 numbers in equal steps between two tensors with no axes. */
function edgesBetween(low: Tensor, high: Tensor, bins: number): Tensor {
  const steps = cumsum(full([bins], 1, low.dtype) as Tensor, 0, true);
  const lower = add(low, multiply(steps, divide(subtract(high, low), bins)));
  // The last border is the upper end exactly: rounding must not leave out the largest element.
  return concat([lower, unsqueeze(high, [0])], 0);
}

/** Options of {@link histogramdd}. */
export interface HistogramddOptions {
  /** Bins of every column, of each, or the borders of each. Default 10. */
  readonly bins?: number | readonly number[] | readonly Tensor[] | undefined;
  /** Lower and upper end of each column in turn; default the data's. */
  readonly ranges?: readonly number[] | null | undefined;
  readonly density?: boolean | undefined;
  readonly weights?: Tensor | null | undefined;
}

/** A histogram over several columns at once: x is `[n, columns]`; gives the counts and the borders of each column. */
export function histogramdd(
  x: Tensor,
  ...rest: Trailing<number | readonly number[] | readonly Tensor[], HistogramddOptions>
): [Tensor, Tensor[]] {
  const o = splitOptions<HistogramddOptions>("histogramdd", rest, ["bins", "ranges", "density", "weights"]);
  const { bins = 10 } = o;
  const columns = x.shape.at(-1)!;
  const samples = reshape(x, [sizeOf(x.shape) / Math.max(columns, 1), columns]);
  const column = (j: number): Tensor => nth(samples, j);
  const edges = Array.from({ length: columns }, (_, j) => {
    const own = typeof bins === "number" ? bins : bins[j]!;
    if (typeof own !== "number") return own;
    const range = o.ranges ? { min: o.ranges[2 * j]!, max: o.ranges[2 * j + 1]! } : {};
    return edgesBetween(...ends(column(j), range, "histogramdd"), own);
  });
  const sizes = edges.map((e) => e.shape[0]! - 1);
  const at = edges.reduce<Tensor | undefined>((place, e, j) => {
    const bin = binOf(column(j), e);
    return place === undefined ? bin : joint(multiply(place, sizes[j]!), bin, place);
  }, undefined)!;
  const weights = o.weights ? flatten(o.weights) : (full([samples.shape[0]!], 1, x.dtype) as Tensor);
  const counts = reshape(
    cast(
      counting.bincount(
        at,
        weights,
        sizes.reduce((p, n) => p * n, 1),
      ),
      x.dtype,
    ),
    sizes,
  );
  return [o.density ? densityOf(counts, edges) : counts, edges];
}

/** The bin of each value between ascending borders, the last border included; a large negative number outside. */
function binOf(values: Tensor, edges: Tensor): Tensor {
  const bins = edges.shape[0]! - 1;
  const right = searchsorted(edges, values, true);
  const last = cast(equal(values, nth(edges, bins)), "int64");
  const bin = subtract(subtract(right, 1), last);
  return where(equal(bin, bins), -1, bin) as Tensor;
}

/** A combined bin, outside where either part is. */
const joint = (place: Tensor, bin: Tensor, before: Tensor): Tensor =>
  where(cast(add(isNegative(bin), isNegative(before)), "bool"), -1, add(place, bin)) as Tensor;

const isNegative = (x: Tensor): Tensor => cast(equal(x, -1), "int64");

function densityOf(counts: Tensor, edges: readonly Tensor[]): Tensor {
  const total = sumOver(
    counts,
    counts.shape.map((_, i) => i),
    false,
  );
  return edges.reduce(
    (out, e, j) => {
      const width = subtract(slice(e, [0], [1], [e.shape[0]!]), slice(e, [0], [0], [-1]));
      return divide(
        out,
        reshape(
          width,
          counts.shape.map((n, i) => (i === j ? n : 1)),
        ),
      );
    },
    divide(counts, total),
  );
}

/** Options of {@link bincount}. */
export interface BincountOptions {
  readonly weights?: Tensor | null | undefined;
  /** At least so many counts. Default 0. */
  readonly minlength?: number | undefined;
}

/**
 * How often each of the integers 0, 1, … occurs in x (one axis). How many counts there are is read at once (in a Program,
 * when it runs): it decides the shape.
 *
 * @throws InvalidArgumentError for negative elements or more than one axis.
 */
export function bincount(x: Tensor, ...rest: Trailing<Tensor | null, BincountOptions>): Tensor {
  const o = splitOptions<BincountOptions>("bincount", rest, ["weights", "minlength"]);
  if (x.shape.length !== 1) throw new InvalidArgumentError("x must have one axis.", { op: "bincount", x: x.shape });
  const { minlength = 0 } = o;
  if (minlength < 0) throw new InvalidArgumentError(`minlength ${minlength} is negative.`, { op: "bincount" });
  // One size to read: -1 when an element is negative. The element put in front has no part in it, and makes an empty x have a largest one.
  const wide = cast(x, "int64");
  const [least, most] = [
    min(concat([full([1], 0, "int64") as Tensor, wide], 0), [0], false),
    max(concat([full([1], minlength - 1, "int64") as Tensor, wide], 0), [0], false),
  ];
  const total = where(lessThan(least, 0), -1, add(most, 1)) as Tensor;
  const size = sizeIn(total, "bincount", "the elements must not be negative.");
  return counting.bincount(x, o.weights ?? undefined, size);
}

/** Elements number `i` of each row, without the axis. */
function nth(rows: Tensor, i: number): Tensor {
  const axis = rows.shape.length - 1;
  return squeeze(slice(rows, [axis], [i], [i + 1]), [axis]);
}

/** What Tensor has of these as methods. */
export const histogramMethods = { histogram, histogramBinEdges, histogramdd, bincount };
