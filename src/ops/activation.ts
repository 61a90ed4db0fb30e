// Ops: smooth activations of neural networks, each with its gradient as an op of its own, so that neither pass makes temporaries.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape, sameShape } from "../core/shape.js";
import type { Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { activation } from "./activation-record.js";
import { add, conj, multiply, scale, square, subtract } from "./arithmetic.js";
import { greaterThan } from "./comparison.js";
import * as z from "./complex-math.js";
import { exp } from "./exponential.js";
import { binary, requireFloat } from "./infer.js";
import { where } from "./logic.js";
import { abs, sign } from "./rounding.js";

/** `1 / (1 + e^-x)` on plain numbers. */
const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** x where x > 0, else `alpha (e^x - 1)`. */
export const [eluOp, eluGradOp] = activation("elu", {
  attrs: { alpha: scalar(1) },
  saves: "x",
  value: (x, { alpha }) => k.select(k.gt(x, 0), x, k.mul(alpha, k.expm1(x))),
  grad: (x, d, { alpha }) => k.select(k.gt(x, 0), d, k.mul(k.mul(d, alpha), k.exp(x))),
  second: (x, { alpha }) => where(greaterThan(x, 0), 0, multiply(exp(x), alpha)),
  reference: (x) => (x > 0 ? x : Math.expm1(x)),
});

/** x where x > 0, else `alpha (e^(x / alpha) - 1)`. */
export const [celuOp, celuGradOp] = activation("celu", {
  attrs: { alpha: scalar(1) },
  saves: "x",
  value: (x, { alpha }) => k.select(k.gt(x, 0), x, k.mul(alpha, k.expm1(k.div(x, alpha)))),
  grad: (x, d, { alpha }) => k.select(k.gt(x, 0), d, k.mul(d, k.exp(k.div(x, alpha)))),
  second: (x, { alpha }) => where(greaterThan(x, 0), 0, scale(exp(scale(x, 1 / alpha)), 1 / alpha)),
  reference: (x) => (x > 0 ? x : Math.expm1(x)),
});

/** Alpha and scale that keep mean 0 and variance 1 (Klambauer et al., 2017). */
export const seluAlpha = 1.6732632423543772;
export const seluScale = 1.0507009873554805;

/** `scale x` where x > 0, else `scale alpha (e^x - 1)`. */
export const [seluOp, seluGradOp] = activation("selu", {
  attrs: { scale: scalar(seluScale), alpha: scalar(seluAlpha) },
  saves: "x",
  value: (x, { scale: s, alpha }) => k.mul(s, k.select(k.gt(x, 0), x, k.mul(alpha, k.expm1(x)))),
  grad: (x, d, { scale: s, alpha }) => k.mul(k.mul(d, s), k.select(k.gt(x, 0), 1, k.mul(alpha, k.exp(x)))),
  second: (x, { scale: s, alpha }) => where(greaterThan(x, 0), 0, multiply(exp(x), s * alpha)),
  reference: (x) => seluScale * (x > 0 ? x : seluAlpha * Math.expm1(x)),
});

/** `1 / (1 + e^-x)`. */
export const [sigmoidOp, sigmoidGradOp] = activation("sigmoid", {
  attrs: {},
  saves: "out",
  integers: true,
  value: (x) => k.sigmoid(x),
  complex: {
    value: (x) => z.divZ(z.realZ(x, 1), z.addZ(z.expZ(z.negZ(x)), z.realZ(x, 1))),
    grad: (out, d) => multiply(d, conj(subtract(out, square(out)))),
  },
  grad: (out, d) => k.mul(d, k.sub(out, k.mul(out, out))),
  second: (out) => scale(out, -2, 1),
  reference: logistic,
});

/** Hyperbolic tangent. */
export const [tanhOp, tanhGradOp] = activation("tanh", {
  attrs: {},
  saves: "out",
  integers: true,
  value: (x) => k.tanh(x),
  complex: { value: z.tanhZ, grad: (out, d) => multiply(d, conj(scale(square(out), -1, 1))) },
  grad: (out, d) => k.sub(d, k.mul(d, k.mul(out, out))),
  second: (out) => scale(out, -2),
  reference: Math.tanh,
});

/** `scaleB tanh(scaleA x)`. */
export const [stanhOp, stanhGradOp] = activation("stanh", {
  attrs: { scaleA: scalar(0.67), scaleB: scalar(1.7159) },
  saves: "x",
  integers: true,
  value: (x, { scaleA, scaleB }) => k.mul(scaleB, k.tanh(k.mul(x, scaleA))),
  grad: (x, d, { scaleA, scaleB }) => {
    const t = k.tanh(k.mul(x, scaleA));
    return k.mul(k.mul(d, k.mul(scaleA, scaleB)), k.sub(k.const(x.type, 1), k.mul(t, t)));
  },
  second: (x, { scaleA, scaleB }) => {
    const t = tanh(scale(x, scaleA));
    return scale(subtract(t, multiply(square(t), t)), -2 * scaleA * scaleA * scaleB);
  },
  reference: (x) => 1.7159 * Math.tanh(0.67 * x),
});

/** `x sigmoid(x)`, also called swish. */
export const [siluOp, siluGradOp] = activation("silu", {
  attrs: {},
  saves: "x",
  value: (x) => k.mul(x, k.sigmoid(x)),
  complex: {
    value: (x) => z.divZ(x, z.addZ(z.expZ(z.negZ(x)), z.realZ(x, 1))),
    grad: (x, d) => {
      const s = sigmoid(x);
      return multiply(d, conj(multiply(s, add(multiply(x, scale(s, -1, 1)), 1))));
    },
  },
  grad: (x, d) => {
    const s = k.sigmoid(x);
    return k.mul(d, k.mul(s, k.add(k.mul(x, k.sub(k.const(x.type, 1), s)), 1)));
  },
  // s'(2 + x (1 - 2 s)) with s' = s (1 - s)
  second: (x) => {
    const s = sigmoid(x);
    return multiply(subtract(s, square(s)), add(multiply(x, scale(s, -2, 1)), 2));
  },
  reference: (x) => x * logistic(x),
});

const invSqrt2 = Math.SQRT1_2;
/** 1 / sqrt(2 pi). */
const invSqrt2Pi = 0.3989422804014327;
/** sqrt(2 / pi) and the cubic's factor of the tanh form (Hendrycks and Gimpel, 2016). */
const [tanhFactor, cubic] = [0.7978845608028654, 0.044715];
const inner = (x: Expr): Expr => k.mul(k.mul(x, tanhFactor), k.add(k.mul(k.mul(x, x), cubic), 1));

/** `x Phi(x)` for the normal distribution Phi, or its form with tanh. */
export const [geluOp, geluGradOp] = activation("gelu", {
  attrs: { approximate: fixed(false) },
  saves: "x",
  value: (x, { approximate }) => {
    const t = approximate ? k.tanh(inner(x)) : k.erf(k.mul(x, invSqrt2));
    return k.mul(k.mul(x, 0.5), k.add(t, 1));
  },
  grad: (x, d, { approximate }) => {
    if (!approximate) {
      const phi = k.mul(k.exp(k.mul(k.mul(x, x), -0.5)), invSqrt2Pi);
      return k.mul(d, k.add(k.mul(k.add(k.erf(k.mul(x, invSqrt2)), 1), 0.5), k.mul(x, phi)));
    }
    const t = k.tanh(inner(x));
    const slope = k.mul(k.add(k.mul(k.mul(x, x), 3 * cubic), 1), tanhFactor);
    const bend = k.mul(k.mul(x, slope), k.sub(k.const(x.type, 1), k.mul(t, t)));
    return k.mul(k.mul(d, 0.5), k.add(k.add(t, 1), bend));
  },
  second: (x, { approximate }) => {
    const x2 = square(x);
    // phi(x) (2 - x^2)
    if (!approximate) return multiply(scale(exp(scale(x2, -0.5)), invSqrt2Pi), scale(x2, -1, 2));
    const t = tanh(multiply(scale(x, tanhFactor), scale(x2, cubic, 1)));
    const slope = scale(x2, 3 * cubic * tanhFactor, tanhFactor);
    // (1 - t^2) (u' + x (u'' / 2 - t u'^2))
    const bend = subtract(scale(x, 3 * cubic * tanhFactor), multiply(t, square(slope)));
    return multiply(scale(square(t), -1, 1), add(slope, multiply(x, bend)));
  },
  // By Simpson's rule on the normal density from 0 to x.
  reference: (x) => {
    const n = 2000;
    const f = (t: number): number => Math.exp((-t * t) / 2) * invSqrt2Pi;
    let sum = f(0) + f(x);
    for (let i = 1; i < n; i++) sum += (i % 2 === 1 ? 4 : 2) * f((i * x) / n);
    return x * (0.5 + (sum * x) / n / 3);
  },
});

/** e^x (e^x + 2), whose ratio n / (n + 2) is tanh(softplus x); x is kept below 20, where that is 1. */
const mishRatio = (x: Expr): { e: Expr; n: Expr } => {
  const e = k.exp(k.min(x, 20));
  return { e, n: k.mul(e, k.add(e, 2)) };
};

/** `x tanh(ln(1 + e^x))`. */
export const [mishOp, mishGradOp] = activation("mish", {
  attrs: {},
  saves: "x",
  value: (x) => {
    const { n } = mishRatio(x);
    return k.mul(x, k.div(n, k.add(n, 2)));
  },
  grad: (x, d) => {
    const { e, n } = mishRatio(x);
    const m = k.add(n, 2);
    const bend = k.select(k.gt(x, 20), 0, k.mul(x, k.div(k.mul(k.mul(e, 4), k.add(e, 1)), k.mul(m, m))));
    return k.mul(d, k.add(k.div(n, m), bend));
  },
  // With t = tanh(softplus x), s = sigmoid x and t' = s (1 - t^2): 2 t' + x t' (1 - s - 2 t s)
  second: (x) => {
    const s = sigmoid(x);
    const t = tanh(softplus(x, 1, 20));
    const slope = multiply(s, scale(square(t), -1, 1));
    return multiply(slope, add(multiply(x, subtract(scale(s, -1, 1), scale(multiply(t, s), 2))), 2));
  },
  reference: (x) => x * Math.tanh(Math.log1p(Math.exp(x))),
});

/** `ln(1 + e^(beta x)) / beta`, and x where `beta x > threshold`. */
export const [softplusOp, softplusGradOp] = activation("softplus", {
  attrs: { beta: scalar(1), threshold: scalar(20) },
  saves: "x",
  value: (x, { beta, threshold }) => {
    const y = k.mul(x, beta);
    const soft = k.add(k.max(y, 0), k.log1p(k.exp(k.neg(k.abs(y)))));
    return k.select(k.gt(y, threshold), x, k.div(soft, beta));
  },
  grad: (x, d, { beta, threshold }) => {
    const y = k.mul(x, beta);
    return k.select(k.gt(y, threshold), d, k.mul(d, k.sigmoid(y)));
  },
  second: (x, { beta, threshold }) => {
    const s = sigmoid(scale(x, beta));
    return where(greaterThan(scale(x, beta), threshold), 0, scale(subtract(s, square(s)), beta));
  },
  reference: (x) => Math.log1p(Math.exp(x)),
});

/** `x / (1 + |x|)`. */
export const [softsignOp, softsignGradOp] = activation("softsign", {
  attrs: {},
  saves: "x",
  value: (x) => k.div(x, k.add(k.abs(x), 1)),
  grad: (x, d) => {
    const n = k.add(k.abs(x), 1);
    return k.div(d, k.mul(n, n));
  },
  second: (x) => {
    const r = softsignSlopeRoot(x);
    return scale(multiply(sign(x), multiply(square(r), r)), -2);
  },
  reference: (x) => x / (1 + Math.abs(x)),
});

/** `1 / (1 + |x|)`, as the magnitude of softsign's distance from 1. */
const softsignSlopeRoot = (x: Value): Value => scale(abs(bind1(softsignOp, [x])), -1, 1);

/** `x - tanh x`. */
export const [tanhshrinkOp, tanhshrinkGradOp] = activation("tanh_shrink", {
  attrs: {},
  saves: "x",
  value: (x) => k.sub(x, k.tanh(x)),
  grad: (x, d) => {
    const t = k.tanh(x);
    return k.mul(d, k.mul(t, t));
  },
  second: (x) => {
    const t = tanh(x);
    return scale(subtract(t, multiply(square(t), t)), 2);
  },
  reference: (x) => x - Math.tanh(x),
});

/** `ln(sigmoid x)`. */
export const [logSigmoidOp, logSigmoidGradOp] = activation("logsigmoid", {
  attrs: {},
  saves: "x",
  value: (x) => k.sub(k.min(x, 0), k.log1p(k.exp(k.neg(k.abs(x))))),
  grad: (x, d) => k.mul(d, k.sigmoid(k.neg(x))),
  second: (x) => {
    const s = sigmoid(x);
    return subtract(square(s), s);
  },
  reference: (x) => -Math.log1p(Math.exp(-x)),
});

/** `silu(x) y`. */
export const swigluOp = defineOp({
  name: "swiglu",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, y }) => {
    requireFloat(x, "swiglu");
    if (!sameShape(x.shape, y.shape))
      throw new InvalidArgumentError(
        `x is ${formatShape(x.shape)}, y is ${formatShape(y.shape)}; they must be equal.`,
        {
          op: "swiglu",
          x: x.shape,
          y: y.shape,
        },
      );
    return binary("swiglu")({ x, y });
  },
  lower: (_, { x, y }) => ({ out: k.mul(k.mul(x, k.sigmoid(x)), y) }),
  saves: ["x", "y"],
  grad: ({ x, y }, d) => ({
    x: () => bind1(siluGradOp, [x, multiply(d.out, y)]),
    y: () => multiply(d.out, bind1(siluOp, [x])),
  }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          [2, 3],
          [2, 3],
        ],
        expect: (x, y) => ({ shape: [2, 3], data: x!.data.map((v, i) => v * logistic(v) * y!.data[i]!) }),
      },
    ],
  },
});

/** `1 / (1 + e^-x)`. */
export const sigmoid = <T extends Value>(x: T): T => bind1(sigmoidOp, [x]) as T;
/** Hyperbolic tangent. */
export const tanh = <T extends Value>(x: T): T => bind1(tanhOp, [x]) as T;
/** `x sigmoid(x)`. */
export const silu = <T extends Value>(x: T): T => bind1(siluOp, [x]) as T;
/** `x Phi(x)`. */
export const gelu = <T extends Value>(x: T, approximate = false): T => bind1(geluOp, [x], { approximate }) as T;
/** `ln(1 + e^(beta x)) / beta`. */
export const softplus = <T extends Value>(x: T, beta = 1, threshold = 20): T =>
  bind1(softplusOp, [x], { beta, threshold }) as T;
/** `ln(sigmoid x)`. */
export const logSigmoid = <T extends Value>(x: T): T => bind1(logSigmoidOp, [x]) as T;
/** `silu(x) y`. */
export const swiglu = <T extends Value>(x: T, y: T): T => bind1(swigluOp, [x, y]) as T;
