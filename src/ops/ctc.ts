// Ops: the CTC loss of log-probabilities and its gradient, by forward and backward sums over alignments (Graves et al. 2006).

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import { type Buf, constant, type Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput, integers } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { requireFloat, requireInt } from "./infer.js";

/** The logarithm of 0: sums with it stay finite. */
export const logZero = -1e30;

/** `log(e^a + e^b + …)`, also of {@link logZero}. */
export function logAdd(...list: readonly Expr[]): Expr {
  const most = list.reduce((a, b) => k.max(a, b));
  const sum = list.map((x) => k.exp(k.sub(x, most))).reduce((a, b) => k.add(a, b));
  return k.add(most, k.log(sum));
}

type Inputs<T> = { readonly x: T; readonly label: T; readonly inputLengths: T; readonly labelLengths: T };

function inferCtc({ x, label, inputLengths, labelLengths }: Inputs<InferInput>): void {
  requireFloat(x, "ctc_loss");
  for (const [name, t] of Object.entries({ label, inputLengths, labelLengths })) requireInt(t, name, "ctc_loss");
  const batch = x.shape[1]!;
  const fits =
    x.shape.length === 3 &&
    label.shape.length === 2 &&
    [label, inputLengths, labelLengths].every((t) => t.shape[0] === batch || t.shape[0]! < 0 || batch < 0);
  if (fits) return;
  throw new InvalidArgumentError(
    `needs scores [time, batch, classes], labels [batch, length] and lengths [batch], got ${formatShape(x.shape)}, ${formatShape(label.shape)}, ${formatShape(inputLengths.shape)}.`,
    { op: "ctc_loss" },
  );
}

/** One sample's trellis: a state for each label, with blanks before, between and behind. */
interface Trellis {
  readonly b: KernelContext;
  readonly type: "f32" | "f64";
  /** Steps and states of this sample. */
  readonly steps: Expr;
  readonly states: Expr;
  /** The class of a state. */
  readonly classOf: (s: Expr) => Expr;
  /** Whether state s may follow s - 2. */
  readonly skips: (s: Expr) => Expr;
  /** Log-probability of a class at a step. */
  readonly at: (t: Expr, c: Expr) => Expr;
  /** Where a step and state stand in memory that holds every sample's trellis. */
  readonly place: (t: Expr, s: Expr) => Expr;
}

/** Length of memory for all samples' trellises. */
const trellisSize = ({ x, label }: Inputs<Ref>): Expr =>
  k.mul(k.mul(x.extent(1), x.extent(0)), k.add(k.mul(label.extent(1), 2), 1));

function trellisOf(
  b: KernelContext,
  { x, label, inputLengths, labelLengths }: Inputs<Ref>,
  blank: Expr,
  n: Expr,
): Trellis {
  const [time, batch, classes] = [x.extent(0), x.extent(1), x.extent(2)];
  const width = label.extent(1);
  const most = k.add(k.mul(width, 2), 1);
  const count = b.let(k.max(k.min(k.cast(labelLengths.flat(n), "i32"), width), 0));
  const classOf = (s: Expr): Expr => {
    const at = k.add(k.mul(n, width), k.max(k.min(k.shr(s, 1), k.sub(width, 1)), 0));
    const raw = k.cast(label.flat(at), "i32");
    return k.select(k.eq(k.and(s, 1), 1), k.max(k.min(raw, k.sub(classes, 1)), 0), blank);
  };
  return {
    b,
    type: x.type === "f64" ? "f64" : "f32",
    steps: b.let(k.max(k.min(k.cast(inputLengths.flat(n), "i32"), time), 0)),
    states: b.let(k.add(k.mul(count, 2), 1)),
    classOf,
    skips: (s) => k.and(k.and(k.eq(k.and(s, 1), 1), k.ge(s, 2)), k.ne(classOf(s), classOf(k.max(k.sub(s, 2), 0)))),
    at: (t, c) => x.flat(k.add(k.mul(k.add(k.mul(t, batch), n), classes), c)),
    place: (t, s) => k.add(k.mul(k.add(k.mul(n, time), t), most), s),
  };
}

/** `alpha[t, s]`: log-probability of all ways to be in state s at step t, step t included. */
function forward({ b, type, steps, states, classOf, skips, at, place }: Trellis, alpha: Buf): void {
  const zero = constant(type, logZero);
  b.for(0, steps, (t) => {
    const first = b.let(k.eq(t, 0));
    b.lanes(0, states, (s) => {
      const former = (back: number): Expr => {
        const value = b.load(alpha, place(k.max(k.sub(t, 1), 0), k.max(k.sub(s, back), 0)));
        return k.select(k.and(k.not(first), k.ge(s, back)), value, zero);
      };
      const start = k.select(k.and(first, k.lt(s, 2)), k.const(type, 0), zero);
      const came = logAdd(former(0), former(1), k.select(skips(s), former(2), zero));
      b.store(alpha, place(t, s), k.add(k.select(first, start, came), at(t, classOf(s))));
    });
  });
}

/** `beta[t, s]`: log-probability of all ways from state s at step t to the end, step t not included. */
function backward({ b, type, steps, states, classOf, skips, at, place }: Trellis, beta: Buf): void {
  const zero = constant(type, logZero);
  b.for(0, steps, (back) => {
    const t = b.let(k.sub(k.sub(steps, 1), back));
    const next = b.let(k.min(k.add(t, 1), k.sub(steps, 1)));
    const last = b.let(k.eq(back, 0));
    b.lanes(0, states, (s) => {
      const later = (ahead: number): Expr => {
        const to = k.min(k.add(s, ahead), k.sub(states, 1));
        const value = k.add(b.load(beta, place(next, to)), at(next, classOf(to)));
        return k.select(k.and(k.not(last), k.lt(k.add(s, ahead), states)), value, zero);
      };
      const end = k.select(k.and(last, k.ge(s, k.sub(states, 2))), k.const(type, 0), zero);
      const jumps = k.and(k.lt(k.add(s, 2), states), skips(k.min(k.add(s, 2), k.sub(states, 1))));
      const goes = logAdd(later(0), later(1), k.select(jumps, later(2), zero));
      b.store(beta, place(t, s), k.select(last, end, goes));
    });
  });
}

/** Log-probability of the labels; {@link logZero} or so where no alignment fits. */
function total({ b, type, steps, states, place }: Trellis, alpha: Buf): Expr {
  const last = b.let(k.max(k.sub(steps, 1), 0));
  const end = b.load(alpha, place(last, k.sub(states, 1)));
  const before = b.load(alpha, place(last, k.max(k.sub(states, 2), 0)));
  const sum = k.select(k.ge(states, 2), logAdd(end, before), end);
  return b.let(k.select(k.gt(steps, 0), sum, k.const(type, logZero)));
}

const possible = (logProbability: Expr): Expr => k.gt(logProbability, logZero / 2);

const labelSample = { shape: [2, 2], data: [1, 2, 1, 1], dtype: "int32" as const };
const lengthSample = (data: readonly number[]) => ({ shape: [2], data, dtype: "int64" as const });

/** `-log P(labels)` of each sample; 0 where no alignment fits, as in Paddle. x holds log-probabilities. */
export const ctcOp = defineOp({
  name: "warpctc",
  inputs: ["x", "label", "inputLengths", "labelLengths"],
  outputs: ["loss"],
  attrs: { blank: integers([0]), normByTimes: fixed(false) },
  infer: (inputs) => {
    inferCtc(inputs);
    return { outs: { loss: { shape: [inputs.x.shape[1]!], dtype: inputs.x.dtype } } };
  },
  kernel: (b, inputs, { loss }, { blank }) => {
    const type = loss.type === "f64" ? "f64" : "f32";
    const alpha = b.temp("alpha", type, trellisSize(inputs));
    b.parallel(inputs.x.extent(1), (n) => {
      const trellis = trellisOf(b, inputs, blank[0]!, n);
      forward(trellis, alpha);
      const sum = total(trellis, alpha);
      loss.setFlat(n, k.select(possible(sum), k.neg(sum), 0));
    });
  },
  saves: ["x", "label", "inputLengths", "labelLengths"],
  grad: ({ x, label, inputLengths, labelLengths }, d, { attrs }) => ({
    x: () => bind1(ctcGradOp, [x, label, inputLengths, labelLengths, d.loss], attrs),
  }),
  check: {
    domain: [-2, -0.5],
    samples: [
      {
        inputs: [[4, 2, 3], labelSample, lengthSample([4, 3]), lengthSample([2, 2])],
        attrs: { blank: [0], normByTimes: false },
      },
      {
        inputs: [[4, 2, 3], labelSample, lengthSample([4, 2]), lengthSample([0, 2])],
        attrs: { blank: [0], normByTimes: false },
      },
      {
        // Two steps, label 1: paths 1 1, blank 1, 1 blank, each with probability 1/4.
        inputs: [
          { shape: [2, 1, 2], data: new Array<number>(4).fill(Math.log(0.5)) },
          { shape: [1, 1], data: [1], dtype: "int32" },
          { shape: [1], data: [2], dtype: "int64" },
          { shape: [1], data: [1], dtype: "int64" },
        ],
        attrs: { blank: [0], normByTimes: false },
        expect: () => ({ shape: [1], data: [-Math.log(0.75)] }),
      },
    ],
  },
});

/** `-d P(state's class at step | labels)`, over the steps of the sample with `normByTimes`. */
export const ctcGradOp = defineOp({
  name: "warpctc_grad",
  inputs: ["x", "label", "inputLengths", "labelLengths", "d"],
  outputs: ["dx"],
  attrs: { blank: integers([0]), normByTimes: fixed(false) },
  infer: ({ x }) => ({ outs: { dx: { shape: x.shape, dtype: x.dtype } } }),
  kernel: (b, { d, ...inputs }, { dx }, { blank, normByTimes }) => {
    const type = dx.type === "f64" ? "f64" : "f32";
    const alpha = b.temp("alpha", type, trellisSize(inputs));
    const beta = b.temp("beta", type, trellisSize(inputs));
    const sums = b.temp("sums", type, dx.size);
    b.parallel(inputs.x.extent(1), (n) => {
      const trellis = trellisOf(b, inputs, blank[0]!, n);
      forward(trellis, alpha);
      backward(trellis, beta);
      const sum = total(trellis, alpha);
      const steps = k.cast(k.max(trellis.steps, 1), type);
      const scale = normByTimes ? k.div(d.flat(n), steps) : d.flat(n);
      share(trellis, { alpha, beta, sums, sum, scale: b.let(k.select(possible(sum), scale, 0)) }, dx, n);
    });
  },
  grad: "refused",
  check: {
    domain: [-2, -0.5],
    samples: [
      {
        inputs: [[4, 2, 3], labelSample, lengthSample([4, 2]), lengthSample([2, 2]), [2]],
        attrs: { blank: [0], normByTimes: true },
      },
    ],
  },
});

interface Sums {
  readonly alpha: Buf;
  readonly beta: Buf;
  readonly sums: Buf;
  readonly sum: Expr;
  readonly scale: Expr;
}

/** Writes one sample's gradient: what each class gets at each step. */
function share({ b, type, steps, states, classOf, place }: Trellis, s: Sums, dx: OutRef, n: Expr): void {
  const [time, batch, classes] = [dx.extent(0), dx.extent(1), dx.extent(2)];
  b.for(0, time, (t) => {
    const row = b.let(k.mul(k.add(k.mul(t, batch), n), classes));
    b.lanes(0, classes, (c) => b.store(s.sums, k.add(row, c), constant(type, 0)));
    b.if(k.lt(t, steps), () => {
      b.for(0, states, (state) => {
        const at = b.let(place(t, state));
        const likely = k.exp(k.sub(k.add(b.load(s.alpha, at), b.load(s.beta, at)), s.sum));
        const to = b.let(k.add(row, classOf(state)));
        // Where no alignment fits the exponent means nothing.
        const part = k.select(k.eq(s.scale, 0), 0, k.mul(likely, s.scale));
        b.store(s.sums, to, k.sub(b.load(s.sums, to), part));
      });
    });
    b.lanes(0, classes, (c) => dx.setFlat(k.add(row, c), b.load(s.sums, k.add(row, c))));
  });
}

/** CTC loss of log-probabilities `[time, batch, classes]`, one for each sample. */
export const ctc = <T extends Value>(
  x: T,
  label: Value,
  inputLengths: Value,
  labelLengths: Value,
  blank: number,
  normByTimes: boolean,
): T => bind1(ctcOp, [x, label, inputLengths, labelLengths], { blank: [blank], normByTimes }) as T;
