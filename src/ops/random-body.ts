// What the records of random ops share: the state operand overwritten in place, the shape from an attribute or another tensor.

import type { DType } from "../core/dtype.js";
import type { Shape } from "../core/shape.js";
import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import type { Inferred, InferInput } from "../program/op.js";
import { stateShape } from "./random-state.js";
import { Stream } from "./random-stream.js";

/** Outputs of an op that draws: its result and the advanced state. */
export function drawn(shape: Shape, dtype: DType, compute?: DType): Inferred<"out" | "stateOut"> {
  return { outs: { out: { shape, dtype }, stateOut: { shape: stateShape, dtype: "int64" } }, compute };
}

/** {@link drawn} with the shape of `like` where it is given. */
export const drawnLike =
  (compute?: DType) =>
  (
    { like }: { readonly like?: InferInput | undefined },
    { shape, dtype }: { readonly shape: readonly number[]; readonly dtype: DType },
  ): Inferred<"out" | "stateOut"> =>
    drawn(like ? like.shape : shape, dtype, compute);

/** One block that draws from the state and writes the position back at the end. */
export function drawing(b: KernelContext, state: Ref, stateOut: OutRef, body: (stream: Stream) => void): void {
  b.parallel(1, () => {
    const stream = new Stream(b, state, stateOut);
    body(stream);
    stream.end();
  });
}

/** The float type an output computes in. */
export const floatType = (x: { readonly type: Expr["type"] }): "f32" | "f64" => (x.type === "f64" ? "f64" : "f32");
