// Shape and dtype inference that ops share.

import { type DType, isComplex, isFloat, isInt } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { promoteTypes, promoteWithNumber } from "../core/promotion.js";
import { broadcastShapes, type Shape } from "../core/shape.js";
import type { Inferred, InferInput } from "../program/op.js";

/** One output of the first operand's shape and dtype. */
export const sameAsX = ({ x }: { readonly x: InferInput }): Inferred<"out"> => ({
  outs: { out: { shape: x.shape, dtype: x.dtype } },
});

/** {@link sameAsX} for functions of real numbers: integers compute and come out in float32, as Paddle has it. */
export function floatUnary({ x }: { readonly x: InferInput }): Inferred<"out"> {
  if (isFloat(x.dtype) || isComplex(x.dtype)) return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  return { outs: { out: { shape: x.shape, dtype: "float32" } }, compute: "float32" };
}

/** The dtype two operands meet in; at most one is a number. */
export function meet(x: InferInput, y: InferInput, op: string): DType {
  if (x.weak !== undefined) return promoteWithNumber(y.dtype, x.weak);
  if (y.weak !== undefined) return promoteWithNumber(x.dtype, y.weak);
  return promoteTypes(x.dtype, y.dtype, op);
}

/** Broadcast shape and common dtype of two operands. */
export function binary(op: string): (i: { readonly x: InferInput; readonly y: InferInput }) => Inferred<"out"> {
  return ({ x, y }) => {
    if (x.dtype === y.dtype && x.shape === y.shape) return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
    const dtype = meet(x, y, op);
    return { outs: { out: { shape: broadcastShapes(x.shape, y.shape, op), dtype } }, compute: dtype };
  };
}

/** As {@link binary}, giving bool. */
export function comparison(op: string): (i: { readonly x: InferInput; readonly y: InferInput }) => Inferred<"out"> {
  return ({ x, y }) => ({
    outs: { out: { shape: broadcastShapes(x.shape, y.shape, op), dtype: "bool" } },
    compute: meet(x, y, op),
  });
}

/** The shape after reducing `axes` (normalised). */
export function reducedShape(shape: Shape, axes: readonly number[], keepdim: boolean): number[] {
  if (keepdim) return shape.map((n, i) => (axes.includes(i) ? 1 : n));
  return shape.filter((_, i) => !axes.includes(i));
}

/** Throws InvalidArgument unless the dtype is floating-point. */
export function requireFloat(x: InferInput, op: string): void {
  if (isFloat(x.dtype)) return;
  throw new InvalidArgumentError(`needs a floating-point tensor, got ${x.dtype}.`, {
    op,
    dtype: x.dtype,
    hint: 'cast it: x.astype("float32").',
  });
}

/** Throws InvalidArgument for truth values, which are reduced by `all` and `any` and have no arithmetic, as in Paddle. */
export function requireNumbers({ dtype }: InferInput, op: string): void {
  if (dtype !== "bool") return;
  throw new InvalidArgumentError("needs a tensor of numbers, got bool.", {
    op,
    dtype,
    hint: 'use all() or any(), or cast it: x.astype("int64").',
  });
}

/** Throws InvalidArgument unless the dtype is an integer type. */
export function requireInt(x: InferInput, name: string, op: string): void {
  if (isInt(x.dtype)) return;
  throw new InvalidArgumentError(`${name} must hold integers, got ${x.dtype}.`, {
    op,
    dtype: x.dtype,
    hint: 'cast it: x.astype("int64").',
  });
}
