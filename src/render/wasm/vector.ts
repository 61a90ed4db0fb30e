// Vector expressions: each is a row of 128-bit pieces, pushed one after the other; what the pieces share is emitted once before.

import { BugError } from "../../core/errors.js";
import { type Buf, type Expr, type KType, type Var, isMask, laneBytes, memBytes, splat } from "../../kernel/expr.js";
import { pushAddress } from "./address.js";
import { pushVectorCast } from "./cast.js";
import { type Frame, type Pieces, pieceCount } from "./frame.js";
import { laneOps, lanesPerPiece, vectorOps } from "./ops.js";
import { gatherPieces, loadPieces } from "./memory.js";
import { keep } from "./scalar.js";

/** Emits what the pieces of a vector expression share; the result pushes a piece. */
export function vectorPieces(f: Frame, e: Expr): Pieces {
  const { code } = f;
  switch (e.op) {
    case "var": {
      const locals = f.locals(e.value as Var);
      return (p) => code.get(locals[p]!);
    }
    case "splat":
      return splatPieces(f, e);
    case "ramp":
      return rampPieces(f, e);
    case "load":
      return loadPieces(f, e);
    case "gather":
      return gatherPieces(f, e);
    case "cast":
    case "ucast":
    case "maskcast":
      return pushVectorCast(f, e);
    case "bitcast":
      return f.vector(f, e.args[0]!);
    case "shl":
    case "shr":
    case "ushr":
      return shiftPieces(f, e);
    case "select": {
      const [mask, x, y] = e.args.map((a) => f.vector(f, a)) as [Pieces, Pieces, Pieces];
      return (p) => {
        x(p);
        y(p);
        mask(p);
        code.op("v128.bitselect");
      };
    }
    case "fma":
      return fmaPieces(f, e);
    case "zipLow":
    case "zipHigh":
      return zipPieces(f, e);
    default:
      return operationPieces(f, e);
  }
}

/** The 16 bytes of a literal repeated in all lanes. */
function literalBytes(type: KType, value: Expr["value"]): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(16));
  for (let at = 0; at < 16; at += laneBytes(type)) {
    if (type === "f32") bytes.setFloat32(at, value as number, true);
    else if (type === "f64") bytes.setFloat64(at, value as number, true);
    else if (type === "i32") bytes.setInt32(at, value as number, true);
    else if (type === "i64") bytes.setBigInt64(at, value as bigint, true);
    else if (type === "m32") bytes.setInt32(at, value ? -1 : 0, true);
    else bytes.setBigInt64(at, value ? -1n : 0n, true);
  }
  return new Uint8Array(bytes.buffer);
}

function splatPieces(f: Frame, e: Expr): Pieces {
  const { code } = f;
  const x = e.args[0]!;
  if (x.op === "const") {
    const bytes = literalBytes(e.type, x.value);
    return () => code.v128(bytes);
  }
  if (x.op === "load" && memBytes[(x.value as Buf).mem] >= 4) {
    const offset = pushAddress(f, x.value as Buf, x.args[0]!);
    code.mem(laneBytes(e.type) === 8 ? "v128.load64_splat" : "v128.load32_splat", offset);
  } else {
    if (isMask(e.type)) code.i32(0);
    f.scalar(f, x);
    if (isMask(e.type)) code.op("i32.sub");
    if (e.type === "m64") code.op("i64.extend_i32_s");
    code.op(laneOps[e.type].splat);
  }
  const local = f.temp("v128");
  code.set(local);
  return () => code.get(local);
}

function rampPieces(f: Frame, e: Expr): Pieces {
  const { code } = f;
  const type = e.type as "i32" | "i64";
  const per = lanesPerPiece(type);
  const base = f.vector(f, splat(e.args[0]!, e.lanes));
  return (p) => {
    const steps = new DataView(new ArrayBuffer(16));
    for (let k = 0; k < per; k++) {
      if (type === "i32") steps.setInt32(k * 4, p * per + k, true);
      else steps.setBigInt64(k * 8, BigInt(p * per + k), true);
    }
    base(p);
    code.v128(new Uint8Array(steps.buffer));
    code.op(type === "i32" ? "i32x4.add" : "i64x2.add");
  };
}

function shiftPieces(f: Frame, e: Expr): Pieces {
  const op = vectorOps[e.op]?.[e.type];
  if (!op) throw new BugError(`WebAssembly has no vector ${e.op} of ${e.type}`);
  const by = keep(f, e.args[1]!);
  const x = f.vector(f, e.args[0]!);
  return (p) => {
    x(p);
    by();
    f.code.op(op);
  };
}

function fmaPieces(f: Frame, e: Expr): Pieces {
  const { code, features } = f;
  const [x, y, z] = e.args.map((a) => f.vector(f, a)) as [Pieces, Pieces, Pieces];
  const shape = e.type === "f32" ? "f32x4" : "f64x2";
  return (p) => {
    x(p);
    y(p);
    if (!features.relaxed) code.op(`${shape}.mul`);
    z(p);
    code.op(features.relaxed ? `${shape}.relaxed_madd` : `${shape}.add`);
  };
}

/** Byte orders that put the lanes of one half of two pieces in turn. */
const zipOrder = (bytes: number, high: boolean): number[] =>
  Array.from({ length: 16 }, (_, i) => {
    const k = Math.floor(i / bytes);
    return (high ? 8 : 0) + (k >> 1) * bytes + (i % bytes) + (k % 2) * 16;
  });

/** Piece p of the result comes from one half of one piece of each operand, so all of these are computed first. */
function zipPieces(f: Frame, e: Expr): Pieces {
  const { code } = f;
  const count = pieceCount(e);
  const first = e.op === "zipHigh" ? count : 0;
  const operands = e.args.map((a) => {
    const pieces = f.vector(f, a);
    return Array.from({ length: count }, (_, p) => {
      const local = f.temp("v128");
      pieces(p);
      code.set(local);
      return local;
    });
  });
  return (p) => {
    for (const locals of operands) code.get(locals[(first + p) >> 1]!);
    code.shuffle(zipOrder(laneBytes(e.type), (first + p) % 2 === 1));
  };
}

function operationPieces(f: Frame, e: Expr): Pieces {
  const { code } = f;
  const type = e.args[0]!.type;
  const op = vectorOps[e.op]?.[type];
  if (op) {
    const args = e.args.map((a) => f.vector(f, a));
    return (p) => {
      for (const a of args) a(p);
      code.op(op);
    };
  }
  if (type === "i32" && (e.op === "div" || e.op === "rem")) return divisionPieces(f, e);
  if (type === "i64" && (e.op === "min" || e.op === "max")) return wideExtremePieces(f, e);
  if (type === "i64" && e.op === "ult") return wideUnsignedLess(f, e);
  if (type === "i64" && (e.op === "div" || e.op === "rem")) return wideDivisionPieces(f, e);
  throw new BugError(`WebAssembly has no vector ${e.op} of ${type}`);
}

/** Keeps each piece of a vector in a local, so that it can be pushed again. */
function tee(f: Frame, x: Pieces): { compute: Pieces; again: () => void } {
  const local = f.temp("v128");
  return {
    compute: (p) => {
      x(p);
      f.code.tee(local);
    },
    again: () => f.code.get(local),
  };
}

/** min: `bitselect(y, x, y < x)`; max: `bitselect(y, x, x < y)`. */
function wideExtremePieces(f: Frame, e: Expr): Pieces {
  const [x, y] = e.args.map((a) => tee(f, f.vector(f, a)));
  return (p) => {
    y!.compute(p);
    x!.compute(p);
    y!.again();
    x!.again();
    f.code.op(e.op === "min" ? "i64x2.lt_s" : "i64x2.gt_s");
    f.code.op("v128.bitselect");
  };
}

/** Unsigned order is signed order with the sign bits flipped. */
function wideUnsignedLess(f: Frame, e: Expr): Pieces {
  const { code } = f;
  const args = e.args.map((a) => f.vector(f, a));
  const sign = literalBytes("i64", -(2n ** 63n));
  return (p) => {
    for (const a of args) {
      a(p);
      code.v128(sign);
      code.op("v128.xor");
    }
    code.op("i64x2.lt_s");
  };
}

/** Integer quotients through doubles: the double quotient of two i32, truncated, is exact (|x| < 2^31 < 2^53). */
function divisionPieces(f: Frame, e: Expr): Pieces {
  const { code } = f;
  const [x, y] = e.args.map((a) => tee(f, f.vector(f, a)));
  const divisor = e.args[1]!;
  const mayWrap = !(divisor.op === "splat" && divisor.args[0]!.op === "const" && divisor.args[0]!.value !== -1);
  const half = (high: boolean): void => {
    for (const v of [x!, y!]) {
      v.again();
      if (high) highHalf(f);
      code.op("f64x2.convert_low_i32x4_s");
    }
    code.op("f64x2.div");
    code.op("i32x4.trunc_sat_f64x2_s_zero");
  };
  return (p) => {
    x!.compute(p);
    y!.compute(p);
    code.op("drop");
    code.op("drop");
    half(false);
    half(true);
    code.shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
    if (mayWrap) wrapQuotient(f, x!.again, y!.again);
    if (e.op === "rem") remainder(f, x!.again, y!.again);
  };
}

/** Moves the high 8 bytes of the vector on the stack to its low half. */
function highHalf(f: Frame): void {
  const local = f.temp("v128");
  f.code.tee(local);
  f.code.get(local);
  f.code.shuffle([8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7]);
}

/** -2^31 / -1 saturated to 2^31 - 1; inverting its bits gives the wrapped quotient. */
function wrapQuotient(f: Frame, x: () => void, y: () => void): void {
  const { code } = f;
  x();
  code.v128(literalBytes("i32", -(2 ** 31)));
  code.op("i32x4.eq");
  y();
  code.v128(literalBytes("i32", -1));
  code.op("i32x4.eq");
  code.op("v128.and");
  code.op("v128.xor");
}

/** Turns the quotient q on the stack into x - q * y. */
function remainder(f: Frame, x: () => void, y: () => void): void {
  const { code } = f;
  const q = f.temp("v128");
  code.set(q);
  x();
  code.get(q);
  y();
  code.op("i32x4.mul");
  code.op("i32x4.sub");
}

/** 64-bit quotients and remainders, lane by lane. */
function wideDivisionPieces(f: Frame, e: Expr): Pieces {
  const [x, y] = e.args.map((a) => tee(f, f.vector(f, a)));
  return (p) => {
    x!.compute(p);
    y!.compute(p);
    f.code.op("drop");
    f.code.op("drop");
    for (let k = 0; k < 2; k++) {
      pushWideQuotient(f, e.op, x!.again, y!.again, k);
      if (k === 0) f.code.op("i64x2.splat");
      else f.code.lane("i64x2.replace_lane", k);
    }
  };
}

/** `div` by -1 wraps where WebAssembly would trap; `rem` by -1 is 0 there too. */
function pushWideQuotient(f: Frame, op: string, x: () => void, y: () => void, k: number): void {
  const { code } = f;
  const divisor = f.temp("i64");
  const lane = (v: () => void): void => {
    v();
    code.lane("i64x2.extract_lane", k);
  };
  lane(y);
  code.set(divisor);
  if (op === "rem") {
    lane(x);
    code.get(divisor);
    return code.op("i64.rem_s");
  }
  code.i64(0n);
  lane(x);
  code.op("i64.sub");
  lane(x);
  code.i64(1n);
  code.get(divisor);
  code.get(divisor);
  code.i64(-1n);
  code.op("i64.eq");
  code.op("select");
  code.op("i64.div_s");
  code.get(divisor);
  code.i64(-1n);
  code.op("i64.eq");
  code.op("select");
}
