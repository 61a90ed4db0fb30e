// Ops: functions of two numbers that need neither series nor tables, and the two parts of a float.

import { isComplex, isFloat } from "../core/dtype.js";
import { broadcastShapes } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import type { Inferred, InferInput } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind, bind1 } from "../trace/bind.js";
import { conj, divide, multiply, neg, scale, subtract } from "./arithmetic.js";
import * as z from "./complex-math.js";
import { equal } from "./comparison.js";
import { elementwisePow } from "./exponential.js";
import { meet } from "./infer.js";
import { where } from "./logic.js";
import { sign } from "./rounding.js";
import { floatOnly, refused } from "./unary.js";

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
