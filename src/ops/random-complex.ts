// Ops: complex normal numbers, whose parts alternate in one stream of real ones.

import { type DType, realOf } from "../core/dtype.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind, bind1 } from "../trace/bind.js";
import { asComplex } from "./complex-parts.js";
import { gaussianOp, shapeOperand, type ShapeSource } from "./random.js";
import { drawnLike } from "./random-body.js";

/** Normal numbers in both parts, real and imaginary in turn. */
export const gaussianComplexOp = defineOp({
  name: "gaussian_complex",
  inputs: ["state", "like?"],
  outputs: ["out", "stateOut"],
  attrs: { shape: integers(), mean: scalar(0), std: scalar(1), dtype: fixed<DType>("complex64") },
  infer: drawnLike(),
  compose: ({ state, like }, { shape, mean, std, dtype }) => {
    const pairs = { shape: [...(like ? like.shape : shape), 2], mean, std, dtype: realOf(dtype) };
    const [parts, stateOut] = bind(gaussianOp, [state, undefined], pairs) as [Value, Value];
    return { out: asComplex(parts), stateOut };
  },
  ghosts: ["like"],
  inplace: { stateOut: "state" },
  random: true,
  grad: null,
  check: { samples: [], noGradCheck: "random" },
});

/** Complex normal numbers; the deviation is that of both parts together, so each has std / √2. */
export function gaussianComplex(from: ShapeSource, mean: number, std: number, dtype: DType, state: Value): Value {
  const { like, shape } = shapeOperand(from);
  const part = Math.fround(Math.sqrt(Math.fround(std) ** 2 / 2));
  return bind1(gaussianComplexOp, [state, like], { shape, mean: Math.fround(mean), std: part, dtype });
}
