// The C library's logarithms bit for bit, and Wichura's inverse error function: what Paddle's random streams are made with.

import { binary, bitcast, cast, constant, type Expr } from "./expr.js";
import {
  abs,
  add,
  bitsOf,
  both,
  choose,
  div,
  eq,
  exactProduct,
  from,
  ge,
  gt,
  isF32,
  like,
  lt,
  mul,
  poly,
  shl,
  shr,
  sqrt,
  sub,
  withSign,
} from "./math-base.js";
import {
  erfinvCentral,
  erfinvMiddle,
  erfinvTail,
  logDoubleLn2,
  logDoubleNear1,
  logDoublePoly,
  logFloatPoly,
} from "./math-libm-tables.js";

/** Gives the element of a table of doubles at an i32 index (scalar or vector). */
export type TableLoad = (index: Expr) => Expr;

const int = (v: number): Expr => constant("i32", v);

/**
 * glibc's `logf` for positive normal floats, equal on all of them. `table` holds `logFloatTable`.
 * Source: Arm's optimized-routines, as glibc 2.36 runs it.
 *
 * @example
 * ```ts
 * const y = logFloat(x, (i) => load(tableBuf, i));
 * ```
 */
export function logFloat(x: Expr, table: TableLoad): Expr {
  const bits = bitsOf(x);
  const t = sub(bits, int(0x3f330000));
  const index = shl(binary("and", shr(t, 19), int(15)), 1);
  const k = cast(shr(t, 23), "f64");
  const z = cast(bitcast(sub(bits, binary("and", t, int(0xff800000 | 0))), "f32"), "f64");
  const r = sub(mul(z, table(index)), 1);
  const y0 = add(table(add(index, int(1))), mul(k, Math.LN2));
  const r2 = mul(r, r);
  const [p0, p1, p2] = logFloatPoly;
  const y = add(mul(add(mul(r2, p0), add(mul(r, p1), p2)), r2), add(y0, r));
  return choose(eq(x, 1), 0, cast(y, "f32"));
}

/**
 * glibc's `log` for positive normal doubles; 5 to 11 in a million differ by 1 ulp. `table` holds `logDoubleTable`.
 * Source: Arm's optimized-routines; the fused `z * invc - 1` is an exact product instead.
 */
export function logDouble(x: Expr, table: TableLoad): Expr {
  const bits = bitsOf(x);
  const offset = constant("i64", 0x3fe6000000000000n);
  const t = sub(bits, offset);
  const index = shl(binary("and", cast(shr(t, 45), "i32"), int(127)), 1);
  const z = bitcast(sub(bits, binary("and", t, constant("i64", -(1n << 52n)))), "f64");
  const k = sub(bitcast(add(shr(t, 52), constant("i64", 0x4338000000000000n)), "f64"), 1.5 * 2 ** 52);
  const product = exactProduct(z, table(index));
  const r = add(sub(product.hi, 1), product.lo);
  const w = add(mul(k, logDoubleLn2[0]), table(add(index, int(1))));
  const hi = add(w, r);
  const lo = add(add(sub(w, hi), r), mul(k, logDoubleLn2[1]));
  const r2 = mul(r, r);
  const [a0, a1, a2, a3, a4] = logDoublePoly as [number, number, number, number, number];
  const inner = add(add(mul(r, a2), a1), mul(r2, add(mul(r, a4), a3)));
  const y = add(add(add(lo, mul(r2, a0)), mul(mul(r, r2), inner)), hi);
  return choose(both(ge(x, 0.9375), lt(x, 1 + 0x109 / 0x1000)), logNear1(x), y);
}

/** The double logarithm close to 1, where the first two terms need more than double precision. */
function logNear1(x: Expr): Expr {
  const [b0, ...b] = logDoubleNear1 as [number, ...number[]];
  const r = sub(x, 1);
  const r2 = mul(r, r);
  const r3 = mul(r, r2);
  const three = (i: number): Expr => add(add(mul(r, b[i + 1]!), b[i]!), mul(r2, b[i + 2]!));
  const last = add(three(6), mul(r3, b[9]!));
  const y = mul(r3, add(three(0), mul(r3, add(three(3), mul(r3, last)))));
  const big = mul(r, 2 ** 27);
  const rHigh = sub(add(r, big), big);
  const rLow = sub(r, rHigh);
  const w = mul(mul(rHigh, rHigh), b0);
  const hi = add(r, w);
  const lo = add(add(sub(r, hi), w), mul(mul(rLow, b0), add(rHigh, r)));
  return add(add(y, lo), hi);
}

/** The same numbers as x's type, with intermediate doubles rounded once for floats. */
function rounded(x: Expr, fn: (wide: Expr) => Expr): Expr {
  return isF32(x) ? cast(fn(cast(x, "f64")), "f32") : fn(x);
}

/**
 * Wichura's AS 241 (Applied Statistics 37, 1988), scaled from the normal quantile to the inverse of erf, with every step rounded as in
 * Paddle's truncated normal: coefficients and Horner's rule in x's type, the argument of the outer fits in double. ±1 give ±inf, beyond
 * them NaN. `logarithm` is the double logarithm.
 */
export function erfinvAs241(x: Expr, logarithm: (x: Expr) => Expr): Expr {
  const a = abs(x);
  const ratio = (r: Expr, [num, den]: typeof erfinvTail): Expr => div(poly(r, num), poly(r, den));
  const centralArgument = rounded(x, (wide) => from(0.180625, mul(mul(wide, 0.25), wide)));
  const central = div(mul(x, poly(centralArgument, erfinvCentral[0])), poly(centralArgument, erfinvCentral[1]));
  const ln2 = isF32(x) ? Math.fround(Math.LN2) : Math.LN2;
  const r = rounded(a, (wide) => sqrt(from(ln2, logarithm(from(1, wide)))));
  const middle = ratio(
    rounded(r, (wide) => sub(wide, 1.6)),
    erfinvMiddle,
  );
  const tail = ratio(
    rounded(r, (wide) => sub(wide, 5)),
    erfinvTail,
  );
  const outer = choose(gt(r, 5), choose(eq(a, 1), like(x, Infinity), tail), middle);
  return choose(gt(a, 0.85), withSign(outer, x), choose(eq(a, a), central, x));
}
