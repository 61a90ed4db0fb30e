// Paddle's functions of masks: places of true elements, choices between two tensors, elements chosen and replaced by a mask.

import { InvalidArgumentError } from "../core/errors.js";
import { checkOptions, splitOptions } from "../core/options.js";
import { broadcastShapes, formatShape, sizeOf } from "../core/shape.js";
import { Value } from "../program/value.js";
import { expand, sum } from "../ops/broadcast.js";
import { subtract } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import * as joining from "../ops/concat.js";
import { full } from "../ops/creation.js";
import { cumsum } from "../ops/cumulative.js";
import * as ops from "../ops/gather.js";
import { where as choose } from "../ops/logic.js";
import * as views from "../ops/views.js";
import * as masks from "../ops/where-index.js";
import { isCapturing } from "../trace/bind.js";
import { inplace } from "../trace/inplace.js";
import { sizeIn } from "../trace/size-in.js";
import type { Tensor } from "./tensor.js";

/** A number, or a tensor of one element, as a scalar tensor. */
export function scalarOf(value: number | boolean | Tensor, like: Tensor, op: string): Tensor {
  if (!(value instanceof Value)) return full([], Number(value), like.dtype) as Tensor;
  if (sizeOf(value.shape) !== 1)
    throw new InvalidArgumentError(`the value must be one number, got ${formatShape(value.shape)}.`, { op });
  return views.reshape(value as Tensor, []);
}

/** How many elements are true (or not zero), read at once; in a Program, when it runs. */
const countOf = (mask: Tensor, op: string): number => sizeIn(sum(cast(cast(mask, "bool"), "int64")), op);

/** The places of a mask's true elements, one index an axis. */
export function placesOf(mask: Tensor, op = "index"): Tensor[] {
  const rows = masks.nonzero(mask, countOf(mask, op), false);
  return mask.shape.map((_, i) => views.squeeze(joining.slice(rows, [1], [i], [i + 1]), [1]));
}

/** Options of {@link nonzero}. */
export interface NonzeroOptions {
  /** One index an axis in place of rows. Default false. */
  readonly asTuple?: boolean | undefined;
}

/**
 * The places of all elements that are not zero. The count is read at once; in a static Program the result's first extent is -1, and each run
 * is cut where the count is read (`program.segments`).
 *
 * @returns int64 rows `[count, rank]`, or with `asTuple` one index `[count]` an axis
 * @throws UnimplementedError inside a branch or a loop of a Program.
 * @example
 * ```ts
 * import { nonzero, toTensor } from "oarjs";
 * console.log(await nonzero(toTensor([[0, 3], [5, 0]])).tolist()); // [[0, 1], [1, 0]]
 * ```
 */
export function nonzero(x: Tensor, options: NonzeroOptions & { readonly asTuple: true }): Tensor[];
export function nonzero(x: Tensor, options?: NonzeroOptions & { readonly asTuple?: false | undefined }): Tensor;
export function nonzero(x: Tensor, options?: NonzeroOptions): Tensor | Tensor[] {
  const { asTuple = false } = checkOptions<NonzeroOptions>("nonzero", options, ["asTuple"]);
  const mask = cast(x, "bool");
  if (asTuple) return placesOf(mask, "nonzero");
  return masks.nonzero(mask, countOf(mask, "nonzero"), false);
}
/** {@link nonzero} as rows. */
export const argwhere = (x: Tensor): Tensor => nonzero(x);

/** Options of {@link where}. */
export interface WhereOptions {
  readonly x?: Tensor | number | null | undefined;
  readonly y?: Tensor | number | null | undefined;
}

/** `condition ? x : y`, broadcast; without x and y the places of true elements, one index an axis. */
export function where(condition: Tensor): Tensor[];
export function where(
  condition: Tensor,
  ...rest: [options: WhereOptions] | [x: Tensor | number, y: Tensor | number]
): Tensor;
export function where(condition: Tensor, ...rest: readonly unknown[]): Tensor | Tensor[] {
  const o = splitOptions<WhereOptions>("where", rest, ["x", "y"], 2);
  const [x, y] = [o.x ?? undefined, o.y ?? undefined];
  if (x === undefined && y === undefined) return nonzero(condition, { asTuple: true });
  if (x === undefined || y === undefined)
    throw new InvalidArgumentError("x and y must both be given, or neither.", {
      op: "where",
      hint: "where(condition, x, y)",
    });
  return choose<Tensor>(condition, x, y);
}
/** `x` where a condition holds, `y` elsewhere, in place of `x`. */
export function where_(condition: Tensor, ...rest: [options: WhereOptions] | [x: Tensor, y: Tensor | number]): Tensor {
  const { x, y } = splitOptions<WhereOptions>("where_", rest, ["x", "y"], 2);
  if (!(x instanceof Value) || y === undefined || y === null)
    throw new InvalidArgumentError("needs a tensor x, which takes the result, and y.", { op: "where_" });
  return inplace(x as Tensor, "where_", (former) => choose<Tensor>(condition, former, y));
}

/**
 * The elements where a mask is true, in order; x and mask broadcast. Gradients flow to x. Their number is read at once; in a static Program
 * the extent is -1, and each run is cut where the number is read (`program.segments`).
 *
 * @returns `[count]`, maybe of no elements
 * @throws InvalidArgumentError unless the mask is bool; UnimplementedError inside a branch or a loop of a Program.
 * @example
 * ```ts
 * import { maskedSelect, toTensor } from "oarjs";
 * const x = toTensor([1, -2, 3]);
 * console.log(await maskedSelect(x, x.greaterThan(0)).tolist()); // [1, 3]
 * ```
 */
export function maskedSelect(x: Tensor, mask: Tensor): Tensor {
  requireMask(mask, "maskedSelect");
  const shape = broadcastShapes(x.shape, mask.shape, "maskedSelect");
  const full = expand(mask, shape);
  return ops.gather(views.flatten(expand(x, shape)), masks.nonzero(full, countOf(full, "maskedSelect"), true), 0);
}

function requireMask(mask: Tensor, op: string): void {
  if (mask.dtype !== "bool")
    throw new InvalidArgumentError(`the mask must be bool, got ${mask.dtype}.`, { op, dtype: mask.dtype });
}

/** `x` with one value where a mask is true. */
export function maskedFill(x: Tensor, mask: Tensor, value: number | Tensor): Tensor {
  requireMask(mask, "maskedFill");
  return choose<Tensor>(mask, cast(scalarOf(value, x, "maskedFill"), x.dtype), x);
}
/** {@link maskedFill} in place. */
export const maskedFill_ = (x: Tensor, mask: Tensor, value: number | Tensor): Tensor =>
  inplace(x, "maskedFill_", (former) => maskedFill(former, mask, value));

/** `x` with the first elements of `value`, in order, where a mask is true. */
export function maskedScatter(x: Tensor, mask: Tensor, value: Tensor): Tensor {
  requireMask(mask, "maskedScatter");
  const whole = expand(mask, x.shape);
  if (isCapturing() || [x, mask, value].some((v) => v.symbol)) return scattered(x, whole, value);
  const count = countOf(whole, "maskedScatter");
  if (count > sizeOf(value.shape))
    throw new InvalidArgumentError(`the mask takes ${count} values, there are ${sizeOf(value.shape)}.`, {
      op: "maskedScatter",
      count,
    });
  const at = masks.nonzero(whole, count, true);
  const values = joining.slice(views.flatten(value), [0], [0], [count]);
  return views.reshapeLike(ops.putAt(views.flatten(x), at, cast(values, x.dtype), 0, "assign"), x);
}
/** {@link maskedScatter} without reading how many values are taken: each element's value is found by counting the mask up to it. */
function scattered(x: Tensor, mask: Tensor, value: Tensor): Tensor {
  const flat = views.flatten(mask);
  const place = subtract(cumsum(cast(flat, "int64"), 0), 1);
  const at = where(flat, place, 0) as Tensor;
  const chosen = ops.gather(views.flatten(cast(value, x.dtype)), at, 0);
  return choose<Tensor>(mask, views.reshapeLike(chosen, x), x);
}
/** {@link maskedScatter} in place. */
export const maskedScatter_ = (x: Tensor, mask: Tensor, value: Tensor): Tensor =>
  inplace(x, "maskedScatter_", (former) => maskedScatter(former, mask, value));

/** What Tensor has of these as methods. */
export const maskingMethods = {
  nonzero,
  argwhere,
  where,
  where_,
  maskedSelect,
  maskedFill,
  maskedFill_,
  maskedScatter,
  maskedScatter_,
};
