// Logarithms and what is made of them: log, log2, log10, log1p, asinh, acosh, atanh.

import { binary, bitcast, cast, type Expr } from "./expr.js";
import {
  abs,
  add,
  atLeast,
  bitsOf,
  choose,
  div,
  eq,
  exactSum,
  formatOf,
  from,
  gt,
  inDouble,
  intOf,
  isF32,
  lt,
  mul,
  type Pair,
  poly,
  shl,
  shr,
  sqrt,
  sub,
  withSign,
} from "./math-base.js";
import { ln2parts32, ln2parts64, log10eParts, log10of2parts, log2eParts, log32, log64 } from "./math-tables.js";

/** `x = 2^e (1 + f)` with 1 + f in [sqrt 1/2, sqrt 2]; `k` holds e as an integer. */
interface Reduced {
  readonly e: Expr;
  readonly k: Expr;
  readonly f: Expr;
}

/** The bits of sqrt 1/2, rounded down to a few digits. */
const rootHalfBits = { f32: 0x3f3504f3n, f64: 0x3fe6a09e667f3bcdn } as const;

/** Splits a positive normal number. */
function reduce(x: Expr): Reduced {
  const { fraction, magic } = formatOf(x);
  const low = intOf(x, isF32(x) ? rootHalfBits.f32 : rootHalfBits.f64);
  const bits = sub(bitsOf(x), low);
  const k = shr(bits, fraction);
  const m = add(binary("and", bits, intOf(x, (1n << BigInt(fraction)) - 1n)), low);
  const f = sub(bitcast(m, x.type), 1);
  if (isF32(x)) return { e: cast(k, "f32"), k, f };
  // Vector units convert no i64: the integer goes into the low bits of the magic number instead.
  const e = sub(bitcast(add(k, intOf(x, BigInt(0x4338) << 48n)), "f64"), magic);
  return { e, k, f };
}

/** Splits a positive number, denormal or not. */
export function reduceLog(x: Expr): Reduced {
  const { fraction, tiny } = formatOf(x);
  const up = fraction + 1;
  const small = lt(x, tiny);
  const r = reduce(choose(small, mul(x, 2 ** up), x));
  return { ...r, e: choose(small, sub(r.e, up), r.e) };
}

/** `ln(1 + f)` as f minus the rest of its series: `f - halfSquare + rest`. */
function series(f: Expr): { readonly halfSquare: Expr; readonly rest: Expr } {
  const halfSquare = mul(mul(f, f), 0.5);
  if (isF32(f)) return { halfSquare, rest: mul(mul(mul(f, f), f), poly(f, log32)) };
  // 2 artanh s = f - s f, and s f = f^2/2 - s f^2/2.
  const s = div(f, add(f, 2));
  const z = mul(s, s);
  return { halfSquare, rest: mul(s, add(halfSquare, mul(z, poly(z, log64)))) };
}

/** `e ln 2 + ln(1 + f)`. */
function join({ e, f }: Reduced): Expr {
  const [hi, lo] = isF32(f) ? ln2parts32 : ln2parts64;
  const { halfSquare, rest } = series(f);
  return add(add(f, sub(add(rest, mul(e, lo)), halfSquare)), mul(e, hi));
}

/** `ln x` for positive finite x. */
export const logOfPositive = (x: Expr): Expr => join(reduceLog(x));

/** The logarithm's values where `x` is `zero` (-inf), below it (NaN), infinite or NaN (itself). */
function ends(x: Expr, zero: number, inside: Expr): Expr {
  const above = choose(lt(x, Infinity), inside, x);
  return choose(gt(x, zero), above, choose(eq(x, zero), -Infinity, Number.NaN));
}

/**
 * `ln x`, element-wise, f32 or f64; within 1 ulp. 0 gives -inf, negative numbers NaN.
 *
 * @example
 * ```ts
 * const y = log(load(buf, i));
 * ```
 */
export const log = (x: Expr): Expr => ends(x, 0, logOfPositive(x));

/** `ln(1 + x)`, accurate near 0; within 2 ulp. */
export function log1p(x: Expr): Expr {
  const { bias, fraction, int } = formatOf(x);
  const u = add(x, 1);
  // What the sum lost; the larger addend comes first.
  const lost = choose(gt(x, 1), from(1, sub(u, x)), sub(x, sub(u, 1)));
  const r = reduce(u);
  // 2^-e, or 0 where that is denormal and what the sum lost does not count.
  const scale = sub(intOf(x, BigInt(bias) << BigInt(fraction)), shl(r.k, fraction));
  const inside = join({ ...r, f: add(r.f, mul(lost, bitcast(atLeast(scale, 0), x.type))) });
  return choose(lt(abs(x), int === "i32" ? 2 ** -25 : 2 ** -54), x, ends(x, -1, inside));
}

/** `log(1 + f)` as a sum whose first part has 21 bits. */
function logParts(f: Expr): Pair {
  const { halfSquare, rest } = series(f);
  const hi = bitcast(binary("and", bitsOf(sub(f, halfSquare)), intOf(f, -(1n << 32n))), "f64");
  return { hi, lo: add(sub(sub(f, hi), halfSquare), rest) };
}

/** A logarithm to another base: `e * perOctave + ln(1 + f) * factor`, both constants in two parts. */
function otherBase(x: Expr, perOctave: readonly [number, number], factor: readonly [number, number]): Expr {
  const { e, f } = reduceLog(x);
  const { hi, lo } = logParts(f);
  const low = add(add(mul(add(hi, lo), factor[1]), mul(lo, factor[0])), mul(e, perOctave[1]));
  const sum = exactSum(mul(e, perOctave[0]), mul(hi, factor[0]));
  return ends(x, 0, add(add(sum.lo, low), sum.hi));
}

/** `log2 x`; within 1 ulp, exact for powers of two. Floats are computed in double. */
export const log2: (x: Expr) => Expr = inDouble((x) => otherBase(x, [1, 0], log2eParts));

/** `log10 x`; within 1 ulp. Floats are computed in double. */
export const log10: (x: Expr) => Expr = inDouble((x) => otherBase(x, log10of2parts, log10eParts));

/** `artanh x = ln((1 + x) / (1 - x)) / 2`; within 3 ulp. */
export function atanh(x: Expr): Expr {
  const a = abs(x);
  return withSign(mul(log1p(div(add(a, a), from(1, a))), 0.5), x);
}

/** `arsinh x`; within 3 ulp. Floats are computed in double. */
export const asinh: (x: Expr) => Expr = inDouble((x) => {
  const a = abs(x);
  const square = mul(a, a);
  const large = gt(a, 2 ** 60);
  const y = log1p(choose(large, a, add(a, div(square, add(sqrt(add(square, 1)), 1)))));
  return withSign(choose(large, add(y, Math.LN2), y), x);
});

/** `arcosh x`, NaN below 1; within 3 ulp. Floats are computed in double. */
export const acosh: (x: Expr) => Expr = inDouble((x) => {
  const t = sub(x, 1);
  const large = gt(x, 2 ** 60);
  const y = log1p(choose(large, x, add(t, sqrt(add(add(t, t), mul(t, t))))));
  return choose(lt(x, 1), Number.NaN, choose(large, add(y, Math.LN2), y));
});
