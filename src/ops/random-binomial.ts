// Ops: binomial numbers by waiting times or by transformed rejection, as in Paddle's CPU kernel.

import { InvalidArgumentError } from "../core/errors.js";
import { sameShape } from "../core/shape.js";
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
const isSet = (flag: { readonly value: Expr }): Expr => k.ne(flag.value, 0);

/** `out[i]` successes in `count[i]` trials of probability `prob[i]`, drawn in prob's type; operands of one shape. */
export const binomialOp = defineOp({
  name: "binomial",
  inputs: ["count", "prob", "state"],
  outputs: ["out", "stateOut"],
  attrs: {},
  infer: ({ count, prob }) => {
    requireFloat(prob, "binomial");
    if (!sameShape(count.shape, prob.shape))
      throw new InvalidArgumentError("count and prob must have one shape.", { op: "binomial" });
    return drawn(count.shape, "int64");
  },
  kernel: (b, { count, prob, state }, { out, stateOut }) => {
    const type = floatType(prob);
    drawing(b, state, stateOut, (stream) => {
      const draw = stream.canonicals(type);
      const log = logarithm(b, type);
      b.for(0, out.size, (i) => {
        const n = b.let(k.cast(count.flat(i), type));
        const p = b.let(prob.flat(i));
        const result = b.variable(k.const(type, 0), "result");
        b.if(k.and(k.and(k.gt(n, 0), k.lt(n, Infinity)), k.gt(p, 0)), () => {
          const mirrored = b.let(k.cast(k.gt(p, 0.5), "i32"));
          const q = b.let(k.select(k.ne(mirrored, 0), k.sub(1, p), p));
          b.if(
            k.ge(p, 1),
            () => b.set(result, k.const(type, 0)),
            () =>
              b.if(
                k.lt(k.mul(n, q), 10),
                () => b.set(result, fewSuccesses(b, draw, log, n, q)),
                () => b.set(result, manySuccesses(b, draw, log, n, q)),
              ),
          );
          b.if(k.ne(mirrored, 0), () => b.set(result, k.sub(n, result.value)));
        });
        out.setFlat(i, k.cast(result.value, "i64"));
      });
    });
  },
  inplace: { stateOut: "state" },
  random: true,
  grad: null,
  check: { samples: [], noGradCheck: "random" },
});

/** Few successes: how many geometric waiting times, each ceil(ln u / ln(1 - p)), fit into the trials. */
function fewSuccesses(b: KernelContext, draw: () => Expr, log: (x: Expr) => Expr, n: Expr, p: Expr): Expr {
  const failure = b.let(k.log1p(k.neg(p)));
  const waited = b.variable(k.mul(n, 0), "waited");
  const successes = b.variable(k.sub(k.mul(n, 0), 1), "successes");
  b.while(k.le(waited.value, n), () => {
    b.set(waited, k.add(waited.value, k.ceil(k.div(log(draw()), failure))));
    b.set(successes, k.add(successes.value, 1));
  });
  return b.let(successes.value);
}

/** ln x! less Stirling's formula: the exact first ten, then the series. */
const stirlingTail = [
  0.08106146679532726, 0.0413406959554093, 0.02767792568499834, 0.020790672103765093, 0.016644691189821193,
  0.013876128823070748, 0.01189670994589177, 0.010411265261972096, 0.009255462182712733, 0.00833056343336287,
];

function stirling(b: KernelContext, x: Expr): Expr {
  const value = b.variable(x, "tail");
  const next = b.let(k.add(x, 1));
  const square = b.let(k.mul(next, next));
  const series = k.sub(1 / 12, k.div(k.sub(1 / 360, k.div(1 / 1260, square)), square));
  b.set(value, k.div(series, next));
  stirlingTail.forEach((exact, i) => b.if(k.eq(x, i), () => b.set(value, k.const(x.type, exact))));
  return b.let(value.value);
}

/** Hörmann's BTRS (The generation of binomial random variates, 1993): transformed rejection with a squeeze, for n p >= 10, p <= 1/2. */
function manySuccesses(b: KernelContext, draw: () => Expr, log: (x: Expr) => Expr, n: Expr, p: Expr): Expr {
  const let_ = (x: Expr): Expr => b.let(x);
  const deviation = let_(k.sqrt(k.mul(k.mul(n, p), k.sub(1, p))));
  const spread = let_(k.add(k.mul(deviation, 2.53), 1.15));
  const a = let_(k.add(k.add(k.mul(spread, 0.0248), -0.0873), k.mul(p, 0.01)));
  const center = let_(k.add(k.mul(n, p), 0.5));
  const sure = let_(k.sub(0.92, k.div(4.2, spread)));
  const odds = let_(k.div(p, k.sub(1, p)));
  const alpha = let_(k.mul(k.add(k.div(5.1, spread), 2.83), deviation));
  const mode = let_(k.floor(k.mul(k.add(n, 1), p)));
  const modeTail = let_(k.add(stirling(b, mode), stirling(b, let_(k.sub(n, mode)))));
  const x = b.variable(k.mul(n, 0), "x");
  const again = b.variable(yes, "again");
  b.while(isSet(again), () => {
    const u = let_(k.sub(draw(), 0.5));
    const v = draw();
    const us = let_(k.sub(0.5, k.abs(u)));
    const at = let_(k.floor(k.add(k.mul(k.add(k.div(k.mul(a, 2), us), spread), u), center)));
    b.set(x, at);
    const inside = k.and(k.ge(at, 0), k.le(at, n));
    b.if(
      k.and(k.ge(us, 0.07), k.le(v, sure)),
      () => b.set(again, no),
      () =>
        b.if(inside, () => {
          const logV = log(k.div(k.mul(v, alpha), k.add(k.div(a, k.mul(us, us)), spread)));
          const rest = let_(k.add(k.sub(n, mode), 1));
          const left = let_(k.add(k.sub(n, at), 1));
          const first = k.mul(k.add(mode, 0.5), log(k.div(k.add(mode, 1), k.mul(odds, rest))));
          const second = k.mul(k.add(n, 1), log(k.div(rest, left)));
          const third = k.mul(k.add(at, 0.5), log(k.div(k.mul(odds, left), k.add(at, 1))));
          const tails = k.sub(modeTail, k.add(stirling(b, at), stirling(b, let_(k.sub(n, at)))));
          const bound = k.add(k.add(k.add(first, second), third), tails);
          b.set(again, k.cast(k.gt(logV, bound), "i32"));
        }),
    );
  });
  return let_(x.value);
}

/** Binomial numbers. */
export const binomial = (count: Value, prob: Value, state: Value): Value => bind1(binomialOp, [count, prob, state]);
