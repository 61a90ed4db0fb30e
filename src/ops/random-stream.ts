// std::mt19937_64 in the kernel language: words in bulk and one by one, and the elementary transformations of libstdc++.

import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import type { Mutable } from "../kernel/builder.js";
import type { Buf, Expr } from "../kernel/expr.js";
import { logDouble, logFloat } from "../kernel/math-libm.js";
import { logDoubleTable, logFloatTable } from "../kernel/math-libm-tables.js";
import { k } from "../kernel/ops.js";
import { stateWords } from "./random-state.js";

const word = (v: bigint): Expr => k.const("i64", BigInt.asIntN(64, v));
const int = (v: number): Expr => k.const("i32", v);

/** Distance of the recurrence. */
const half = stateWords / 2;
/** Words a refill makes at once; divides `half`. */
const width = 4;

/** The next word at a place of the recurrence, from the upper bit of one word, the lower ones of the next, and a distant one. */
function twist(current: Expr, next: Expr, distant: Expr): Expr {
  const x = k.or(k.and(current, word(0xffffffff80000000n)), k.and(next, word(0x7fffffffn)));
  const ifOdd = k.and(k.neg(k.and(x, word(1n))), word(0xb5026f5aa96619e9n));
  return k.xor(k.xor(distant, k.ushr(x, 1)), ifOdd);
}

/** What is drawn from a word of the state. */
function temper(raw: Expr): Expr {
  let x = k.xor(raw, k.and(k.ushr(raw, 29), word(0x5555555555555555n)));
  x = k.xor(x, k.and(k.shl(x, 17), word(0x71d67fffeda60000n)));
  x = k.xor(x, k.and(k.shl(x, 37), word(0xfff7eee000000000n)));
  return k.xor(x, k.ushr(x, 43));
}

/**
 * A word as a uniform number in [0, 1): converted as unsigned with one rounding, times 2^-64, below 1. Words with the top bit are halved
 * first, the lost bit kept as a sticky one, because signed conversion is the one that every processor has.
 */
export function canonical(x: Expr, type: "f32" | "f64"): Expr {
  const large = k.lt(x, word(0n));
  const halved = k.select(large, k.or(k.ushr(x, 1), k.and(x, word(1n))), x);
  const scale = k.select(large, k.const(type, 2 ** -63), k.const(type, 2 ** -64));
  return k.min(k.mul(k.cast(halved, type), scale), type === "f32" ? 1 - 2 ** -24 : 1 - 2 ** -53);
}

/** The upper 64 bits of the unsigned product of two words. */
export function highProduct(x: Expr, y: Expr): Expr {
  const low = (v: Expr): Expr => k.and(v, word(0xffffffffn));
  const high = (v: Expr): Expr => k.ushr(v, 32);
  const middle = k.add(k.mul(high(x), low(y)), high(k.mul(low(x), low(y))));
  const carry = k.add(k.mul(low(x), high(y)), low(middle));
  return k.add(k.add(k.mul(high(x), high(y)), high(middle)), high(carry));
}

/** The generator as a kernel of one block draws from it. Words are drawn strictly in order; `end` must come last. */
export class Stream {
  private readonly words: Buf;
  private readonly position: Mutable;

  constructor(
    private readonly b: KernelContext,
    state: Ref,
    stateOut: OutRef,
  ) {
    // The op overwrites the state in place: one address under two names, used under one only.
    void state.buf;
    this.words = stateOut.buf!;
    this.position = b.variable(k.cast(b.load(this.words, stateWords), "i32"), "position");
  }

  /** Gives `count` words in order to `emit`, with their place in the count; independent, in vectors. */
  bulk(count: Expr, emit: (i: Expr, word: Expr) => void): void {
    const { b, position } = this;
    const done = b.variable(int(0), "done");
    b.while(k.lt(done.value, count), () => {
      b.if(k.ge(position.value, int(stateWords)), () => this.refill());
      const from = b.let(position.value);
      const at = b.let(done.value);
      const some = b.let(k.min(k.sub(count, at), k.sub(int(stateWords), from)));
      b.lanes(0, some, (i) => emit(k.add(at, i), temper(b.load(this.words, k.add(from, i)))));
      b.set(done, k.add(at, some));
      b.set(position, k.add(from, some));
    });
  }

  /** A source of single draws, each word put through `prepare` ahead of time. */
  draws(mem: "i64" | "f32" | "f64", prepare: (word: Expr) => Expr): () => Expr {
    const { b, position } = this;
    const ready = b.local("ready", mem, stateWords);
    const fill = (from: Expr): void =>
      b.lanes(from, stateWords, (i) => b.store(ready, i, prepare(temper(b.load(this.words, i)))));
    fill(b.let(position.value));
    return () => {
      b.if(k.ge(position.value, int(stateWords)), () => {
        this.refill();
        fill(int(0));
      });
      const x = b.let(b.load(ready, position.value));
      b.set(position, k.add(position.value, 1));
      return x;
    };
  }

  /** Draws words as they are. */
  words64(): () => Expr {
    return this.draws("i64", (x) => x);
  }

  /** Draws uniform numbers in [0, 1). */
  canonicals(type: "f32" | "f64"): () => Expr {
    return this.draws(type, (x) => canonical(x, type));
  }

  /** Writes the position back. */
  end(): void {
    this.b.store(this.words, stateWords, k.cast(this.position.value, "i64"));
  }

  /** Makes the next 312 words. The word after the last is the first: its copy stands where the position is otherwise. */
  private refill(): void {
    const { b, words } = this;
    const step = (distance: number) => (i: Expr) => {
      const at = (offset: number): Expr => b.load(words, k.add(i, offset), width);
      b.store(words, i, twist(at(0), at(1), at(distance)));
    };
    b.for(0, half, step(half), { step: width });
    b.store(words, stateWords, b.load(words, 0));
    b.for(half, stateWords, step(-half), { step: width });
    b.set(this.position, int(0));
  }
}

/** The C library's logarithm, its table in the kernel's own memory. */
export function logarithm(b: KernelContext, type: "f32" | "f64"): (x: Expr) => Expr {
  const numbers = type === "f32" ? logFloatTable : logDoubleTable;
  const table = b.local(`log_${type}`, "f64", numbers.length);
  numbers.forEach((v, i) => b.store(table, i, k.const("f64", v)));
  const at = (i: Expr): Expr => b.load(table, i);
  return (x) => (type === "f32" ? logFloat(x, at) : logDouble(x, at));
}

/**
 * `std::uniform_int_distribution` on [0, range): Lemire's multiplication, redrawing where the low half of the product is biased.
 * `range` is a positive i64.
 */
export function uniformBelow(b: KernelContext, draw: () => Expr, range: Expr): Expr {
  const first = draw();
  const product = b.variable(k.mul(first, range), "low");
  const high = b.variable(highProduct(first, range), "high");
  b.if(k.ult(product.value, range), () => {
    const least = b.let(unsignedRemainder(b, k.neg(range), range));
    b.while(k.ult(product.value, least), () => {
      const again = draw();
      b.set(product, k.mul(again, range));
      b.set(high, highProduct(again, range));
    });
  });
  return b.let(high.value);
}

/** Remainder of an unsigned 64-bit number by a positive signed one: the quotient of the halved number is at most 1 too small, doubled. */
export function unsignedRemainder(b: KernelContext, x: Expr, by: Expr): Expr {
  const quotient = k.shl(k.divIndex(k.ushr(x, 1), by), 1);
  const rest = b.let(k.sub(x, k.mul(quotient, by)));
  return k.select(k.ult(rest, by), rest, k.sub(rest, by));
}
