// Ops: Poisson and gamma numbers by rejection, one distribution object an element as in Paddle's CPU kernels.

import type { KernelContext } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { requireFloat } from "./infer.js";
import { drawing, drawn, floatType } from "./random-body.js";
import { logarithm } from "./random-stream.js";

const yes = k.const("i32", 1);
const no = k.const("i32", 0);
const f64 = (v: number): Expr => k.const("f64", v);
const isSet = (flag: { readonly value: Expr }): Expr => k.ne(flag.value, 0);

/** A standard normal number by the polar method, and its spare. */
function polar(b: KernelContext, draw: () => Expr, log: (x: Expr) => Expr, type: "f32" | "f64"): [Expr, Expr] {
  const [x, y, q] = ["px", "py", "pq"].map((name) => b.variable(k.const(type, 0), name));
  b.while(k.or(k.gt(q!.value, 1), k.eq(q!.value, 0)), () => {
    b.set(x!, k.sub(k.mul(draw(), 2), 1));
    b.set(y!, k.sub(k.mul(draw(), 2), 1));
    b.set(q!, k.add(k.mul(x!.value, x!.value), k.mul(y!.value, y!.value)));
  });
  const factor = b.let(k.sqrt(k.div(k.mul(log(q!.value), -2), q!.value)));
  return [b.let(k.mul(y!.value, factor)), b.let(k.mul(x!.value, factor))];
}

/** Mean below 12: how many uniform numbers multiply to more than e^-mean. */
function smallPoisson(b: KernelContext, draw: () => Expr, mean: Expr): Expr {
  const least = b.let(k.exp(k.neg(mean)));
  const product = b.variable(f64(1), "product");
  const count = b.variable(f64(-1), "count");
  const more = b.variable(yes, "more");
  b.while(isSet(more), () => {
    b.set(product, k.mul(product.value, draw()));
    b.set(count, k.add(count.value, 1));
    b.set(more, k.cast(k.gt(product.value, least), "i32"));
  });
  return b.let(count.value);
}

/**
 * Mean of 12 and more: Devroye's rejection from a mixture of two half normals, three points and an exponential tail (Non-Uniform Random
 * Variate Generation, 1986, X.3.3, with its errata), as std::poisson_distribution runs it. The normals of one element share a spare.
 */
function largePoisson(b: KernelContext, draw: () => Expr, log: (x: Expr) => Expr, mean: Expr): Expr {
  const let_ = (x: Expr): Expr => b.let(x);
  const m = let_(k.floor(mean));
  const logMean = let_(k.log(mean));
  const logFactorial = let_(k.lgamma(k.add(m, 1)));
  const root = let_(k.sqrt(m));
  const widest = k.sqrt(k.mul(k.mul(m, 2), k.log(k.mul(m, 32 / (Math.PI / 4)))));
  const d = let_(k.roundAway(k.max(k.min(m, widest), 6)));
  const cx = let_(k.add(k.mul(m, 2), d));
  const rootCx = let_(k.sqrt(k.div(cx, 2)));
  const overCx = let_(k.div(1, cx));
  const tail = k.exp(k.mul(k.mul(k.neg(d), overCx), k.add(k.div(d, 2), 1)));
  const cb = k.div(k.mul(k.mul(cx, 2), tail), d);
  const c1 = let_(k.mul(root, Math.sqrt(Math.PI / 2)));
  const c2 = let_(k.add(k.mul(k.sqrt(k.mul(cx, Math.PI / 4)), k.exp(overCx)), c1));
  const c3 = let_(k.add(c2, 1));
  const c4 = let_(k.add(c3, 1));
  const c5 = let_(k.add(c4, Math.exp(1 / 78)));
  const c = let_(k.add(cb, c5));
  const [x, w] = [b.variable(f64(0), "x"), b.variable(f64(0), "w")];
  const spare = b.variable(f64(0), "spare");
  const [hasSpare, again, outside] = [b.variable(no, "hasSpare"), b.variable(yes, "again"), b.variable(no, "outside")];
  const normal = (): Expr => {
    const n = b.variable(spare.value, "n");
    b.if(
      isSet(hasSpare),
      () => b.set(hasSpare, no),
      () => {
        const [first, second] = polar(b, draw, log, "f64");
        b.set(n, first);
        b.set(spare, second);
        b.set(hasSpare, yes);
      },
    );
    return let_(n.value);
  };
  const chain = (cases: readonly (readonly [Expr, () => void])[], last: () => void): void => {
    const [head, ...rest] = cases;
    if (!head) last();
    else b.if(head[0], head[1], () => chain(rest, last));
  };
  b.while(isSet(again), () => {
    const u = let_(k.mul(draw(), c));
    const e = let_(k.neg(k.log(k.sub(1, draw()))));
    b.set(w, f64(0));
    b.set(outside, no);
    const below = (): void => {
      const n = normal();
      const y = let_(k.sub(k.mul(k.neg(k.abs(n)), root), 1));
      b.set(x, k.floor(y));
      b.set(w, k.div(k.mul(k.neg(n), n), 2));
      b.set(outside, k.cast(k.lt(x.value, k.neg(m)), "i32"));
    };
    const above = (): void => {
      const y = let_(k.add(k.mul(k.abs(normal()), rootCx), 1));
      b.set(x, k.ceil(y));
      b.set(w, k.mul(k.mul(y, k.sub(2, y)), overCx));
      b.set(outside, k.cast(k.gt(x.value, d), "i32"));
    };
    const point = (at: number, weight: number) => (): void => {
      b.set(x, f64(at));
      b.set(w, f64(weight));
    };
    chain(
      [
        [k.le(u, c1), below],
        [k.le(u, c2), above],
        [k.le(u, c3), point(-1, 0)],
        [k.le(u, c4), point(0, 0)],
        [k.le(u, c5), point(1, 1 / 78)],
      ],
      () => {
        const v = k.neg(k.log(k.sub(1, draw())));
        const y = let_(k.add(d, k.div(k.mul(v, k.mul(cx, 2)), d)));
        b.set(x, k.ceil(y));
        b.set(w, k.mul(k.mul(k.neg(d), overCx), k.add(k.div(y, 2), 1)));
      },
    );
    const bound = k.sub(logFactorial, k.lgamma(k.add(k.add(x.value, m), 1)));
    const unlikely = k.gt(k.sub(k.sub(w.value, e), k.mul(x.value, logMean)), bound);
    b.set(again, k.or(outside.value, k.cast(unlikely, "i32")));
  });
  return let_(k.add(x.value, m));
}

/** Largest mean that is drawn: beyond it a sample would not be an int64. */
const largestMean = 2 ** 62;

/** `out[i]` Poisson with mean `x[i]`, drawn in double; a mean that is NaN or not positive gives 0. */
export const poissonOp = defineOp({
  name: "poisson",
  inputs: ["x", "state"],
  outputs: ["out", "stateOut"],
  attrs: {},
  infer: ({ x }) => {
    requireFloat(x, "poisson");
    return drawn(x.shape, x.dtype);
  },
  kernel: (b, { x, state }, { out, stateOut }) => {
    drawing(b, state, stateOut, (stream) => {
      const draw = stream.canonicals("f64");
      const log = logarithm(b, "f64");
      b.for(0, out.size, (i) => {
        const mean = b.let(k.min(k.cast(x.flat(i), "f64"), largestMean));
        const result = b.variable(f64(0), "result");
        b.if(
          k.ge(mean, 12),
          () => b.set(result, largePoisson(b, draw, log, mean)),
          () => b.if(k.ge(mean, 0), () => b.set(result, smallPoisson(b, draw, mean))),
        );
        out.setFlat(i, k.cast(result.value, out.type));
      });
    });
  },
  inplace: { stateOut: "state" },
  random: true,
  grad: null,
  check: { samples: [], noGradCheck: "random" },
});

/**
 * `out[i]` gamma with shape `x[i]` and scale 1, by Marsaglia and Tsang (2000) in x's type: d = a - 1/3, c = 1 / sqrt(9 d), v = (1 + c n)³ for
 * a normal n whose spare is dropped. Shapes below 1 draw with a + 1 and scale by (1 - u)^(1/a). A shape that is not positive gives 0.
 */
export const standardGammaOp = defineOp({
  name: "standard_gamma",
  inputs: ["x", "state"],
  outputs: ["out", "stateOut"],
  attrs: {},
  infer: ({ x }) => {
    requireFloat(x, "standard_gamma");
    return drawn(x.shape, x.dtype);
  },
  kernel: (b, { x, state }, { out, stateOut }) => {
    const type = floatType(out);
    drawing(b, state, stateOut, (stream) => {
      const draw = stream.canonicals(type);
      const log = logarithm(b, type);
      b.for(0, out.size, (i) => {
        const shape = b.let(x.flat(i));
        const result = b.variable(k.const(type, 0), "result");
        b.if(k.and(k.gt(shape, 0), k.lt(shape, Infinity)), () => b.set(result, gamma(b, draw, log, shape, type)));
        out.setFlat(i, result.value);
      });
    });
  },
  inplace: { stateOut: "state" },
  random: true,
  grad: null,
  check: { samples: [], noGradCheck: "random" },
});

function gamma(b: KernelContext, draw: () => Expr, log: (x: Expr) => Expr, shape: Expr, type: "f32" | "f64"): Expr {
  const scale = b.variable(k.const(type, 1), "scale");
  const alpha = b.variable(shape, "alpha");
  b.if(k.lt(shape, 1), () => {
    b.set(scale, k.pow(k.sub(1, draw()), k.div(1, shape)));
    b.set(alpha, k.add(shape, 1));
  });
  const d = b.let(k.sub(alpha.value, 1 / 3));
  const c = b.let(k.div(1, k.sqrt(k.mul(d, 9))));
  const v = b.variable(k.const(type, 0), "v");
  const again = b.variable(yes, "again");
  b.while(isSet(again), () => {
    const n = b.variable(k.const(type, 0), "n");
    const y = b.variable(k.const(type, 0), "y");
    b.while(k.le(y.value, 0), () => {
      b.set(n, polar(b, draw, log, type)[0]);
      b.set(y, k.add(k.mul(n.value, c), 1));
    });
    b.set(v, k.mul(k.mul(y.value, y.value), y.value));
    const u = b.let(k.sub(1, draw()));
    const square = b.let(k.mul(n.value, n.value));
    const quick = k.lt(u, k.sub(1, k.mul(k.mul(k.const(type, 0.0331), square), square)));
    const bound = k.add(k.mul(k.const(type, 0.5), square), k.mul(d, k.add(k.sub(1, v.value), log(v.value))));
    b.set(again, k.cast(k.not(k.or(quick, k.lt(log(u), bound))), "i32"));
  });
  const tiny = type === "f32" ? 2 ** -126 : 2 ** -1022;
  return k.max(k.mul(k.mul(scale.value, d), v.value), tiny);
}

/** Poisson numbers with means `x`. */
export const poisson = <T extends Value>(x: T, state: Value): T => bind1(poissonOp, [x, state]) as T;

/** Gamma numbers with shapes `x`. */
export const standardGamma = <T extends Value>(x: T, state: Value): T => bind1(standardGammaOp, [x, state]) as T;
