// Ops: sorting, the best k, the k-th and the most frequent element along an axis; NaN counts as the largest.

import { isComplex } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import type { TensorType } from "../fuse/body.js";
import { constant } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind } from "../trace/bind.js";
import { addAlongAxisGrad } from "./along-axis.js";
import { fewWanted, forLines, linesOf, number, selectLine, sortLine, sortSpace } from "./order.js";

function requireOrder(x: InferInput, op: string): void {
  if (isComplex(x.dtype)) throw new InvalidArgumentError("complex numbers have no order.", { op });
  if (x.dtype === "bool" && op !== "argsort")
    throw new InvalidArgumentError("needs numbers, got bool.", { op, hint: 'cast it: x.astype("int32").' });
}

const picked = (x: InferInput, shape: readonly number[]): { out: TensorType; indices: TensorType } => ({
  out: { shape, dtype: x.dtype },
  indices: { shape, dtype: "int64" },
});

/** The elements in order with the indices they had; stable. */
export const argsortOp = defineOp({
  name: "argsort",
  inputs: ["x"],
  outputs: ["out", "indices"],
  attrs: { axis: fixed(0), descending: fixed(false) },
  infer: ({ x }) => {
    requireOrder(x, "argsort");
    return { outs: picked(x, x.shape) };
  },
  kernel: (b, { x }, { out, indices }, { axis, descending }) => {
    const lines = linesOf(x, axis);
    const space = sortSpace(b, x.type === "m32" ? "i32" : x.type, lines);
    forLines(b, lines, (line) => {
      const at = (t: typeof line) => x.flat(lines.position(line, t));
      const sorted = sortLine(b, space, lines, line, (t) => number(at(t)), descending);
      b.for(0, lines.length, (t) => {
        const to = b.let(lines.position(line, t));
        out.setFlat(to, sorted.key(t));
        indices.setFlat(to, sorted.index(t));
      });
    });
  },
  saves: ["x", "indices"],
  grad: ({ x, indices }, d, { attrs: { axis } }) => ({ x: () => addAlongAxisGrad(d.out, indices, x, axis) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[3, 7]], attrs: { axis: 1, descending: false } },
      { inputs: [[5, 4]], attrs: { axis: 0, descending: true } },
    ],
    dtypes: ["int32", "int64"],
  },
});

/** Sorted elements and their indices, along a non-negative axis. */
export const argsort = <T extends Value>(x: T, axis: number, descending = false): [T, T] =>
  bind(argsortOp, [x], { axis, descending }) as [T, T];

/** The k largest (or smallest) elements in order, with their indices. */
export const topkOp = defineOp({
  name: "topk",
  inputs: ["x"],
  outputs: ["out", "indices"],
  attrs: { k: scalar(1), axis: fixed(0), largest: fixed(true) },
  infer: ({ x }, { k: count, axis }) => {
    requireOrder(x, "topk");
    const extent = x.shape[axis] ?? 1;
    if (!Number.isInteger(count) || count < 1 || (extent >= 0 && count > extent))
      throw new InvalidArgumentError(`k = ${count} must be in [1, ${extent}], the extent of axis ${axis}.`, {
        op: "topk",
        x: x.shape,
      });
    return {
      outs: picked(
        x,
        x.shape.map((n, a) => (a === axis ? count : n)),
      ),
    };
  },
  kernel: (b, { x }, { out, indices }, { axis, largest }) => {
    const lines = linesOf(x, axis);
    const target = linesOf(out, axis);
    const space = sortSpace(b, x.type, lines);
    forLines(b, lines, (line) => {
      const at = (t: typeof line) => x.flat(lines.position(line, t));
      const store = (sorted: ReturnType<typeof sortLine>): void =>
        b.for(0, target.length, (t) => {
          const to = b.let(target.position(line, t));
          out.setFlat(to, sorted.key(t));
          indices.setFlat(to, sorted.index(t));
        });
      b.if(
        k.le(target.length, fewWanted),
        () => store(selectLine(b, space, lines, line, at, { count: target.length, descending: largest })),
        () => store(sortLine(b, space, lines, line, at, largest)),
      );
    });
  },
  saves: ["x", "indices"],
  grad: ({ x, indices }, d, { attrs: { axis } }) => ({ x: () => addAlongAxisGrad(d.out, indices, x, axis) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[3, 7]], attrs: { k: 3, axis: 1, largest: true } },
      { inputs: [[90, 2]], attrs: { k: 80, axis: 0, largest: false } },
    ],
  },
});

/** The k best elements and their indices, along a non-negative axis. */
export const topk = <T extends Value>(x: T, count: number, axis: number, largest = true): [T, T] =>
  bind(topkOp, [x], { k: count, axis, largest }) as [T, T];

/** The most frequent element of each line (the smallest of several), with the last index it stands at. */
export const modeOp = defineOp({
  name: "mode",
  inputs: ["x"],
  outputs: ["out", "indices"],
  attrs: { axis: fixed(0) },
  infer: ({ x }, { axis }) => {
    requireOrder(x, "mode");
    return {
      outs: picked(
        x,
        x.shape.map((n, a) => (a === axis ? 1 : n)),
      ),
    };
  },
  kernel: (b, { x }, { out, indices }, { axis }) => {
    const lines = linesOf(x, axis);
    const space = sortSpace(b, x.type, lines);
    forLines(b, lines, (line) => {
      const sorted = sortLine(b, space, lines, line, (t) => x.flat(lines.position(line, t)), false);
      const run = b.variable(constant("i32", 0), "run");
      const best = b.variable(constant("i32", 0), "best");
      const place = b.variable(constant("i32", 0), "place");
      b.for(0, lines.length, (t) => {
        const same = k.eq(sorted.key(t), sorted.key(k.max(k.sub(t, 1), 0)));
        b.set(run, k.select(same, k.add(run.value, 1), 1));
        // Strictly more: of equally frequent ones the first in order wins; its last index ends its run.
        const better = b.let(k.cast(k.gt(run.value, best.value), "i32"));
        b.set(best, k.select(k.ne(better, 0), run.value, best.value));
        b.set(place, k.select(k.ne(better, 0), t, place.value));
      });
      out.setFlat(line, sorted.key(place.value));
      indices.setFlat(line, sorted.index(place.value));
    });
  },
  saves: ["x", "indices"],
  grad: ({ x, indices }, d, { attrs: { axis } }) => ({ x: () => addAlongAxisGrad(d.out, indices, x, axis) }),
  check: { domain: [-2, 2], samples: [{ inputs: [[3, 5]], attrs: { axis: 1 } }] },
});

/** Most frequent elements and their indices; the axis stays with extent 1. */
export const mode = <T extends Value>(x: T, axis: number): [T, T] => bind(modeOp, [x], { axis }) as [T, T];
