// Ops: comparisons, maxima and minima of two tensors.

import { isComplex } from "../core/dtype.js";
import type { ComplexExpr } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import { k, type K } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type Inferred, type InferInput } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { binary, comparison } from "./infer.js";
import { refused } from "./unary.js";

type Pair = { readonly x: InferInput; readonly y: InferInput };

export const equalZ = (x: ComplexExpr, y: ComplexExpr): Expr => k.and(k.eq(x.re, y.re), k.eq(x.im, y.im));
/** Complex numbers are ordered by real part, then by imaginary part, as in Paddle. */
const lessZ = (x: ComplexExpr, y: ComplexExpr): Expr =>
  k.or(k.lt(x.re, y.re), k.and(k.eq(x.re, y.re), k.lt(x.im, y.im)));
const lessEqualZ = (x: ComplexExpr, y: ComplexExpr): Expr => k.or(lessZ(x, y), equalZ(x, y));

/** A comparison: of numbers, of truth values (false below true), of complex numbers. */
const compare = (
  name: string,
  numbers: (x: Expr, y: Expr) => Expr,
  masks: (x: Expr, y: Expr) => Expr,
  complex: (x: ComplexExpr, y: ComplexExpr) => Expr,
  reference: (x: number, y: number) => boolean,
) =>
  defineOp({
    name,
    inputs: ["x", "y"],
    outputs: ["out"],
    attrs: {},
    infer: comparison(name),
    lower: (_, { x, y }) => ({ out: k.isMask(x) ? masks(x, y) : numbers(x, y) }),
    complex: (_, { x, y }) => ({ out: { re: complex(x, y), im: k.const(x.re.type, 0) } }),
    grad: null,
    check: {
      reference: (x, y) => Number(reference(x!, y!)),
      domain: [-2, 2],
      dtypes: ["int32", "int64"],
      samples: [
        {
          inputs: [
            { shape: [3], data: [1, 2, 3] },
            { shape: [3], data: [1, 3, 2] },
          ],
          expect: (x, y) => ({ shape: [3], data: x!.data.map((v, i) => Number(reference(v, y!.data[i]!))) }),
        },
      ],
    },
  });

/** `x == y`. */
export const equalOp = compare(
  "equal",
  k.eq,
  (x, y) => k.not(k.xor(x, y)),
  equalZ,
  (x, y) => x === y,
);
/** `x != y`; true where either is NaN. */
export const notEqualOp = compare(
  "not_equal",
  k.ne,
  k.xor,
  (x, y) => k.not(equalZ(x, y)),
  (x, y) => x !== y,
);
/** `x < y`. */
export const lessThanOp = compare(
  "less_than",
  k.lt,
  (x, y) => k.and(k.not(x), y),
  lessZ,
  (x, y) => x < y,
);
/** `x <= y`. */
export const lessEqualOp = compare(
  "less_equal",
  k.le,
  (x, y) => k.or(k.not(x), y),
  lessEqualZ,
  (x, y) => x <= y,
);
/** `x > y`. */
export const greaterThanOp = compare(
  "greater_than",
  k.gt,
  (x, y) => k.and(x, k.not(y)),
  (x, y) => lessZ(y, x),
  (x, y) => x > y,
);
/** `x >= y`. */
export const greaterEqualOp = compare(
  "greater_equal",
  k.ge,
  (x, y) => k.or(x, k.not(y)),
  (x, y) => lessEqualZ(y, x),
  (x, y) => x >= y,
);

/** {@link binary} for numbers that have an order. */
const ordered =
  (op: string) =>
  (operands: Pair): Inferred<"out"> => {
    const inferred = binary(op)(operands);
    const { dtype } = inferred.outs.out;
    if (isComplex(dtype) || dtype === "bool") throw refused(dtype, op);
    return inferred;
  };

/** The share of a gradient that goes to x as the larger of x and y: all, none, or half where they are equal. */
export const largerShareOp = defineOp({
  name: "maximum_grad",
  inputs: ["x", "y", "d"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, y, d }) => ({
    outs: { out: { shape: d.shape, dtype: d.dtype } },
    compute: binary("maximum")({ x, y }).outs.out.dtype,
  }),
  lower: (_, { x, y, d }) => ({
    out: k.select(k.gt(x, y), d, k.select(k.eq(x, y), k.mul(d, 0.5), 0)),
  }),
  saves: ["x", "y"],
  grad: ({ x, y }, d) => ({ d: () => largerShare(x, y, d.out) }),
  check: {
    samples: [
      {
        inputs: [
          { shape: [3], data: [1, 2, 3] },
          { shape: [3], data: [2, 2, 2] },
          { shape: [3], data: [4, 4, 4] },
        ],
        expect: () => ({ shape: [3], data: [0, 2, 4] }),
      },
    ],
    noGradCheck: "steps in x and y",
  },
});

function largerShare(x: Value | number, y: Value | number, d: Value): Value {
  return bind1(largerShareOp, [x, y, d]);
}

/** The gradient of fmax and fmin to one operand: all where that operand was taken; x is, where they are equal or y is NaN. */
export const takenOp = defineOp({
  name: "fmax_grad",
  inputs: ["x", "y", "d"],
  outputs: ["out"],
  attrs: { least: fixed(false), second: fixed(false) },
  infer: ({ x, y, d }) => ({
    outs: { out: { shape: d.shape, dtype: d.dtype } },
    compute: binary("fmax")({ x, y }).outs.out.dtype,
  }),
  lower: (_, { x, y, d }, { least, second }) => {
    const first = k.or(least ? k.le(x, y) : k.ge(x, y), k.ne(y, y));
    return { out: second ? k.select(first, 0, d) : k.select(first, d, 0) };
  },
  saves: ["x", "y"],
  grad: ({ x, y }, d, { attrs }) => ({ d: () => taken(x, y, d.out, attrs) }),
  check: {
    samples: [
      {
        inputs: [
          { shape: [3], data: [1, 2, 3] },
          { shape: [3], data: [2, 2, NaN] },
          { shape: [3], data: [4, 4, 4] },
        ],
        attrs: { least: false, second: false },
        expect: () => ({ shape: [3], data: [0, 4, 4] }),
      },
    ],
    noGradCheck: "steps in x and y",
  },
});

const extremum = (name: "maximum" | "minimum", value: (kk: K, x: Expr, y: Expr) => Expr) =>
  defineOp({
    name,
    inputs: ["x", "y"],
    outputs: ["out"],
    attrs: {},
    infer: ordered(name),
    lower: (kk, { x, y }) => ({ out: value(kk, x, y) }),
    saves: ["x", "y"],
    grad: ({ x, y }, d) => ({
      x: () => (name === "maximum" ? largerShare(x, y, d.out) : largerShare(y, x, d.out)),
      y: () => (name === "maximum" ? largerShare(y, x, d.out) : largerShare(x, y, d.out)),
    }),
    check: {
      reference: (x, y) => (name === "maximum" ? Math.max(x!, y!) : Math.min(x!, y!)),
      domain: [-2, 2],
      dtypes: ["int32", "int64"],
    },
  });

/** The larger of x and y; NaN where either is. Equal operands share the gradient. */
export const maximumOp = extremum("maximum", (kk, x, y) => kk.maxNan(x, y));
/** The smaller of x and y; NaN where either is. Equal operands share the gradient. */
export const minimumOp = extremum("minimum", (kk, x, y) => kk.minNan(x, y));

interface Taken {
  readonly least: boolean;
  readonly second: boolean;
}

function taken(x: Value | number, y: Value | number, d: Value, attrs: Taken): Value {
  return bind1(takenOp, [x, y, d], { ...attrs });
}

const numericExtremum = (name: "fmax" | "fmin") =>
  defineOp({
    name,
    inputs: ["x", "y"],
    outputs: ["out"],
    attrs: {},
    infer: ordered(name),
    lower: (_, { x, y }) => {
      const picked = k.select(name === "fmax" ? k.ge(x, y) : k.le(x, y), x, y);
      return { out: k.isFloat(x) ? k.select(k.ne(y, y), x, picked) : picked };
    },
    saves: ["x", "y"],
    grad: ({ x, y }, d) => ({
      x: () => taken(x, y, d.out, { least: name === "fmin", second: false }),
      y: () => taken(x, y, d.out, { least: name === "fmin", second: true }),
    }),
    check: {
      reference: (x, y) => (name === "fmax" ? Math.max(x!, y!) : Math.min(x!, y!)),
      domain: [-2, 2],
      dtypes: ["int32", "int64"],
    },
  });

/** The larger of x and y, or the one that is not NaN. */
export const fmaxOp = numericExtremum("fmax");
/** The smaller of x and y, or the one that is not NaN. */
export const fminOp = numericExtremum("fmin");

const two =
  (op: typeof equalOp | typeof maximumOp | typeof fmaxOp) =>
  <T extends Value>(x: T | number, y: T | number): T =>
    bind1(op, [x, y]) as T;

export const equal = two(equalOp);
export const notEqual = two(notEqualOp);
export const lessThan = two(lessThanOp);
export const lessEqual = two(lessEqualOp);
export const greaterThan = two(greaterThanOp);
export const greaterEqual = two(greaterEqualOp);
export const maximum = two(maximumOp);
export const minimum = two(minimumOp);
export const fmax = two(fmaxOp);
export const fmin = two(fminOp);
