// The legality check of single expressions: which operand types and widths each op takes.

import { Arg, Buf, type Expr, isMask, laneBytes, loadType, maskOf, Var } from "./expr.js";

/** A broken rule and what is wrong, or undefined. */
export type Fault = readonly [rule: string, what: string] | undefined;

/** Whether `x` is a number that counts. */
export const isIndex = (x: unknown): boolean => Number.isInteger(x) && (x as number) >= 0;
/** An expression's type and width, for messages. */
export const show = (e: Expr): string => (e.lanes === 1 ? e.type : `${e.type}x${e.lanes}`);
const isFloat = (e: Expr): boolean => e.type === "f32" || e.type === "f64";
const isInt = (e: Expr): boolean => e.type === "i32" || e.type === "i64";

/** What is wrong with one node, its operands taken as right. */
export function opFault(e: Expr): Fault {
  if (!isIndex(e.lanes) || e.lanes < 1) return ["lanes", `a value has ${e.lanes} lanes`];
  switch (e.op) {
    case "const":
    case "var":
    case "arg":
      return leafFault(e);
    case "load":
    case "gather":
      return loadFault(e);
    case "splat":
    case "ramp":
    case "lane":
      return laneFault(e);
    case "cast":
    case "ucast":
    case "bitcast":
    case "maskcast":
      return castFault(e);
    default:
      return elementwiseFault(e);
  }
}

function leafFault(e: Expr): Fault {
  const v = e.value;
  if (e.args.length > 0) return ["types", "a leaf has operands"];
  if (e.op === "const") {
    if (e.lanes !== 1) return ["lanes", "a literal is scalar"];
    return isLiteral(e) ? undefined : ["literal", `${String(v)} is no literal of type ${e.type}`];
  }
  if (!(e.op === "var" ? v instanceof Var : v instanceof Arg)) return ["types", "names nothing"];
  const lanes = v instanceof Var ? v.lanes : 1;
  const same = (v instanceof Var || v instanceof Arg) && v.type === e.type && lanes === e.lanes;
  return same ? undefined : ["types", `read as ${show(e)}`];
}

function isLiteral(e: Expr): boolean {
  const v = e.value;
  if (isMask(e.type)) return typeof v === "boolean";
  if (e.type === "i64") return typeof v === "bigint" && v === BigInt.asIntN(64, v);
  if (typeof v !== "number") return false;
  return e.type === "f64" || Object.is(v, e.type === "f32" ? Math.fround(v) : v | 0);
}

function loadFault(e: Expr): Fault {
  const index = e.args[0];
  if (!(e.value instanceof Buf) || !index || e.args.length > 1) return ["types", "a load has a buffer and an index"];
  if (index.type !== "i32") return ["index", "the index is no i32"];
  if (e.op === "load" && index.lanes !== 1) return ["index", "the index of a load is scalar"];
  if (e.op === "gather" && (index.lanes === 1 || index.lanes !== e.lanes)) return ["lanes", "one index for each lane"];
  return e.type === loadType(e.value.mem) ? undefined : ["types", `${e.value.mem} memory loads no ${e.type}`];
}

function laneFault(e: Expr): Fault {
  const x = e.args[0];
  if (!x || e.args.length > 1 || x.type !== e.type) return ["types", "takes one operand and keeps its type"];
  if (e.op === "lane") {
    const inside = isIndex(e.value) && (e.value as number) < x.lanes;
    return e.lanes === 1 && inside ? undefined : ["lanes", `lane ${String(e.value)} of ${x.lanes}`];
  }
  if (e.op === "ramp" && !isInt(x)) return ["types", "counts integers"];
  return x.lanes === 1 && e.lanes > 1 ? undefined : ["lanes", "makes a vector of a scalar"];
}

function castFault(e: Expr): Fault {
  const x = e.args[0];
  if (!x || e.args.length > 1) return ["types", "takes one operand"];
  if (x.lanes !== e.lanes) return ["lanes", "keeps the number of lanes"];
  const numbers = !isMask(x.type) && !isMask(e.type);
  const right = {
    maskcast: isMask(x.type) && isMask(e.type),
    bitcast: numbers && laneBytes(x.type) === laneBytes(e.type),
    cast: numbers,
    ucast: isInt(x) && numbers && e.type !== "i32" && e.type !== x.type,
  }[e.op as "cast"];
  return right && x.type !== e.type ? undefined : ["types", `no conversion to ${show(e)}`];
}

/** Operands' number and the types an element-wise op takes. */
const elementwise: { readonly [op: string]: readonly [count: number, takes: (e: Expr) => boolean] } = (() => {
  const number = (e: Expr): boolean => !isMask(e.type);
  const bits = (e: Expr): boolean => !isFloat(e);
  const table: Record<string, readonly [number, (e: Expr) => boolean]> = { not: [1, bits], select: [3, isMaskExpr] };
  for (const op of ["neg", "abs"]) table[op] = [1, number];
  for (const op of ["sqrt", "floor", "ceil", "trunc", "nearest"]) table[op] = [1, isFloat];
  for (const op of ["add", "sub", "mul", "div", "min", "max", "lt", "le", "gt", "ge", "eq", "ne"])
    table[op] = [2, number];
  for (const op of ["rem", "shl", "shr", "ushr", "ult"]) table[op] = [2, isInt];
  for (const op of ["and", "or", "xor"]) table[op] = [2, bits];
  table.fma = [3, isFloat];
  for (const op of ["zipLow", "zipHigh"]) table[op] = [2, (e) => !isMask(e.type) && e.lanes > 1];
  return table;
})();

function isMaskExpr(e: Expr): boolean {
  return isMask(e.type);
}

const comparisons: ReadonlySet<string> = new Set(["lt", "le", "gt", "ge", "eq", "ne", "ult"]);
const shifts: ReadonlySet<string> = new Set(["shl", "shr", "ushr"]);

function elementwiseFault(e: Expr): Fault {
  const [count, takes] = elementwise[e.op] ?? [-1, isInt];
  const [x, y] = e.args;
  if (e.args.length !== count || !x) return ["types", `takes ${count} operands`];
  if (!takes(x)) return ["types", `does not take ${show(x)}`];
  if (shifts.has(e.op) && y) {
    if (y.type !== "i32" || y.lanes !== 1) return ["index", "the shift amount is a scalar i32"];
    return x.type === e.type && x.lanes === e.lanes ? undefined : ["types", `gives ${show(e)}`];
  }
  if (e.args.some((a) => a.lanes !== e.lanes)) return ["lanes", `operands for ${e.lanes} lanes`];
  const values = e.op === "select" ? e.args.slice(1) : e.args;
  if (values.some((a) => a.type !== values[0]!.type)) return ["types", "operands differ in type"];
  if (e.op === "select" && x.type !== maskOf(e.type)) return ["types", "the mask is as wide as the values"];
  const result = comparisons.has(e.op) ? maskOf(x.type) : values[0]!.type;
  return e.type === result ? undefined : ["types", `gives ${result}, not ${e.type}`];
}
