// Paddle's functions that choose elements by indices.

import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { broadcastShapes, formatShape, normalizeAxis, type Shape, sizeOf } from "../core/shape.js";
import * as along from "../ops/along-axis.js";
import { expand } from "../ops/broadcast.js";
import * as joining from "../ops/concat.js";
import { arange, stridedIndex } from "../ops/creation.js";
import * as ops from "../ops/gather.js";
import { boundIndex, shardIndex as shardOf } from "../ops/index-math.js";
import * as views from "../ops/views.js";
import * as masks from "../ops/where-index.js";
import { axisOf, checkIndex, type IntLike, numbersOf } from "./arguments.js";
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
    throw new InvalidArgumentError(`the index must have one axis, got ${formatShape(index.shape)}.`, {
      op: "gather",
      index: index.shape,
    });
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
export function depthOf(x: Tensor, index: Tensor, op: string): number {
  const depth = index.shape.at(-1);
  if (depth === undefined || depth > x.shape.length)
    throw new InvalidArgumentError(
      `the last axis of the index ${formatShape(index.shape)} must name at most ${x.shape.length} places.`,
      { op, x: x.shape, index: index.shape },
    );
  if (depth > 0 && !index.symbol && sizeOf(index.shape) <= 256) {
    numbersOf(index).forEach((i, j) => {
      const n = x.shape[j % depth]!;
      if (i < -n || i >= n)
        throw new InvalidArgumentError(`index ${i} is outside [${-n}, ${n}).`, { op, index: i, size: n });
    });
  }
  return depth;
}

/** Row i of the result has the elements of x's row i at the places of the index's row i. */
export function indexSample(x: Tensor, index: Tensor): Tensor {
  if (x.shape.length !== 2 || index.shape.length !== 2)
    throw new InvalidArgumentError(`needs two matrices, got ${formatShape(x.shape)} and ${formatShape(index.shape)}.`, {
      op: "indexSample",
    });
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
  else if (mode !== "wrap" && mode !== "clip")
    throw new InvalidArgumentError(`mode is raise, wrap or clip, got ${String(mode)}.`, { op: "take" });
  return ops.gather(views.flatten(x), mode === "raise" ? index : boundIndex(index, n, mode), 0);
}

/** Options of {@link takeAlongAxis}. */
export interface BroadcastOption {
  /** Broadcast the index against the other axes first. Default true. */
  readonly broadcast?: boolean | undefined;
}

/** `x`'s shape with the extent of the index along `axis`: what index and values are broadcast to. */
export const alongShape = (x: Tensor, index: Tensor, axis: number): Shape => {
  const own = x.shape.map((n, i) => (i === axis ? index.shape[i]! : n));
  return broadcastShapes(own, index.shape, "takeAlongAxis");
};

export function requireSameRank(x: Tensor, index: Tensor, op: string): void {
  if (x.shape.length !== index.shape.length)
    throw new InvalidArgumentError(
      `index and tensor need as many axes, got ${formatShape(index.shape)} and ${formatShape(x.shape)}.`,
      { op },
    );
}

/** Elements of lines along an axis, each line with its own index. */
export function takeAlongAxis(
  arr: Tensor,
  indices: Tensor,
  axis: number,
  ...rest: Trailing<boolean, BroadcastOption>
): Tensor {
  const { broadcast = true } = splitOptions<BroadcastOption>("takeAlongAxis", rest, ["broadcast"]);
  requireSameRank(arr, indices, "takeAlongAxis");
  const at = normalizeAxis(axis, arr.shape.length, "takeAlongAxis");
  checkIndex(indices, arr.shape[at]!, "takeAlongAxis");
  if (!broadcast) return along.takeAlongAxis(arr, indices, at);
  const shape = alongShape(arr, indices, at);
  const whole = expand(
    arr,
    shape.map((n, i) => (i === at ? arr.shape[i]! : n)),
  );
  return along.takeAlongAxis(whole, expand(indices, shape), at);
}

/** Options of {@link asStrided}. */
export interface AsStridedOptions {
  /** Where the view begins, in elements. Default 0. */
  readonly offset?: number | undefined;
}

/** A view of the flattened tensor by strides in elements (a copy here). */
export function asStrided(
  x: Tensor,
  shape: readonly number[],
  stride: readonly number[],
  ...rest: Trailing<number, AsStridedOptions>
): Tensor {
  const { offset = 0 } = splitOptions<AsStridedOptions>("asStrided", rest, ["offset"]);
  const last = shape.reduce((p, n, i) => p + (n - 1) * stride[i]!, offset);
  if (shape.length !== stride.length || offset < 0 || (!shape.includes(0) && last >= sizeOf(x.shape)))
    throw new InvalidArgumentError(
      `${formatShape(shape)} with strides ${formatShape(stride)} leaves the tensor's ${sizeOf(x.shape)} elements.`,
      { op: "asStrided", shape, stride, offset },
    );
  return ops.gather(views.flatten(x), stridedIndex(shape, stride, offset), 0);
}

/** Options of {@link shardIndex}. */
export interface ShardIndexOptions {
  /** What indices of other shards become. Default -1. */
  readonly ignoreValue?: number | undefined;
}

/** Indices of a table of `indexNum` rows split over `nshards`: those of shard `shardId` made local, the others ignored. */
export function shardIndex(
  input: Tensor,
  indexNum: number,
  nshards: number,
  shardId: number,
  ...rest: Trailing<number, ShardIndexOptions>
): Tensor {
  const { ignoreValue = -1 } = splitOptions<ShardIndexOptions>("shardIndex", rest, ["ignoreValue"]);
  if (shardId < 0 || shardId >= nshards)
    throw new InvalidArgumentError(`shardId ${shardId} is outside [0, ${nshards}).`, {
      op: "shardIndex",
      shardId,
      nshards,
    });
  return shardOf(input, Math.ceil(indexNum / nshards), shardId, ignoreValue);
}

/** Row i of the result is row i of the tensor that `index[i]` names. */
export function multiplex(inputs: readonly Tensor[], index: Tensor): Tensor {
  if (!Array.isArray(inputs) || inputs.length < 2)
    throw new InvalidArgumentError("needs at least two tensors.", { op: "multiplex" });
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
  asStrided,
  shardIndex,
  multiplex,
};
