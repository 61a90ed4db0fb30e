// Paddle's functions that order and search: sort, topk, argmax, searchsorted, unique and their kin.

import type { DType } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { normalizeAxis, sizeOf } from "../core/shape.js";
import { subtract } from "../ops/arithmetic.js";
import { addAlongAxisGrad, takeAlongAxis } from "../ops/along-axis.js";
import { cast } from "../ops/cast.js";
import { slice } from "../ops/concat.js";
import { rowOrder, rowRuns } from "../ops/count.js";
import { stridedIndex } from "../ops/creation.js";
import { gather } from "../ops/gather.js";
import { moveAxis } from "../ops/movement.js";
import { equal } from "../ops/comparison.js";
import * as search from "../ops/search.js";
import * as sorting from "../ops/sort.js";
import { flatten, reshape, squeeze, unsqueeze } from "../ops/views.js";
import type { Value } from "../program/value.js";
import { sizeIn } from "../trace/size-in.js";
import { numberOf } from "./arguments.js";
import type { Tensor } from "./tensor.js";

/** Options of {@link sort} and {@link argsort}. */
export interface SortOptions {
  /** Default -1, the last. */
  readonly axis?: number | undefined;
  readonly descending?: boolean | undefined;
  /** Accepted for Paddle's sake: every sort here keeps the order of equal elements. */
  readonly stable?: boolean | undefined;
}

/** A scalar as a line of one element. */
const asLine = (x: Tensor): Tensor => (x.shape.length === 0 ? unsqueeze(x, [0]) : x);
/** A line of one element as the scalar it was. */
const likeShape = (t: Tensor, x: Tensor): Tensor => (x.shape.length === 0 ? squeeze(t, [0]) : t);

function sorted(x: Tensor, rest: Trailing<number, SortOptions>, op: string): [Tensor, Tensor] {
  const o = splitOptions<SortOptions>(op, rest, ["axis", "descending", "stable"]);
  const axis = normalizeAxis(o.axis ?? -1, x.shape.length, op);
  const [values, indices] = sorting.argsort(asLine(x), axis, o.descending ?? false);
  return [likeShape(values, x), likeShape(indices, x)];
}

/**
 * The elements in order along an axis; equal ones keep their order, NaN counts as the largest.
 *
 * @throws OutOfRangeError for an axis that x has not.
 * @example
 * ```ts
 * import { sort, toTensor } from "oarjs";
 * console.log(await sort(toTensor([3, 1, 2]), { descending: true }).tolist()); // [3, 2, 1]
 * ```
 */
export const sort = (x: Tensor, ...rest: Trailing<number, SortOptions>): Tensor => sorted(x, rest, "sort")[0];
/** The indices, as int64, that {@link sort} takes the elements from. */
export const argsort = (x: Tensor, ...rest: Trailing<number, SortOptions>): Tensor => sorted(x, rest, "argsort")[1];
/** {@link sort} along the first axis. */
export const msort = (input: Tensor): Tensor => sort(input, 0);

/** Options of {@link topk}. */
export interface TopkOptions {
  /** Default the last. */
  readonly axis?: number | null | undefined;
  /** Default true. */
  readonly largest?: boolean | undefined;
  /** Accepted for Paddle's sake: results are always in order. */
  readonly sorted?: boolean | undefined;
}

/**
 * The k largest (or smallest) elements along an axis in order, with their indices as int64.
 *
 * @param k - a number or an integer tensor of one element, read at once
 * @throws InvalidArgumentError unless 1 ≤ k ≤ the axis' extent.
 */
export function topk(x: Tensor, k: number | Tensor, ...rest: Trailing<number | null, TopkOptions>): [Tensor, Tensor] {
  const o = splitOptions<TopkOptions>("topk", rest, ["axis", "largest", "sorted"]);
  const axis = normalizeAxis(o.axis ?? -1, x.shape.length, "topk");
  const [values, indices] = sorting.topk(asLine(x), numberOf(k, "topk"), axis, o.largest ?? true);
  return [likeShape(values, x), likeShape(indices, x)];
}

/** Options of functions along one axis. */
export interface AlongOptions {
  readonly axis?: number | null | undefined;
  readonly keepdim?: boolean | undefined;
}

type AlongArguments = Trailing<number | null, AlongOptions>;

function along(x: Tensor, rest: AlongArguments, op: string): { axis: number; done: (t: Tensor) => Tensor } {
  const o = splitOptions<AlongOptions>(op, rest, ["axis", "keepdim"]);
  const axis = normalizeAxis(o.axis ?? -1, x.shape.length, op);
  return { axis, done: (t) => (o.keepdim && x.shape.length > 0 ? t : squeeze(t, [axis])) };
}

/**
 * The k-th smallest element along an axis with its index.
 *
 * @throws InvalidArgumentError unless 1 ≤ k ≤ the axis' extent.
 */
export function kthvalue(x: Tensor, k: number, ...rest: AlongArguments): [Tensor, Tensor] {
  const { axis, done } = along(x, rest, "kthvalue");
  const last = (t: Tensor): Tensor => done(slice(t, [axis], [k - 1], [k]));
  const [values, indices] = sorting.topk(asLine(x), k, axis, false);
  return [last(values), last(indices)];
}

/** The most frequent element along an axis (the smallest of several) with the last index it stands at. */
export function mode(x: Tensor, ...rest: AlongArguments): [Tensor, Tensor] {
  const { axis, done } = along(x, rest, "mode");
  const [values, indices] = sorting.mode(asLine(x), axis);
  return [done(values), done(indices)];
}

/** Options of {@link argmax} and {@link argmin}. */
export interface ArgOptions {
  /** Default: the whole tensor, flattened. */
  readonly axis?: number | Tensor | null | undefined;
  readonly keepdim?: boolean | undefined;
  /** `int64` (default) or `int32`. */
  readonly dtype?: DType | undefined;
}

function argOf(x: Tensor, rest: Trailing<number | Tensor | null, ArgOptions>, op: "argmax" | "argmin"): Tensor {
  const o = splitOptions<ArgOptions>(op, rest, ["axis", "keepdim", "dtype"]);
  const { dtype = "int64", keepdim = false } = o;
  const find = op === "argmax" ? search.argmax : search.argmin;
  if (dtype !== "int64" && dtype !== "int32")
    throw new InvalidArgumentError(`dtype must be int32 or int64, not ${String(dtype)}.`, { op });
  if (o.axis === undefined || o.axis === null) {
    const index = find(x.shape.length === 0 ? unsqueeze(x, [0]) : flatten(x), 0, false, dtype);
    return keepdim
      ? reshape(
          index,
          x.shape.map(() => 1),
        )
      : index;
  }
  const axis = normalizeAxis(numberOf(o.axis, op), x.shape.length, op);
  return x.shape.length === 0 ? find(unsqueeze(x, [0]), 0, false, dtype) : find(x, axis, keepdim, dtype);
}

/** Index of the first largest element, along an axis or of the flattened tensor. */
export const argmax = (x: Tensor, ...rest: Trailing<number | Tensor | null, ArgOptions>): Tensor =>
  argOf(x, rest, "argmax");
/** Index of the first smallest element, along an axis or of the flattened tensor. */
export const argmin = (x: Tensor, ...rest: Trailing<number | Tensor | null, ArgOptions>): Tensor =>
  argOf(x, rest, "argmin");

/** Options of {@link searchsorted}. */
export interface SearchsortedOptions extends BucketizeOptions {
  /** `"left"` (default) or `"right"`, in place of `right`. */
  readonly side?: "left" | "right" | undefined;
  /** The order of an unsorted sequence, as {@link argsort} gives it. */
  readonly sorter?: Tensor | undefined;
}

/** Options of {@link bucketize}. */
export interface BucketizeOptions {
  /** Give int32 instead of int64. Default false. */
  readonly outInt32?: boolean | undefined;
  /** Insert behind equal elements. Default false. */
  readonly right?: boolean | undefined;
}

/** Where each value would be inserted in a sorted sequence (one axis), or in the sequence of its own row. */
export function searchsorted(
  sortedSequence: Tensor,
  values: Tensor,
  ...rest: Trailing<boolean, SearchsortedOptions>
): Tensor {
  const o = splitOptions<SearchsortedOptions>("searchsorted", rest, ["outInt32", "right", "side", "sorter"]);
  const right = o.side === undefined ? (o.right ?? false) : o.side === "right";
  const line = o.sorter ? takeAlongAxis(sortedSequence, o.sorter, sortedSequence.shape.length - 1) : sortedSequence;
  return search.searchsorted(line, values, right, o.outInt32 ? "int32" : "int64");
}

/** The bucket of each element of x between the borders of a sorted sequence with one axis. */
export function bucketize(x: Tensor, sortedSequence: Tensor, ...rest: Trailing<boolean, BucketizeOptions>): Tensor {
  const o = splitOptions<BucketizeOptions>("bucketize", rest, ["outInt32", "right"]);
  if (sortedSequence.shape.length !== 1)
    throw new InvalidArgumentError("the sorted sequence must have one axis.", { op: "bucketize" });
  return search.searchsorted(sortedSequence, x, o.right ?? false, o.outInt32 ? "int32" : "int64");
}

/** Options of {@link isin}. */
export interface IsinOptions {
  readonly assumeUnique?: boolean | undefined;
  /** True where the element is absent. Default false. */
  readonly invert?: boolean | undefined;
}

/** Which elements of x occur in testX, as bool. */
export function isin(x: Tensor, testX: Tensor, ...rest: Trailing<boolean, IsinOptions>): Tensor {
  const o = splitOptions<IsinOptions>("isin", rest, ["assumeUnique", "invert"]);
  const line = testX.shape.length === 0 ? unsqueeze(testX, [0]) : flatten(testX);
  const [ordered] = sorting.argsort(line, 0);
  const from = search.searchsorted(ordered, x, false);
  const to = search.searchsorted(ordered, x, true);
  return o.invert ? equal(from, to) : cast(subtract(to, from), "bool");
}

/** Options of {@link unique}. */
export interface UniqueOptions {
  readonly returnIndex?: boolean | undefined;
  readonly returnInverse?: boolean | undefined;
  readonly returnCounts?: boolean | undefined;
  /** Compare slices along this axis; default: elements of the flattened tensor. */
  readonly axis?: number | null | undefined;
  /** Of indices and counts. Default int64. */
  readonly dtype?: DType | undefined;
  /** Accepted for Paddle's sake: results are always in order. */
  readonly sorted?: boolean | undefined;
}

/** Options of {@link uniqueConsecutive}. */
export type UniqueConsecutiveOptions = Omit<UniqueOptions, "returnIndex" | "sorted">;

/** Slices along axis 0 and how to bring results back. */
function slicesOf(x: Tensor, axis: number | null | undefined, op: string): [Tensor, number] {
  if (axis === undefined || axis === null) return [x.shape.length === 0 ? unsqueeze(x, [0]) : flatten(x), 0];
  const at = normalizeAxis(axis, x.shape.length, op);
  return [at === 0 ? x : moveAxis(x, at, 0), at];
}

/** The first `n`. How many groups there are is read at once (in a Program, when it runs): it decides the shape. */
const first = (t: Tensor, n: number): Tensor => gather(t, stridedIndex([n], [1], 0) as Tensor, 0);

/**
 * The distinct elements in order, or the distinct slices along an axis; with where each first stands, which one each element is, and how
 * often each occurs, as asked.
 *
 * @returns the tensor alone, or a list in the order values, index, inverse, counts.
 * @example
 * ```ts
 * import { toTensor, unique } from "oarjs";
 * console.log(await (unique(toTensor([2, 1, 2])) as import("oarjs").Tensor).tolist()); // [1, 2]
 * ```
 */
export function unique(x: Tensor, ...rest: Trailing<boolean, UniqueOptions>): Tensor | Tensor[] {
  const o = splitOptions<UniqueOptions>("unique", rest, [
    "returnIndex",
    "returnInverse",
    "returnCounts",
    "axis",
    "dtype",
    "sorted",
  ]);
  const [rows, axis] = slicesOf(x, o.axis, "unique");
  const [ordered, order]: [Tensor, Tensor] = rows.shape.length === 1 ? sorting.argsort(rows, 0) : rowsInOrder(rows);
  const [starts, counts, group, total] = rowRuns(ordered);
  const n = sizeIn(total, "unique");
  const begin = first(starts, n);
  const outs = [moveAxis(gather(ordered, begin, 0), 0, axis)];
  const typed = (t: Tensor): Tensor => cast(t, o.dtype ?? "int64");
  if (o.returnIndex) outs.push(typed(gather(order, begin, 0)));
  if (o.returnInverse) outs.push(typed(addAlongAxisGrad(group, order, group, 0) as Tensor));
  if (o.returnCounts) outs.push(typed(first(counts, n)));
  return outs.length === 1 ? outs[0]! : outs;
}

function rowsInOrder(rows: Tensor): [Tensor, Tensor] {
  const order = rowOrder(rows as Value) as Tensor;
  return [gather(rows, order, 0), order];
}

/**
 * Runs of equal neighbours, each once; options as of {@link unique}.
 *
 * @returns the tensor alone, or a list in the order values, inverse, counts.
 */
export function uniqueConsecutive(x: Tensor, ...rest: Trailing<boolean, UniqueConsecutiveOptions>): Tensor | Tensor[] {
  const o = splitOptions<UniqueConsecutiveOptions>("uniqueConsecutive", rest, [
    "returnInverse",
    "returnCounts",
    "axis",
    "dtype",
  ]);
  const [rows, axis] = slicesOf(x, o.axis, "uniqueConsecutive");
  if (sizeOf(rows.shape) === 0) return rows;
  const [starts, counts, group, total] = rowRuns(rows);
  const n = sizeIn(total, "uniqueConsecutive");
  const outs = [moveAxis(gather(rows, first(starts, n), 0), 0, axis)];
  const typed = (t: Tensor): Tensor => cast(t, o.dtype ?? "int64");
  if (o.returnInverse) outs.push(typed(group));
  if (o.returnCounts) outs.push(typed(first(counts, n)));
  return outs.length === 1 ? outs[0]! : outs;
}

/** What Tensor has of these as methods. */
export const searchMethods = {
  sort,
  argsort,
  msort,
  topk,
  kthvalue,
  mode,
  argmax,
  argmin,
  bucketize,
  isin,
  unique,
  uniqueConsecutive,
};
