// Ops: tests of single numbers, and closeness of two.

import { isComplex } from "../core/dtype.js";
import type { ComplexExpr } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type Inferred, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { equalZ } from "./comparison.js";
import { hypot, subZ } from "./complex-math.js";
import { comparison } from "./infer.js";
import { refused } from "./unary.js";

/**
 * `|x - y| <= atol + rtol |y|`, or x = y, or (with `equalNan`) both NaN; real numbers in double. An infinite y is close to everything but
 * NaN, as in Paddle.
 */
export const iscloseOp = defineOp({
  name: "isclose",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: { rtol: scalar(1e-5), atol: scalar(1e-8), equalNan: fixed(false) },
  infer: ({ x, y }) => {
    const inferred = comparison("isclose")({ x, y });
    const { compute } = inferred;
    return compute !== undefined && isComplex(compute) ? inferred : { ...inferred, compute: "float64" };
  },
  lower: (_, { x, y }, { rtol, atol, equalNan }) => {
    const near = k.le(k.abs(k.sub(x, y)), k.add(atol, k.mul(k.abs(y), rtol)));
    const nan = (v: Expr): Expr => k.ne(v, v);
    const close = k.or(near, k.eq(x, y));
    return { out: equalNan ? k.or(close, k.and(nan(x), nan(y))) : close };
  },
  complex: (_, { x, y }, { rtol, atol }) => {
    const d = subZ(x, y);
    const near = k.le(hypot(d.re, d.im), k.add(atol, k.mul(hypot(y.re, y.im), rtol)));
    return { out: { re: k.or(near, equalZ(x, y)), im: k.const(x.re.type, 0) } };
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [
          { shape: [4], data: [1, 1, Infinity, NaN] },
          { shape: [4], data: [1.001, 1.2, Infinity, NaN] },
        ],
        attrs: { rtol: 0.01, atol: 0, equalNan: true },
        expect: () => ({ shape: [4], data: [1, 0, 1, 1] }),
      },
    ],
  },
});

/** A test of single numbers that gives bool; `whole` is the answer for integers and truth values. */
const predicate = (
  name: string,
  numbers: (x: Expr) => Expr,
  whole: (x: Expr) => Expr,
  complex: ((x: ComplexExpr) => Expr) | undefined,
  samples: readonly number[],
) =>
  defineOp({
    name,
    inputs: ["x"],
    outputs: ["out"],
    attrs: {},
    infer: ({ x }): Inferred<"out"> => {
      if (!complex && isComplex(x.dtype)) throw refused(x.dtype, name);
      return { outs: { out: { shape: x.shape, dtype: "bool" } } };
    },
    lower: (_, { x }) => ({ out: k.isFloat(x) ? numbers(x) : whole(x) }),
    complex: complex && ((_, { x }) => ({ out: { re: complex(x), im: k.const(x.re.type, 0) } })),
    grad: null,
    check: {
      samples: [
        {
          inputs: [{ shape: [6], data: [1, -1, 0, Infinity, -Infinity, NaN] }],
          expect: () => ({ shape: [6], data: samples }),
        },
      ],
    },
  });

const always = (): Expr => k.const("m32", true);
const never = (): Expr => k.const("m32", false);
const isNan = (x: Expr): Expr => k.ne(x, x);
const isInf = (x: Expr): Expr => k.eq(k.abs(x), Infinity);
const isFinite_ = (x: Expr): Expr => k.lt(k.abs(x), Infinity);

/** Whether x is NaN. */
export const isnanOp = predicate("isnan", isNan, never, (x) => k.or(isNan(x.re), isNan(x.im)), [0, 0, 0, 0, 0, 1]);
/** Whether x is infinite. */
export const isinfOp = predicate("isinf", isInf, never, (x) => k.or(isInf(x.re), isInf(x.im)), [0, 0, 0, 1, 1, 0]);
/** Whether x is neither infinite nor NaN. */
export const isfiniteOp = predicate(
  "isfinite",
  isFinite_,
  always,
  (x) => k.and(isFinite_(x.re), isFinite_(x.im)),
  [1, 1, 1, 0, 0, 0],
);
/** Whether x is +inf. */
export const isposinfOp = predicate("isposinf", (x) => k.eq(x, Infinity), never, undefined, [0, 0, 0, 1, 0, 0]);
/** Whether x is -inf. */
export const isneginfOp = predicate("isneginf", (x) => k.eq(x, -Infinity), never, undefined, [0, 0, 0, 0, 1, 0]);
/** Whether the imaginary part is 0. */
export const isrealOp = predicate("isreal", always, always, (x) => k.eq(x.im, 0), [1, 1, 1, 1, 1, 1]);
/** Whether the sign bit is set: true for -0 too. */
export const signbitOp = predicate(
  "signbit",
  (x) => k.lt(k.copySign(k.const(x.type, 1), x), 0),
  (x) => (k.isMask(x) ? never() : k.lt(x, 0)),
  undefined,
  [0, 1, 0, 0, 1, 0],
);

const one =
  (op: typeof isnanOp) =>
  <T extends Value>(x: T): T =>
    bind1(op, [x]) as T;

export const isnan = one(isnanOp);
export const isinf = one(isinfOp);
export const isfinite = one(isfiniteOp);
export const isposinf = one(isposinfOp);
export const isneginf = one(isneginfOp);
export const isreal = one(isrealOp);
export const signbit = one(signbitOp);
/** Whether x and y are equal up to tolerances. */
export const isclose = <T extends Value>(x: T, y: T, rtol: number, atol: number, equalNan: boolean): T =>
  bind1(iscloseOp, [x, y], { rtol, atol, equalNan }) as T;
