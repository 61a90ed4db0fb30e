// Arithmetic on sizes that are constants or run-time expressions, for the routes of matrix multiplication.

import { type Expr, compare } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";

/** The number behind a size that is known now. */
export const known = (e: Expr): number | undefined => (e.op === "const" ? Number(e.value) : undefined);

/** `x ≤ limit`, decided now where x is known. */
export function atMost(x: Expr, limit: number): Expr | boolean {
  const value = known(x);
  return value === undefined ? compare("le", x, k.const("i32", limit)) : value <= limit;
}

/** Both conditions. */
export function both(x: Expr | boolean, y: Expr | boolean): Expr | boolean {
  if (typeof x === "boolean") return x && y;
  if (typeof y === "boolean") return y && x;
  return k.and(x, y);
}

/** `x · y · z`, each cut at 1024 first so that the product fits in 32 bits. */
export function boundedProduct(x: Expr, y: Expr, z: Expr): Expr {
  return k.mul(k.mul(k.min(x, 1024), k.min(y, 1024)), k.min(z, 1024));
}
