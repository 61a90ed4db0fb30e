// Ops that iterate for each element: greatest common divisors, incomplete gamma functions.

import { isFloat, isInt } from "../core/dtype.js";
import { broadcastShapes } from "../core/shape.js";
import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type Inferred, type InferInput } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { add, multiply, neg } from "./arithmetic.js";
import { elementwisePow, exp } from "./exponential.js";
import { meet } from "./infer.js";
import { ceilDiv } from "../kernel/extent.js";
import { coordinates } from "./loops.js";
import { abs, floorDivide } from "./rounding.js";
import { lgamma } from "./special.js";
import { refused } from "./unary.js";

type Pair = { readonly x: InferInput; readonly y: InferInput };

/** Elements that one block handles: each may take hundreds of steps. */
const blockElements = 512;

/** One launch over all elements, one after the other. */
function eachElement(b: KernelContext, out: OutRef, body: (index: readonly Expr[]) => void): void {
  const extents = Array.from({ length: out.rank }, (_, i) => out.extent(i));
  b.parallel(ceilDiv(out.size, k.const("i32", blockElements)), (block) => {
    const from = b.let(k.mul(block, blockElements));
    b.for(from, b.let(k.min(k.add(from, blockElements), out.size)), (i) => body(coordinates(b, i, extents)));
  });
}

/** The element of a broadcast operand. */
function broadcastAt(x: Ref, index: readonly Expr[]): Expr {
  const skip = index.length - x.rank;
  return x.at(...Array.from({ length: x.rank }, (_, i) => k.select(k.eq(x.extent(i), 1), 0, index[i + skip]!)));
}

const integers =
  (op: string) =>
  ({ x, y }: Pair): Inferred<"out"> => {
    const dtype = meet(x, y, op);
    if (!isInt(dtype)) throw refused(dtype, op, 'cast it: x.astype("int64").');
    return { outs: { out: { shape: broadcastShapes(x.shape, y.shape, op), dtype } } };
  };

const wholeSample = {
  inputs: [
    { shape: [5], data: [12, -12, 0, 0, -4], dtype: "int32" as const },
    { shape: [5], data: [8, 8, 5, 0, -6], dtype: "int32" as const },
  ],
};

/** The greatest common divisor, not negative; of 0 and 0 it is 0. */
export const gcdOp = defineOp({
  name: "gcd",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: integers("gcd"),
  kernel: (b, { x, y }, { out }) =>
    eachElement(b, out, (index) => {
      const large = b.variable(k.abs(k.cast(broadcastAt(x, index), out.type)));
      const small = b.variable(k.abs(k.cast(broadcastAt(y, index), out.type)));
      b.while(k.ne(small.value, 0), () => {
        const rest = b.let(k.rem(large.value, small.value));
        b.set(large, small.value);
        b.set(small, rest);
      });
      out.set(index, large.value);
    }),
  grad: null,
  check: { samples: [{ ...wholeSample, expect: () => ({ shape: [5], data: [4, 4, 5, 0, 2] }) }] },
});

/** The least common multiple, not negative; with 0 it is 0. */
export const lcmOp = defineOp({
  name: "lcm",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: integers("lcm"),
  compose: ({ x, y }) => ({ out: abs(multiply(floorDivide(x, gcd(x, y)), y)) }),
  grad: null,
  check: { samples: [{ ...wholeSample, expect: () => ({ shape: [5], data: [24, 24, 0, 0, 12] }) }] },
});

const positive = (v: Expr): Expr => k.const(v.type, 1);
/** More steps than any argument below 10^5 takes. */
const maxSteps = 2000;

/** `P(a, v) / front` for v < a + 1: the series `sum of v^n / (a (a+1) … (a+n))`. */
function lowerSeries(b: KernelContext, a: Expr, v: Expr): Expr {
  const term = b.variable(k.div(positive(a), a));
  const sum = b.variable(term.value);
  const n = b.variable(a);
  const steps = b.variable(k.const("f64", 0));
  const going = k.and(k.gt(term.value, k.mul(sum.value, 1e-17)), k.lt(steps.value, maxSteps));
  b.while(going, () => {
    b.set(n, k.add(n.value, 1));
    b.set(term, k.mul(term.value, k.div(v, n.value)));
    b.set(sum, k.add(sum.value, term.value));
    b.set(steps, k.add(steps.value, 1));
  });
  return sum.value;
}

/** `Q(a, v) / front` for v >= a + 1: the continued fraction, evaluated forwards (Lentz's method). */
function upperFraction(b: KernelContext, a: Expr, v: Expr): Expr {
  const tiny = 1e-300;
  const away = (x: Expr): Expr => k.select(k.lt(k.abs(x), tiny), tiny, x);
  const denominator = b.variable(k.sub(k.add(v, 1), a));
  const c = b.variable(k.const("f64", 1 / tiny));
  const d = b.variable(k.div(positive(a), away(denominator.value)));
  const h = b.variable(d.value);
  const change = b.variable(k.const("f64", 2));
  const i = b.variable(k.const("f64", 0));
  const going = k.and(k.gt(k.abs(k.sub(change.value, 1)), 1e-16), k.lt(i.value, maxSteps));
  b.while(going, () => {
    b.set(i, k.add(i.value, 1));
    const numerator = b.let(k.mul(i.value, k.sub(a, i.value)));
    b.set(denominator, k.add(denominator.value, 2));
    b.set(d, k.div(positive(a), away(k.add(k.mul(numerator, d.value), denominator.value))));
    b.set(c, away(k.add(denominator.value, k.div(numerator, c.value))));
    b.set(change, k.mul(c.value, d.value));
    b.set(h, k.mul(h.value, change.value));
  });
  return h.value;
}

/** One regularised incomplete gamma function of a >= 0 and v >= 0, in double. */
function incompleteGamma(b: KernelContext, a: Expr, v: Expr, upper: boolean): Expr {
  const front = b.let(k.exp(k.sub(k.sub(k.mul(a, k.log(v)), v), k.lgamma(a))));
  const out = b.variable(k.const("f64", 0));
  const set = (x: Expr, other: boolean): void => b.set(out, other ? k.sub(positive(a), x) : x);
  const plain = k.and(k.and(k.gt(a, 0), k.gt(v, 0)), k.lt(v, Infinity));
  b.if(plain, () =>
    b.if(
      k.lt(v, k.add(a, 1)),
      () => set(k.mul(lowerSeries(b, a, v), front), upper),
      () => set(k.mul(upperFraction(b, a, v), front), !upper),
    ),
  );
  const bad = k.or(k.not(k.ge(a, 0)), k.not(k.ge(v, 0)));
  // P is 0 at v = 0 and 1 at v = inf or a = 0.
  const atZero = k.const("f64", upper ? 1 : 0);
  const ends = k.select(k.eq(v, 0), atZero, k.const("f64", upper ? 0 : 1));
  return b.let(k.select(bad, Number.NaN, k.select(plain, out.value, ends)));
}

const floats =
  (op: string) =>
  ({ x, y }: Pair): Inferred<"out"> => {
    const dtype = meet(x, y, op);
    if (!isFloat(dtype)) throw refused(dtype, op, 'cast it: x.astype("float32").');
    return { outs: { out: { shape: broadcastShapes(x.shape, y.shape, op), dtype } } };
  };

const regularised = (name: "gammainc" | "gammaincc") =>
  defineOp({
    name,
    inputs: ["x", "y"],
    outputs: ["out"],
    attrs: { upper: fixed(name === "gammaincc") },
    infer: floats(name),
    kernel: (b, { x, y }, { out }, { upper }) =>
      eachElement(b, out, (index) => {
        const a = b.let(k.cast(broadcastAt(x, index), "f64"));
        const v = b.let(k.cast(broadcastAt(y, index), "f64"));
        out.set(index, k.cast(incompleteGamma(b, a, v, upper), out.type));
      }),
    saves: ["x", "y"],
    // The derivative by y: y^(x-1) e^-y / gamma(x). By x there is none, as in Paddle.
    grad: ({ x, y }, d) => ({
      y: () => {
        const slope = multiply(elementwisePow(y, add(x, -1)), exp(neg(add(y, lgamma(x)))));
        return multiply(d.out, name === "gammaincc" ? neg(slope) : slope);
      },
    }),
    check: {
      samples: [
        {
          // P(1, y) = 1 - e^-y, P(3, 4) = 1 - e^-4 (1 + 4 + 8); P(1/2, 1/4) = erf(1/2).
          inputs: [
            { shape: [4], data: [1, 3, 0.5, 1] },
            { shape: [4], data: [0.5, 4, 0.25, 5] },
          ],
          attrs: { upper: name === "gammaincc" },
          expect: () => ({
            shape: [4],
            data: [1 - Math.exp(-0.5), 1 - 13 * Math.exp(-4), 0.5204998778130465, 1 - Math.exp(-5)].map((p) =>
              name === "gammaincc" ? 1 - p : p,
            ),
          }),
        },
      ],
      noGradCheck: "no gradient by x",
    },
  });

/** The regularised lower incomplete gamma function P(x, y); double inside. */
export const gammaincOp = regularised("gammainc");
/** The regularised upper incomplete gamma function Q(x, y); double inside. */
export const gammainccOp = regularised("gammaincc");

/** Greatest common divisor. */
export const gcd = <T extends Value>(x: T, y: T): T => bind1(gcdOp, [x, y]) as T;
/** Least common multiple. */
export const lcm = <T extends Value>(x: T, y: T): T => bind1(lcmOp, [x, y]) as T;
/** P(x, y). */
export const gammainc = <T extends Value>(x: T, y: T): T => bind1(gammaincOp, [x, y], { upper: false }) as T;
/** Q(x, y). */
export const gammaincc = <T extends Value>(x: T, y: T): T => bind1(gammainccOp, [x, y], { upper: true }) as T;
