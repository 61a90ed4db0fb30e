// Paddle's `geometric`: messages along the edges of graphs, and rows combined by segment.

import { isFloat } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { formatShape } from "../core/shape.js";
import { add, divide, multiply, neg, reciprocal } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { maximum } from "../ops/comparison.js";
import { full } from "../ops/creation.js";
import { gather } from "../ops/gather.js";
import { segmentPool } from "../ops/graph.js";
import { max } from "../ops/reduction.js";
import { unsqueeze } from "../ops/views.js";
import { Value } from "../program/value.js";
import { sizeIn } from "../trace/size-in.js";
import type { Tensor } from "./tensor.js";

/** How messages to one node are combined. */
export type ReduceOp = "sum" | "mean" | "max" | "min";

/** How a message is made of two numbers. */
export type MessageOp = "add" | "sub" | "mul" | "div";

function checkedName<T extends string>(name: T, names: readonly T[], what: string, op: string): T {
  if (names.includes(name)) return name;
  throw new InvalidArgumentError(`${what} must be one of ${names.join(", ")}, got ${String(name)}.`, { op });
}

/** Rows combined by segment, `size` of them. */
function pooled(x: Tensor, segments: Tensor, size: number, reduce: ReduceOp): Tensor {
  if (reduce === "max" || reduce === "min") return segmentPool(x, segments, size, reduce);
  const sum = segmentPool(x, segments, size, "add");
  if (reduce === "sum") return sum;
  const each = full([x.shape[0]!], 1, isFloat(x.dtype) ? x.dtype : "float64") as Tensor;
  const count = maximum<Tensor>(segmentPool(each, segments, size, "add"), 1);
  const axes = Array.from({ length: x.shape.length - 1 }, (_, i) => i + 1);
  const divisor = axes.length > 0 ? unsqueeze(count, axes) : count;
  // Means of integers lose their fractions, as in Paddle.
  return isFloat(x.dtype) ? divide(sum, divisor) : cast(divide(cast(sum, "float64"), divisor), x.dtype);
}

/** One more than the largest segment, which is read at once; in a Program, when it runs. */
function segmentCount(segments: Tensor, op: string): number {
  if (segments.shape.length !== 1)
    throw new InvalidArgumentError(`segments must be [rows], got ${formatShape(segments.shape)}.`, { op });
  return segments.shape[0] === 0 ? 0 : sizeIn(add(max(segments, [0], false), 1), op);
}

const segmented =
  (name: string, reduce: ReduceOp) =>
  (data: Tensor, segmentIds: Tensor): Tensor =>
    pooled(data, segmentIds, segmentCount(segmentIds, name), reduce);

/**
 * The sum of all rows of each segment; segments are numbered from 0, those without rows are 0.
 *
 * @param segmentIds the segment of each row, int32 or int64; the largest is read at once
 * @throws InvalidArgumentError when there is not one segment for each row.
 * @example
 * ```ts
 * import { geometric, toTensor } from "oarjs";
 * const ids = toTensor([0, 0, 1], { dtype: "int64" });
 * console.log(await geometric.segmentSum(toTensor([1, 2, 3]), ids).tolist()); // [3, 3]
 * ```
 */
export const segmentSum = segmented("segment_sum", "sum");
/** The mean of all rows of each segment; see {@link segmentSum}. */
export const segmentMean = segmented("segment_mean", "mean");
/** The smallest of all rows of each segment; see {@link segmentSum}. */
export const segmentMin = segmented("segment_min", "min");
/** The largest of all rows of each segment; see {@link segmentSum}. */
export const segmentMax = segmented("segment_max", "max");

/** Options of {@link sendURecv}. */
export interface SendURecvOptions {
  /** How messages to one node are combined. Default "sum". */
  readonly reduceOp?: ReduceOp | undefined;
  /** Number of nodes of the result; by default as many as x has. */
  readonly outSize?: number | Tensor | null | undefined;
  readonly name?: string | null | undefined;
}

/** Options of {@link sendUeRecv}. */
export interface SendUeRecvOptions extends SendURecvOptions {
  /** How a message is made of a node's and an edge's numbers. Default "add". */
  readonly messageOp?: MessageOp | undefined;
}

const reduceOps = ["sum", "mean", "max", "min"] as const;
const messageOps = ["add", "sub", "mul", "div"] as const;

function outSizeOf(o: SendURecvOptions, x: Tensor, op: string): number {
  const { outSize = 0 } = o;
  const given = outSize instanceof Value ? sizeIn(outSize, op) : (outSize ?? 0);
  return given > 0 ? given : x.shape[0]!;
}

/**
 * Sends the rows of source nodes along edges and combines at each destination what arrives there.
 *
 * @param x rows by node; srcIndex and dstIndex the ends of each edge
 * @throws InvalidArgumentError for unknown reductions.
 * @example
 * ```ts
 * import { geometric, toTensor } from "oarjs";
 * const [from, to] = [[0, 1, 2], [1, 2, 1]].map((list) => toTensor(list, { dtype: "int32" }));
 * console.log(await geometric.sendURecv(toTensor([[1], [2], [3]]), from!, to!).tolist()); // [[0], [4], [2]]
 * ```
 */
export function sendURecv(
  x: Tensor,
  srcIndex: Tensor,
  dstIndex: Tensor,
  ...rest: Trailing<ReduceOp, SendURecvOptions>
): Tensor {
  const op = "send_u_recv";
  const o = splitOptions<SendURecvOptions>(op, rest, ["reduceOp", "outSize", "name"]);
  const reduce = checkedName(o.reduceOp ?? "sum", reduceOps, "reduceOp", op);
  return pooled(gather(x, srcIndex), dstIndex, outSizeOf(o, x, op), reduce);
}

/** Two tensors of one rank: axes of extent 1 are put in after the first. */
function sameRank(x: Tensor, y: Tensor): [Tensor, Tensor] {
  const rank = Math.max(x.shape.length, y.shape.length, 2);
  const grown = (t: Tensor): Tensor => {
    const missing = rank - t.shape.length;
    return missing === 0
      ? t
      : unsqueeze(
          t,
          Array.from({ length: missing }, (_, i) => i + 1),
        );
  };
  return [grown(x), grown(y)];
}

/** Messages of two tensors' rows; division adds 1e-12 to the divisor, as Paddle does. */
function message(x: Tensor, y: Tensor, how: MessageOp): Tensor {
  if (how === "add") return add(x, y);
  if (how === "sub") return add(x, neg(y));
  return multiply(x, how === "mul" ? y : reciprocal(add<Tensor>(y, 1e-12)));
}

/**
 * {@link sendURecv} of messages made of a source node's row and the edge's own row `y`.
 *
 * @throws InvalidArgumentError for unknown reductions and messages.
 */
export function sendUeRecv(
  x: Tensor,
  y: Tensor,
  srcIndex: Tensor,
  dstIndex: Tensor,
  ...rest: Trailing<MessageOp, SendUeRecvOptions>
): Tensor {
  const op = "send_ue_recv";
  const o = splitOptions<SendUeRecvOptions>(op, rest, ["messageOp", "reduceOp", "outSize", "name"]);
  const how = checkedName(o.messageOp ?? "add", messageOps, "messageOp", op);
  const reduce = checkedName(o.reduceOp ?? "sum", reduceOps, "reduceOp", op);
  const [nodes, edges] = sameRank(x, y);
  return pooled(message(gather(nodes, srcIndex), edges, how), dstIndex, outSizeOf(o, x, op), reduce);
}

/** Options of {@link sendUv}. */
export interface SendUvOptions {
  /** How a message is made of the two rows. Default "add". */
  readonly messageOp?: MessageOp | undefined;
  readonly name?: string | null | undefined;
}

/**
 * For each edge a message of its source's row of x and its destination's row of y.
 *
 * @throws InvalidArgumentError for unknown messages.
 */
export function sendUv(
  x: Tensor,
  y: Tensor,
  srcIndex: Tensor,
  dstIndex: Tensor,
  ...rest: Trailing<MessageOp, SendUvOptions>
): Tensor {
  const o = splitOptions<SendUvOptions>("send_uv", rest, ["messageOp", "name"]);
  const how = checkedName(o.messageOp ?? "add", messageOps, "messageOp", "send_uv");
  const [sources, ends] = sameRank(x, y);
  return message(gather(sources, srcIndex), gather(ends, dstIndex), how);
}
