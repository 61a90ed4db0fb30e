// Ops: activations that are straight lines in pieces, each with its gradient as an op of its own.

import type { Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { activation } from "./activation-record.js";
import { multiply, scale } from "./arithmetic.js";
import { greaterThan, lessEqual, lessThan } from "./comparison.js";
import { where } from "./logic.js";
import { abs } from "./rounding.js";

const zero = (x: Expr): Expr => k.const(x.type, 0);

/** `max(x, 0)`; NaN gives 0, as in Paddle. */
export const [reluOp, reluGradOp] = activation("relu", {
  attrs: {},
  saves: "out",
  value: (x) => k.max(zero(x), x),
  grad: (out, d) => k.select(k.gt(out, 0), d, 0),
  second: null,
  reference: (x) => Math.max(x, 0),
});

/** `min(max(x, 0), 6)`. */
export const [relu6Op, relu6GradOp] = activation("relu6", {
  attrs: {},
  saves: "out",
  value: (x) => k.min(k.max(x, 0), 6),
  grad: (out, d) => k.select(k.and(k.gt(out, 0), k.lt(out, 6)), d, 0),
  second: null,
  reference: (x) => Math.min(Math.max(x, 0), 6),
});

/** x, or `negativeSlope x` where x < 0. */
export const [leakyReluOp, leakyReluGradOp] = activation("leaky_relu", {
  attrs: { negativeSlope: scalar(0.01) },
  saves: "x",
  value: (x, { negativeSlope }) => k.select(k.lt(x, 0), k.mul(x, negativeSlope), x),
  grad: (x, d, { negativeSlope }) => k.select(k.lt(x, 0), k.mul(d, negativeSlope), d),
  second: null,
  reference: (x) => (x < 0 ? 0.01 * x : x),
});

/** x outside (-threshold, threshold), 0 inside. */
export const [hardshrinkOp, hardshrinkGradOp] = activation("hard_shrink", {
  attrs: { threshold: scalar(0.5) },
  saves: "x",
  value: (x, { threshold }) => k.select(k.lt(k.abs(x), threshold), 0, x),
  grad: (x, d, { threshold }) => k.select(k.lt(k.abs(x), threshold), 0, d),
  second: null,
  reference: (x) => (Math.abs(x) < 0.5 ? 0 : x),
  gradDomain: [0.6, 0.9],
});

/** x moved towards 0 by the threshold, 0 within it. */
export const [softshrinkOp, softshrinkGradOp] = activation("softshrink", {
  attrs: { threshold: scalar(0.5) },
  saves: "x",
  value: (x, { threshold }) => k.sub(k.max(k.sub(x, threshold), 0), k.max(k.sub(k.neg(x), threshold), 0)),
  grad: (x, d, { threshold }) => k.select(k.gt(k.abs(x), threshold), d, 0),
  second: null,
  reference: (x) => Math.sign(x) * Math.max(Math.abs(x) - 0.5, 0),
  gradDomain: [0.6, 0.9],
});

/** x between min and max. */
export const [hardtanhOp, hardtanhGradOp] = activation("hardtanh", {
  attrs: { min: scalar(-1), max: scalar(1) },
  saves: "x",
  value: (x, { min, max }) => k.min(k.max(x, min), max),
  grad: (x, d, { min, max }) => k.select(k.and(k.gt(x, min), k.lt(x, max)), d, 0),
  second: null,
  reference: (x) => Math.min(Math.max(x, -1), 1),
});

/** `slope x + offset` between 0 and 1. */
export const [hardsigmoidOp, hardsigmoidGradOp] = activation("hardsigmoid", {
  attrs: { slope: scalar(1 / 6), offset: scalar(0.5) },
  saves: "out",
  value: (x, { slope, offset }) => k.min(k.max(k.add(k.mul(x, slope), offset), 0), 1),
  grad: (out, d, { slope }) => k.select(k.and(k.gt(out, 0), k.lt(out, 1)), k.mul(d, slope), 0),
  second: null,
  reference: (x) => Math.min(Math.max(x / 6 + 0.5, 0), 1),
});

/** `x min(max(x + 3, 0), 6) / 6`. */
export const [hardswishOp, hardswishGradOp] = activation("hardswish", {
  attrs: {},
  saves: "x",
  value: (x) => k.div(k.mul(x, k.min(k.max(k.add(x, 3), 0), 6)), 6),
  grad: (x, d) => {
    const middle = k.mul(d, k.div(k.add(k.mul(x, 2), 3), 6));
    return k.select(k.le(x, -3), 0, k.select(k.ge(x, 3), d, middle));
  },
  second: (x) => where(lessThan(abs(x), 3), 1 / 3, scale(x, 0)),
  reference: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
});

/** x above the threshold, `value` elsewhere. */
export const [thresholdedReluOp, thresholdedReluGradOp] = activation("thresholded_relu", {
  attrs: { threshold: scalar(1), value: scalar(0) },
  saves: "x",
  value: (x, { threshold, value }) => k.select(k.gt(x, threshold), x, value),
  grad: (x, d, { threshold }) => k.select(k.gt(x, threshold), d, 0),
  second: null,
  reference: (x) => (x > 1 ? x : 0),
});

/** x where x > 0, else `alpha x`, with alpha a tensor that broadcasts. */
export const preluOp = defineOp({
  name: "prelu",
  inputs: ["x", "alpha"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => ({ outs: { out: { shape: x.shape, dtype: x.dtype } }, compute: x.dtype }),
  lower: (_, { x, alpha }) => ({ out: k.select(k.gt(x, 0), x, k.mul(x, alpha)) }),
  saves: ["x", "alpha"],
  grad: ({ x, alpha }, d) => ({
    x: () => where(greaterThan(x, 0), d.out, multiply(d.out, alpha)),
    alpha: () => where(lessEqual(x, 0), multiply(d.out, x), 0),
  }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [[2, 3], [3]],
        expect: (x, a) => ({ shape: [2, 3], data: x!.data.map((v, i) => (v > 0 ? v : v * a!.data[i % 3]!)) }),
      },
    ],
  },
});

/** `max(x, 0)`. */
export const relu = <T extends Value>(x: T): T => bind1(reluOp, [x]) as T;
/** x, or `slope x` below 0. */
export const leakyRelu = <T extends Value>(x: T, negativeSlope = 0.01): T =>
  bind1(leakyReluOp, [x], { negativeSlope }) as T;
