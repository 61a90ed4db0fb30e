// Ops: means, products and extrema over axes, and the expansion that undoes a reduction.

import { isComplex, isFloat, realOf } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { constant } from "../kernel/expr.js";
import { product } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput, type Inferred, type OpRecord, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { add, divide, multiply, subtract } from "./arithmetic.js";
import { sumOp } from "./broadcast.js";
import { cast } from "./cast.js";
import { exp, log } from "./exponential.js";
import { floatUnary, reducedShape, requireNumbers } from "./infer.js";
import { equal } from "./comparison.js";
import { where } from "./logic.js";
import { squeeze } from "./views.js";

/** Axes as public functions give them. */
export type Axes = number | readonly number[] | null | undefined;

const axesAttrs = { axes: fixed<readonly number[]>([]), keepdim: fixed(false) };

/**
 * Repeats the result of a reduction along the axes that it reduced, so that it has the shape of `like`; `mean` divides by how many
 * elements were reduced.
 */
export const unreduceOp = defineOp({
  name: "unreduce",
  inputs: ["x", "like"],
  outputs: ["out"],
  attrs: { ...axesAttrs, mean: fixed(false) },
  infer: ({ x, like }) => ({ outs: { out: { shape: like.shape, dtype: x.dtype } } }),
  element: (_, { x }, { axes, keepdim, mean }, index, out) => {
    const at = keepdim
      ? index.map((e, axis) => (axes.includes(axis) ? constant("i32", 0) : e))
      : index.filter((_, axis) => !axes.includes(axis));
    const value = x.at(...at);
    return mean ? k.div(value, k.cast(product(axes.map((a) => out.extent(a))), value.type)) : value;
  },
  ghosts: ["like"],
  grad: (_, d, { attrs: { axes, keepdim, mean } }) => ({
    x: () => bind1(mean ? meanOp : sumOp, [d.out], { axes, keepdim }),
  }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[3], [3, 4]], attrs: { axes: [1], keepdim: false, mean: false } },
      {
        inputs: [
          [1, 4],
          [3, 4],
        ],
        attrs: { axes: [0], keepdim: true, mean: true },
      },
    ],
  },
});

/** The result of a reduction over `axes`, repeated along them to the shape of `like`. */
export const unreduce = <T extends Value>(
  x: T,
  like: Value,
  axes: readonly number[],
  keepdim: boolean,
  mean = false,
): T => bind1(unreduceOp, [x, like], { axes, keepdim, mean }) as T;

const reduced = ({ x }: { readonly x: InferInput }, axes: readonly number[], keepdim: boolean): Inferred<"out"> => ({
  outs: { out: { shape: reducedShape(x.shape, axes, keepdim), dtype: x.dtype } },
});

const axesSamples = (extra: Readonly<Record<string, unknown>> = {}) => [
  { inputs: [[3, 4]], attrs: { axes: [1], keepdim: false, ...extra } },
  { inputs: [[3, 4]], attrs: { axes: [0], keepdim: true, ...extra } },
  { inputs: [[2, 3, 5]], attrs: { axes: [0, 2], keepdim: false, ...extra } },
  { inputs: [[2, 3]], attrs: { axes: [0, 1], keepdim: false, ...extra } },
];

/** Arithmetic mean. */
export const meanOp = defineOp({
  name: "mean",
  inputs: ["x"],
  outputs: ["out"],
  attrs: axesAttrs,
  infer: (inputs, { axes, keepdim }) => reduced(inputs, axes, keepdim),
  reduce: { combine: "add", finish: (k, sum, count) => k.div(sum, count) },
  grad: (_, d, { attrs, meta }) => ({ x: () => unreduce(d.out, meta.x, attrs.axes, attrs.keepdim, true) }),
  check: { domain: [-2, 2], samples: axesSamples() },
});

/** Product. */
export const prodOp = defineOp({
  name: "prod",
  inputs: ["x"],
  outputs: ["out"],
  attrs: axesAttrs,
  infer: (inputs, { axes, keepdim }) => {
    requireNumbers(inputs.x, "prod");
    if (isComplex(inputs.x.dtype)) throw new InvalidArgumentError("no product of complex numbers.", { op: "prod" });
    return reduced(inputs, axes, keepdim);
  },
  reduce: { combine: "mul" },
  saves: ["x", "out"],
  grad: ({ x, out }, d, { attrs: { axes, keepdim } }) => ({
    // Without zeros each derivative is out/x; with one zero only that element has one, the product of the others; with more, none.
    x: () => {
      const zero = equal(x, 0);
      const zeros = sumOver(cast(zero, x.dtype), axes, true);
      const others = bind1(prodOp, [where(zero, 1, x)], { axes, keepdim: true });
      const atZero = where(equal(zeros, 1), others, 0);
      const wide = (v: Value): Value => unreduce(v, x, axes, true);
      const derivative = where(zero, wide(atZero), divide(unreduce(out, x, axes, keepdim), where(zero, 1, x)));
      return multiply(unreduce(d.out, x, axes, keepdim), derivative);
    },
  }),
  check: {
    domain: [0.5, 2],
    samples: [
      ...axesSamples(),
      { inputs: [{ shape: [2, 3], data: [2, 0, 3, 4, 5, 6] }], attrs: { axes: [1], keepdim: false } },
    ],
  },
});

/** Sum over normalised axes. */
export const sumOver = <T extends Value>(x: T, axes: readonly number[], keepdim: boolean): T =>
  bind1(sumOp, [x], { axes, keepdim }) as T;

/** Gradient of an extremum: ties share it evenly. */
function tied(x: Value, out: Value, d: Value, axes: readonly number[], keepdim: boolean): Value {
  const hit = cast(equal(x, unreduce(out, x, axes, keepdim)), d.dtype);
  const share = divide(d, sumOver(hit, axes, keepdim));
  return multiply(unreduce(share, x, axes, keepdim), hit);
}

const extremum = <N extends "max" | "min" | "amax" | "amin">(name: N, combine: "max" | "min") =>
  defineOp({
    name,
    inputs: ["x"],
    outputs: ["out"],
    attrs: axesAttrs,
    infer: (inputs, { axes, keepdim }) => {
      const { x } = inputs;
      requireNumbers(x, name);
      if (isComplex(x.dtype)) throw new InvalidArgumentError("complex numbers have no order.", { op: name });
      if (axes.some((a) => x.shape[a] === 0))
        throw new InvalidArgumentError("an axis of extent 0 has no extremum.", { op: name, x: x.shape });
      return reduced(inputs, axes, keepdim);
    },
    reduce: { combine },
    saves: ["x", "out"],
    grad: ({ x, out }, d, { attrs }) => ({ x: () => tied(x, out, d.out, attrs.axes, attrs.keepdim) }),
    check: {
      domain: [-2, 2],
      samples: axesSamples(),
      dtypes: ["int32", "int64"],
    },
  });

/** Largest element; NaN wins. */
export const maxOp = extremum("max", "max");
/** Smallest element; NaN wins. */
export const minOp = extremum("min", "min");
/** As {@link maxOp}; Paddle's second name for it. */
export const amaxOp = extremum("amax", "max");
/** As {@link minOp}; Paddle's second name for it. */
export const aminOp = extremum("amin", "min");

/** Sum in which NaN counts as 0. */
export const nansumOp = defineOp({
  name: "nansum",
  inputs: ["x"],
  outputs: ["out"],
  attrs: axesAttrs,
  infer: (inputs, { axes, keepdim }) => {
    const out = reduced(inputs, axes, keepdim);
    return isFloat(inputs.x.dtype) || isComplex(inputs.x.dtype)
      ? out
      : { outs: { out: { shape: out.outs.out.shape, dtype: "int64" } } };
  },
  reduce: { combine: "add", map: (k, x) => (k.isFloat(x) ? k.select(k.eq(x, x), x, 0) : x) },
  saves: ["x"],
  grad: ({ x }, d, { attrs }) => ({
    x: () => multiply(unreduce(d.out, x, attrs.axes, attrs.keepdim), cast(equal(x, x), d.out.dtype)),
  }),
  check: { domain: [-2, 2], samples: axesSamples() },
});

/** `log Σ e^x`, computed from the largest element down. */
export const logsumexpOp = defineOp({
  name: "logsumexp",
  inputs: ["x"],
  outputs: ["out"],
  attrs: axesAttrs,
  infer: (inputs, { axes, keepdim }) => {
    const { dtype } = floatUnary(inputs).outs.out;
    return { outs: { out: { shape: reducedShape(inputs.x.shape, axes, keepdim), dtype } } };
  },
  compose: ({ x: given }, { axes, keepdim }) => {
    const x = isFloat(given.dtype) ? given : cast(given, "float32");
    const high = bind1(logsumexpBaseOp, [x], { axes, keepdim: true });
    const sum = sumOver(exp(subtract(x, high)), axes, true);
    const out = add(log(sum), high);
    return { out: keepdim ? out : squeeze(out, axes) };
  },
  saves: ["x", "out"],
  grad: ({ x, out }, d, { attrs: { axes, keepdim } }) => ({
    x: () => multiply(unreduce(d.out, x, axes, keepdim), exp(subtract(x, unreduce(out, x, axes, keepdim)))),
  }),
  check: { domain: [-2, 2], samples: axesSamples() },
});

/** The largest element, or 0 where that is infinite: what {@link logsumexpOp} takes from all before exponentiating. */
export const logsumexpBaseOp = defineOp({
  name: "logsumexp_base",
  inputs: ["x"],
  outputs: ["out"],
  attrs: axesAttrs,
  infer: (inputs, { axes, keepdim }) => reduced(inputs, axes, keepdim),
  reduce: { combine: "max", finish: (k, high) => k.select(k.eq(k.abs(high), Infinity), 0, high) },
  grad: null,
  check: { domain: [-2, 2], samples: axesSamples() },
});

const truth = <N extends "all" | "any">(name: N, combine: "min" | "max") =>
  defineOp({
    name,
    inputs: ["x"],
    outputs: ["out"],
    attrs: axesAttrs,
    infer: ({ x }, { axes, keepdim }) => ({
      outs: { out: { shape: reducedShape(x.shape, axes, keepdim), dtype: "bool" } },
    }),
    compose: ({ x }, { axes, keepdim }) => {
      const numbers = cast(cast(x, "bool"), "int32");
      return { out: cast(bind1(combine === "min" ? leastOp : mostOp, [numbers], { axes, keepdim }), "bool") };
    },
    grad: null,
    check: { domain: [-2, 2], samples: axesSamples() },
  });

const bit = <N extends "least_bit" | "greatest_bit">(name: N, combine: "min" | "max") =>
  defineOp({
    name,
    inputs: ["x"],
    outputs: ["out"],
    attrs: axesAttrs,
    infer: (inputs, { axes, keepdim }) => reduced(inputs, axes, keepdim),
    // Nothing at all is the neutral element, which is beyond a bit: cut to 0 and 1.
    reduce: { combine, finish: (k, x) => k.max(k.min(x, 1), 0) },
    grad: null,
    check: { domain: [-2, 2], samples: axesSamples(), dtypes: ["int32"], noGradCheck: "integers" },
  });

/** Minimum of 0s and 1s; 1 of none. */
export const leastOp = bit("least_bit", "min");
/** Maximum of 0s and 1s; 0 of none. */
export const mostOp = bit("greatest_bit", "max");
/** Whether all elements are true. */
export const allOp = truth("all", "min");
/** Whether any element is true. */
export const anyOp = truth("any", "max");

type Reduction = <T extends Value>(x: T, axes: readonly number[], keepdim: boolean) => T;
const reduction =
  (op: OpRecord): Reduction =>
  <T extends Value>(x: T, axes: readonly number[], keepdim: boolean): T =>
    bind1(op, [x], { axes, keepdim }) as T;

/** Mean over normalised axes; of truth values whether any is true, as in Paddle. */
export const mean: Reduction = (x, axes, keepdim) => reduction(x.dtype === "bool" ? anyOp : meanOp)(x, axes, keepdim);
/** Product over normalised axes. */
export const prod: Reduction = reduction(prodOp);
/** Largest element over normalised axes. */
export const max: Reduction = reduction(maxOp);
/** Smallest element over normalised axes. */
export const min: Reduction = reduction(minOp);
/** Largest element over normalised axes. */
export const amax: Reduction = reduction(amaxOp);
/** Smallest element over normalised axes. */
export const amin: Reduction = reduction(aminOp);
/** Sum without NaN over normalised axes. */
export const nansum: Reduction = reduction(nansumOp);
/** Log-sum-exp over normalised axes. */
export const logsumexp: Reduction = reduction(logsumexpOp);
/** Conjunction over normalised axes. */
export const all: Reduction = reduction(allOp);
/** Disjunction over normalised axes. */
export const any: Reduction = reduction(anyOp);

/** How many elements are not NaN, in the dtype of x. */
export const countNumbers = <T extends Value>(x: T, axes: readonly number[], keepdim: boolean): T =>
  sumOver(cast(equal(x, x), isComplex(x.dtype) ? realOf(x.dtype) : x.dtype), axes, keepdim);

/** `x n / (n - correction)`, n being how many elements of `like` were reduced to each of x: Bessel's correction of a variance. */
export const besselOp = defineOp({
  name: "bessel",
  inputs: ["x", "like"],
  outputs: ["out"],
  attrs: { axes: fixed<readonly number[]>([]), correction: scalar(1) },
  infer: ({ x }) => ({ outs: { out: { shape: x.shape, dtype: x.dtype } } }),
  element: (_, { x, like }, { axes, correction }, index) => {
    const value = x.at(...index);
    const n = k.cast(product(axes.map((a) => like.extent(a))), value.type);
    return k.mul(value, k.div(n, k.max(k.sub(n, k.cast(correction, value.type)), 0)));
  },
  ghosts: ["like"],
  grad: (_, d, { attrs, meta }) => ({ x: () => bind1(besselOp, [d.out, meta.like], attrs) }),
  check: { domain: [-2, 2], samples: [{ inputs: [[3], [3, 4]], attrs: { axes: [1], correction: 1 } }] },
}) as OpRecord;

/** Variance: the sum of squared distances from the mean, over n - correction. */
export const varOp = defineOp({
  name: "var",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { ...axesAttrs, correction: scalar(1) },
  infer: (inputs, { axes, keepdim }) => reduced(inputs, axes, keepdim),
  compose: ({ x }, { axes, keepdim, correction }) => {
    const far = subtract(x, mean(x, axes, true));
    const out = bind1(besselOp, [mean(multiply(far, far), axes, true), x], { axes, correction });
    return { out: keepdim ? out : squeeze(out, axes) };
  },
  saves: ["x"],
  // d var / dx = 2 (x - mean) / (n - correction); what goes through the mean sums to 0.
  grad: ({ x }, d, { attrs: { axes, keepdim, correction } }) => ({
    x: () => {
      const share = bind1(besselOp, [unreduce(d.out, x, axes, keepdim, true), x], { axes, correction });
      return multiply(multiply(share, 2), subtract(x, mean(x, axes, true)));
    },
  }),
  check: { domain: [-2, 2], samples: axesSamples({ correction: 1 }) },
});

/** Variance over normalised axes. */
export const variance = <T extends Value>(x: T, axes: readonly number[], keepdim: boolean, correction: number): T =>
  bind1(varOp, [x], { axes, keepdim, correction }) as T;
