// Modified Bessel functions of the first kind, orders 0 and 1, plain and scaled by e^-|x|.

import type { Expr } from "./expr.js";
import { abs, choose, div, eq, inDouble, lt, mul, neg, over, poly, sqrt, sub, withSign } from "./math-base.js";
import { exp } from "./math-exp.js";
import { i0large, i0small, i1large, i1small } from "./math-tables.js";

/** `sqrt`-free part for a >= 8: `e^-a I(a)`. */
const scaledLarge = (a: Expr, c: readonly number[]): Expr => div(poly(sub(over(16, a), 1), c), sqrt(a));

/** I(a) where its scaled form is `scaled`; e^a in two factors, as it overflows before I(a) does. */
function unscale(a: Expr, scaled: Expr): Expr {
  const half = exp(mul(a, 0.5));
  return choose(eq(a, Infinity), Infinity, mul(mul(scaled, half), half));
}

const isSmall = (a: Expr): Expr => lt(a, 8);

/** `I0(x)`; relative error below 1e-13 (f64). Floats are computed in double. */
export const i0: (x: Expr) => Expr = inDouble((x) => {
  const a = abs(x);
  return choose(isSmall(a), poly(mul(a, a), i0small), unscale(a, scaledLarge(a, i0large)));
});

/** `e^-|x| I0(x)`; relative error below 1e-13 (f64). Floats are computed in double. */
export const i0e: (x: Expr) => Expr = inDouble((x) => {
  const a = abs(x);
  return choose(isSmall(a), mul(poly(mul(a, a), i0small), exp(neg(a))), scaledLarge(a, i0large));
});

/** `I1(x)`; relative error below 1e-13 (f64). Floats are computed in double. */
export const i1: (x: Expr) => Expr = inDouble((x) => {
  const a = abs(x);
  return withSign(choose(isSmall(a), mul(a, poly(mul(a, a), i1small)), unscale(a, scaledLarge(a, i1large))), x);
});

/** `e^-|x| I1(x)`; relative error below 1e-13 (f64). Floats are computed in double. */
export const i1e: (x: Expr) => Expr = inDouble((x) => {
  const a = abs(x);
  const small = mul(mul(a, poly(mul(a, a), i1small)), exp(neg(a)));
  return withSign(choose(isSmall(a), small, scaledLarge(a, i1large)), x);
});
