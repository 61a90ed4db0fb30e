// Launch sizes: i32 expressions of scalar arguments, evaluated on the host from the argument table.

import { BugError } from "../core/errors.js";
import type { Arg, Expr } from "../kernel/expr.js";

/** Reads the table at word `base`; masks are 0 or 1. */
export type LaunchSize = (i32: Int32Array, base: number) => number;

/** i32 arithmetic by the names of the expression language; masks are 0 or 1. */
export const binaryNumbers: Readonly<Record<string, (x: number, y: number) => number>> = {
  add: (x, y) => (x + y) | 0,
  sub: (x, y) => (x - y) | 0,
  mul: (x, y) => Math.imul(x, y),
  div: (x, y) => (x / y) | 0,
  rem: (x, y) => (x % y) | 0,
  min: (x, y) => Math.min(x, y),
  max: (x, y) => Math.max(x, y),
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  xor: (x, y) => x ^ y,
  shl: (x, y) => x << y,
  shr: (x, y) => x >> y,
  ushr: (x, y) => (x >>> y) | 0,
  lt: (x, y) => +(x < y),
  le: (x, y) => +(x <= y),
  gt: (x, y) => +(x > y),
  ge: (x, y) => +(x >= y),
  eq: (x, y) => +(x === y),
  ne: (x, y) => +(x !== y),
};

/** Makes a function of a launch-size expression. */
export function launchSize(e: Expr): LaunchSize {
  if (e.op === "const") {
    const v = Number(e.value);
    return () => v;
  }
  if (e.op === "arg") {
    const word = (e.value as Arg).slot * 2;
    return (i32, base) => i32[base + word]!;
  }
  const args = e.args.map(launchSize);
  const [x, y, z] = args;
  const f = binaryNumbers[e.op];
  if (f) return (m, b) => f(x!(m, b), y!(m, b));
  if (e.op === "select") return (m, b) => (x!(m, b) ? y!(m, b) : z!(m, b));
  if (e.op === "neg") return (m, b) => -x!(m, b) | 0;
  if (e.op === "not") return e.type === "m32" || e.type === "m64" ? (m, b) => 1 - x!(m, b) : (m, b) => ~x!(m, b);
  if (e.op === "maskcast") return x!;
  throw new BugError(`${e.op} in a launch size`);
}
