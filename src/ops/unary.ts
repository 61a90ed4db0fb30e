// How records of functions of one number are made: inference for real, complex and integer operands, and the record itself.

import { type DType, isComplex, isFloat } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import type { ComplexExpr } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import type { K } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import type { Inferred, InferInput, OpCheck } from "../program/op.js";
import type { Value } from "../program/value.js";
import { floatUnary } from "./infer.js";

type X = { readonly x: InferInput };

/** The error for a dtype that an op does not take. */
export const refused = (dtype: DType, op: string, hint?: string): InvalidArgumentError =>
  new InvalidArgumentError(`does not take ${dtype} tensors.`, { op, dtype, hint });

/** Integers and bool compute and come out in float32; complex is refused by name. */
export const realUnary =
  (op: string) =>
  ({ x }: X): Inferred<"out"> => {
    if (isComplex(x.dtype)) throw refused(x.dtype, op);
    return floatUnary({ x });
  };

/** The operand's shape and dtype; complex is refused by name unless `complex`. */
export const sameUnary =
  (op: string, complex = false) =>
  ({ x }: X): Inferred<"out"> => {
    if (!complex && isComplex(x.dtype)) throw refused(x.dtype, op);
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  };

/** As {@link sameUnary}, for floating-point (and maybe complex) operands only. */
export const floatOnly =
  (op: string, complex = false) =>
  ({ x }: X): Inferred<"out"> => {
    if (!isFloat(x.dtype) && !(complex && isComplex(x.dtype)))
      throw refused(x.dtype, op, 'cast it: x.astype("float32").');
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  };

/** What makes a function of one number an op. */
export interface FunctionOfOne<V extends "x" | "out"> {
  readonly value: (k: K, x: Expr) => Expr;
  readonly complex?: (z: ComplexExpr) => ComplexExpr;
  /** What the gradient reads: the operand or the result. */
  readonly saves: V;
  /** The gradient, from what was saved and the gradient of the result. */
  readonly grad: (saved: Value, d: Value) => Value;
  readonly check: OpCheck;
}

/** The record of a differentiable function of one number. Integers compute in float32, as Paddle has it. */
export function functionOfOne<const V extends "x" | "out">(name: string, f: FunctionOfOne<V>) {
  const { complex } = f;
  return defineOp({
    name,
    inputs: ["x"],
    outputs: ["out"],
    attrs: {},
    infer: complex ? floatUnary : realUnary(name),
    lower: (k, { x }) => ({ out: f.value(k, x) }),
    complex: complex && ((_, { x }) => ({ out: complex(x) })),
    saves: [f.saves],
    grad: (saved, d) => ({ x: () => f.grad((saved as Readonly<Record<V, Value>>)[f.saves], d.out) }),
    check: f.check,
  });
}
