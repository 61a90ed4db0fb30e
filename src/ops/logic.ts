// Ops: logical connectives, and choosing between tensors by condition or bounds.

import { isComplex, isFloat } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { getDefaultDtype, promoteTypes, promoteWithNumber } from "../core/promotion.js";
import { broadcastShapes } from "../core/shape.js";
import type { ComplexExpr } from "../fuse/body.js";
import { constant, type Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import type { Inferred, InferInput } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { cast } from "./cast.js";
import { isfinite } from "./predicate.js";
import { comparison, meet } from "./infer.js";
import { refused } from "./unary.js";

/** Truth values of one width, whatever the numbers' type. */
const truth = (x: Expr): Expr => k.cast(k.truth(x), "m32");
const truthZ = (x: ComplexExpr): Expr => k.cast(k.or(k.ne(x.re, 0), k.ne(x.im, 0)), "m32");
const asZ = (re: Expr): ComplexExpr => ({ re, im: constant("f32", 0) });

/** A connective of truth values; numbers count as `!= 0`. */
const connective = (name: string, join: (x: Expr, y: Expr) => Expr, reference: (x: boolean, y: boolean) => boolean) =>
  defineOp({
    name,
    inputs: ["x", "y"],
    outputs: ["out"],
    attrs: {},
    infer: (operands: { readonly x: InferInput; readonly y: InferInput }): Inferred<"out"> => ({
      outs: comparison(name)(operands).outs,
    }),
    lower: (_, { x, y }) => ({ out: join(truth(x), truth(y)) }),
    complex: (_, { x, y }) => ({ out: asZ(join(truthZ(x), truthZ(y))) }),
    grad: null,
    check: {
      samples: [
        {
          inputs: [
            { shape: [4], data: [0, 0, 1, 2] },
            { shape: [4], data: [0, 3, 0, 1] },
          ],
          expect: (x, y) => ({
            shape: [4],
            data: x!.data.map((v, i) => Number(reference(v !== 0, y!.data[i] !== 0))),
          }),
        },
      ],
    },
  });

/** Whether both are true. */
export const logicalAndOp = connective("logical_and", k.and, (x, y) => x && y);
/** Whether one is true. */
export const logicalOrOp = connective("logical_or", k.or, (x, y) => x || y);
/** Whether exactly one is true. */
export const logicalXorOp = connective("logical_xor", k.xor, (x, y) => x !== y);

/** Whether x is false. */
export const logicalNotOp = defineOp({
  name: "logical_not",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => ({ outs: { out: { shape: x.shape, dtype: "bool" } } }),
  lower: (_, { x }) => ({ out: k.not(truth(x)) }),
  complex: (_, { x }) => ({ out: asZ(k.not(truthZ(x))) }),
  grad: null,
  check: { samples: [{ inputs: [{ shape: [3], data: [0, 1, -2] }], expect: () => ({ shape: [3], data: [1, 0, 0] }) }] },
});

/** The dtype of a choice between x and y; two numbers give int64 or the default float. */
function choiceDtype(x: InferInput, y: InferInput) {
  if (x.weak === undefined || y.weak === undefined) return meet(x, y, "where");
  return Number.isInteger(x.weak) && Number.isInteger(y.weak) ? "int64" : getDefaultDtype();
}

/** `condition ? x : y`; both of one dtype. */
export const whereOp = defineOp({
  name: "where",
  inputs: ["condition", "x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: ({ condition, x, y }) => {
    if (condition.dtype !== "bool")
      throw new InvalidArgumentError(`the condition must be bool, got ${condition.dtype}.`, {
        op: "where",
        hint: "compare: x.notEqual(0).",
      });
    const shape = broadcastShapes(broadcastShapes(condition.shape, x.shape, "where"), y.shape, "where");
    return { outs: { out: { shape, dtype: choiceDtype(x, y) } } };
  },
  lower: (_, { condition, x, y }) => {
    if (k.isMask(x)) return { out: k.or(k.and(condition, x), k.and(k.not(condition), y)) };
    return { out: k.select(condition, x, y) };
  },
  complex: (_, { condition, x, y }) => ({
    out: { re: k.select(condition.re, x.re, y.re), im: k.select(condition.re, x.im, y.im) },
  }),
  saves: ["condition"],
  grad: ({ condition }, d) => ({ x: () => where(condition, d.out, 0), y: () => where(condition, 0, d.out) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [{ shape: [2, 1], data: [1, 0], dtype: "bool" }, [2, 3], [3]],
        expect: (_, x, y) => ({ shape: [2, 3], data: [...x!.data.slice(0, 3), ...y!.data] }),
      },
    ],
  },
});

/** `condition ? x : y`, broadcast; tensors of different dtypes meet first. */
export function where<T extends Value>(condition: T, x: T | number, y: T | number): T {
  const to =
    typeof x === "object" && typeof y === "object"
      ? promoteTypes(x.dtype, y.dtype, "where")
      : typeof x === "object"
        ? promoteWithNumber(x.dtype, y as number)
        : typeof y === "object"
          ? promoteWithNumber(y.dtype, x)
          : undefined;
  const met = (v: T | number): T | number => (typeof v === "object" && to ? cast(v, to) : v);
  return bind1(whereOp, [condition, met(x), met(y)]) as T;
}

const bounded = ({
  x,
  min,
  max,
}: {
  readonly x: InferInput;
  readonly min?: InferInput | undefined;
  readonly max?: InferInput | undefined;
}): Inferred<"out"> => {
  let { dtype, shape } = x;
  for (const bound of [min, max]) {
    if (!bound) continue;
    dtype = meet({ shape, dtype }, bound, "clip");
    shape = broadcastShapes(shape, bound.shape, "clip");
  }
  if (isComplex(dtype) || dtype === "bool") throw refused(dtype, "clip");
  return { outs: { out: { shape, dtype } }, compute: dtype };
};

/** `min(max(x, min), max)`; NaN stays. Bounds are numbers or tensors, and get no gradient. */
export const clipOp = defineOp({
  name: "clip",
  inputs: ["x", "min?", "max?"],
  outputs: ["out"],
  attrs: {},
  infer: bounded,
  lower: (_, { x, min, max }) => {
    const low = min ? k.max(x, min) : x;
    return { out: max ? k.min(low, max) : low };
  },
  saves: ["x", "min", "max"],
  grad: ({ x, min, max }, d) => ({ x: () => clipGrad(d.out, x, min, max) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [[2, 3], { shape: [], data: [-0.5] }, { shape: [], data: [1] }],
        expect: (x) => ({ shape: [2, 3], data: x!.data.map((v) => Math.min(Math.max(v, -0.5), 1)) }),
      },
    ],
    noGradCheck: "bounds get no gradient; the rule is its own op",
  },
});

/** `d` where x is within the bounds (ends included), 0 elsewhere. */
export const clipGradOp = defineOp({
  name: "clip_grad",
  inputs: ["d", "x", "min?", "max?"],
  outputs: ["out"],
  attrs: {},
  infer: ({ d, x, min, max }) => {
    const { outs, compute } = bounded({ x, min, max });
    return { outs: { out: { shape: outs.out.shape, dtype: d.dtype } }, compute };
  },
  lower: (_, { d, x, min, max }) => {
    const low = min ? k.select(k.ge(x, min), d, 0) : d;
    return { out: max ? k.select(k.le(x, max), low, 0) : low };
  },
  saves: ["x", "min", "max"],
  grad: ({ x, min, max }, d) => ({ d: () => clipGrad(d.out, x, min, max) }),
  check: {
    samples: [
      {
        inputs: [
          { shape: [3], data: [1, 2, 3] },
          { shape: [3], data: [-1, 0, 2] },
          { shape: [], data: [-1] },
          { shape: [], data: [1] },
        ],
        expect: () => ({ shape: [3], data: [1, 2, 0] }),
      },
    ],
    noGradCheck: "steps in x",
  },
});

function clipGrad(d: Value, x: Value, min: Value | undefined, max: Value | undefined): Value {
  return bind1(clipGradOp, [d, x, min, max]);
}

/** `x` with NaN and infinities replaced. */
export const nanToNumOp = defineOp({
  name: "nan_to_num",
  inputs: ["x", "nan", "posinf", "neginf"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => {
    if (!isFloat(x.dtype)) throw refused(x.dtype, "nan_to_num");
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  },
  lower: (_, { x, nan, posinf, neginf }) => {
    const finite = k.select(k.eq(x, Infinity), posinf, k.select(k.eq(x, -Infinity), neginf, x));
    return { out: k.select(k.ne(x, x), nan, finite) };
  },
  saves: ["x"],
  grad: ({ x }, d) => ({ x: () => where(isfinite(x), d.out, 0) }),
  check: {
    samples: [
      {
        inputs: [
          { shape: [4], data: [NaN, Infinity, -Infinity, 2] },
          { shape: [], data: [0] },
          { shape: [], data: [9] },
          { shape: [], data: [-9] },
        ],
        expect: () => ({ shape: [4], data: [0, 9, -9, 2] }),
      },
    ],
    noGradCheck: "not finite",
  },
});

/** Logical and, or, exclusive or, not. */
export const logicalAnd = <T extends Value>(x: T, y: T): T => bind1(logicalAndOp, [x, y]) as T;
export const logicalOr = <T extends Value>(x: T, y: T): T => bind1(logicalOrOp, [x, y]) as T;
export const logicalXor = <T extends Value>(x: T, y: T): T => bind1(logicalXorOp, [x, y]) as T;
export const logicalNot = <T extends Value>(x: T): T => bind1(logicalNotOp, [x]) as T;
/** `x` between bounds, either of which may be absent. */
export const clip = <T extends Value>(x: T, min?: T | number, max?: T | number): T => bind1(clipOp, [x, min, max]) as T;
/** `x` with NaN and infinities replaced by numbers. */
export const nanToNum = <T extends Value>(x: T, nan: number, posinf: number, neginf: number): T =>
  bind1(nanToNumOp, [x, nan, posinf, neginf]) as T;
