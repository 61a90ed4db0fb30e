// Ops: softmax and its logarithm along an axis; with trailing reductions each way is one fused kernel.

import type { DType } from "../core/dtype.js";
import { normalizeAxis } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type Inferred, type InferInput } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { divide, multiply, subtract } from "./arithmetic.js";
import { expandLike, sumOp } from "./broadcast.js";
import { cast } from "./cast.js";
import { maximum } from "./comparison.js";
import { exp } from "./exponential.js";
import { reducedShape, requireFloat } from "./infer.js";
import { maxOp } from "./reduction.js";
import { reshapeLike, unsqueeze } from "./views.js";

const keptSum = (x: Value, axis: number): Value => bind1(sumOp, [x], { axes: [axis], keepdim: true });

/** Half types sum in float32: a row of them would lose what they cannot hold. */
export const wideType = (dtype: DType): DType => (dtype === "float16" || dtype === "bfloat16" ? "float32" : dtype);

/** A tensor in {@link wideType}. */
export const widened = (x: Value): Value => cast(x, wideType(x.dtype));

const floatLike =
  (op: string) =>
  ({ x }: { readonly x: InferInput }): Inferred<"out"> => {
    requireFloat(x, op);
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  };

const axisSamples = [
  { inputs: [[3, 4]], attrs: { axis: 1 } },
  { inputs: [[2, 3, 5]], attrs: { axis: 1 } },
  { inputs: [[3, 2]], attrs: { axis: 0 } },
  { inputs: [[2, 70]], attrs: { axis: 1 } },
];

/** The gradient of an op along an axis whose slope is a formula of its result. */
const gradientOfResult = (name: string, formula: (y: Value, d: Value, axis: number) => Value) =>
  defineOp({
    name,
    inputs: ["out", "d"],
    outputs: ["x"],
    attrs: { axis: fixed(0) },
    infer: ({ out }) => ({ outs: { x: { shape: out.shape, dtype: out.dtype } } }),
    compose: ({ out, d }, { axis }) => ({ x: cast(formula(widened(out), widened(d), axis), out.dtype) }),
    grad: "parts",
    check: {
      domain: [-2, 2],
      samples: [
        {
          inputs: [
            [3, 4],
            [3, 4],
          ],
          attrs: { axis: 1 },
        },
      ],
    },
  });

/** The gradient of softmax: `(d - Σ d out) out`. */
export const softmaxGradOp = gradientOfResult("softmax_grad", (y, d, axis) =>
  multiply(y, subtract(d, keptSum(multiply(d, y), axis))),
);

/** `out = e^(x - max) / Σ e^(x - max)` along an axis. */
export const softmaxOp = defineOp({
  name: "softmax",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { axis: fixed(0) },
  infer: floatLike("softmax"),
  compose: ({ x }, { axis }) => {
    const wide = widened(x);
    const e = exp(subtract(wide, bind1(maxOp, [wide], { axes: [axis], keepdim: true })));
    return { out: cast(divide(e, keptSum(e, axis)), x.dtype) };
  },
  saves: ["out"],
  grad: ({ out }, d, { attrs }) => ({ x: () => bind1(softmaxGradOp, [out, d.out], attrs) }),
  check: {
    domain: [-2, 2],
    samples: [
      ...axisSamples,
      {
        // e^1000 overflows, the differences do not: 1/(1+e^-1) = 0.7310585786300049.
        inputs: [{ shape: [2], data: [1000, 999] }],
        attrs: { axis: 0 },
        expect: () => ({ shape: [2], data: [0.7310585786300049, 0.2689414213699951] }),
      },
    ],
  },
});

/** `out = log Σ e^x` of numbers that are at most 0 with one of them 0: a sum that needs no shift. */
export const logSumOp = defineOp({
  name: "log_sum",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { axes: fixed<readonly number[]>([]), keepdim: fixed(false) },
  infer: ({ x }, { axes, keepdim }) => ({
    outs: { out: { shape: reducedShape(x.shape, axes, keepdim), dtype: x.dtype } },
  }),
  reduce: { combine: "add", finish: (k, sum) => k.log(sum) },
  saves: ["out"],
  grad: ({ out }, d, { attrs, meta }) => ({
    x: () => {
      const share = multiply(d.out, exp(subtract(0, out)));
      return expandLike(attrs.keepdim ? share : unsqueeze(share, attrs.axes), meta.x);
    },
  }),
  check: { domain: [0.5, 2], samples: [{ inputs: [[3, 4]], attrs: { axes: [1], keepdim: true } }] },
});

/** Logarithms of probabilities end here below the largest score, as in Paddle's CPU kernels: e^-64 is 1.6e-28. */
export const farthestBehind = 64;

/** `max x` and `log Σ e^(x - max x)` along an axis, which stays with extent 1; their sum is `log Σ e^x`. */
export function logSumExp(x: Value, axis: number): { readonly max: Value; readonly logSum: Value } {
  const max = bind1(maxOp, [x], { axes: [axis], keepdim: true });
  return { max, logSum: bind1(logSumOp, [exp(subtract(x, max))], { axes: [axis], keepdim: true }) };
}

/** The gradient of log-softmax: `d - e^out Σ d`. */
export const logSoftmaxGradOp = gradientOfResult("log_softmax_grad", (y, d, axis) =>
  subtract(d, multiply(exp(y), keptSum(d, axis))),
);

/** `out = max(x - max, -64) - log Σ e^(x - max)` along an axis. */
export const logSoftmaxOp = defineOp({
  name: "log_softmax",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { axis: fixed(0) },
  infer: floatLike("log_softmax"),
  compose: ({ x }, { axis }) => {
    const wide = widened(x);
    const { max, logSum } = logSumExp(wide, axis);
    return { out: cast(subtract(maximum<Value>(subtract(wide, max), -farthestBehind), logSum), x.dtype) };
  },
  saves: ["out"],
  grad: ({ out }, d, { attrs }) => ({ x: () => bind1(logSoftmaxGradOp, [out, d.out], attrs) }),
  check: { domain: [-2, 2], samples: axisSamples },
});

/** A scalar is a line of one element. */
function along<T extends Value>(x: T, axis: number, op: string, f: (line: T, axis: number) => Value): T {
  const rank = Math.max(x.shape.length, 1);
  const at = normalizeAxis(axis, rank, op);
  return (x.shape.length > 0 ? f(x, at) : reshapeLike(f(unsqueeze(x, [0]), at), x)) as T;
}

/** Softmax along `axis` (may be negative). */
export const softmax = <T extends Value>(x: T, axis = -1): T =>
  along(x, axis, "softmax", (line, at) => bind1(softmaxOp, [line], { axis: at }));

/** Logarithm of softmax along `axis` (may be negative). */
export const logSoftmax = <T extends Value>(x: T, axis = -1): T =>
  along(x, axis, "log_softmax", (line, at) => bind1(logSoftmaxOp, [line], { axis: at }));
