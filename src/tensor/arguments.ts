// How Paddle's functions read shapes, axes and numbers, which may be plain numbers or small integer tensors.

import { InvalidArgumentError, OutOfRangeError } from "../core/errors.js";
import type { DType } from "../core/dtype.js";
import { fromNested } from "../core/nested.js";
import { publicExtent } from "../core/extents.js";
import { formatShape, normalizeAxis } from "../core/shape.js";
import { Value } from "../program/value.js";
import { slice } from "../ops/concat.js";
import { fromArray, toArray } from "../trace/eager.js";
import { sizeIn } from "../trace/size-in.js";
import { knownExtents } from "./known-extents.js";
import type { Tensor } from "./tensor.js";

/** An integer, or a tensor of one element. */
export type IntLike = number | Tensor;

/** A list of integers, some of them maybe tensors, or a tensor of one axis. */
export type IntsLike = readonly IntLike[] | Tensor;

/** The numbers of a tensor, read at once; a variable of a Program is refused with a message that says so. */
export function numbersOf(x: Value): number[] {
  const known = knownExtents(x);
  if (known) return known;
  return Array.from(toArray(x).data as ArrayLike<number | bigint>, Number);
}

/** One number, from a tensor of one element or as it is. */
export function numberOf(x: number | Value, op: string): number {
  if (typeof x === "number") return x;
  if (typeof x === "boolean") return Number(x);
  const list = x instanceof Value ? numbersOf(x) : [];
  if (list.length !== 1) throw new InvalidArgumentError("one number was expected.", { op, got: x });
  return list[0]!;
}

/** An integer, from a tensor of one element or as it is. */
export function intOf(x: IntLike, op: string): number {
  const n = numberOf(x, op);
  if (!Number.isInteger(n)) throw new InvalidArgumentError(`an integer was expected, got ${n}.`, { op });
  return n;
}

/** Integers from a list, a tensor of one axis, or a bare integer. */
export function intsOf(x: IntsLike | number, op: string): number[] {
  if (typeof x === "number") return [intOf(x, op)];
  if (x instanceof Value) return numbersOf(x).map((n) => intOf(n, op));
  if (!Array.isArray(x)) throw new InvalidArgumentError("a list of integers was expected.", { op, got: x });
  return (x as readonly IntLike[]).map((n) => intOf(n, op));
}

/** The elements of a list, or of a tensor of one axis in a Program. */
function itemsOf(x: IntsLike | number): IntsLike | number {
  if (!(x instanceof Value) || !x.symbol || x.shape.length !== 1 || knownExtents(x)) return x;
  return Array.from({ length: x.shape[0]! }, (_, i) => slice(x as Tensor, [0], [i], [i + 1]));
}

/** A shape for a new tensor: extents must not be negative. In a Program they may be variables, which are read when it runs. */
export function shapeOf(x: IntsLike | number, op: string): number[] {
  const items = itemsOf(x);
  const read = (n: IntLike): IntLike =>
    n instanceof Value && n.symbol && !knownExtents(n) ? sizeIn(n, op, "extents must not be negative.") : n;
  const shape = intsOf(Array.isArray(items) ? (items as readonly IntLike[]).map(read) : items, op);
  if (shape.some((n) => n < 0))
    throw new InvalidArgumentError(`extents must not be negative, got [${shape.join(", ")}].`, { op, shape });
  return shape;
}

/** The extent of an axis by which the number of results or operators is decided, which a Program must know while it is built. */
export function knownExtent(x: Tensor, axis: number, op: string): number {
  const n = x.shape[axis]!;
  if (publicExtent(n) >= 0) return n;
  throw new InvalidArgumentError(`the extent of axis ${axis} of ${formatShape(x.shape)} must be known here.`, {
    op,
    axis,
    hint: "give it in static.data, or use functions that keep the axis.",
  });
}

/** An axis in [0, rank) from one counted from either end. */
export const axisOf = (axis: IntLike, rank: number, op: string): number => normalizeAxis(intOf(axis, op), rank, op);

/** Axes in [0, rank), in the order given, without duplicates. */
export function axesOf(axes: IntsLike | number, rank: number, op: string): number[] {
  const list = intsOf(axes, op).map((a) => normalizeAxis(a, rank, op));
  if (new Set(list).size !== list.length)
    throw new InvalidArgumentError(`an axis is named twice in [${list.join(", ")}].`, { op, axes: list });
  return list;
}

/** Numbers given in place of a tensor become one. */
export function tensorOf(x: Value | number | boolean | readonly unknown[], dtype: DType): Tensor {
  if (x instanceof Value) return x as Tensor;
  return fromArray(fromNested(x, dtype)) as Tensor;
}

/** Throws OutOfRange when a small eager index leaves [-n, n); a large one is not read: kernels move it inside. */
export function checkIndex(index: Value, n: number, op: string): void {
  if (index.symbol || index.shape.reduce((a, b) => a * b, 1) > 256) return;
  for (const i of numbersOf(index)) {
    if (i < -n || i >= n) throw new OutOfRangeError(`index ${i} is outside [${-n}, ${n}).`, { op, index: i, size: n });
  }
}
