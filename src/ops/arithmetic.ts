// Ops: addition, subtraction, multiplication, division, of tensors and with numbers.

import { isFloat, isComplex } from "../core/dtype.js";
import { broadcastShapes } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { binary, meet } from "./infer.js";

/** `out = x + y`. */
export const addOp = defineOp({
  name: "add",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: binary("add"),
  lower: (k, { x, y }) => ({ out: k.isMask(x) ? k.or(x, y) : k.add(x, y) }),
  complex: (k, { x, y }) => ({ out: { re: k.add(x.re, y.re), im: k.add(x.im, y.im) } }),
  grad: (_, d) => ({ x: () => d.out, y: () => d.out }),
  check: { reference: (x, y) => x! + y!, domain: [-2, 2], dtypes: ["int32", "int64"] },
});

/** `out = x - y`. */
export const subtractOp = defineOp({
  name: "subtract",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: binary("subtract"),
  lower: (k, { x, y }) => ({ out: k.sub(x, y) }),
  complex: (k, { x, y }) => ({ out: { re: k.sub(x.re, y.re), im: k.sub(x.im, y.im) } }),
  grad: (_, d) => ({ x: () => d.out, y: () => neg(d.out) }),
  check: { reference: (x, y) => x! - y!, domain: [-2, 2], dtypes: ["int32", "int64"] },
});

/** `out = x y`. */
export const multiplyOp = defineOp({
  name: "multiply",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: binary("multiply"),
  lower: (k, { x, y }) => ({ out: k.isMask(x) ? k.and(x, y) : k.mul(x, y) }),
  complex: (k, { x, y }) => ({
    out: { re: k.sub(k.mul(x.re, y.re), k.mul(x.im, y.im)), im: k.add(k.mul(x.re, y.im), k.mul(x.im, y.re)) },
  }),
  saves: ["x", "y"],
  grad: ({ x, y }, d) => ({ x: () => multiply(d.out, conj(y)), y: () => multiply(d.out, conj(x)) }),
  check: { reference: (x, y) => x! * y!, domain: [-2, 2], dtypes: ["int32", "int64"] },
});

/** `out = x / y`; integers give float32. */
export const divideOp = defineOp({
  name: "divide",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, y }) => {
    const met = meet(x, y, "divide");
    const dtype = isFloat(met) || isComplex(met) ? met : "float32";
    return { outs: { out: { shape: broadcastShapes(x.shape, y.shape, "divide"), dtype } }, compute: dtype };
  },
  lower: (k, { x, y }) => ({ out: k.div(x, y) }),
  complex: (k, { x, y }) => {
    const n = k.add(k.mul(y.re, y.re), k.mul(y.im, y.im));
    return {
      out: {
        re: k.div(k.add(k.mul(x.re, y.re), k.mul(x.im, y.im)), n),
        im: k.div(k.sub(k.mul(x.im, y.re), k.mul(x.re, y.im)), n),
      },
    };
  },
  saves: ["y", "out"],
  grad: ({ y, out }, d) => ({
    x: () => divide(d.out, conj(y)),
    y: () => neg(divide(multiply(d.out, conj(out)), conj(y))),
  }),
  check: {
    reference: (x, y) => x! / y!,
    domain: [
      [-2, 2],
      [0.5, 2],
    ],
  },
});

/** `out = -x`. */
export const negOp = defineOp({
  name: "neg",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => ({ outs: { out: { shape: x.shape, dtype: x.dtype } } }),
  lower: (k, { x }) => ({ out: k.neg(x) }),
  complex: (k, { x }) => ({ out: { re: k.neg(x.re), im: k.neg(x.im) } }),
  grad: (_, d) => ({ x: () => neg(d.out) }),
  check: { reference: (x) => -x!, domain: [-2, 2], dtypes: ["int32", "int64"] },
});

/** Complex conjugate; real tensors are returned as they are. */
export const conjOp = defineOp({
  name: "conj",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => ({ outs: { out: { shape: x.shape, dtype: x.dtype } } }),
  lower: (_, { x }) => ({ out: x }),
  complex: (k, { x }) => ({ out: { re: x.re, im: k.neg(x.im) } }),
  grad: (_, d) => ({ x: () => conj(d.out) }),
  check: { reference: (x) => x!, domain: [-2, 2] },
});

/** Element-wise sum. */
export const add = <T extends Value>(x: T | number, y: T | number): T => bind1(addOp, [x, y]) as T;
/** Element-wise difference. */
export const subtract = <T extends Value>(x: T | number, y: T | number): T => bind1(subtractOp, [x, y]) as T;
/** Element-wise product. */
export const multiply = <T extends Value>(x: T | number, y: T | number): T => bind1(multiplyOp, [x, y]) as T;
/** Element-wise quotient. */
export const divide = <T extends Value>(x: T | number, y: T | number): T => bind1(divideOp, [x, y]) as T;
/** Negation. */
export const neg = <T extends Value>(x: T): T => bind1(negOp, [x]) as T;
/** Complex conjugate. A real tensor or number is returned unchanged, without a copy. */
export const conj = <T extends Value>(x: T): T =>
  typeof x === "object" && isComplex(x.dtype) ? (bind1(conjOp, [x]) as T) : x;
