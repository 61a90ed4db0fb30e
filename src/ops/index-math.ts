// Ops on tensors of indices: shares of a table, and positions wrapped or clipped into a range.

import { InvalidArgumentError } from "../core/errors.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { requireInt } from "./infer.js";

/** Indices of a table split into shards of `size` rows: those of one shard become local, the others `ignore`. */
export const shardIndexOp = defineOp({
  name: "shard_index",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { size: integers(), shard: integers(), ignore: integers([-1]) },
  infer: ({ x }) => {
    requireInt(x, "the input", "shard_index");
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  },
  lower: (k, { x }, { size, shard, ignore }) => {
    const n = k.cast(size[0]!, x.type);
    const own = k.eq(k.div(x, n), k.cast(shard[0]!, x.type));
    return { out: k.select(own, k.rem(x, n), k.cast(ignore[0]!, x.type)) };
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [{ shape: [4], data: [16, 1, 10, 9], dtype: "int64" }],
        attrs: { size: [10], shard: [0], ignore: [-1] },
        expect: () => ({ shape: [4], data: [-1, 1, -1, 9] }),
      },
    ],
  },
});

/** Indices of shard `shard` made local, the others `ignore`; a shard has `size` rows. */
export const shardIndex = <T extends Value>(x: T, size: number, shard: number, ignore: number): T =>
  bind1(shardIndexOp, [x], { size: [size], shard: [shard], ignore: [ignore] }) as T;

/** Indices brought into [0, n): `wrap` by remainder, `clip` by the nearest end. */
export const boundIndexOp = defineOp({
  name: "bound_index",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { n: integers(), mode: fixed<"wrap" | "clip">("wrap") },
  infer: ({ x }, { n }) => {
    requireInt(x, "the index", "take");
    if (n[0]! <= 0) throw new InvalidArgumentError("there is nothing to take from.", { op: "take" });
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  },
  lower: (k, { x }, { n, mode }) => {
    const size = k.cast(n[0]!, x.type);
    if (mode === "clip") return { out: k.max(k.min(x, k.sub(size, 1)), 0) };
    const r = k.rem(x, size);
    return { out: k.select(k.lt(r, 0), k.add(r, size), r) };
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [{ shape: [4], data: [-1, 5, 3, 11], dtype: "int64" }],
        attrs: { n: [5], mode: "wrap" },
        expect: () => ({ shape: [4], data: [4, 0, 3, 1] }),
      },
      {
        inputs: [{ shape: [3], data: [-1, 5, 3], dtype: "int64" }],
        attrs: { n: [5], mode: "clip" },
        expect: () => ({ shape: [3], data: [0, 4, 3] }),
      },
    ],
  },
});

/** Indices brought into [0, n). */
export const boundIndex = <T extends Value>(x: T, n: number, mode: "wrap" | "clip"): T =>
  bind1(boundIndexOp, [x], { n: [n], mode }) as T;

/** Which element a padded place repeats: mirrored without the edge, the edge itself, or from the other end. */
export type PadIndexMode = "reflect" | "replicate" | "circular";

/** For each place of a padded axis the element of `like`'s axis that stands there. */
export const padIndexOp = defineOp({
  name: "pad_index",
  inputs: ["like"],
  outputs: ["out"],
  attrs: { axis: fixed(0), before: integers(), after: integers(), mode: fixed<PadIndexMode>("reflect") },
  infer: ({ like }, { axis, before, after }) => {
    const n = like.shape[axis]!;
    return { outs: { out: { shape: [n < 0 ? -1 : n + before[0]! + after[0]!], dtype: "int32" } } };
  },
  element: (k, { like }, { axis, before, mode }, index) => {
    const n = like.extent(axis);
    const i = k.sub(index[0]!, before[0]!);
    if (mode === "replicate") return k.max(k.min(i, k.sub(n, 1)), 0);
    if (mode === "circular") {
      const r = k.rem(i, n);
      return k.select(k.lt(r, 0), k.add(r, n), r);
    }
    const positive = k.abs(i);
    const last = k.sub(n, 1);
    return k.select(k.gt(positive, last), k.sub(k.mul(last, 2), positive), positive);
  },
  ghosts: ["like"],
  grad: null,
  check: {
    samples: [
      {
        inputs: [[4]],
        attrs: { axis: 0, before: [2], after: [1], mode: "reflect" },
        expect: () => ({ shape: [7], data: [2, 1, 0, 1, 2, 3, 2] }),
      },
      {
        inputs: [[3]],
        attrs: { axis: 0, before: [2], after: [1], mode: "circular" },
        expect: () => ({ shape: [6], data: [1, 2, 0, 1, 2, 0] }),
      },
      {
        inputs: [[3]],
        attrs: { axis: 0, before: [2], after: [1], mode: "replicate" },
        expect: () => ({ shape: [6], data: [0, 0, 0, 1, 2, 2] }),
      },
    ],
  },
});

/** The elements that places of a padded axis repeat. */
export const padIndex = (like: Value, axis: number, before: number, after: number, mode: PadIndexMode): Value =>
  bind1(padIndexOp, [like], { axis, before: [before], after: [after], mode });
