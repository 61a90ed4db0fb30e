// Ops: addition, subtraction, multiplication, division, of tensors and with numbers; scaling, squares, reciprocals.

import { isFloat, isComplex } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { broadcastShapes, formatShape, sameShape } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import * as z from "./complex-math.js";
import { binary, meet } from "./infer.js";
import { functionOfOne, refused } from "./unary.js";

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
  infer: (operands) => {
    const inferred = binary("subtract")(operands);
    if (inferred.outs.out.dtype === "bool") throw refused("bool", "subtract", "use logicalXor.");
    return inferred;
  },
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
  complex: (_, { x, y }) => ({ out: z.divZ(x, y) }),
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
  lower: (k, { x }) => ({ out: k.isMask(x) ? x : k.neg(x) }),
  complex: (_, { x }) => ({ out: z.negZ(x) }),
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

/** `out = scale x + bias`, or `scale (x + bias)`; of integers with both numbers truncated. */
export const scaleOp = defineOp({
  name: "scale",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { scale: scalar(1), bias: scalar(0), biasAfterScale: fixed(true) },
  infer: ({ x }) => ({ outs: { out: { shape: x.shape, dtype: x.dtype } } }),
  lower: (k, { x }, { scale: s, bias, biasAfterScale }) => {
    if (k.isMask(x)) return { out: k.or(k.and(x, k.ne(s, 0)), k.ne(bias, 0)) };
    return { out: biasAfterScale ? k.add(k.mul(x, s), bias) : k.mul(k.add(x, bias), s) };
  },
  complex: (k, { x }, { scale: s, bias, biasAfterScale }) => ({
    out: {
      re: biasAfterScale ? k.add(k.mul(x.re, s), bias) : k.mul(k.add(x.re, bias), s),
      im: k.mul(x.im, s),
    },
  }),
  grad: (_, d, { attrs }) => ({ x: () => scale(d.out, attrs.scale) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [[2, 3]],
        attrs: { scale: 2.5, bias: -1, biasAfterScale: true },
        expect: (x) => ({ shape: x!.shape, data: x!.data.map((v) => 2.5 * v - 1) }),
      },
      {
        inputs: [[3]],
        attrs: { scale: 2.5, bias: -1, biasAfterScale: false },
        expect: (x) => ({ shape: x!.shape, data: x!.data.map((v) => 2.5 * (v - 1)) }),
      },
    ],
  },
});

/** `out = x^2`. */
export const squareOp = defineOp({
  name: "square",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => {
    if (x.dtype === "bool") throw refused("bool", "square");
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  },
  lower: (k, { x }) => ({ out: k.mul(x, x) }),
  complex: (_, { x }) => ({ out: z.mulZ(x, x) }),
  saves: ["x"],
  grad: ({ x }, d) => ({ x: () => multiply(multiply(d.out, 2), conj(x)) }),
  check: { reference: (x) => x! * x!, domain: [-2, 2], dtypes: ["int32", "int64"] },
});

/** `out = 1 / x`; integers give float32. */
export const reciprocalOp = functionOfOne("reciprocal", {
  value: (k, x) => k.div(k.const(x.type, 1), x),
  complex: (x) => z.divZ(z.realZ(x, 1), x),
  saves: "out",
  grad: (out, d) => neg(multiply(d, conj(square(out)))),
  check: { reference: (x) => 1 / x!, domain: [0.5, 2] },
});

/** The sum of several tensors of one shape and dtype. */
export const addNOp = defineOp({
  name: "add_n",
  inputs: ["inputs*"],
  outputs: ["out"],
  attrs: {},
  infer: ({ inputs }) => {
    const first = inputs[0];
    if (!first) throw new InvalidArgumentError("needs at least one tensor.", { op: "add_n" });
    for (const other of inputs) {
      if (!sameShape(other.shape, first.shape) || other.dtype !== first.dtype) {
        throw new InvalidArgumentError(
          `all tensors must have one shape and dtype, got ${formatShape(first.shape)} ${first.dtype} and ${formatShape(other.shape)} ${other.dtype}.`,
          { op: "add_n", x: first.shape, y: other.shape },
        );
      }
    }
    return { outs: { out: { shape: first.shape, dtype: first.dtype } } };
  },
  lower: (k, { inputs }) => ({ out: inputs.reduce((a, b) => k.add(a, b)) }),
  complex: (_, { inputs }) => ({ out: inputs.reduce(z.addZ) }),
  grad: (_, d, { meta }) => ({ inputs: () => meta.inputs.map(() => d.out) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          [
            [2, 3],
            [2, 3],
            [2, 3],
          ],
        ],
        expect: (...xs) => ({
          shape: xs[0]!.shape,
          data: xs[0]!.data.map((_, i) => xs.reduce((s, x) => s + x.data[i]!, 0)),
        }),
      },
    ],
  },
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
/** `s x + bias` for numbers s and bias. */
export const scale = <T extends Value>(x: T, s: number, bias = 0, biasAfterScale = true): T =>
  bind1(scaleOp, [x], { scale: s, bias, biasAfterScale }) as T;
/** `x^2`. */
export const square = <T extends Value>(x: T): T => bind1(squareOp, [x]) as T;
/** `1 / x`. */
export const reciprocal = <T extends Value>(x: T): T => bind1(reciprocalOp, [x]) as T;
/** The sum of tensors of one shape and dtype. */
export const addN = <T extends Value>(inputs: readonly T[]): T => bind1(addNOp, [inputs]) as T;
