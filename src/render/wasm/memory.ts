// Vector loads and stores: consecutive, gathered and scattered elements of any memory type.

import { type Buf, type Expr, type MemType, constant, memBytes, shift, splat } from "../../kernel/expr.js";
import { pushAddress } from "./address.js";
import { pieceCursor } from "./cast.js";
import { type Frame, type Pieces, pieceCount } from "./frame.js";
import type { Op } from "./opcodes.js";
import { lanesPerPiece } from "./ops.js";
import { scalarLoads } from "./scalar.js";

/** The scalar address of a vector access in a local, and the offset that its instructions carry. */
function keepAddress(f: Frame, buf: Buf, index: Expr): { local: number; offset: number } {
  const offset = pushAddress(f, buf, index);
  const local = f.temp("i32");
  f.code.set(local);
  return { local, offset };
}

/** Consecutive elements. */
export function loadPieces(f: Frame, e: Expr): Pieces {
  const { code } = f;
  const buf = e.value as Buf;
  const { local, offset } = keepAddress(f, buf, e.args[0]!);
  const at = (op: Op, elements: number): void => {
    code.get(local);
    code.mem(op, offset + elements * memBytes[buf.mem]);
  };
  switch (buf.mem) {
    case "i16":
      return (p) => at("v128.load16x4_s", p * 4);
    case "u16":
      return (p) => at("v128.load16x4_u", p * 4);
    case "i8":
    case "u8":
      return loadBytePieces(f, buf.mem === "i8" ? "s" : "u", pieceCount(e), at);
    default:
      return (p) => at("v128.load", p * lanesPerPiece(e.type));
  }
}

/** Bytes widen eight at a time; the last four of an odd number of pieces alone. */
function loadBytePieces(f: Frame, sign: "s" | "u", count: number, at: (op: Op, elements: number) => void): Pieces {
  const { code } = f;
  const local = f.temp("v128");
  return (p) => {
    if (p % 2 === 1) {
      code.get(local);
      return code.op(`i32x4.extend_high_i16x8_${sign}`);
    }
    if (p + 1 < count) {
      at(`v128.load8x8_${sign}`, p * 4);
      code.tee(local);
    } else {
      at("v128.load32_zero", p * 4);
      code.op(`i16x8.extend_low_i8x16_${sign}`);
    }
    code.op(`i32x4.extend_low_i16x8_${sign}`);
  };
}

/** A vector of the addresses of elements, four at a time in a local. */
function addressCursor(f: Frame, buf: Buf, index: Expr): (piece: number) => void {
  const { code } = f;
  const power = Math.log2(memBytes[buf.mem]);
  const scaled = f.vector(f, power === 0 ? index : shift("shl", index, constant("i32", power)));
  const base = f.temp("v128");
  code.get(f.base(buf));
  code.op("i32x4.splat");
  code.set(base);
  return pieceCursor(f, (p) => {
    scaled(p);
    code.get(base);
    code.op("i32x4.add");
  });
}

/** Elements at a vector of indices. */
export function gatherPieces(f: Frame, e: Expr): Pieces {
  const { code } = f;
  const buf = e.value as Buf;
  const addresses = addressCursor(f, buf, e.args[0]!);
  const per = lanesPerPiece(e.type);
  const pushLaneAddress = (lane: number): void => {
    addresses(Math.floor(lane / 4));
    code.lane("i32x4.extract_lane", lane % 4);
  };
  if (memBytes[buf.mem] < 4) {
    return (p) => {
      for (let k = 0; k < per; k++) {
        pushLaneAddress(p * per + k);
        code.mem(scalarLoads[buf.mem]);
        if (k === 0) code.op("i32x4.splat");
        else code.lane("i32x4.replace_lane", k);
      }
    };
  }
  const bits = per === 4 ? 32 : 64;
  const result = f.temp("v128");
  return (p) => {
    for (let k = 0; k < per; k++) {
      pushLaneAddress(p * per + k);
      if (k === 0) code.mem(`v128.load${bits}_zero`);
      else {
        code.get(result);
        code.memLane(`v128.load${bits}_lane`, 0, k);
      }
      if (k + 1 < per) code.set(result);
    }
  };
}

/** Stores of one element. Narrow ones truncate. */
export const scalarStores: Readonly<Record<MemType, Op>> = {
  f32: "f32.store",
  f64: "f64.store",
  i32: "i32.store",
  i64: "i64.store",
  i16: "i32.store16",
  u16: "i32.store16",
  i8: "i32.store8",
  u8: "i32.store8",
};

/** Emits a store of a scalar or vector value. */
export function emitStore(f: Frame, buf: Buf, index: Expr, value: Expr): void {
  const { code } = f;
  if (index.lanes > 1) return emitScatter(f, buf, index, splat(value, index.lanes));
  if (value.lanes === 1) {
    const offset = pushAddress(f, buf, index);
    f.scalar(f, value);
    return code.mem(scalarStores[buf.mem], offset);
  }
  const { local, offset } = keepAddress(f, buf, index);
  const pieces = valuePieces(f, buf, index, value);
  const count = pieceCount(value);
  const narrow = memBytes[buf.mem] < 4;
  for (let p = 0; p < count; p += narrow ? storeNarrow(f, buf, local, offset, pieces, p, count) : 1) {
    if (narrow) continue;
    code.get(local);
    pieces(p);
    code.mem("v128.store", offset + p * 16);
  }
}

/** The pieces of a value to store; all computed before the first is stored where it reads other elements of the same buffer. */
function valuePieces(f: Frame, buf: Buf, index: Expr, value: Expr): Pieces {
  const pieces = f.vector(f, value);
  if (!readsElsewhere(value, buf, index)) return pieces;
  const locals = Array.from({ length: pieceCount(value) }, (_, p) => {
    const local = f.temp("v128");
    pieces(p);
    f.code.set(local);
    return local;
  });
  return (p) => f.code.get(locals[p]!);
}

function readsElsewhere(e: Expr, buf: Buf, index: Expr): boolean {
  if ((e.op === "load" || e.op === "gather") && e.value === buf && e.args[0] !== index) return true;
  return e.args.some((a) => readsElsewhere(a, buf, index));
}

/** Lanes cut to 16 or 8 bits: the low bits are kept by a mask, so that the narrowing instructions never saturate. */
function storeNarrow(f: Frame, buf: Buf, local: number, offset: number, x: Pieces, p: number, count: number): number {
  const { code } = f;
  const bytes = memBytes[buf.mem];
  const mask = new Uint8Array(16).map((_, i) => (i % 4 < bytes ? 255 : 0));
  const push = (piece: number): void => {
    x(piece);
    code.v128(mask);
    code.op("v128.and");
  };
  const many = bytes === 1 && p + 3 < count ? 4 : p + 1 < count ? 2 : 1;
  code.get(local);
  for (let k = 0; k < many; k += 2) {
    push(p + k);
    if (many > 1) push(p + k + 1);
    else code.v128(new Uint8Array(16));
    code.op("i16x8.narrow_i32x4_u");
  }
  if (bytes === 1) {
    if (many < 4) code.v128(new Uint8Array(16));
    code.op("i8x16.narrow_i16x8_u");
  }
  const at = offset + p * 4 * bytes;
  const width = many * 4 * bytes;
  if (width === 16) code.mem("v128.store", at);
  else if (width === 8) code.memLane("v128.store64_lane", at, 0);
  else code.memLane("v128.store32_lane", at, 0);
  return many;
}

function emitScatter(f: Frame, buf: Buf, index: Expr, value: Expr): void {
  const { code } = f;
  const bits = (memBytes[buf.mem] * 8) as 8 | 16 | 32 | 64;
  const per = lanesPerPiece(value.type);
  const values = pieceCursor(f, valuePieces(f, buf, index, value));
  const addresses = addressCursor(f, buf, index);
  for (let k = 0; k < value.lanes; k++) {
    addresses(Math.floor(k / 4));
    code.lane("i32x4.extract_lane", k % 4);
    values(Math.floor(k / per));
    // A narrow element is the lowest of the lane's bytes or half words.
    code.memLane(`v128.store${bits}_lane`, 0, (k % per) * (bits < 32 ? 32 / bits : 1));
  }
}
