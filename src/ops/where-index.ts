// Ops that find places: of true elements, of indices of several axes joined, of repeated elements.

import { InvalidArgumentError } from "../core/errors.js";
import { broadcastShapes, formatShape, type Shape } from "../core/shape.js";
import type { Expr } from "../kernel/expr.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { wrapIndex } from "./gather.js";
import { requireInt } from "./infer.js";

/** The indices of all true (non-zero) elements, row by row: `[count, rank]`; `count` is how many there are. */
export const nonzeroOp = defineOp({
  name: "nonzero",
  inputs: ["condition"],
  outputs: ["out"],
  attrs: { count: integers(), flat: fixed(false) },
  infer: ({ condition }, { count, flat }) => ({
    outs: { out: { shape: flat ? [count[0]!] : [count[0]!, condition.shape.length], dtype: "int64" } },
  }),
  kernel: (b, { condition }, { out }, { count, flat }) => {
    const { k } = b;
    // One pass in order: the place of an element depends on all before it.
    b.parallel(1, () => {
      const found = b.variable(k.const("i32", 0), "found");
      const extents = Array.from({ length: condition.rank }, (_, i) => condition.extent(i));
      b.for(0, condition.size, (i) => {
        b.if(k.and(k.truth(condition.flat(i)), k.lt(found.value, count[0]!)), () => {
          if (flat) out.setFlat(found.value, k.cast(i, "i64"));
          else {
            let rest = i;
            for (let axis = extents.length - 1; axis >= 0; axis--) {
              const coordinate = axis > 0 ? k.remIndex(rest, extents[axis]!) : rest;
              out.setFlat(k.add(k.mul(found.value, extents.length), axis), k.cast(coordinate, "i64"));
              if (axis > 0) rest = b.let(k.divIndex(rest, extents[axis]!));
            }
          }
          b.set(found, k.add(found.value, 1));
        });
      });
    });
  },
  fuses: { loads: true },
  grad: null,
  check: {
    samples: [
      {
        inputs: [{ shape: [2, 3], data: [0, 1, 0, 1, 0, 1], dtype: "bool" }],
        attrs: { count: [3], flat: false },
        expect: () => ({ shape: [3, 2], data: [0, 1, 1, 0, 1, 2] }),
      },
      {
        inputs: [{ shape: [2, 3], data: [0, 1, 0, 1, 0, 1], dtype: "bool" }],
        attrs: { count: [3], flat: true },
        expect: () => ({ shape: [3], data: [1, 3, 5] }),
      },
    ],
  },
});

/** The indices of the `count` non-zero elements: `[count, rank]`, or row-major positions `[count]`. */
export const nonzero = <T extends Value>(condition: T, count: number, flat: boolean): T =>
  bind1(nonzeroOp, [condition], { count: [count], flat }) as T;

/** Indices of the first axes of `like`, broadcast together, as row-major positions in those axes joined. */
export const linearIndexOp = defineOp({
  name: "ravel_index",
  inputs: ["like", "indices*"],
  outputs: ["out"],
  attrs: { axis: fixed(0) },
  infer: ({ like, indices }, { axis }) => {
    for (const i of indices) requireInt(i, "an index", "index");
    if (axis + indices.length > like.shape.length)
      throw new InvalidArgumentError(`${indices.length} indices for ${formatShape(like.shape)}.`, {
        op: "index",
        x: like.shape,
      });
    const shape = indices.reduce<Shape>((s, i) => broadcastShapes(s, i.shape, "index"), []);
    return { outs: { out: { shape, dtype: "int32" } } };
  },
  element: (k, { like, indices }, { axis }, at) =>
    indices.reduce((p, index, j) => {
      const skip = at.length - index.rank;
      const own = Array.from({ length: index.rank }, (_, a) => k.select(k.eq(index.extent(a), 1), 0, at[a + skip]!));
      const n = like.extent(axis + j);
      return k.add(k.mul(p, n), wrapIndex(k, index.at(...own), n));
    }, k.const("i32", 0) as Expr),
  ghosts: ["like"],
  grad: null,
  check: {
    samples: [
      {
        inputs: [
          [3, 4],
          [
            { shape: [2, 1], data: [0, -1], dtype: "int64" },
            { shape: [2], data: [1, 3], dtype: "int64" },
          ],
        ],
        attrs: { axis: 0 },
        expect: () => ({ shape: [2, 2], data: [1, 3, 9, 11] }),
      },
    ],
  },
});

/** Indices of `like`'s axes from `axis` on as positions in those axes joined. */
export const linearIndex = (like: Value, indices: readonly Value[], axis = 0): Value =>
  bind1(linearIndexOp, [like, indices], { axis });

/** {@link linearIndexOp} for indices that stand together in the last axis of one tensor, `depth` of them. */
export const linearIndexNdOp = defineOp({
  name: "ravel_index_nd",
  inputs: ["like", "index"],
  outputs: ["out"],
  attrs: { depth: fixed(0) },
  infer: ({ like, index }, { depth }) => {
    requireInt(index, "the index", "gather_nd");
    if (depth > like.shape.length)
      throw new InvalidArgumentError(
        `an index of ${depth} places does not fit ${formatShape(like.shape)}: at most ${like.shape.length}.`,
        { op: "gather_nd", x: like.shape, index: index.shape },
      );
    return { outs: { out: { shape: index.shape.slice(0, -1), dtype: "int32" } } };
  },
  element: (k, { like, index }, { depth }, at) =>
    Array.from({ length: depth }, (_, j) => j).reduce(
      (p, j) => k.add(k.mul(p, like.extent(j)), wrapIndex(k, index.at(...at, k.const("i32", j)), like.extent(j))),
      k.const("i32", 0) as Expr,
    ),
  ghosts: ["like"],
  grad: null,
  check: {
    samples: [
      {
        inputs: [[3, 4], { shape: [2, 2], data: [0, 1, -1, 3], dtype: "int64" }],
        attrs: { depth: 2 },
        expect: () => ({ shape: [2], data: [1, 11] }),
      },
    ],
  },
});

/** Index rows of `depth` places as positions in the first `depth` axes of `like` joined. */
export const linearIndexNd = (like: Value, index: Value, depth: number): Value =>
  bind1(linearIndexNdOp, [like, index], { depth });

/** Each number of `0 … n-1` as often as `repeats` says: `total` numbers, ascending. */
export const repeatIndexOp = defineOp({
  name: "repeat_index",
  inputs: ["repeats"],
  outputs: ["out"],
  attrs: { total: integers() },
  infer: (_, { total }) => ({ outs: { out: { shape: [total[0]!], dtype: "int32" } } }),
  kernel: (b, { repeats }, { out }, { total }) => {
    const { k } = b;
    b.parallel(1, () => {
      const at = b.variable(k.const("i32", 0), "at");
      b.for(0, repeats.size, (i) => {
        const end = b.let(k.min(k.add(at.value, k.cast(repeats.flat(i), "i32")), total[0]!));
        b.for(at.value, end, (j) => out.setFlat(j, i));
        b.set(at, k.max(end, at.value));
      });
    });
  },
  fuses: { loads: true },
  grad: null,
  check: {
    samples: [
      {
        inputs: [{ shape: [3], data: [2, 0, 3], dtype: "int64" }],
        attrs: { total: [5] },
        expect: () => ({ shape: [5], data: [0, 0, 2, 2, 2] }),
      },
    ],
  },
});

/** Each number of `0 … n-1` as often as `repeats` says; `total` is their sum. */
export const repeatIndex = (repeats: Value, total: number): Value =>
  bind1(repeatIndexOp, [repeats], { total: [total] });
