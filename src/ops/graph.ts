// Ops: rows combined by the segment they belong to, for graphs and segment pooling.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import { constant, type Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { combineExprs, identityOf } from "../kernel/vectorize.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { equal, greaterEqual, lessThan } from "./comparison.js";
import { fullLike } from "./creation.js";
import { gather } from "./gather.js";
import { requireInt } from "./infer.js";
import { ceilDiv } from "../kernel/extent.js";
import { logicalAnd, where } from "./logic.js";
import { unsqueeze } from "./views.js";

/** Elements of a row that one block owns. Never depends on the number of threads. */
const blockColumns = 512;

/** How rows of one segment are combined. */
export type SegmentCombine = "add" | "min" | "max";

/** Each block owns some columns of all segments and takes the rows in their order. Segments without rows are 0. */
function combineRows(b: KernelContext, x: Ref, ids: Ref, out: OutRef, combine: SegmentCombine): void {
  const rows = ids.extent(0);
  const size = out.extent(0);
  const width = k.divIndex(x.size, k.max(rows, 1));
  const touched = b.temp("touched", "i32", size);
  /** Runs `body` with the segment of every row that has one. */
  const eachRow = (body: (e: Expr, id: Expr) => void): void =>
    b.for(0, rows, (e) => {
      const id = b.let(k.cast(ids.at(e), "i32"), "id");
      b.if(k.and(k.ge(id, 0), k.lt(id, size)), () => body(e, id));
    });
  b.parallel(1, () => {
    b.lanes(0, size, (i) => b.store(touched, i, constant("i32", 0)));
    eachRow((_, id) => b.store(touched, id, constant("i32", 1)));
  });
  b.parallel(ceilDiv(width, constant("i32", blockColumns)), (block) => {
    const from = b.let(k.mul(block, blockColumns));
    const to = b.let(k.min(k.add(from, blockColumns), width));
    b.for(0, size, (i) => {
      const line = b.let(k.mul(i, width));
      const start = k.select(k.eq(b.load(touched, i), 0), constant(out.type, 0), identityOf(combine, out.type));
      const first = b.let(start);
      b.lanes(from, to, (c) => out.setFlat(k.add(line, c), first));
    });
    eachRow((e, id) => {
      const [source, target] = [b.let(k.mul(e, width)), b.let(k.mul(id, width))];
      b.lanes(from, to, (c) => {
        const at = k.add(target, c);
        out.setFlat(at, combineExprs(combine, out.getFlat(at), k.cast(x.flat(k.add(source, c)), out.type)));
      });
    });
  });
}

const ids = { shape: [4], data: [2, 0, 2, -1], dtype: "int64" } as const;

/** Rows of `x` combined by segment: `out[i] = combine of x[e] with ids[e] = i`; 0 where there is none. Other ids are left out. */
export const segmentPoolOp = defineOp({
  name: "segment_pool",
  inputs: ["x", "ids"],
  outputs: ["out"],
  attrs: { size: integers(), combine: fixed<SegmentCombine>("add") },
  infer: ({ x, ids: segments }, { size }) => {
    requireInt(segments, "the segments", "segment_pool");
    const [rows, count] = [x.shape[0], segments.shape[0]];
    if (segments.shape.length !== 1 || rows === undefined || (rows >= 0 && count! >= 0 && rows !== count))
      throw new InvalidArgumentError(
        `there must be one segment for each row: rows are ${formatShape(x.shape)}, segments ${formatShape(segments.shape)}.`,
        { op: "segment_pool" },
      );
    return { outs: { out: { shape: [size[0]!, ...x.shape.slice(1)], dtype: x.dtype } } };
  },
  kernel: (b, inputs, { out }, { combine }) => combineRows(b, inputs.x, inputs.ids, out, combine),
  saves: ["x", "ids", "out"],
  grad: ({ x, ids: segments, out }, d, { attrs }) => ({
    x: () => {
      const given = givenRows(d.out, segments, attrs.size[0]!);
      // Every row that equals its segment's extremum takes the whole gradient, as in Paddle.
      return attrs.combine === "add" ? given : where(equal(x, gather(out, segments)), given, fullLike(given, 0));
    },
  }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [{ shape: [4, 2], data: [1, 2, 3, 4, -5, 6, 7, 8] }, ids],
        attrs: { size: [3], combine: "add" },
        expect: () => ({ shape: [3, 2], data: [3, 4, 0, 0, -4, 8] }),
      },
      {
        inputs: [{ shape: [4, 2], data: [1, 2, 3, 4, -5, 6, 7, 8] }, ids],
        attrs: { size: [3], combine: "min" },
        expect: () => ({ shape: [3, 2], data: [3, 4, 0, 0, -5, 2] }),
      },
      { inputs: [[4, 40], { ...ids, data: [1, 0, 1, 2] }], attrs: { size: [3], combine: "max" } },
      { inputs: [[4, 40], { ...ids, data: [1, 0, 1, 2] }], attrs: { size: [3], combine: "add" } },
    ],
  },
});

/** Each row's part of its segment; 0 for rows that have none. */
function givenRows(d: Value, segments: Value, size: number): Value {
  const rows = gather(d, segments);
  const axes = Array.from({ length: rows.shape.length - 1 }, (_, i) => i + 1);
  const inside = logicalAnd(greaterEqual<Value>(segments, 0), lessThan<Value>(segments, size));
  return where(unsqueeze(inside, axes), rows, fullLike(rows, 0));
}

/** Rows combined by the segment they belong to, `size` of them. */
export const segmentPool = <T extends Value>(x: T, segments: Value, size: number, combine: SegmentCombine): T =>
  bind1(segmentPoolOp, [x, segments], { size: [size], combine }) as T;
