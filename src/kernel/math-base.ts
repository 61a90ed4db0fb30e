// Short forms of the language's ops for the mathematical functions: numbers beside expressions, Horner's rule, bits, exact sums.

import { BugError } from "../core/errors.js";
import { binary, bitcast, cast, compare, constant, type Expr, select, shift, unary } from "./expr.js";

/** An operand: an expression, or a number of the other operand's type. */
export type Num = Expr | number;

/** Layout and limits of a float type. */
export interface FloatFormat {
  readonly int: "i32" | "i64";
  /** Bits of the stored fraction. */
  readonly fraction: number;
  readonly bias: number;
  /** 1.5 * 2^fraction: adding it to a smaller number rounds that to an integer, which then stands in the low bits. */
  readonly magic: number;
  /** Smallest normal number. */
  readonly tiny: number;
}

const formats: { readonly f32: FloatFormat; readonly f64: FloatFormat } = {
  f32: { int: "i32", fraction: 23, bias: 127, magic: 1.5 * 2 ** 23, tiny: 2 ** -126 },
  f64: { int: "i64", fraction: 52, bias: 1023, magic: 1.5 * 2 ** 52, tiny: 2 ** -1022 },
};

/** The format of a float expression; throws BugError for other types. */
export function formatOf(x: Expr): FloatFormat {
  if (x.type === "f32" || x.type === "f64") return formats[x.type];
  throw new BugError(`a mathematical function takes f32 or f64, not ${x.type}`);
}

/** Whether an expression is a float of 32 bits; throws BugError when it is no float. */
export const isF32 = (x: Expr): boolean => formatOf(x).int === "i32";

/** A number as an expression of x's type. */
export const like = (x: Expr, v: Num): Expr => (typeof v === "number" ? constant(x.type, v) : v);

export const add = (x: Expr, y: Num): Expr => binary("add", x, like(x, y));
export const sub = (x: Expr, y: Num): Expr => binary("sub", x, like(x, y));
export const mul = (x: Expr, y: Num): Expr => binary("mul", x, like(x, y));
export const div = (x: Expr, y: Num): Expr => binary("div", x, like(x, y));
/** `v - x` and `v / x` for a number v. */
export const from = (v: number, x: Expr): Expr => binary("sub", like(x, v), x);
export const over = (v: number, x: Expr): Expr => binary("div", like(x, v), x);
export const abs = (x: Expr): Expr => unary("abs", x);
export const neg = (x: Expr): Expr => unary("neg", x);
export const sqrt = (x: Expr): Expr => unary("sqrt", x);
export const floor = (x: Expr): Expr => unary("floor", x);
export const trunc = (x: Expr): Expr => unary("trunc", x);
export const lt = (x: Expr, y: Num): Expr => compare("lt", x, like(x, y));
export const le = (x: Expr, y: Num): Expr => compare("le", x, like(x, y));
export const gt = (x: Expr, y: Num): Expr => compare("gt", x, like(x, y));
export const ge = (x: Expr, y: Num): Expr => compare("ge", x, like(x, y));
export const eq = (x: Expr, y: Num): Expr => compare("eq", x, like(x, y));
export const ne = (x: Expr, y: Num): Expr => compare("ne", x, like(x, y));
export const both = (x: Expr, y: Expr): Expr => binary("and", x, y);
export const either = (x: Expr, y: Expr): Expr => binary("or", x, y);
/** At most `top`; NaN stays. */
export const atMost = (x: Expr, top: number): Expr => binary("min", x, like(x, top));
/** At least `bottom`; NaN stays. */
export const atLeast = (x: Expr, bottom: number): Expr => binary("max", x, like(x, bottom));

/** `mask ? x : y`; two numbers become floats of the mask's width. */
export function choose(mask: Expr, x: Num, y: Num): Expr {
  const type = typeof x !== "number" ? x.type : typeof y !== "number" ? y.type : mask.type === "m64" ? "f64" : "f32";
  const [a, b] = [x, y].map((v) => (typeof v === "number" ? constant(type, v) : v)) as [Expr, Expr];
  return select(mask, a, b);
}

/** The polynomial with coefficients `c`, lowest first, by Horner's rule. */
export function poly(x: Expr, c: readonly number[]): Expr {
  let r = like(x, c[c.length - 1]!);
  for (let i = c.length - 2; i >= 0; i--) r = add(mul(r, x), c[i]!);
  return r;
}

/** The bits of a float. */
export const bitsOf = (x: Expr): Expr => bitcast(x, formatOf(x).int);

/** An integer literal of a float's width. */
export const intOf = (x: Expr, v: bigint): Expr => constant(formatOf(x).int, v);

/** `x << by`, `x >> by` with the sign, for a constant `by`. */
export const shl = (x: Expr, by: number): Expr => shift("shl", x, constant("i32", by));
export const shr = (x: Expr, by: number): Expr => shift("shr", x, constant("i32", by));

/** The sign bit alone. */
const signBit = (x: Expr): Expr => intOf(x, -(1n << BigInt(formatOf(x).int === "i32" ? 31 : 63)));

/** `x` (not negative) with the sign of `sign`. */
export const withSign = (x: Expr, sign: Expr): Expr =>
  bitcast(binary("or", bitsOf(x), binary("and", bitsOf(sign), signBit(x))), x.type);

/** `x` negated where `flag` (an integer of its width) has bit 1 set. */
export const flipIfBit1 = (x: Expr, flag: Expr): Expr =>
  bitcast(
    binary("xor", bitsOf(x), binary("and", shl(flag, formatOf(x).fraction === 23 ? 30 : 62), signBit(x))),
    x.type,
  );

/** 2^k for an integer in the low bits of `k`, in the normal range of x's type. */
export function powerOf2(x: Expr, k: Expr): Expr {
  const { bias, fraction } = formatOf(x);
  return bitcast(add(shl(k, fraction), intOf(x, BigInt(bias) << BigInt(fraction))), x.type);
}

/** `fn` in double for floats, rounded once at the end. */
export const inDouble =
  <A extends Expr[]>(fn: (...x: A) => Expr) =>
  (...x: A): Expr =>
    isF32(x[0]!) ? cast(fn(...(x.map((v) => cast(v, "f64")) as A)), "f32") : fn(...x);

/** A number as the unevaluated sum of two doubles. */
export interface Pair {
  readonly hi: Expr;
  readonly lo: Expr;
}

/** `a + b` exactly (Knuth). */
export function exactSum(a: Expr, b: Num): Pair {
  const hi = add(a, b);
  const t = sub(hi, a);
  return { hi, lo: add(sub(a, sub(hi, t)), sub(like(a, b), t)) };
}

/** `a + b` exactly where |a| >= |b| (Dekker). */
export function quickSum(a: Expr, b: Num): Pair {
  const hi = add(a, b);
  return { hi, lo: sub(like(a, b), sub(hi, a)) };
}

/** `a * b` exactly for doubles below 2^996 (Dekker, with Veltkamp's split). */
export function exactProduct(a: Expr, b: Expr): Pair {
  const hi = mul(a, b);
  const [x, y] = [split(a), split(b)];
  const lo = add(add(add(sub(mul(x.hi, y.hi), hi), mul(x.hi, y.lo)), mul(x.lo, y.hi)), mul(x.lo, y.lo));
  return { hi, lo };
}

function split(x: Expr): Pair {
  const c = mul(x, 134217729);
  const hi = sub(c, sub(c, x));
  return { hi, lo: sub(x, hi) };
}
