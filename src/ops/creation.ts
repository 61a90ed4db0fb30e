// Ops that make tensors from nothing but numbers.

import { type DType, isComplex, realOf } from "../core/dtype.js";
import type { Shape } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { cast } from "./cast.js";

/** A tensor filled with one number. */
export const fullOp = defineOp({
  name: "full",
  inputs: [],
  outputs: ["out"],
  attrs: { shape: integers(), value: scalar(0), dtype: fixed<DType>("float32") },
  infer: (_, { shape, dtype }) => ({ outs: { out: { shape, dtype } } }),
  lower: (_, __, { value }) => ({ out: value }),
  complex: (k, _, { value }) => ({ out: { re: value, im: k.mul(value, 0) } }),
  grad: null,
  check: {
    samples: [
      {
        inputs: [],
        attrs: { shape: [2, 3], value: 1.5, dtype: "float32" },
        expect: () => ({ shape: [2, 3], data: new Array<number>(6).fill(1.5) }),
      },
    ],
  },
});

/** A tensor of `shape` filled with `value`. */
export const full = (shape: Shape, value: number, dtype: DType): Value => bind1(fullOp, [], { shape, value, dtype });

/** A tensor like another, filled with one number; the other's data is not read. */
export const fullLikeOp = defineOp({
  name: "full_like",
  inputs: ["like"],
  outputs: ["out"],
  attrs: { value: scalar(0), dtype: fixed<DType>("float32") },
  infer: ({ like }, { dtype }) => ({ outs: { out: { shape: like.shape, dtype } } }),
  element: (_, __, { value }) => value,
  ghosts: ["like"],
  grad: null,
  check: {
    samples: [
      {
        inputs: [[2, 3]],
        attrs: { value: 2, dtype: "float32" },
        expect: () => ({ shape: [2, 3], data: new Array<number>(6).fill(2) }),
      },
    ],
  },
});

/** A tensor of the shape and dtype of `like`, filled with `value` (a real number, in complex tensors too). */
export function fullLike<T extends Value>(like: T, value: number, dtype: DType = like.dtype): T {
  // An element body gives both parts of a complex number alike: only zero may come from it.
  if (isComplex(dtype) && value !== 0)
    return cast(bind1(fullLikeOp, [like], { value, dtype: realOf(dtype) }) as T, dtype);
  return bind1(fullLikeOp, [like], { value, dtype }) as T;
}

/** Every element replaced by one number, as a function of the tensor: its gradient is zero, not absent. */
export const fillOp = defineOp({
  name: "fill",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { value: scalar(0) },
  infer: ({ x }) => ({ outs: { out: { shape: x.shape, dtype: x.dtype } } }),
  element: (_, __, { value }) => value,
  ghosts: ["x"],
  grad: (_, __, { meta }) => ({ x: () => fullLike(meta.x, 0) }),
  check: {
    samples: [
      {
        inputs: [[2, 2]],
        attrs: { value: 1.5 },
        expect: () => ({ shape: [2, 2], data: new Array<number>(4).fill(1.5) }),
      },
    ],
  },
});

/** `x` with every element replaced by a real number. */
export function fill<T extends Value>(x: T, value: number): T {
  if (isComplex(x.dtype) && value !== 0) return fullLike(x, value);
  return bind1(fillOp, [x], { value }) as T;
}

const countAttrs = { count: integers(), dtype: fixed<DType>("float32") };

/** `start + i step`, `count` numbers. */
export const arangeOp = defineOp({
  name: "arange",
  inputs: [],
  outputs: ["out"],
  attrs: { ...countAttrs, start: scalar(0), step: scalar(1) },
  infer: (_, { count, dtype }) => ({ outs: { out: { shape: [count[0]!], dtype } } }),
  element: (k, _, { start, step }, index) => k.add(start, k.mul(k.cast(index[0]!, start.type), step)),
  grad: null,
  check: {
    samples: [
      {
        inputs: [],
        attrs: { count: [3], start: 2, step: -0.5, dtype: "float64" },
        expect: () => ({ shape: [3], data: [2, 1.5, 1] }),
      },
    ],
  },
});

/** `count` numbers from `start` in steps of `step`. */
export const arange = (start: number, step: number, count: number, dtype: DType): Value =>
  bind1(arangeOp, [], { count: [count], start, step, dtype });

/** `count` numbers from `start` to `stop`, both included; the second half counts from the end, so that it meets `stop` exactly. */
export const linspaceOp = defineOp({
  name: "linspace",
  inputs: [],
  outputs: ["out"],
  attrs: { ...countAttrs, start: scalar(0), stop: scalar(1) },
  infer: (_, { count, dtype }) => ({ outs: { out: { shape: [count[0]!], dtype } } }),
  element: (k, _, { start, stop, count }, index, out) => {
    // Integers are computed in float64 and truncated, as Paddle does.
    const type = out.type === "f32" ? "f32" : "f64";
    const [from, to] = [k.cast(start, type), k.cast(stop, type)];
    const steps = k.max(k.sub(count[0]!, 1), 1);
    const step = k.div(k.sub(to, from), k.cast(steps, type));
    const i = index[0]!;
    const head = k.add(from, k.mul(step, k.cast(i, type)));
    const tail = k.sub(to, k.mul(step, k.cast(k.sub(k.sub(count[0]!, 1), i), type)));
    const single = k.eq(count[0]!, 1);
    return k.select(single, from, k.select(k.lt(i, k.shr(count[0]!, 1)), head, tail));
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [],
        attrs: { count: [5], start: 0, stop: 2, dtype: "float64" },
        expect: () => ({ shape: [5], data: [0, 0.5, 1, 1.5, 2] }),
      },
    ],
  },
});

/** `count` evenly spaced numbers, both ends included. */
export const linspace = (start: number, stop: number, count: number, dtype: DType): Value =>
  bind1(linspaceOp, [], { count: [count], start, stop, dtype });

/** `base ^ e` for `count` evenly spaced exponents. */
export const logspaceOp = defineOp({
  name: "logspace",
  inputs: [],
  outputs: ["out"],
  attrs: { ...countAttrs, start: scalar(0), stop: scalar(1), base: scalar(10) },
  infer: (_, { count, dtype }) => ({ outs: { out: { shape: [count[0]!], dtype } } }),
  element: (k, _, { start, stop, count, base }, index) => {
    const [from, to] = [k.cast(start, "f64"), k.cast(stop, "f64")];
    const step = k.div(k.sub(to, from), k.cast(k.max(k.sub(count[0]!, 1), 1), "f64"));
    return k.pow(k.cast(base, "f64"), k.add(from, k.mul(step, k.cast(index[0]!, "f64"))));
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [],
        attrs: { count: [3], start: 0, stop: 2, base: 2, dtype: "float64" },
        expect: () => ({ shape: [3], data: [1, 2, 4] }),
      },
    ],
  },
});

/** `count` numbers `base ^ e` with evenly spaced e. */
export const logspace = (start: number, stop: number, count: number, base: number, dtype: DType): Value =>
  bind1(logspaceOp, [], { count: [count], start, stop, base, dtype });

/** Row-major positions of a strided view: `offset + sum index[i] strides[i]`. */
export const stridedIndexOp = defineOp({
  name: "strided_index",
  inputs: [],
  outputs: ["out"],
  attrs: { shape: integers(), strides: integers(), offset: integers() },
  infer: (_, { shape }) => ({ outs: { out: { shape, dtype: "int32" } } }),
  element: (k, _, { strides, offset }, index) =>
    index.reduce((p, i, axis) => k.add(p, k.mul(i, strides[axis]!)), offset[0]!),
  grad: null,
  check: {
    samples: [
      {
        inputs: [],
        attrs: { shape: [2, 2], strides: [3, 1], offset: [1] },
        expect: () => ({ shape: [2, 2], data: [1, 2, 4, 5] }),
      },
    ],
  },
});

/** Positions of a strided view of flat memory. */
export const stridedIndex = (shape: Shape, strides: readonly number[], offset: number): Value =>
  bind1(stridedIndexOp, [], { shape, strides, offset: [offset] });

/** Whether coordinates ascend: strictly, or with equal neighbours allowed. The true places are the combinations in order. */
export const ascendingOp = defineOp({
  name: "ascending",
  inputs: [],
  outputs: ["out"],
  attrs: { shape: integers(), equal: fixed(false) },
  infer: (_, { shape }) => ({ outs: { out: { shape, dtype: "bool" } } }),
  element: (k, _, { equal }, index) => {
    const pairs = index.slice(1).map((i, axis) => (equal ? k.le(index[axis]!, i) : k.lt(index[axis]!, i)));
    return pairs.reduce((a, c) => k.and(a, c), k.eq(index[0]!, index[0]!));
  },
  grad: null,
  check: {
    samples: [
      { inputs: [], attrs: { shape: [2, 2], equal: false }, expect: () => ({ shape: [2, 2], data: [0, 1, 0, 0] }) },
    ],
  },
});

/** A mask of shape `n × … × n` (`rank` axes) of the ascending coordinates. */
export const ascending = (n: number, rank: number, equal: boolean): Value =>
  bind1(ascendingOp, [], { shape: new Array<number>(rank).fill(n), equal });
