// Ops: rounding, signs, absolute values, floor division and remainders.

import { isComplex, isInt, realOf } from "../core/dtype.js";
import type { Expr } from "../kernel/expr.js";
import type { K } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { type Inferred, type InferInput, type OpCheck, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { conj, divide, multiply, neg, square, subtract } from "./arithmetic.js";
import * as z from "./complex-math.js";
import { fullLike } from "./creation.js";
import { binary } from "./infer.js";
import { refused, sameUnary } from "./unary.js";

/** A step function: integers stay, the gradient is zero. */
const step = (name: string, value: (k: K, x: Expr) => Expr, check: OpCheck, complex?: boolean) =>
  defineOp({
    name,
    inputs: ["x"],
    outputs: ["out"],
    attrs: {},
    infer: sameUnary(name, complex),
    lower: (k, { x }) => ({ out: k.isFloat(x) ? value(k, x) : x }),
    complex: complex ? (k, { x }) => ({ out: { re: value(k, x.re), im: value(k, x.im) } }) : undefined,
    grad: (_, d) => ({ x: () => fullLike(d.out, 0) }),
    check: { domain: [-3, 3], dtypes: ["int32"], ...check },
  });

const noKinks = { noGradCheck: "steps: the derivative is 0 wherever there is one" };

/** The least integer that is not below x. */
export const ceilOp = step("ceil", (k, x) => k.ceil(x), { reference: Math.ceil, ...noKinks });
/** The greatest integer that is not above x. */
export const floorOp = step("floor", (k, x) => k.floor(x), { reference: Math.floor, ...noKinks });
/** x without its fraction. */
export const truncOp = step("trunc", (k, x) => k.trunc(x), { reference: Math.trunc, ...noKinks });

/** The nearest integer, ties to even; complex numbers by parts. */
export const roundOp = step(
  "round",
  (k, x) => k.nearest(x),
  {
    samples: [
      {
        inputs: [{ shape: [5], data: [0.5, 1.5, -2.5, 2.4, -0.7] }],
        expect: () => ({ shape: [5], data: [0, 2, -2, 2, -1] }),
      },
    ],
    ...noKinks,
  },
  true,
);

/** The nearest multiple of 10^-decimals, computed as `round(x factor) / factor`. */
export const roundDecimalsOp = defineOp({
  name: "round_decimals",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { factor: scalar(1) },
  infer: sameUnary("round", true),
  lower: (k, { x }, { factor }) => ({ out: k.isFloat(x) ? k.div(k.nearest(k.mul(x, factor)), factor) : x }),
  complex: (k, { x }, { factor }) => ({
    out: { re: k.div(k.nearest(k.mul(x.re, factor)), factor), im: k.div(k.nearest(k.mul(x.im, factor)), factor) },
  }),
  grad: (_, d) => ({ x: () => fullLike(d.out, 0) }),
  check: {
    samples: [
      {
        inputs: [{ shape: [3], data: [1.26, -0.44, 3] }],
        attrs: { factor: 10 },
        expect: () => ({ shape: [3], data: [1.3, -0.4, 3] }),
      },
    ],
    ...noKinks,
  },
});

/** Signs: the gradient of complex ones is zero for `sign`, and that of `x / |x|` for `sgn`, as in Paddle. */
const signRecord = (name: "sign" | "sgn") =>
  defineOp({
    name,
    inputs: ["x"],
    outputs: ["out"],
    attrs: {},
    infer: (operands) => {
      const { dtype } = operands.x;
      if (dtype === "bool" || (name === "sgn" && isInt(dtype))) throw refused(dtype, name);
      return sameUnary(name, true)(operands);
    },
    lower: (k, { x }) => {
      const one = k.select(k.gt(x, 0), k.const(x.type, 1), k.select(k.lt(x, 0), k.const(x.type, -1), 0));
      return { out: k.isFloat(x) ? k.select(k.ne(x, x), x, one) : one };
    },
    complex: (k, { x }) => {
      const r = z.absZ(x);
      const zero = k.eq(r, 0);
      return { out: { re: k.select(zero, 0, k.div(x.re, r)), im: k.select(zero, 0, k.div(x.im, r)) } };
    },
    saves: ["x", "out"],
    grad: ({ x, out }, d) => ({
      x: () => (name === "sgn" && isComplex(x.dtype) ? complexSignGrad(x, out, d.out) : fullLike(d.out, 0)),
    }),
    check: { reference: Math.sign, domain: [-2, 2], noGradCheck: "a step" },
  });

/** `x / |x|`, 0 for 0 (and for -0), NaN for NaN. */
export const signOp = signRecord("sign");
/** {@link signOp} of floats and complex numbers. */
export const sgnOp = signRecord("sgn");

/** `(d - conj(d) s^2) / 2|z|` for s = z / |z|. */
const complexSignGrad = (x: Value, s: Value, d: Value): Value =>
  divide(subtract(multiply(d, 0.5), multiply(multiply(conj(d), 0.5), square(s))), abs(x));

/** `|x|`; of complex numbers the magnitude, a real tensor. */
export const absOp = defineOp({
  name: "abs",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => {
    if (x.dtype === "bool") throw refused("bool", "abs");
    return { outs: { out: { shape: x.shape, dtype: realOf(x.dtype) } } };
  },
  lower: (k, { x }) => ({ out: k.abs(x) }),
  complex: (k, { x }) => ({ out: { re: z.absZ(x), im: k.const(x.re.type, 0) } }),
  saves: ["x"],
  grad: ({ x }, d) => ({ x: () => multiply(d.out, isComplex(x.dtype) ? sgn(x) : sign(x)) }),
  check: { reference: Math.abs, domain: [0.1, 2], dtypes: ["int32", "int64"] },
});

/** `x - trunc x`. */
export const fracOp = defineOp({
  name: "frac",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: sameUnary("frac"),
  lower: (k, { x }) => ({ out: k.isFloat(x) ? k.sub(x, k.trunc(x)) : k.const(x.type, 0) }),
  grad: (_, d) => ({ x: () => d.out }),
  check: { reference: (x) => x! - Math.trunc(x!), domain: [0.1, 0.9], dtypes: ["int32"] },
});

/** {@link binary} for real numbers. */
const realBinary =
  (op: string) =>
  (operands: { readonly x: InferInput; readonly y: InferInput }): Inferred<"out"> => {
    const inferred = binary(op)(operands);
    const { dtype } = inferred.outs.out;
    if (isComplex(dtype) || dtype === "bool") throw refused(dtype, op);
    return inferred;
  };

/** Integers: the remainder of truncated division, and whether it must move by one divisor to have y's sign. */
function intRemainder(k: K, x: Expr, y: Expr): { readonly r: Expr; readonly move: Expr } {
  const r = k.rem(x, y);
  return {
    r,
    move: k.and(k.ne(r, 0), k.ne(k.and(k.xor(r, y), k.const(x.type, -1n << (x.type === "i64" ? 63n : 31n))), 0)),
  };
}

/** `out = floor(x / y)`. An integer divided by 0 gives 0. */
export const floorDivideOp = defineOp({
  name: "floor_divide",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: realBinary("floor_divide"),
  lower: (k, { x, y }) => {
    if (k.isFloat(x)) return { out: k.floorDiv(x, y) };
    const { move } = intRemainder(k, x, y);
    return { out: k.select(move, k.sub(k.div(x, y), 1), k.div(x, y)) };
  },
  grad: null,
  check: {
    domain: [
      [-9, 9],
      [1, 3],
    ],
    reference: (x, y) => Math.floor(x! / y!),
    samples: [
      {
        inputs: [
          { shape: [4], data: [7, -7, 7, -7], dtype: "int32" },
          { shape: [4], data: [2, 2, -2, -2], dtype: "int32" },
        ],
        expect: () => ({ shape: [4], data: [3, -4, -4, 3] }),
      },
    ],
  },
});

/** `out = trunc(x / y)`. An integer divided by 0 gives 0. */
export const truncDivideOp = defineOp({
  name: "trunc_divide",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: realBinary("trunc_divide"),
  lower: (k, { x, y }) => ({ out: k.isFloat(x) ? k.trunc(k.div(x, y)) : k.div(x, y) }),
  grad: null,
  check: {
    domain: [
      [-9, 9],
      [1, 3],
    ],
    reference: (x, y) => Math.trunc(x! / y!),
    samples: [
      {
        inputs: [
          { shape: [4], data: [7, -7, 7, -7], dtype: "int32" },
          { shape: [4], data: [2, 2, -2, -2], dtype: "int32" },
        ],
        expect: () => ({ shape: [4], data: [3, -3, -3, 3] }),
      },
    ],
  },
});

/** `out = x - floor(x / y) y`, with y's sign; complex quotients are rounded by parts. An integer modulo 0 gives 0. */
export const remainderOp = defineOp({
  name: "remainder",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: (operands) => {
    const inferred = binary("remainder")(operands);
    if (inferred.outs.out.dtype === "bool") throw refused("bool", "remainder");
    return inferred;
  },
  lower: (k, { x, y }) => {
    if (k.isFloat(x)) return { out: k.remainder(x, y) };
    const { r, move } = intRemainder(k, x, y);
    return { out: k.select(move, k.add(r, y), r) };
  },
  complex: (k, { x, y }) => {
    const q = z.divZ(x, y);
    return { out: z.subZ(x, z.mulZ({ re: k.roundAway(q.re), im: k.roundAway(q.im) }, y)) };
  },
  saves: ["x", "y"],
  grad: ({ x, y }, d) => ({ x: () => d.out, y: () => neg(multiply(d.out, floorDivide(x, y))) }),
  check: {
    reference: (x, y) => x! - Math.floor(x! / y!) * y!,
    domain: [
      [-9, 9],
      [1, 3],
    ],
    samples: [
      {
        inputs: [
          { shape: [4], data: [7, -7, 7, -7], dtype: "int64" },
          { shape: [4], data: [2, 2, -2, -2], dtype: "int64" },
        ],
        expect: () => ({ shape: [4], data: [1, 1, -1, -1] }),
      },
    ],
  },
});

/** Rounded up. */
export const ceil = <T extends Value>(x: T): T => bind1(ceilOp, [x]) as T;
/** Rounded down. */
export const floor = <T extends Value>(x: T): T => bind1(floorOp, [x]) as T;
/** Rounded towards zero. */
export const trunc = <T extends Value>(x: T): T => bind1(truncOp, [x]) as T;
/** Rounded to `decimals` places, ties to even. */
export const round = <T extends Value>(x: T, decimals = 0): T =>
  (decimals === 0 ? bind1(roundOp, [x]) : bind1(roundDecimalsOp, [x], { factor: 10 ** decimals })) as T;
/** Sign. */
export const sign = <T extends Value>(x: T): T => bind1(signOp, [x]) as T;
/** Sign of floats and complex numbers. */
export const sgn = <T extends Value>(x: T): T => bind1(sgnOp, [x]) as T;
/** Absolute value. */
export const abs = <T extends Value>(x: T): T => bind1(absOp, [x]) as T;
/** Fraction. */
export const frac = <T extends Value>(x: T): T => bind1(fracOp, [x]) as T;
/** Quotient rounded down. */
export const floorDivide = <T extends Value>(x: T | number, y: T | number): T => bind1(floorDivideOp, [x, y]) as T;
/** Quotient rounded towards zero. */
export const truncDivide = <T extends Value>(x: T | number, y: T | number): T => bind1(truncDivideOp, [x, y]) as T;
/** Remainder with y's sign. */
export const remainder = <T extends Value>(x: T | number, y: T | number): T => bind1(remainderOp, [x, y]) as T;
