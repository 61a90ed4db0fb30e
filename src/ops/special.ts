// Ops: error functions, gamma functions, Bessel functions, and other special functions of numbers.

import { isComplex, isFloat } from "../core/dtype.js";
import { broadcastShapes } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type Inferred, type InferInput, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind, bind1 } from "../trace/bind.js";
import { add, conj, divide, multiply, neg, scale, square, subtract } from "./arithmetic.js";
import * as z from "./complex-math.js";
import { equal } from "./comparison.js";
import { elementwisePow, exp } from "./exponential.js";
import { meet } from "./infer.js";
import { where } from "./logic.js";
import { sign } from "./rounding.js";
import { cos } from "./trigonometric.js";
import { functionOfOne, floatOnly, realUnary, refused } from "./unary.js";

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

/** Operands that compute in floating point: integers in float32. */
const floatPair =
  (op: string) =>
  ({ x, y }: { readonly x: InferInput; readonly y: InferInput }): Inferred<"out"> => {
    const met = meet(x, y, op);
    if (isComplex(met)) throw refused(met, op);
    const dtype = isFloat(met) ? met : "float32";
    return { outs: { out: { shape: broadcastShapes(x.shape, y.shape, op), dtype } }, compute: dtype };
  };

/** `sqrt(x^2 + y^2)`; of complex numbers by the same formula. */
export const hypotOp = defineOp({
  name: "hypot",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: (operands) => {
    const met = meet(operands.x, operands.y, "hypot");
    if (!isComplex(met)) return floatPair("hypot")(operands);
    return {
      outs: { out: { shape: broadcastShapes(operands.x.shape, operands.y.shape, "hypot"), dtype: met } },
      compute: met,
    };
  },
  lower: (_, { x, y }) => ({ out: z.hypot(x, y) }),
  complex: (_, { x, y }) => ({ out: z.sqrtZ(z.addZ(z.mulZ(x, x), z.mulZ(y, y))) }),
  saves: ["x", "y", "out"],
  grad: ({ x, y, out }, d) => ({
    x: () => multiply(d.out, conj(divide(x, out))),
    y: () => multiply(d.out, conj(divide(y, out))),
  }),
  check: { reference: (x, y) => Math.hypot(x!, y!), domain: [0.5, 2] },
});

/** The magnitude of x with the sign of y (its sign bit). */
export const copysignOp = defineOp({
  name: "copysign",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, y }) => {
    const dtype = meet(x, y, "copysign");
    if (isComplex(dtype)) throw refused(dtype, "copysign");
    return { outs: { out: { shape: broadcastShapes(x.shape, y.shape, "copysign"), dtype } }, compute: dtype };
  },
  lower: (k, { x, y }) => {
    if (k.isMask(x)) return { out: x };
    if (k.isFloat(x)) return { out: k.copySign(x, y) };
    return { out: k.select(k.lt(y, 0), k.neg(k.abs(x)), k.abs(x)) };
  },
  saves: ["x", "out"],
  grad: ({ x, out }, d) => ({
    x: () => multiply(d.out, multiply(sign(x), sign(out))),
    y: () => scale(d.out, 0),
  }),
  check: {
    reference: (x, y) => (y! < 0 ? -Math.abs(x!) : Math.abs(x!)),
    domain: [
      [0.5, 2],
      [-2, -0.5],
    ],
    dtypes: ["int32"],
  },
});

/** The next number after x towards y. */
export const nextafterOp = defineOp({
  name: "nextafter",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: (operands) => {
    const { outs, compute } = floatPair("nextafter")(operands);
    if (outs.out.dtype !== "float32" && outs.out.dtype !== "float64") throw refused(outs.out.dtype, "nextafter");
    return { outs, compute };
  },
  lower: (k, { x, y }) => {
    const int = x.type === "f32" ? "i32" : "i64";
    const bits = k.bitcast(x, int);
    // Away from 0 is +1 on the bits, whatever the sign.
    const away = k.xor(k.lt(x, y), k.lt(x, 0));
    const moved = k.bitcast(k.add(bits, k.select(away, k.const(int, 1), -1)), x.type);
    const least = k.copySign(k.bitcast(k.const(int, 1), x.type), y);
    const out = k.select(k.eq(x, y), y, k.select(k.eq(x, 0), least, moved));
    return { out: k.select(k.or(k.ne(x, x), k.ne(y, y)), k.const(x.type, Number.NaN), out) };
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [
          { shape: [3], data: [1, 1, -1], dtype: "float64" },
          { shape: [3], data: [2, 0, 2], dtype: "float64" },
        ],
        expect: () => ({ shape: [3], data: [1 + 2 ** -52, 1 - 2 ** -53, -1 + 2 ** -53] }),
      },
    ],
  },
});

/** 0 below 0, 1 above, y at 0; NaN counts as below, as in Paddle. */
export const heavisideOp = defineOp({
  name: "heaviside",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, y }) => {
    const dtype = meet(x, y, "heaviside");
    if (isComplex(dtype) || dtype === "bool") throw refused(dtype, "heaviside");
    return { outs: { out: { shape: broadcastShapes(x.shape, y.shape, "heaviside"), dtype } }, compute: dtype };
  },
  lower: (k, { x, y }) => ({ out: k.select(k.eq(x, 0), y, k.select(k.gt(x, 0), k.const(x.type, 1), 0)) }),
  saves: ["x"],
  grad: ({ x }, d) => ({ x: () => scale(d.out, 0), y: () => where(equal(x, 0), d.out, 0) }),
  check: { reference: (x, y) => (x === 0 ? y! : x! > 0 ? 1 : 0), domain: [0.5, 2], dtypes: ["int32"] },
});

/** `x + weight (y - x)`. */
export const lerpOp = defineOp({
  name: "lerp",
  inputs: ["x", "y", "weight"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, y, weight }) => {
    const dtype = meet({ shape: [], dtype: meet(x, y, "lerp") }, weight, "lerp");
    if (!isFloat(dtype)) throw refused(dtype, "lerp", 'cast it: x.astype("float32").');
    const shape = broadcastShapes(broadcastShapes(x.shape, y.shape, "lerp"), weight.shape, "lerp");
    return { outs: { out: { shape, dtype } }, compute: dtype };
  },
  lower: (k, { x, y, weight }) => ({ out: k.add(x, k.mul(weight, k.sub(y, x))) }),
  saves: ["x", "y", "weight"],
  grad: ({ x, y, weight }, d) => ({
    x: () => subtract(d.out, multiply(d.out, weight)),
    y: () => multiply(d.out, weight),
    weight: () => multiply(d.out, subtract(y, x)),
  }),
  check: { reference: (x, y, w) => x! + w! * (y! - x!), domain: [-2, 2] },
});

/** `x = mantissa 2^exponent` with mantissa in [1/2, 1) (0, infinities and NaN: themselves); both floats of x's dtype. */
export const frexpOp = defineOp({
  name: "frexp",
  inputs: ["x"],
  outputs: ["mantissa", "exponent"],
  attrs: {},
  infer: ({ x }) => {
    const { out } = floatOnly("frexp")({ x }).outs;
    return { outs: { mantissa: out, exponent: out } };
  },
  lower: (k, { x }) => {
    const [int, fraction, bias] = x.type === "f32" ? (["i32", 23, 126] as const) : (["i64", 52, 1022] as const);
    const small = k.lt(k.abs(x), 2 ** -bias);
    const y = k.select(small, k.mul(x, 2 ** (fraction + 1)), x);
    const bits = k.bitcast(y, int);
    const mask = k.const(int, 2n ** BigInt(x.type === "f32" ? 8 : 11) - 1n);
    const raw = k.sub(k.and(k.ushr(bits, fraction), mask), bias);
    const half = k.shl(k.const(int, BigInt(bias)), fraction);
    const rest = k.const(int, ~(((1n << BigInt(x.type === "f32" ? 8 : 11)) - 1n) << BigInt(fraction)));
    const mantissa = k.bitcast(k.or(k.and(bits, rest), half), x.type);
    const plain = k.or(k.eq(x, 0), k.not(k.lt(k.abs(x), Infinity)));
    const exponent = k.sub(k.cast(raw, x.type), k.select(small, k.const(x.type, fraction + 1), 0));
    const odd = k.select(k.ne(x, x), x, k.select(k.eq(x, 0), k.const(x.type, 0), 1));
    return { mantissa: k.select(plain, x, mantissa), exponent: k.select(plain, odd, exponent) };
  },
  saves: ["x", "exponent"],
  grad: ({ x, exponent }, d) => ({
    x: () => where(equal(x, 0), 0, multiply(d.mantissa, elementwisePow(2, neg(exponent)))),
  }),
  check: {
    samples: [
      {
        inputs: [{ shape: [4], data: [1, -3, 0, 0.375] }],
        expect: () => [
          { shape: [4], data: [0.5, -0.75, 0, 0.75] },
          { shape: [4], data: [1, 2, 0, -1] },
        ],
      },
    ],
    noGradCheck: "exponents step at the powers of two that the sample holds",
  },
});

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
/** `sqrt(x^2 + y^2)`. */
export const hypot = <T extends Value>(x: T, y: T): T => bind1(hypotOp, [x, y]) as T;
/** Magnitude of x, sign of y. */
export const copysign = <T extends Value>(x: T, y: T | number): T => bind1(copysignOp, [x, y]) as T;
/** The next number after x towards y. */
export const nextafter = <T extends Value>(x: T, y: T): T => bind1(nextafterOp, [x, y]) as T;
/** Step function. */
export const heaviside = <T extends Value>(x: T, y: T): T => bind1(heavisideOp, [x, y]) as T;
/** `x + weight (y - x)`. */
export const lerp = <T extends Value>(x: T, y: T, weight: T | number): T => bind1(lerpOp, [x, y, weight]) as T;
/** Mantissa and exponent. */
export const frexp = <T extends Value>(x: T): [T, T] => bind(frexpOp, [x]) as [T, T];
