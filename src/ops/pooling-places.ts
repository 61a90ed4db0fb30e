// Ops: values put at positions of planes and taken from them: what maxima leave behind.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { integers, type OpRecord } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { requireFloat, requireInt } from "./infer.js";
import { emitPick, emitUnpool } from "./pooling-kernels.js";

const placed = { shape: [1, 2, 2, 2], data: [0, 3, 4, 8, 2, 7, 7, 1], dtype: "int32" } as const;

/** `x` put at the positions in `mask` of planes as large as `like`'s, added up where several meet: the gradient of maxima. */
export const unpoolLikeOp: OpRecord = defineOp({
  name: "max_pool_grad",
  inputs: ["x", "mask", "like"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, like }) => ({ outs: { out: { shape: like.shape, dtype: x.dtype } } }),
  kernel: (b, { x, mask }, { out }) => emitUnpool(b, x, mask, out, true),
  ghosts: ["like"],
  saves: ["mask"],
  grad: ({ mask }, d) => ({ x: () => pick(d.out, mask) }),
  check: { domain: [-2, 2], samples: [{ inputs: [[1, 2, 2, 2], placed, [1, 2, 3, 3]] }] },
});

/** The elements of `x` at the positions in `mask` of each plane. */
export const pickOp: OpRecord = defineOp({
  name: "plane_pick",
  inputs: ["x", "mask"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, mask }) => ({ outs: { out: { shape: mask.shape, dtype: x.dtype } } }),
  kernel: (b, { x, mask }, { out }) => emitPick(b, x, mask, out),
  saves: ["mask"],
  grad: ({ mask }, d, { meta }) => ({ x: () => unpoolLike(d.out, mask, meta.x) }),
  check: { domain: [-2, 2], samples: [{ inputs: [[1, 2, 3, 3], placed] }] },
});

/** `x` put at the positions in `mask` of planes with the extents given, the last one where several meet; zeros elsewhere. */
export const unpoolOp: OpRecord = defineOp({
  name: "unpool",
  inputs: ["x", "mask"],
  outputs: ["out"],
  attrs: { extents: integers() },
  infer: ({ x, mask }, { extents }) => {
    requireFloat(x, "max_unpool");
    requireInt(mask, "indices", "max_unpool");
    if (x.shape.length !== extents.length + 2 || mask.shape.some((n, i) => n !== x.shape[i]))
      throw new InvalidArgumentError(
        `x and indices must have one shape of rank ${extents.length + 2}, got ${formatShape(x.shape)} and ${formatShape(mask.shape)}.`,
        { op: "max_unpool", x: x.shape, indices: mask.shape },
      );
    return { outs: { out: { shape: [x.shape[0]!, x.shape[1]!, ...extents], dtype: x.dtype } } };
  },
  kernel: (b, { x, mask }, { out }) => emitUnpool(b, x, mask, out, false),
  saves: ["mask"],
  grad: ({ mask }, d) => ({ x: () => pick(d.out, mask) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [[1, 2, 2, 2], { shape: [1, 2, 2, 2], data: [0, 3, 4, 8, 2, 7, 6, 1], dtype: "int64" }],
        attrs: { extents: [3, 3] },
      },
    ],
  },
});

/** The gradient of maxima: `x` put at positions of planes like those of `like`, added up. */
export const unpoolLike = <T extends Value>(x: T, mask: Value, like: Value): T =>
  bind1(unpoolLikeOp, [x, mask, like]) as T;
/** `x` at the positions in `mask` of each plane. */
export const pick = <T extends Value>(x: T, mask: Value): T => bind1(pickOp, [x, mask]) as T;

/** `x` at the positions in `mask` of planes with these extents. */
export const unpool = <T extends Value>(x: T, mask: T, extents: readonly number[]): T =>
  bind1(unpoolOp, [x, mask], { extents }) as T;
