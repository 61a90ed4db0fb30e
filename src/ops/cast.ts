// Op: conversion between dtypes.

import type { DType } from "../core/dtype.js";
import { defineOp } from "../program/define-op.js";
import { fixed } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";

/** The same numbers in another dtype; float to integer truncates, complex to real drops the imaginary part. */
export const castOp = defineOp({
  name: "cast",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { dtype: fixed<DType>() },
  infer: ({ x }, { dtype }) => ({ outs: { out: { shape: x.shape, dtype } } }),
  lower: (_, { x }) => ({ out: x }),
  complex: (_, { x }) => ({ out: x }),
  grad: (_, d, { meta }) => ({ x: () => cast(d.out, meta.x.dtype) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[3, 4]], attrs: { dtype: "float64" } },
      { inputs: [[3, 4]], attrs: { dtype: "int32" } },
    ],
  },
});

/** `x` as `dtype`; returned as it is when it has that dtype. */
export function cast<T extends Value>(x: T, dtype: DType): T {
  return x.dtype === dtype ? x : (bind1(castOp, [x], { dtype }) as T);
}
