// Op: the margin between the scores of a row's labels and those of all other classes.

import type { KernelContext, Ref } from "../fuse/body.js";
import { type Buf, constant, type Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { requireFloat, requireInt } from "./infer.js";
import { overRows } from "./loops.js";

/** The labels of one row: how many there are before the first -1, and which classes they mark. */
interface RowLabels {
  readonly start: Expr;
  readonly classes: Expr;
  readonly count: Expr;
  /** The class of label j. */
  readonly target: (j: Expr) => Expr;
  /** Whether a class is none of the labels. */
  readonly other: (c: Expr) => Expr;
}

/** Runs `body` for each row, its labels marked in `marks` (one number for each class of each row). */
function overLabels(b: KernelContext, x: Ref, label: Ref, body: (row: Expr, labels: RowLabels) => void): void {
  const marks: Buf = b.temp("marks", "i32", x.size);
  const classes = x.extent(1);
  overRows(b, [x.extent(0)], k.mul(classes, classes), ([row]) => {
    const start = b.let(k.mul(row!, classes));
    b.lanes(0, classes, (c) => b.store(marks, k.add(start, c), constant("i32", 0)));
    const target = (j: Expr): Expr => {
      const raw = k.cast(label.flat(k.add(start, j)), "i32");
      return k.max(k.min(raw, k.sub(classes, 1)), 0);
    };
    const count = b.variable(constant("i32", 0), "count");
    b.for(0, classes, (j) => {
      const lives = k.and(k.eq(count.value, j), k.ge(k.cast(label.flat(k.add(start, j)), "i32"), 0));
      b.if(lives, () => {
        b.store(marks, k.add(start, target(j)), constant("i32", 1));
        b.set(count, k.add(count.value, 1));
      });
    });
    const other = (c: Expr): Expr => k.eq(b.load(marks, k.add(start, c)), 0);
    body(row!, { start, classes, count: b.let(count.value), target, other });
  });
}

/** `out[n] = Σ_j Σ_{i not a label} max(0, 1 - x[n, label j] + x[n, i]) / C`. */
export const labelMarginOp = defineOp({
  name: "multi_label_margin_loss",
  inputs: ["x", "label"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, label }) => {
    requireFloat(x, "multi_label_margin_loss");
    requireInt(label, "label", "multi_label_margin_loss");
    return { outs: { out: { shape: [x.shape[0]!], dtype: x.dtype } } };
  },
  kernel: (b, { x, label }, { out }) => {
    const type = out.type === "f64" ? "f64" : "f32";
    overLabels(b, x, label, (row, { start, classes, count, target, other }) => {
      const total = b.variable(constant(type, 0), "total");
      b.for(0, count, (j) => {
        const own = b.let(x.flat(k.add(start, target(j))));
        const sum = b.reduce("add", type, 0, classes, (c) => {
          const margin = k.max(k.sub(k.add(x.flat(k.add(start, c)), 1), own), 0);
          return k.select(other(c), margin, 0);
        });
        b.set(total, k.add(total.value, sum));
      });
      out.setFlat(row, k.div(total.value, k.cast(classes, type)));
    });
  },
  saves: ["x", "label"],
  grad: ({ x, label }, d) => ({ x: () => bind1(labelMarginGradOp, [x, label, d.out]) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        // Row 0: labels 3 and 0, others 1 and 2: (1-.8+.2)+(1-.8+.4)+(1-.1+.2)+(1-.1+.4) = 3.4; row 1 has no label.
        inputs: [
          { shape: [2, 4], data: [0.1, 0.2, 0.4, 0.8, 1, 2, 3, 4] },
          { shape: [2, 4], data: [3, 0, -1, 1, -1, 1, 2, 3], dtype: "int64" },
        ],
        expect: () => ({ shape: [2], data: [0.85, 0] }),
      },
    ],
  },
});

/** Each margin above 0 sends `d / C` to the other class and takes it from the label's. */
export const labelMarginGradOp = defineOp({
  name: "multi_label_margin_loss_grad",
  inputs: ["x", "label", "d"],
  outputs: ["dx"],
  attrs: {},
  infer: ({ x }) => ({ outs: { dx: { shape: x.shape, dtype: x.dtype } } }),
  kernel: (b, { x, label, d }, { dx }) => {
    const type = dx.type === "f64" ? "f64" : "f32";
    const sums = b.temp("sums", type, x.size);
    overLabels(b, x, label, (row, { start, classes, count, target, other }) => {
      const share = b.let(k.div(d.flat(row), k.cast(classes, type)));
      b.lanes(0, classes, (c) => b.store(sums, k.add(start, c), constant(type, 0)));
      b.for(0, count, (j) => {
        const at = b.let(k.add(start, target(j)));
        const own = b.let(x.flat(at));
        const part = (c: Expr): Expr => {
          const above = k.gt(k.sub(k.add(x.flat(k.add(start, c)), 1), own), 0);
          return k.select(other(c), k.select(above, share, 0), 0);
        };
        const taken = b.reduce("add", type, 0, classes, part);
        b.lanes(0, classes, (c) => {
          const to = k.add(start, c);
          b.store(sums, to, k.add(b.load(sums, to), part(c)));
        });
        b.store(sums, at, k.sub(b.load(sums, at), taken));
      });
      b.lanes(0, classes, (c) => dx.setFlat(k.add(start, c), b.load(sums, k.add(start, c))));
    });
  },
  grad: "refused",
  check: {
    samples: [
      {
        inputs: [
          { shape: [1, 4], data: [0.1, 0.2, 0.4, 0.8] },
          { shape: [1, 4], data: [3, 0, -1, 1], dtype: "int64" },
          { shape: [1], data: [4] },
        ],
        expect: () => ({ shape: [1, 4], data: [-2, 2, 2, -2] }),
      },
    ],
  },
});

/** Margins of rows `[N, C]` against their labels `[N, C]`, which end at the first -1. */
export const labelMargin = <T extends Value>(x: T, label: Value): T => bind1(labelMarginOp, [x, label]) as T;
