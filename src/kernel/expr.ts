// Expressions of the kernel language: immutable scalar or vector values, each op with a one-line meaning.

import { BugError, assert } from "../core/errors.js";

/** Types values compute in. `m32`/`m64` are truth values as wide as the operands compared (scalar 0/1, lanes 0/-1). */
export type KType = "f32" | "f64" | "i32" | "i64" | "m32" | "m64";

/** Types memory holds. Narrow ones widen to i32 on load and truncate on store; f16, bf16 and bool are built on u16 and u8. */
export type MemType = "f32" | "f64" | "i32" | "i64" | "i16" | "u16" | "i8" | "u8";

/** Bytes of one element in memory. */
export const memBytes: Readonly<Record<MemType, number>> = {
  f32: 4,
  f64: 8,
  i32: 4,
  i64: 8,
  i16: 2,
  u16: 2,
  i8: 1,
  u8: 1,
};

/** The type a load from memory of a given type yields. */
export const loadType = (mem: MemType): KType => (mem === "f32" || mem === "f64" || mem === "i64" ? mem : "i32");

/** Bytes of one lane of a computing type. */
export const laneBytes = (t: KType): 4 | 8 => (t === "f64" || t === "i64" || t === "m64" ? 8 : 4);

/** Meanings of all ops. Binary ops take equal types and lanes; float ops round once, to nearest even. */
export const opMeaning = {
  const: "the literal in `value` (number; bigint for i64; boolean for masks)",
  var: "the local variable in `value`",
  arg: "the scalar argument of the kernel in `value`",
  neg: "-x",
  abs: "|x|",
  sqrt: "square root, correctly rounded",
  floor: "round towards -inf",
  ceil: "round towards +inf",
  trunc: "round towards zero",
  nearest: "round to the nearest integer, ties to even",
  not: "bits inverted; for masks: logical not",
  add: "x + y; integers wrap",
  sub: "x - y; integers wrap",
  mul: "x * y; integers wrap",
  div: "x / y; integers truncate towards zero, y must not be 0 (see Builder.intDiv)",
  rem: "integers: the remainder of `div`, y must not be 0",
  min: "y < x ? y : x (x when either is NaN)",
  max: "x < y ? y : x (x when either is NaN)",
  and: "bitwise and; masks: logical",
  or: "bitwise or; masks: logical",
  xor: "bitwise exclusive or; masks: logical",
  shl: "x << (y mod width); y is a scalar i32 for vectors too",
  shr: "arithmetic x >> (y mod width); y is a scalar i32 for vectors too",
  ushr: "logical x >> (y mod width); y is a scalar i32 for vectors too",
  lt: "x < y, a mask",
  le: "x <= y, a mask",
  gt: "x > y, a mask",
  ge: "x >= y, a mask",
  eq: "x == y, a mask",
  ne: "x != y, a mask (true for NaN)",
  ult: "x < y as unsigned integers, a mask",
  fma: "x * y + z with one rounding where the target has it, else two; the only op whose bits may differ between targets",
  select: "mask ? x : y, both evaluated",
  cast: "numeric conversion; float to int truncates and saturates, NaN gives 0; i64 to i32 keeps the low half",
  ucast: "conversion from an unsigned integer: i32 to i64 zero-extends, i64 to f32/f64 rounds once",
  bitcast: "the same bits as another type of the same width",
  maskcast: "m32 to m64 or back",
  load: "element `index` of the buffer in `value`; with lanes > 1, consecutive elements from `index`",
  gather: "elements of the buffer in `value` at a vector of indices",
  splat: "a scalar in every lane",
  ramp: "x, x+1, x+2, ... (scalar integer x)",
  lane: "lane number `value` of a vector",
  zipLow: "x0, y0, x1, y1, ... of the low halves of two vectors",
  zipHigh: "as zipLow, of the high halves",
} as const;

/** An op of the expression language; see {@link opMeaning}. */
export type ExprOp = keyof typeof opMeaning;

/** A local variable: a loop index, a `let`, or an accumulator. Identity is the object. */
export class Var {
  constructor(
    readonly name: string,
    readonly type: KType,
    readonly lanes = 1,
  ) {}
}

/** A buffer: an argument (address in the argument table), or scratch memory of each thread. Identity is the object. */
export class Buf {
  constructor(
    readonly name: string,
    readonly mem: MemType,
    /** Where the address stands in the argument table; -1 for scratch. */
    readonly slot: number,
    /** Scratch only: number of elements each thread has. */
    readonly scratchLength = 0,
  ) {}
}

/** A scalar argument, read from the argument table. */
export class Arg {
  constructor(
    readonly name: string,
    readonly type: KType,
    readonly slot: number,
  ) {}
}

/** What an expression may carry beside its operands. */
export type ExprValue = number | bigint | boolean | Var | Buf | Arg | undefined;

/** A value of the kernel language. Build with the functions below or {@link Builder}; never mutated. */
export class Expr {
  constructor(
    readonly op: ExprOp,
    readonly type: KType,
    readonly lanes: number,
    readonly args: readonly Expr[],
    readonly value: ExprValue = undefined,
  ) {}
}

const none: readonly Expr[] = [];
const isConst = (x: Expr, v: number): boolean => x.op === "const" && x.lanes === 1 && Number(x.value) === v;
const isIntType = (t: KType): boolean => t === "i32" || t === "i64";

/** The mask type that comparing values of type `t` gives. */
export const maskOf = (t: KType): "m32" | "m64" => (laneBytes(t) === 8 ? "m64" : "m32");

/** Whether `t` is a mask type. */
export const isMask = (t: KType): boolean => t === "m32" || t === "m64";

/** A literal. Numbers are rounded to the type's precision; i64 takes number or bigint. */
export function constant(type: KType, value: number | bigint | boolean): Expr {
  let v: number | bigint | boolean = value;
  if (type === "f32") v = Math.fround(Number(value));
  else if (type === "f64") v = Number(value);
  else if (type === "i32") v = Number(typeof value === "bigint" ? BigInt.asIntN(32, value) : value) | 0;
  else if (type === "i64") v = BigInt.asIntN(64, typeof value === "bigint" ? value : BigInt(Math.trunc(Number(value))));
  else v = Boolean(value);
  return new Expr("const", type, 1, none, v);
}

/** Reads a variable. */
export const read = (v: Var): Expr => new Expr("var", v.type, v.lanes, none, v);

/** Reads a scalar argument. */
export const argument = (a: Arg): Expr => new Expr("arg", a.type, 1, none, a);

/** A scalar repeated in `lanes` lanes; a vector of that width is returned as it is. */
export function splat(x: Expr, lanes: number): Expr {
  if (x.lanes === lanes) return x;
  assert(x.lanes === 1, `splat of a ${x.lanes}-lane value to ${lanes} lanes`);
  return new Expr("splat", x.type, lanes, [x]);
}

function matched(op: ExprOp, x: Expr, y: Expr): [Expr, Expr] {
  if (x.type !== y.type) throw new BugError(`kernel op ${op} on ${x.type} and ${y.type}`);
  const lanes = Math.max(x.lanes, y.lanes);
  return [splat(x, lanes), splat(y, lanes)];
}

/** `-x`, `|x|`, square root or a rounding; `not` for integers and masks. */
export function unary(op: "neg" | "abs" | "sqrt" | "floor" | "ceil" | "trunc" | "nearest" | "not", x: Expr): Expr {
  return new Expr(op, x.type, x.lanes, [x]);
}

/** An arithmetic or bitwise op on two values of one type; integer literals fold. */
export function binary(
  op: "add" | "sub" | "mul" | "div" | "rem" | "min" | "max" | "and" | "or" | "xor",
  a: Expr,
  b: Expr,
): Expr {
  const [x, y] = matched(op, a, b);
  if (isIntType(x.type)) {
    const folded = foldInt(op, x, y);
    if (folded) return folded;
  } else if ((op === "mul" || op === "div") && isConst(y, 1)) return x;
  return new Expr(op, x.type, x.lanes, [x, y]);
}

function foldInt(op: string, x: Expr, y: Expr): Expr | undefined {
  if (x.op === "const" && y.op === "const" && x.lanes === 1) {
    const a = BigInt(x.value as number | bigint);
    const b = BigInt(y.value as number | bigint);
    if (op === "add") return constant(x.type, a + b);
    if (op === "sub") return constant(x.type, a - b);
    if (op === "mul") return constant(x.type, a * b);
    if (op === "div" && b !== 0n) return constant(x.type, a / b);
    if (op === "rem" && b !== 0n) return constant(x.type, a % b);
    if (op === "min") return a < b ? x : y;
    if (op === "max") return a > b ? x : y;
    if (op === "and") return constant(x.type, a & b);
  }
  if (op === "sub" && x.op === "add" && x.args[0] === y) return x.args[1];
  if (op === "add" && isConst(x, 0)) return y;
  if ((op === "add" || op === "sub") && isConst(y, 0)) return x;
  if (op === "mul" && (isConst(x, 1) || isConst(y, 0))) return y;
  if (op === "mul" && (isConst(y, 1) || isConst(x, 0))) return x;
  if (op === "div" && isConst(y, 1)) return x;
  if (op === "rem" && isConst(y, 1)) return splat(constant(x.type, 0), x.lanes);
  return undefined;
}

/** A shift by a scalar i32 amount. */
export function shift(op: "shl" | "shr" | "ushr", x: Expr, by: Expr): Expr {
  assert(by.type === "i32" && by.lanes === 1, "shift amount must be a scalar i32");
  return isConst(by, 0) ? x : new Expr(op, x.type, x.lanes, [x, by]);
}

/** A comparison; the mask has the operands' width. */
export function compare(op: "lt" | "le" | "gt" | "ge" | "eq" | "ne" | "ult", a: Expr, b: Expr): Expr {
  const [x, y] = matched(op, a, b);
  return new Expr(op, maskOf(x.type), x.lanes, [x, y]);
}

/** `x * y + z`; see the meaning of `fma`. */
export function fma(x: Expr, y: Expr, z: Expr): Expr {
  const lanes = Math.max(x.lanes, y.lanes, z.lanes);
  return new Expr("fma", z.type, lanes, [splat(x, lanes), splat(y, lanes), splat(z, lanes)]);
}

/** `mask ? x : y`; the mask is brought to the width of the values. */
export function select(mask: Expr, a: Expr, b: Expr): Expr {
  const [x, y] = matched("select", a, b);
  if (mask.op === "const") return mask.value ? x : y;
  const lanes = Math.max(mask.lanes, x.lanes);
  return new Expr("select", x.type, lanes, [
    splat(maskCast(mask, maskOf(x.type)), lanes),
    splat(x, lanes),
    splat(y, lanes),
  ]);
}

/** A mask as wide as another type's lanes. */
export function maskCast(mask: Expr, to: "m32" | "m64"): Expr {
  assert(isMask(mask.type), `${mask.type} is not a mask`);
  if (mask.type === to) return mask;
  return mask.op === "const" ? constant(to, mask.value as boolean) : new Expr("maskcast", to, mask.lanes, [mask]);
}

/** Numeric conversion between f32, f64, i32, i64; masks become 0 or 1, numbers become `x != 0`. */
export function cast(x: Expr, to: KType): Expr {
  if (x.type === to) return x;
  if (isMask(to))
    return isMask(x.type)
      ? maskCast(x, to as "m32" | "m64")
      : maskCast(compare("ne", x, zeroOf(x)), to as "m32" | "m64");
  if (isMask(x.type)) return select(x, constant(to, 1), constant(to, 0));
  if (x.op === "const") return castConst(x, to);
  if (x.op === "splat") return splat(cast(x.args[0]!, to), x.lanes);
  return new Expr("cast", to, x.lanes, [x]);
}

function castConst(x: Expr, to: KType): Expr {
  const v = x.value as number | bigint;
  if (!isIntType(to) || typeof v === "bigint" || isIntType(x.type)) return constant(to, v);
  if (Number.isNaN(v)) return constant(to, 0);
  const [lo, hi] = to === "i32" ? [-(2n ** 31n), 2n ** 31n - 1n] : [-(2n ** 63n), 2n ** 63n - 1n];
  if (v <= Number(lo)) return constant(to, lo);
  if (v >= Number(hi)) return constant(to, hi);
  return constant(to, BigInt(Math.trunc(v)));
}

/** Zero of x's type and width. */
export const zeroOf = (x: Expr): Expr => splat(constant(x.type, 0), x.lanes);

/** Conversion that reads the source as unsigned; see `ucast`. */
export const unsignedCast = (x: Expr, to: "i64" | "f32" | "f64"): Expr => new Expr("ucast", to, x.lanes, [x]);

/** The same bits as another type of equal width. */
export function bitcast(x: Expr, to: KType): Expr {
  assert(laneBytes(x.type) === laneBytes(to), `bitcast from ${x.type} to ${to}`);
  return x.type === to ? x : new Expr("bitcast", to, x.lanes, [x]);
}

/** One element of a buffer (lanes 1), or `lanes` consecutive ones. The index is a scalar i32, or a vector: then it gathers. */
export function load(buf: Buf, index: Expr, lanes = 1): Expr {
  assert(index.type === "i32", `buffer index of type ${index.type}`);
  if (index.lanes > 1) return new Expr("gather", loadType(buf.mem), index.lanes, [index], buf);
  return new Expr("load", loadType(buf.mem), lanes, [index], buf);
}

/** `x, x+1, ...` in `lanes` lanes. */
export const ramp = (x: Expr, lanes: number): Expr => new Expr("ramp", x.type, lanes, [x]);

/** One lane of a vector, as a scalar. */
export const lane = (x: Expr, k: number): Expr => new Expr("lane", x.type, 1, [x], k);

/** The lanes of the low or high halves of two vectors in turn. */
export function zip(op: "zipLow" | "zipHigh", x: Expr, y: Expr): Expr {
  assert(x.lanes > 1 && x.lanes === y.lanes && x.type === y.type, `${op} of different vectors`);
  return new Expr(op, x.type, x.lanes, [x, y]);
}
