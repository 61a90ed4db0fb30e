// Ranges of 32-bit index expressions: the least and the greatest value each can take, from the bounds of loops.

import type { Expr, Var } from "./expr.js";

/** Bounds of an integer, both included. */
export interface Range {
  readonly lo: number;
  readonly hi: number;
}

/** What is known of an arbitrary i32. */
export const anyInt: Range = { lo: -(2 ** 31), hi: 2 ** 31 - 1 };

/** A range, or nothing known when it leaves the 32 bits: then the value may have wrapped. */
export const within = (lo: number, hi: number): Range => (lo < anyInt.lo || hi > anyInt.hi ? anyInt : { lo, hi });

const union = (x: Range, y: Range): Range => ({ lo: Math.min(x.lo, y.lo), hi: Math.max(x.hi, y.hi) });

/** Ranges of expressions, given those of variables. */
export class Ranges {
  private readonly vars = new Map<Var, Range>();
  private readonly memo = new Map<Expr, Range>();

  /** Records what is known of a variable that never changes within its scope. */
  declare(v: Var, range: Range): void {
    this.vars.set(v, range);
  }

  /** The range of a scalar i32 expression. */
  of(e: Expr): Range {
    if (e.type !== "i32" || e.lanes !== 1) return anyInt;
    if (e.op === "const") return { lo: e.value as number, hi: e.value as number };
    if (e.op === "var") return this.vars.get(e.value as Var) ?? anyInt;
    let range = this.memo.get(e);
    if (!range) {
      range = this.compute(e);
      this.memo.set(e, range);
    }
    return range;
  }

  private compute(e: Expr): Range {
    const [a, b] = e.args;
    switch (e.op) {
      case "add":
        return sum(this.of(a!), this.of(b!));
      case "sub": {
        const y = this.of(b!);
        return sum(this.of(a!), { lo: -y.hi, hi: -y.lo });
      }
      case "mul":
        return product(this.of(a!), this.of(b!));
      case "div":
        return quotient(this.of(a!), this.of(b!));
      case "rem":
        return remainder(this.of(a!), this.of(b!));
      case "min": {
        const [x, y] = [this.of(a!), this.of(b!)];
        return { lo: Math.min(x.lo, y.lo), hi: Math.min(x.hi, y.hi) };
      }
      case "max": {
        const [x, y] = [this.of(a!), this.of(b!)];
        return { lo: Math.max(x.lo, y.lo), hi: Math.max(x.hi, y.hi) };
      }
      case "select":
        return union(this.of(b!), this.of(e.args[2]!));
      default:
        return anyInt;
    }
  }
}

const sum = (x: Range, y: Range): Range => within(x.lo + y.lo, x.hi + y.hi);

function product(x: Range, y: Range): Range {
  const corners = [x.lo * y.lo, x.lo * y.hi, x.hi * y.lo, x.hi * y.hi];
  return within(Math.min(...corners), Math.max(...corners));
}

/** Of a division that truncates towards zero; nothing is said of divisors that may be 0 or negative. */
function quotient(x: Range, y: Range): Range {
  if (y.lo <= 0) return anyInt;
  const corners = [x.lo / y.lo, x.lo / y.hi, x.hi / y.lo, x.hi / y.hi].map(Math.trunc);
  return { lo: Math.min(...corners), hi: Math.max(...corners) };
}

/** Of a remainder, which has the dividend's sign. */
function remainder(x: Range, y: Range): Range {
  if (y.lo <= 0) return anyInt;
  const most = y.hi - 1;
  return { lo: Math.max(Math.min(x.lo, 0), -most), hi: Math.min(Math.max(x.hi, 0), most) };
}
