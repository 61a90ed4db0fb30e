// Ops around an optimizer's update: decay terms, norms of gradients, and the factor that clipping scales them by.

import { defineOp } from "../program/define-op.js";
import { fixed } from "../program/op.js";
import type { Expr } from "../kernel/expr.js";
import type { K } from "../kernel/ops.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { reducedShape, requireFloat, sameAsX } from "./infer.js";

/** What weight decay does to a gradient: nothing, `+ coeff * sign(param)`, `+ coeff * param`. */
export type DecayKind = "none" | "l1" | "l2";

/** The term that a decay adds. */
export function decayOf(k: K, kind: "l1" | "l2", coeff: Expr, param: Expr): Expr {
  if (kind === "l2") return k.mul(coeff, param);
  return k.mul(coeff, k.select(k.gt(param, 0), 1, k.select(k.lt(param, 0), k.const(param.type, -1), 0)));
}

/** The term that weight decay adds to the gradient of `x`. */
export const decayTermOp = defineOp({
  name: "decay_term",
  inputs: ["x", "coeff"],
  outputs: ["out"],
  attrs: { kind: fixed<"l1" | "l2">() },
  infer: sameAsX,
  lower: (k, { x, coeff }, { kind }) => ({ out: decayOf(k, kind, coeff, x) }),
  grad: null,
  check: {
    samples: [
      {
        inputs: [
          { shape: [3], data: [-2, 0, 4] },
          { shape: [], data: [0.5] },
        ],
        attrs: { kind: "l1" },
        expect: () => ({ shape: [3], data: [-0.5, 0, 0.5] }),
      },
      {
        inputs: [
          { shape: [3], data: [-2, 0, 4] },
          { shape: [], data: [0.5] },
        ],
        attrs: { kind: "l2" },
        expect: () => ({ shape: [3], data: [-1, 0, 2] }),
      },
    ],
  },
});

/** `coeff * sign(param)` or `coeff * param`. */
export const decayTerm = <T extends Value>(param: T, kind: "l1" | "l2", coeff: Value | number): T =>
  bind1(decayTermOp, [param, coeff], { kind }) as T;

/** Sum of squares of all elements, in float32 for half-precision tensors. */
export const squaredL2NormOp = defineOp({
  name: "squared_l2_norm",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { axes: fixed<readonly number[]>([]), keepdim: fixed(false) },
  infer: ({ x }, { axes, keepdim }) => {
    requireFloat(x, "squared_l2_norm");
    const dtype = x.dtype === "float64" ? "float64" : "float32";
    return { outs: { out: { shape: reducedShape(x.shape, axes, keepdim), dtype } } };
  },
  reduce: { combine: "add", map: (k, x) => k.mul(x, x) },
  grad: null,
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [{ shape: [2, 2], data: [1, -2, 3, 4] }],
        attrs: { axes: [0, 1], keepdim: false },
        expect: () => ({ shape: [], data: [30] }),
      },
    ],
  },
});

/** Sum of squares, a scalar. */
export const squaredL2Norm = (x: Value): Value =>
  bind1(squaredL2NormOp, [x], { axes: x.shape.map((_, i) => i), keepdim: false });

/** `limit / max(sqrt(sum of squares), limit)`: the factor that brings a norm down to `limit`, exactly 1 below it. */
export const clipFactorOp = defineOp({
  name: "clip_factor",
  inputs: ["limit", "squares*"],
  outputs: ["out"],
  attrs: {},
  infer: ({ squares }) => {
    const dtype = squares.some((s) => s.dtype === "float64") ? "float64" : "float32";
    return { outs: { out: { shape: [], dtype } }, compute: dtype };
  },
  lower: (k, { limit, squares }) => {
    const norm = k.sqrt(squares.reduce((a, b) => k.add(a, b)));
    return { out: k.div(limit, k.max(norm, limit)) };
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [
          { shape: [], data: [1] },
          [
            { shape: [], data: [9] },
            { shape: [], data: [16] },
          ],
        ],
        expect: () => ({ shape: [], data: [0.2] }),
      },
      {
        inputs: [{ shape: [], data: [1] }, [{ shape: [], data: [0.25] }]],
        expect: () => ({ shape: [], data: [1] }),
      },
    ],
  },
});

/** The factor that scales gradients whose squared norms are given down to norm `limit`. */
export const clipFactor = (squares: readonly Value[], limit: Value | number): Value =>
  bind1(clipFactorOp, [limit, squares]);

/** Brings each element into [min, max]. */
export const clipValueOp = defineOp({
  name: "clip_value",
  inputs: ["x", "min", "max"],
  outputs: ["out"],
  attrs: {},
  infer: sameAsX,
  lower: (k, { x, min, max }) => ({ out: k.min(k.max(x, min), max) }),
  grad: null,
  check: {
    samples: [
      {
        inputs: [
          { shape: [3], data: [-2, 0.5, 4] },
          { shape: [], data: [-1] },
          { shape: [], data: [1] },
        ],
        expect: () => ({ shape: [3], data: [-1, 0.5, 1] }),
      },
    ],
  },
});

/** Each element brought into [min, max]; no gradient flows. */
export const clipValue = (x: Value, min: Value | number, max: Value | number): Value =>
  bind1(clipValueOp, [x, min, max]);
