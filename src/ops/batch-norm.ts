// Ops: batch norm in training and in evaluation, and the running statistics that it keeps.

import { defineOp } from "../program/define-op.js";
import { scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind, bind1 } from "../trace/bind.js";
import { add, divide, multiply, subtract } from "./arithmetic.js";
import { sumTo } from "./broadcast.js";
import { cast } from "./cast.js";
import { affine, inferNorm, noGradCheck, normAttrs, normalized, normWeightGradOp, standardize } from "./norm.js";
import { widened } from "./softmax.js";

/** All gradients of batch norm at once: two reductions serve the three of them. Weight and bias have the statistics' shape. */
export const batchNormGradOp = defineOp({
  name: "batch_norm_grad",
  inputs: ["x", "mean", "variance", "d", "weight?"],
  outputs: ["dx", "dweight", "dbias"],
  attrs: normAttrs,
  infer: ({ x, mean }) => {
    const stats = { shape: mean.shape, dtype: mean.dtype };
    return { outs: { dx: { shape: x.shape, dtype: x.dtype }, dweight: stats, dbias: stats } };
  },
  compose: ({ x, mean, variance, d, weight }, { axes, epsilon }) => {
    const y = standardize(widened(x), mean, variance, epsilon);
    const g = widened(d);
    const dbias = sumTo(g, mean);
    const dweight = sumTo(multiply(g, y), mean);
    const count = axes.reduce((n, a) => n * x.shape[a]!, 1);
    const inner = subtract(g, divide(add(dbias, multiply(y, dweight)), count));
    const dx = standardize(affine(inner, weight, undefined), 0, variance, epsilon);
    return { dx: cast(dx, x.dtype), dweight, dbias };
  },
  grad: "parts",
  check: {
    domain: [0.5, 2],
    samples: [
      {
        inputs: [
          [6, 4],
          [1, 4],
          [1, 4],
          [6, 4],
          [1, 4],
        ],
        attrs: { axes: [0], epsilon: 1e-3 },
      },
    ],
  },
});

/** Normalisation of each channel over all samples; weight and bias have the statistics' shape (extent 1 but for the channel). */
export const batchNormOp = defineOp({
  name: "batch_norm",
  inputs: ["x", "weight?", "bias?"],
  outputs: ["out", "mean", "variance"],
  attrs: normAttrs,
  infer: (inputs, given) => inferNorm("batch_norm", inputs, given.axes),
  compose: (inputs, given) => normalized(inputs, given.axes, given.epsilon),
  saves: ["x", "weight", "mean", "variance"],
  grad: ({ x, weight, mean, variance }, d, { attrs }) => {
    let all: readonly Value[] | undefined;
    const part = (i: number): Value => {
      all ??= bind(batchNormGradOp, [x, mean, variance, d.out, weight], attrs);
      return all[i]!;
    };
    return { x: () => part(0), weight: () => part(1), bias: () => part(2) };
  },
  check: {
    domain: [-2, 2],
    noGradCheck,
    samples: [
      {
        inputs: [
          [6, 4],
          [1, 4],
          [1, 4],
        ],
        attrs: { axes: [0], epsilon: 1e-3 },
      },
      {
        inputs: [
          [3, 4, 5],
          [1, 4, 1],
          [1, 4, 1],
        ],
        attrs: { axes: [0, 2], epsilon: 1e-3 },
      },
    ],
  },
});

/** Normalisation by given statistics, as batch norm has it in evaluation: `standardised x · weight + bias`. */
export const batchNormInferOp = defineOp({
  name: "batch_norm_infer",
  inputs: ["x", "mean", "variance", "weight?", "bias?"],
  outputs: ["out"],
  attrs: { epsilon: scalar(1e-5) },
  infer: ({ x }) => ({ outs: { out: { shape: x.shape, dtype: x.dtype } } }),
  compose: ({ x, mean, variance, weight, bias }, { epsilon }) => ({
    out: cast(affine(standardize(widened(x), mean, variance, epsilon), weight, bias), x.dtype),
  }),
  saves: ["x", "mean", "variance", "weight"],
  grad: ({ x, mean, variance, weight }, d, { attrs, meta }) => ({
    x: () => cast(standardize(affine(widened(d.out), weight, undefined), 0, variance, attrs.epsilon), x.dtype),
    weight: () => bind1(normWeightGradOp, [x, mean, variance, d.out, meta.weight], attrs),
    bias: () => d.out,
  }),
  check: {
    domain: [0.5, 2],
    noGradCheck: "statistics are constants, as in Paddle",
    samples: [
      {
        inputs: [
          [6, 4],
          [1, 4],
          [1, 4],
          [1, 4],
          [1, 4],
        ],
        attrs: { epsilon: 1e-3 },
      },
    ],
  },
});

/** `running = momentum · running + (1 - momentum) · value`, in the memory of `running`. */
export const movingAverageOp = defineOp({
  name: "moving_average_",
  inputs: ["running", "value"],
  outputs: ["out"],
  attrs: { momentum: scalar(0.9) },
  infer: ({ running }) => ({ outs: { out: { shape: running.shape, dtype: running.dtype } }, compute: running.dtype }),
  lower: (k, { running, value }, { momentum }) => ({
    out: k.add(k.mul(running, momentum), k.mul(value, k.sub(1, momentum))),
  }),
  inplace: { out: "running" },
  grad: null,
  check: {
    domain: [-2, 2],
    samples: [{ inputs: [[4], [4]], attrs: { momentum: 0.75 } }],
  },
});

/** The value of one tensor with the gradient of another of its shape. */
export const withGradientOfOp = defineOp({
  name: "with_gradient_of",
  inputs: ["value", "path"],
  outputs: ["out"],
  attrs: {},
  infer: ({ value }) => ({ outs: { out: { shape: value.shape, dtype: value.dtype } } }),
  lower: (_, { value }) => ({ out: value }),
  ghosts: ["path"],
  grad: (_, d) => ({ path: () => d.out }),
  check: {
    domain: [-2, 2],
    noGradCheck: "the gradient is another tensor's by definition",
    samples: [{ inputs: [[3], [3]] }],
  },
});
