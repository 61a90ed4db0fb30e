// Linear forms of index expressions: a sum of terms with constant factors, in which quotients and remainders cancel.

import { type Expr, binary, constant } from "./expr.js";

/** A term: something that is no sum, times a factor. */
export interface Term {
  readonly atom: Expr;
  readonly factor: number;
}

/** `sum of factor * atom + offset`; no atom occurs twice. */
export interface Linear {
  readonly terms: readonly Term[];
  readonly offset: number;
}

/** Finds the one node that stands for all equal expressions. */
export type Intern = (e: Expr) => Expr;

const factorOf = (e: Expr): number | undefined => (e.op === "const" ? (e.value as number) : undefined);

/** Whether factors stay far from where doubles lose integers. */
const isSafe = (n: number): boolean => Math.abs(n) < 2 ** 40;

/** Sums of more parts than this are left alone: what is shared in them may occur more often than could be counted. */
const mostParts = 256;

/** An i32 expression as a linear form; `through` gives the value behind a variable where it may stand for it. */
export function linearOf(e: Expr, intern: Intern, through: (e: Expr) => Expr | undefined): Linear | undefined {
  const factors = new Map<Expr, number>();
  let offset = 0;
  let parts = 0;
  const collect = (x: Expr, by: number): void => {
    if (++parts > mostParts) return;
    const [a, b] = x.args;
    if (x.op === "const") offset += by * (x.value as number);
    else if (x.op === "add" || x.op === "sub") {
      collect(a!, by);
      collect(b!, x.op === "add" ? by : -by);
    } else if (x.op === "mul" && factorOf(b!) !== undefined) collect(a!, by * factorOf(b!)!);
    else if (x.op === "mul" && factorOf(a!) !== undefined) collect(b!, by * factorOf(a!)!);
    else {
      const value = through(x);
      if (value) return collect(value, by);
      const atom = intern(x);
      factors.set(atom, (factors.get(atom) ?? 0) + by);
    }
  };
  collect(e, 1);
  if (parts > mostParts) return undefined;
  const terms = [...factors].map(([atom, factor]) => ({ atom, factor })).filter((t) => t.factor !== 0);
  return isSafe(offset) && terms.every((t) => isSafe(t.factor)) ? { terms, offset } : undefined;
}

/**
 * A quotient and a remainder of one dividend that belong together, in a form: `k * d * (x / d) + k * (x % d)` is `k * x`.
 * Gives the form's other terms, x and k; undefined when there are none.
 */
export function joinedDivision({ terms, offset }: Linear): { rest: Linear; x: Expr; k: number } | undefined {
  for (const rem of terms) {
    if (rem.atom.op !== "rem") continue;
    const [x, d] = rem.atom.args;
    const by = factorOf(d!);
    const div = terms.find((t) => t.atom.op === "div" && t.atom.args[0] === x && t.atom.args[1] === d);
    if (by === undefined || !div || div.factor !== rem.factor * by) continue;
    return { rest: { terms: terms.filter((t) => t !== rem && t !== div), offset }, x: x!, k: rem.factor };
  }
  return undefined;
}

/** The expression of a linear form; `depth` orders terms, those known outermost first, so that loops can hoist their sum. */
export function expressionOf({ terms, offset }: Linear, depth: (atom: Expr) => number): Expr {
  const ordered = [...terms].sort((x, y) => depth(x.atom) - depth(y.atom));
  let sum: Expr | undefined;
  for (const { atom, factor } of ordered) {
    const term = binary("mul", atom, constant("i32", factor));
    sum = sum ? binary("add", sum, term) : term;
  }
  const last = constant("i32", offset);
  return sum ? binary("add", sum, last) : last;
}
