// Paddle's functions that put values at indices: assigned, added or reduced with what is there.

import { type DType, isFloat } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { formatShape, normalizeAxis, sameShape, sizeOf } from "../core/shape.js";
import * as along from "../ops/along-axis.js";
import { divide } from "../ops/arithmetic.js";
import { expand } from "../ops/broadcast.js";
import { cast } from "../ops/cast.js";
import * as joining from "../ops/concat.js";
import { full, fullLike } from "../ops/creation.js";
import * as ops from "../ops/gather.js";
import { setSlice } from "../ops/set-slice.js";
import * as views from "../ops/views.js";
import * as masks from "../ops/where-index.js";
import { inplace } from "../trace/inplace.js";
import { checkIndex, type IntsLike, intsOf, shapeOf, tensorOf } from "./arguments.js";
import { alongShape, type BroadcastOption, depthOf, requireSameRank } from "./gathering.js";
import { placesOf, scalarOf } from "./masking.js";
import type { Tensor } from "./tensor.js";

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
  const value =
    sameShape(given.shape, index.shape) || o.broadcast === false ? boxOf(given, index) : expand(given, index.shape);
  return reduceAlong(arr, index, value, at, o.reduce ?? "assign", o.includeSelf ?? true);
}

/** The part of the values that the index covers; one number stands for all. */
function boxOf(value: Tensor, index: Tensor): Tensor {
  if (sameShape(value.shape, index.shape)) return value;
  if (sizeOf(value.shape) === 1) return expand(views.reshape(value, []), index.shape);
  const axes = index.shape.map((_, i) => i);
  return joining.slice(
    value,
    axes,
    axes.map(() => 0),
    index.shape,
  );
}

function reduceAlong(
  x: Tensor,
  index: Tensor,
  value: Tensor,
  axis: number,
  reduce: string,
  includeSelf: boolean,
): Tensor {
  const mode = alongModes[reduce];
  if (!mode)
    throw new InvalidArgumentError(`reduce is assign, add, multiply, mean, amin or amax, got ${reduce}.`, {
      op: "putAlongAxis",
    });
  const start =
    includeSelf || mode === "assign"
      ? x
      : along.putAlongAxis(x, index, fullLike(value, neutral(mode, x.dtype)), axis, "assign");
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
    throw new InvalidArgumentError(
      `updates are ${updates.dtype} ${formatShape(updates.shape)}, x is ${x.dtype} ${formatShape(x.shape)}.`,
      { op: "scatter" },
    );
  checkIndex(index, x.shape[0]!, "scatter");
  const rows = index.shape.length === 1 ? index : views.flatten(index);
  const values = views.reshape(updates, [...rows.shape, ...x.shape.slice(1)]);
  return overwrite
    ? ops.putAt(x, rows, values, 0, "assign")
    : ops.putAt(ops.zeroAt(x, rows, 0), rows, values, 0, "add");
}
/** {@link scatter} in place. */
export const scatter_ = (
  x: Tensor,
  index: Tensor,
  updates: Tensor,
  ...rest: Trailing<boolean, ScatterOptions>
): Tensor => inplace(x, "scatter_", (former) => scatter(former, index, updates, ...rest));

/** `x` with `updates` added at index rows, as {@link gatherNd} reads them. */
export function scatterNdAdd(x: Tensor, index: Tensor, updates: Tensor): Tensor {
  const depth = depthOf(x, index, "scatterNdAdd");
  if (depth === 0)
    throw new InvalidArgumentError("index rows must name at least one place.", {
      op: "scatterNdAdd",
      index: index.shape,
    });
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

/** Options of {@link indexPut}. */
export interface IndexPutOptions {
  /** Add to what is there. Default false. */
  readonly accumulate?: boolean | undefined;
}

/** `x` with `value` at the places that several indices (or masks) name together; they broadcast against each other. */
export function indexPut(
  x: Tensor,
  indices: readonly Tensor[],
  value: Tensor,
  ...rest: Trailing<boolean, IndexPutOptions>
): Tensor {
  const { accumulate = false } = splitOptions<IndexPutOptions>("indexPut", rest, ["accumulate"]);
  if (!Array.isArray(indices) || indices.length === 0)
    throw new InvalidArgumentError("needs a list of indices.", { op: "indexPut" });
  const all = indices.flatMap((i: Tensor) => (i.dtype === "bool" ? placesOf(i) : [i]));
  return putAtIndices(x, all, value, 0, accumulate);
}
/** {@link indexPut} in place. */
export const indexPut_ = (
  x: Tensor,
  indices: readonly Tensor[],
  value: Tensor,
  ...rest: Trailing<boolean, IndexPutOptions>
): Tensor => inplace(x, "indexPut_", (former) => indexPut(former, indices, value, ...rest));

/** `x` with `value` (broadcast) put at indices of the axes from `axis` on. */
export function putAtIndices(
  x: Tensor,
  indices: readonly Tensor[],
  value: Tensor,
  axis: number,
  accumulate: boolean,
): Tensor {
  indices.forEach((index, j) => checkIndex(index, x.shape[axis + j] ?? 0, "index"));
  const at = masks.linearIndex(x, indices, axis);
  const flat = views.flatten(x, axis, axis + indices.length - 1);
  const shape = [...x.shape.slice(0, axis), ...at.shape, ...x.shape.slice(axis + indices.length)];
  const values = expand(cast(value, x.dtype), shape);
  return views.reshapeLike(ops.putAt(flat, at, values, axis, accumulate ? "add" : "assign"), x);
}

/** `x` with `values` in place of the slice `index` of an axis. */
export function selectScatter(x: Tensor, values: Tensor, axis: number, index: number): Tensor {
  const at = normalizeAxis(axis, x.shape.length, "selectScatter");
  const i = normalizeAxis(index, x.shape[at]!, "selectScatter");
  const wanted = x.shape.filter((_, a) => a !== at);
  if (!sameShape(values.shape, wanted))
    throw new InvalidArgumentError(`values must be ${formatShape(wanted)}, got ${formatShape(values.shape)}.`, {
      op: "selectScatter",
    });
  return setSlice(x, cast(views.unsqueeze(values, [at]), x.dtype), [at], [i], [i + 1], [1]);
}

/** `x` with `value` (broadcast) in place of parts of some axes. */
export function sliceScatter(
  x: Tensor,
  value: Tensor,
  axes: readonly number[],
  starts: IntsLike,
  ends: IntsLike,
  strides: IntsLike,
): Tensor {
  const op = "sliceScatter";
  const at = axes.map((a) => normalizeAxis(a, x.shape.length, op));
  const [from, to, by] = [starts, ends, strides].map((l) => intsOf(l, op)) as [number[], number[], number[]];
  const shape = x.shape.map((n, a) => {
    const j = at.indexOf(a);
    return j < 0 ? n : joining.sliceRange(n, from[j]!, to[j]!, by[j]!).count;
  });
  return setSlice(x, expand(cast(value, x.dtype), shape), at, from, to, by);
}

/** What Tensor has of these as methods. */
export const scatteringMethods = {
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
  selectScatter,
  sliceScatter,
};
