// Ops: running sums, products, extrema and log-sums along an axis.

import { isComplex, isInt } from "../core/dtype.js";
import type { DType } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import type { KernelContext, Ref } from "../fuse/body.js";
import { constant, type Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { identityOf } from "../kernel/vectorize.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind, bind1 } from "../trace/bind.js";
import { addAlongAxisGrad } from "./along-axis.js";
import { floatUnary, requireNumbers } from "./infer.js";
import { linesOf } from "./order.js";

/** Lines side by side that one block handles. */
const blockLines = 256;

/** A place in a line: the position of an element, and of the one before it in the running direction. */
interface Step {
  readonly at: Expr;
  /** Number of the element in its line. */
  readonly t: Expr;
}

/**
 * Runs along an axis, neighbouring lines in vectors: `start` makes a line's variables and gives what is done at each element.
 */
function alongLines(
  b: KernelContext,
  x: Pick<Ref, "extent" | "rank">,
  axis: number,
  reverse: boolean,
  start: () => (step: Step) => void,
): void {
  const { length, inner, count } = linesOf(x, axis);
  const chunks = k.divIndex(k.add(inner, blockLines - 1), blockLines);
  const outer = k.divIndex(count, k.max(inner, 1));
  b.parallel(k.mul(outer, chunks), (block) => {
    const o = b.let(k.mul(k.mul(k.divIndex(block, chunks), length), inner), "line");
    const from = b.let(k.mul(k.remIndex(block, chunks), blockLines), "from");
    b.lanes(from, b.let(k.min(k.add(from, blockLines), inner)), (i) => {
      const visit = start();
      b.for(0, length, (step) => {
        const t = reverse ? k.sub(k.sub(length, 1), step) : step;
        visit({ at: k.add(k.add(o, k.mul(t, inner)), i), t });
      });
    });
  });
}

const sameShape = ({ x }: { readonly x: InferInput }, dtype: DType = x.dtype) => ({
  outs: { out: { shape: x.shape, dtype } },
});

const axisSamples = (extra: Readonly<Record<string, unknown>> = {}) => [
  { inputs: [[3, 4]], attrs: { axis: 0, ...extra } },
  { inputs: [[3, 4]], attrs: { axis: 1, ...extra } },
  { inputs: [[2, 3, 20]], attrs: { axis: 1, ...extra } },
  { inputs: [[5]], attrs: { axis: 0, ...extra } },
];

/** `out[t] = x[0] + … + x[t]`; `exclusive` leaves out x[t], `reverse` runs from the end. */
export const cumsumOp = defineOp({
  name: "cumsum",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { axis: fixed(0), exclusive: fixed(false), reverse: fixed(false) },
  infer: (inputs) => {
    const { dtype } = inputs.x;
    if (isComplex(dtype)) throw new InvalidArgumentError("complex tensors are summed by parts.", { op: "cumsum" });
    return sameShape(inputs, dtype === "bool" || isInt(dtype) ? "int64" : dtype);
  },
  kernel: (b, { x }, { out }, { axis, exclusive, reverse }) => {
    alongLines(b, x, axis, reverse, () => {
      const sum = b.variable(constant(out.type, 0), "sum");
      return ({ at }) => {
        const value = b.let(k.cast(x.flat(at), out.type));
        if (exclusive) out.setFlat(at, sum.value);
        b.set(sum, k.add(sum.value, value));
        if (!exclusive) out.setFlat(at, sum.value);
      };
    });
  },
  grad: (_, d, { attrs: { axis, exclusive, reverse } }) => ({
    x: () => cumsum(d.out, axis, exclusive, !reverse),
  }),
  check: {
    domain: [-2, 2],
    samples: [
      ...axisSamples({ exclusive: false, reverse: false }),
      ...axisSamples({ exclusive: true, reverse: false }),
      ...axisSamples({ exclusive: true, reverse: true }),
    ],
    dtypes: ["int32", "int64"],
  },
});

/** Running sum along a non-negative axis. */
export const cumsum = <T extends Value>(x: T, axis: number, exclusive = false, reverse = false): T =>
  bind1(cumsumOp, [x], { axis, exclusive, reverse }) as T;

/** `out[t] = x[0] ⋯ x[t]`. */
export const cumprodOp = defineOp({
  name: "cumprod",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { axis: fixed(0) },
  infer: (inputs) => {
    requireNumbers(inputs.x, "cumprod");
    return sameShape(inputs);
  },
  kernel: (b, { x }, { out }, { axis }) => {
    alongLines(b, x, axis, false, () => {
      const value = b.variable(constant(out.type, 1), "product");
      return ({ at }) => {
        b.set(value, k.mul(value.value, x.flat(at)));
        out.setFlat(at, value.value);
      };
    });
  },
  saves: ["x"],
  grad: ({ x }, d, { attrs: { axis } }) => ({ x: () => bind1(cumprodGradOp, [x, d.out], { axis }) }),
  check: {
    domain: [-2, 2],
    samples: [...axisSamples(), { inputs: [{ shape: [4], data: [2, 0, 3, 4] }], attrs: { axis: 0 } }],
    dtypes: ["int32", "int64"],
  },
});

/**
 * `dx[j] = (x[0] ⋯ x[j-1]) s[j]` with `s[j] = d[j] + x[j+1] s[j+1]`: two passes, exact where x is 0. Differentiated no further, as in
 * Paddle.
 */
export const cumprodGradOp = defineOp({
  name: "cumprod_grad",
  inputs: ["x", "d"],
  outputs: ["out"],
  attrs: { axis: fixed(0) },
  infer: (inputs) => sameShape(inputs),
  kernel: (b, { x, d }, { out }, { axis }) => {
    const before = b.temp("before", out.type === "f64" ? "f64" : "f32", x.size);
    alongLines(b, x, axis, false, () => {
      const value = b.variable(constant(out.type, 1), "product");
      return ({ at }) => {
        b.store(before, at, value.value);
        b.set(value, k.mul(value.value, x.flat(at)));
      };
    });
    alongLines(b, x, axis, true, () => {
      const s = b.variable(constant(out.type, 0), "s");
      return ({ at }) => {
        b.set(s, k.add(d.flat(at), s.value));
        out.setFlat(at, k.mul(b.load(before, at), s.value));
        b.set(s, k.mul(s.value, x.flat(at)));
      };
    });
  },
  grad: "refused",
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          [3, 4],
          [3, 4],
        ],
        attrs: { axis: 1 },
      },
    ],
  },
});

/** Running product along a non-negative axis. */
export const cumprod = <T extends Value>(x: T, axis: number): T => bind1(cumprodOp, [x], { axis }) as T;

const runningExtremum = <N extends "cummax" | "cummin">(name: N, descending: boolean) =>
  defineOp({
    name,
    inputs: ["x"],
    outputs: ["out", "indices"],
    attrs: { axis: fixed(0), dtype: fixed<DType>("int64") },
    infer: ({ x }, { dtype }) => ({
      outs: { out: { shape: x.shape, dtype: x.dtype }, indices: { shape: x.shape, dtype } },
    }),
    kernel: (b, { x }, { out, indices }, { axis }) => {
      alongLines(b, x, axis, false, () => {
        const combine = descending ? "max" : "min";
        const best = b.variable(identityOf(combine, out.type), "best");
        const index = b.variable(constant("i32", 0), "index");
        return ({ at, t }) => {
          const value = b.let(x.flat(at));
          // A later equal element takes over; NaN stays, and a later NaN takes over from an earlier one.
          const keeps = winsOver(best.value, value, descending);
          b.set(index, k.select(keeps, index.value, t));
          b.set(best, k.select(keeps, best.value, value));
          out.setFlat(at, best.value);
          indices.setFlat(at, index.value);
        };
      });
    },
    saves: ["x", "indices"],
    grad: ({ x, indices }, d, { attrs: { axis } }) => ({
      x: () => addAlongAxisGrad(d.out, indices, x, axis),
    }),
    check: { domain: [-2, 2], samples: axisSamples({ dtype: "int64" }), dtypes: ["int32", "int64"] },
  });

/** Whether the best so far stays although `value` comes: it is strictly better, or it is NaN and `value` is not. */
function winsOver(best: Expr, value: Expr, descending: boolean): Expr {
  const better = descending ? k.gt(best, value) : k.lt(best, value);
  return k.isFloat(best) ? k.or(better, k.and(k.ne(best, best), k.eq(value, value))) : better;
}

/** Running maximum with where it was found (the latest of equal ones). */
export const cummaxOp = runningExtremum("cummax", true);
/** Running minimum with where it was found (the latest of equal ones). */
export const cumminOp = runningExtremum("cummin", false);

/** Running maximum and its indices. */
export const cummax = <T extends Value>(x: T, axis: number, dtype: DType): [T, T] =>
  bind(cummaxOp, [x], { axis, dtype }) as [T, T];
/** Running minimum and its indices. */
export const cummin = <T extends Value>(x: T, axis: number, dtype: DType): [T, T] =>
  bind(cumminOp, [x], { axis, dtype }) as [T, T];

/** `out[t] = log(e^x[0] + … + e^x[t])`, from a running maximum. */
export const logcumsumexpOp = defineOp({
  name: "logcumsumexp",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { axis: fixed(0) },
  infer: (inputs) => sameShape(inputs, floatUnary(inputs).outs.out.dtype),
  kernel: (b, { x }, { out }, { axis }) => {
    alongLines(b, x, axis, false, () => {
      const high = b.variable(constant(out.type, -Infinity), "high");
      const sum = b.variable(constant(out.type, 0), "sum");
      return ({ at }) => {
        const value = b.let(k.cast(x.flat(at), out.type));
        const next = b.let(k.maxNan(high.value, value));
        // An infinite maximum is its own logarithm: differences from it would be NaN.
        const base = b.let(k.select(k.eq(k.abs(next), Infinity), 0, next));
        b.set(sum, k.add(k.mul(sum.value, k.exp(k.sub(high.value, base))), k.exp(k.sub(value, base))));
        b.set(high, next);
        out.setFlat(at, k.add(k.log(sum.value), base));
      };
    });
  },
  saves: ["x", "out"],
  grad: ({ x, out }, d, { attrs: { axis } }) => ({ x: () => bind1(logcumsumexpGradOp, [x, out, d.out], { axis }) }),
  check: { domain: [-2, 2], samples: axisSamples() },
});

/**
 * `dx[j] = e^(x[j] - out[j]) h[j]` with `h[j] = d[j] + e^(out[j] - out[j+1]) h[j+1]`; out never falls, so no exponent is positive.
 * Differentiated no further, as in Paddle.
 */
export const logcumsumexpGradOp = defineOp({
  name: "logcumsumexp_grad",
  inputs: ["x", "y", "d"],
  outputs: ["out"],
  attrs: { axis: fixed(0) },
  infer: (inputs) => sameShape(inputs),
  kernel: (b, { x, y, d }, { out }, { axis }) => {
    alongLines(b, x, axis, true, () => {
      const h = b.variable(constant(out.type, 0), "h");
      const after = b.variable(constant(out.type, Infinity), "after");
      return ({ at }) => {
        const here = b.let(y.flat(at));
        const equal = k.eq(here, after.value);
        b.set(h, k.add(d.flat(at), k.mul(h.value, k.select(equal, 1, k.exp(k.sub(here, after.value))))));
        b.set(after, here);
        out.setFlat(at, k.mul(h.value, k.exp(k.sub(x.flat(at), here))));
      };
    });
  },
  grad: "refused",
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          [3, 4],
          [3, 4],
          [3, 4],
        ],
        attrs: { axis: 1 },
      },
    ],
  },
});

/** Running log-sum-exp along a non-negative axis. */
export const logcumsumexp = <T extends Value>(x: T, axis: number): T => bind1(logcumsumexpOp, [x], { axis }) as T;
