// Ops: cross entropy of class scores with class numbers or with distributions, and the negative log-likelihood.

import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind, bind1 } from "../trace/bind.js";
import { add, multiply, subtract } from "./arithmetic.js";
import { sumOp } from "./broadcast.js";
import { cast } from "./cast.js";
import { atClass, classAt, classAttrs, inferClasses, placesOf, requireShape } from "./class-pick.js";
import { minimum } from "./comparison.js";
import { exp } from "./exponential.js";
import { requireFloat } from "./infer.js";
import { farthestBehind, logSumExp, widened, wideType } from "./softmax.js";

/** `logSum + min(max - x[class], 64)` at each place, 0 where the label is `ignore`. */
export const classLossOp = defineOp({
  name: "class_loss",
  inputs: ["x", "max", "logSum", "label"],
  outputs: ["loss"],
  attrs: classAttrs,
  infer: ({ max }) => ({ outs: { loss: { shape: max.shape, dtype: max.dtype } } }),
  element: (_, { x, max, logSum, label }, { axis, ignore }, index) => {
    const { inside, counts } = classAt(x, label, index, axis, ignore[0]!);
    const behind = k.sub(max.at(...index), k.cast(x.at(...atClass(index, axis, inside)), max.type));
    return k.select(counts, k.add(logSum.at(...index), k.min(behind, farthestBehind)), 0);
  },
  grad: null,
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [[3, 2], [3, 1], [3, 1], { shape: [3, 1], data: [1, -100, 0], dtype: "int64" }],
        attrs: { axis: 1, ignore: [-100] },
      },
    ],
  },
});

/**
 * Cross entropy of scores with class numbers: `loss = log Σ e^x - x[label]`, 0 where the label is `ignore`; a score counts as
 * at most 64 below the largest, as in Paddle. `norm` is `log Σ e^x`: all that the gradient needs beside x, so no softmax is stored.
 */
export const crossEntropyOp = defineOp({
  name: "cross_entropy_with_softmax",
  inputs: ["x", "label"],
  outputs: ["loss", "norm"],
  attrs: classAttrs,
  infer: ({ x, label }, { axis }) => {
    inferClasses("cross_entropy", x, label, axis);
    const shape = placesOf(x.shape, axis);
    return { outs: { loss: { shape, dtype: x.dtype }, norm: { shape, dtype: wideType(x.dtype) } } };
  },
  compose: ({ x, label }, attrs) => {
    const { max, logSum } = logSumExp(widened(x), attrs.axis);
    return { loss: cast(bind1(classLossOp, [x, max, logSum, label], attrs), x.dtype), norm: add(max, logSum) };
  },
  saves: ["x", "label", "norm"],
  grad: ({ x, label, norm }, d, { attrs }) => ({
    x: () => bind1(crossEntropyGradOp, [x, label, norm, d.loss], attrs),
  }),
  check: {
    domain: [-2, 2],
    noGradCheck: "norm is an output for the gradient only",
    samples: [
      {
        // log(e^0 + e^log 3) = log 4.
        inputs: [
          { shape: [3, 2], data: [0, Math.log(3), 5, 6, 0, Math.log(3)] },
          { shape: [3, 1], data: [0, -100, 1], dtype: "int64" },
        ],
        attrs: { axis: 1, ignore: [-100] },
        expect: () => ({ shape: [3, 1], data: [Math.log(4), 0, Math.log(4 / 3)] }),
      },
      {
        inputs: [[2, 3, 4], { shape: [2, 1, 4], data: [0, 1, 2, 0, 1, 2, 0, 1], dtype: "int32" }],
        attrs: { axis: 1, ignore: [1] },
      },
    ],
  },
});

/** `(e^(x - norm) - [class = label]) d`, 0 where the label is ignored. */
export const crossEntropyGradOp = defineOp({
  name: "cross_entropy_with_softmax_grad",
  inputs: ["x", "label", "norm", "d"],
  outputs: ["dx"],
  attrs: classAttrs,
  infer: ({ x }) => ({ outs: { dx: { shape: x.shape, dtype: x.dtype } } }),
  element: (_, { x, label, norm, d }, { axis, ignore }, index) => {
    const place = atClass(index, axis, undefined);
    const raw = k.cast(label.at(...place), "i32");
    const share = k.exp(k.sub(k.cast(x.at(...index), norm.type), norm.at(...place)));
    const hit = k.select(k.eq(raw, index[axis]!), k.sub(share, 1), share);
    return k.select(k.ne(raw, ignore[0]!), k.mul(hit, k.cast(d.at(...place), norm.type)), 0);
  },
  grad: "refused",
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [[3, 4], { shape: [3, 1], data: [1, -100, 3], dtype: "int64" }, [3, 1], [3, 1]],
        attrs: { axis: 1, ignore: [-100] },
      },
    ],
  },
});

/** Cross entropy of scores with distributions over the classes: `loss = Σ label (log Σ e^x - x)`. */
export const crossEntropySoftOp = defineOp({
  name: "cross_entropy_soft",
  inputs: ["x", "label"],
  outputs: ["loss", "norm"],
  attrs: { axis: fixed(0) },
  infer: ({ x, label }, { axis }) => {
    requireFloat(x, "cross_entropy");
    requireFloat(label, "cross_entropy");
    requireShape("cross_entropy", "label", label.shape, x.shape);
    const shape = placesOf(x.shape, axis);
    return { outs: { loss: { shape, dtype: x.dtype }, norm: { shape, dtype: wideType(x.dtype) } } };
  },
  compose: ({ x, label }, { axis }) => {
    const wide = widened(x);
    const { max, logSum } = logSumExp(wide, axis);
    const each = add(logSum, minimum<Value>(subtract(max, wide), farthestBehind));
    const loss = bind1(sumOp, [multiply(cast(label, wide.dtype), each)], { axes: [axis], keepdim: true });
    return { loss: cast(loss, x.dtype), norm: add(max, logSum) };
  },
  saves: ["x", "label", "norm"],
  grad: ({ x, label, norm }, d, { attrs }) => ({
    x: () => bind1(crossEntropySoftGradOp, [x, label, norm, d.loss], attrs),
  }),
  check: {
    domain: [0.5, 2],
    noGradCheck: "norm is an output for the gradient only; labels get no gradient, as in Paddle",
    samples: [
      {
        inputs: [
          [3, 4],
          [3, 4],
        ],
        attrs: { axis: 1 },
      },
      {
        inputs: [
          [2, 3, 4],
          [2, 3, 4],
        ],
        attrs: { axis: 1 },
      },
    ],
  },
});

/** `(e^(x - norm) Σ label - label) d`. */
export const crossEntropySoftGradOp = defineOp({
  name: "cross_entropy_soft_grad",
  inputs: ["x", "label", "norm", "d"],
  outputs: ["dx"],
  attrs: { axis: fixed(0) },
  infer: ({ x }) => ({ outs: { dx: { shape: x.shape, dtype: x.dtype } } }),
  compose: ({ x, label, norm, d }, { axis }) => {
    const wide = widened(x);
    const y = cast(label, wide.dtype);
    const mass = bind1(sumOp, [y], { axes: [axis], keepdim: true });
    const inner = subtract(multiply(exp(subtract(wide, norm)), mass), y);
    return { dx: cast(multiply(inner, widened(d)), x.dtype) };
  },
  grad: "parts",
  check: {
    domain: [0.5, 2],
    samples: [
      {
        inputs: [
          [3, 4],
          [3, 4],
          [3, 1],
          [3, 1],
        ],
        attrs: { axis: 1 },
      },
    ],
  },
});

/** Loss of each place and `log Σ e^x`; `label` has extent 1 along `axis`, and places whose label is `ignore` lose nothing. */
export const crossEntropy = <T extends Value>(x: T, label: Value, axis: number, ignore: number): T =>
  bind(crossEntropyOp, [x, label], { axis, ignore: [ignore] })[0] as T;

/** Loss of each place against a distribution of x's shape. */
export const crossEntropySoft = <T extends Value>(x: T, label: Value, axis: number): T =>
  bind(crossEntropySoftOp, [x, label], { axis })[0] as T;
