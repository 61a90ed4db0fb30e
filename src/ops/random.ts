// Ops: uniform, normal, integer, Bernoulli and truncated normal numbers and permutations, in the streams of Paddle's CPU kernels.

import type { DType } from "../core/dtype.js";
import type { Shape } from "../core/shape.js";
import type { KernelContext, OutRef } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import { erfinvAs241 } from "../kernel/math-libm.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { drawing, drawn, drawnLike, floatType } from "./random-body.js";
import { canonical, logarithm, type Stream, uniformBelow } from "./random-stream.js";

const int = (v: number): Expr => k.const("i32", v);

/** `out[i] = u (max - min) + min`, u canonical in [0, 1); every step rounded to the computing type. */
export const uniformOp = defineOp({
  name: "uniform",
  inputs: ["state", "like?"],
  outputs: ["out", "stateOut"],
  attrs: { shape: integers(), min: scalar(0), max: scalar(1), dtype: fixed<DType>("float32") },
  infer: drawnLike(),
  kernel: (b, { state }, { out, stateOut }, { min, max }) => {
    drawing(b, state, stateOut, (stream) => {
      const range = b.let(k.sub(max, min));
      stream.bulk(out.size, (i, x) => out.setFlat(i, k.add(k.mul(canonical(x, floatType(out)), range), min)));
    });
  },
  ghosts: ["like"],
  inplace: { stateOut: "state" },
  random: true,
  grad: null,
  check: { samples: [], noGradCheck: "random" },
});

/** Pairs of normals made between two vector loops. */
const pairs = 128;

/**
 * Marsaglia's polar method as std::normal_distribution runs it: x and y uniform in (-1, 1) until 0 < q = x² + y² <= 1, then
 * k = sqrt(-2 ln q / q) gives y k and x k, in this order; an odd count drops its last spare. Accepted pairs are gathered first, the
 * logarithms run in vectors.
 */
function normals(b: KernelContext, stream: Stream, out: OutRef, mean: Expr, std: Expr): void {
  const type = floatType(out);
  const draw = stream.canonicals(type);
  const log = logarithm(b, type);
  const points = b.local("points", type, 2 * pairs);
  const squares = b.local("squares", type, pairs);
  const factors = b.local("factors", type, pairs);
  const done = b.variable(int(0), "done");
  b.while(k.lt(done.value, out.size), () => {
    const at = b.let(done.value);
    const left = b.let(k.sub(out.size, at));
    const need = b.let(k.min(int(pairs), k.shr(k.add(left, 1), 1)));
    const count = b.variable(int(0), "count");
    b.while(k.lt(count.value, need), () => {
      const x = b.let(k.sub(k.mul(draw(), 2), 1));
      const y = b.let(k.sub(k.mul(draw(), 2), 1));
      const q = b.let(k.add(k.mul(x, x), k.mul(y, y)));
      const to = b.let(count.value);
      b.store(points, k.mul(to, 2), y);
      b.store(points, k.add(k.mul(to, 2), 1), x);
      b.store(squares, to, q);
      b.set(count, k.add(to, k.cast(k.and(k.le(q, 1), k.gt(q, 0)), "i32")));
    });
    b.lanes(0, need, (j) => {
      const q = b.load(squares, j);
      b.store(factors, j, k.sqrt(k.div(k.mul(log(q), -2), q)));
    });
    const some = b.let(k.min(left, k.mul(need, 2)));
    b.lanes(0, some, (j) => {
      const r = k.mul(b.load(points, j), b.load(factors, k.shr(j, 1)));
      out.setFlat(k.add(at, j), k.add(k.mul(r, std), mean));
    });
    b.set(done, k.add(at, some));
  });
}

/** `out[i] = r std + mean`, r standard normal. */
export const gaussianOp = defineOp({
  name: "gaussian",
  inputs: ["state", "like?"],
  outputs: ["out", "stateOut"],
  attrs: { shape: integers(), mean: scalar(0), std: scalar(1), dtype: fixed<DType>("float32") },
  infer: drawnLike(),
  kernel: (b, { state }, { out, stateOut }, { mean, std }) => {
    drawing(b, state, stateOut, (stream) => normals(b, stream, out, mean, std));
  },
  ghosts: ["like"],
  inplace: { stateOut: "state" },
  random: true,
  grad: null,
  check: { samples: [], noGradCheck: "random" },
});

/**
 * A normal restricted to [a, b] by inverting its distribution: `p = A + (B - A) u`, `value = mean + sqrt(2) std erfinv(2 p - 1)`, with
 * `low` = A = Φ((a - mean) / std) and `span` = B - A. The last product and sum are in double, rounded once.
 */
export const truncatedGaussianRandomOp = defineOp({
  name: "truncated_gaussian_random",
  inputs: ["state", "like?"],
  outputs: ["out", "stateOut"],
  attrs: {
    shape: integers(),
    mean: scalar(0),
    std: scalar(1),
    a: scalar(-2),
    b: scalar(2),
    low: scalar(),
    span: scalar(),
    dtype: fixed<DType>("float32"),
  },
  infer: drawnLike(),
  kernel: (b, { state }, { out, stateOut }, attrs) => {
    const type = floatType(out);
    drawing(b, state, stateOut, (stream) => {
      const log = logarithm(b, "f64");
      const [mean, scale] = [k.cast(attrs.mean, "f64"), k.cast(attrs.std, "f64")];
      stream.bulk(out.size, (i, word) => {
        // The smallest normal float keeps u above 0.
        const u = k.add(canonical(word, type), 2 ** -126);
        const p = k.add(attrs.low, k.mul(attrs.span, u));
        const e = k.cast(erfinvAs241(k.sub(k.mul(p, 2), 1), log), "f64");
        const x = k.add(k.mul(k.mul(e, Math.SQRT2), scale), mean);
        out.setFlat(i, k.min(k.max(k.cast(x, type), attrs.a), attrs.b));
      });
    });
  },
  ghosts: ["like"],
  inplace: { stateOut: "state" },
  random: true,
  grad: null,
  check: { samples: [], noGradCheck: "random" },
});

/** Uniform integers from `low` to `high - 1`. */
export const randintOp = defineOp({
  name: "randint",
  inputs: ["state", "like?"],
  outputs: ["out", "stateOut"],
  attrs: { shape: integers(), low: scalar(0), high: scalar(), dtype: fixed<DType>("int64") },
  infer: drawnLike("int64"),
  kernel: (b, { state }, { out, stateOut }, { low, high }) => {
    drawing(b, state, stateOut, (stream) => {
      const draw = stream.words64();
      const range = b.let(k.sub(high, low));
      b.for(0, out.size, (i) => out.setFlat(i, k.add(uniformBelow(b, draw, range), low)));
    });
  },
  ghosts: ["like"],
  inplace: { stateOut: "state" },
  random: true,
  grad: null,
  check: { samples: [], noGradCheck: "random" },
});

/** The integers from 0 to n - 1, shuffled as std::shuffle does: two swaps for each draw. */
export const randpermOp = defineOp({
  name: "randperm",
  inputs: ["state"],
  outputs: ["out", "stateOut"],
  attrs: { n: integers(), dtype: fixed<DType>("int64") },
  infer: (_, { n, dtype }) => drawn(n, dtype),
  kernel: (b, { state }, { out, stateOut }) => {
    const items = b.temp("items", "i32", out.size);
    drawing(b, state, stateOut, (stream) => {
      b.lanes(0, out.size, (i) => b.store(items, i, i));
      shuffle(b, stream.words64(), items, out.size);
      b.lanes(0, out.size, (i) => out.setFlat(i, b.load(items, i)));
    });
  },
  inplace: { stateOut: "state" },
  random: true,
  grad: null,
  check: { samples: [], noGradCheck: "random" },
});

function shuffle(b: KernelContext, draw: () => Expr, items: ReturnType<KernelContext["temp"]>, n: Expr): void {
  const swap = (i: Expr, j: Expr): void => {
    const [x, y] = [b.let(b.load(items, i)), b.let(b.load(items, j))];
    b.store(items, i, y);
    b.store(items, j, x);
  };
  const at = b.variable(int(1), "at");
  b.if(k.and(k.eq(k.and(n, 1), 0), k.gt(n, 0)), () => {
    swap(int(1), k.cast(uniformBelow(b, draw, k.const("i64", 2n)), "i32"));
    b.set(at, int(2));
  });
  b.while(k.lt(at.value, n), () => {
    const i = b.let(at.value);
    const wide = b.let(k.add(k.cast(i, "i64"), 2));
    const x = uniformBelow(b, draw, k.mul(k.sub(wide, 1), wide));
    const quotient = b.let(k.divIndex(x, wide));
    swap(i, k.cast(quotient, "i32"));
    swap(k.add(i, 1), k.cast(k.sub(x, k.mul(quotient, wide)), "i32"));
    b.set(at, k.add(i, 2));
  });
}

/** `out[i] = u < x[i] ? 1 : 0`. */
export const bernoulliOp = defineOp({
  name: "bernoulli",
  inputs: ["x", "state"],
  outputs: ["out", "stateOut"],
  attrs: {},
  infer: ({ x }) => drawn(x.shape, x.dtype),
  kernel: (b, { x, state }, { out, stateOut }) => {
    const type = floatType(out);
    drawing(b, state, stateOut, (stream) => {
      stream.bulk(out.size, (i, word) => {
        const hit = k.lt(canonical(word, type), x.flat(i));
        out.setFlat(i, k.select(hit, k.const(type, 1), k.const(type, 0)));
      });
    });
  },
  inplace: { stateOut: "state" },
  random: true,
  grad: null,
  check: { samples: [], noGradCheck: "random" },
});

/** Where a result's shape comes from: itself, or a tensor whose shape it takes (at run time, in Programs). */
export type ShapeSource = Shape | Value;

/** The operand and attribute of a shape source. */
export const shapeOperand = (from: ShapeSource): { like: Value | undefined; shape: Shape } =>
  Array.isArray(from) ? { like: undefined, shape: from as Shape } : { like: from as Value, shape: [] };

/** Uniform numbers in [min, max), from `state`. Bounds are rounded to float32 first, as Paddle's attributes are. */
export function uniform(from: ShapeSource, min: number, max: number, dtype: DType, state: Value): Value {
  const { like, shape } = shapeOperand(from);
  return bind1(uniformOp, [state, like], { shape, min: Math.fround(min), max: Math.fround(max), dtype });
}

/** Normal numbers, from `state`. Mean and deviation are rounded to float32 first. */
export function gaussian(from: ShapeSource, mean: number, std: number, dtype: DType, state: Value): Value {
  const { like, shape } = shapeOperand(from);
  return bind1(gaussianOp, [state, like], { shape, mean: Math.fround(mean), std: Math.fround(std), dtype });
}

/** Integers from `low` to `high - 1`, from `state`. */
export function randint(from: ShapeSource, low: number, high: number, dtype: DType, state: Value): Value {
  const { like, shape } = shapeOperand(from);
  return bind1(randintOp, [state, like], { shape, low, high, dtype });
}

/** 0 … n-1 in random order. */
export const randperm = (n: number, dtype: DType, state: Value): Value => bind1(randpermOp, [state], { n: [n], dtype });

/** 1 with probability `x`, else 0. */
export const bernoulli = (x: Value, state: Value): Value => bind1(bernoulliOp, [x, state]);
