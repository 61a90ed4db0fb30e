// Ops: bitwise connectives and shifts of integers, and connectives of truth values.

import { type DType, dtypes, isInt } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import type { Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type Inferred, type InferInput } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { binary } from "./infer.js";

type Pair = { readonly x: InferInput; readonly y: InferInput };

function requireBits(dtype: DType, op: string, bool: boolean): void {
  if (isInt(dtype) || (bool && dtype === "bool")) return;
  throw new InvalidArgumentError(`needs integers${bool ? " or bool" : ""}, got ${dtype}.`, { op, dtype });
}

const bits =
  (op: string, bool: boolean) =>
  (operands: Pair): Inferred<"out"> => {
    const inferred = binary(op)(operands);
    requireBits(inferred.outs.out.dtype, op, bool);
    return inferred;
  };

const whole = (data: readonly number[], dtype: DType = "int32") => ({ shape: [data.length], data, dtype });

const connective = (name: string, join: (x: Expr, y: Expr) => Expr, reference: (x: number, y: number) => number) =>
  defineOp({
    name,
    inputs: ["x", "y"],
    outputs: ["out"],
    attrs: {},
    infer: bits(name, true),
    lower: (_, { x, y }) => ({ out: join(x, y) }),
    grad: null,
    check: {
      samples: [
        {
          inputs: [whole([12, -7, 255]), whole([10, 3, -256])],
          expect: (x, y) => ({ shape: [3], data: x!.data.map((v, i) => reference(v, y!.data[i]!)) }),
        },
      ],
    },
  });

/** `x & y`. */
export const bitwiseAndOp = connective("bitwise_and", k.and, (x, y) => x & y);
/** `x | y`. */
export const bitwiseOrOp = connective("bitwise_or", k.or, (x, y) => x | y);
/** `x ^ y`. */
export const bitwiseXorOp = connective("bitwise_xor", k.xor, (x, y) => x ^ y);

/** `~x`; of truth values `!x`. */
export const bitwiseNotOp = defineOp({
  name: "bitwise_not",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => {
    requireBits(x.dtype, "bitwise_not", true);
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  },
  lower: (_, { x }) => ({ out: k.not(x) }),
  grad: null,
  check: {
    samples: [
      { inputs: [whole([0, 5, -8])], expect: () => ({ shape: [3], data: [-1, -6, 7] }) },
      { inputs: [whole([0, 5], "uint8")], expect: () => ({ shape: [2], data: [255, 250] }) },
    ],
  },
});

/** Shifts each element by its own amount, which is in [0, width): one constant shift for each bit of the amount. */
function shiftBy(shift: typeof k.shl, x: Expr, amount: Expr, width: number): Expr {
  let out = x;
  for (let bit = 1; bit < width; bit *= 2) out = k.select(k.ne(k.and(amount, bit), 0), shift(out, bit), out);
  return out;
}

const shiftAttrs = { isArithmetic: fixed(true), width: fixed(32) };

/** `x << y`; 0 where y is negative or at least the number of bits. */
export const bitwiseLeftShiftOp = defineOp({
  name: "bitwise_left_shift",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: shiftAttrs,
  infer: bits("bitwise_left_shift", false),
  lower: (_, { x, y }) => {
    const lanes = x.type === "i64" ? 64 : 32;
    return { out: k.select(k.ult(y, k.const(y.type, lanes)), shiftBy(k.shl, x, y, lanes), 0) };
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [whole([1, -5, 100, 7]), whole([3, 1, 31, 40])],
        attrs: { isArithmetic: true, width: 32 },
        expect: () => ({ shape: [4], data: [8, -10, 0, 0] }),
      },
    ],
  },
});

/**
 * `x >> y`, with the sign moving in (arithmetic) or zeros (logical). Where y is negative or at least the number of bits: the sign, or 0.
 */
export const bitwiseRightShiftOp = defineOp({
  name: "bitwise_right_shift",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: shiftAttrs,
  infer: bits("bitwise_right_shift", false),
  lower: (_, { x, y }, { isArithmetic, width }) => {
    const lanes = x.type === "i64" ? 64 : 32;
    const inside = k.ult(y, k.const(y.type, width));
    if (isArithmetic) return { out: k.select(inside, shiftBy(k.shr, x, y, lanes), k.shr(x, lanes - 1)) };
    // Narrow integers come widened with their sign, which must not move in.
    const own = width < lanes ? k.and(x, 2 ** width - 1) : x;
    return { out: k.select(inside, shiftBy(k.ushr, own, y, lanes), 0) };
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [whole([1, -5, 100, -7]), whole([1, 1, 3, 40])],
        attrs: { isArithmetic: true, width: 32 },
        expect: () => ({ shape: [4], data: [0, -3, 12, -1] }),
      },
      {
        inputs: [whole([-5, 100, -5], "int8"), whole([3, 2, 8], "int8")],
        attrs: { isArithmetic: false, width: 8 },
        expect: () => ({ shape: [3], data: [31, 25, 0] }),
      },
    ],
  },
});

const two =
  (op: typeof bitwiseAndOp) =>
  <T extends Value>(x: T | number, y: T | number): T =>
    bind1(op, [x, y]) as T;

/** `x & y`. */
export const bitwiseAnd = two(bitwiseAndOp);
/** `x | y`. */
export const bitwiseOr = two(bitwiseOrOp);
/** `x ^ y`. */
export const bitwiseXor = two(bitwiseXorOp);
/** `~x`. */
export const bitwiseNot = <T extends Value>(x: T): T => bind1(bitwiseNotOp, [x]) as T;

const shifted =
  (op: typeof bitwiseLeftShiftOp) =>
  <T extends Value>(x: T | number, y: T | number, isArithmetic = true): T => {
    const { dtype } = (typeof x === "object" ? x : y) as T;
    return bind1(op, [x, y], { isArithmetic, width: dtypes[dtype].bytes * 8 }) as T;
  };

/** `x << y`. */
export const bitwiseLeftShift = shifted(bitwiseLeftShiftOp);
/** `x >> y`. */
export const bitwiseRightShift = shifted(bitwiseRightShiftOp);
