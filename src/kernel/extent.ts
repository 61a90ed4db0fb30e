// Whole-number arithmetic of extents and positions: products, rounded-up quotients, row-major positions, common divisors.

import { constant, type Expr } from "./expr.js";
import { k } from "./ops.js";

/** The product of extents; 1 of none. */
export const product = (extents: readonly Expr[]): Expr => extents.reduce((a, b) => k.mul(a, b), constant("i32", 1));

/** `ceil(x / y)` for x ≥ 0, y > 0. */
export const ceilDiv = (x: Expr, y: Expr | number): Expr =>
  k.divIndex(k.add(x, typeof y === "number" ? y - 1 : k.sub(y, 1)), y);

/** The row-major position of an index among extents. */
export const linear = (index: readonly Expr[], extents: readonly Expr[]): Expr =>
  index.reduce((at, i, axis) => k.add(k.mul(at, extents[axis]!), i), constant("i32", 0));

/** The greatest common divisor of two whole numbers that are not negative. */
export const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
