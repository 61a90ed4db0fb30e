// The error function, its complement and its inverse.

import type { Expr } from "./expr.js";
import {
  abs,
  add,
  atMost,
  bitsOf,
  choose,
  div,
  exactProduct,
  formatOf,
  from,
  inDouble,
  isF32,
  lt,
  mul,
  neg,
  poly,
  powerOf2,
  sub,
  withSign,
} from "./math-base.js";
import { expOfSum } from "./math-exp.js";
import { erfinvAs241 } from "./math-libm.js";
import { log } from "./math-log.js";
import { erf32, erf32tail, erf64, erfc64, exp2low } from "./math-tables.js";

/** `erf x`; within 2 ulp (f32), 3 ulp (f64). */
export function erf(x: Expr): Expr {
  const a = abs(x);
  const z = mul(x, x);
  const f32 = isF32(x);
  const near = add(x, mul(x, poly(z, f32 ? erf32 : erf64)));
  return choose(lt(a, 1), near, withSign(from(1, f32 ? shortTail(a) : tail(a)), x));
}

/** erfc for floats a >= 1 as a power of two, as accurate as 1 less it needs. */
function shortTail(a: Expr): Expr {
  const h = poly(atMost(a, 3.93), erf32tail);
  const { magic } = formatOf(a);
  const t = add(h, magic);
  return mul(poly(sub(h, sub(t, magic)), exp2low), powerOf2(a, neg(bitsOf(t))));
}

/** erfc for doubles a >= 0: e^(-a^2) with a^2 in two parts, times a smooth function. */
function tail(a: Expr): Expr {
  const c = atMost(a, 28);
  const square = exactProduct(c, c);
  const smooth = div(poly(div(sub(c, 4), add(c, 4)), erfc64), add(add(c, c), 1));
  return mul(expOfSum(neg(square.hi), neg(square.lo)), smooth);
}

/** `1 - erf x`, accurate where it is small; within 1 ulp (f32; computed in double), 4 ulp (f64). */
export const erfc: (x: Expr) => Expr = inDouble((x) => {
  const a = abs(x);
  const near = from(1, add(x, mul(x, poly(mul(x, x), erf64))));
  const y = tail(a);
  return choose(lt(a, 0.5), near, choose(lt(x, 0), from(2, y), y));
});

/** The inverse of erf, ±inf at ±1 and NaN beyond; relative error below 1e-15 (f64), within 1 ulp (f32; computed in double). */
export const erfinv: (x: Expr) => Expr = inDouble((x) => erfinvAs241(x, log));
