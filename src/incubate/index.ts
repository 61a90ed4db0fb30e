// Paddle's `incubate`: what its public names of graphs, masked softmax and losses still are.

import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { add } from "../ops/arithmetic.js";
import { sum } from "../ops/broadcast.js";
import { full } from "../ops/creation.js";
import { mean } from "../ops/reduction.js";
import { softmax } from "../ops/softmax.js";
import { triu } from "../ops/triangle.js";
import { type ReduceOp, sendURecv } from "../tensor/geometric.js";
import type { Tensor } from "../tensor/tensor.js";

export { LookAhead, type LookAheadOptions } from "../optimizer/lookahead.js";
export { ModelAverage, type ModelAverageOptions } from "../optimizer/model-average.js";
export * as optimizer from "./optimizer.js";
export { segmentMax, segmentMean, segmentMin, segmentSum } from "../tensor/geometric.js";

/** Options of {@link graphSendRecv}. */
export interface GraphSendRecvOptions {
  /** How messages to one node are combined. Default "sum". */
  readonly poolType?: ReduceOp | undefined;
  /** Number of nodes of the result; by default as many as x has. */
  readonly outSize?: number | Tensor | null | undefined;
  readonly name?: string | null | undefined;
}

/** `geometric.sendURecv` under its former name. Throws InvalidArgument for unknown reductions. */
export function graphSendRecv(
  x: Tensor,
  srcIndex: Tensor,
  dstIndex: Tensor,
  ...rest: Trailing<ReduceOp, GraphSendRecvOptions>
): Tensor {
  const o = splitOptions<GraphSendRecvOptions>("graph_send_recv", rest, ["poolType", "outSize", "name"]);
  return sendURecv(x, srcIndex, dstIndex, { reduceOp: o.poolType, outSize: o.outSize });
}

/** How {@link identityLoss} reduces: by name, or by Paddle's number. */
export type IdentityReduction = "sum" | "mean" | "none" | 0 | 1 | 2;

/** Marks a tensor as the loss: its sum (0), mean (1), or itself (2, "none"). Throws InvalidArgument for other reductions. */
export function identityLoss(
  x: Tensor,
  ...rest: Trailing<IdentityReduction, { readonly reduction?: IdentityReduction | undefined }>
): Tensor {
  const { reduction = "none" } = splitOptions<{ readonly reduction?: IdentityReduction | undefined }>(
    "identity_loss",
    rest,
    ["reduction"],
  );
  const name = typeof reduction === "number" ? (["sum", "mean", "none"] as const)[reduction] : reduction;
  if (name === "sum") return sum(x);
  if (name === "none") return x;
  if (name === "mean")
    return mean(
      x,
      x.shape.map((_, i) => i),
      false,
    );
  throw new InvalidArgumentError(`reduction must be sum, mean or none, got ${String(reduction)}.`, {
    op: "identity_loss",
  });
}

/** `softmax(x + mask)` over the last axis. */
export const softmaxMaskFuse = (x: Tensor, mask: Tensor): Tensor => softmax(add(x, mask), -1);

/** Softmax over the last axis of square matrices, of the places up to the diagonal only. */
export function softmaxMaskFuseUpperTriangle(x: Tensor): Tensor {
  const n = x.shape.at(-1) ?? 0;
  return softmax(add<Tensor>(x, triu(full([n, n], -Infinity, x.dtype), 1) as Tensor), -1);
}
