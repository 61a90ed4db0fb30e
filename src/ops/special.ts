// Ops: special functions: the error function and its inverse, gamma and Bessel functions, sinc, logit.

import { defineOp } from "../program/define-op.js";
import { fixed, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { add, conj, divide, multiply, neg, scale, square, subtract } from "./arithmetic.js";
import * as z from "./complex-math.js";
import { equal } from "./comparison.js";
import { exp } from "./exponential.js";
import { where } from "./logic.js";
import { sign } from "./rounding.js";
import { cos } from "./trigonometric.js";
import { functionOfOne, floatOnly, realUnary } from "./unary.js";

/** `out = erf x = 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x`. */
export const erfOp = functionOfOne("erf", {
  value: (k, x) => k.erf(x),
  saves: "x",
  grad: (x, d) => multiply(d, scale(exp(neg(square(x))), 2 / Math.sqrt(Math.PI))),
  check: {
    domain: [-3, 3],
    samples: [
      {
        inputs: [{ shape: [3], data: [0, 0.5, -1] }],
        expect: () => ({ shape: [3], data: [0, 0.5204998778130465, -0.8427007929497149] }),
      },
    ],
  },
});

/** The inverse of erf; +-inf at +-1 and beyond, as in Paddle. */
export const erfinvOp = functionOfOne("erfinv", {
  value: (k, x) => k.erfinv(k.min(k.max(x, -1), 1)),
  saves: "out",
  grad: (out, d) => multiply(d, scale(exp(square(out)), Math.sqrt(Math.PI) / 2)),
  check: {
    domain: [-0.9, 0.9],
    samples: [
      { inputs: [{ shape: [2], data: [0.5204998778130465, 0] }], expect: () => ({ shape: [2], data: [0.5, 0] }) },
    ],
  },
});

/** `out = ln |gamma(x)|`. */
export const lgammaOp = functionOfOne("lgamma", {
  value: (k, x) => k.lgamma(x),
  saves: "x",
  grad: (x, d) => multiply(d, digamma(x)),
  check: {
    domain: [0.5, 6],
    samples: [
      {
        inputs: [{ shape: [3], data: [0.5, 5, 10] }],
        expect: () => ({ shape: [3], data: [Math.log(Math.sqrt(Math.PI)), Math.log(24), Math.log(362880)] }),
      },
    ],
  },
});

/** The derivative of lgamma. */
export const digammaOp = functionOfOne("digamma", {
  value: (k, x) => k.digamma(x),
  saves: "x",
  grad: (x, d) => multiply(d, polygamma(x, 1)),
  check: {
    domain: [0.5, 6],
    // digamma(1) = -gamma (Euler), digamma(2) = 1 - gamma.
    samples: [
      {
        inputs: [{ shape: [2], data: [1, 2] }],
        expect: () => ({ shape: [2], data: [-0.5772156649015329, 0.4227843350984671] }),
      },
    ],
  },
});

/** The n-th derivative of digamma. */
export const polygammaOp = defineOp({
  name: "polygamma",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { n: fixed(1) },
  infer: realUnary("polygamma"),
  lower: (k, { x }, { n }) => ({ out: k.polygamma(x, n) }),
  saves: ["x"],
  grad: ({ x }, d, { attrs }) => ({ x: () => multiply(d.out, polygamma(x, attrs.n + 1)) }),
  check: {
    domain: [0.5, 6],
    // trigamma(1) = pi^2 / 6, polygamma(2, 1) = -2 zeta(3).
    samples: [
      {
        inputs: [{ shape: [1], data: [1] }],
        attrs: { n: 1 },
        expect: () => ({ shape: [1], data: [Math.PI ** 2 / 6] }),
      },
      {
        inputs: [{ shape: [1], data: [1] }],
        attrs: { n: 2 },
        expect: () => ({ shape: [1], data: [-2.404113806319188] }),
      },
    ],
  },
});

/** The modified Bessel function I0. */
export const i0Op = functionOfOne("i0", {
  value: (k, x) => k.i0(x),
  saves: "x",
  grad: (x, d) => multiply(d, i1(x)),
  check: {
    domain: [-4, 4],
    samples: [
      { inputs: [{ shape: [2], data: [0, 1] }], expect: () => ({ shape: [2], data: [1, 1.2660658777520084] }) },
    ],
  },
});

/** `e^-|x| I0(x)`. */
export const i0eOp = defineOp({
  name: "i0e",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: realUnary("i0e"),
  lower: (k, { x }) => ({ out: k.i0e(x) }),
  saves: ["x", "out"],
  grad: ({ x, out }, d) => ({ x: () => multiply(d.out, subtract(i1e(x), multiply(sign(x), out))) }),
  check: {
    domain: [0.5, 4],
    samples: [
      { inputs: [{ shape: [2], data: [0, 1] }], expect: () => ({ shape: [2], data: [1, 0.46575960759364043] }) },
    ],
    noGradCheck: "a kink at 0, which the sample holds",
  },
});

/** The modified Bessel function I1. */
export const i1Op = defineOp({
  name: "i1",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: realUnary("i1"),
  lower: (k, { x }) => ({ out: k.i1(x) }),
  saves: ["x", "out"],
  grad: ({ x, out }, d) => ({ x: () => multiply(d.out, subtract(i0(x), ratio(out, x))) }),
  check: {
    domain: [-4, 4],
    samples: [{ inputs: [{ shape: [2], data: [0, 1] }], expect: () => ({ shape: [2], data: [0, 0.565159103992485] }) }],
  },
});

/** `e^-|x| I1(x)`. */
export const i1eOp = defineOp({
  name: "i1e",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: realUnary("i1e"),
  lower: (k, { x }) => ({ out: k.i1e(x) }),
  saves: ["x", "out"],
  grad: ({ x, out }, d) => ({
    x: () => multiply(d.out, subtract(i0e(x), add(multiply(sign(x), out), ratio(out, x)))),
  }),
  check: {
    domain: [-4, 4],
    samples: [
      { inputs: [{ shape: [2], data: [0, 1] }], expect: () => ({ shape: [2], data: [0, 0.2079104153497085] }) },
    ],
  },
});

/** `y / x`, and its limit 1/2 at x = 0 for the Bessel functions of order 1. */
const ratio = (y: Value, x: Value): Value => where(equal(x, 0), 0.5, divide(y, x));

/** `sin(pi x) / (pi x)`, 1 at 0. */
export const sincOp = defineOp({
  name: "sinc",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: floatOnly("sinc", true),
  lower: (k, { x }) => ({ out: k.sinc(x) }),
  complex: (k, { x }) => {
    const y = z.scaleZ(x, Math.PI);
    const s = z.divZ(z.sinZ(y), y);
    const zero = k.and(k.eq(x.re, 0), k.eq(x.im, 0));
    return { out: { re: k.select(zero, 1, s.re), im: k.select(zero, 0, s.im) } };
  },
  saves: ["x", "out"],
  // (cos(pi x) - sinc x) / x, 0 at 0.
  grad: ({ x, out }, d) => ({
    x: () => multiply(d.out, conj(where(equal(x, 0), 0, divide(subtract(cos(scale(x, Math.PI)), out), x)))),
  }),
  check: { reference: (x) => (x === 0 ? 1 : Math.sin(Math.PI * x!) / (Math.PI * x!)), domain: [-3, 3] },
});

/** x brought into [eps, 1 - eps] (only where eps > 0), then `ln(x / (1 - x))`. */
export const logitOp = defineOp({
  name: "logit",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { eps: scalar(0) },
  infer: realUnary("logit"),
  lower: (k, { x }, { eps }) => {
    const none = k.le(eps, 0);
    const one = k.const(x.type, 1);
    const y = k.select(none, x, k.min(k.max(x, eps), k.sub(one, eps)));
    return { out: k.log(k.div(y, k.sub(one, y))) };
  },
  saves: ["x"],
  grad: ({ x }, d, { attrs }) => ({ x: () => logitGrad(x, d.out, attrs.eps) }),
  check: {
    domain: [0.1, 0.9],
    samples: [
      {
        inputs: [[2, 3]],
        attrs: { eps: 0 },
        expect: (x) => ({ shape: [2, 3], data: x!.data.map((v) => Math.log(v / (1 - v))) }),
      },
    ],
  },
});

/** `d / (x (1 - x))` inside [eps, 1 - eps]; outside 0, or NaN where eps is 0. */
export const logitGradOp = defineOp({
  name: "logit_grad",
  inputs: ["x", "d"],
  outputs: ["out"],
  attrs: { eps: scalar(0) },
  infer: ({ x, d }) => ({
    outs: { out: { shape: d.shape, dtype: d.dtype } },
    compute: realUnary("logit")({ x }).outs.out.dtype,
  }),
  lower: (k, { x, d }, { eps }) => {
    const one = k.const(x.type, 1);
    const outside = k.or(k.lt(x, eps), k.gt(x, k.sub(one, eps)));
    const away = k.select(k.le(eps, 0), k.const(x.type, Number.NaN), 0);
    return { out: k.select(outside, away, k.div(d, k.mul(x, k.sub(one, x)))) };
  },
  saves: ["x", "d"],
  grad: ({ x, d }, dd, { attrs }) => ({
    d: () => logitGrad(x, dd.out, attrs.eps),
    x: () => multiply(multiply(dd.out, multiply(d, scale(x, 2, -1))), square(logitGrad(x, onesOf(d), attrs.eps))),
  }),
  check: {
    domain: [0.2, 0.8],
    samples: [
      {
        inputs: [
          [2, 3],
          [2, 3],
        ],
        attrs: { eps: 0.1 },
        expect: (x, d) => ({ shape: [2, 3], data: x!.data.map((v, i) => d!.data[i]! / (v * (1 - v))) }),
      },
    ],
  },
});

function logitGrad(x: Value, d: Value, eps: number): Value {
  return bind1(logitGradOp, [x, d], { eps });
}

const onesOf = (x: Value): Value => scale(x, 0, 1);

/** Error function. */
export const erf = <T extends Value>(x: T): T => bind1(erfOp, [x]) as T;
/** Inverse of the error function. */
export const erfinv = <T extends Value>(x: T): T => bind1(erfinvOp, [x]) as T;
/** Logarithm of the gamma function. */
export const lgamma = <T extends Value>(x: T): T => bind1(lgammaOp, [x]) as T;
/** Derivative of {@link lgamma}. */
export const digamma = <T extends Value>(x: T): T => bind1(digammaOp, [x]) as T;
/** The n-th derivative of {@link digamma}. */
export const polygamma = <T extends Value>(x: T, n: number): T =>
  n === 0 ? digamma(x) : (bind1(polygammaOp, [x], { n }) as T);
/** Bessel function I0. */
export const i0 = <T extends Value>(x: T): T => bind1(i0Op, [x]) as T;
/** Scaled Bessel function I0. */
export const i0e = <T extends Value>(x: T): T => bind1(i0eOp, [x]) as T;
/** Bessel function I1. */
export const i1 = <T extends Value>(x: T): T => bind1(i1Op, [x]) as T;
/** Scaled Bessel function I1. */
export const i1e = <T extends Value>(x: T): T => bind1(i1eOp, [x]) as T;
/** `sin(pi x) / (pi x)`. */
export const sinc = <T extends Value>(x: T): T => bind1(sincOp, [x]) as T;
/** `ln(x / (1 - x))`, x brought into [eps, 1 - eps]. */
export const logit = <T extends Value>(x: T, eps = 0): T => bind1(logitOp, [x], { eps }) as T;
