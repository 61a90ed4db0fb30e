// Paddle's functions that choose elements by indices or masks, and that put them back.

import { type DType, isFloat } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { checkOptions, splitOptions, type Trailing } from "../core/options.js";
import { broadcastShapes, formatShape, normalizeAxis, sameShape, type Shape, sizeOf } from "../core/shape.js";
import { Value } from "../program/value.js";
import * as along from "../ops/along-axis.js";
import { divide } from "../ops/arithmetic.js";
import { expand, sum } from "../ops/broadcast.js";
import { cast } from "../ops/cast.js";
import * as joining from "../ops/concat.js";
import { arange, full, fullLike, stridedIndex } from "../ops/creation.js";
import * as ops from "../ops/gather.js";
import { boundIndex, shardIndex as shardOf } from "../ops/index-math.js";
import { where as choose } from "../ops/logic.js";
import { setSlice } from "../ops/set-slice.js";
import * as views from "../ops/views.js";
import * as masks from "../ops/where-index.js";
import { inplace } from "../trace/inplace.js";
import { axisOf, checkIndex, type IntLike, type IntsLike, intsOf, numberOf, numbersOf, shapeOf, tensorOf } from "./arguments.js";
import type { AxisOptions } from "./joining.js";
import type { Tensor } from "./tensor.js";

/**
 * Rows (or other slices along `axis`) at the places an index names; negative indices count from the end.
 *
 * @throws OutOfRangeError for an index outside the axis (checked for up to 256 indices; larger ones are moved inside).
 * @example
 * ```ts
 * import { gather, toTensor } from "oarjs";
 * const x = toTensor([[1, 2], [3, 4], [5, 6]]);
 * console.log(await gather(x, toTensor([2, 0], { dtype: "int64" })).tolist()); // [[5, 6], [1, 2]]
 * ```
 */
export function gather(x: Tensor, index: Tensor, ...rest: Trailing<IntLike | null, AxisOptions>): Tensor {
  const { axis } = splitOptions<AxisOptions>("gather", rest, ["axis"]);
  const at = axisOf(axis ?? 0, x.shape.length, "gather");
  if (index.shape.length > 1 && index.shape[1] !== 1)
    throw new InvalidArgumentError(`the index must have one axis, got ${formatShape(index.shape)}.`, { op: "gather", index: index.shape });
  checkIndex(index, x.shape[at]!, "gather");
  return ops.gather(x, index.shape.length > 1 ? views.flatten(index) : index, at);
}

/** Slices along `axis` at the places an index of one axis names. */
export function indexSelect(x: Tensor, index: Tensor, ...rest: Trailing<number, AxisOptions>): Tensor {
  const { axis = 0 } = splitOptions<AxisOptions>("indexSelect", rest, ["axis"]);
  const at = axisOf(axis, x.shape.length, "indexSelect");
  if (sizeOf(index.shape) === 0 && x.shape.length > 0 && index.shape.length !== 1)
    throw new InvalidArgumentError("the index must have one axis.", { op: "indexSelect", index: index.shape });
  checkIndex(index, x.shape[at]!, "indexSelect");
  return ops.gather(x, views.flatten(index), at);
}

/** The elements (or slices of the last axes) at index rows: each row of the index's last axis names a place in x's first axes. */
export function gatherNd(x: Tensor, index: Tensor): Tensor {
  const depth = depthOf(x, index, "gatherNd");
  if (depth === 0) return expand(x, [...index.shape.slice(0, -1), ...x.shape]);
  return ops.gather(views.flatten(x, 0, depth - 1), masks.linearIndexNd(x, index, depth), 0);
}

/** How many places a row of an index names, after checking small ones. */
function depthOf(x: Tensor, index: Tensor, op: string): number {
  const depth = index.shape.at(-1);
  if (depth === undefined || depth > x.shape.length)
    throw new InvalidArgumentError(`the last axis of the index ${formatShape(index.shape)} must name at most ${x.shape.length} places.`, { op, x: x.shape, index: index.shape });
  if (depth > 0 && !index.symbol && sizeOf(index.shape) <= 256) {
    numbersOf(index).forEach((i, j) => {
      const n = x.shape[j % depth]!;
      if (i < -n || i >= n) throw new InvalidArgumentError(`index ${i} is outside [${-n}, ${n}).`, { op, index: i, size: n });
    });
  }
  return depth;
}

/** Row i of the result has the elements of x's row i at the places of the index's row i. */
export function indexSample(x: Tensor, index: Tensor): Tensor {
  if (x.shape.length !== 2 || index.shape.length !== 2)
    throw new InvalidArgumentError(`needs two matrices, got ${formatShape(x.shape)} and ${formatShape(index.shape)}.`, { op: "indexSample" });
  return along.takeAlongAxis(x, index, 1);
}

/** Options of {@link take}. */
export interface TakeOptions {
  /** What happens to an index outside: `raise` (default), `wrap` around, or `clip` to the nearest end. */
  readonly mode?: "raise" | "wrap" | "clip" | undefined;
}

/** Elements of the flattened tensor; the result has the shape of the index. */
export function take(x: Tensor, index: Tensor, ...rest: Trailing<TakeOptions["mode"], TakeOptions>): Tensor {
  const { mode = "raise" } = splitOptions<TakeOptions>("take", rest, ["mode"]);
  const n = sizeOf(x.shape);
  if (mode === "raise") checkIndex(index, n, "take");
  else if (mode !== "wrap" && mode !== "clip") throw new InvalidArgumentError(`mode is raise, wrap or clip, got ${String(mode)}.`, { op: "take" });
  return ops.gather(views.flatten(x), mode === "raise" ? index : boundIndex(index, n, mode), 0);
}

/** Options of {@link takeAlongAxis}. */
export interface BroadcastOption {
  /** Broadcast the index against the other axes first. Default true. */
  readonly broadcast?: boolean | undefined;
}

/** `x`'s shape with the extent of the index along `axis`: what index and values are broadcast to. */
const alongShape = (x: Tensor, index: Tensor, axis: number): Shape => {
  const own = x.shape.map((n, i) => (i === axis ? index.shape[i]! : n));
  return broadcastShapes(own, index.shape, "takeAlongAxis");
};

function requireSameRank(x: Tensor, index: Tensor, op: string): void {
  if (x.shape.length !== index.shape.length)
    throw new InvalidArgumentError(`index and tensor need as many axes, got ${formatShape(index.shape)} and ${formatShape(x.shape)}.`, { op });
}

/** Elements of lines along an axis, each line with its own index. */
export function takeAlongAxis(arr: Tensor, indices: Tensor, axis: number, ...rest: Trailing<boolean, BroadcastOption>): Tensor {
  const { broadcast = true } = splitOptions<BroadcastOption>("takeAlongAxis", rest, ["broadcast"]);
  requireSameRank(arr, indices, "takeAlongAxis");
  const at = normalizeAxis(axis, arr.shape.length, "takeAlongAxis");
  checkIndex(indices, arr.shape[at]!, "takeAlongAxis");
  if (!broadcast) return along.takeAlongAxis(arr, indices, at);
  const shape = alongShape(arr, indices, at);
  const whole = expand(arr, shape.map((n, i) => (i === at ? arr.shape[i]! : n)));
  return along.takeAlongAxis(whole, expand(indices, shape), at);
}

/** Options of {@link putAlongAxis}. */
export interface PutAlongAxisOptions extends BroadcastOption {
  readonly reduce?: "assign" | "add" | "sum" | "mul" | "multiply" | "prod" | "mean" | "amin" | "amax" | undefined;
  /** Whether what was there takes part in the reduction. Default true. */
  readonly includeSelf?: boolean | undefined;
}

const alongModes: Readonly<Record<string, along.AlongMode>> = {
  assign: "assign",
  add: "add",
  sum: "add",
  mean: "add",
  mul: "mul",
  multiply: "mul",
  prod: "mul",
  amin: "amin",
  amax: "amax",
};

/** Puts values at places of lines along an axis: in place of what was there, or reduced with it. */
export function putAlongAxis(
  arr: Tensor,
  indices: Tensor,
  values: Tensor | number,
  axis: number,
  ...rest: Trailing<PutAlongAxisOptions["reduce"], PutAlongAxisOptions>
): Tensor {
  const op = "putAlongAxis";
  const o = splitOptions<PutAlongAxisOptions>(op, rest, ["reduce", "includeSelf", "broadcast"]);
  requireSameRank(arr, indices, op);
  const at = normalizeAxis(axis, arr.shape.length, op);
  checkIndex(indices, arr.shape[at]!, op);
  const index = o.broadcast === false ? indices : expand(indices, alongShape(arr, indices, at));
  const given = cast(tensorOf(values, arr.dtype), arr.dtype);
  const value = sameShape(given.shape, index.shape) || o.broadcast === false ? boxOf(given, index) : expand(given, index.shape);
  return reduceAlong(arr, index, value, at, o.reduce ?? "assign", o.includeSelf ?? true);
}

/** The part of the values that the index covers; one number stands for all. */
function boxOf(value: Tensor, index: Tensor): Tensor {
  if (sameShape(value.shape, index.shape)) return value;
  if (sizeOf(value.shape) === 1) return expand(views.reshape(value, []), index.shape);
  const axes = index.shape.map((_, i) => i);
  return joining.slice(value, axes, axes.map(() => 0), index.shape);
}

function reduceAlong(x: Tensor, index: Tensor, value: Tensor, axis: number, reduce: string, includeSelf: boolean): Tensor {
  const mode = alongModes[reduce];
  if (!mode)
    throw new InvalidArgumentError(`reduce is assign, add, multiply, mean, amin or amax, got ${reduce}.`, { op: "putAlongAxis" });
  const start =
    includeSelf || mode === "assign" ? x : along.putAlongAxis(x, index, fullLike(value, neutral(mode, x.dtype)), axis, "assign");
  const out = along.putAlongAxis(start, index, value, axis, mode);
  if (reduce !== "mean") return out;
  const ones = fullLike(value, 1);
  const before = fullLike(x, 1);
  const counts = includeSelf ? before : along.putAlongAxis(before, index, fullLike(value, 0), axis, "assign");
  return cast(divide(out, along.putAlongAxis(counts, index, ones, axis, "add")), x.dtype);
}

/** The number that a reduction leaves alone. */
function neutral(mode: along.AlongMode, dtype: DType): number {
  if (mode === "mul") return 1;
  if (mode === "add" || mode === "assign") return 0;
  const low = mode === "amax";
  if (isFloat(dtype)) return low ? -Infinity : Infinity;
  const bits: Partial<Record<DType, number>> = { int8: 7, int16: 15, int32: 31, int64: 62 };
  const limit = 2 ** (bits[dtype] ?? 8);
  if (dtype === "uint8" || dtype === "bool") return low ? 0 : limit - 1;
  return low ? -limit : limit - 1;
}

/** {@link putAlongAxis} in place. */
export const putAlongAxis_ = (
  arr: Tensor,
  indices: Tensor,
  values: Tensor | number,
  axis: number,
  ...rest: Trailing<PutAlongAxisOptions["reduce"], PutAlongAxisOptions>
): Tensor => inplace(arr, "putAlongAxis_", (former) => putAlongAxis(former, indices, values, axis, ...rest));

/** Adds `src` at places of lines along an axis. */
export const scatterAdd = (x: Tensor, dim: number, index: Tensor, src: Tensor): Tensor =>
  putAlongAxis(x, index, src, dim, { reduce: "add", broadcast: false });
/** {@link scatterAdd} in place. */
export const scatterAdd_ = (x: Tensor, dim: number, index: Tensor, src: Tensor): Tensor =>
  inplace(x, "scatterAdd_", (former) => scatterAdd(former, dim, index, src));

/** Options of {@link scatterReduce}. */
export interface ScatterReduceOptions {
  readonly includeSelf?: boolean | undefined;
}

/** Reduces `src` into places of lines along an axis: sum, prod, mean, amin or amax. */
export function scatterReduce(
  x: Tensor,
  dim: number,
  index: Tensor,
  src: Tensor,
  reduce: "sum" | "prod" | "mean" | "amin" | "amax",
  ...rest: Trailing<boolean, ScatterReduceOptions>
): Tensor {
  const { includeSelf = true } = splitOptions<ScatterReduceOptions>("scatterReduce", rest, ["includeSelf"]);
  return putAlongAxis(x, index, src, dim, { reduce, includeSelf, broadcast: false });
}

/** Options of {@link scatter}. */
export interface ScatterOptions {
  /** True (default): the last update of a row wins; false: rows named are zeroed, then all their updates added. */
  readonly overwrite?: boolean | undefined;
}

/** `x` with rows replaced by `updates` at the places of an index of one axis. */
export function scatter(x: Tensor, index: Tensor, updates: Tensor, ...rest: Trailing<boolean, ScatterOptions>): Tensor {
  const { overwrite = true } = splitOptions<ScatterOptions>("scatter", rest, ["overwrite"]);
  if (x.shape.length === 0 || updates.dtype !== x.dtype)
    throw new InvalidArgumentError(`updates are ${updates.dtype} ${formatShape(updates.shape)}, x is ${x.dtype} ${formatShape(x.shape)}.`, { op: "scatter" });
  checkIndex(index, x.shape[0]!, "scatter");
  const rows = index.shape.length === 1 ? index : views.flatten(index);
  const values = views.reshape(updates, [...rows.shape, ...x.shape.slice(1)]);
  return overwrite ? ops.putAt(x, rows, values, 0, "assign") : ops.putAt(ops.zeroAt(x, rows, 0), rows, values, 0, "add");
}
/** {@link scatter} in place. */
export const scatter_ = (x: Tensor, index: Tensor, updates: Tensor, ...rest: Trailing<boolean, ScatterOptions>): Tensor =>
  inplace(x, "scatter_", (former) => scatter(former, index, updates, ...rest));

/** `x` with `updates` added at index rows, as {@link gatherNd} reads them. */
export function scatterNdAdd(x: Tensor, index: Tensor, updates: Tensor): Tensor {
  const depth = depthOf(x, index, "scatterNdAdd");
  if (depth === 0) throw new InvalidArgumentError("index rows must name at least one place.", { op: "scatterNdAdd", index: index.shape });
  const flat = views.flatten(x, 0, depth - 1);
  return views.reshapeLike(ops.putAt(flat, masks.linearIndexNd(x, index, depth), updates, 0, "add"), x);
}

/** Zeros of `shape` with `updates` added at index rows. */
export const scatterNd = (index: Tensor, updates: Tensor, shape: IntsLike): Tensor =>
  scatterNdAdd(full(shapeOf(shape, "scatterNd"), 0, updates.dtype) as Tensor, index, updates);

/** `x` with `value` added to the slices of an axis that an index names. */
export function indexAdd(x: Tensor, index: Tensor, axis: number, value: Tensor): Tensor {
  const at = normalizeAxis(axis, x.shape.length, "indexAdd");
  checkIndex(index, x.shape[at]!, "indexAdd");
  return ops.putAt(x, index, value, at, "add");
}
/** {@link indexAdd} in place. */
export const indexAdd_ = (x: Tensor, index: Tensor, axis: number, value: Tensor): Tensor =>
  inplace(x, "indexAdd_", (former) => indexAdd(former, index, axis, value));

/** `x` with one value in the slices of an axis that an index names. */
export function indexFill(x: Tensor, index: Tensor, axis: number, value: number | Tensor): Tensor {
  const at = normalizeAxis(axis, x.shape.length, "indexFill");
  checkIndex(index, x.shape[at]!, "indexFill");
  const shape = [...x.shape.slice(0, at), ...index.shape, ...x.shape.slice(at + 1)];
  return ops.putAt(x, index, expand(cast(scalarOf(value, x, "indexFill"), x.dtype), shape), at, "assign");
}
/** {@link indexFill} in place. */
export const indexFill_ = (x: Tensor, index: Tensor, axis: number, value: number | Tensor): Tensor =>
  inplace(x, "indexFill_", (former) => indexFill(former, index, axis, value));

/** A number, or a tensor of one element, as a scalar tensor. */
function scalarOf(value: number | boolean | Tensor, like: Tensor, op: string): Tensor {
  if (!(value instanceof Value)) return full([], Number(value), like.dtype) as Tensor;
  if (sizeOf(value.shape) !== 1) throw new InvalidArgumentError(`the value must be one number, got ${formatShape(value.shape)}.`, { op });
  return views.reshape(value as Tensor, []);
}

/** Options of {@link indexPut}. */
export interface IndexPutOptions {
  /** Add to what is there. Default false. */
  readonly accumulate?: boolean | undefined;
}

/** `x` with `value` at the places that several indices (or masks) name together; they broadcast against each other. */
export function indexPut(x: Tensor, indices: readonly Tensor[], value: Tensor, ...rest: Trailing<boolean, IndexPutOptions>): Tensor {
  const { accumulate = false } = splitOptions<IndexPutOptions>("indexPut", rest, ["accumulate"]);
  if (!Array.isArray(indices) || indices.length === 0) throw new InvalidArgumentError("needs a list of indices.", { op: "indexPut" });
  const all = indices.flatMap((i: Tensor) => (i.dtype === "bool" ? placesOf(i) : [i]));
  return putAtIndices(x, all, value, 0, accumulate);
}
/** {@link indexPut} in place. */
export const indexPut_ = (x: Tensor, indices: readonly Tensor[], value: Tensor, ...rest: Trailing<boolean, IndexPutOptions>): Tensor =>
  inplace(x, "indexPut_", (former) => indexPut(former, indices, value, ...rest));

/** `x` with `value` (broadcast) put at indices of the axes from `axis` on. */
export function putAtIndices(x: Tensor, indices: readonly Tensor[], value: Tensor, axis: number, accumulate: boolean): Tensor {
  indices.forEach((index, j) => checkIndex(index, x.shape[axis + j] ?? 0, "index"));
  const at = masks.linearIndex(x, indices, axis);
  const flat = views.flatten(x, axis, axis + indices.length - 1);
  const shape = [...x.shape.slice(0, axis), ...at.shape, ...x.shape.slice(axis + indices.length)];
  const values = expand(cast(value, x.dtype), shape);
  return views.reshapeLike(ops.putAt(flat, at, values, axis, accumulate ? "add" : "assign"), x);
}

/** How many elements are true (or not zero), read at once. */
const countOf = (mask: Tensor): number => numberOf(sum(cast(cast(mask, "bool"), "int64")), "nonzero");

/** The places of a mask's true elements, one index an axis. */
export function placesOf(mask: Tensor): Tensor[] {
  const rows = masks.nonzero(mask, countOf(mask), false);
  return mask.shape.map((_, i) => views.squeeze(joining.slice(rows, [1], [i], [i + 1]), [1]));
}

/** Options of {@link nonzero}. */
export interface NonzeroOptions {
  /** One index an axis in place of rows. Default false. */
  readonly asTuple?: boolean | undefined;
}

/** The places of all elements that are not zero: rows `[count, rank]`, or with `asTuple` one index an axis. Reads the count at once. */
export function nonzero(x: Tensor, options: NonzeroOptions & { readonly asTuple: true }): Tensor[];
export function nonzero(x: Tensor, options?: NonzeroOptions & { readonly asTuple?: false | undefined }): Tensor;
export function nonzero(x: Tensor, options?: NonzeroOptions): Tensor | Tensor[] {
  const { asTuple = false } = checkOptions<NonzeroOptions>("nonzero", options, ["asTuple"]);
  const mask = cast(x, "bool");
  if (asTuple) return placesOf(mask);
  return masks.nonzero(mask, countOf(mask), false);
}
/** {@link nonzero} as rows. */
export const argwhere = (x: Tensor): Tensor => nonzero(x);

/** Options of {@link where}. */
export interface WhereOptions {
  readonly x?: Tensor | number | null | undefined;
  readonly y?: Tensor | number | null | undefined;
}

/** `condition ? x : y`, broadcast; without x and y the places of true elements, one index an axis. */
export function where(condition: Tensor): Tensor[];
export function where(
  condition: Tensor,
  ...rest: [options: WhereOptions] | [x: Tensor | number, y: Tensor | number]
): Tensor;
export function where(condition: Tensor, ...rest: readonly unknown[]): Tensor | Tensor[] {
  const o = splitOptions<WhereOptions>("where", rest, ["x", "y"], 2);
  const [x, y] = [o.x ?? undefined, o.y ?? undefined];
  if (x === undefined && y === undefined) return nonzero(condition, { asTuple: true });
  if (x === undefined || y === undefined)
    throw new InvalidArgumentError("x and y must both be given, or neither.", { op: "where", hint: "where(condition, x, y)" });
  return choose<Tensor>(condition, x, y);
}
/** `x` where a condition holds, `y` elsewhere, in place of `x`. */
export const where_ = (condition: Tensor, x: Tensor, y: Tensor | number): Tensor =>
  inplace(x, "where_", (former) => choose<Tensor>(condition, former, y));

/** The elements where a mask is true, in order. Reads their number at once. */
export function maskedSelect(x: Tensor, mask: Tensor): Tensor {
  requireMask(mask, "maskedSelect");
  const shape = broadcastShapes(x.shape, mask.shape, "maskedSelect");
  const full = expand(mask, shape);
  return ops.gather(views.flatten(expand(x, shape)), masks.nonzero(full, countOf(full), true), 0);
}

function requireMask(mask: Tensor, op: string): void {
  if (mask.dtype !== "bool") throw new InvalidArgumentError(`the mask must be bool, got ${mask.dtype}.`, { op, dtype: mask.dtype });
}

/** `x` with one value where a mask is true. */
export function maskedFill(x: Tensor, mask: Tensor, value: number | Tensor): Tensor {
  requireMask(mask, "maskedFill");
  return choose<Tensor>(mask, cast(scalarOf(value, x, "maskedFill"), x.dtype), x);
}
/** {@link maskedFill} in place. */
export const maskedFill_ = (x: Tensor, mask: Tensor, value: number | Tensor): Tensor =>
  inplace(x, "maskedFill_", (former) => maskedFill(former, mask, value));

/** `x` with the first elements of `value`, in order, where a mask is true. */
export function maskedScatter(x: Tensor, mask: Tensor, value: Tensor): Tensor {
  requireMask(mask, "maskedScatter");
  const whole = expand(mask, x.shape);
  const count = countOf(whole);
  if (count > sizeOf(value.shape))
    throw new InvalidArgumentError(`the mask takes ${count} values, there are ${sizeOf(value.shape)}.`, { op: "maskedScatter", count });
  const at = masks.nonzero(whole, count, true);
  const values = joining.slice(views.flatten(value), [0], [0], [count]);
  return views.reshapeLike(ops.putAt(views.flatten(x), at, cast(values, x.dtype), 0, "assign"), x);
}
/** {@link maskedScatter} in place. */
export const maskedScatter_ = (x: Tensor, mask: Tensor, value: Tensor): Tensor =>
  inplace(x, "maskedScatter_", (former) => maskedScatter(former, mask, value));

/** `x` with `values` in place of the slice `index` of an axis. */
export function selectScatter(x: Tensor, values: Tensor, axis: number, index: number): Tensor {
  const at = normalizeAxis(axis, x.shape.length, "selectScatter");
  const i = normalizeAxis(index, x.shape[at]!, "selectScatter");
  const wanted = x.shape.filter((_, a) => a !== at);
  if (!sameShape(values.shape, wanted))
    throw new InvalidArgumentError(`values must be ${formatShape(wanted)}, got ${formatShape(values.shape)}.`, { op: "selectScatter" });
  return setSlice(x, cast(views.unsqueeze(values, [at]), x.dtype), [at], [i], [i + 1], [1]);
}

/** `x` with `value` (broadcast) in place of parts of some axes. */
export function sliceScatter(x: Tensor, value: Tensor, axes: readonly number[], starts: IntsLike, ends: IntsLike, strides: IntsLike): Tensor {
  const op = "sliceScatter";
  const at = axes.map((a) => normalizeAxis(a, x.shape.length, op));
  const [from, to, by] = [starts, ends, strides].map((l) => intsOf(l, op)) as [number[], number[], number[]];
  const shape = x.shape.map((n, a) => {
    const j = at.indexOf(a);
    return j < 0 ? n : joining.sliceRange(n, from[j]!, to[j]!, by[j]!).count;
  });
  return setSlice(x, expand(cast(value, x.dtype), shape), at, from, to, by);
}

/** Options of {@link asStrided}. */
export interface AsStridedOptions {
  /** Where the view begins, in elements. Default 0. */
  readonly offset?: number | undefined;
}

/** A view of the flattened tensor by strides in elements (a copy here). */
export function asStrided(x: Tensor, shape: readonly number[], stride: readonly number[], ...rest: Trailing<number, AsStridedOptions>): Tensor {
  const { offset = 0 } = splitOptions<AsStridedOptions>("asStrided", rest, ["offset"]);
  const last = shape.reduce((p, n, i) => p + (n - 1) * stride[i]!, offset);
  if (shape.length !== stride.length || offset < 0 || (!shape.includes(0) && last >= sizeOf(x.shape)))
    throw new InvalidArgumentError(`${formatShape(shape)} with strides ${formatShape(stride)} leaves the tensor's ${sizeOf(x.shape)} elements.`, { op: "asStrided", shape, stride, offset });
  return ops.gather(views.flatten(x), stridedIndex(shape, stride, offset), 0);
}

/** Options of {@link shardIndex}. */
export interface ShardIndexOptions {
  /** What indices of other shards become. Default -1. */
  readonly ignoreValue?: number | undefined;
}

/** Indices of a table of `indexNum` rows split over `nshards`: those of shard `shardId` made local, the others ignored. */
export function shardIndex(input: Tensor, indexNum: number, nshards: number, shardId: number, ...rest: Trailing<number, ShardIndexOptions>): Tensor {
  const { ignoreValue = -1 } = splitOptions<ShardIndexOptions>("shardIndex", rest, ["ignoreValue"]);
  if (shardId < 0 || shardId >= nshards)
    throw new InvalidArgumentError(`shardId ${shardId} is outside [0, ${nshards}).`, { op: "shardIndex", shardId, nshards });
  return shardOf(input, Math.ceil(indexNum / nshards), shardId, ignoreValue);
}

/** Row i of the result is row i of the tensor that `index[i]` names. */
export function multiplex(inputs: readonly Tensor[], index: Tensor): Tensor {
  if (!Array.isArray(inputs) || inputs.length < 2) throw new InvalidArgumentError("needs at least two tensors.", { op: "multiplex" });
  const all = joining.stack(inputs, 0);
  const rows = arange(0, 1, sizeOf(index.shape), "int64");
  return ops.gather(views.flatten(all, 0, 1), masks.linearIndex(all, [views.flatten(index), rows]), 0) as Tensor;
}

/** What Tensor has of these as methods. */
export const gatheringMethods = {
  gather,
  indexSelect,
  gatherNd,
  indexSample,
  take,
  takeAlongAxis,
  takeAlongDim: takeAlongAxis,
  putAlongAxis,
  putAlongAxis_,
  scatterAdd,
  scatterAdd_,
  scatterReduce,
  scatter,
  scatter_,
  scatterNd,
  scatterNdAdd,
  indexAdd,
  indexAdd_,
  indexFill,
  indexFill_,
  indexPut,
  indexPut_,
  nonzero,
  argwhere,
  where,
  where_,
  maskedSelect,
  maskedFill,
  maskedFill_,
  maskedScatter,
  maskedScatter_,
  selectScatter,
  sliceScatter,
  asStrided,
  shardIndex,
  multiplex,
};
