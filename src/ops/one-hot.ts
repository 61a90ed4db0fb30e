// Ops: class numbers as rows of zeros with a single one, smoothed labels, and masks of sequence lengths.

import type { DType } from "../core/dtype.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { multiply } from "./arithmetic.js";
import { requireFloat, requireInt } from "./infer.js";

/** 1 at the class of each place, 0 elsewhere, along a new axis; a number that is no class gives only zeros. */
export const oneHotOp = defineOp({
  name: "one_hot",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { classes: integers(), axis: fixed(0), dtype: fixed<DType>("float32") },
  infer: ({ x }, { classes, axis, dtype }) => {
    requireInt(x, "x", "one_hot");
    return { outs: { out: { shape: [...x.shape.slice(0, axis), classes[0]!, ...x.shape.slice(axis)], dtype } } };
  },
  element: (_, { x }, { axis }, index, out) => {
    const id = x.at(...index.filter((_, a) => a !== axis));
    const hit = k.eq(k.cast(id, "i32"), index[axis]!);
    return k.select(hit, k.const(out.type === "m32" ? "i32" : out.type, 1), 0);
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [{ shape: [3], data: [2, 0, 7], dtype: "int64" }],
        attrs: { classes: [3], axis: 1, dtype: "float32" },
        expect: () => ({ shape: [3, 3], data: [0, 0, 1, 1, 0, 0, 0, 0, 0] }),
      },
      {
        inputs: [{ shape: [3], data: [1, 0, 1], dtype: "int32" }],
        attrs: { classes: [2], axis: 0, dtype: "float64" },
        expect: () => ({ shape: [2, 3], data: [0, 1, 0, 1, 0, 1] }),
      },
    ],
  },
});

/** `x` (integers) as zeros with a one along a new axis at place `axis`. */
export const oneHot = <T extends Value>(x: T, classes: number, axis = x.shape.length, dtype: DType = "float32"): T =>
  bind1(oneHotOp, [x], { classes: [classes], axis, dtype }) as T;

/** `(1 - ε) label + ε prior`, the prior 1 / classes unless given; classes are the last axis. */
export const labelSmoothOp = defineOp({
  name: "label_smooth",
  inputs: ["label", "prior?"],
  outputs: ["out"],
  attrs: { epsilon: scalar(0.1), share: scalar(1) },
  infer: ({ label }) => {
    requireFloat(label, "label_smooth");
    return { outs: { out: { shape: label.shape, dtype: label.dtype } }, compute: label.dtype };
  },
  lower: (_, { label, prior }, { epsilon, share }) => ({
    out: k.add(k.mul(k.sub(1, epsilon), label), k.mul(epsilon, prior ?? share)),
  }),
  grad: (_, d, { attrs }) => ({ label: () => multiply(d.out, 1 - attrs.epsilon) }),
  check: {
    domain: [0, 1],
    samples: [
      {
        inputs: [{ shape: [1, 4], data: [0, 1, 0, 0] }, undefined],
        attrs: { epsilon: 0.5, share: 0.25 },
        expect: () => ({ shape: [1, 4], data: [0.125, 0.625, 0.125, 0.125] }),
      },
    ],
  },
});

/** Labels moved by ε towards a prior distribution, uniform over `classes` unless given. */
export const labelSmooth = <T extends Value>(label: T, epsilon: number, classes: number, prior?: Value): T =>
  bind1(labelSmoothOp, [label, prior], { epsilon, share: 1 / classes }) as T;

/** `out[…, j] = j < x[…]` as numbers. */
export const sequenceMaskOp = defineOp({
  name: "sequence_mask",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { length: integers(), dtype: fixed<DType>("int64") },
  infer: ({ x }, { length, dtype }) => ({ outs: { out: { shape: [...x.shape, length[0]!], dtype } } }),
  element: (_, { x }, __, index, out) => {
    const bound = x.at(...index.slice(0, -1));
    const inside = k.gt(bound, k.cast(index.at(-1)!, bound.type));
    return k.select(inside, k.const(out.type === "m32" ? "i32" : out.type, 1), 0);
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [{ shape: [2], data: [1, 3], dtype: "int64" }],
        attrs: { length: [3], dtype: "int64" },
        expect: () => ({ shape: [2, 3], data: [1, 0, 0, 1, 1, 1] }),
      },
    ],
  },
});

/** 1 at the places of a sequence before its end (`x` holds the lengths), 0 behind. */
export const sequenceMask = <T extends Value>(x: T, length: number, dtype: DType): T =>
  bind1(sequenceMaskOp, [x], { length: [length], dtype }) as T;
