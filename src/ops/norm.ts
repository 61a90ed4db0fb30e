// Ops: normalisation by mean and variance over any axes with scale and shift: layer, group, instance and batch norm.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind, bind1 } from "../trace/bind.js";
import { add, divide, multiply, subtract } from "./arithmetic.js";
import { sumTo } from "./broadcast.js";
import { cast } from "./cast.js";
import { reducedShape, requireFloat } from "./infer.js";
import { meanOp } from "./reduction.js";
import { widened, wideType } from "./softmax.js";

const meanOver = (x: Value, axes: readonly number[]): Value => bind1(meanOp, [x], { axes, keepdim: true });

/** `out = (x - mean) / √(variance + ε)`, all broadcast. */
export const standardizeOp = defineOp({
  name: "standardize",
  inputs: ["x", "mean", "variance"],
  outputs: ["out"],
  attrs: { epsilon: scalar(1e-5) },
  infer: ({ x }) => ({ outs: { out: { shape: x.shape, dtype: x.dtype } }, compute: x.dtype }),
  lower: (k, { x, mean, variance }, { epsilon }) => ({
    out: k.mul(k.sub(x, mean), k.rsqrt(k.add(variance, epsilon))),
  }),
  saves: ["variance", "out"],
  grad: ({ variance, out }, d, { attrs: { epsilon } }) => {
    const scaled = (): Value => bind1(standardizeOp, [d.out, 0, variance], { epsilon });
    return {
      x: scaled,
      mean: () => subtract(0, scaled()),
      variance: () => multiply(divide(multiply(d.out, out), add(variance, epsilon)), -0.5),
    };
  },
  check: {
    domain: [0.5, 2],
    samples: [{ inputs: [[3, 4], [3, 1], [3, 1]], attrs: { epsilon: 1e-3 } }],
  },
});

/** `(x - mean) / √(variance + ε)`. */
export const standardize = <T extends Value>(x: T, mean: Value | number, variance: Value, epsilon: number): T =>
  bind1(standardizeOp, [x, mean, variance], { epsilon }) as T;

const affine = (x: Value, weight: Value | undefined, bias: Value | undefined): Value => {
  const scaled = weight ? multiply(x, cast(weight, x.dtype)) : x;
  return bias ? add(scaled, cast(bias, x.dtype)) : scaled;
};

const attrs = { axes: fixed<readonly number[]>([]), epsilon: scalar(1e-5) };

function inferNorm(
  op: string,
  { x, weight, bias }: { x: InferInput; weight: InferInput | undefined; bias: InferInput | undefined },
  axes: readonly number[],
) {
  requireFloat(x, op);
  for (const [name, p] of [["weight", weight] as const, ["bias", bias] as const]) {
    if (!p) continue;
    requireFloat(p, op);
    const skip = x.shape.length - p.shape.length;
    if (skip < 0 || p.shape.some((n, i) => n !== 1 && n >= 0 && x.shape[i + skip]! >= 0 && n !== x.shape[i + skip]!))
      throw new InvalidArgumentError(
        `${name} ${formatShape(p.shape)} does not fit x ${formatShape(x.shape)}: it must have one number for each that it scales.`,
        { op, x: x.shape, parameter: name },
      );
  }
  const stats = { shape: reducedShape(x.shape, axes, true), dtype: wideType(x.dtype) };
  return { outs: { out: { shape: x.shape, dtype: x.dtype }, mean: stats, variance: stats } };
}

/**
 * The gradient that a normalisation sends to x: with g = d weight and y = standardised x,
 * `(g - mean g - y mean(g y)) / √(variance + ε)`.
 */
export const normGradOp = defineOp({
  name: "norm_grad",
  inputs: ["x", "mean", "variance", "d", "weight?"],
  outputs: ["dx"],
  attrs,
  infer: ({ x }) => ({ outs: { dx: { shape: x.shape, dtype: x.dtype } } }),
  compose: ({ x, mean, variance, d, weight }, { axes, epsilon }) => {
    const y = standardize(widened(x), mean, variance, epsilon);
    const g = affine(widened(d), weight, undefined);
    const inner = subtract(subtract(g, meanOver(g, axes)), multiply(y, meanOver(multiply(g, y), axes)));
    return { dx: cast(standardize(inner, 0, variance, epsilon), x.dtype) };
  },
  grad: "parts",
  check: {
    domain: [0.5, 2],
    samples: [{ inputs: [[3, 4], [3, 1], [3, 1], [3, 4], [4]], attrs: { axes: [1], epsilon: 1e-3 } }],
  },
});

/** The gradient of a normalisation's weight: `Σ d y` over all that one weight scales. */
export const normWeightGradOp = defineOp({
  name: "norm_weight_grad",
  inputs: ["x", "mean", "variance", "d", "weight"],
  outputs: ["dweight"],
  attrs: { epsilon: scalar(1e-5) },
  infer: ({ weight }) => ({ outs: { dweight: { shape: weight.shape, dtype: weight.dtype } } }),
  compose: ({ x, mean, variance, d, weight }, { epsilon }) => {
    const y = standardize(widened(x), mean, variance, epsilon);
    return { dweight: cast(sumTo(multiply(widened(d), y), weight), weight.dtype) };
  },
  ghosts: ["weight"],
  grad: "parts",
  check: {
    domain: [0.5, 2],
    samples: [{ inputs: [[3, 4], [3, 1], [3, 1], [3, 4], [4]], attrs: { epsilon: 1e-3 } }],
  },
});

interface NormInputs {
  readonly x: Value;
  readonly weight: Value | undefined;
  readonly bias: Value | undefined;
}

/** Mean and biased variance over `axes`, and x normalised by them. */
function normalized({ x, weight, bias }: NormInputs, axes: readonly number[], epsilon: number) {
  const wide = widened(x);
  const mean = meanOver(wide, axes);
  const centred = subtract(wide, mean);
  const variance = meanOver(multiply(centred, centred), axes);
  const out = cast(affine(standardize(wide, mean, variance, epsilon), weight, bias), x.dtype);
  return { out, mean, variance };
}

const noGradCheck = "the statistics are outputs too and give no gradient of their own";

/** A normalisation by the mean and (biased) variance over `axes`; weight and bias are broadcast to x. */
const normOp = <N extends string>(name: N, axes: readonly number[], weight: readonly number[]) =>
  defineOp({
    name,
    inputs: ["x", "weight?", "bias?"],
    outputs: ["out", "mean", "variance"],
    attrs,
    infer: (inputs, given) => inferNorm(name, inputs, given.axes),
    compose: (inputs, given) => normalized(inputs, given.axes, given.epsilon),
    saves: ["x", "weight", "mean", "variance"],
    grad: ({ x, weight, mean, variance }, d, { attrs, meta }) => ({
      x: () => bind1(normGradOp, [x, mean, variance, d.out, weight], attrs),
      weight: () => bind1(normWeightGradOp, [x, mean, variance, d.out, meta.weight], { epsilon: attrs.epsilon }),
      bias: () => cast(sumTo(d.out, meta.bias!), meta.bias!.dtype),
    }),
    check: {
      domain: [-2, 2],
      noGradCheck,
      samples: [
        { inputs: [[3, 4, 5], weight, weight], attrs: { axes, epsilon: 1e-3 } },
        { inputs: [[3, 4, 5], undefined, undefined], attrs: { axes, epsilon: 1e-3 } },
      ],
    },
  });

/** Normalisation over trailing axes. */
export const layerNormOp = normOp("layer_norm", [1, 2], [4, 5]);
/** Normalisation of each channel of each sample. */
export const instanceNormOp = normOp("instance_norm", [2], [4, 1]);
/** Normalisation of each group of channels of each sample; x is `[N, groups, channels of a group, …]`. */
export const groupNormOp = normOp("group_norm", [1, 2], [4, 1]);

/** All gradients of batch norm at once: two reductions serve the three of them. Weight and bias have the statistics' shape. */
export const batchNormGradOp = defineOp({
  name: "batch_norm_grad",
  inputs: ["x", "mean", "variance", "d", "weight?"],
  outputs: ["dx", "dweight", "dbias"],
  attrs,
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
    samples: [{ inputs: [[6, 4], [1, 4], [1, 4], [6, 4], [1, 4]], attrs: { axes: [0], epsilon: 1e-3 } }],
  },
});

/** Normalisation of each channel over all samples; weight and bias have the statistics' shape (extent 1 but for the channel). */
export const batchNormOp = defineOp({
  name: "batch_norm",
  inputs: ["x", "weight?", "bias?"],
  outputs: ["out", "mean", "variance"],
  attrs,
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
      { inputs: [[6, 4], [1, 4], [1, 4]], attrs: { axes: [0], epsilon: 1e-3 } },
      { inputs: [[3, 4, 5], [1, 4, 1], [1, 4, 1]], attrs: { axes: [0, 2], epsilon: 1e-3 } },
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
    samples: [{ inputs: [[6, 4], [1, 4], [1, 4], [1, 4], [1, 4]], attrs: { epsilon: 1e-3 } }],
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
