// Ops: dropout in its forms, each a random mask of bytes and an element-wise op that fuses with its neighbours; randomised leaky ReLU.

import type { DType } from "../core/dtype.js";
import { bfloatToNumber, halfToNumber, numberToBfloat, numberToHalf } from "../core/nested.js";
import type { Shape } from "../core/shape.js";
import { broadcastShapes } from "../core/shape.js";
import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind, bind1 } from "../trace/bind.js";
import { multiply } from "./arithmetic.js";
import { requireFloat } from "./infer.js";
import { drawing, drawn, floatType } from "./random-body.js";
import { canonical } from "./random-stream.js";
import { stateShape } from "./random-state.js";

/** A number as an element of a dtype holds it. */
export function roundedTo(dtype: DType, x: number): number {
  if (dtype === "float64") return x;
  if (dtype === "float16") return halfToNumber(numberToHalf(Math.fround(x)));
  return dtype === "bfloat16" ? bfloatToNumber(numberToBfloat(Math.fround(x))) : Math.fround(x);
}

/** Extents of a mask that differs along `axes` only; null: along all. */
const maskShape = (x: Shape, axes: readonly number[] | null): Shape =>
  axes === null ? x : x.map((n, i) => (axes.includes(i) ? n : 1));

/** One byte an element: 0 where `u < p`, 1 where the element is kept; u is a canonical float32 whatever x's dtype. */
export const dropoutMaskOp = defineOp({
  name: "dropout_mask",
  inputs: ["x", "state"],
  outputs: ["mask", "stateOut"],
  attrs: { p: scalar(0.5), axes: fixed<readonly number[] | null>(null) },
  infer: ({ x }, { axes }) => ({
    outs: {
      mask: { shape: maskShape(x.shape, axes), dtype: "uint8" },
      stateOut: { shape: stateShape, dtype: "int64" },
    },
    compute: "float32",
  }),
  kernel: (b, { state }, { mask, stateOut }, { p }) => {
    drawing(b, state, stateOut, (stream) => {
      stream.bulk(mask.size, (i, word) => mask.setFlat(i, k.cast(k.ge(canonical(word, "f32"), p), "i32")));
    });
  },
  ghosts: ["x"],
  inplace: { stateOut: "state" },
  random: true,
  grad: null,
  check: { samples: [], noGradCheck: "random" },
});

const keepMaskInfer = ({ x, mask }: { readonly x: InferInput; readonly mask: InferInput }) => {
  requireFloat(x, "dropout");
  return { outs: { out: { shape: broadcastShapes(x.shape, mask.shape, "dropout"), dtype: x.dtype } } };
};

const maskSample = { shape: [2, 3], data: [1, 0, 1, 0, 1, 1], dtype: "uint8" } as const;

/** `out = mask ? x / divisor : 0`. */
export const keepOp = defineOp({
  name: "dropout_keep",
  inputs: ["x", "mask"],
  outputs: ["out"],
  attrs: { divisor: scalar(1) },
  infer: keepMaskInfer,
  lower: (_, { x, mask }, { divisor }) => ({ out: k.select(k.ne(mask, 0), k.div(x, divisor), 0) }),
  saves: ["mask"],
  grad: ({ mask }, d, { attrs }) => ({ x: () => keep(d.out, mask, attrs.divisor) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [[2, 3], maskSample],
        attrs: { divisor: 0.5 },
        expect: (x, mask) => ({ shape: [2, 3], data: x!.data.map((v, i) => (mask!.data[i] ? v / 0.5 : 0)) }),
      },
    ],
  },
});

const keep = (x: Value, mask: Value, divisor: number): Value => bind1(keepOp, [x, mask], { divisor });

/** `out = (x scale) mask`, the mask broadcast: how Paddle composes dropout along axes. */
export const maskScaleOp = defineOp({
  name: "dropout_scale",
  inputs: ["x", "mask"],
  outputs: ["out"],
  attrs: { scale: scalar(1) },
  infer: keepMaskInfer,
  lower: (_, { x, mask }, { scale }) => ({ out: k.mul(k.mul(x, scale), k.cast(mask, x.type)) }),
  saves: ["mask"],
  grad: ({ mask }, d, { attrs }) => ({ x: () => maskScale(d.out, mask, attrs.scale) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [[2, 3], maskSample],
        attrs: { scale: 2 },
        expect: (x, mask) => ({ shape: [2, 3], data: x!.data.map((v, i) => v * 2 * mask!.data[i]!) }),
      },
    ],
  },
});

const maskScale = <T extends Value>(x: T, mask: Value, scale: number): T =>
  bind1(maskScaleOp, [x, mask], { scale }) as T;

/** `out = a (x mask + drop (1 - mask)) + b`: dropout that keeps the mean and variance of SELU networks. */
export const alphaMaskOp = defineOp({
  name: "alpha_dropout_mask",
  inputs: ["x", "mask"],
  outputs: ["out"],
  attrs: { a: scalar(), b: scalar(), drop: scalar() },
  infer: keepMaskInfer,
  lower: (_, { x, mask }, { a, b, drop }) => {
    const kept = k.cast(mask, x.type);
    return { out: k.add(k.mul(k.add(k.mul(x, kept), k.mul(k.sub(1, kept), drop)), a), b) };
  },
  saves: ["mask"],
  grad: ({ mask }, d, { attrs }) => ({ x: () => maskScale(d.out, mask, attrs.a) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [[2, 3], maskSample],
        attrs: { a: 0.8, b: 0.1, drop: -1.7 },
        expect: (x, mask) => ({
          shape: [2, 3],
          data: x!.data.map((v, i) => 0.8 * (mask!.data[i] ? v : -1.7) + 0.1),
        }),
      },
    ],
  },
});

/** Plain dropout: kept elements divided by `divisor`, which is 1 - p or 1. */
export const dropoutOp = defineOp({
  name: "dropout",
  inputs: ["x", "state"],
  outputs: ["out", "mask", "stateOut"],
  attrs: { p: fixed<number>(0.5), divisor: fixed<number>(1) },
  infer: ({ x }) => {
    requireFloat(x, "dropout");
    return {
      outs: {
        out: { shape: x.shape, dtype: x.dtype },
        mask: { shape: x.shape, dtype: "uint8" },
        stateOut: { shape: stateShape, dtype: "int64" },
      },
    };
  },
  compose: ({ x, state }, { p, divisor }) => {
    const [mask, stateOut] = dropoutMask(x, state, p, null);
    return { out: keep(x, mask, divisor), mask, stateOut };
  },
  inplace: { stateOut: "state" },
  saves: ["mask"],
  grad: ({ mask }, d, { attrs }) => ({ x: () => keep(d.out, mask, attrs.divisor) }),
  random: true,
  check: { samples: [], noGradCheck: "random; dropout_keep is checked" },
});

const dropoutMask = (x: Value, state: Value, p: number, axes: readonly number[] | null): [Value, Value] =>
  bind(dropoutMaskOp, [x, state], { p: Math.fround(p), axes }) as [Value, Value];

/** One uniform number in [lower, upper) for each negative element, in order; 1 for the others. */
function leakySlopes(
  b: KernelContext,
  x: Ref,
  state: Ref,
  noise: OutRef,
  stateOut: OutRef,
  low: Expr,
  high: Expr,
): void {
  const type = floatType(noise);
  drawing(b, state, stateOut, (stream) => {
    const draw = stream.canonicals(type);
    const range = b.let(k.sub(high, low));
    b.for(0, noise.size, (i) => {
      b.if(
        k.lt(x.flat(i), 0),
        () => noise.setFlat(i, k.add(k.mul(draw(), range), low)),
        () => noise.setFlat(i, k.const(type, 1)),
      );
    });
  });
}

/** Slopes of randomised leaky ReLU. */
export const rreluNoiseOp = defineOp({
  name: "rrelu_noise",
  inputs: ["x", "state"],
  outputs: ["noise", "stateOut"],
  attrs: { lower: scalar(), upper: scalar() },
  infer: ({ x }) => {
    requireFloat(x, "rrelu");
    const { out, stateOut } = drawn(x.shape, x.dtype).outs;
    return { outs: { noise: out, stateOut } };
  },
  kernel: (b, { x, state }, { noise, stateOut }, { lower, upper }) =>
    leakySlopes(b, x, state, noise, stateOut, lower, upper),
  inplace: { stateOut: "state" },
  random: true,
  grad: null,
  check: { samples: [], noGradCheck: "random" },
});

/** Dropout of single elements; the gradient goes through the kept ones. */
export const dropout = <T extends Value>(x: T, state: Value, p: number, divisor: number): T =>
  bind1(dropoutOp, [x, state], { p: Math.fround(p), divisor: roundedTo(x.dtype, Math.fround(divisor)) }) as T;

/** Dropout of whole slices: the mask differs along `axes` only, kept elements are multiplied by `scale`. */
export const dropoutAlong = <T extends Value>(
  x: T,
  state: Value,
  p: number,
  axes: readonly number[],
  scale: number,
): T => maskScale(x, dropoutMask(x, state, p, axes)[0], scale);

/** {@link alphaMaskOp} on a fresh mask. */
export function alphaDropout<T extends Value>(
  x: T,
  state: Value,
  p: number,
  axes: readonly number[] | null,
  line: { readonly a: number; readonly b: number; readonly drop: number },
): T {
  return bind1(alphaMaskOp, [x, dropoutMask(x, state, p, axes)[0]], line) as T;
}

/** `x` times random slopes where it is negative. */
export const rrelu = <T extends Value>(x: T, state: Value, lower: number, upper: number): T =>
  multiply(x, bind(rreluNoiseOp, [x, state], { lower: Math.fround(lower), upper: Math.fround(upper) })[0] as T);

/** `x` where it is not negative, else `slope x`. */
export const leakyOp = defineOp({
  name: "rrelu_eval",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { slope: scalar() },
  infer: ({ x }) => {
    requireFloat(x, "rrelu");
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  },
  lower: (_, { x }, { slope }) => ({ out: k.select(k.lt(x, 0), k.mul(x, slope), x) }),
  saves: ["x"],
  grad: ({ x }, d, { attrs }) => ({ x: () => leakyGrad(d.out, x, attrs.slope) }),
  check: { domain: [-2, 2], samples: [{ inputs: [[5]], attrs: { slope: 0.2 } }] },
});

/** `x < 0 ? slope d : d`. */
export const leakyGradOp = defineOp({
  name: "rrelu_eval_grad",
  inputs: ["d", "x"],
  outputs: ["out"],
  attrs: { slope: scalar() },
  infer: ({ d }) => ({ outs: { out: { shape: d.shape, dtype: d.dtype } } }),
  lower: (_, { d, x }, { slope }) => ({ out: k.select(k.lt(x, 0), k.mul(d, slope), d) }),
  saves: ["x"],
  grad: ({ x }, d, { attrs }) => ({ d: () => leakyGrad(d.out, x, attrs.slope), x: () => null }),
  check: { domain: [-2, 2], samples: [{ inputs: [[5], [5]], attrs: { slope: 0.2 } }] },
});

const leakyGrad = (d: Value, x: Value, slope: number): Value => bind1(leakyGradOp, [d, x], { slope });

/** Leaky ReLU with the middle of the slopes: rrelu outside training. */
export const rreluEval = <T extends Value>(x: T, slope: number): T => bind1(leakyOp, [x], { slope }) as T;

/** `u < p ? 1 : u > p ? 0 : u`: Paddle's Bernoulli numbers in place, from uniform ones. */
export const bernoulliFromOp = defineOp({
  name: "bernoulli_from",
  inputs: ["u", "p"],
  outputs: ["out"],
  attrs: {},
  infer: ({ u, p }) => ({
    outs: { out: { shape: broadcastShapes(u.shape, p.shape, "bernoulli_"), dtype: u.dtype } },
    compute: u.dtype,
  }),
  lower: (_, { u, p }) => {
    const other = k.select(k.gt(u, p), 0, u);
    return { out: k.select(k.lt(u, p), 1, other) };
  },
  grad: null,
  check: { reference: (u, p) => (u! < p! ? 1 : u! > p! ? 0 : u!), domain: [0, 1] },
});

/** 1 where `u` is below `p`, 0 where it is above. */
export const bernoulliFrom = (u: Value, p: Value | number): Value => bind1(bernoulliFromOp, [u, p]);
