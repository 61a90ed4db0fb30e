// Exponentials and what is made of them: exp, exp2, expm1, sigmoid, tanh, sinh, cosh.

import {
  abs,
  add,
  atLeast,
  atMost,
  bitsOf,
  choose,
  div,
  formatOf,
  isF32,
  lt,
  mul,
  neg,
  over,
  poly,
  powerOf2,
  shr,
  sub,
  withSign,
} from "./math-base.js";
import { exp32, exp64, ln2parts32, ln2parts64, tanh32 } from "./math-tables.js";
import type { Expr } from "./expr.js";

/** `x = n ln 2 + r` with |r| <= ln2 / 2: n in the low bits of `k`, and e^r - 1. */
interface Reduced {
  readonly k: Expr;
  readonly em1: Expr;
}

/** e^r - 1 for |r| <= ln2 / 2. */
function smallExpm1(r: Expr): Expr {
  const q = poly(r, isF32(r) ? exp32 : exp64);
  return add(mul(mul(q, r), r), r);
}

/** The nearest integer in the low bits of `k` and as a number `n`. */
function nearestInt(x: Expr): { readonly k: Expr; readonly n: Expr } {
  const { magic } = formatOf(x);
  const t = add(x, magic);
  return { k: bitsOf(t), n: sub(t, magic) };
}

function reduce(x: Expr): Reduced {
  const [hi, lo] = isF32(x) ? ln2parts32 : ln2parts64;
  const { k, n } = nearestInt(mul(x, Math.LOG2E));
  return { k, em1: smallExpm1(sub(sub(x, mul(n, hi)), mul(n, lo))) };
}

/** `p * 2^k` in two steps, right where the result is denormal or too large. */
function scale(p: Expr, k: Expr): Expr {
  const half = shr(k, 1);
  return mul(mul(p, powerOf2(p, half)), powerOf2(p, sub(k, half)));
}

/** Beyond these e^x is 0 or infinite, and so is the formula. */
const clampExp = (x: Expr): Expr => (isF32(x) ? atLeast(atMost(x, 89), -104) : atLeast(atMost(x, 710), -746));

/**
 * `e^x`, element-wise, f32 or f64; within 1.1 ulp, denormal results included.
 *
 * @example
 * ```ts
 * const y = exp(load(buf, i));
 * ```
 */
export function exp(x: Expr): Expr {
  const { k, em1 } = reduce(clampExp(x));
  return scale(add(em1, 1), k);
}

/** `e^(x + lo)` for doubles, where `lo` is small beside x; within 1 ulp. */
export function expOfSum(x: Expr, lo: Expr): Expr {
  const [ln2hi, ln2lo] = ln2parts64;
  const { k, n } = nearestInt(mul(x, Math.LOG2E));
  const r = add(sub(sub(x, mul(n, ln2hi)), mul(n, ln2lo)), lo);
  return scale(add(smallExpm1(r), 1), k);
}

/** `2^x`; within 1.1 ulp, exact for integers. */
export function exp2(x: Expr): Expr {
  const c = isF32(x) ? atLeast(atMost(x, 129), -151) : atLeast(atMost(x, 1025), -1076);
  const { k, n } = nearestInt(c);
  return scale(add(smallExpm1(mul(sub(c, n), Math.LN2)), 1), k);
}

/** `e^x - 1`, accurate near 0; within 2 ulp. */
export function expm1(x: Expr): Expr {
  const f32 = isF32(x);
  const { k, em1 } = reduce(f32 ? atLeast(atMost(x, 89), -20) : atLeast(atMost(x, 710), -40));
  // Half of the result, so that 2^n does not overflow before it does.
  const s = powerOf2(x, sub(k, 1));
  const half = add(mul(em1, s), sub(s, 0.5));
  return choose(lt(abs(x), f32 ? 2 ** -25 : 2 ** -54), x, add(half, half));
}

/** `1 / (1 + e^-x)`; within 2.5 ulp for x > -87 (f32), -708 (f64); smaller x give 0 or a denormal with an error below 2^-126, 2^-1022. */
export function sigmoid(x: Expr): Expr {
  const f32 = isF32(x);
  const top = f32 ? 89 : 709.5;
  const { k, em1 } = reduce(atLeast(atMost(neg(x), top), f32 ? -87 : -708));
  const half = mul(add(em1, 1), powerOf2(x, sub(k, 1)));
  return choose(lt(x, -top), 0, over(0.5, add(half, 0.5)));
}

/** `tanh x`; within 2 ulp (f32), 3 ulp (f64). */
export function tanh(x: Expr): Expr {
  const f32 = isF32(x);
  const a = atMost(abs(x), f32 ? 9.02 : 19.1);
  const { k, em1 } = reduce(add(a, a));
  const s = powerOf2(x, k);
  const e = add(mul(em1, s), sub(s, 1));
  const far = div(e, add(e, 2));
  if (!f32) return withSign(far, x);
  const z = mul(x, x);
  return withSign(choose(lt(a, 0.3), add(a, mul(mul(a, z), poly(z, tanh32))), far), x);
}

/** `e^a / 2` for a >= 0, infinite only where that is. */
function halfExp(a: Expr): Expr {
  const { k, em1 } = reduce(atMost(a, isF32(a) ? 90 : 711));
  return scale(add(em1, 1), sub(k, 1));
}

/** `cosh x`; within 2 ulp. */
export function cosh(x: Expr): Expr {
  const e = halfExp(abs(x));
  return add(e, over(0.25, e));
}

/** `sinh x`; within 3 ulp. */
export function sinh(x: Expr): Expr {
  const a = abs(x);
  const e = expm1(a);
  const near = mul(add(e, div(e, add(e, 1))), 0.5);
  return withSign(choose(lt(a, isF32(x) ? 10 : 22), near, halfExp(a)), x);
}
