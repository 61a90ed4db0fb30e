// Op: sums of a parameter over a window of its last updates, for the average of models (Paddle's average_accumulates).

import type { KernelContext, Ref } from "../fuse/body.js";
import { blockElements } from "../fuse/emitter.js";
import type { Expr } from "../kernel/expr.js";
import { defineOp } from "../program/define-op.js";
import { scalar } from "../program/op.js";
import { requireFloat } from "./infer.js";

/** Updates after which the newest sum moves to the second, so that small terms are not lost in it. */
const updatesInSum = 16384;

/** The counters after this update, and what it does: `moves` the newest sum to the second, `closes` the window. All int32. */
function counted(
  b: KernelContext,
  { num_accumulates, num_updates }: { readonly num_accumulates: Ref; readonly num_updates: Ref },
  attrs: { readonly average_window: Expr; readonly max_average_window: Expr; readonly min_average_window: Expr },
): { readonly count: Expr; readonly updates: Expr; readonly moves: Expr; readonly closes: Expr } {
  const { k } = b;
  const zero = k.const("i32", 0);
  const next = (x: Ref): Expr => b.let(k.add(k.cast(x.flat(zero), "i32"), 1));
  const [count, updates] = [next(num_accumulates), next(num_updates)];
  const window = k.cast(k.mul(k.cast(updates, "f32"), k.cast(attrs.average_window, "f32")), "i32");
  const limit = k.min(window, k.cast(attrs.max_average_window, "i32"));
  const yes = (mask: Expr): Expr => k.select(mask, k.const("i32", 1), 0);
  const moves = b.let(yes(k.eq(k.remIndex(updates, k.const("i32", updatesInSum)), 0)));
  const long = k.ge(count, k.cast(attrs.min_average_window, "i32"));
  const closes = b.let(k.mul(yes(long), yes(k.ge(count, limit))));
  return { count, updates, moves, closes };
}

const one = (data: number[]) => ({ shape: [data.length], data });
const counter = (n: number) => ({ shape: [1], data: [n], dtype: "int64" as const });

/**
 * Adds a parameter to the newest of three sums. When the window is full (`count >= min` and `count >= min(max, updates rate)`) the sum
 * of the first two becomes the third, and they begin anew; the average is `(sum_1 + sum_2 + sum_3) / (count + old count)`.
 */
export const averageAccumulatesOp = defineOp({
  name: "average_accumulates_",
  inputs: ["param", "sum_1", "sum_2", "sum_3", "num_accumulates", "old_num_accumulates", "num_updates"],
  outputs: ["sum_1_out", "sum_2_out", "sum_3_out", "num_accumulates_out", "old_num_accumulates_out", "num_updates_out"],
  attrs: { average_window: scalar(0), max_average_window: scalar(0), min_average_window: scalar(0) },
  infer: ({ param, sum_1, sum_2, sum_3, num_accumulates, old_num_accumulates, num_updates }) => {
    requireFloat(param, "average_accumulates_");
    return {
      outs: {
        sum_1_out: sum_1,
        sum_2_out: sum_2,
        sum_3_out: sum_3,
        num_accumulates_out: num_accumulates,
        old_num_accumulates_out: old_num_accumulates,
        num_updates_out: num_updates,
      },
      compute: sum_1.dtype === "float64" ? "float64" : "float32",
    };
  },
  kernel: (b, { param, sum_1, sum_2, sum_3, num_accumulates, old_num_accumulates, num_updates }, outs, attrs) => {
    const { k } = b;
    const [size, zero] = [param.size, k.const("i32", 0)];
    b.parallel(k.divIndex(k.add(size, blockElements - 1), k.const("i32", blockElements)), (block) => {
      const { moves, closes } = counted(b, { num_accumulates, num_updates }, attrs);
      const [moving, closing] = [moves, closes].map((flag) => b.let(k.cast(flag, sum_1.type))) as [Expr, Expr];
      const from = b.let(k.mul(block, blockElements));
      b.lanes(from, b.let(k.min(k.add(from, blockElements), size)), (at) => {
        const newest = b.let(k.add(sum_1.flat(at), k.cast(param.flat(at), sum_1.type)));
        const [moved, closed] = [k.ne(moving, 0), k.ne(closing, 0)];
        const first = b.let(k.select(moved, 0, newest));
        const second = b.let(k.select(moved, k.add(sum_2.flat(at), newest), sum_2.flat(at)));
        const third = b.let(k.select(closed, k.add(first, second), sum_3.flat(at)));
        outs.sum_1_out.setFlat(at, k.select(closed, 0, first));
        outs.sum_2_out.setFlat(at, k.select(closed, 0, second));
        outs.sum_3_out.setFlat(at, third);
      });
    });
    b.parallel(1, () => {
      const { count, updates, closes } = counted(b, { num_accumulates, num_updates }, attrs);
      const closed = b.let(k.ne(closes, 0));
      const old = b.let(k.cast(old_num_accumulates.flat(zero), "i32"));
      outs.old_num_accumulates_out.setFlat(zero, k.select(closed, count, old));
      outs.num_accumulates_out.setFlat(zero, k.select(closed, 0, count));
      outs.num_updates_out.setFlat(zero, updates);
    });
  },
  fuses: { loads: true },
  inplace: {
    sum_1_out: "sum_1",
    sum_2_out: "sum_2",
    sum_3_out: "sum_3",
    num_accumulates_out: "num_accumulates",
    old_num_accumulates_out: "old_num_accumulates",
    num_updates_out: "num_updates",
  },
  grad: null,
  check: {
    noGradCheck: "updates have no gradient",
    samples: [
      {
        // The fourth update of ten that fit: it is added, nothing else.
        inputs: [one([1, 2]), one([3, 4]), one([5, 6]), one([7, 8]), counter(3), counter(2), counter(9)],
        attrs: { average_window: 0.5, max_average_window: 10, min_average_window: 2 },
        expect: () => [one([4, 6]), one([5, 6]), one([7, 8]), one([4]), one([2]), one([10])],
      },
      {
        // The fifth of five: the window closes.
        inputs: [one([1, 2]), one([3, 4]), one([5, 6]), one([7, 8]), counter(4), counter(2), counter(9)],
        attrs: { average_window: 0.5, max_average_window: 10, min_average_window: 2 },
        expect: () => [one([0, 0]), one([0, 0]), one([9, 12]), one([0]), one([5]), one([10])],
      },
      {
        // Update 16384: the newest sum moves.
        inputs: [one([1, 2]), one([3, 4]), one([5, 6]), one([7, 8]), counter(0), counter(2), counter(16383)],
        attrs: { average_window: 1, max_average_window: 20, min_average_window: 20 },
        expect: () => [one([0, 0]), one([9, 12]), one([7, 8]), one([1]), one([2]), one([16384])],
      },
    ],
  },
});
