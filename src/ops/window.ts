// Ops: sums over a moving window along an axis, and beams followed back to their start.

import type { Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { requireInt } from "./infer.js";
import { overAll } from "./loops.js";

/** `out[i] = Σ x[i - before … i - before + size - 1]` along an axis; what lies outside counts 0. */
export const windowSumOp = defineOp({
  name: "window_sum",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { axis: fixed(0), before: fixed(0), size: fixed(1) },
  infer: ({ x }) => ({ outs: { out: { shape: x.shape, dtype: x.dtype } } }),
  element: (_, { x }, { axis, before, size }, index) => {
    const n = x.extent(axis);
    let sum: Expr | undefined;
    for (let j = 0; j < size; j++) {
      const at = k.add(index[axis]!, j - before);
      const inside = k.and(k.ge(at, 0), k.lt(at, n));
      const safe = k.max(k.min(at, k.sub(n, 1)), 0);
      const term = k.select(inside, x.at(...index.map((e, a) => (a === axis ? safe : e))), 0);
      sum = sum ? k.add(sum, term) : term;
    }
    return sum!;
  },
  // An element is seen by the windows of the mirrored range.
  grad: (_, d, { attrs }) => ({ x: () => windowSum(d.out, attrs.axis, attrs.size - 1 - attrs.before, attrs.size) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [{ shape: [1, 4], data: [1, 2, 3, 4] }],
        attrs: { axis: 1, before: 1, size: 3 },
        expect: () => ({ shape: [1, 4], data: [3, 6, 9, 7] }),
      },
      { inputs: [[2, 5, 3]], attrs: { axis: 1, before: 1, size: 2 } },
    ],
  },
});

/** Sums over windows of `size` elements along a non-negative axis, each from `before` elements back. */
export const windowSum = <T extends Value>(x: T, axis: number, before: number, size: number): T =>
  bind1(windowSumOp, [x], { axis, before, size }) as T;

/** Beams `[time, batch, beam]` followed back from the last step by their parents. */
export const gatherTreeOp = defineOp({
  name: "gather_tree",
  inputs: ["ids", "parents"],
  outputs: ["out"],
  attrs: {},
  infer: ({ ids, parents }) => {
    requireInt(ids, "ids", "gather_tree");
    requireInt(parents, "parents", "gather_tree");
    return { outs: { out: { shape: ids.shape, dtype: ids.dtype } } };
  },
  kernel: (b, { ids, parents }, { out }) => {
    const beams = ids.extent(2);
    const step = b.k.mul(ids.extent(1), beams);
    const length = ids.extent(0);
    overAll(b, step, (at) => {
      const first = k.sub(at, k.remIndex(at, beams));
      const beam = b.variable(k.remIndex(at, beams), "beam");
      b.for(0, length, (back) => {
        const row = k.mul(k.sub(k.sub(length, 1), back), step);
        const from = b.let(k.add(k.add(row, first), beam.value));
        out.setFlat(k.add(row, at), ids.flat(from));
        b.set(beam, k.max(k.min(k.cast(parents.flat(from), "i32"), k.sub(beams, 1)), 0));
      });
    });
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [
          { shape: [2, 1, 2], data: [1, 2, 3, 4], dtype: "int64" },
          { shape: [2, 1, 2], data: [0, 0, 1, 0], dtype: "int64" },
        ],
        expect: () => ({ shape: [2, 1, 2], data: [2, 1, 3, 4] }),
      },
    ],
  },
});

/** Beams `[time, batch, beam]` followed back from the last step. */
export const gatherTree = <T extends Value>(ids: T, parents: T): T => bind1(gatherTreeOp, [ids, parents]) as T;
