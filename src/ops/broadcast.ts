// Ops: sum, expansion and reshape, which are each other's gradients.

import { isInt } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { formatShape, normalizeAxes, sameShape, type Shape, sizeOf } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { reducedShape } from "./infer.js";

const axesAttrs = { axes: fixed<readonly number[]>([]), keepdim: fixed(false) };

/** Sum over axes; bool and narrow integers sum in int64, as in Paddle. */
export const sumOp = defineOp({
  name: "sum",
  inputs: ["x"],
  outputs: ["out"],
  attrs: axesAttrs,
  infer: ({ x }, { axes, keepdim }) => {
    const dtype = x.dtype === "bool" || isInt(x.dtype) ? "int64" : x.dtype;
    return { outs: { out: { shape: reducedShape(x.shape, axes, keepdim), dtype } } };
  },
  reduce: { combine: "add" },
  grad: (_, d, { attrs, meta }) => ({
    x: () => {
      const kept = attrs.keepdim ? d.out : reshape(d.out, reducedShape(meta.x.shape, attrs.axes, true));
      return expandLike(kept, meta.x);
    },
  }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[3, 4]], attrs: { axes: [1], keepdim: false } },
      { inputs: [[3, 4]], attrs: { axes: [0], keepdim: true } },
      { inputs: [[2, 3, 40]], attrs: { axes: [0, 2], keepdim: false } },
      { inputs: [[300, 100]], attrs: { axes: [0, 1], keepdim: false } },
    ],
  },
});

/** Sum over `axes` (default all). */
export const sum = <T extends Value>(x: T, axes?: number | readonly number[] | null, keepdim = false): T =>
  bind1(sumOp, [x], { axes: normalizeAxes(axes, x.shape.length, "sum"), keepdim }) as T;

/** Sums over broadcast axes, so that the result has the shape of `like`. */
export function sumTo<T extends Value>(x: T, like: Value): T {
  const skip = x.shape.length - like.shape.length;
  const axes = x.shape.flatMap((n, i) => (i < skip || (like.shape[i - skip] === 1 && n !== 1) ? [i] : []));
  const summed = axes.length > 0 ? (bind1(sumOp, [x], { axes, keepdim: true }) as T) : x;
  return skip > 0 ? reshape(summed, like.shape) : summed;
}

/** The same elements in another shape; memory is shared. */
export const reshapeOp = defineOp({
  name: "reshape",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { shape: fixed<Shape>() },
  infer: ({ x }, { shape }) => {
    if (sizeOf(shape) !== sizeOf(x.shape)) {
      throw new InvalidArgumentError(
        `cannot reshape ${formatShape(x.shape)} to ${formatShape(shape)}: ${sizeOf(x.shape)} and ${sizeOf(shape)} elements.`,
        {
          op: "reshape",
          x: x.shape,
          shape,
        },
      );
    }
    return { outs: { out: { shape, dtype: x.dtype } } };
  },
  element: (k, { x }, _, index, out) => {
    const position = index.reduce((p, i, axis) => k.add(k.mul(p, out.extent(axis)), i), k.const("i32", 0));
    return x.flat(position);
  },
  view: true,
  grad: (_, d, { meta }) => ({ x: () => reshape(d.out, meta.x.shape) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[2, 6]], attrs: { shape: [3, 4] } },
      { inputs: [[0, 4]], attrs: { shape: [4, 0] } },
    ],
  },
});

/** The same elements in another shape (all extents given). */
export const reshape = <T extends Value>(x: T, shape: Shape): T => bind1(reshapeOp, [x], { shape }) as T;

/** Broadcasts `x` to the shape of `like`, whose data is not read. */
export const expandLikeOp = defineOp({
  name: "expand_as",
  inputs: ["x", "like"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, like }) => ({ outs: { out: { shape: like.shape, dtype: x.dtype } } }),
  element: (k, { x }, _, index) => {
    const skip = index.length - x.rank;
    return x.at(...Array.from({ length: x.rank }, (_, i) => k.select(k.eq(x.extent(i), 1), 0, index[i + skip]!)));
  },
  ghosts: ["like"],
  grad: (_, d, { meta }) => ({ x: () => sumTo(d.out, meta.x) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          [3, 1],
          [3, 4],
        ],
      },
      { inputs: [[4], [3, 4]] },
    ],
  },
});

/** Broadcasts `x` to the shape of `like`. */
export const expandLike = <T extends Value>(x: T, like: Value): T =>
  sameShape(x.shape, like.shape) ? x : (bind1(expandLikeOp, [x, like]) as T);
