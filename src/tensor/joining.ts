// Paddle's functions that join tensors along an axis and take them apart, slices and padding of whole axes.

import { InvalidArgumentError, OutOfRangeError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { formatShape, normalizeAxis } from "../core/shape.js";
import * as ops from "../ops/concat.js";
import { stridedIndex } from "../ops/creation.js";
import * as movement from "../ops/movement.js";
import * as views from "../ops/views.js";
import { repeatIndex } from "../ops/where-index.js";
import { gather } from "../ops/gather.js";
import { axisOf, type IntLike, intOf, type IntsLike, intsOf, numbersOf } from "./arguments.js";
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
      throw new InvalidArgumentError(`shapes must be equal, got ${x.map((v) => formatShape(v.shape)).join(", ")}.`, { op: "stack" });
  }
  return ops.stack(x, normalizeAxis(intOf(axis, "stack"), shape.length + 1, "stack"));
}

function first(x: readonly Tensor[], op: string): Tensor {
  if (!Array.isArray(x) || x.length === 0) throw new InvalidArgumentError("needs a list of at least one tensor.", { op });
  return x[0] as Tensor;
}

const grown = (x: readonly Tensor[], grow: (...x: Tensor[]) => Tensor | Tensor[]): Tensor[] => x.map((y) => grow(y) as Tensor);

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
export function splitWithSizes(x: Tensor, splitSizes: IntsLike, ...rest: Trailing<number, SplitWithSizesOptions>): Tensor[] {
  const { dim = 0 } = splitOptions<SplitWithSizesOptions>("splitWithSizes", rest, ["dim"]);
  return split(x, splitSizes, dim);
}

/** As NumPy's array_split: into `n` parts of nearly equal size, the first ones larger, or at the given indices. */
export function tensorSplit(x: Tensor, numOrIndices: number | IntsLike, ...rest: Trailing<IntLike, AxisOptions>): Tensor[] {
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
  const small = Math.floor(n / numOrIndices);
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
export const vsplit = (x: Tensor, numOrIndices: number | IntsLike): Tensor[] => splitAt("vsplit", x, numOrIndices, 0, 2);
/** {@link tensorSplit} along axis 2 of at least three. */
export const dsplit = (x: Tensor, numOrIndices: number | IntsLike): Tensor[] => splitAt("dsplit", x, numOrIndices, 2, 3);

/** The slices of an axis, without that axis. */
export function unbind(x: Tensor, ...rest: Trailing<number, AxisOptions>): Tensor[] {
  const { axis = 0 } = splitOptions<AxisOptions>("unbind", rest, ["axis"]);
  const at = axisOf(axis, x.shape.length, "unbind");
  return Array.from({ length: x.shape[at]! }, (_, i) => views.squeeze(ops.slice(x, [at], [i], [i + 1]), [at]));
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
  if (num !== undefined && num !== null && num !== x.shape[at])
    throw new InvalidArgumentError(`num is ${num}, axis ${at} has ${x.shape[at]}.`, { op: "unstack", num, x: x.shape });
  return unbind(x, at);
}

/** Part of some axes: `starts[j] : ends[j]` of `axes[j]`, negative bounds counted from the end. */
export function slice(x: Tensor, axes: readonly number[], starts: IntsLike, ends: IntsLike): Tensor {
  return stridedSlice(x, axes, starts, ends, axes.map(() => 1));
}

/** Part of some axes with steps, which may be negative. */
export function stridedSlice(x: Tensor, axes: readonly number[], starts: IntsLike, ends: IntsLike, strides: IntsLike): Tensor {
  const op = "stridedSlice";
  const at = axes.map((a) => normalizeAxis(a, x.shape.length, op));
  const lists = [starts, ends, strides].map((l) => intsOf(l, op)) as [number[], number[], number[]];
  if (lists.some((l) => l.length !== at.length))
    throw new InvalidArgumentError(`${at.length} axes need as many starts, ends and strides.`, { op, axes, starts, ends, strides });
  if (lists[2].includes(0)) throw new InvalidArgumentError("a stride must not be 0.", { op, strides });
  return ops.slice(x, at, ...lists);
}

/** `length` elements of an axis from `start` on. */
export function narrow(x: Tensor, dim: number, start: IntLike, length: number): Tensor {
  const at = axisOf(dim, x.shape.length, "narrow");
  const n = x.shape[at]!;
  const given = intOf(start, "narrow");
  const from = given < 0 ? given + n : given;
  if (from < 0 || length < 0 || from + length > n)
    throw new OutOfRangeError(`${length} elements from ${given} do not lie in an axis of ${n}.`, { op: "narrow", start: given, length });
  return ops.slice(x, [at], [from], [from + length]);
}

/** Options of {@link crop}. */
export interface CropOptions {
  /** Extents of the result; -1 takes all that remains. Default: x's. */
  readonly shape?: IntsLike | null | undefined;
  /** Where it begins. Default zeros. */
  readonly offsets?: IntsLike | null | undefined;
}

/** A box of a tensor. */
export function crop(x: Tensor, ...rest: Trailing<IntsLike | null, CropOptions>): Tensor {
  const o = splitOptions<CropOptions>("crop", rest, ["shape", "offsets"]);
  const offsets = o.offsets ? intsOf(o.offsets, "crop") : x.shape.map(() => 0);
  const shape = o.shape ? intsOf(o.shape, "crop") : x.shape.map((n, i) => n - (offsets[i] ?? 0));
  const rank = x.shape.length;
  if (shape.length !== rank || offsets.length !== rank)
    throw new InvalidArgumentError(`shape and offsets need ${rank} numbers.`, { op: "crop", x: x.shape, shape, offsets });
  const ends = shape.map((n, i) => (n === -1 ? x.shape[i]! : offsets[i]! + n));
  if (offsets.some((o, i) => o < 0 || ends[i]! > x.shape[i]!))
    throw new InvalidArgumentError(`${formatShape(shape)} from ${formatShape(offsets)} does not lie in ${formatShape(x.shape)}.`, { op: "crop" });
  return ops.slice(
    x,
    x.shape.map((_, i) => i),
    offsets,
    ends,
  );
}

/** Options of {@link repeatInterleave}. */
export interface RepeatInterleaveOptions {
  /** By default the flattened tensor. */
  readonly axis?: number | null | undefined;
  /** Length of the result along the axis, when known. */
  readonly outputSize?: number | null | undefined;
}

/** Repeats each element of an axis, all equally often or each as often as a tensor says. */
export function repeatInterleave(x: Tensor, repeats: number | Tensor, ...rest: Trailing<number | null, RepeatInterleaveOptions>): Tensor {
  const { axis } = splitOptions<RepeatInterleaveOptions>("repeatInterleave", rest, ["axis", "outputSize"]);
  const flat = axis === undefined || axis === null;
  const from = flat ? views.flatten(x) : x;
  const at = flat ? 0 : normalizeAxis(axis, x.shape.length, "repeatInterleave");
  if (typeof repeats === "number") {
    if (!(repeats > 0)) throw new InvalidArgumentError(`repeats must be positive, got ${repeats}.`, { op: "repeatInterleave" });
    return movement.repeat(from, repeats, at);
  }
  const counts = numbersOf(repeats);
  if (counts.length !== from.shape[at] && counts.length !== 1)
    throw new InvalidArgumentError(`${counts.length} repetitions for an axis of ${from.shape[at]}.`, { op: "repeatInterleave", repeats: repeats.shape });
  if (counts.some((n) => n < 0)) throw new InvalidArgumentError("repeats must not be negative.", { op: "repeatInterleave" });
  if (counts.length === 1 && from.shape[at] !== 1) return movement.repeat(from, counts[0]!, at);
  return gather(from, repeatIndex(repeats, counts.reduce((a, b) => a + b, 0)), at);
}

/** Windows of `size` elements of an axis, `step` apart, as a new last axis. */
export function unfold(x: Tensor, axis: number, size: number, step: number): Tensor {
  const at = axisOf(axis, x.shape.length, "unfold");
  const n = x.shape[at] ?? 1;
  if (size > n || size < 0 || step <= 0)
    throw new InvalidArgumentError(`windows of ${size} every ${step} do not fit an axis of ${n}.`, { op: "unfold", x: x.shape, size, step });
  const index = stridedIndex([Math.floor((n - size) / step) + 1, size], [step, 1], 0);
  return movement.moveAxis(gather(x, index, at), at + 1, x.shape.length);
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
  slice,
  stridedSlice,
  narrow,
  crop,
  repeatInterleave,
  unfold,
};
