// Ops that give the same elements another shape; memory is shared.

import { InvalidArgumentError } from "../core/errors.js";
import { publicExtent } from "../core/extents.js";
import { formatShape, sameShape, type Shape, sizeOf } from "../core/shape.js";
import type { Ref } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import type { K } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";

/** Whether all extents are known; a Program's variable may have -1 for one that is decided by the feed. */
export const isKnown = (shape: Shape): boolean => shape.every((n) => n >= 0);

/** The element of `x` at the row-major position that `index` has in `out`. */
function sameOrder(
  k: K,
  { x }: { readonly x: Ref },
  _: unknown,
  index: readonly Expr[],
  out: Pick<Ref, "extent">,
): Expr {
  return x.flat(index.reduce((p, i, axis) => k.add(k.mul(p, out.extent(axis)), i), k.const("i32", 0)));
}

/**
 * The shape that `shape` means for a tensor of shape `x`: 0 keeps the extent at its place, one -1 takes what remains. A 0 stays 0 where
 * the tensor has no elements and the shape has none either.
 *
 * @throws InvalidArgumentError for two -1, for 0 beyond x's axes, for another number of elements.
 */
export function resolveShape(x: Shape, shape: Shape, op = "reshape"): Shape {
  const literal = x.includes(0) && !shape.includes(-1);
  const kept = shape.map((n, i) => {
    if (n !== 0 || literal) return n;
    const extent = x[i];
    if (extent === undefined)
      throw new InvalidArgumentError(`0 at place ${i} of the shape keeps an axis that ${formatShape(x)} has not.`, {
        op,
        x,
        shape,
      });
    return extent;
  });
  const free = shape.indexOf(-1);
  if (shape.indexOf(-1, free + 1) > free && free >= 0)
    throw new InvalidArgumentError(`only one extent can be -1, got ${formatShape(shape)}.`, { op, shape });
  if (kept.some((n) => n < -1 || !Number.isInteger(n)))
    throw new InvalidArgumentError(`extents must be integers from -1, got ${formatShape(shape)}.`, { op, shape });
  if (!isKnown(x)) return resolveUnknown(x, shape, kept, free);
  const rest = kept.reduce((n, e, i) => (i === free ? n : n * e), 1);
  const size = sizeOf(x);
  if (free >= 0) kept[free] = rest === 0 ? 0 : size / rest;
  if (sizeOf(kept) !== size || !kept.every(Number.isInteger)) {
    throw new InvalidArgumentError(
      `cannot reshape ${formatShape(x)} to ${formatShape(shape)}: ${countOf(size)} and ${countOf(rest)} elements.`,
      { op, x, shape },
    );
  }
  return kept;
}

/** A number of elements in a message. */
const countOf = (n: number): string => (publicExtent(Math.abs(n)) < 0 ? "an unknown number of" : String(Math.abs(n)));

/** The free extent where all unknown extents are kept in place: they are the same on both sides, so the others decide it. */
function resolveUnknown(x: Shape, shape: Shape, kept: number[], free: number): Shape {
  if (free < 0 || x.some((n, i) => n < 0 && shape[i] !== 0)) return kept;
  const known = (list: Shape): number => list.reduce((n, e) => (e < 0 ? n : n * e), 1);
  const size = known(x) / known(kept);
  if (Number.isInteger(size)) kept[free] = size;
  return kept;
}

/** The same elements in another shape; 0 keeps an extent, -1 takes what remains. */
export const reshapeOp = defineOp({
  name: "reshape",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { shape: fixed<Shape>() },
  infer: ({ x }, { shape }) => ({ outs: { out: { shape: resolveShape(x.shape, shape), dtype: x.dtype } } }),
  element: sameOrder,
  view: true,
  grad: (_, d, { meta }) => ({ x: () => reshapeLike(d.out, meta.x) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[2, 6]], attrs: { shape: [3, 4] } },
      { inputs: [[2, 3, 2]], attrs: { shape: [0, -1] } },
      { inputs: [[0, 4]], attrs: { shape: [4, 0] } },
    ],
  },
});

/** The elements of `x` in the shape of `like`, whose data is not read. */
export const reshapeLikeOp = defineOp({
  name: "view_shape",
  inputs: ["x", "like"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, like }) => {
    if (isKnown(x.shape) && isKnown(like.shape) && sizeOf(x.shape) !== sizeOf(like.shape))
      throw new InvalidArgumentError(
        `cannot view ${formatShape(x.shape)} as ${formatShape(like.shape)}: ${sizeOf(x.shape)} and ${sizeOf(like.shape)} elements.`,
        { op: "view_as", x: x.shape, other: like.shape },
      );
    return { outs: { out: { shape: like.shape, dtype: x.dtype } } };
  },
  element: sameOrder,
  view: true,
  ghosts: ["like"],
  grad: (_, d, { meta }) => ({ x: () => reshapeLike(d.out, meta.x) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          [2, 6],
          [3, 4],
        ],
      },
    ],
  },
});

/** Drops axes of extent 1; axes that have another extent stay, as in Paddle. */
export const squeezeOp = defineOp({
  name: "squeeze",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { axes: fixed<readonly number[]>([]) },
  infer: ({ x }, { axes }) => ({
    outs: { out: { shape: x.shape.filter((n, i) => n !== 1 || !axes.includes(i)), dtype: x.dtype } },
  }),
  element: sameOrder,
  view: true,
  grad: (_, d, { meta }) => ({ x: () => reshapeLike(d.out, meta.x) }),
  check: { domain: [-2, 2], samples: [{ inputs: [[2, 1, 3]], attrs: { axes: [1, 2] } }] },
});

/** Adds axes of extent 1; `axes` are places in the result, sorted. */
export const unsqueezeOp = defineOp({
  name: "unsqueeze",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { axes: fixed<readonly number[]>([]) },
  infer: ({ x }, { axes }) => {
    const rest = [...x.shape];
    const shape = Array.from({ length: x.shape.length + axes.length }, (_, i) =>
      axes.includes(i) ? 1 : rest.shift()!,
    );
    return { outs: { out: { shape, dtype: x.dtype } } };
  },
  element: sameOrder,
  view: true,
  grad: (_, d, { meta }) => ({ x: () => reshapeLike(d.out, meta.x) }),
  check: { domain: [-2, 2], samples: [{ inputs: [[2, 3]], attrs: { axes: [0, 2] } }] },
});

/** Joins the axes `start` … `stop` into one. */
export const flattenOp = defineOp({
  name: "flatten",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { start: fixed(0), stop: fixed(0) },
  infer: ({ x }, { start, stop }) => {
    const joined = x.shape.slice(start, stop + 1);
    const extent = isKnown(joined) ? sizeOf(joined) : -1;
    const shape = [...x.shape.slice(0, start), extent, ...x.shape.slice(stop + 1)];
    return { outs: { out: { shape, dtype: x.dtype } } };
  },
  element: sameOrder,
  view: true,
  grad: (_, d, { meta }) => ({ x: () => reshapeLike(d.out, meta.x) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[2, 3, 4]], attrs: { start: 1, stop: 2 } },
      { inputs: [[]], attrs: { start: 0, stop: -1 } },
    ],
  },
});

/** The same elements in another shape; 0 keeps an extent, -1 takes what remains. */
export const reshape = <T extends Value>(x: T, shape: Shape): T => bind1(reshapeOp, [x], { shape }) as T;

/** The elements of `x` in the shape of `like`. */
export const reshapeLike = <T extends Value>(x: T, like: Value): T =>
  isKnown(x.shape) && sameShape(x.shape, like.shape) ? x : (bind1(reshapeLikeOp, [x, like]) as T);

/** Drops those of `axes` (normalised) that have extent 1. */
export const squeeze = <T extends Value>(x: T, axes: readonly number[]): T => bind1(squeezeOp, [x], { axes }) as T;

/** Adds axes of extent 1 at `axes` (normalised places in the result, sorted). */
export const unsqueeze = <T extends Value>(x: T, axes: readonly number[]): T => bind1(unsqueezeOp, [x], { axes }) as T;

/** Joins the axes `start` … `stop` (normalised); a scalar becomes one axis with `start` 0 and `stop` -1. */
export const flatten = <T extends Value>(x: T, start = 0, stop = x.shape.length - 1): T =>
  bind1(flattenOp, [x], { start, stop }) as T;
