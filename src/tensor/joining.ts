// Paddle's functions that join tensors along an axis and take them apart.

import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { formatShape, normalizeAxis } from "../core/shape.js";
import * as ops from "../ops/concat.js";
import * as views from "../ops/views.js";
import { axisOf, type IntLike, intOf, type IntsLike, intsOf, knownExtent } from "./arguments.js";
import { atleast1d, atleast2d, atleast3d } from "./manipulation.js";
import type { Tensor } from "./tensor.js";

/** Options of functions along one axis. */
export interface AxisOptions {
  /** Default 0. */
  readonly axis?: IntLike | undefined;
}

/**
 * Tensors one after another along an axis; their other extents are equal, their dtypes meet in a common one.
 *
 * @throws InvalidArgumentError for no tensors or different shapes, OutOfRangeError for an axis they don't have.
 * @example
 * ```ts
 * import { concat, ones } from "oarjs";
 * console.log(concat([ones([2, 3]), ones([1, 3])]).shape); // [3, 3]
 * ```
 */
export function concat(x: readonly Tensor[], ...rest: Trailing<IntLike, AxisOptions>): Tensor {
  const { axis = 0 } = splitOptions<AxisOptions>("concat", rest, ["axis"]);
  return ops.concat(x, axisOf(axis, first(x, "concat").shape.length, "concat"));
}

/** Tensors of one shape along a new axis. */
export function stack(x: readonly Tensor[], ...rest: Trailing<IntLike, AxisOptions>): Tensor {
  const { axis = 0 } = splitOptions<AxisOptions>("stack", rest, ["axis"]);
  const { shape } = first(x, "stack");
  for (const y of x) {
    if (y.shape.length !== shape.length || y.shape.some((n, i) => n !== shape[i]))
      throw new InvalidArgumentError(`shapes must be equal, got ${x.map((v) => formatShape(v.shape)).join(", ")}.`, {
        op: "stack",
      });
  }
  return ops.stack(x, normalizeAxis(intOf(axis, "stack"), shape.length + 1, "stack"));
}

function first(x: readonly Tensor[], op: string): Tensor {
  if (!Array.isArray(x) || x.length === 0)
    throw new InvalidArgumentError("needs a list of at least one tensor.", { op });
  return x[0] as Tensor;
}

const grown = (x: readonly Tensor[], grow: (...x: Tensor[]) => Tensor | Tensor[]): Tensor[] =>
  x.map((y) => grow(y) as Tensor);

/** Rows on top of each other: along axis 0, vectors as rows. */
export const vstack = (x: readonly Tensor[]): Tensor => concat(grown(x, atleast2d), 0);
/** Side by side: along axis 1, vectors and scalars along axis 0. */
export function hstack(x: readonly Tensor[]): Tensor {
  const list = grown(x, atleast1d);
  return concat(list, first(list, "hstack").shape.length === 1 ? 0 : 1);
}
/** One behind the other: along axis 2. */
export const dstack = (x: readonly Tensor[]): Tensor => concat(grown(x, atleast3d), 2);
/** As {@link hstack}, with vectors as columns. */
export const columnStack = (x: readonly Tensor[]): Tensor =>
  concat(
    x.map((y) => (y.shape.length < 2 ? views.reshape(y, [-1, 1]) : y)),
    1,
  );
/** Alias of {@link vstack}. */
export const rowStack = vstack;

/** The parts of an axis between bounds. */
const parts = (x: Tensor, axis: number, bounds: readonly number[]): Tensor[] =>
  bounds.slice(1).map((end, i) => ops.slice(x, [axis], [bounds[i]!], [Math.max(end, bounds[i]!)]));

/** Running sums, from 0. */
function boundsOf(sizes: readonly number[]): number[] {
  const bounds = [0];
  for (const n of sizes) bounds.push(bounds.at(-1)! + n);
  return bounds;
}

/**
 * Takes an axis apart into `numOrSections` equal parts, or parts of the given sizes, one of which may be -1.
 *
 * @throws InvalidArgumentError when the axis does not divide into the parts.
 */
export function split(x: Tensor, numOrSections: number | IntsLike, ...rest: Trailing<IntLike, AxisOptions>): Tensor[] {
  const { axis = 0 } = splitOptions<AxisOptions>("split", rest, ["axis"]);
  const at = axisOf(axis, x.shape.length, "split");
  const n = x.shape[at]!;
  const refuse = (): InvalidArgumentError =>
    new InvalidArgumentError(`axis ${at} of ${formatShape(x.shape)} does not divide into ${String(numOrSections)}.`, {
      op: "split",
      x: x.shape,
      axis: at,
      parts: numOrSections,
    });
  if (typeof numOrSections === "number") {
    if (!(numOrSections > 0) || n % numOrSections !== 0) throw refuse();
    return parts(x, at, boundsOf(new Array<number>(numOrSections).fill(n / numOrSections)));
  }
  const sizes = intsOf(numOrSections, "split");
  const free = sizes.indexOf(-1);
  if (free >= 0) sizes[free] = n - sizes.reduce((s, k, i) => (i === free ? s : s + k), 0);
  if (sizes.some((k) => k < 0) || sizes.reduce((a, b) => a + b, 0) !== n) throw refuse();
  return parts(x, at, boundsOf(sizes));
}

/** Takes an axis apart into equal parts, the last one smaller when they don't come out even. */
export function chunk(x: Tensor, chunks: number, ...rest: Trailing<IntLike, AxisOptions>): Tensor[] {
  const { axis = 0 } = splitOptions<AxisOptions>("chunk", rest, ["axis"]);
  return split(x, chunks, axis);
}

/** Options of {@link splitWithSizes}. */
export interface SplitWithSizesOptions {
  readonly dim?: number | undefined;
}

/** {@link split} by sizes. */
export function splitWithSizes(
  x: Tensor,
  splitSizes: IntsLike,
  ...rest: Trailing<number, SplitWithSizesOptions>
): Tensor[] {
  const { dim = 0 } = splitOptions<SplitWithSizesOptions>("splitWithSizes", rest, ["dim"]);
  return split(x, splitSizes, dim);
}

/** As NumPy's array_split: into `n` parts of nearly equal size, the first ones larger, or at the given indices. */
export function tensorSplit(
  x: Tensor,
  numOrIndices: number | IntsLike,
  ...rest: Trailing<IntLike, AxisOptions>
): Tensor[] {
  const { axis = 0 } = splitOptions<AxisOptions>("tensorSplit", rest, ["axis"]);
  if (x.shape.length === 0) throw new InvalidArgumentError("a scalar has no axis to split.", { op: "tensorSplit" });
  const at = axisOf(axis, x.shape.length, "tensorSplit");
  const n = x.shape[at]!;
  if (typeof numOrIndices !== "number") {
    const clamp = (i: number): number => Math.min(Math.max(i < 0 ? i + n : i, 0), n);
    return parts(x, at, [0, ...intsOf(numOrIndices, "tensorSplit").map(clamp), n]);
  }
  if (!(numOrIndices > 0))
    throw new InvalidArgumentError(`the number of parts must be positive, got ${numOrIndices}.`, { op: "tensorSplit" });
  const small = Math.floor(knownExtent(x, at, "tensorSplit") / numOrIndices);
  return parts(x, at, boundsOf(Array.from({ length: numOrIndices }, (_, i) => small + (i < n % numOrIndices ? 1 : 0))));
}

function splitAt(op: string, x: Tensor, numOrIndices: number | IntsLike, axis: number, rank: number): Tensor[] {
  if (x.shape.length < rank)
    throw new InvalidArgumentError(`needs at least ${rank} axes, got ${formatShape(x.shape)}.`, { op, x: x.shape });
  return tensorSplit(x, numOrIndices, axis);
}

/** {@link tensorSplit} along axis 1, of a vector along axis 0. */
export const hsplit = (x: Tensor, numOrIndices: number | IntsLike): Tensor[] =>
  splitAt("hsplit", x, numOrIndices, x.shape.length > 1 ? 1 : 0, 1);
/** {@link tensorSplit} along axis 0 of at least two. */
export const vsplit = (x: Tensor, numOrIndices: number | IntsLike): Tensor[] =>
  splitAt("vsplit", x, numOrIndices, 0, 2);
/** {@link tensorSplit} along axis 2 of at least three. */
export const dsplit = (x: Tensor, numOrIndices: number | IntsLike): Tensor[] =>
  splitAt("dsplit", x, numOrIndices, 2, 3);

/** The slices of an axis, without that axis. */
export function unbind(x: Tensor, ...rest: Trailing<number, AxisOptions>): Tensor[] {
  const { axis = 0 } = splitOptions<AxisOptions>("unbind", rest, ["axis"]);
  const at = axisOf(axis, x.shape.length, "unbind");
  const n = knownExtent(x, at, "unbind");
  return Array.from({ length: n }, (_, i) => views.squeeze(ops.slice(x, [at], [i], [i + 1]), [at]));
}

/** Options of {@link unstack}. */
export interface UnstackOptions extends AxisOptions {
  /** The extent of the axis, checked when given. */
  readonly num?: number | null | undefined;
}

/** The slices of an axis, without that axis. */
export function unstack(x: Tensor, ...rest: Trailing<number, UnstackOptions>): Tensor[] {
  const { axis = 0, num } = splitOptions<UnstackOptions>("unstack", rest, ["axis", "num"]);
  const at = axisOf(axis, x.shape.length, "unstack");
  const n = knownExtent(x, at, "unstack");
  if (num !== undefined && num !== null && num !== n)
    throw new InvalidArgumentError(`num is ${num}, axis ${at} has ${n}.`, { op: "unstack", num, x: x.shape });
  return unbind(x, at);
}

/** What Tensor has of these as methods. */
export const joiningMethods = {
  split,
  chunk,
  splitWithSizes,
  tensorSplit,
  hsplit,
  vsplit,
  dsplit,
  unbind,
  unstack,
};
