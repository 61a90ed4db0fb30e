// Ops: losses of single elements, each with its derivative as a second element-wise op.

import { broadcastShapes } from "../core/shape.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind, bind1 } from "../trace/bind.js";
import { multiply, neg } from "./arithmetic.js";
import { binary, meet, requireFloat } from "./infer.js";

type Pair = { readonly x: InferInput; readonly label: InferInput };

/** Shape and dtype of a loss of two broadcast operands. */
export const inferPair =
  (op: string) =>
  ({ x, label }: Pair) => {
    requireFloat(x, op);
    const dtype = meet(x, label, op);
    return { outs: { out: { shape: broadcastShapes(x.shape, label.shape, op), dtype } }, compute: dtype };
  };

/** As {@link inferPair}, for the derivative by x. */
export const inferSlope =
  (op: string) =>
  ({ x, label }: Pair) => {
    const { outs, compute } = inferPair(op)({ x, label });
    return { outs: { dx: outs.out }, compute };
  };

/** `r² / 2` where `|r| ≤ δ`, else `δ (|r| - δ / 2)`; r = x - y. */
export const huberLossOp = defineOp({
  name: "huber_loss",
  inputs: ["x", "label"],
  outputs: ["out"],
  attrs: { delta: scalar(1) },
  infer: inferPair("huber_loss"),
  lower: (_, { x, label }, { delta }) => {
    const r = k.abs(k.sub(x, label));
    const far = k.mul(delta, k.sub(r, k.mul(delta, 0.5)));
    return { out: k.select(k.le(r, delta), k.mul(k.mul(r, r), 0.5), far) };
  },
  saves: ["x", "label"],
  grad: ({ x, label }, d, { attrs }) => {
    let both: readonly Value[] | undefined;
    const part = (i: number): Value => {
      both ??= bind(huberLossGradOp, [x, label, d.out], attrs);
      return both[i]!;
    };
    return { x: () => part(0), label: () => part(1) };
  },
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          { shape: [3], data: [0, 0.5, 5] },
          { shape: [3], data: [0, 0, 0] },
        ],
        attrs: { delta: 1 },
        expect: () => ({ shape: [3], data: [0, 0.125, 4.5] }),
      },
    ],
  },
});

/** `max(-δ, min(r, δ)) d` for x, its negative for the label. */
export const huberLossGradOp = defineOp({
  name: "huber_loss_grad",
  inputs: ["x", "label", "d"],
  outputs: ["dx", "dlabel"],
  attrs: { delta: scalar(1) },
  infer: (inputs) => {
    const { outs, compute } = inferPair("huber_loss")(inputs);
    return { outs: { dx: outs.out, dlabel: outs.out }, compute };
  },
  lower: (_, { x, label, d }, { delta }) => {
    const dx = k.mul(k.max(k.neg(delta), k.min(k.sub(x, label), delta)), d);
    return { dx, dlabel: k.neg(dx) };
  },
  grad: "refused",
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          [3, 4],
          [3, 4],
          [3, 4],
        ],
        attrs: { delta: 0.5 },
      },
    ],
  },
});

/** `y (log y - x)`, 0 where y ≤ 0; with `logTarget` `e^y (y - x)`. */
export const klDivOp = defineOp({
  name: "kldiv_loss",
  inputs: ["x", "label"],
  outputs: ["out"],
  attrs: { logTarget: fixed(false) },
  infer: inferPair("kldiv_loss"),
  lower: (_, { x, label }, { logTarget }) => {
    if (logTarget) return { out: k.mul(k.exp(label), k.sub(label, x)) };
    return { out: k.select(k.gt(label, 0), k.mul(label, k.sub(k.log(label), x)), 0) };
  },
  saves: ["label"],
  grad: ({ label }, d, { attrs, meta }) => ({ x: () => bind1(klDivGradOp, [meta.x, label, d.out], attrs) }),
  check: {
    domain: [0.1, 2],
    noGradCheck: "labels get no gradient, as in Paddle",
    samples: [
      {
        inputs: [
          { shape: [2], data: [1, 1] },
          { shape: [2], data: [2, 0] },
        ],
        attrs: { logTarget: false },
        expect: () => ({ shape: [2], data: [2 * (Math.log(2) - 1), 0] }),
      },
      {
        inputs: [
          { shape: [1], data: [1] },
          { shape: [1], data: [2] },
        ],
        attrs: { logTarget: true },
        expect: () => ({ shape: [1], data: [Math.exp(2)] }),
      },
    ],
  },
});

/** `-y d`, 0 where y ≤ 0; with `logTarget` `-e^y d`. */
export const klDivGradOp = defineOp({
  name: "kldiv_loss_grad",
  inputs: ["x", "label", "d"],
  outputs: ["dx"],
  attrs: { logTarget: fixed(false) },
  infer: inferSlope("kldiv_loss"),
  lower: (_, { label, d }, { logTarget }) => ({
    dx: k.neg(k.mul(logTarget ? k.exp(label) : k.max(label, 0), d)),
  }),
  ghosts: ["x"],
  grad: "refused",
  check: { domain: [0.1, 2], samples: [{ inputs: [[3], [3], [3]], attrs: { logTarget: false } }] },
});

/** `-y log(x + ε) - (1 - y) log(1 - x + ε)`. */
export const logLossOp = defineOp({
  name: "log_loss",
  inputs: ["x", "label"],
  outputs: ["out"],
  attrs: { epsilon: scalar(1e-4) },
  infer: inferPair("log_loss"),
  lower: (_, { x, label }, { epsilon }) => {
    const yes = k.mul(label, k.log(k.add(x, epsilon)));
    const no = k.mul(k.sub(1, label), k.log(k.add(k.sub(1, x), epsilon)));
    return { out: k.neg(k.add(yes, no)) };
  },
  saves: ["x", "label"],
  grad: ({ x, label }, d, { attrs }) => ({ x: () => bind1(logLossGradOp, [x, label, d.out], attrs) }),
  check: {
    domain: [0.1, 0.9],
    noGradCheck: "labels get no gradient, as in Paddle",
    samples: [
      {
        inputs: [
          { shape: [1], data: [0.5] },
          { shape: [1], data: [1] },
        ],
        attrs: { epsilon: 0.5 },
        expect: () => ({ shape: [1], data: [0] }),
      },
    ],
  },
});

/** `((1 - y) / (1 - x + ε) - y / (x + ε)) d`. */
export const logLossGradOp = defineOp({
  name: "log_loss_grad",
  inputs: ["x", "label", "d"],
  outputs: ["dx"],
  attrs: { epsilon: scalar(1e-4) },
  infer: inferSlope("log_loss"),
  lower: (_, { x, label, d }, { epsilon }) => {
    const no = k.div(k.sub(1, label), k.add(k.sub(1, x), epsilon));
    return { dx: k.mul(k.sub(no, k.div(label, k.add(x, epsilon))), d) };
  },
  grad: "refused",
  check: { domain: [0.1, 0.9], samples: [{ inputs: [[3], [3], [3]], attrs: { epsilon: 1e-4 } }] },
});

/** `-y log x`, 0 where y is 0: cross entropy of a probability. */
export const probabilityLossOp = defineOp({
  name: "probability_loss",
  inputs: ["x", "label"],
  outputs: ["out"],
  attrs: {},
  infer: inferPair("cross_entropy"),
  lower: (_, { x, label }) => ({ out: k.select(k.eq(label, 0), 0, k.neg(k.mul(label, k.log(x)))) }),
  saves: ["x", "label"],
  grad: ({ x, label }, d) => ({ x: () => bind1(probabilityLossGradOp, [x, label, d.out]) }),
  check: {
    reference: (x, y) => -y! * Math.log(x!),
    domain: [0.1, 0.9],
    noGradCheck: "labels get no gradient, as in Paddle",
  },
});

/** `-y / x d`, 0 where y is 0. */
export const probabilityLossGradOp = defineOp({
  name: "probability_loss_grad",
  inputs: ["x", "label", "d"],
  outputs: ["dx"],
  attrs: {},
  infer: inferSlope("cross_entropy"),
  lower: (_, { x, label, d }) => ({ dx: k.select(k.eq(label, 0), 0, k.neg(k.mul(k.div(label, x), d))) }),
  grad: "refused",
  check: { reference: (x, y, d) => (-y! / x!) * d!, domain: [0.1, 0.9] },
});

/** `x / y`, and x where y is 0: a sum over how much was counted. */
export const divideNonzeroOp = defineOp({
  name: "divide_nonzero",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: binary("divide"),
  lower: (_, { x, y }) => ({ out: k.div(x, k.select(k.eq(y, 0), 1, y)) }),
  saves: ["x", "y"],
  grad: ({ x, y }, d) => ({
    x: () => divideNonzero(d.out, y),
    y: () => neg(multiply(d.out, divideNonzero(divideNonzero(x, y), y))),
  }),
  check: {
    reference: (x, y) => x! / y!,
    domain: [
      [-2, 2],
      [0.5, 2],
    ],
  },
});

/** `x / y`, and x where y is 0. */
export const divideNonzero = <T extends Value>(x: T, y: T): T => bind1(divideNonzeroOp, [x, y]) as T;
/** Huber's loss, element by element. */
export const huberLoss = <T extends Value>(x: T, label: T, delta: number): T =>
  bind1(huberLossOp, [x, label], { delta }) as T;
/** Kullback-Leibler divergence, element by element; x holds log-probabilities. */
export const klDiv = <T extends Value>(x: T, label: Value, logTarget: boolean): T =>
  bind1(klDivOp, [x, label], { logTarget }) as T;
/** Negative log-likelihood of probabilities, element by element. */
export const logLoss = <T extends Value>(x: T, label: Value, epsilon: number): T =>
  bind1(logLossOp, [x, label], { epsilon }) as T;
/** `-label log x`, element by element. */
export const probabilityLoss = <T extends Value>(x: T, label: Value): T => bind1(probabilityLossOp, [x, label]) as T;
