// Ops: samples whose parameters are tensors or need their own draws: exponential, multinomial, random integers of a type's whole range.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import type { KernelContext, Ref } from "../fuse/body.js";
import type { Buf, Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { requireFloat } from "./infer.js";
import { drawing, drawn, floatType } from "./random-body.js";
import { canonical, logarithm, unsignedRemainder } from "./random-stream.js";

const int = (v: number): Expr => k.const("i32", v);

/** `out[i] = -1 / lam ln(1 - u)`, of x's shape and dtype. */
export const exponentialOp = defineOp({
  name: "exponential_",
  inputs: ["x", "state"],
  outputs: ["out", "stateOut"],
  attrs: { lam: scalar(1) },
  infer: ({ x }) => {
    requireFloat(x, "exponential_");
    return drawn(x.shape, x.dtype);
  },
  kernel: (b, { state }, { out, stateOut }, { lam }) => {
    const type = floatType(out);
    drawing(b, state, stateOut, (stream) => {
      const log = logarithm(b, type);
      const scale = b.let(k.div(-1, lam));
      stream.bulk(out.size, (i, word) => out.setFlat(i, k.mul(log(k.sub(1, canonical(word, type))), scale)));
    });
  },
  ghosts: ["x"],
  inplace: { stateOut: "state" },
  random: true,
  grad: null,
  check: { samples: [], noGradCheck: "random" },
});

/** A 64-bit integer from its low and high words. */
const joined = ([low, high]: readonly Expr[]): Expr =>
  k.or(k.shl(k.cast(high!, "i64"), 32), k.and(k.cast(low!, "i64"), k.const("i64", 0xffffffffn)));

/** {@link joined}'s words. */
const words = (x: bigint): number[] => [x, x >> 32n].map((w) => Number(BigInt.asIntN(32, w)));

/**
 * Integers from `from` to `to - 1` (each as its low and high words), of x's shape and dtype: the low 32 bits of a word modulo a range below 2^28, else the whole word modulo
 * the range.
 */
export const randomOp = defineOp({
  name: "random_",
  inputs: ["x", "state"],
  outputs: ["out", "stateOut"],
  attrs: { from: integers(), to: integers() },
  infer: ({ x }) => drawn(x.shape, x.dtype, "int64"),
  kernel: (b, { state }, { out, stateOut }, attrs) => {
    drawing(b, state, stateOut, (stream) => {
      const draw = stream.words64();
      const from = b.let(joined(attrs.from));
      const range = b.let(k.sub(joined(attrs.to), from));
      const small = b.let(k.lt(range, k.const("i64", 2 ** 28)));
      b.for(0, out.size, (i) => {
        const word = draw();
        const used = b.let(k.select(small, k.and(word, k.const("i64", 0xffffffffn)), word));
        out.setFlat(i, k.cast(k.add(unsignedRemainder(b, used, range), from), out.type));
      });
    });
  },
  ghosts: ["x"],
  inplace: { stateOut: "state" },
  random: true,
  grad: null,
  check: { samples: [], noGradCheck: "random" },
});

/** A row's running sums divided by their total; the last is 1. */
function cumulate(b: KernelContext, x: Ref, first: Expr, n: Expr, cumulative: Buf): void {
  const type = floatType(x);
  const sum = b.variable(k.const(type, 0), "sum");
  b.for(0, n, (j) => {
    b.set(sum, k.add(sum.value, x.flat(k.add(first, j))));
    b.store(cumulative, j, sum.value);
  });
  const total = b.let(sum.value);
  b.lanes(0, n, (j) => b.store(cumulative, j, k.div(b.load(cumulative, j), total)));
}

/** The first place whose running sum is at least `u`, by bisection. */
function firstAtLeast(b: KernelContext, cumulative: Buf, n: Expr, u: Expr): Expr {
  const left = b.variable(int(0), "left");
  const right = b.variable(n, "right");
  b.while(k.gt(right.value, left.value), () => {
    const middle = b.let(k.add(left.value, k.shr(k.sub(right.value, left.value), 1)));
    b.if(
      k.lt(b.load(cumulative, middle), u),
      () => b.set(left, k.add(middle, 1)),
      () => b.set(right, middle),
    );
  });
  return b.let(k.min(left.value, k.sub(n, 1)));
}

/** Takes a drawn category out: its probability off the later running sums, all divided by what is left. */
function removeCategory(b: KernelContext, cumulative: Buf, n: Expr, drawnAt: Expr): void {
  const here = b.let(b.load(cumulative, drawnAt));
  const before = b.load(cumulative, k.max(k.sub(drawnAt, 1), 0));
  const probability = b.let(k.select(k.gt(drawnAt, 0), k.sub(here, before), here));
  b.if(k.ne(probability, 1), () => {
    const left = b.let(k.sub(1, probability));
    b.lanes(0, n, (j) => {
      const value = b.load(cumulative, j);
      b.store(cumulative, j, k.div(k.select(k.ge(j, drawnAt), k.sub(value, probability), value), left));
    });
  });
}

/** `samples` categories of each row of weights, with or without replacement. */
export const multinomialOp = defineOp({
  name: "multinomial",
  inputs: ["x", "state"],
  outputs: ["out", "stateOut"],
  attrs: { samples: fixed<number>(1), replacement: fixed(false) },
  infer: ({ x }, { samples, replacement }) => {
    requireFloat(x, "multinomial");
    const [rank, n] = [x.shape.length, x.shape.at(-1) ?? 0];
    if (rank < 1 || rank > 2)
      throw new InvalidArgumentError(`needs one or two axes, got ${formatShape(x.shape)}.`, { op: "multinomial" });
    if (!Number.isInteger(samples) || samples < 1)
      throw new InvalidArgumentError(`numSamples must be a positive integer, got ${samples}.`, { op: "multinomial" });
    if (!replacement && n >= 0 && samples > n) {
      throw new InvalidArgumentError(`${samples} samples of ${n} categories without replacement.`, {
        op: "multinomial",
        hint: "pass { replacement: true }, or fewer samples.",
      });
    }
    return drawn([...x.shape.slice(0, -1), samples], "int64");
  },
  kernel: (b, { x, state }, { out, stateOut }, { samples, replacement }) => {
    const type = floatType(x);
    const n = x.extent(x.rank - 1);
    const cumulative = b.temp("cumulative", type, n);
    drawing(b, state, stateOut, (stream) => {
      const draw = stream.canonicals(type);
      const rows = x.rank === 2 ? x.extent(0) : int(1);
      b.for(0, rows, (row) => {
        cumulate(b, x, b.let(k.mul(row, n)), n, cumulative);
        b.for(0, samples, (s) => {
          const u = draw();
          b.store(cumulative, k.sub(n, 1), k.const(type, 1));
          const at = firstAtLeast(b, cumulative, n, u);
          out.setFlat(k.add(k.mul(row, samples), s), k.cast(at, "i64"));
          if (!replacement) removeCategory(b, cumulative, n, at);
        });
      });
    });
  },
  inplace: { stateOut: "state" },
  random: true,
  grad: null,
  check: { samples: [], noGradCheck: "random" },
});

/** Exponential numbers of rate `lam` in the shape and dtype of `x`. */
export const exponential = <T extends Value>(x: T, lam: number, state: Value): T =>
  bind1(exponentialOp, [x, state], { lam: Math.fround(lam) }) as T;

/** Integers in [from, to) in the shape and dtype of `x`. */
export const random = <T extends Value>(x: T, from: bigint, to: bigint, state: Value): T =>
  bind1(randomOp, [x, state], { from: words(from), to: words(to) }) as T;

/** Categories drawn by weight. */
export const multinomial = (x: Value, samples: number, replacement: boolean, state: Value): Value =>
  bind1(multinomialOp, [x, state], { samples, replacement });
