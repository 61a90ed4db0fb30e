// Conversions of vectors: between lanes of equal width, from 32 to 64 bits and back, and lane by lane where there is no instruction.

import { BugError } from "../../core/errors.js";
import { type Expr, type KType, laneBytes } from "../../kernel/expr.js";
import type { Frame, Pieces } from "./frame.js";
import type { Op } from "./opcodes.js";
import { laneOps, lanesPerPiece, scalarCasts, scalarUnsignedCasts } from "./ops.js";

/** Keys are `from>to`; unsigned conversions start with `u`. */
const same: Readonly<Record<string, Op>> = {
  "f32>i32": "i32x4.trunc_sat_f32x4_s",
  "i32>f32": "f32x4.convert_i32x4_s",
  "ui32>f32": "f32x4.convert_i32x4_u",
};

/** Low and high half of a piece of 32-bit lanes to a piece of 64-bit lanes; without `high`, `low` reads the high half moved down. */
const widening: Readonly<Record<string, { low: Op; high?: Op }>> = {
  "i32>i64": { low: "i64x2.extend_low_i32x4_s", high: "i64x2.extend_high_i32x4_s" },
  "ui32>i64": { low: "i64x2.extend_low_i32x4_u", high: "i64x2.extend_high_i32x4_u" },
  "m32>m64": { low: "i64x2.extend_low_i32x4_s", high: "i64x2.extend_high_i32x4_s" },
  "i32>f64": { low: "f64x2.convert_low_i32x4_s" },
  "ui32>f64": { low: "f64x2.convert_low_i32x4_u" },
  "f32>f64": { low: "f64x2.promote_low_f32x4" },
};

/** Two pieces of 64-bit lanes to one: each converted to the low half of a vector, or `undefined` to take the low words. */
const narrowing: Readonly<Record<string, Op | undefined>> = {
  "f64>f32": "f32x4.demote_f64x2_zero",
  "f64>i32": "i32x4.trunc_sat_f64x2_s_zero",
  "i64>i32": undefined,
  "m64>m32": undefined,
};

const lowHalves = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
const evenWords = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27];
const highFirst = [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7];

/** `cast`, `ucast` and `maskcast` of vectors. */
export function pushVectorCast(f: Frame, e: Expr): Pieces {
  const { code } = f;
  const from = e.args[0]!.type;
  const key = `${e.op === "ucast" ? "u" : ""}${from}>${e.type}`;
  const x = f.vector(f, e.args[0]!);
  const direct = same[key];
  if (direct) {
    return (p) => {
      x(p);
      code.op(direct);
    };
  }
  const wide = widening[key];
  if (wide) return widen(f, x, wide);
  if (key in narrowing) return narrow(f, x, narrowing[key]);
  return laneByLane(f, x, e, from);
}

function widen(f: Frame, x: Pieces, { low, high }: { low: Op; high?: Op }): Pieces {
  const { code } = f;
  const local = f.temp("v128");
  return (p) => {
    if (p % 2 === 0) {
      x(p / 2);
      code.tee(local);
      return code.op(low);
    }
    code.get(local);
    if (high) return code.op(high);
    code.get(local);
    code.shuffle(highFirst);
    code.op(low);
  };
}

function narrow(f: Frame, x: Pieces, op: Op | undefined): Pieces {
  const { code } = f;
  return (p) => {
    for (const half of [2 * p, 2 * p + 1]) {
      x(half);
      if (op) code.op(op);
    }
    code.shuffle(op ? lowHalves : evenWords);
  };
}

/** Brings the piece that holds a lane into a local; pieces are asked for in ascending order. */
export function pieceCursor(f: Frame, x: Pieces): (piece: number) => void {
  const local = f.temp("v128");
  let current = -1;
  return (piece) => {
    while (current < piece) {
      x(++current);
      f.code.set(local);
    }
    f.code.get(local);
  };
}

function laneByLane(f: Frame, x: Pieces, e: Expr, from: KType): Pieces {
  const { code } = f;
  const op = (e.op === "ucast" ? scalarUnsignedCasts : scalarCasts)[from]?.[e.type];
  if (!op) throw new BugError(`WebAssembly has no vector ${e.op} from ${from} to ${e.type}`);
  const source = pieceCursor(f, x);
  const per = lanesPerPiece(e.type);
  const perSource = 16 / laneBytes(from);
  return (p) => {
    for (let k = 0; k < per; k++) {
      const at = p * per + k;
      source(Math.floor(at / perSource));
      code.lane(laneOps[from].extract, at % perSource);
      code.op(op);
      if (k === 0) code.op(laneOps[e.type].splat);
      else code.lane(laneOps[e.type].replace, k);
    }
  };
}
