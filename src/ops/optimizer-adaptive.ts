// Ops: the update rules of Adagrad, Adadelta, RMSProp, Rprop, NAdam, RAdam and Lamb, in place on a parameter and its state.

import type { Expr } from "../kernel/expr.js";
import type { K } from "../kernel/ops.js";
import { fixed, scalar } from "../program/op.js";
import { defineUpdate } from "./optimizer-update.js";

const mean = (k: K, beta: Expr, m: Expr, x: Expr): Expr => k.add(k.mul(beta, m), k.mul(k.sub(1, beta), x));
const square = (k: K, x: Expr): Expr => k.mul(x, x);

/** `s += g^2; param -= lr g / (sqrt(s) + eps)`. */
export const adagradOp = defineUpdate({
  name: "adagrad_",
  arrays: ["moment"],
  scalars: [],
  attrs: { epsilon: scalar(1e-6) },
  result: "param",
  update: (k, { param, grad, lr, moment }, { epsilon }) => {
    const s = k.add(moment, square(k, grad));
    return { param: k.sub(param, k.div(k.mul(lr, grad), k.add(k.sqrt(s), epsilon))), moment: s };
  },
  checks: [
    {
      attrs: { epsilon: 0.125 },
      reference: ({ param, grad, lr, moment }) => {
        const s = moment! + grad! ** 2;
        return { param: param! - (lr! * grad!) / (Math.sqrt(s) + 0.125), moment: s };
      },
    },
  ],
});

/** `G = mean(g^2); d = -sqrt((D + eps) / (G + eps)) g; param += lr d; D = mean(d^2)`. */
export const adadeltaOp = defineUpdate({
  name: "adadelta_",
  arrays: ["avg_squared_grad", "avg_squared_update"],
  scalars: [],
  attrs: { rho: scalar(0.95), epsilon: scalar(1e-6) },
  result: "param",
  update: (k, { param, grad, lr, avg_squared_grad, avg_squared_update }, { rho, epsilon }) => {
    const g = mean(k, rho, avg_squared_grad, square(k, grad));
    const d = k.neg(k.mul(k.div(k.sqrt(k.add(avg_squared_update, epsilon)), k.sqrt(k.add(g, epsilon))), grad));
    return {
      param: k.add(param, k.mul(lr, d)),
      avg_squared_grad: g,
      avg_squared_update: mean(k, rho, avg_squared_update, square(k, d)),
    };
  },
  checks: [
    {
      attrs: { rho: 0.75, epsilon: 0.125 },
      reference: ({ param, grad, lr, avg_squared_grad, avg_squared_update }) => {
        const g = 0.75 * avg_squared_grad! + 0.25 * grad! ** 2;
        const d = -Math.sqrt((avg_squared_update! + 0.125) / (g + 0.125)) * grad!;
        const u = 0.75 * avg_squared_update! + 0.25 * d ** 2;
        return { param: param! + lr! * d, avg_squared_grad: g, avg_squared_update: u };
      },
    },
  ],
});

/** `ms = mean(g^2); mom = mu mom + lr g / sqrt(ms [- mean(g)^2] + eps); param -= mom`. */
export const rmspropOp = defineUpdate({
  name: "rmsprop_",
  arrays: ["momentum", "mean_square", "mean_grad"],
  scalars: [],
  attrs: { rho: scalar(0.95), epsilon: scalar(1e-6), mu: scalar(0), centered: fixed(false) },
  result: "param",
  update: (k, { param, grad, lr, momentum, mean_square, mean_grad }, { rho, epsilon, mu, centered }) => {
    const ms = mean(k, rho, mean_square, square(k, grad));
    const mg = centered ? mean(k, rho, mean_grad, grad) : mean_grad;
    const spread = centered ? k.sub(ms, square(k, mg)) : ms;
    const mom = k.add(k.mul(mu, momentum), k.div(k.mul(lr, grad), k.sqrt(k.add(spread, epsilon))));
    return { param: k.sub(param, mom), momentum: mom, mean_square: ms, mean_grad: mg };
  },
  checks: [false, true].map((centered) => ({
    attrs: { rho: 0.75, epsilon: 4, mu: 0.5, centered },
    reference: ({ param, grad, lr, momentum, mean_square, mean_grad }) => {
      const ms = 0.75 * mean_square! + 0.25 * grad! ** 2;
      const mg = centered ? 0.75 * mean_grad! + 0.25 * grad! : mean_grad!;
      const step = 0.5 * momentum! + (lr! * grad!) / Math.sqrt(ms - (centered ? mg ** 2 : 0) + 4);
      return { param: param! - step, momentum: step, mean_square: ms, mean_grad: mg };
    },
  })),
});

/** A rate for each element, grown while the gradient keeps its sign and shrunk when it turns; the step is `sign(g) rate`. */
export const rpropOp = defineUpdate({
  name: "rprop_",
  arrays: ["prev", "learning_rate"],
  scalars: [],
  attrs: { min: scalar(1e-5), max: scalar(50), shrink: scalar(0.5), grow: scalar(1.2) },
  result: "param",
  update: (k, { param, grad, prev, learning_rate }, { min, max, shrink, grow }) => {
    const same = k.mul(grad, prev);
    const one = k.const(param.type, 1);
    const eta = k.select(k.gt(same, 0), grow, k.select(k.lt(same, 0), shrink, one));
    const g = k.select(k.lt(same, 0), k.const(param.type, 0), grad);
    const rate = k.min(k.max(k.mul(learning_rate, eta), min), max);
    const step = k.select(k.gt(g, 0), rate, k.select(k.lt(g, 0), k.neg(rate), k.const(param.type, 0)));
    return { param: k.sub(param, step), prev: g, learning_rate: rate };
  },
  checks: [
    {
      attrs: { min: 0.25, max: 1, shrink: 0.5, grow: 1.25 },
      reference: ({ param, grad, prev, learning_rate }) => {
        const turn = Math.sign(grad! * prev!);
        const rate = Math.min(1, Math.max(0.25, learning_rate! * (turn > 0 ? 1.25 : turn < 0 ? 0.5 : 1)));
        const g = turn < 0 ? 0 : grad!;
        return { param: param! - Math.sign(g) * rate, prev: g, learning_rate: rate };
      },
    },
  ],
});

/** Paddle's per-step factor of NAdam's momentum schedule. */
const nadamDecay = 0.96;

/** Adam with Nesterov momentum: `mu_t = beta1 (1 - 0.96^(t psi) / 2)`. Powers have the parameter's shape, as Paddle saves them. */
export const nadamOp = defineUpdate({
  name: "nadam_",
  arrays: ["momentum_decay_pow", "beta2_pow", "mu_product", "moment1", "moment2"],
  scalars: [],
  attrs: { beta1: scalar(0.9), beta2: scalar(0.999), epsilon: scalar(1e-8), psi: scalar(0.004) },
  result: "param",
  update: (k, x, { beta1, beta2, epsilon, psi }) => {
    const decayPow = k.mul(x.momentum_decay_pow, nadamDecay);
    const beta2Pow = k.mul(x.beta2_pow, beta2);
    const damping = k.pow(decayPow, psi);
    const mu = k.mul(beta1, k.sub(1, k.mul(0.5, damping)));
    const next = k.mul(beta1, k.sub(1, k.mul(0.5, k.mul(damping, k.pow(k.const(psi.type, nadamDecay), psi)))));
    const product = k.mul(x.mu_product, mu);
    const m = mean(k, beta1, x.moment1, x.grad);
    const v = mean(k, beta2, x.moment2, square(k, x.grad));
    const ahead = k.div(k.mul(next, m), k.sub(1, k.mul(product, next)));
    const mHat = k.add(ahead, k.div(k.mul(k.sub(1, mu), x.grad), k.sub(1, product)));
    const vHat = k.div(v, k.sub(1, beta2Pow));
    return {
      param: k.sub(x.param, k.div(k.mul(x.lr, mHat), k.add(k.sqrt(vHat), epsilon))),
      momentum_decay_pow: decayPow,
      beta2_pow: beta2Pow,
      mu_product: product,
      moment1: m,
      moment2: v,
    };
  },
  checks: [
    {
      attrs: { beta1: 0.5, beta2: 0.25, epsilon: 0.125, psi: 0.5 },
      reference: (x) => {
        const pow = x["momentum_decay_pow"]! * 0.96;
        const [mu, next] = [0.5 * (1 - 0.5 * pow ** 0.5), 0.5 * (1 - 0.5 * (pow * 0.96) ** 0.5)];
        const product = x["mu_product"]! * mu;
        const m = 0.5 * x["moment1"]! + 0.5 * x["grad"]!;
        const v = 0.25 * x["moment2"]! + 0.75 * x["grad"]! ** 2;
        const beta2_pow = x["beta2_pow"]! * 0.25;
        const mHat = (next * m) / (1 - product * next) + ((1 - mu) * x["grad"]!) / (1 - product);
        const param = x["param"]! - (x["lr"]! * mHat) / (Math.sqrt(v / (1 - beta2_pow)) + 0.125);
        return { param, momentum_decay_pow: pow, beta2_pow, mu_product: product, moment1: m, moment2: v };
      },
    },
  ],
});

/** Adam whose adaptive rate is rectified, and left out while its variance is unbounded (`rho_t <= 5`). */
export const radamOp = defineUpdate({
  name: "radam_",
  arrays: ["beta1_pow", "beta2_pow", "rho", "moment1", "moment2"],
  scalars: [],
  attrs: { beta1: scalar(0.9), beta2: scalar(0.999), epsilon: scalar(1e-8) },
  result: "param",
  update: (k, x, { beta1, beta2, epsilon }) => {
    const p1 = k.mul(x.beta1_pow, beta1);
    const p2 = k.mul(x.beta2_pow, beta2);
    const rho = k.div(k.add(k.mul(x.rho, k.sub(beta2, p2)), p2), k.sub(1, p2));
    const m = mean(k, beta1, x.moment1, x.grad);
    const v = mean(k, beta2, x.moment2, square(k, x.grad));
    const mHat = k.div(m, k.sub(1, p1));
    const last = k.sub(k.div(2, k.sub(1, beta2)), 1);
    const now = k.sub(last, k.mul(2, rho));
    const numerator = k.mul(k.mul(k.sub(now, 4), k.sub(now, 2)), last);
    const denominator = k.mul(k.mul(k.sub(last, 4), k.sub(last, 2)), now);
    const rectifier = k.sqrt(k.max(k.div(numerator, denominator), 0));
    const adaptive = k.div(k.mul(rectifier, k.sqrt(k.sub(1, p2))), k.add(k.sqrt(v), epsilon));
    const factor = k.select(k.gt(now, 5), adaptive, 1);
    return {
      param: k.sub(x.param, k.mul(k.mul(x.lr, mHat), factor)),
      beta1_pow: p1,
      beta2_pow: p2,
      rho,
      moment1: m,
      moment2: v,
    };
  },
  checks: [0.5, 0.75].map((beta2) => ({
    attrs: { beta1: 0.25, beta2, epsilon: 0.125 },
    reference: (x) => {
      const [p1, p2] = [x["beta1_pow"]! * 0.25, x["beta2_pow"]! * beta2];
      const rho = (x["rho"]! * (beta2 - p2) + p2) / (1 - p2);
      const m = 0.25 * x["moment1"]! + 0.75 * x["grad"]!;
      const v = beta2 * x["moment2"]! + (1 - beta2) * x["grad"]! ** 2;
      const last = 2 / (1 - beta2) - 1;
      const now = last - 2 * rho;
      const step = (x["lr"]! * m) / (1 - p1);
      const r = Math.sqrt(((now - 4) * (now - 2) * last) / ((last - 4) * (last - 2) * now));
      const factor = now > 5 ? (r * Math.sqrt(1 - p2)) / (Math.sqrt(v) + 0.125) : 1;
      return { param: x["param"]! - step * factor, beta1_pow: p1, beta2_pow: p2, rho, moment1: m, moment2: v };
    },
  })),
});

/** Lamb's moments, and its direction `m^ / (sqrt(v^) + eps) + decay param`. */
export const lambMomentsOp = defineUpdate({
  name: "lamb_moments_",
  arrays: ["moment1", "moment2"],
  scalars: ["beta1_pow", "beta2_pow"],
  attrs: { beta1: scalar(0.9), beta2: scalar(0.999), epsilon: scalar(1e-6), weight_decay: scalar(0.01) },
  result: "direction",
  update: (k, x, { beta1, beta2, epsilon, weight_decay }) => {
    const moment1 = mean(k, beta1, x.moment1, x.grad);
    const moment2 = mean(k, beta2, x.moment2, square(k, x.grad));
    const mHat = k.div(moment1, k.sub(1, x.beta1_pow));
    const vHat = k.div(moment2, k.sub(1, x.beta2_pow));
    const direction = k.add(k.div(mHat, k.add(k.sqrt(vHat), epsilon)), k.mul(weight_decay, x.param));
    return { direction, moment1, moment2 };
  },
  checks: [
    {
      attrs: { beta1: 0.5, beta2: 0.75, epsilon: 0.125, weight_decay: 0.25 },
      scalars: { beta1_pow: 0.25, beta2_pow: 0.5 },
      reference: ({ param, grad, moment1, moment2 }) => {
        const [m, v] = [0.5 * moment1! + 0.5 * grad!, 0.75 * moment2! + 0.25 * grad! ** 2];
        const direction = m / 0.75 / (Math.sqrt(v / 0.5) + 0.125) + 0.25 * param!;
        return { direction, moment1: m, moment2: v, beta1_pow: 0.125, beta2_pow: 0.375 };
      },
    },
  ],
});

/** `param -= lr ratio direction`, the direction as `grad`; ratio: the norms' quotient where both are positive, else 1. */
export const lambApplyOp = defineUpdate({
  name: "lamb_apply_",
  arrays: [],
  scalars: ["param_square", "direction_square"],
  attrs: {},
  result: "param",
  update: (k, { param, grad, lr, param_square, direction_square }) => {
    const both = k.and(k.gt(param_square, 0), k.gt(direction_square, 0));
    const ratio = k.select(both, k.div(k.sqrt(param_square), k.sqrt(direction_square)), 1);
    return { param: k.sub(param, k.mul(k.mul(lr, ratio), grad)) };
  },
  checks: [
    {
      scalars: { param_square: 4, direction_square: 16 },
      reference: ({ param, grad, lr }) => ({ param: param! - lr! * 0.5 * grad! }),
    },
    {
      scalars: { param_square: 0, direction_square: 16 },
      reference: ({ param, grad, lr }) => ({ param: param! - lr! * grad! }),
    },
  ],
});
