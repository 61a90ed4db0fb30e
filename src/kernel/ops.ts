// The arithmetic of the kernel language as plain functions on expressions and numbers: what `lower` bodies call `k`.

import {
  type Expr,
  type KType,
  binary,
  bitcast as bitcastExpr,
  cast as castExpr,
  compare,
  constant,
  fma as fmaExpr,
  isMask,
  select as selectExpr,
  shift,
  unary,
} from "./expr.js";
import * as math from "./math.js";

/** An operand: an expression, or a number that takes the other operand's type. */
export type Operand = Expr | number | boolean;

const isExpr = (x: Operand): x is Expr => typeof x === "object";

/** Brings two operands to one type; at least one is an expression. */
function pair(x: Operand, y: Operand): [Expr, Expr] {
  if (isExpr(x)) return [x, isExpr(y) ? y : constant(x.type, y)];
  return [constant((y as Expr).type, x), y as Expr];
}

const op2 =
  (op: Parameters<typeof binary>[0]) =>
  (x: Operand, y: Operand): Expr =>
    binary(op, ...pair(x, y));

const cmp =
  (op: Parameters<typeof compare>[0]) =>
  (x: Operand, y: Operand): Expr =>
    compare(op, ...pair(x, y));

const op1 =
  (op: Parameters<typeof unary>[0]) =>
  (x: Expr): Expr =>
    unary(op, x);

const isFloatType = (t: KType): boolean => t === "f32" || t === "f64";

/** `b == 0 ? otherwise : a op b`, and no trap for the smallest integer by -1. */
function guarded(op: "div" | "rem", a: Expr, b: Expr): Expr {
  const bad = binary("or", compare("eq", b, constant(b.type, 0)), compare("eq", b, constant(b.type, -1)));
  const safe = binary(op, a, selectExpr(bad, constant(b.type, 1), b));
  const byMinusOne = op === "div" ? unary("neg", a) : constant(a.type, 0);
  const special = selectExpr(compare("eq", b, constant(b.type, 0)), constant(a.type, 0), byMinusOne);
  return selectExpr(bad, special, safe);
}

/** Scalar arithmetic for op records. All functions take expressions of equal type, or numbers that adapt. */
export const k = {
  ...math,
  const: constant,
  add: op2("add"),
  sub: op2("sub"),
  mul: op2("mul"),
  /** Float division, or integer division towards zero; an integer divided by 0 gives 0. */
  div(x: Operand, y: Operand): Expr {
    const [a, b] = pair(x, y);
    return isFloatType(a.type) ? binary("div", a, b) : guarded("div", a, b);
  },
  /** Integer remainder with the dividend's sign; by 0 gives 0. Unchecked loads of indices use `divIndex`. */
  rem(x: Operand, y: Operand): Expr {
    return guarded("rem", ...pair(x, y));
  },
  /** Index arithmetic: division of non-negative by positive, unguarded. */
  divIndex: op2("div"),
  remIndex: op2("rem"),
  /** `y < x ? y : x`: x where either is NaN. */
  min: op2("min"),
  max: op2("max"),
  /** Minimum in which NaN wins, as Paddle's `minimum`. */
  minNan(x: Operand, y: Operand): Expr {
    const [a, b] = pair(x, y);
    const m = binary("min", a, b);
    return isFloatType(a.type) ? selectExpr(compare("ne", b, b), b, m) : m;
  },
  /** Maximum in which NaN wins, as Paddle's `maximum`. */
  maxNan(x: Operand, y: Operand): Expr {
    const [a, b] = pair(x, y);
    const m = binary("max", a, b);
    return isFloatType(a.type) ? selectExpr(compare("ne", b, b), b, m) : m;
  },
  and: op2("and"),
  or: op2("or"),
  xor: op2("xor"),
  not: op1("not"),
  neg: op1("neg"),
  abs: op1("abs"),
  sqrt: op1("sqrt"),
  floor: op1("floor"),
  ceil: op1("ceil"),
  trunc: op1("trunc"),
  nearest: op1("nearest"),
  lt: cmp("lt"),
  le: cmp("le"),
  gt: cmp("gt"),
  ge: cmp("ge"),
  eq: cmp("eq"),
  ne: cmp("ne"),
  ult: cmp("ult"),
  shl: (x: Expr, by: Expr | number): Expr => shift("shl", x, typeof by === "number" ? constant("i32", by) : by),
  shr: (x: Expr, by: Expr | number): Expr => shift("shr", x, typeof by === "number" ? constant("i32", by) : by),
  ushr: (x: Expr, by: Expr | number): Expr => shift("ushr", x, typeof by === "number" ? constant("i32", by) : by),
  /** `mask ? x : y`, both evaluated. */
  select(mask: Expr, x: Operand, y: Operand): Expr {
    return selectExpr(mask, ...pair(x, y));
  },
  fma: (x: Operand, y: Operand, z: Expr): Expr =>
    fmaExpr(isExpr(x) ? x : constant(z.type, x), isExpr(y) ? y : constant(z.type, y), z),
  cast: castExpr,
  bitcast: bitcastExpr,
  /** A number or mask as a truth value. */
  truth: (x: Expr): Expr => (isMask(x.type) ? x : compare("ne", x, constant(x.type, 0))),
  isFloat: (x: Expr): boolean => isFloatType(x.type),
  isMask: (x: Expr): boolean => isMask(x.type),
} as const;

/** The type of `k`. */
export type K = typeof k;
