// Ops: exponentials, logarithms, roots and powers.

import { isComplex, isFloat } from "../core/dtype.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import type { Expr } from "../kernel/expr.js";
import type { K } from "../kernel/ops.js";
import { add, conj, divide, multiply, reciprocal, scale, square } from "./arithmetic.js";
import { cast } from "./cast.js";
import * as z from "./complex-math.js";
import { fullLike } from "./creation.js";
import { binary, meet } from "./infer.js";
import { broadcastShapes } from "../core/shape.js";
import { functionOfOne, refused, sameUnary } from "./unary.js";

/** `out = e^x`, element-wise. */
export const expOp = functionOfOne("exp", {
  value: (k, x) => k.exp(x),
  complex: z.expZ,
  saves: "out",
  grad: (out, d) => multiply(d, conj(out)),
  check: { reference: Math.exp, domain: [-2, 2] },
});

/** `out = e^x - 1`. */
export const expm1Op = functionOfOne("expm1", {
  value: (k, x) => k.expm1(x),
  complex: (x) => z.subZ(z.expZ(x), z.realZ(x, 1)),
  saves: "out",
  grad: (out, d) => multiply(d, conj(add(out, 1))),
  check: { reference: Math.expm1, domain: [-2, 2] },
});

/** `out = ln x`. */
export const logOp = functionOfOne("log", {
  value: (k, x) => k.log(x),
  complex: z.logZ,
  saves: "x",
  grad: (x, d) => divide(d, conj(x)),
  check: { reference: Math.log, domain: [0.1, 4] },
});

/** `out = log2 x`. */
export const log2Op = functionOfOne("log2", {
  value: (k, x) => k.log2(x),
  complex: (x) => z.scaleZ(z.logZ(x), Math.LOG2E),
  saves: "x",
  grad: (x, d) => divide(scale(d, Math.LOG2E), conj(x)),
  check: { reference: Math.log2, domain: [0.1, 4] },
});

/** `out = log10 x`. */
export const log10Op = functionOfOne("log10", {
  value: (k, x) => k.log10(x),
  complex: (x) => z.scaleZ(z.logZ(x), Math.LOG10E),
  saves: "x",
  grad: (x, d) => divide(scale(d, Math.LOG10E), conj(x)),
  check: { reference: Math.log10, domain: [0.1, 4] },
});

/** `out = ln(1 + x)`. */
export const log1pOp = functionOfOne("log1p", {
  value: (k, x) => k.log1p(x),
  complex: (x) => z.logZ(z.addZ(x, z.realZ(x, 1))),
  saves: "x",
  grad: (x, d) => divide(d, conj(add(x, 1))),
  check: { reference: Math.log1p, domain: [-0.5, 4] },
});

/** `out = sqrt x`. */
export const sqrtOp = functionOfOne("sqrt", {
  value: (k, x) => k.sqrt(x),
  complex: z.sqrtZ,
  saves: "out",
  grad: (out, d) => divide(multiply(d, 0.5), conj(out)),
  check: { reference: Math.sqrt, domain: [0.1, 4] },
});

/** `out = 1 / sqrt x`. */
export const rsqrtOp = functionOfOne("rsqrt", {
  value: (k, x) => k.rsqrt(x),
  saves: "out",
  grad: (out, d) => multiply(multiply(d, -0.5), multiply(square(out), out)),
  check: { reference: (x) => 1 / Math.sqrt(x!), domain: [0.1, 4] },
});

/** `ln(e^x + e^y)`; integers give float32. */
export const logaddexpOp = defineOp({
  name: "logaddexp",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, y }) => {
    const met = meet(x, y, "logaddexp");
    if (isComplex(met)) throw refused(met, "logaddexp");
    const dtype = isFloat(met) ? met : "float32";
    return { outs: { out: { shape: broadcastShapes(x.shape, y.shape, "logaddexp"), dtype } }, compute: dtype };
  },
  lower: (k, { x, y }) => ({ out: k.add(k.maxNan(x, y), k.log1p(k.exp(k.neg(k.abs(k.sub(x, y)))))) }),
  saves: ["x", "y", "out"],
  grad: ({ x, y, out }, d) => ({
    x: () => multiply(d.out, exp(add(x, multiply(out, -1)))),
    y: () => multiply(d.out, exp(add(y, multiply(out, -1)))),
  }),
  check: { reference: (x, y) => Math.log(Math.exp(x!) + Math.exp(y!)), domain: [-2, 2] },
});

/** x^y of integers, wrapping, by repeated squaring; a negative power is the truncated fraction (0 except for 1 and -1). */
function intPower(k: K, x: Expr, y: Expr): Expr {
  let out = k.const(x.type, 1);
  let base = x;
  const bits = x.type === "i64" ? 63 : 31;
  for (let i = 0; i < bits; i++) {
    out = k.select(k.ne(k.and(y, k.const(y.type, 1n << BigInt(i))), 0), k.mul(out, base), out);
    base = k.mul(base, base);
  }
  const odd = k.ne(k.and(y, 1), 0);
  const fraction = k.select(k.eq(x, 1), 1, k.select(k.eq(x, -1), k.select(odd, k.const(x.type, -1), 1), 0));
  return k.select(k.lt(y, 0), fraction, out);
}

/** `out = x^y`. Integers give integers and wrap. */
export const elementwisePowOp = defineOp({
  name: "elementwise_pow",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: (operands) => {
    const inferred = binary("elementwise_pow")(operands);
    if (inferred.outs.out.dtype === "bool") throw refused("bool", "pow");
    return inferred;
  },
  lower: (k, { x, y }) => ({ out: k.isFloat(x) ? k.pow(x, y) : intPower(k, x, y) }),
  complex: (_, { x, y }) => ({ out: z.powZ(x, y) }),
  saves: ["x", "y", "out"],
  grad: ({ x, y, out }, d) => ({
    x: () => multiply(d.out, conj(multiply(y, elementwisePow(x, add(y, -1))))),
    y: () => multiply(d.out, conj(multiply(out, typeof x === "number" ? Math.log(x) : log(cast(x, out.dtype))))),
  }),
  check: {
    reference: (x, y) => x! ** y!,
    domain: [
      [0.5, 2],
      [-2, 2],
    ],
  },
});

/** x^n for a whole number n from -8 to 8, by multiplication. */
function smallPower(k: K, x: Expr, n: number): Expr {
  if (n < 0) return k.div(k.const(x.type, 1), smallPower(k, x, -n));
  if (n === 0) return k.const(x.type, 1);
  if (n === 1) return x;
  const half = smallPower(k, k.mul(x, x), n >> 1);
  return n % 2 === 1 ? k.mul(half, x) : half;
}

/** `out = x^y` for a small whole number y known when code is made: products, no logarithm. */
export const powOp = defineOp({
  name: "pow",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { y: fixed(1) },
  infer: sameUnary("pow"),
  lower: (k, { x }, { y }) => ({ out: smallPower(k, x, y) }),
  saves: ["x"],
  grad: ({ x }, d, { attrs: { y } }) => ({
    x: () => (y === 0 ? fullLike(d.out, 0) : multiply(d.out, multiply(pow(x, y - 1), y))),
  }),
  check: {
    domain: [0.5, 2],
    samples: [-3, 0, 1, 2, 5].map((y) => ({
      inputs: [[2, 3]],
      attrs: { y },
      expect: (x) => ({ shape: x!.shape, data: x!.data.map((v) => v ** y) }),
    })),
  },
});

/** Exponential. */
export const exp = <T extends Value>(x: T): T => bind1(expOp, [x]) as T;
/** `e^x - 1`. */
export const expm1 = <T extends Value>(x: T): T => bind1(expm1Op, [x]) as T;
/** Natural logarithm. */
export const log = <T extends Value>(x: T): T => bind1(logOp, [x]) as T;
/** Logarithm to base 2. */
export const log2 = <T extends Value>(x: T): T => bind1(log2Op, [x]) as T;
/** Logarithm to base 10. */
export const log10 = <T extends Value>(x: T): T => bind1(log10Op, [x]) as T;
/** `ln(1 + x)`. */
export const log1p = <T extends Value>(x: T): T => bind1(log1pOp, [x]) as T;
/** Square root. */
export const sqrt = <T extends Value>(x: T): T => bind1(sqrtOp, [x]) as T;
/** `1 / sqrt x`; of complex numbers by way of sqrt. */
export const rsqrt = <T extends Value>(x: T): T =>
  isComplex(x.dtype) ? reciprocal(sqrt(x)) : (bind1(rsqrtOp, [x]) as T);
/** `ln(e^x + e^y)`. */
export const logaddexp = <T extends Value>(x: T, y: T): T => bind1(logaddexpOp, [x, y]) as T;
/** `x^y` of two tensors, or of a tensor and a number on either side. */
export const elementwisePow = <T extends Value>(x: T | number, y: T | number): T =>
  bind1(elementwisePowOp, [x, y]) as T;

const isSmallPower = (x: InferInput, y: number): boolean =>
  Number.isInteger(y) &&
  Math.abs(y) <= 8 &&
  (isFloat(x.dtype) || (y >= 0 && x.dtype !== "bool")) &&
  !isComplex(x.dtype);

/** `x^y`; small whole numbers y become products, 0.5 a square root. */
export function pow<T extends Value>(x: T | number, y: T | number): T {
  if (typeof y !== "number" || typeof x === "number") return elementwisePow(x, y);
  if (y === 0.5 && isFloat(x.dtype)) return sqrt(x);
  return isSmallPower(x, y) ? (bind1(powOp, [x], { y }) as T) : elementwisePow(x, y);
}
