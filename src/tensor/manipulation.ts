// Paddle's functions that give tensors another shape or move whole axes.

import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { broadcastShapes as commonShape, formatShape, normalizeAxis, type Shape } from "../core/shape.js";
import { type DType, dtypes, isDType } from "../core/dtype.js";
import { expand as expandTo, expandLike } from "../ops/broadcast.js";
import * as movement from "../ops/movement.js";
import * as views from "../ops/views.js";
import { fromArray, toArray } from "../trace/eager.js";
import { inplace } from "../trace/inplace.js";
import { axesOf, axisOf, type IntLike, type IntsLike, intsOf } from "./arguments.js";
import type { Tensor } from "./tensor.js";

/**
 * The same elements in another shape; memory is shared. 0 keeps the extent at its place, one -1 takes what remains.
 *
 * @throws InvalidArgumentError when the number of elements differs.
 * @example
 * ```ts
 * import { reshape, zeros } from "oarjs";
 * console.log(reshape(zeros([2, 3, 4]), [0, -1]).shape); // [2, 12]
 * ```
 */
export const reshape = (x: Tensor, shape: IntsLike): Tensor => views.reshape(x, intsOf(shape, "reshape"));
/** {@link reshape} in place. */
export const reshape_ = (x: Tensor, shape: IntsLike): Tensor =>
  inplace(x, "reshape_", (former) => reshape(former, shape), true);

/** `x` in another shape, or its bytes read as another dtype (the last axis grows or shrinks with the element size). */
export function view(x: Tensor, shapeOrDtype: IntsLike | DType): Tensor {
  return isDType(shapeOrDtype) ? viewDtype(x, shapeOrDtype) : reshape(x, shapeOrDtype);
}

/** Bits are reinterpreted on the JavaScript side: a copy, without gradient. */
function viewDtype(x: Tensor, dtype: DType): Tensor {
  if (x.dtype === dtype) return views.reshapeLike(x, x);
  const array = toArray(x);
  const [from, to] = [dtypes[x.dtype].bytes, dtypes[dtype].bytes];
  const last = ((x.shape.at(-1) ?? 1) * from) / to;
  if (!Number.isInteger(last) || (x.shape.length === 0 && from !== to))
    throw new InvalidArgumentError(`${formatShape(x.shape)} of ${x.dtype} cannot be read as ${dtype}.`, { op: "view" });
  const { buffer, byteOffset, byteLength } = array.data;
  const bytes = buffer.slice(byteOffset, byteOffset + byteLength);
  const shape = x.shape.length === 0 ? [] : [...x.shape.slice(0, -1), last];
  return fromArray({ dtype, shape, data: new dtypes[dtype].array(bytes) }) as Tensor;
}

/** `x` in the shape of `other`. */
export const viewAs = (x: Tensor, other: Tensor): Tensor => views.reshapeLike(x, other);

/** Options of {@link flatten}. */
export interface FlattenOptions {
  /** First axis to join. Default 0. */
  readonly startAxis?: number | undefined;
  /** Last axis to join. Default -1. */
  readonly stopAxis?: number | undefined;
}

/** Joins the axes from `startAxis` to `stopAxis` into one; both may be given bare. */
export function flatten(
  x: Tensor,
  ...rest: Trailing<number, FlattenOptions> | [number, number, FlattenOptions?]
): Tensor {
  const o = splitOptions<FlattenOptions>("flatten", rest, ["startAxis", "stopAxis"], 2);
  const rank = x.shape.length;
  const start = normalizeAxis(o.startAxis ?? 0, rank, "flatten");
  const stop = normalizeAxis(o.stopAxis ?? -1, rank, "flatten");
  if (stop < start)
    throw new InvalidArgumentError(`stopAxis ${stop} lies before startAxis ${start}.`, { op: "flatten", start, stop });
  return views.flatten(x, start, rank === 0 ? -1 : stop);
}
/** {@link flatten} in place. */
export const flatten_ = (
  x: Tensor,
  ...rest: Parameters<typeof flatten> extends [Tensor, ...infer R] ? R : never
): Tensor => inplace(x, "flatten_", (former) => flatten(former, ...rest), true);
/** All elements along one axis. */
export const ravel = (x: Tensor): Tensor => flatten(x);

/** Options of {@link squeeze}. */
export interface SqueezeOptions {
  readonly axis?: IntLike | IntsLike | null | undefined;
}

/** Drops axes of extent 1: those given (others among them stay), or all. */
export function squeeze(x: Tensor, ...rest: Trailing<IntLike | IntsLike | null, SqueezeOptions>): Tensor {
  const { axis } = splitOptions<SqueezeOptions>("squeeze", rest, ["axis"]);
  const rank = x.shape.length;
  const axes = axis === undefined || axis === null ? x.shape.map((_, i) => i) : axesOf(axis, rank, "squeeze");
  return views.squeeze(x, axes.length === 0 ? x.shape.map((_, i) => i) : axes);
}
/** {@link squeeze} in place. */
export const squeeze_ = (x: Tensor, ...rest: Trailing<IntLike | IntsLike | null, SqueezeOptions>): Tensor =>
  inplace(x, "squeeze_", (former) => squeeze(former, ...rest), true);

/**
 * Adds axes of extent 1. Several are added one after the other, in the order given, as Paddle does.
 *
 * @throws OutOfRangeError for an axis outside the result's.
 */
export function unsqueeze(x: Tensor, axis: IntLike | IntsLike): Tensor {
  // Places in the growing shape become places in the final one.
  const places: number[] = [];
  for (const a of intsOf(axis, "unsqueeze")) {
    const at = normalizeAxis(a, x.shape.length + places.length + 1, "unsqueeze");
    for (let i = 0; i < places.length; i++) if (places[i]! >= at) places[i]!++;
    places.push(at);
  }
  return views.unsqueeze(
    x,
    places.sort((a, b) => a - b),
  );
}
/** {@link unsqueeze} in place. */
export const unsqueeze_ = (x: Tensor, axis: IntLike | IntsLike): Tensor =>
  inplace(x, "unsqueeze_", (former) => unsqueeze(former, axis), true);

/** Splits one axis into several; one of the extents may be -1. */
export function unflatten(x: Tensor, axis: IntLike, shape: IntsLike): Tensor {
  const at = axisOf(axis, x.shape.length, "unflatten");
  const parts = intsOf(shape, "unflatten");
  const resolved = views.resolveShape([x.shape[at]!], parts, "unflatten");
  return views.reshape(x, [...x.shape.slice(0, at), ...resolved, ...x.shape.slice(at + 1)]);
}

/**
 * Axes in another order: axis i of the result is axis `perm[i]` of x.
 *
 * @throws InvalidArgumentError when `perm` is no permutation.
 */
export function transpose(x: Tensor, perm: readonly number[]): Tensor {
  const rank = x.shape.length;
  const axes = perm.map((p) => normalizeAxis(p, rank, "transpose"));
  return movement.transpose(x, axes);
}
/** {@link transpose} in place. */
export const transpose_ = (x: Tensor, perm: readonly number[]): Tensor =>
  inplace(x, "transpose_", (former) => transpose(former, perm), true);

/** A matrix with rows and columns swapped; vectors and scalars are returned as they are. */
export function t(x: Tensor): Tensor {
  if (x.shape.length > 2)
    throw new InvalidArgumentError(`needs at most 2 axes, got ${formatShape(x.shape)}.`, {
      op: "t",
      x: x.shape,
      hint: "transpose takes any number.",
    });
  return x.shape.length < 2 ? views.reshapeLike(x, x) : movement.transpose(x, [1, 0]);
}
/** {@link t} in place. */
export const t_ = (x: Tensor): Tensor => inplace(x, "t_", (former) => t(former), true);

/** Two axes swapped. */
export function swapaxes(x: Tensor, axis0: number, axis1: number): Tensor {
  const rank = x.shape.length;
  return movement.swapAxes(x, normalizeAxis(axis0, rank, "swapaxes"), normalizeAxis(axis1, rank, "swapaxes"));
}

/** Moves axes to other places; the others keep their order. */
export function moveaxis(
  x: Tensor,
  source: number | readonly number[],
  destination: number | readonly number[],
): Tensor {
  const rank = x.shape.length;
  const from = axesOf(source as number, rank, "moveaxis");
  const to = axesOf(destination as number, rank, "moveaxis");
  if (from.length !== to.length)
    throw new InvalidArgumentError(`${from.length} axes for ${to.length} places.`, {
      op: "moveaxis",
      source,
      destination,
    });
  const rest = x.shape.map((_, i) => i).filter((i) => !from.includes(i));
  const order = x.shape.map((_, i) => (to.includes(i) ? from[to.indexOf(i)]! : rest.shift()!));
  return movement.transpose(x, order);
}

/** Broadcasts `x` to a shape; -1 keeps an extent. */
export const expand = (x: Tensor, shape: IntsLike): Tensor => expandTo(x, intsOf(shape, "expand"));
/** Broadcasts `x` to a shape; -1 keeps an extent. */
export const broadcastTo = (x: Tensor, shape: IntsLike): Tensor => expandTo(x, intsOf(shape, "broadcastTo"));
/** Broadcasts `x` to the shape of `y`. */
export const expandAs = (x: Tensor, y: Tensor): Tensor => expandLike(x, y);

/** The shape two shapes broadcast to. */
export const broadcastShape = (xShape: Shape, yShape: Shape): number[] => [
  ...commonShape(xShape, yShape, "broadcastShape"),
];

/** The shape that operands of all these shapes broadcast to. */
export const broadcastShapes = (...shapes: readonly Shape[]): number[] => [
  ...shapes.reduce<Shape>((common, shape) => commonShape(common, shape, "broadcastShapes"), []),
];

/** All tensors broadcast to their common shape. */
export function broadcastTensors(input: readonly Tensor[]): Tensor[] {
  const shape = input.reduce<Shape>((s, x) => commonShape(s, x.shape, "broadcastTensors"), []);
  return input.map((x) => expandTo(x, shape));
}

/** Repeats the whole tensor along each axis; missing axes are added in front. */
export function tile(x: Tensor, repeatTimes: IntsLike | number): Tensor {
  const times = intsOf(repeatTimes, "tile");
  if (times.some((n) => n < 0))
    throw new InvalidArgumentError(`repetitions must not be negative, got [${times.join(", ")}].`, {
      op: "tile",
      times,
    });
  const rank = Math.max(times.length, x.shape.length);
  const added = rank - x.shape.length;
  const whole =
    added > 0
      ? views.unsqueeze(
          x,
          Array.from({ length: added }, (_, i) => i),
        )
      : x;
  return movement.tile(whole, [...new Array<number>(rank - times.length).fill(1), ...times]);
}

/** Reverses axes. */
export const flip = (x: Tensor, axis: number | readonly number[]): Tensor =>
  movement.flip(x, axesOf(axis as number, x.shape.length, "flip"));

/** Options of {@link rot90}. */
export interface Rot90Options {
  /** Quarter turns, from the first axis towards the second. Default 1. */
  readonly k?: number | undefined;
  /** The plane. Default [0, 1]. */
  readonly axes?: readonly number[] | undefined;
}

/** Rotates the plane of two axes by quarter turns. */
export function rot90(x: Tensor, ...rest: Trailing<number, Rot90Options>): Tensor {
  const { k = 1, axes = [0, 1] } = splitOptions<Rot90Options>("rot90", rest, ["k", "axes"]);
  if (x.shape.length < 2 || axes.length !== 2)
    throw new InvalidArgumentError(`needs two axes of ${formatShape(x.shape)}, got [${axes.join(", ")}].`, {
      op: "rot90",
      x: x.shape,
      axes,
    });
  const [a, b] = axesOf(axes, x.shape.length, "rot90") as [number, number];
  const turns = ((k % 4) + 4) % 4;
  if (turns === 0) return views.reshapeLike(x, x);
  if (turns === 2) return movement.flip(x, [a, b]);
  const swapped = (y: Tensor): Tensor => movement.swapAxes(y, a, b);
  return turns === 1 ? swapped(movement.flip(x, [b])) : movement.flip(swapped(x), [b]);
}

/** Options of {@link roll}. */
export interface RollOptions {
  /** Axes to rotate; by default the flattened tensor. */
  readonly axis?: number | readonly number[] | null | undefined;
}

/** Rotates elements along axes, what leaves at the end comes in at the start. */
export function roll(
  x: Tensor,
  shifts: IntLike | IntsLike,
  ...rest: Trailing<RollOptions["axis"], RollOptions>
): Tensor {
  const { axis } = splitOptions<RollOptions>("roll", rest, ["axis"]);
  const by = intsOf(shifts, "roll");
  if (axis === undefined || axis === null)
    return views.reshapeLike(
      movement.roll(
        views.flatten(x, 0, x.shape.length - 1),
        by,
        by.map(() => 0),
      ),
      x,
    );
  const axes = axesOf(axis as number, x.shape.length, "roll");
  if (axes.length !== by.length)
    throw new InvalidArgumentError(`${by.length} shifts for ${axes.length} axes.`, { op: "roll", shifts: by, axis });
  return movement.roll(x, by, axes);
}

/** A function of one tensor, or of several that gives a list. */
type OneOrMany = (...inputs: Tensor[]) => Tensor | Tensor[];

const atLeast =
  (op: string, grow: (x: Tensor) => Tensor): OneOrMany =>
  (...inputs) => {
    if (inputs.length === 0) throw new InvalidArgumentError("there is no tensor.", { op });
    const list = Array.isArray(inputs[0]) ? (inputs[0] as Tensor[]) : inputs;
    const grown = list.map(grow);
    return grown.length === 1 && !Array.isArray(inputs[0]) ? grown[0]! : grown;
  };

/** At least one axis; several tensors give a list. */
export const atleast1d: OneOrMany = atLeast("atleast1d", (x) => (x.shape.length > 0 ? x : views.unsqueeze(x, [0])));
/** At least two axes, added in front; several tensors give a list. */
export const atleast2d: OneOrMany = atLeast("atleast2d", (x) =>
  x.shape.length > 1 ? x : views.unsqueeze(x, x.shape.length === 1 ? [0] : [0, 1]),
);
/** At least three axes: a vector becomes `[1, n, 1]`, a matrix `[m, n, 1]`; several tensors give a list. */
export const atleast3d: OneOrMany = atLeast("atleast3d", (x) => {
  const added: Record<number, number[]> = { 0: [0, 1, 2], 1: [0, 2], 2: [2] };
  return x.shape.length > 2 ? x : views.unsqueeze(x, added[x.shape.length]!);
});

/** Alias of {@link tile}. */
export const repeat = tile;
/** Alias of {@link flip}. */
export const reverse = flip;
/** What Tensor has of these as methods. */
export const manipulationMethods = {
  reshape,
  reshape_,
  view,
  viewAs,
  flatten,
  flatten_,
  ravel,
  squeeze,
  squeeze_,
  unsqueeze,
  unsqueeze_,
  unflatten,
  transpose,
  transpose_,
  permute: transpose,
  t,
  t_,
  swapaxes,
  swapdims: swapaxes,
  moveaxis,
  expand,
  expandAs,
  broadcastTo,
  tile,
  repeat,
  flip,
  reverse,
  rot90,
  roll,
  atleast1d,
  atleast2d,
  atleast3d,
};
