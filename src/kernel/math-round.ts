// Rounding half away from zero, and remainders of floats.

import type { Expr } from "./expr.js";
import {
  abs,
  add,
  both,
  choose,
  div,
  either,
  eq,
  exactProduct,
  gt,
  inDouble,
  isF32,
  like,
  lt,
  ne,
  sub,
  trunc,
  withSign,
} from "./math-base.js";

/** The nearest integer, halves away from zero (C's `round`); exact. */
export function roundAway(x: Expr): Expr {
  // The largest number below 1/2: 1/2 itself would take 0.49999997 up.
  const half = like(x, isF32(x) ? 0.5 - 2 ** -25 : 0.5 - 2 ** -54);
  return trunc(add(x, withSign(half, x)));
}

/** `magnitude` (any sign) with the sign of `sign`. */
export const copySign = (magnitude: Expr, sign: Expr): Expr => withSign(abs(magnitude), sign);

/**
 * C's `fmod`: `x - trunc(x / y) y`, with x's sign; NaN for y = 0 or infinite x. Exact while |x / y| < 2^53, for floats too; beyond that
 * a number between -|y| and |y|.
 */
export const fmod: (x: Expr, y: Expr) => Expr = inDouble((x, y) => {
  const [a, b] = [abs(x), abs(y)];
  const q = trunc(div(a, b));
  const product = exactProduct(q, b);
  const rest = sub(sub(a, product.hi), product.lo);
  // The quotient may have been rounded up, or down, to the integer beside it.
  const low = choose(lt(rest, 0), add(rest, b), rest);
  const once = choose(lt(low, b), low, sub(low, b));
  const bounded = choose(both(lt(once, b), lt(like(x, -0.5), once)), once, 0);
  const finite = choose(eq(b, Infinity), a, bounded);
  const bad = either(either(ne(x, x), ne(y, y)), either(eq(a, Infinity), eq(b, 0)));
  return choose(bad, Number.NaN, withSign(finite, x));
});

/** Paddle's `remainder` (Python's `%`): fmod moved by y where its sign is not y's. */
export function remainder(x: Expr, y: Expr): Expr {
  const r = fmod(x, y);
  const other = either(both(lt(r, 0), gt(y, 0)), both(gt(r, 0), lt(y, 0)));
  return choose(other, add(r, y), r);
}

/** `floor(x / y)` as the quotient that belongs to {@link remainder}: rounded from (x - remainder) / y. */
export function floorDiv(x: Expr, y: Expr): Expr {
  const q = div(sub(x, remainder(x, y)), y);
  return choose(eq(y, 0), div(x, y), roundAway(q));
}
