// Ops: the update rules of the optimizers, each in place on a parameter and its state. Rules: Paddle's kernels, as its reference states them.

import type { Expr } from "../kernel/expr.js";
import type { K } from "../kernel/ops.js";
import { fixed, scalar } from "../program/op.js";
import type { UpdateCheck } from "./optimizer-check.js";
import { defineAdvance, defineUpdate, updateRule } from "./optimizer-update.js";

/** `param -= lr * grad`. */
export const sgdRule = updateRule({
  name: "sgd_",
  arrays: [],
  scalars: [],
  attrs: {},
  result: "param",
  update: (k, { param, grad, lr }) => ({ param: k.sub(param, k.mul(lr, grad)) }),
  checks: [{ reference: ({ param, grad, lr }) => ({ param: param! - lr! * grad! }) }],
});

/** `param -= lr * grad`. */
export const sgdOp = defineUpdate(sgdRule);

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
  checks: [
    {
      attrs: { mu: 0.5, nesterov: false },
      reference: ({ param, grad, lr, velocity }) => {
        const v = 0.5 * velocity! + grad!;
        return { param: param! - lr! * v, velocity: v };
      },
    },
    {
      attrs: { mu: 0.5, nesterov: true },
      reference: ({ param, grad, lr, velocity }) => {
        const v = 0.5 * velocity! + grad!;
        return { param: param! - lr! * (grad! + 0.5 * v), velocity: v };
      },
    },
  ],
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

const adamAttrs = { beta1: 0.5, beta2: 0.75, epsilon: 0.125 };

/** Adam in its first form: both means corrected, then the quotient. */
const adamCheck = ({ decay, amsgrad = false }: { decay?: number; amsgrad?: boolean }): UpdateCheck => ({
  attrs: { ...adamAttrs, ...(decay === undefined ? {} : { weight_decay: decay }) },
  scalars: { beta1_pow: 0.25, beta2_pow: 0.5 },
  reference: ({ param, grad, lr, moment1, moment2, moment2_max = 0 }) => {
    const [m, v] = [0.5 * moment1! + 0.5 * grad!, 0.75 * moment2! + 0.25 * grad! * grad!];
    const top = amsgrad ? Math.max(v, moment2_max) : v;
    const step = (lr! * m) / (1 - 0.25) / (Math.sqrt(top / (1 - 0.5)) + 0.125);
    const next = param! * (1 - lr! * (decay ?? 0)) - step;
    return { param: next, moment1: m, moment2: v, moment2_max: top, beta1_pow: 0.125, beta2_pow: 0.375 };
  },
});

/** Adam. */
export const adamRule = updateRule({
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
  checks: [adamCheck({})],
});

/** Adam. */
export const adamOp = defineUpdate(adamRule);

const powers = { shape: [1], data: [0.25] };

/** Both powers one step on. */
export const advanceBetasOp = defineAdvance("adam_advance_", adamRule, {
  samples: [
    {
      inputs: [powers, { shape: [1], data: [0.5] }],
      attrs: adamAttrs,
      expect: () => [
        { shape: [1], data: [0.25 * 0.5] },
        { shape: [1], data: [0.5 * 0.75] },
      ],
    },
  ],
});

/** Adam with the largest second moment so far (AMSGrad). */
export const adamAmsgradRule = updateRule({
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
  checks: [adamCheck({ amsgrad: true })],
});

/** Adam with the largest second moment so far (AMSGrad). */
export const adamAmsgradOp = defineUpdate(adamAmsgradRule);

/** Adam with decoupled weight decay. */
export const adamwRule = updateRule({
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
  checks: [adamCheck({ decay: 0.25 })],
});

/** Adam with decoupled weight decay. */
export const adamwOp = defineUpdate(adamwRule);

/** AdamW with the largest second moment so far. */
export const adamwAmsgradRule = updateRule({
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
  checks: [adamCheck({ decay: 0.25, amsgrad: true })],
});

/** AdamW with the largest second moment so far. */
export const adamwAmsgradOp = defineUpdate(adamwAmsgradRule);

/** `m = mean(g); u = max(|g|, beta2 u + eps); param -= lr / (1 - beta1^t) * m / u`. */
const adamaxRule = updateRule({
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
  checks: [
    {
      attrs: adamAttrs,
      scalars: { beta1_pow: 0.25 },
      reference: ({ param, grad, lr, moment, inf_norm }) => {
        const m = 0.5 * moment! + 0.5 * grad!;
        const u = Math.max(Math.abs(grad!), 0.75 * inf_norm! + 0.125);
        return { param: param! - ((lr! / 0.75) * m) / u, moment: m, inf_norm: u, beta1_pow: 0.125 };
      },
    },
  ],
});

/** Adamax. */
export const adamaxOp = defineUpdate(adamaxRule);

/** Adamax's power one step on. */
export const advanceBeta1Op = defineAdvance("adamax_advance_", adamaxRule, {
  samples: [{ inputs: [powers], attrs: adamAttrs, expect: () => ({ shape: [1], data: [0.25 * 0.5] }) }],
});
