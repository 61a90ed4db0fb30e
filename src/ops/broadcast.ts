// Ops: sum over axes and expansion, which are each other's gradients.

import { isInt } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { publicExtent } from "../core/extents.js";
import { formatShape, normalizeAxes, sameShape, type Shape } from "../core/shape.js";
import type { Ref } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import type { K } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { reducedShape } from "./infer.js";
import { isKnown, reshape, reshapeLike, unsqueeze } from "./views.js";

export { reshape, reshapeLike };

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
    x: () => expandLike(attrs.keepdim ? d.out : unsqueeze(d.out, attrs.axes), meta.x),
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

/** {@link sumTo} where extents are not known yet: a Program decides it when it is compiled for a feed. */
export const sumToOp = defineOp({
  name: "sum_to",
  inputs: ["x", "like"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, like }) => ({ outs: { out: { shape: like.shape, dtype: x.dtype } } }),
  compose: ({ x, like }) => ({ out: sumKnown(x, like) }),
  ghosts: ["like"],
  grad: (_, d, { meta }) => ({ x: () => expandLike(d.out, meta.x) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          [2, 3, 4],
          [3, 1],
        ],
      },
    ],
  },
});

function sumKnown<T extends Value>(x: T, like: Value): T {
  const skip = x.shape.length - like.shape.length;
  const axes = x.shape.flatMap((n, i) => (i < skip || (like.shape[i - skip] === 1 && n !== 1) ? [i] : []));
  const summed = axes.length > 0 ? (bind1(sumOp, [x], { axes, keepdim: true }) as T) : x;
  return skip > 0 ? reshapeLike(summed, like) : summed;
}

/** Sums over broadcast axes, so that the result has the shape of `like`. */
export const sumTo = <T extends Value>(x: T, like: Value): T =>
  isKnown(x.shape) && isKnown(like.shape) ? sumKnown(x, like) : (bind1(sumToOp, [x, like]) as T);

/** The element of `x` that stands at `index` after broadcasting. */
function broadcastElement(k: K, { x }: { readonly x: Ref }, _: unknown, index: readonly Expr[]): Expr {
  const skip = index.length - x.rank;
  return x.at(...Array.from({ length: x.rank }, (_, i) => k.select(k.eq(x.extent(i), 1), 0, index[i + skip]!)));
}

/** Broadcasts `x` to the shape of `like`, whose data is not read. */
export const expandLikeOp = defineOp({
  name: "expand_as",
  inputs: ["x", "like"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, like }) => ({
    outs: { out: { shape: expandedShape(x.shape, like.shape, "expand_as"), dtype: x.dtype } },
  }),
  element: broadcastElement,
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

/**
 * The shape `x` gets by expansion to `shape`: aligned at the end, -1 keeps an extent.
 *
 * @throws InvalidArgumentError where an extent of x is neither 1 nor the wanted one.
 */
export function expandedShape(x: Shape, shape: Shape, op: string): Shape {
  const skip = shape.length - x.length;
  const refuse = (why: string): InvalidArgumentError =>
    new InvalidArgumentError(`cannot expand ${formatShape(x)} to ${formatShape(shape)}: ${why}.`, { op, x, shape });
  if (skip < 0) throw refuse(`x has ${x.length} axes, the shape only ${shape.length}`);
  return shape.map((n, i) => {
    const own = i < skip ? undefined : x[i - skip]!;
    if (n < -1 || !Number.isInteger(n)) throw refuse(`extent ${n} makes no sense`);
    if (own === undefined) {
      if (n === -1 && isKnown(x)) throw refuse("-1 is only for axes that x has");
      return n;
    }
    if (n === -1) return own;
    if (own !== n && own !== 1 && own !== -1) throw refuse(`axis ${i} has ${publicExtent(own)} and ${publicExtent(n)}`);
    return n;
  });
}

/** Broadcasts `x` to a shape; -1 keeps an extent. */
export const expandOp = defineOp({
  name: "expand",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { shape: integers() },
  infer: ({ x }, { shape }) => ({ outs: { out: { shape: expandedShape(x.shape, shape, "expand"), dtype: x.dtype } } }),
  lower: (_, { x }) => ({ out: x }),
  complex: (_, { x }) => ({ out: x }),
  grad: (_, d, { meta }) => ({ x: () => sumTo(d.out, meta.x) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[3, 1]], attrs: { shape: [2, -1, 4] } },
      { inputs: [[]], attrs: { shape: [2, 2] } },
    ],
  },
});

/** Broadcasts `x` to the shape of `like`. */
export function expandLike<T extends Value>(x: T, like: Value): T {
  if (isKnown(like.shape)) return expand(x, like.shape);
  return bind1(expandLikeOp, [x, like]) as T;
}

/** Broadcasts `x` to `shape`; -1 keeps an extent. */
export const expand = <T extends Value>(x: T, shape: Shape): T =>
  isKnown(x.shape) && sameShape(x.shape, shape) ? x : (bind1(expandOp, [x], { shape }) as T);
