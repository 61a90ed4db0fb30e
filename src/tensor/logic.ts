// Paddle's comparisons, logical and bitwise functions of tensors; each broadcasts and gives no gradient.

import { sameShape } from "../core/shape.js";
import { splitOptions, type Trailing } from "../core/options.js";
import * as bits from "../ops/bitwise.js";
import * as ops from "../ops/comparison.js";
import { full } from "../ops/creation.js";
import * as connectives from "../ops/logic.js";
import * as predicates from "../ops/predicate.js";
import { all } from "../ops/reduction.js";
import { mutating } from "./mutating.js";
import type { Tensor } from "./tensor.js";

/**
 * Where `x == y`, a bool tensor; NaN equals nothing. Operands meet as in {@link add}.
 *
 * @throws InvalidArgumentError for shapes that do not broadcast and dtypes that do not mix.
 * @example
 * ```ts
 * import { equal, toTensor } from "oarjs";
 * console.log(await equal(toTensor([1, 2]), toTensor([1, 3])).tolist()); // [true, false]
 * ```
 */
export const equal = (x: Tensor, y: Tensor | number): Tensor => ops.equal(x, y);
/** Where `x != y`, a bool tensor. */
export const notEqual = (x: Tensor, y: Tensor | number): Tensor => ops.notEqual(x, y);
/** Where `x < y`, a bool tensor; complex numbers by real part, then imaginary part. */
export const lessThan = (x: Tensor, y: Tensor | number): Tensor => ops.lessThan(x, y);
/** Where `x <= y`, a bool tensor. */
export const lessEqual = (x: Tensor, y: Tensor | number): Tensor => ops.lessEqual(x, y);
/** Where `x > y`, a bool tensor. */
export const greaterThan = (x: Tensor, y: Tensor | number): Tensor => ops.greaterThan(x, y);
/** Where `x >= y`, a bool tensor. */
export const greaterEqual = (x: Tensor, y: Tensor | number): Tensor => ops.greaterEqual(x, y);

/** Whether two tensors have one shape and equal elements: a bool tensor without axes. */
export const equalAll = (x: Tensor, y: Tensor): Tensor =>
  sameShape(x.shape, y.shape) ? all(ops.equal(x, y), wholeOf(x), false) : (full([], 0, "bool") as Tensor);

const wholeOf = (x: Tensor): number[] => x.shape.map((_, i) => i);

/** Options of {@link isclose} and {@link allclose}. */
export interface ClosenessOptions {
  /** Relative tolerance, default 1e-5. */
  readonly rtol?: number | undefined;
  /** Absolute tolerance, default 1e-8. */
  readonly atol?: number | undefined;
  /** Whether NaN counts as close to NaN. Default false. */
  readonly equalNan?: boolean | undefined;
}

const closeKeys = ["rtol", "atol", "equalNan"] as const;

function close(op: string, x: Tensor, y: Tensor, rest: Trailing<number, ClosenessOptions>): Tensor {
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = splitOptions<ClosenessOptions>(op, rest, closeKeys);
  return predicates.isclose(x, y, rtol, atol, equalNan);
}

/** Where `|x - y| <= atol + rtol |y|`, a bool tensor; equal infinities are close. */
export const isclose = (x: Tensor, y: Tensor, ...rest: Trailing<number, ClosenessOptions>): Tensor =>
  close("isclose", x, y, rest);

/** Whether all elements are close (see {@link isclose}): a bool tensor without axes. */
export function allclose(x: Tensor, y: Tensor, ...rest: Trailing<number, ClosenessOptions>): Tensor {
  const near = close("allclose", x, y, rest);
  return all(near, wholeOf(near), false);
}

/** Where x is NaN. */
export const isnan = (x: Tensor): Tensor => predicates.isnan(x);
/** Where x is infinite. */
export const isinf = (x: Tensor): Tensor => predicates.isinf(x);
/** Where x is neither infinite nor NaN. */
export const isfinite = (x: Tensor): Tensor => predicates.isfinite(x);
/** Where x is +inf. */
export const isposinf = (x: Tensor): Tensor => predicates.isposinf(x);
/** Where x is -inf. */
export const isneginf = (x: Tensor): Tensor => predicates.isneginf(x);
/** Where the imaginary part is 0. */
export const isreal = (x: Tensor): Tensor => predicates.isreal(x);
/** Where the sign bit is set: for -0 too. */
export const signbit = (x: Tensor): Tensor => predicates.signbit(x);

/** Where both are true (not 0), a bool tensor. */
export const logicalAnd = (x: Tensor, y: Tensor): Tensor => connectives.logicalAnd(x, y);
/** Where one is true (not 0), a bool tensor. */
export const logicalOr = (x: Tensor, y: Tensor): Tensor => connectives.logicalOr(x, y);
/** Where exactly one is true (not 0), a bool tensor. */
export const logicalXor = (x: Tensor, y: Tensor): Tensor => connectives.logicalXor(x, y);
/** Where x is false (0), a bool tensor. */
export const logicalNot = (x: Tensor): Tensor => connectives.logicalNot(x);

/** `x & y` of integers or bool. */
export const bitwiseAnd = (x: Tensor, y: Tensor | number): Tensor => bits.bitwiseAnd(x, y);
/** `x | y` of integers or bool. */
export const bitwiseOr = (x: Tensor, y: Tensor | number): Tensor => bits.bitwiseOr(x, y);
/** `x ^ y` of integers or bool. */
export const bitwiseXor = (x: Tensor, y: Tensor | number): Tensor => bits.bitwiseXor(x, y);
/** `~x` of integers, `!x` of bool. */
export const bitwiseNot = (x: Tensor): Tensor => bits.bitwiseNot(x);

/** Options of shifts. */
export interface ShiftOptions {
  /** Default true: the sign moves in from the left; false: zeros do. */
  readonly isArithmetic?: boolean | undefined;
}

/** `x << y` of integers; 0 where y is negative or at least the number of bits. */
export function bitwiseLeftShift(x: Tensor, y: Tensor | number, ...rest: Trailing<boolean, ShiftOptions>): Tensor {
  const { isArithmetic = true } = splitOptions<ShiftOptions>("bitwiseLeftShift", rest, ["isArithmetic"]);
  return bits.bitwiseLeftShift(x, y, isArithmetic);
}

/** `x >> y` of integers; where y is negative or at least the number of bits, what moves in fills all. */
export function bitwiseRightShift(x: Tensor, y: Tensor | number, ...rest: Trailing<boolean, ShiftOptions>): Tensor {
  const { isArithmetic = true } = splitOptions<ShiftOptions>("bitwiseRightShift", rest, ["isArithmetic"]);
  return bits.bitwiseRightShift(x, y, isArithmetic);
}

/** {@link equal} in place: x becomes bool. */
export const equal_: typeof equal = mutating("equal_", equal);
/** {@link notEqual} in place: x becomes bool. */
export const notEqual_: typeof notEqual = mutating("notEqual_", notEqual);
/** {@link lessThan} in place: x becomes bool. */
export const lessThan_: typeof lessThan = mutating("lessThan_", lessThan);
/** {@link lessEqual} in place: x becomes bool. */
export const lessEqual_: typeof lessEqual = mutating("lessEqual_", lessEqual);
/** {@link greaterThan} in place: x becomes bool. */
export const greaterThan_: typeof greaterThan = mutating("greaterThan_", greaterThan);
/** {@link greaterEqual} in place: x becomes bool. */
export const greaterEqual_: typeof greaterEqual = mutating("greaterEqual_", greaterEqual);
/** {@link logicalAnd} in place: x becomes bool. */
export const logicalAnd_: typeof logicalAnd = mutating("logicalAnd_", logicalAnd);
/** {@link logicalOr} in place: x becomes bool. */
export const logicalOr_: typeof logicalOr = mutating("logicalOr_", logicalOr);
/** {@link logicalXor} in place: x becomes bool. */
export const logicalXor_: typeof logicalXor = mutating("logicalXor_", logicalXor);
/** {@link logicalNot} in place: x becomes bool. */
export const logicalNot_: typeof logicalNot = mutating("logicalNot_", logicalNot);
/** {@link bitwiseAnd} in place. */
export const bitwiseAnd_: typeof bitwiseAnd = mutating("bitwiseAnd_", bitwiseAnd);
/** {@link bitwiseOr} in place. */
export const bitwiseOr_: typeof bitwiseOr = mutating("bitwiseOr_", bitwiseOr);
/** {@link bitwiseXor} in place. */
export const bitwiseXor_: typeof bitwiseXor = mutating("bitwiseXor_", bitwiseXor);
/** {@link bitwiseNot} in place. */
export const bitwiseNot_: typeof bitwiseNot = mutating("bitwiseNot_", bitwiseNot);
/** {@link bitwiseLeftShift} in place. */
export const bitwiseLeftShift_: typeof bitwiseLeftShift = mutating("bitwiseLeftShift_", bitwiseLeftShift);
/** {@link bitwiseRightShift} in place. */
export const bitwiseRightShift_: typeof bitwiseRightShift = mutating("bitwiseRightShift_", bitwiseRightShift);

/** What Tensor has of these as methods; Paddle's second names are the same functions. */
export const logicMethods = {
  allclose,
  bitwiseAnd,
  bitwiseAnd_,
  bitwiseInvert: bitwiseNot,
  bitwiseInvert_: bitwiseNot_,
  bitwiseLeftShift,
  bitwiseLeftShift_,
  bitwiseNot,
  bitwiseNot_,
  bitwiseOr,
  bitwiseOr_,
  bitwiseRightShift,
  bitwiseRightShift_,
  bitwiseXor,
  bitwiseXor_,
  eq: equal,
  equal,
  equalAll,
  equal_,
  ge: greaterEqual,
  greater: greaterThan,
  greaterEqual,
  greaterEqual_,
  greaterThan,
  greaterThan_,
  gt: greaterThan,
  isclose,
  isfinite,
  isinf,
  isnan,
  isneginf,
  isposinf,
  isreal,
  le: lessEqual,
  less: lessThan,
  lessEqual,
  lessEqual_,
  lessThan,
  lessThan_,
  less_: lessThan_,
  logicalAnd,
  logicalAnd_,
  logicalNot,
  logicalNot_,
  logicalOr,
  logicalOr_,
  logicalXor,
  logicalXor_,
  lt: lessThan,
  ne: notEqual,
  notEqual,
  notEqual_,
  signbit,
};
