// Ops that make tensors from nothing but numbers.

import type { DType } from "../core/dtype.js";
import type { Shape } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";

/** A tensor filled with one number. */
export const fullOp = defineOp({
  name: "full",
  inputs: [],
  outputs: ["out"],
  attrs: { shape: integers(), value: scalar(0), dtype: fixed<DType>("float32") },
  infer: (_, { shape, dtype }) => ({ outs: { out: { shape, dtype } } }),
  lower: (_, __, { value }) => ({ out: value }),
  complex: (k, _, { value }) => ({ out: { re: value, im: k.mul(value, 0) } }),
  grad: null,
  check: {
    samples: [
      {
        inputs: [],
        attrs: { shape: [2, 3], value: 1.5, dtype: "float32" },
        expect: () => ({ shape: [2, 3], data: new Array<number>(6).fill(1.5) }),
      },
    ],
  },
});

/** A tensor of `shape` filled with `value`. */
export const full = (shape: Shape, value: number, dtype: DType): Value => bind1(fullOp, [], { shape, value, dtype });

/** A tensor like another, filled with one number; the other's data is not read. */
export const fullLikeOp = defineOp({
  name: "full_like",
  inputs: ["like"],
  outputs: ["out"],
  attrs: { value: scalar(0), dtype: fixed<DType>("float32") },
  infer: ({ like }, { dtype }) => ({ outs: { out: { shape: like.shape, dtype } } }),
  element: (_, __, { value }) => value,
  ghosts: ["like"],
  grad: null,
  check: {
    samples: [
      {
        inputs: [[2, 3]],
        attrs: { value: 2, dtype: "float32" },
        expect: () => ({ shape: [2, 3], data: new Array<number>(6).fill(2) }),
      },
    ],
  },
});

/** A tensor of the shape and dtype of `like`, filled with `value`. */
export const fullLike = <T extends Value>(like: T, value: number, dtype: DType = like.dtype): T =>
  bind1(fullLikeOp, [like], { value, dtype }) as T;
