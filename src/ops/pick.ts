// Ops: elements picked along an axis by indices, and added back there; each is the other's gradient.

import { constant } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { forLines, linesOf, memoryOf } from "./order.js";

/** Zeros like `like`, to which each line of `d` is added at its indices along `axis`: the gradient of picking along an axis. */
export const addAlongAxisOp = defineOp({
  name: "add_along_axis",
  inputs: ["like", "indices", "d"],
  outputs: ["out"],
  attrs: { axis: fixed(0) },
  infer: ({ like, d }) => ({ outs: { out: { shape: like.shape, dtype: d.dtype } } }),
  kernel: (b, { like, indices, d }, { out }, { axis }) => {
    const sums = b.temp("sums", memoryOf(out.type), like.size);
    const target = linesOf(like, axis);
    const source = linesOf(d, axis);
    forLines(b, target, (line) => {
      b.for(0, target.length, (t) => b.store(sums, target.position(line, t), constant(out.type, 0)));
      b.for(0, source.length, (t) => {
        const from = b.let(source.position(line, t));
        const raw = k.cast(indices.flat(from), "i32");
        const at = b.let(target.position(line, k.max(k.min(raw, k.sub(target.length, 1)), 0)));
        b.store(sums, at, k.add(b.load(sums, at), d.flat(from)));
      });
      b.for(0, target.length, (t) => {
        const at = target.position(line, t);
        out.setFlat(at, b.load(sums, at));
      });
    });
  },
  ghosts: ["like"],
  saves: ["indices"],
  grad: ({ indices }, d, { attrs: { axis } }) => ({ d: () => pickAlongAxis(d.out, indices, axis) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[3, 4], { shape: [3, 2], data: [0, 3, 1, 1, 2, 0], dtype: "int64" }, [3, 2]], attrs: { axis: 1 } },
    ],
  },
});

/** `out[…, t, …] = x[…, indices[…, t, …], …]` along `axis`; shapes agree elsewhere. Indices are in range. */
export const pickAlongAxisOp = defineOp({
  name: "pick_along_axis",
  inputs: ["x", "indices"],
  outputs: ["out"],
  attrs: { axis: fixed(0) },
  infer: ({ x, indices }) => ({ outs: { out: { shape: indices.shape, dtype: x.dtype } } }),
  element: (_, { x, indices }, { axis }, index) => {
    const raw = k.cast(indices.at(...index), "i32");
    const at = k.max(k.min(raw, k.sub(x.extent(axis), 1)), 0);
    return x.at(...index.map((e, a) => (a === axis ? at : e)));
  },
  saves: ["indices"],
  grad: ({ indices }, d, { attrs: { axis }, meta }) => ({
    x: () => addAlongAxis(meta.x, indices, d.out, axis),
  }),
  check: {
    domain: [-2, 2],
    samples: [{ inputs: [[3, 4], { shape: [3, 2], data: [0, 3, 1, 1, 2, 0], dtype: "int64" }], attrs: { axis: 1 } }],
  },
});

/** Elements of x at `indices` along `axis`. */
export const pickAlongAxis = <T extends Value>(x: T, indices: Value, axis: number): T =>
  bind1(pickAlongAxisOp, [x, indices], { axis }) as T;
/** Zeros like `like` with `d` added at `indices` along `axis`. */
export const addAlongAxis = <T extends Value>(like: Value, indices: Value, d: T, axis: number): T =>
  bind1(addAlongAxisOp, [like, indices, d], { axis }) as T;
