// Ops: circular and hyperbolic functions and their inverses.

import { isComplex, isInt } from "../core/dtype.js";
import { broadcastShapes } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { add, conj, divide, multiply, neg, scale, square } from "./arithmetic.js";
import * as z from "./complex-math.js";
import { rsqrt, sqrt } from "./exponential.js";
import { meet } from "./infer.js";
import { functionOfOne, refused } from "./unary.js";

/** `1 - x^2` and `1 + x^2`. */
const oneMinusSquare = (x: Value): Value => scale(square(x), -1, 1);
const onePlusSquare = (x: Value): Value => scale(square(x), 1, 1);
/** `1 / sqrt x`, by way of sqrt for complex numbers. */
const inverseRoot = (x: Value): Value => (isComplex(x.dtype) ? divide(1, sqrt(x)) : rsqrt(x));

/** `out = sin x`. */
export const sinOp = functionOfOne("sin", {
  value: (k, x) => k.sin(x),
  complex: z.sinZ,
  saves: "x",
  grad: (x, d) => multiply(d, conj(cos(x))),
  check: { reference: Math.sin, domain: [-6, 6] },
});

/** `out = cos x`. */
export const cosOp = functionOfOne("cos", {
  value: (k, x) => k.cos(x),
  complex: z.cosZ,
  saves: "x",
  grad: (x, d) => neg(multiply(d, conj(sin(x)))),
  check: { reference: Math.cos, domain: [-6, 6] },
});

/** `out = tan x`. */
export const tanOp = functionOfOne("tan", {
  value: (k, x) => k.tan(x),
  complex: z.tanZ,
  saves: "out",
  grad: (out, d) => multiply(d, conj(onePlusSquare(out))),
  check: { reference: Math.tan, domain: [-1.2, 1.2] },
});

/** `out = sinh x`. */
export const sinhOp = functionOfOne("sinh", {
  value: (k, x) => k.sinh(x),
  complex: z.sinhZ,
  saves: "x",
  grad: (x, d) => multiply(d, conj(cosh(x))),
  check: { reference: Math.sinh, domain: [-3, 3] },
});

/** `out = cosh x`. */
export const coshOp = functionOfOne("cosh", {
  value: (k, x) => k.cosh(x),
  complex: z.coshZ,
  saves: "x",
  grad: (x, d) => multiply(d, conj(sinh(x))),
  check: { reference: Math.cosh, domain: [-3, 3] },
});

/** `out = arcsin x`. */
export const asinOp = functionOfOne("asin", {
  value: (k, x) => k.asin(x),
  complex: z.asinZ,
  saves: "x",
  grad: (x, d) => multiply(d, conj(inverseRoot(oneMinusSquare(x)))),
  check: { reference: Math.asin, domain: [-0.9, 0.9] },
});

/** `out = arccos x`. */
export const acosOp = functionOfOne("acos", {
  value: (k, x) => k.acos(x),
  complex: z.acosZ,
  saves: "x",
  grad: (x, d) => neg(multiply(d, conj(inverseRoot(oneMinusSquare(x))))),
  check: { reference: Math.acos, domain: [-0.9, 0.9] },
});

/** `out = arctan x`. */
export const atanOp = functionOfOne("atan", {
  value: (k, x) => k.atan(x),
  complex: z.atanZ,
  saves: "x",
  grad: (x, d) => divide(d, conj(onePlusSquare(x))),
  check: { reference: Math.atan, domain: [-3, 3] },
});

/** `out = arsinh x`. */
export const asinhOp = functionOfOne("asinh", {
  value: (k, x) => k.asinh(x),
  complex: z.asinhZ,
  saves: "x",
  grad: (x, d) => multiply(d, conj(inverseRoot(onePlusSquare(x)))),
  check: { reference: Math.asinh, domain: [-3, 3] },
});

/** `out = arcosh x`, NaN below 1. */
export const acoshOp = functionOfOne("acosh", {
  value: (k, x) => k.acosh(x),
  complex: z.acoshZ,
  saves: "x",
  // sqrt(x - 1) sqrt(x + 1) lies on the branch of arcosh, which sqrt(x^2 - 1) does not for complex x.
  grad: (x, d) =>
    isComplex(x.dtype)
      ? divide(d, conj(multiply(sqrt(add(x, -1)), sqrt(add(x, 1)))))
      : multiply(d, rsqrt(scale(square(x), 1, -1))),
  check: { reference: Math.acosh, domain: [1.2, 4] },
});

/** `out = artanh x`. */
export const atanhOp = functionOfOne("atanh", {
  value: (k, x) => k.atanh(x),
  complex: z.atanhZ,
  saves: "x",
  grad: (x, d) => divide(d, conj(oneMinusSquare(x))),
  check: { reference: Math.atanh, domain: [-0.9, 0.9] },
});

/** `out` = the angle of the point (y, x) in radians; `x1` is y and `x2` is x, as in C's atan2. Integers give float64. */
export const atan2Op = defineOp({
  name: "atan2",
  inputs: ["x1", "x2"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x1, x2 }) => {
    const met = meet(x1, x2, "atan2");
    if (isComplex(met)) throw refused(met, "atan2");
    const dtype = isInt(met) || met === "bool" ? "float64" : met;
    return { outs: { out: { shape: broadcastShapes(x1.shape, x2.shape, "atan2"), dtype } }, compute: dtype };
  },
  lower: (k, { x1, x2 }) => ({ out: k.atan2(x1, x2) }),
  saves: ["x1", "x2"],
  grad: ({ x1, x2 }, d) => {
    const over = (): Value => divide(d.out, add(square(x1), square(x2)));
    return { x1: () => multiply(over(), x2), x2: () => neg(multiply(over(), x1)) };
  },
  check: { reference: (y, x) => Math.atan2(y!, x!), domain: [0.5, 2] },
});

/** Sine. */
export const sin = <T extends Value>(x: T): T => bind1(sinOp, [x]) as T;
/** Cosine. */
export const cos = <T extends Value>(x: T): T => bind1(cosOp, [x]) as T;
/** Tangent. */
export const tan = <T extends Value>(x: T): T => bind1(tanOp, [x]) as T;
/** Hyperbolic sine. */
export const sinh = <T extends Value>(x: T): T => bind1(sinhOp, [x]) as T;
/** Hyperbolic cosine. */
export const cosh = <T extends Value>(x: T): T => bind1(coshOp, [x]) as T;
/** Inverse sine. */
export const asin = <T extends Value>(x: T): T => bind1(asinOp, [x]) as T;
/** Inverse cosine. */
export const acos = <T extends Value>(x: T): T => bind1(acosOp, [x]) as T;
/** Inverse tangent. */
export const atan = <T extends Value>(x: T): T => bind1(atanOp, [x]) as T;
/** Inverse hyperbolic sine. */
export const asinh = <T extends Value>(x: T): T => bind1(asinhOp, [x]) as T;
/** Inverse hyperbolic cosine. */
export const acosh = <T extends Value>(x: T): T => bind1(acoshOp, [x]) as T;
/** Inverse hyperbolic tangent. */
export const atanh = <T extends Value>(x: T): T => bind1(atanhOp, [x]) as T;
/** The angle of the point (y, x). */
export const atan2 = <T extends Value>(y: T, x: T): T => bind1(atan2Op, [y, x]) as T;
