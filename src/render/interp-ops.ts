// What each op does to scalars in plain TypeScript: the tables behind the interpreter.

import { BugError } from "../core/errors.js";
import type { Expr, ExprOp, KType } from "../kernel/expr.js";
import { bigToF32, fmaF32, fmaF64, nearestEven } from "./rounding.js";

/** A lane: a bigint for i64, else a number; masks are 0 or 1 in scalars, 0 or -1 in lanes of vectors. */
export type Scalar = number | bigint;
/** A function of one, two or three lanes. */
export type LaneFn = (x: Scalar, y: Scalar, z: Scalar) => Scalar;

type NumberFn = (x: number, y: number, z: number) => number;
type BigFn = (x: bigint, y: bigint, z: bigint) => bigint;
type Table<F> = { readonly [op in ExprOp]?: F };

// Not Math.min and Math.max: these keep the first operand when either is NaN, and when zeros of both signs meet.
const lesser = <T extends Scalar>(x: T, y: T): T => (y < x ? y : x);
const greater = <T extends Scalar>(x: T, y: T): T => (x < y ? y : x);
const wrap = (x: bigint): bigint => BigInt.asIntN(64, x);

function divisor<T extends Scalar>(y: T): T {
  if (Number(y) === 0) throw new BugError("a kernel divides an integer by 0");
  return y;
}

const f64Table: Table<NumberFn> = {
  neg: (x) => -x,
  abs: Math.abs,
  sqrt: Math.sqrt,
  floor: Math.floor,
  ceil: Math.ceil,
  trunc: Math.trunc,
  nearest: nearestEven,
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  min: lesser,
  max: greater,
  fma: fmaF64,
};

// Rounding the double result of one op on floats is the correctly rounded float result (53 >= 2 * 24 + 2).
const f32Table: Table<NumberFn> = {
  ...f64Table,
  sqrt: (x) => Math.fround(Math.sqrt(x)),
  add: (x, y) => Math.fround(x + y),
  sub: (x, y) => Math.fround(x - y),
  mul: (x, y) => Math.fround(x * y),
  div: (x, y) => Math.fround(x / y),
  fma: fmaF32,
};

const i32Table: Table<NumberFn> = {
  neg: (x) => -x | 0,
  abs: (x) => Math.abs(x) | 0,
  not: (x) => ~x,
  add: (x, y) => (x + y) | 0,
  sub: (x, y) => (x - y) | 0,
  mul: Math.imul,
  div: (x, y) => (x / divisor(y)) | 0,
  rem: (x, y) => (x % divisor(y)) | 0,
  min: lesser,
  max: greater,
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  xor: (x, y) => x ^ y,
  shl: (x, y) => x << y,
  shr: (x, y) => x >> y,
  ushr: (x, y) => (x >>> y) | 0,
};

const i64Table: Table<BigFn> = {
  neg: (x) => wrap(-x),
  abs: (x) => wrap(x < 0n ? -x : x),
  not: (x) => ~x,
  add: (x, y) => wrap(x + y),
  sub: (x, y) => wrap(x - y),
  mul: (x, y) => wrap(x * y),
  div: (x, y) => wrap(x / divisor(y)),
  rem: (x, y) => x % divisor(y),
  min: lesser,
  max: greater,
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  xor: (x, y) => x ^ y,
};

const i64Shifts: Table<(x: bigint, y: number) => bigint> = {
  shl: (x, y) => wrap(x << BigInt(y & 63)),
  shr: (x, y) => x >> BigInt(y & 63),
  ushr: (x, y) => wrap(BigInt.asUintN(64, x) >> BigInt(y & 63)),
};

const maskTable: Table<NumberFn> = { and: (x, y) => x & y, or: (x, y) => x | y, xor: (x, y) => x ^ y };

const tables: Readonly<Record<KType, Table<unknown>>> = {
  f32: f32Table,
  f64: f64Table,
  i32: i32Table,
  i64: { ...i64Table, ...i64Shifts },
  m32: maskTable,
  m64: maskTable,
};

const comparisons: Table<(x: Scalar, y: Scalar) => boolean> = {
  lt: (x, y) => x < y,
  le: (x, y) => x <= y,
  gt: (x, y) => x > y,
  ge: (x, y) => x >= y,
  eq: (x, y) => x === y,
  ne: (x, y) => x !== y,
  ult: (x, y) => BigInt.asUintN(64, BigInt(x)) < BigInt.asUintN(64, BigInt(y)),
};

type BitTable = { readonly [t in KType]?: (x: Scalar) => unknown };
const castBuffer = new DataView(new ArrayBuffer(8));

const readAs: BitTable = {
  f32: () => castBuffer.getFloat32(0),
  f64: () => castBuffer.getFloat64(0),
  i32: () => castBuffer.getInt32(0),
  i64: () => castBuffer.getBigInt64(0),
};
const writeAs: BitTable = {
  f32: (x) => castBuffer.setFloat32(0, Number(x)),
  f64: (x) => castBuffer.setFloat64(0, Number(x)),
  i32: (x) => castBuffer.setInt32(0, Number(x)),
  i64: (x) => castBuffer.setBigInt64(0, BigInt(x)),
};

/** The bits of a lane as another type; masks have none. */
function bitcastLane(from: KType, to: KType): LaneFn | undefined {
  const [write, get] = [writeAs[from], readAs[to]];
  if (!write || !get) return undefined;
  return (x) => {
    write(x);
    return get(0) as Scalar;
  };
}

/** A float as an integer of `n` bits: truncated, saturated, NaN to 0. */
function saturate(x: number, n: number): bigint {
  if (Number.isNaN(x)) return 0n;
  if (x >= 2 ** (n - 1)) return 2n ** BigInt(n - 1) - 1n;
  return x <= -(2 ** (n - 1)) ? -(2n ** BigInt(n - 1)) : BigInt(Math.trunc(x));
}

function castLane(from: KType, to: KType): LaneFn | undefined {
  const float = from === "f32" || from === "f64";
  if (to === "f64") return Number;
  if (to === "f32") return from === "i64" ? (x) => bigToF32(BigInt(x)) : (x) => Math.fround(Number(x));
  if (to === "i64") return float ? (x) => saturate(Number(x), 64) : (x) => BigInt(x);
  if (to !== "i32") return undefined;
  return float ? (x) => Number(saturate(Number(x), 32)) : (x) => Number(BigInt.asIntN(32, BigInt(x)));
}

function unsignedCastLane(from: KType, to: KType): LaneFn | undefined {
  const width = from === "i32" ? 32 : 64;
  const unsigned = (x: Scalar): bigint => BigInt.asUintN(width, BigInt(x));
  if (to === "i64") return unsigned;
  if (to === "f64") return (x) => Number(unsigned(x));
  return to === "f32" ? (x) => bigToF32(unsigned(x)) : undefined;
}

/** The function of lanes for an element-wise op. Throws BugError for an op its type does not have. */
export function laneFn(e: Expr): LaneFn {
  const from = e.args[0]!.type;
  const on = e.lanes > 1 ? -1 : 1;
  const compare = comparisons[e.op];
  if (compare) return (x, y) => (compare(x, y) ? on : 0);
  let fn: unknown;
  if (e.op === "select") fn = (m: Scalar, x: Scalar, y: Scalar): Scalar => (m !== 0 ? x : y);
  else if (e.op === "cast") fn = castLane(from, e.type);
  else if (e.op === "ucast") fn = unsignedCastLane(from, e.type);
  else if (e.op === "bitcast") fn = bitcastLane(from, e.type);
  else if (e.op === "maskcast") fn = (m: Scalar): Scalar => m;
  else if (e.op === "not" && tables[from] === maskTable) fn = (m: number): number => m ^ on;
  else fn = tables[from][e.op];
  if (typeof fn !== "function") throw new BugError(`kernel op ${e.op} has no meaning from ${from} to ${e.type}`);
  return fn as LaneFn;
}
