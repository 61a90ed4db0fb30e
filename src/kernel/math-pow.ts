// Powers: pow for floats by a logarithm of about 68 bits, and the reciprocal square root.

import type { Expr } from "./expr.js";
import {
  abs,
  add,
  atLeast,
  atMost,
  both,
  choose,
  div,
  either,
  eq,
  exactProduct,
  exactSum,
  floor,
  gt,
  inDouble,
  isF32,
  like,
  lt,
  mul,
  ne,
  neg,
  over,
  type Pair,
  poly,
  quickSum,
  sqrt,
  sub,
  withSign,
} from "./math-base.js";
import { expOfSum } from "./math-exp.js";
import { logOfPositive, reduceLog } from "./math-log.js";
import { ln2parts64, pow64, twoThirds } from "./math-tables.js";

/** `1 / sqrt(x)`, both steps correctly rounded; within 1.5 ulp. */
export const rsqrt = (x: Expr): Expr => over(1, sqrt(x));

/**
 * `x^y` for f32 or f64, with C's rules: x^0 = 1^y = 1, NaN for negative x and fractional y, signs of zeros and infinities by odd y.
 * Within 1 ulp (f32; computed in double), 2 ulp (f64).
 */
export function pow(x: Expr, y: Expr): Expr {
  const logarithm = isF32(x) ? shortLog : longLog;
  return inDouble((a: Expr, b: Expr) => power(a, b, logarithm))(x, y);
}

const shortLog = (a: Expr): Pair => ({ hi: logOfPositive(a), lo: like(a, 0) });

function power(x: Expr, y: Expr, logarithm: (a: Expr) => Pair): Expr {
  const a = abs(x);
  const log = logarithm(a);
  // Larger exponents give 0 or infinity just as 2^80 does, but would overflow the exact product.
  const p = productWith(atLeast(atMost(y, 2 ** 80), -(2 ** 80)), log);
  const far = gt(abs(p.hi), 800);
  const finite = expOfSum(atLeast(atMost(p.hi, 800), -800), choose(far, 0, p.lo));
  return endsOfPower(x, y, a, finite);
}

function productWith(y: Expr, log: Pair): Pair {
  if (log.lo.op === "const") return { hi: mul(y, log.hi), lo: log.lo };
  const p = exactProduct(y, log.hi);
  return { hi: p.hi, lo: add(p.lo, mul(y, log.lo)) };
}

/** Zeros, infinities, signs and NaN around `|x|^y`. */
function endsOfPower(x: Expr, y: Expr, a: Expr, finite: Expr): Expr {
  const zero = eq(a, 0);
  const down = lt(y, 0);
  // 0 to a positive, infinity to a negative power: 0; else infinity.
  const vanishes = either(both(zero, gt(y, 0)), both(eq(a, Infinity), down));
  const size = choose(either(zero, eq(a, Infinity)), choose(vanishes, like(x, 0), Infinity), finite);
  const half = mul(y, 0.5);
  const whole = eq(floor(y), y);
  const odd = both(whole, ne(floor(half), half));
  const signed = choose(both(odd, lt(withSign(like(x, 1), x), 0)), neg(size), size);
  const fractional = both(both(lt(x, 0), lt(a, Infinity)), ne(floor(y), y));
  const undefined_ = either(fractional, either(ne(x, x), ne(y, y)));
  return choose(either(eq(y, 0), eq(x, 1)), 1, choose(undefined_, Number.NaN, signed));
}

/** `ln a` of a positive double as a pair, relative error about 2^-68. */
function longLog(a: Expr): Pair {
  const { e, f } = reduceLog(a);
  // s = f / (2 + f), then 2 artanh s = s (2 + z (2/3 + z q)) with z = s^2; the first terms as pairs.
  const d = quickSum(like(f, 2), f);
  const s = div(f, d.hi);
  const back = exactProduct(s, d.hi);
  const sLow = div(sub(sub(sub(f, back.hi), back.lo), mul(s, d.lo)), d.hi);
  const square = exactProduct(s, s);
  const z: Pair = { hi: square.hi, lo: add(square.lo, mul(mul(s, sLow), 2)) };
  const inner = quickSum(like(f, twoThirds[0]), mul(z.hi, poly(z.hi, pow64)));
  const term = times(z, { hi: inner.hi, lo: add(inner.lo, twoThirds[1]) });
  const outer = quickSum(like(f, 2), term.hi);
  const near = times({ hi: s, lo: sLow }, { hi: outer.hi, lo: add(outer.lo, term.lo) });
  const sum = exactSum(mul(e, ln2parts64[0]), near.hi);
  return quickSum(sum.hi, add(add(sum.lo, near.lo), mul(e, ln2parts64[1])));
}

/** The product of two pairs. */
function times(x: Pair, y: Pair): Pair {
  const p = exactProduct(x.hi, y.hi);
  return { hi: p.hi, lo: add(p.lo, add(mul(x.hi, y.lo), mul(x.lo, y.hi))) };
}
