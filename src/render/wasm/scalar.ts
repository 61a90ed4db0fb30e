// Scalar expressions: pushes the value on WebAssembly's stack.

import { BugError } from "../../core/errors.js";
import { type Arg, type Buf, type Expr, type KType, type MemType, type Var, isMask } from "../../kernel/expr.js";
import { isNonNegative, pushAddress } from "./address.js";
import type { Code } from "./assembler.js";
import type { Frame } from "./frame.js";
import type { Op } from "./opcodes.js";
import { laneOps, lanesPerPiece, scalarBitcasts, scalarCasts, scalarOps, scalarUnsignedCasts, valType } from "./ops.js";

/** Loads of one element; narrow ones widen to i32. */
export const scalarLoads: Readonly<Record<MemType, Op>> = {
  f32: "f32.load",
  f64: "f64.load",
  i32: "i32.load",
  i64: "i64.load",
  i16: "i32.load16_s",
  u16: "i32.load16_u",
  i8: "i32.load8_s",
  u8: "i32.load8_u",
};

/** Pushes a literal. */
export function pushConstant(code: Code, type: KType, value: Expr["value"]): void {
  if (type === "f32") code.f32(value as number);
  else if (type === "f64") code.f64(value as number);
  else if (type === "i64") code.i64(value as bigint);
  else code.i32(Number(value));
}

/** Pushes a scalar expression. */
export function pushScalar(f: Frame, e: Expr): void {
  const { code } = f;
  switch (e.op) {
    case "const":
      return pushConstant(code, e.type, e.value);
    case "var":
      return code.get(f.locals(e.value as Var)[0]!);
    case "arg":
      return code.get(f.argument(e.value as Arg));
    case "load": {
      const buf = e.value as Buf;
      const offset = pushAddress(f, buf, e.args[0]!);
      return code.mem(scalarLoads[buf.mem], offset);
    }
    case "lane":
      return pushLane(f, e);
    case "maskcast":
      return f.scalar(f, e.args[0]!);
    case "cast":
      return pushConverted(f, e, scalarCasts[e.args[0]!.type]?.[e.type]);
    case "ucast":
      return pushConverted(f, e, scalarUnsignedCasts[e.args[0]!.type]?.[e.type]);
    case "bitcast":
      return pushConverted(f, e, scalarBitcasts[e.args[0]!.type]?.[e.type]);
    default:
      return pushOperation(f, e);
  }
}

function pushConverted(f: Frame, e: Expr, op: Op | undefined): void {
  if (!op) throw new BugError(`WebAssembly has no scalar ${e.op} from ${e.args[0]!.type} to ${e.type}`);
  f.scalar(f, e.args[0]!);
  f.code.op(op);
}

function pushOperation(f: Frame, e: Expr): void {
  const { code } = f;
  const [x, y] = e.args;
  const type = x!.type;
  const integer = type === "i32" || type === "i64";
  if (e.op === "select") return pushSelect(f, e);
  if (e.op === "fma") return pushFma(f, e);
  if (e.op === "min" || e.op === "max") return pushExtreme(f, e);
  if (integer && (e.op === "neg" || e.op === "abs" || e.op === "not")) return pushIntegerUnary(f, e);
  if (integer && e.op === "div" && overflows(f, x!, y!)) return pushGuardedDivision(f, x!, y!, type);
  const op = scalarOps[e.op]?.[type];
  if (!op) throw new BugError(`WebAssembly has no scalar ${e.op} of ${type}`);
  for (const a of e.args) f.scalar(f, a);
  if (type === "i64" && (e.op === "shl" || e.op === "shr" || e.op === "ushr")) code.op("i64.extend_i32_u");
  code.op(op);
}

function pushSelect(f: Frame, e: Expr): void {
  f.scalar(f, e.args[1]!);
  f.scalar(f, e.args[2]!);
  f.scalar(f, e.args[0]!);
  f.code.op("select");
}

/** min: `y < x ? y : x`; max: `x < y ? y : x`. */
function pushExtreme(f: Frame, e: Expr): void {
  const { code } = f;
  const [x, y] = e.args.map((a) => keep(f, a)) as [() => void, () => void];
  const lt = scalarOps.lt?.[e.type];
  if (!lt) throw new BugError(`WebAssembly has no scalar ${e.op} of ${e.type}`);
  y();
  x();
  if (e.op === "min") y();
  x();
  if (e.op === "max") y();
  code.op(lt);
  code.op("select");
}

/** Makes a scalar cheap to push again: literals, variables and arguments are; else its value goes into a local now. */
export function keep(f: Frame, e: Expr): () => void {
  if (e.args.length === 0) return () => f.scalar(f, e);
  const local = f.temp(valType(e.type));
  f.scalar(f, e);
  f.code.set(local);
  return () => f.code.get(local);
}

function pushIntegerUnary(f: Frame, e: Expr): void {
  const { code } = f;
  const type = valType(e.type) as "i32" | "i64";
  const zero = (): void => pushConstant(code, type, type === "i64" ? 0n : 0);
  if (e.op === "neg") {
    zero();
    f.scalar(f, e.args[0]!);
    return code.op(`${type}.sub`);
  }
  if (e.op === "not") {
    f.scalar(f, e.args[0]!);
    pushConstant(code, type, type === "i64" ? -1n : -1);
    return code.op(`${type}.xor`);
  }
  const x = keep(f, e.args[0]!);
  zero();
  x();
  code.op(`${type}.sub`);
  x();
  x();
  zero();
  code.op(`${type}.lt_s`);
  code.op("select");
}

/** Whether a quotient may overflow: the smallest integer by -1, where the language wraps and WebAssembly traps. */
function overflows(f: Frame, x: Expr, y: Expr): boolean {
  if (y.op === "const") return BigInt(y.value as number | bigint) === -1n;
  return !isNonNegative(f, x) && !isNonNegative(f, y);
}

/** `y == -1 ? 0 - x : x / (y == -1 ? 1 : y)`. */
function pushGuardedDivision(f: Frame, a: Expr, b: Expr, type: "i32" | "i64"): void {
  const { code } = f;
  const [x, y] = [keep(f, a), keep(f, b)];
  const literal = (v: number): void => pushConstant(code, type, type === "i64" ? BigInt(v) : v);
  const special = f.temp("i32");
  literal(0);
  x();
  code.op(`${type}.sub`);
  x();
  literal(1);
  y();
  y();
  literal(-1);
  code.op(`${type}.eq`);
  code.tee(special);
  code.op("select");
  code.op(`${type}.div_s`);
  code.get(special);
  code.op("select");
}

/** Without a scalar relaxed instruction, one lane of the vector one: scalars and vectors round alike. */
function pushFma(f: Frame, e: Expr): void {
  const { code } = f;
  const [x, y, z] = e.args;
  const type = e.type as "f32" | "f64";
  const { splat, extract } = laneOps[type];
  const push = (a: Expr): void => {
    f.scalar(f, a);
    if (f.features.relaxed) code.op(splat);
  };
  push(x!);
  push(y!);
  if (!f.features.relaxed) code.op(`${type}.mul`);
  push(z!);
  if (!f.features.relaxed) return code.op(`${type}.add`);
  code.op(type === "f32" ? "f32x4.relaxed_madd" : "f64x2.relaxed_madd");
  code.lane(extract, 0);
}

/** One lane of a vector; a mask's lane becomes 0 or 1. */
function pushLane(f: Frame, e: Expr): void {
  const { code } = f;
  const source = e.args[0]!;
  const per = lanesPerPiece(e.type);
  const k = e.value as number;
  const piece = Math.floor(k / per);
  if (source.op === "var") code.get(f.locals(source.value as Var)[piece]!);
  else {
    const pieces = f.vector(f, source);
    const local = f.temp("v128");
    for (let p = 0; p <= piece; p++) {
      pieces(p);
      code.set(local);
    }
    code.get(local);
  }
  if (!isMask(e.type)) return code.lane(laneOps[e.type].extract, k % per);
  code.lane("i32x4.extract_lane", e.type === "m64" ? (k % per) * 2 : k % per);
  code.i32(1);
  code.op("i32.and");
}
