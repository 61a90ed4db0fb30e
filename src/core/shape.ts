// Shapes as plain number arrays: sizes, strides, broadcasting, axis normalisation, printing.

import { InvalidArgumentError, OutOfRangeError } from "./errors.js";
import { publicExtent } from "./extents.js";

/** A tensor's extents, outermost first; `[]` is a scalar. */
export type Shape = readonly number[];

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let n = 1;
  for (let i = 0; i < shape.length; i++) n *= shape[i]!;
  return n;
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/** Whether two shapes are equal. */
export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** `[2, 3]`, as every message prints a shape. */
export const formatShape = (shape: Shape): string => `[${shape.join(", ")}]`;

/** The shape two operands broadcast to; throws InvalidArgument naming both when they don't. */
export function broadcastShapes(a: Shape, b: Shape, op: string): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const x = a[a.length - i] ?? 1;
    const y = b[b.length - i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new InvalidArgumentError(
        `operands do not broadcast: x is ${formatShape(a)}, y is ${formatShape(b)}; counted from the end, extents must be equal or 1.`,
        { op, x: a, y: b, hint: `axis -${i} has ${publicExtent(x)} and ${publicExtent(y)}.` },
      );
    }
    out[rank - i] = x === 1 ? y : x;
  }
  return out;
}

/** Maps an axis in [-rank, rank) to [0, rank); throws OutOfRange otherwise. A scalar counts as rank 1. */
export function normalizeAxis(axis: number, rank: number, op: string): number {
  const r = Math.max(rank, 1);
  if (!Number.isInteger(axis) || axis < -r || axis >= r) {
    throw new OutOfRangeError(`axis ${axis} is outside [${-r}, ${r}) for a tensor of rank ${rank}.`, {
      op,
      axis,
      rank,
    });
  }
  return axis < 0 ? axis + r : axis;
}

/** Normalises a list of axes (undefined, null or [] = all), sorted, refusing duplicates. */
export function normalizeAxes(axes: number | readonly number[] | null | undefined, rank: number, op: string): number[] {
  if (axes === undefined || axes === null || (typeof axes !== "number" && axes.length === 0)) {
    return Array.from({ length: rank }, (_, i) => i);
  }
  const list = (typeof axes === "number" ? [axes] : axes).map((a) => normalizeAxis(a, rank, op));
  if (new Set(list).size !== list.length) {
    throw new InvalidArgumentError(`an axis is named twice in [${String(axes)}].`, { op, axes });
  }
  return list.sort((a, b) => a - b).filter((a) => a < rank);
}
