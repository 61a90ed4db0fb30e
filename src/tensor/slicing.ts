// Paddle's functions that take parts of axes: slices, boxes, windows, repeated elements.

import { InvalidArgumentError, OutOfRangeError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { formatShape, normalizeAxis } from "../core/shape.js";
import { expand, sum } from "../ops/broadcast.js";
import { cast } from "../ops/cast.js";
import { greaterThan, lessThan } from "../ops/comparison.js";
import * as ops from "../ops/concat.js";
import { stridedIndex } from "../ops/creation.js";
import { where } from "../ops/logic.js";
import * as movement from "../ops/movement.js";
import * as views from "../ops/views.js";
import { repeatIndex } from "../ops/where-index.js";
import { gather } from "../ops/gather.js";
import { isCapturing } from "../trace/bind.js";
import { sizeIn } from "../trace/size-in.js";
import { axisOf, type IntLike, intOf, type IntsLike, intsOf, numbersOf } from "./arguments.js";
import type { Tensor } from "./tensor.js";

/** Part of some axes: `starts[j] : ends[j]` of `axes[j]`, negative bounds counted from the end. */
export function slice(x: Tensor, axes: readonly number[], starts: IntsLike, ends: IntsLike): Tensor {
  return stridedSlice(
    x,
    axes,
    starts,
    ends,
    axes.map(() => 1),
  );
}

/** Part of some axes with steps, which may be negative. */
export function stridedSlice(
  x: Tensor,
  axes: readonly number[],
  starts: IntsLike,
  ends: IntsLike,
  strides: IntsLike,
): Tensor {
  const op = "stridedSlice";
  const at = axes.map((a) => normalizeAxis(a, x.shape.length, op));
  const lists = [starts, ends, strides].map((l) => intsOf(l, op)) as [number[], number[], number[]];
  if (lists.some((l) => l.length !== at.length))
    throw new InvalidArgumentError(`${at.length} axes need as many starts, ends and strides.`, {
      op,
      axes,
      starts,
      ends,
      strides,
    });
  if (lists[2].includes(0)) throw new InvalidArgumentError("a stride must not be 0.", { op, strides });
  return ops.slice(x, at, ...lists);
}

/** `length` elements of an axis from `start` on. */
export function narrow(x: Tensor, dim: number, start: IntLike, length: number): Tensor {
  const at = axisOf(dim, x.shape.length, "narrow");
  const n = x.shape[at]!;
  const given = intOf(start, "narrow");
  const from = given < 0 ? given + n : given;
  if (from < 0 || length < 0 || from + length > n)
    throw new OutOfRangeError(`${length} elements from ${given} do not lie in an axis of ${n}.`, {
      op: "narrow",
      start: given,
      length,
    });
  return ops.slice(x, [at], [from], [from + length]);
}

/** Options of {@link crop}. */
export interface CropOptions {
  /** Extents of the result; -1 takes all that remains. Default: x's. */
  readonly shape?: IntsLike | null | undefined;
  /** Where it begins. Default zeros. */
  readonly offsets?: IntsLike | null | undefined;
}

/** A box of a tensor. */
export function crop(x: Tensor, ...rest: Trailing<IntsLike | null, CropOptions>): Tensor {
  const o = splitOptions<CropOptions>("crop", rest, ["shape", "offsets"]);
  const offsets = o.offsets ? intsOf(o.offsets, "crop") : x.shape.map(() => 0);
  const shape = o.shape ? intsOf(o.shape, "crop") : x.shape.map((n, i) => n - (offsets[i] ?? 0));
  const rank = x.shape.length;
  if (shape.length !== rank || offsets.length !== rank)
    throw new InvalidArgumentError(`shape and offsets need ${rank} numbers.`, {
      op: "crop",
      x: x.shape,
      shape,
      offsets,
    });
  const ends = shape.map((n, i) => (n === -1 ? x.shape[i]! : offsets[i]! + n));
  if (offsets.some((o, i) => o < 0 || ends[i]! > x.shape[i]!))
    throw new InvalidArgumentError(
      `${formatShape(shape)} from ${formatShape(offsets)} does not lie in ${formatShape(x.shape)}.`,
      { op: "crop" },
    );
  return ops.slice(
    x,
    x.shape.map((_, i) => i),
    offsets,
    ends,
  );
}

/** Options of {@link repeatInterleave}. */
export interface RepeatInterleaveOptions {
  /** By default the flattened tensor. */
  readonly axis?: number | null | undefined;
  /** Length of the result along the axis, when known. */
  readonly outputSize?: number | null | undefined;
}

/** Repeats each element of an axis, all equally often or each as often as a tensor says. */
export function repeatInterleave(
  x: Tensor,
  repeats: number | Tensor,
  ...rest: Trailing<number | null, RepeatInterleaveOptions>
): Tensor {
  const { axis } = splitOptions<RepeatInterleaveOptions>("repeatInterleave", rest, ["axis", "outputSize"]);
  const flat = axis === undefined || axis === null;
  const from = flat ? views.flatten(x) : x;
  const at = flat ? 0 : normalizeAxis(axis, x.shape.length, "repeatInterleave");
  if (typeof repeats === "number") {
    if (!(repeats > 0))
      throw new InvalidArgumentError(`repeats must be positive, got ${repeats}.`, { op: "repeatInterleave" });
    return movement.repeat(from, repeats, at);
  }
  if (repeats.symbol || isCapturing()) return repeatedInProgram(from, repeats, at);
  const counts = numbersOf(repeats);
  if (counts.length !== from.shape[at] && counts.length !== 1)
    throw new InvalidArgumentError(`${counts.length} repetitions for an axis of ${from.shape[at]}.`, {
      op: "repeatInterleave",
      repeats: repeats.shape,
    });
  if (counts.some((n) => n < 0))
    throw new InvalidArgumentError("repeats must not be negative.", { op: "repeatInterleave" });
  if (counts.length === 1 && from.shape[at] !== 1) return movement.repeat(from, counts[0]!, at);
  return gather(
    from,
    repeatIndex(
      repeats,
      counts.reduce((a, b) => a + b, 0),
    ),
    at,
  );
}

/** Elements as often as a tensor of a Program says: how many there are is known when it runs. */
function repeatedInProgram(from: Tensor, repeats: Tensor, axis: number): Tensor {
  const n = from.shape[axis] ?? 1;
  if (repeats.size !== 1 && !(repeats.shape.length === 1 && repeats.shape[0] === n))
    throw new InvalidArgumentError(`repetitions ${formatShape(repeats.shape)} for an axis of ${n}.`, {
      op: "repeatInterleave",
      repeats: repeats.shape,
    });
  const each = cast(repeats.size === 1 ? expand(views.reshape(repeats, [1]), [n]) : repeats, "int64");
  // One size to read: -1 when a repetition is negative.
  const negative = sum(cast(lessThan(each, 0), "int64"));
  const total = where(greaterThan(negative, 0), -1, sum(each)) as Tensor;
  return gather(from, repeatIndex(each, sizeIn(total, "repeatInterleave", "repeats must not be negative.")), axis);
}

/** Windows of `size` elements of an axis, `step` apart, as a new last axis. */
export function unfold(x: Tensor, axis: number, size: number, step: number): Tensor {
  const at = axisOf(axis, x.shape.length, "unfold");
  const n = x.shape[at] ?? 1;
  if (size > n || size < 0 || step <= 0)
    throw new InvalidArgumentError(`windows of ${size} every ${step} do not fit an axis of ${n}.`, {
      op: "unfold",
      x: x.shape,
      size,
      step,
    });
  const index = stridedIndex([Math.floor((n - size) / step) + 1, size], [step, 1], 0);
  return movement.moveAxis(gather(x, index, at), at + 1, x.shape.length);
}

/** What Tensor has of these as methods. */
export const slicingMethods = {
  slice,
  stridedSlice,
  narrow,
  crop,
  repeatInterleave,
  unfold,
};
