// How each op of the kernel language is spelled in WebAssembly, for scalars and for 128-bit vectors.

import { type ExprOp, type KType, laneBytes } from "../../kernel/expr.js";
import type { Op } from "./opcodes.js";

/** Spellings of an op by the type of its operands. */
type Row = { readonly [type in KType]?: Op };
type Table = { readonly [op in ExprOp]?: Row };

/** Scalar spellings. Masks are i32 holding 0 or 1. */
export const scalarOps: Table = {
  neg: { f32: "f32.neg", f64: "f64.neg" },
  abs: { f32: "f32.abs", f64: "f64.abs" },
  sqrt: { f32: "f32.sqrt", f64: "f64.sqrt" },
  floor: { f32: "f32.floor", f64: "f64.floor" },
  ceil: { f32: "f32.ceil", f64: "f64.ceil" },
  trunc: { f32: "f32.trunc", f64: "f64.trunc" },
  nearest: { f32: "f32.nearest", f64: "f64.nearest" },
  not: { m32: "i32.eqz", m64: "i32.eqz" },
  add: { f32: "f32.add", f64: "f64.add", i32: "i32.add", i64: "i64.add" },
  sub: { f32: "f32.sub", f64: "f64.sub", i32: "i32.sub", i64: "i64.sub" },
  mul: { f32: "f32.mul", f64: "f64.mul", i32: "i32.mul", i64: "i64.mul" },
  div: { f32: "f32.div", f64: "f64.div", i32: "i32.div_s", i64: "i64.div_s" },
  rem: { i32: "i32.rem_s", i64: "i64.rem_s" },
  and: { i32: "i32.and", i64: "i64.and", m32: "i32.and", m64: "i32.and" },
  or: { i32: "i32.or", i64: "i64.or", m32: "i32.or", m64: "i32.or" },
  xor: { i32: "i32.xor", i64: "i64.xor", m32: "i32.xor", m64: "i32.xor" },
  shl: { i32: "i32.shl", i64: "i64.shl" },
  shr: { i32: "i32.shr_s", i64: "i64.shr_s" },
  ushr: { i32: "i32.shr_u", i64: "i64.shr_u" },
  lt: { f32: "f32.lt", f64: "f64.lt", i32: "i32.lt_s", i64: "i64.lt_s" },
  le: { f32: "f32.le", f64: "f64.le", i32: "i32.le_s", i64: "i64.le_s" },
  gt: { f32: "f32.gt", f64: "f64.gt", i32: "i32.gt_s", i64: "i64.gt_s" },
  ge: { f32: "f32.ge", f64: "f64.ge", i32: "i32.ge_s", i64: "i64.ge_s" },
  eq: { f32: "f32.eq", f64: "f64.eq", i32: "i32.eq", i64: "i64.eq", m32: "i32.eq", m64: "i32.eq" },
  ne: { f32: "f32.ne", f64: "f64.ne", i32: "i32.ne", i64: "i64.ne", m32: "i32.ne", m64: "i32.ne" },
  ult: { i32: "i32.lt_u", i64: "i64.lt_u" },
};

/** Vector spellings. Masks are lanes of 0 or -1. `pmin(x, y)` is `y < x ? y : x`, exactly the language's `min`. */
export const vectorOps: Table = {
  neg: { f32: "f32x4.neg", f64: "f64x2.neg", i32: "i32x4.neg", i64: "i64x2.neg" },
  abs: { f32: "f32x4.abs", f64: "f64x2.abs", i32: "i32x4.abs", i64: "i64x2.abs" },
  sqrt: { f32: "f32x4.sqrt", f64: "f64x2.sqrt" },
  floor: { f32: "f32x4.floor", f64: "f64x2.floor" },
  ceil: { f32: "f32x4.ceil", f64: "f64x2.ceil" },
  trunc: { f32: "f32x4.trunc", f64: "f64x2.trunc" },
  nearest: { f32: "f32x4.nearest", f64: "f64x2.nearest" },
  not: { i32: "v128.not", i64: "v128.not", m32: "v128.not", m64: "v128.not" },
  add: { f32: "f32x4.add", f64: "f64x2.add", i32: "i32x4.add", i64: "i64x2.add" },
  sub: { f32: "f32x4.sub", f64: "f64x2.sub", i32: "i32x4.sub", i64: "i64x2.sub" },
  mul: { f32: "f32x4.mul", f64: "f64x2.mul", i32: "i32x4.mul", i64: "i64x2.mul" },
  div: { f32: "f32x4.div", f64: "f64x2.div" },
  min: { f32: "f32x4.pmin", f64: "f64x2.pmin", i32: "i32x4.min_s" },
  max: { f32: "f32x4.pmax", f64: "f64x2.pmax", i32: "i32x4.max_s" },
  and: { i32: "v128.and", i64: "v128.and", m32: "v128.and", m64: "v128.and" },
  or: { i32: "v128.or", i64: "v128.or", m32: "v128.or", m64: "v128.or" },
  xor: { i32: "v128.xor", i64: "v128.xor", m32: "v128.xor", m64: "v128.xor" },
  shl: { i32: "i32x4.shl", i64: "i64x2.shl" },
  shr: { i32: "i32x4.shr_s", i64: "i64x2.shr_s" },
  ushr: { i32: "i32x4.shr_u", i64: "i64x2.shr_u" },
  lt: { f32: "f32x4.lt", f64: "f64x2.lt", i32: "i32x4.lt_s", i64: "i64x2.lt_s" },
  le: { f32: "f32x4.le", f64: "f64x2.le", i32: "i32x4.le_s", i64: "i64x2.le_s" },
  gt: { f32: "f32x4.gt", f64: "f64x2.gt", i32: "i32x4.gt_s", i64: "i64x2.gt_s" },
  ge: { f32: "f32x4.ge", f64: "f64x2.ge", i32: "i32x4.ge_s", i64: "i64x2.ge_s" },
  eq: { f32: "f32x4.eq", f64: "f64x2.eq", i32: "i32x4.eq", i64: "i64x2.eq", m32: "i32x4.eq", m64: "i64x2.eq" },
  ne: { f32: "f32x4.ne", f64: "f64x2.ne", i32: "i32x4.ne", i64: "i64x2.ne", m32: "i32x4.ne", m64: "i64x2.ne" },
  ult: { i32: "i32x4.lt_u" },
};

/** Conversions of scalars, by source and result. */
export const scalarCasts: { readonly [from in KType]?: Row } = {
  f32: { f64: "f64.promote_f32", i32: "i32.trunc_sat_f32_s", i64: "i64.trunc_sat_f32_s" },
  f64: { f32: "f32.demote_f64", i32: "i32.trunc_sat_f64_s", i64: "i64.trunc_sat_f64_s" },
  i32: { f32: "f32.convert_i32_s", f64: "f64.convert_i32_s", i64: "i64.extend_i32_s" },
  i64: { f32: "f32.convert_i64_s", f64: "f64.convert_i64_s", i32: "i32.wrap_i64" },
};

/** Conversions of scalars that read the source as unsigned. */
export const scalarUnsignedCasts: { readonly [from in KType]?: Row } = {
  i32: { f32: "f32.convert_i32_u", f64: "f64.convert_i32_u", i64: "i64.extend_i32_u" },
  i64: { f32: "f32.convert_i64_u", f64: "f64.convert_i64_u" },
};

/** The same bits as another scalar type. */
export const scalarBitcasts: { readonly [from in KType]?: Row } = {
  f32: { i32: "i32.reinterpret_f32" },
  f64: { i64: "i64.reinterpret_f64" },
  i32: { f32: "f32.reinterpret_i32" },
  i64: { f64: "f64.reinterpret_i64" },
};

interface Lanes {
  readonly splat: Op;
  readonly extract: Op;
  readonly replace: Op;
}

const lanes32: Lanes = { splat: "i32x4.splat", extract: "i32x4.extract_lane", replace: "i32x4.replace_lane" };
const lanes64: Lanes = { splat: "i64x2.splat", extract: "i64x2.extract_lane", replace: "i64x2.replace_lane" };

/** Access to lanes, by type. */
export const laneOps: Readonly<Record<KType, Lanes>> = {
  f32: { splat: "f32x4.splat", extract: "f32x4.extract_lane", replace: "f32x4.replace_lane" },
  f64: { splat: "f64x2.splat", extract: "f64x2.extract_lane", replace: "f64x2.replace_lane" },
  i32: lanes32,
  i64: lanes64,
  m32: lanes32,
  m64: lanes64,
};

/** The WebAssembly type of a scalar. */
export const valType = (t: KType): "i32" | "i64" | "f32" | "f64" => (t === "m32" || t === "m64" ? "i32" : t);

/** Lanes of a type in 128 bits. */
export const lanesPerPiece = (t: KType): 2 | 4 => (laneBytes(t) === 8 ? 2 : 4);
