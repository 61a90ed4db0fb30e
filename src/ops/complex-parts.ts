// Ops: complex tensors from and to their parts, angles and magnitudes.

import { complexOf, isComplex, isFloat, realOf } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { broadcastShapes, formatShape } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { divide, multiply, neg, square } from "./arithmetic.js";
import * as z from "./complex-math.js";
import { fullLike } from "./creation.js";
import { meet } from "./infer.js";
import { abs } from "./rounding.js";
import { cos, sin } from "./trigonometric.js";
import { where } from "./logic.js";
import { equal } from "./comparison.js";

const requireComplex = ({ x }: { readonly x: InferInput }, op: string): void => {
  if (!isComplex(x.dtype))
    throw new InvalidArgumentError(`needs a complex tensor, got ${x.dtype}.`, { op, dtype: x.dtype });
};

/** Parts of complex samples are tested through `complex`, as plain numbers have none. */
const partsCheck = { samples: [{ inputs: [[2, 3]] as const }], domain: [-2, 2] as const };

/** The real part. */
export const realOp = defineOp({
  name: "real",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => ({ outs: { out: { shape: x.shape, dtype: realOf(x.dtype) } } }),
  lower: (_, { x }) => ({ out: x }),
  complex: (k, { x }) => ({ out: { re: x.re, im: k.const(x.re.type, 0) } }),
  grad: (_, d, { meta }) => ({ x: () => (isComplex(meta.x.dtype) ? complex(d.out, fullLike(d.out, 0)) : d.out) }),
  check: partsCheck,
});

/** The imaginary part. */
export const imagOp = defineOp({
  name: "imag",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => ({ outs: { out: { shape: x.shape, dtype: realOf(x.dtype) } } }),
  lower: (k, { x }) => ({ out: k.mul(x, 0) }),
  complex: (k, { x }) => ({ out: { re: x.im, im: k.const(x.re.type, 0) } }),
  grad: (_, d, { meta }) => ({ x: () => (isComplex(meta.x.dtype) ? complex(fullLike(d.out, 0), d.out) : null) }),
  check: partsCheck,
});

/** `real + i imag`. */
export const complexOp = defineOp({
  name: "complex",
  inputs: ["real", "imag"],
  outputs: ["out"],
  attrs: {},
  infer: ({ real: re, imag: im }) => {
    const dtype = meet(re, im, "complex");
    if (!isFloat(dtype))
      throw new InvalidArgumentError(`needs floating-point parts, got ${dtype}.`, { op: "complex", dtype });
    return { outs: { out: { shape: broadcastShapes(re.shape, im.shape, "complex"), dtype: complexOf(dtype) } } };
  },
  lower: (_, { real: re }) => ({ out: re }),
  complex: (_, { real: re, imag: im }) => ({ out: { re: re.re, im: im.re } }),
  grad: (_, d) => ({ real: () => real(d.out), imag: () => imag(d.out) }),
  check: { samples: [{ inputs: [[2, 1], [3]] }], domain: [-2, 2], noGradCheck: "complex" },
});

/** The angle in radians: 0 or pi for real numbers. */
export const angleOp = defineOp({
  name: "angle",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => {
    if (!isFloat(x.dtype) && !isComplex(x.dtype))
      throw new InvalidArgumentError(`needs floating-point or complex numbers, got ${x.dtype}.`, { op: "angle" });
    return { outs: { out: { shape: x.shape, dtype: realOf(x.dtype) } } };
  },
  lower: (k, { x }) => ({ out: k.select(k.ne(x, x), x, k.select(k.lt(x, 0), k.const(x.type, Math.PI), 0)) }),
  complex: (k, { x }) => ({ out: { re: z.argZ(x), im: k.const(x.re.type, 0) } }),
  saves: ["x"],
  grad: ({ x }, d) => ({ x: () => (isComplex(x.dtype) ? angleGrad(x, d.out) : fullLike(d.out, 0)) }),
  check: {
    samples: [{ inputs: [{ shape: [3], data: [2, -2, 0.5] }], expect: () => ({ shape: [3], data: [0, Math.PI, 0] }) }],
  },
});

/** `i z / |z|^2` times d; 0 at 0. */
function angleGrad(x: Value, d: Value): Value {
  const n = square(abs(x));
  const s = where(equal(n, 0), 0, divide(d, n));
  return complex(neg(multiply(imag(x), s)), multiply(real(x), s));
}

/** Two tensors as the last axis, of extent 2, of one. */
export const pairOp = defineOp({
  name: "pair",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => ({ outs: { out: { shape: [...x.shape, 2], dtype: x.dtype } } }),
  element: (k, { x, y }, _, index) => {
    const at = index.slice(0, -1);
    return k.select(k.eq(index[index.length - 1]!, 0), x.at(...at), y.at(...at));
  },
  grad: (_, d) => ({ x: () => ofPair(d.out, 0), y: () => ofPair(d.out, 1) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          { shape: [2], data: [1, 2] },
          { shape: [2], data: [3, 4] },
        ],
        expect: () => ({ shape: [2, 2], data: [1, 3, 2, 4] }),
      },
    ],
  },
});

/** One of the two elements along the last axis. */
export const ofPairOp = defineOp({
  name: "of_pair",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { which: fixed(0) },
  infer: ({ x }) => ({ outs: { out: { shape: x.shape.slice(0, -1), dtype: x.dtype } } }),
  element: (k, { x }, { which }, index) => x.at(...index, k.const("i32", which)),
  grad: (_, d, { attrs: { which } }) => ({
    x: () => (which === 0 ? pair(d.out, fullLike(d.out, 0)) : pair(fullLike(d.out, 0), d.out)),
  }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [{ shape: [2, 2], data: [1, 3, 2, 4] }],
        attrs: { which: 1 },
        expect: () => ({ shape: [2], data: [3, 4] }),
      },
    ],
  },
});

/** A complex tensor as a real one with a last axis (re, im). */
export const asRealOp = defineOp({
  name: "as_real",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => {
    requireComplex({ x }, "as_real");
    return { outs: { out: { shape: [...x.shape, 2], dtype: realOf(x.dtype) } } };
  },
  compose: ({ x }) => ({ out: pair(real(x), imag(x)) }),
  grad: (_, d) => ({ x: () => asComplex(d.out) }),
  check: {
    samples: [{ inputs: [{ shape: [1], data: [1, 2], dtype: "complex64" }] }],
    noGradCheck: "complex",
  },
});

/** A real tensor whose last axis is (re, im) as a complex one. */
export const asComplexOp = defineOp({
  name: "as_complex",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => {
    if (!isFloat(x.dtype) || x.shape[x.shape.length - 1] !== 2) {
      throw new InvalidArgumentError(
        `the last axis must hold the two parts of floating-point numbers, got ${formatShape(x.shape)} ${x.dtype}.`,
        { op: "as_complex", x: x.shape },
      );
    }
    return { outs: { out: { shape: x.shape.slice(0, -1), dtype: complexOf(x.dtype) } } };
  },
  compose: ({ x }) => ({ out: complex(ofPair(x, 0), ofPair(x, 1)) }),
  grad: (_, d) => ({ x: () => asReal(d.out) }),
  check: { samples: [{ inputs: [[3, 2]] }], domain: [-2, 2], noGradCheck: "complex" },
});

/** `abs e^(i angle)`. */
export const polarOp = defineOp({
  name: "polar",
  inputs: ["abs", "angle"],
  outputs: ["out"],
  attrs: {},
  infer: (operands) => complexOp.definition.infer({ real: operands.abs, imag: operands.angle }, {}),
  compose: (operands) => ({
    out: complex(multiply(operands.abs, cos(operands.angle)), multiply(operands.abs, sin(operands.angle))),
  }),
  grad: "parts",
  check: { samples: [{ inputs: [[2, 1], [3]] }], domain: [0.5, 2], noGradCheck: "complex" },
});

/** The real part; a real tensor is returned as it is. */
export const real = <T extends Value>(x: T): T => (isComplex(x.dtype) ? (bind1(realOp, [x]) as T) : x);
/** The imaginary part; zeros for a real tensor. */
export const imag = <T extends Value>(x: T): T => bind1(imagOp, [x]) as T;
/** `re + i im`. */
export const complex = <T extends Value>(re: T, im: T): T => bind1(complexOp, [re, im]) as T;
/** The angle in radians. */
export const angle = <T extends Value>(x: T): T => bind1(angleOp, [x]) as T;
/** (re, im) along a new last axis. */
export const asReal = <T extends Value>(x: T): T => bind1(asRealOp, [x]) as T;
/** Complex numbers from a last axis (re, im). */
export const asComplex = <T extends Value>(x: T): T => bind1(asComplexOp, [x]) as T;
/** Complex numbers from magnitude and angle. */
export const polar = <T extends Value>(r: T, a: T): T => bind1(polarOp, [r, a]) as T;

const pair = <T extends Value>(x: T, y: T): T => bind1(pairOp, [x, y]) as T;
const ofPair = <T extends Value>(x: T, which: 0 | 1): T => bind1(ofPairOp, [x], { which }) as T;
