// What pooling ops share: attributes, shapes, windows of kernels, samples.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape, type Shape } from "../core/shape.js";
import type { Ref } from "../fuse/body.js";
import { fixed, type InferInput } from "../program/op.js";
import { requireFloat } from "./infer.js";
import { adaptiveWindows, evenWindows, type Windows } from "./pooling-kernels.js";

/** Even windows: for each axis of space its size, their distance, and the padding before and after. */
export interface PoolWindows {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  /** Before and after each axis in turn. */
  readonly paddings: readonly number[];
  /** A last window that is not whole counts too. */
  readonly ceil: boolean;
}

/** Attributes of {@link PoolWindows}. */
export const evenAttrs = {
  sizes: fixed<readonly number[]>(),
  strides: fixed<readonly number[]>(),
  paddings: fixed<readonly number[]>(),
  ceil: fixed(false),
};

/** The extent of an axis after pooling, division rounding to zero as in Paddle: a window larger than the axis gives one element. */
export function pooledExtent(n: number, axis: number, w: PoolWindows): number {
  if (n < 0) return n;
  const room = n - w.sizes[axis]! + w.paddings[2 * axis]! + w.paddings[2 * axis + 1]!;
  const stride = w.strides[axis]!;
  return Math.trunc((w.ceil ? room + stride - 1 : room) / stride) + 1;
}

/** The shape after pooling; throws InvalidArgument where windows do not fit. */
export function pooledShape(op: string, x: InferInput, axes: number, w: PoolWindows): Shape {
  requirePlanes(op, x, axes);
  if ([...w.sizes, ...w.strides].some((n) => n < 1))
    throw new InvalidArgumentError("window sizes and strides must be positive.", { op, ...w });
  const extents = x.shape.slice(2).map((n, i) => pooledExtent(n, i, w));
  if (extents.some((n, i) => n < 1 && x.shape[2 + i]! >= 0))
    throw new InvalidArgumentError(`windows ${formatShape(w.sizes)} on ${formatShape(x.shape)} leave nothing.`, {
      op,
      x: x.shape,
      ...w,
    });
  return [x.shape[0]!, x.shape[1]!, ...extents];
}

function requirePlanes(op: string, x: InferInput, axes: number): void {
  requireFloat(x, op);
  if (x.shape.length !== axes + 2)
    throw new InvalidArgumentError(`needs a tensor of rank ${axes + 2}, got ${formatShape(x.shape)}.`, {
      op,
      x: x.shape,
    });
}

/** The extents asked for; 0 keeps the axis. */
export const adaptiveShape = (op: string, x: InferInput, extents: readonly number[]): Shape => {
  requirePlanes(op, x, extents.length);
  if (extents.some((n) => n < 0))
    throw new InvalidArgumentError(`output sizes must be positive, got ${formatShape(extents)}.`, { op, x: x.shape });
  return [x.shape[0]!, x.shape[1]!, ...extents.map((n, i) => (n === 0 ? x.shape[2 + i]! : n))];
};

/** Windows of a kernel's input. */
export const evenOf = (x: Pick<Ref, "extent">, w: PoolWindows, exclusive: boolean): Windows[] =>
  w.sizes.map((size, i) => evenWindows(x.extent(2 + i), size, w.strides[i]!, w.paddings[2 * i]!, exclusive));

/** Windows that follow from the extents of input and result. */
export const adaptiveOf = (x: Pick<Ref, "extent" | "rank">, out: Pick<Ref, "extent">): Windows[] =>
  Array.from({ length: x.rank - 2 }, (_, i) => adaptiveWindows(x.extent(2 + i), out.extent(2 + i)));

/** One number for each axis. */
export const repeat = (axes: number, n: number): number[] => Array.from({ length: axes }, () => n);

/** Samples that every op of even windows is tried with. */
export const evenSamples = (axes: number, more: Readonly<Record<string, unknown>>) => {
  const tries = [
    { size: 2, stride: 2, padding: 0, ceil: false, n: 7 },
    { size: 3, stride: 2, padding: 1, ceil: true, n: 8 },
    { size: 3, stride: 1, padding: 1, ceil: false, n: axes === 2 ? 19 : 5 },
    { size: 9, stride: 9, padding: 0, ceil: false, n: 4 },
  ];
  return tries.map(({ size, stride, padding, ceil, n }) => ({
    shape: [2, 3, ...repeat(axes, n)],
    attrs: {
      sizes: repeat(axes, size),
      strides: repeat(axes, stride),
      paddings: repeat(2 * axes, padding),
      ceil,
      ...more,
    },
  }));
};
