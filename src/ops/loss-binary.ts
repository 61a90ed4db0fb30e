// Ops: binary cross entropies of probabilities and of logits, each with its derivative.

import type { Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { inferPair, inferSlope } from "./loss.js";

/** `log(1 + e^x)` without overflow. */
const softplus = (x: Expr): Expr => k.add(k.max(x, 0), k.log1p(k.exp(k.neg(k.abs(x)))));

/** `-(y max(log x, -100) + (1 - y) max(log(1 - x), -100))`. */
export const bceLossOp = defineOp({
  name: "bce_loss",
  inputs: ["x", "label"],
  outputs: ["out"],
  attrs: {},
  infer: inferPair("bce_loss"),
  lower: (_, { x, label }) => {
    const yes = k.mul(label, k.max(k.log(x), -100));
    const no = k.mul(k.sub(1, label), k.max(k.log(k.sub(1, x)), -100));
    return { out: k.neg(k.add(yes, no)) };
  },
  saves: ["x", "label"],
  grad: ({ x, label }, d) => ({ x: () => bind1(bceLossGradOp, [x, label, d.out]) }),
  check: {
    reference: (x, y) => -(y! * Math.log(x!) + (1 - y!) * Math.log(1 - x!)),
    domain: [
      [0.1, 0.9],
      [0.1, 0.9],
    ],
    noGradCheck: "labels get no gradient, as in Paddle",
  },
});

/** `(x - y) / max(x (1 - x), 1e-12) d`. */
export const bceLossGradOp = defineOp({
  name: "bce_loss_grad",
  inputs: ["x", "label", "d"],
  outputs: ["dx"],
  attrs: {},
  infer: inferSlope("bce_loss"),
  lower: (_, { x, label, d }) => ({
    dx: k.mul(k.div(k.sub(x, label), k.max(k.mul(x, k.sub(1, x)), 1e-12)), d),
  }),
  grad: "refused",
  check: {
    reference: (x, y, d) => ((x! - y!) / (x! * (1 - x!))) * d!,
    domain: [
      [0.1, 0.9],
      [0.1, 0.9],
      [-1, 1],
    ],
  },
});

/** `(1 - y) x + p log(1 + e^-x)`: binary cross entropy of a logit x, p the weight of the second term (1 without it). */
export const logitLossOp = defineOp({
  name: "sigmoid_cross_entropy_with_logits",
  inputs: ["x", "label", "weight?"],
  outputs: ["out"],
  attrs: {},
  infer: inferPair("sigmoid_cross_entropy_with_logits"),
  lower: (_, { x, label, weight }) => {
    const tail = softplus(k.neg(x));
    return { out: k.add(k.mul(k.sub(1, label), x), weight ? k.mul(weight, tail) : tail) };
  },
  saves: ["x", "label", "weight"],
  grad: ({ x, label, weight }, d) => ({ x: () => bind1(logitLossGradOp, [x, label, d.out, weight]) }),
  check: {
    domain: [-2, 2],
    noGradCheck: "labels and weights get no gradient, as in Paddle",
    samples: [
      {
        inputs: [
          { shape: [2], data: [0, 100] },
          { shape: [2], data: [1, 0] },
        ],
        expect: () => ({ shape: [2], data: [Math.log(2), 100] }),
      },
      {
        inputs: [
          { shape: [1], data: [0] },
          { shape: [1], data: [1] },
          { shape: [1], data: [3] },
        ],
        expect: () => ({ shape: [1], data: [3 * Math.log(2)] }),
      },
    ],
  },
});

/** `((1 - y) - p σ(-x)) d`. */
export const logitLossGradOp = defineOp({
  name: "sigmoid_cross_entropy_with_logits_grad",
  inputs: ["x", "label", "d", "weight?"],
  outputs: ["dx"],
  attrs: {},
  infer: inferSlope("sigmoid_cross_entropy_with_logits"),
  lower: (_, { x, label, d, weight }) => {
    const tail = k.sigmoid(k.neg(x));
    return { dx: k.mul(k.sub(k.sub(1, label), weight ? k.mul(weight, tail) : tail), d) };
  },
  grad: "refused",
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          { shape: [1], data: [0] },
          { shape: [1], data: [1] },
          { shape: [1], data: [1] },
          { shape: [1], data: [3] },
        ],
        expect: () => ({ shape: [1], data: [-1.5] }),
      },
    ],
  },
});

/** Binary cross entropy of probabilities, element by element. */
export const bceLoss = <T extends Value>(x: T, label: Value): T => bind1(bceLossOp, [x, label]) as T;
/** Binary cross entropy of logits, element by element. */
export const logitLoss = <T extends Value>(x: T, label: Value, weight?: Value): T =>
  bind1(logitLossOp, [x, label, weight]) as T;
