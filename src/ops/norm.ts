// Ops: normalisation by mean and variance over any axes with scale and shift: layer, group, instance and RMS norm.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
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
    samples: [
      {
        inputs: [
          [3, 4],
          [3, 1],
          [3, 1],
        ],
        attrs: { epsilon: 1e-3 },
      },
    ],
  },
});

/** `(x - mean) / √(variance + ε)`. */
export const standardize = <T extends Value>(x: T, mean: Value | number, variance: Value, epsilon: number): T =>
  bind1(standardizeOp, [x, mean, variance], { epsilon }) as T;

/** `x · weight + bias`, what is given of them. */
export const affine = (x: Value, weight: Value | undefined, bias: Value | undefined): Value => {
  const scaled = weight ? multiply(x, cast(weight, x.dtype)) : x;
  return bias ? add(scaled, cast(bias, x.dtype)) : scaled;
};

/** Attributes of a normalisation: normalised axes, and what is added to the variance. */
export const normAttrs = { axes: fixed<readonly number[]>([]), epsilon: scalar(1e-5) };

/** Shapes and dtypes of a normalisation; its statistics have extent 1 along `axes`. */
export function inferNorm(
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
  attrs: normAttrs,
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
export function normalized({ x, weight, bias }: NormInputs, axes: readonly number[], epsilon: number) {
  const wide = widened(x);
  const mean = meanOver(wide, axes);
  const centred = subtract(wide, mean);
  const variance = meanOver(multiply(centred, centred), axes);
  const out = cast(affine(standardize(wide, mean, variance, epsilon), weight, bias), x.dtype);
  return { out, mean, variance };
}

/** Why op tables do not compare a normalisation's gradient with differences. */
export const noGradCheck = "the statistics are outputs too and give no gradient of their own";

/** A normalisation by the mean and (biased) variance over `axes`; weight and bias are broadcast to x. */
const normOp = <N extends string>(name: N, axes: readonly number[], weight: readonly number[]) =>
  defineOp({
    name,
    inputs: ["x", "weight?", "bias?"],
    outputs: ["out", "mean", "variance"],
    attrs: normAttrs,
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

/** Normalisation by the root of the mean square over `axes`; `meanSquare` is for the gradient. */
export const rmsNormOp = defineOp({
  name: "rms_norm",
  inputs: ["x", "weight?"],
  outputs: ["out", "meanSquare"],
  attrs: normAttrs,
  infer: ({ x, weight }, given) => {
    const { out, variance } = inferNorm("rms_norm", { x, weight, bias: undefined }, given.axes).outs;
    return { outs: { out, meanSquare: variance } };
  },
  compose: ({ x, weight }, { axes, epsilon }) => {
    const wide = widened(x);
    const meanSquare = meanOver(multiply(wide, wide), axes);
    return { out: cast(affine(standardize(wide, 0, meanSquare, epsilon), weight, undefined), x.dtype), meanSquare };
  },
  saves: ["x", "weight", "meanSquare"],
  grad: ({ x, weight, meanSquare }, d, { attrs, meta }) => ({
    x: () => bind1(rmsNormGradOp, [x, meanSquare, d.out, weight], attrs),
    weight: () => bind1(normWeightGradOp, [x, 0, meanSquare, d.out, meta.weight], { epsilon: attrs.epsilon }),
  }),
  check: { domain: [-2, 2], noGradCheck, samples: [{ inputs: [[3, 4], [4]], attrs: { axes: [1], epsilon: 1e-3 } }] },
});

/** With g = d weight and y = x / √(mean x² + ε): `(g - y mean(g y)) / √(mean x² + ε)`. */
export const rmsNormGradOp = defineOp({
  name: "rms_norm_grad",
  inputs: ["x", "meanSquare", "d", "weight?"],
  outputs: ["dx"],
  attrs: normAttrs,
  infer: ({ x }) => ({ outs: { dx: { shape: x.shape, dtype: x.dtype } } }),
  compose: ({ x, meanSquare, d, weight }, { axes, epsilon }) => {
    const y = standardize(widened(x), 0, meanSquare, epsilon);
    const g = affine(widened(d), weight, undefined);
    const inner = subtract(g, multiply(y, meanOver(multiply(g, y), axes)));
    return { dx: cast(standardize(inner, 0, meanSquare, epsilon), x.dtype) };
  },
  grad: "parts",
  check: {
    domain: [0.5, 2],
    samples: [{ inputs: [[3, 4], [3, 1], [3, 4], [4]], attrs: { axes: [1], epsilon: 1e-3 } }],
  },
});
