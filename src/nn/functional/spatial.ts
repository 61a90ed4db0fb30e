// What functions of images share: axes of space, numbers for each, paddings by number or by word, channels first.

import { InvalidArgumentError } from "../../core/errors.js";
import { describe } from "../../core/options.js";
import { formatShape } from "../../core/shape.js";
import { transpose } from "../../ops/movement.js";
import { squeeze, unsqueeze } from "../../ops/views.js";
import { type IntsLike, intsOf } from "../../tensor/arguments.js";
import type { Tensor } from "../../tensor/tensor.js";

/** A number for every axis of space, or one for each. */
export type PerAxis = number | IntsLike;

/**
 * Zeros around the axes of space: one number, one for each axis, before and after each axis, a pair for each axis of the tensor; or a word:
 * "VALID" none, "SAME" as many as keep the extent (divided by the stride).
 */
export type Padding = number | readonly number[] | readonly (readonly number[])[] | "SAME" | "VALID" | (string & {});

/** Order of axes with channels first and last, for one to three axes of space. */
export type SpatialFormat = "NCL" | "NLC" | "NCHW" | "NHWC" | "NCDHW" | "NDHWC";

const formats = [
  ["NCL", "NLC"],
  ["NCHW", "NHWC"],
  ["NCDHW", "NDHWC"],
] as const;

/** Whether channels come last. */
export function channelsLast(format: string | undefined, axes: number, op: string): boolean {
  const [first, last] = formats[axes - 1]!;
  if (format === undefined || format === first) return false;
  if (format === last) return true;
  throw new InvalidArgumentError(`dataFormat must be "${first}" or "${last}", got ${describe(format)}.`, { op });
}

/** Numbers for each axis of space. */
export function perAxis(x: PerAxis, axes: number, name: string, op: string): number[] {
  const list = typeof x === "number" ? new Array<number>(axes).fill(x) : intsOf(x, op);
  const whole = list.length === 1 ? new Array<number>(axes).fill(list[0]!) : list;
  if (whole.length === axes && whole.every(Number.isInteger)) return whole;
  throw new InvalidArgumentError(`${name} must be an integer or ${axes} of them, got ${JSON.stringify(x)}.`, { op });
}

/** Paddings before and after each axis; undefined for "SAME". */
export function paddings(padding: Padding, axes: number, last: boolean, op: string): number[] | undefined {
  if (typeof padding === "string") {
    const word = padding.toUpperCase();
    if (word === "SAME") return undefined;
    if (word === "VALID") return new Array<number>(2 * axes).fill(0);
    throw new InvalidArgumentError(`unknown padding ${describe(padding)}: it can be "SAME", "VALID" or numbers.`, {
      op,
    });
  }
  const list = typeof padding === "number" ? [padding] : padding;
  if (Array.isArray(list[0])) {
    const pairs = list as readonly (readonly number[])[];
    const space = last ? pairs.slice(1, -1) : pairs.slice(2);
    const rest = last ? [pairs[0], pairs.at(-1)] : pairs.slice(0, 2);
    if (pairs.length === axes + 2 && pairs.every((p) => p.length === 2) && rest.flat().every((n) => n === 0))
      return space.flat();
  } else {
    const numbers = list as readonly number[];
    if (numbers.every(Number.isInteger)) {
      if (numbers.length === 1) return new Array<number>(2 * axes).fill(numbers[0]!);
      if (numbers.length === 2 * axes) return [...numbers];
      if (numbers.length === axes) return numbers.flatMap((n) => [n, n]);
    }
  }
  throw new InvalidArgumentError(
    `padding must be an integer, ${axes} or ${2 * axes} integers, or a pair for each axis with none on batch and channels; got ${JSON.stringify(padding)}.`,
    { op },
  );
}

/** "SAME": an axis of n elements gives ⌈n / stride⌉, what is missing added half before and half (or one more) after. */
export const samePaddings = (
  extents: readonly number[],
  sizes: readonly number[],
  strides: readonly number[],
): number[] =>
  extents.flatMap((n, i) => {
    const total = Math.max((Math.ceil(n / strides[i]!) - 1) * strides[i]! + sizes[i]! - n, 0);
    const before = Math.floor(total / 2);
    return [before, total - before];
  });

/** `x` with channels first, and the way back for a result. */
export function channelsFirst(x: Tensor, last: boolean): { readonly x: Tensor; back(y: Tensor): Tensor } {
  if (!last) return { x, back: (y) => y };
  const rank = x.shape.length;
  const space = Array.from({ length: rank - 2 }, (_, i) => i + 1);
  const back = [0, ...space.map((i) => i + 1), 1];
  return { x: transpose(x, [0, rank - 1, ...space]), back: (y) => transpose(y, back) };
}

/** Throws InvalidArgument unless `x` has a batch, channels and so many axes of space. */
export function requireSpace(x: Tensor, axes: number, op: string): void {
  if (x.shape.length === axes + 2) return;
  throw new InvalidArgumentError(`needs a tensor of rank ${axes + 2}, got ${formatShape(x.shape)}.`, {
    op,
    x: x.shape,
  });
}

/** One axis of space as two, and back: kernels have two or three. */
export const widen = (x: Tensor): Tensor => unsqueeze(x, [2]);
/** The reverse of {@link widen}. */
export const narrow = (x: Tensor): Tensor => squeeze(x, [2]);
