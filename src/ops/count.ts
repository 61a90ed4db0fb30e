// Ops: counting: bins of a histogram, occurrences of integers, runs of equal elements.

import type { DType } from "../core/dtype.js";
import { constant } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind, bind1 } from "../trace/bind.js";
import { linesOf, number, sortRows, sortSpace } from "./order.js";

/**
 * How many elements (or how much weight) fall in each of `bins` equal bins of [low, high], the last one closed; what lies outside is
 * left out. One pass by one thread.
 */
export const histogramOp = defineOp({
  name: "histogram",
  inputs: ["x", "low", "high", "weight?"],
  outputs: ["out"],
  attrs: { bins: scalar(100), dtype: fixed<DType>("int64") },
  infer: (_, { bins, dtype }) => ({ outs: { out: { shape: [bins], dtype } } }),
  kernel: (b, { x, low, high, weight }, { out }) => {
    const bins = out.extent(0);
    const zero = constant("i32", 0);
    const sums = b.temp("sums", out.type === "m32" || out.type === "m64" ? "i32" : out.type, bins);
    b.parallel(1, () => {
      b.for(0, bins, (i) => b.store(sums, i, constant(out.type, 0)));
      const type = k.isFloat(constant(x.type, 0)) ? x.type : "f64";
      const from = b.let(k.cast(low.flat(zero), type), "low");
      const to = b.let(k.cast(high.flat(zero), type), "high");
      b.for(0, x.size, (i) => {
        const value = b.let(k.cast(x.flat(i), type), "value");
        b.if(k.and(k.ge(value, from), k.le(value, to)), () => {
          const place = k.div(k.mul(k.sub(value, from), k.cast(bins, type)), k.sub(to, from));
          const bin = b.let(k.min(k.cast(place, "i32"), k.sub(bins, 1)), "bin");
          const add = weight ? k.cast(weight.flat(i), out.type) : constant(out.type, 1);
          b.store(sums, bin, k.add(b.load(sums, bin), add));
        });
      });
      b.for(0, bins, (i) => out.setFlat(i, b.load(sums, i)));
    });
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [{ shape: [4], data: [1, 2, 1, 4] }, { shape: [], data: [0] }, { shape: [], data: [4] }, undefined],
        attrs: { bins: 4, dtype: "int64" },
        expect: () => ({ shape: [4], data: [0, 2, 1, 1] }),
      },
    ],
  },
});

/** Counts in `bins` equal bins between two 0-d tensors. */
export const histogram = <T extends Value>(
  x: T,
  low: Value,
  high: Value,
  bins: number,
  options: { readonly weight?: Value | undefined; readonly dtype: DType },
): T => bind1(histogramOp, [x, low, high, options.weight], { bins, dtype: options.dtype }) as T;

/** How often each integer 0 … size-1 occurs in x, or the sum of its weights; others are left out. */
export const bincountOp = defineOp({
  name: "bincount",
  inputs: ["x", "weights?"],
  outputs: ["out"],
  attrs: { size: scalar(0) },
  infer: ({ weights }, { size }) => ({
    outs: {
      out: {
        shape: [size],
        dtype: weights === undefined ? "int64" : weights.dtype === "float32" ? "float32" : "float64",
      },
    },
  }),
  kernel: (b, { x, weights }, { out }) => {
    const size = out.extent(0);
    const sums = b.temp("sums", out.type === "m32" || out.type === "m64" ? "i32" : out.type, size);
    b.parallel(1, () => {
      b.for(0, size, (i) => b.store(sums, i, constant(out.type, 0)));
      b.for(0, x.size, (i) => {
        const at = b.let(k.cast(x.flat(i), "i32"), "at");
        b.if(k.and(k.ge(at, 0), k.lt(at, size)), () => {
          const add = weights ? k.cast(weights.flat(i), out.type) : constant(out.type, 1);
          b.store(sums, at, k.add(b.load(sums, at), add));
        });
      });
      b.for(0, size, (i) => out.setFlat(i, b.load(sums, i)));
    });
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [{ shape: [4], data: [1, 2, 1, 4], dtype: "int64" }, undefined],
        attrs: { size: 5 },
        expect: () => ({ shape: [5], data: [0, 2, 1, 0, 1] }),
      },
    ],
  },
});

/** Occurrences of 0 … size-1. */
export const bincount = <T extends Value>(x: T, weights: Value | undefined, size: number): T =>
  bind1(bincountOp, [x, weights], { size }) as T;

/** The order of the rows of `[n, …]` by their elements, first columns first: row numbers; stable. */
export const rowOrderOp = defineOp({
  name: "row_order",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => ({ outs: { out: { shape: [x.shape[0]!], dtype: "int64" } } }),
  kernel: (b, { x }, { out }) => {
    const n = x.extent(0);
    const width = b.k.divIndex(x.size, k.max(n, 1));
    const space = sortSpace(b, "i32", linesOf(out, 0));
    b.parallel(1, () => {
      const sorted = sortRows(b, space, x, n, width);
      b.for(0, n, (t) => out.setFlat(t, sorted.key(t)));
    });
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [{ shape: [4, 2], data: [2, 1, 1, 5, 2, 0, 1, 5] }],
        expect: () => ({ shape: [4], data: [1, 3, 2, 0] }),
      },
    ],
  },
});

/** Row numbers in the order of the rows. */
export const rowOrder = <T extends Value>(x: T): T => bind1(rowOrderOp, [x]) as T;

/**
 * Groups neighbouring equal rows of `[n, …]`: for each group the row it starts with and its size, for each row its group, and the
 * number of groups. The arrays of groups have room for n, zeros after the last group.
 */
export const rowRunsOp = defineOp({
  name: "row_runs",
  inputs: ["x"],
  outputs: ["first", "counts", "group", "total"],
  attrs: {},
  infer: ({ x }) => {
    const many = { shape: [x.shape[0]!], dtype: "int64" as const };
    return { outs: { first: many, counts: many, group: many, total: { shape: [1], dtype: "int64" } } };
  },
  kernel: (b, { x }, { first, counts, group, total }) => {
    const n = x.extent(0);
    const width = k.divIndex(x.size, k.max(n, 1));
    b.parallel(1, () => {
      b.for(0, n, (t) => {
        first.setFlat(t, constant("i64", 0));
        counts.setFlat(t, constant("i64", 0));
      });
      const at = b.variable(constant("i32", -1), "at");
      const start = b.variable(constant("i32", 0), "start");
      b.for(0, n, (t) => {
        const fresh = b.variable(k.cast(k.eq(t, 0), "i32"), "fresh");
        const here = b.let(k.mul(t, width), "here");
        const previous = b.let(k.mul(k.max(k.sub(t, 1), 0), width), "previous");
        b.for(0, width, (c) => {
          const differs = k.ne(number(x.flat(k.add(here, c))), number(x.flat(k.add(previous, c))));
          b.set(fresh, k.select(differs, 1, fresh.value));
        });
        b.if(k.ne(fresh.value, 0), () => {
          b.if(k.ge(at.value, 0), () => counts.setFlat(at.value, k.sub(t, start.value)));
          b.set(at, k.add(at.value, 1));
          b.set(start, t);
          first.setFlat(at.value, t);
        });
        group.setFlat(t, at.value);
      });
      b.if(k.ge(at.value, 0), () => counts.setFlat(at.value, k.sub(n, start.value)));
      total.setFlat(constant("i32", 0), k.add(at.value, 1));
    });
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [{ shape: [4], data: [2, 3, 3, 5] }],
        expect: () => [
          { shape: [4], data: [0, 1, 3, 0] },
          { shape: [4], data: [1, 2, 1, 0] },
          { shape: [4], data: [0, 1, 1, 2] },
          { shape: [1], data: [3] },
        ],
      },
    ],
  },
});

/** Groups of neighbouring equal rows: first rows, sizes, the group of each row, the number of groups. */
export const rowRuns = <T extends Value>(x: T): [T, T, T, T] => bind(rowRunsOp, [x]) as [T, T, T, T];
