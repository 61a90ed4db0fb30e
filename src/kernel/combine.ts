// Combinations of reductions: how two values combine, and the value that changes nothing.

import { type Expr, type KType, binary, compare, constant, select } from "./expr.js";
import type { Combine } from "./stmt.js";

/** `x` where it wins against `y` under `combine`; NaN wins in min and max. */
export function combineExprs(combine: Combine, x: Expr, y: Expr): Expr {
  if (combine === "add" || combine === "mul") return binary(combine, x, y);
  const best = binary(combine, x, y);
  if (x.type !== "f32" && x.type !== "f64") return best;
  return select(compare("ne", y, y), y, best);
}

/** The neutral element of a combination. */
export function identityOf(combine: Combine, type: KType): Expr {
  if (combine === "add") return constant(type, 0);
  if (combine === "mul") return constant(type, 1);
  const low = combine === "max";
  if (type === "i32") return constant(type, low ? -(2 ** 31) : 2 ** 31 - 1);
  if (type === "i64") return constant(type, low ? -(2n ** 63n) : 2n ** 63n - 1n);
  return constant(type, low ? -Infinity : Infinity);
}
