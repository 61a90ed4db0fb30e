// Ops: the transducer loss of log-probabilities and its gradient, by sums over the grid of steps and labels (Graves 2012).

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import type { KernelContext, Ref } from "../fuse/body.js";
import { type Buf, constant, type Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { type InferInput, integers, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { logAdd, logZero } from "./ctc.js";
import { requireFloat, requireInt } from "./infer.js";

type Inputs<T> = { readonly x: T; readonly label: T; readonly inputLengths: T; readonly labelLengths: T };

function inferRnnt({ x, label, inputLengths, labelLengths }: Inputs<InferInput>): void {
  requireFloat(x, "rnnt_loss");
  for (const [name, t] of Object.entries({ label, inputLengths, labelLengths })) requireInt(t, name, "rnnt_loss");
  const fits = x.shape.length === 4 && label.shape.length === 2 && label.shape[0] === x.shape[0];
  if (fits && label.shape[1]! + 1 === x.shape[2]) return;
  throw new InvalidArgumentError(
    `needs scores [batch, time, length + 1, classes] and labels [batch, length], got ${formatShape(x.shape)} and ${formatShape(label.shape)}.`,
    { op: "rnnt_loss" },
  );
}

/** One sample's grid: step t, u labels already said. */
interface Grid {
  readonly b: KernelContext;
  readonly type: "f32" | "f64";
  readonly steps: Expr;
  /** Labels of this sample. */
  readonly count: Expr;
  /** Position of a grid point in memory of all samples. */
  readonly place: (t: Expr, u: Expr) => Expr;
  /** Position of a class at a grid point in x. */
  readonly flat: (t: Expr, u: Expr, c: Expr) => Expr;
  /** The label that follows after u of them. */
  readonly labelAt: (u: Expr) => Expr;
  readonly blank: Expr;
  readonly x: Ref;
}

const gridSize = (x: Ref): Expr => k.mul(k.mul(x.extent(0), x.extent(1)), x.extent(2));

function gridOf(b: KernelContext, { x, label, inputLengths, labelLengths }: Inputs<Ref>, blank: Expr, n: Expr): Grid {
  const [time, width, classes] = [x.extent(1), x.extent(2), x.extent(3)];
  const place = (t: Expr, u: Expr): Expr => k.add(k.mul(k.add(k.mul(n, time), t), width), u);
  const length = label.extent(1);
  return {
    b,
    type: x.type === "f64" ? "f64" : "f32",
    steps: b.let(k.max(k.min(k.cast(inputLengths.flat(n), "i32"), time), 1)),
    count: b.let(k.max(k.min(k.cast(labelLengths.flat(n), "i32"), length), 0)),
    place,
    flat: (t, u, c) => k.add(k.mul(place(t, u), classes), c),
    labelAt: (u) => {
      const raw = k.cast(label.flat(k.add(k.mul(n, length), k.max(k.min(u, k.sub(length, 1)), 0))), "i32");
      return k.max(k.min(raw, k.sub(classes, 1)), 0);
    },
    blank,
    x,
  };
}

/** `alpha[t, u]`: log-probability of all ways to the point. */
function forward({ b, type, steps, count, place, flat, labelAt, blank, x }: Grid, alpha: Buf): void {
  const zero = constant(type, logZero);
  b.for(0, steps, (t) => {
    b.for(0, k.add(count, 1), (u) => {
      const [t1, u1] = [b.let(k.max(k.sub(t, 1), 0)), b.let(k.max(k.sub(u, 1), 0))];
      const waited = k.add(b.load(alpha, place(t1, u)), x.flat(flat(t1, u, blank)));
      const said = k.add(b.load(alpha, place(t, u1)), x.flat(flat(t, u1, labelAt(u1))));
      const sum = logAdd(k.select(k.gt(t, 0), waited, zero), k.select(k.gt(u, 0), said, zero));
      b.store(alpha, place(t, u), k.select(k.and(k.eq(t, 0), k.eq(u, 0)), k.const(type, 0), sum));
    });
  });
}

/** `beta[t, u]`: log-probability of all ways from the point to the end, whose last move is a blank. */
function backward({ b, type, steps, count, place, flat, labelAt, blank, x }: Grid, beta: Buf): void {
  const zero = constant(type, logZero);
  b.for(0, steps, (back) => {
    const t = b.let(k.sub(k.sub(steps, 1), back));
    b.for(0, k.add(count, 1), (down) => {
      const u = b.let(k.sub(count, down));
      const [t1, u1] = [b.let(k.min(k.add(t, 1), k.sub(steps, 1))), b.let(k.min(k.add(u, 1), count))];
      const quiet = x.flat(flat(t, u, blank));
      const waits = k.add(b.load(beta, place(t1, u)), quiet);
      const says = k.add(b.load(beta, place(t, u1)), x.flat(flat(t, u, labelAt(u))));
      const sum = logAdd(k.select(k.gt(back, 0), waits, zero), k.select(k.gt(down, 0), says, zero));
      b.store(beta, place(t, u), k.select(k.and(k.eq(back, 0), k.eq(down, 0)), quiet, sum));
    });
  });
}

const sampleInputs = [
  [2, 3, 3, 4] as const,
  { shape: [2, 2], data: [1, 2, 3, 1], dtype: "int32" as const },
  { shape: [2], data: [3, 2], dtype: "int32" as const },
  { shape: [2], data: [2, 1], dtype: "int32" as const },
];

/** `-log P(labels)` of each sample; x holds log-probabilities. `lambda` (FastEmit) concerns the gradient only. */
export const rnntOp = defineOp({
  name: "warprnnt",
  inputs: ["x", "label", "inputLengths", "labelLengths"],
  outputs: ["loss"],
  attrs: { blank: integers([0]), lambda: scalar(0) },
  infer: (inputs) => {
    inferRnnt(inputs);
    return { outs: { loss: { shape: [inputs.x.shape[0]!], dtype: inputs.x.dtype } } };
  },
  kernel: (b, inputs, { loss }, { blank }) => {
    const beta = b.temp("beta", loss.type === "f64" ? "f64" : "f32", gridSize(inputs.x));
    b.parallel(inputs.x.extent(0), (n) => {
      const grid = gridOf(b, inputs, blank[0]!, n);
      backward(grid, beta);
      const zero = constant("i32", 0);
      loss.setFlat(n, k.neg(b.load(beta, grid.place(zero, zero))));
    });
  },
  saves: ["x", "label", "inputLengths", "labelLengths"],
  grad: ({ x, label, inputLengths, labelLengths }, d, { attrs }) => ({
    x: () => bind1(rnntGradOp, [x, label, inputLengths, labelLengths, d.loss], attrs),
  }),
  check: {
    domain: [-2, -0.5],
    samples: [
      { inputs: sampleInputs, attrs: { blank: [0], lambda: 0 } },
      {
        // One step, one label: said, then blank: 1/2 · 1/2.
        inputs: [
          { shape: [1, 1, 2, 2], data: new Array<number>(4).fill(Math.log(0.5)) },
          { shape: [1, 1], data: [1], dtype: "int32" },
          { shape: [1], data: [1], dtype: "int32" },
          { shape: [1], data: [1], dtype: "int32" },
        ],
        attrs: { blank: [0], lambda: 0 },
        expect: () => ({ shape: [1], data: [Math.log(4)] }),
      },
    ],
  },
});

/** `-d P(move at the point | labels)`, moves that say a label times `1 + lambda` (FastEmit, Yu et al. 2021). */
export const rnntGradOp = defineOp({
  name: "warprnnt_grad",
  inputs: ["x", "label", "inputLengths", "labelLengths", "d"],
  outputs: ["dx"],
  attrs: { blank: integers([0]), lambda: scalar(0) },
  infer: ({ x }) => ({ outs: { dx: { shape: x.shape, dtype: x.dtype } } }),
  kernel: (b, { d, ...inputs }, { dx }, { blank, lambda }) => {
    const type = dx.type === "f64" ? "f64" : "f32";
    const { x } = inputs;
    const [alpha, beta] = [b.temp("alpha", type, gridSize(x)), b.temp("beta", type, gridSize(x))];
    b.parallel(x.extent(0), (n) => {
      const grid = gridOf(b, inputs, blank[0]!, n);
      const { steps, count, place, flat, labelAt } = grid;
      forward(grid, alpha);
      backward(grid, beta);
      const zero = constant("i32", 0);
      const sum = b.let(b.load(beta, place(zero, zero)));
      const scale = b.let(d.flat(n));
      b.for(0, x.extent(1), (t) => {
        b.for(0, x.extent(2), (u) => {
          const inside = k.and(k.lt(t, steps), k.le(u, count));
          const so = b.let(k.sub(b.load(alpha, place(t, u)), sum));
          const [t1, u1] = [k.min(k.add(t, 1), k.sub(steps, 1)), k.min(k.add(u, 1), count)];
          const ends = k.and(k.eq(t, k.sub(steps, 1)), k.eq(u, count));
          const rest = k.select(ends, k.const(type, 0), b.load(beta, place(t1, u)));
          const waits = b.let(k.and(inside, k.or(ends, k.lt(t, k.sub(steps, 1)))));
          const says = b.let(k.and(inside, k.lt(u, count)));
          const said = b.let(b.load(beta, place(t, u1)));
          const next = b.let(labelAt(u));
          const later = b.let(rest);
          b.lanes(0, x.extent(3), (c) => {
            const own = x.flat(flat(t, u, c));
            const quiet = k.exp(k.add(k.add(so, own), later));
            const loud = k.mul(k.exp(k.add(k.add(so, own), said)), k.add(lambda, 1));
            const blankPart = k.select(k.and(waits, k.eq(c, blank[0]!)), quiet, 0);
            const labelPart = k.select(k.and(says, k.eq(c, next)), loud, 0);
            dx.setFlat(flat(t, u, c), k.neg(k.mul(k.add(blankPart, labelPart), scale)));
          });
        });
      });
    });
  },
  grad: "refused",
  check: { domain: [-2, -0.5], samples: [{ inputs: [...sampleInputs, [2]], attrs: { blank: [0], lambda: 0.1 } }] },
});

/** Transducer loss of log-probabilities `[batch, time, length + 1, classes]`, one for each sample. */
export const rnnt = <T extends Value>(
  x: T,
  label: Value,
  inputLengths: Value,
  labelLengths: Value,
  blank: number,
  lambda: number,
): T => bind1(rnntOp, [x, label, inputLengths, labelLengths], { blank: [blank], lambda }) as T;
