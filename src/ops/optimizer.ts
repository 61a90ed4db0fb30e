// Ops: the update rules of the optimizers, each in place on a parameter and its state. Rules: Paddle's kernels, as its reference states them.

import type { Expr } from "../kernel/expr.js";
import type { K } from "../kernel/ops.js";
import { fixed, type OpSample, type Plain, scalar } from "../program/op.js";
import { defineUpdate } from "./optimizer-update.js";

const one = (data: number[]) => ({ shape: [data.length], data });

/** A sample call: state in order after parameter, gradient, rate and no clipping factor. */
const sample = (
  attrs: Readonly<Record<string, unknown>>,
  state: readonly number[],
  scalars: readonly number[],
  expect: (p: number, g: number, lr: number, s: readonly number[]) => readonly number[],
): OpSample => ({
  inputs: [one([2]), one([3]), { shape: [], data: [0.5] }, undefined, ...[...state, ...scalars].map((s) => one([s]))],
  attrs: { decay: "none", coeff: 0, ...attrs },
  expect: (): readonly Plain[] => expect(2, 3, 0.5, [...state, ...scalars]).map((x) => one([x])),
});

/** `param -= lr * grad`. */
export const sgdOp = defineUpdate({
  name: "sgd_",
  arrays: [],
  scalars: [],
  attrs: {},
  result: "param",
  update: (k, { param, grad, lr }) => ({ param: k.sub(param, k.mul(lr, grad)) }),
  check: { samples: [sample({}, [], [], (p, g, lr) => [p - lr * g])] },
});

/** `v = mu v + grad; param -= lr v`, or `lr (grad + mu v)` with Nesterov's look-ahead. */
export const momentumOp = defineUpdate({
  name: "momentum_",
  arrays: ["velocity"],
  scalars: [],
  attrs: { mu: scalar(0.9), nesterov: fixed(false) },
  result: "param",
  update: (k, { param, grad, lr, velocity }, { mu, nesterov }) => {
    const v = k.add(k.mul(mu, velocity), grad);
    const step = nesterov ? k.mul(k.add(grad, k.mul(mu, v)), lr) : k.mul(lr, v);
    return { param: k.sub(param, step), velocity: v };
  },
  check: {
    samples: [
      sample({ mu: 0.5, nesterov: false }, [4], [], (p, g, lr, [v]) => [p - lr * (0.5 * v! + g), 0.5 * v! + g]),
      sample({ mu: 0.5, nesterov: true }, [4], [], (p, g, lr, [v]) => [
        p - lr * (g + 0.5 * (0.5 * v! + g)),
        0.5 * v! + g,
      ]),
    ],
  },
});

/** Exponential mean `beta m + (1 - beta) x`. */
const mean = (k: K, beta: Expr, m: Expr, x: Expr): Expr => k.add(k.mul(beta, m), k.mul(k.sub(1, beta), x));

const betas = { beta1: scalar(0.9), beta2: scalar(0.999), epsilon: scalar(1e-8) };

const advanceBetas = (
  k: K,
  v: { readonly beta1_pow: Expr; readonly beta2_pow: Expr },
  a: { readonly beta1: Expr; readonly beta2: Expr },
) => ({ beta1_pow: k.mul(v.beta1_pow, a.beta1), beta2_pow: k.mul(v.beta2_pow, a.beta2) });

interface AdamValues {
  readonly param: Expr;
  readonly lr: Expr;
  readonly beta1_pow: Expr;
  readonly beta2_pow: Expr;
}

/** `lr sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + eps sqrt(1 - b2^t))`, subtracted. */
function adamStep(k: K, x: AdamValues, m: Expr, v: Expr, epsilon: Expr): Expr {
  const correction = k.sqrt(k.sub(1, x.beta2_pow));
  const rate = k.div(k.mul(x.lr, correction), k.sub(1, x.beta1_pow));
  return k.sub(x.param, k.mul(rate, k.div(m, k.add(k.sqrt(v), k.mul(epsilon, correction)))));
}

/** AdamW's decoupled decay: `param (1 - lr decay)`. */
const shrunk = (k: K, param: Expr, lr: Expr, decay: Expr): Expr => k.mul(param, k.sub(1, k.mul(lr, decay)));

const adamArrays = ["moment1", "moment2"] as const;
const adamScalars = ["beta1_pow", "beta2_pow"] as const;

const adamExpect =
  (decay: number, max?: (v: number) => number) =>
  (p: number, g: number, lr: number, [m, v]: readonly number[]): readonly number[] => {
    const [m1, v1] = [0.5 * m! + 0.5 * g, 0.75 * v! + 0.25 * g * g];
    const top = max ? max(v1) : v1;
    const mHat = m1 / (1 - 0.25);
    const vHat = top / (1 - 0.5);
    const next = p * (1 - lr * decay) - (lr * mHat) / (Math.sqrt(vHat) + 0.125);
    return [next, m1, v1, ...(max ? [top] : []), 0.25 * 0.5, 0.5 * 0.75];
  };

const adamAttrs = { beta1: 0.5, beta2: 0.75, epsilon: 0.125 };

/** Adam. */
export const adamOp = defineUpdate({
  name: "adam_",
  arrays: adamArrays,
  scalars: adamScalars,
  attrs: betas,
  result: "param",
  update: (k, x, a) => {
    const moment1 = mean(k, a.beta1, x.moment1, x.grad);
    const moment2 = mean(k, a.beta2, x.moment2, k.mul(x.grad, x.grad));
    return { param: adamStep(k, x, moment1, moment2, a.epsilon), moment1, moment2 };
  },
  advance: advanceBetas,
  check: { samples: [sample(adamAttrs, [1, 2], [0.25, 0.5], adamExpect(0))] },
});

/** Adam with the largest second moment so far (AMSGrad). */
export const adamAmsgradOp = defineUpdate({
  name: "adam_amsgrad_",
  arrays: [...adamArrays, "moment2_max"],
  scalars: adamScalars,
  attrs: betas,
  result: "param",
  update: (k, x, a) => {
    const moment1 = mean(k, a.beta1, x.moment1, x.grad);
    const moment2 = mean(k, a.beta2, x.moment2, k.mul(x.grad, x.grad));
    const moment2_max = k.max(moment2, x.moment2_max);
    return { param: adamStep(k, x, moment1, moment2_max, a.epsilon), moment1, moment2, moment2_max };
  },
  advance: advanceBetas,
  check: {
    samples: [
      sample(
        adamAttrs,
        [1, 2, 5],
        [0.25, 0.5],
        adamExpect(0, (v) => Math.max(5, v)),
      ),
    ],
  },
});

/** Adam with decoupled weight decay. */
export const adamwOp = defineUpdate({
  name: "adamw_",
  arrays: adamArrays,
  scalars: adamScalars,
  attrs: { ...betas, weight_decay: scalar(0.01) },
  result: "param",
  update: (k, x, a) => {
    const moment1 = mean(k, a.beta1, x.moment1, x.grad);
    const moment2 = mean(k, a.beta2, x.moment2, k.mul(x.grad, x.grad));
    const from = { ...x, param: shrunk(k, x.param, x.lr, a.weight_decay) };
    return { param: adamStep(k, from, moment1, moment2, a.epsilon), moment1, moment2 };
  },
  advance: advanceBetas,
  check: { samples: [sample({ ...adamAttrs, weight_decay: 0.25 }, [1, 2], [0.25, 0.5], adamExpect(0.25))] },
});

/** AdamW with the largest second moment so far. */
export const adamwAmsgradOp = defineUpdate({
  name: "adamw_amsgrad_",
  arrays: [...adamArrays, "moment2_max"],
  scalars: adamScalars,
  attrs: { ...betas, weight_decay: scalar(0.01) },
  result: "param",
  update: (k, x, a) => {
    const moment1 = mean(k, a.beta1, x.moment1, x.grad);
    const moment2 = mean(k, a.beta2, x.moment2, k.mul(x.grad, x.grad));
    const moment2_max = k.max(moment2, x.moment2_max);
    const from = { ...x, param: shrunk(k, x.param, x.lr, a.weight_decay) };
    return { param: adamStep(k, from, moment1, moment2_max, a.epsilon), moment1, moment2, moment2_max };
  },
  advance: advanceBetas,
  check: {
    samples: [
      sample(
        { ...adamAttrs, weight_decay: 0.25 },
        [1, 2, 5],
        [0.25, 0.5],
        adamExpect(0.25, (v) => Math.max(5, v)),
      ),
    ],
  },
});

/** `m = mean(g); u = max(|g|, beta2 u + eps); param -= lr / (1 - beta1^t) * m / u`. */
export const adamaxOp = defineUpdate({
  name: "adamax_",
  arrays: ["moment", "inf_norm"],
  scalars: ["beta1_pow"],
  attrs: betas,
  result: "param",
  update: (k, { param, grad, lr, moment, inf_norm, beta1_pow }, { beta1, beta2, epsilon }) => {
    const m = mean(k, beta1, moment, grad);
    const u = k.max(k.abs(grad), k.add(k.mul(beta2, inf_norm), epsilon));
    const rate = k.div(lr, k.sub(1, beta1_pow));
    return { param: k.sub(param, k.mul(rate, k.div(m, u))), moment: m, inf_norm: u };
  },
  advance: (k, { beta1_pow }, { beta1 }) => ({ beta1_pow: k.mul(beta1_pow, beta1) }),
  check: {
    samples: [
      sample(adamAttrs, [1, 8], [0.25], (p, g, lr, [m, u]) => {
        const [m1, u1] = [0.5 * m! + 0.5 * g, Math.max(Math.abs(g), 0.75 * u! + 0.125)];
        return [p - (lr / 0.75) * (m1 / u1), m1, u1, 0.125];
      }),
    ],
  },
});
