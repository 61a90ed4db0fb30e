// Paddle's reductions: sums, means, products, extrema, truth and log-sums over axes.

import type { DType } from "../core/dtype.js";
import { isFloat } from "../core/dtype.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { normalizeAxes } from "../core/shape.js";
import * as ops from "../ops/reduction.js";
import { sqrt } from "../ops/exponential.js";
import { cast } from "../ops/cast.js";
import { divide } from "../ops/arithmetic.js";
import { sum as sumOf } from "../ops/broadcast.js";
import { Value } from "../program/value.js";
import { numbersOf } from "./arguments.js";
import type { Tensor } from "./tensor.js";

/** One axis, several, or all (null, the default); an integer tensor is read at once. */
export type Axis = number | readonly number[] | Tensor | null | undefined;

/** Options of reductions. */
export interface ReduceOptions {
  /** Axes to reduce; default all. Negative ones count from the last. */
  readonly axis?: Axis;
  /** Keep reduced axes with extent 1. Default false. */
  readonly keepdim?: boolean | undefined;
}

/** Options of reductions that can change the dtype. */
export interface TypedReduceOptions extends ReduceOptions {
  /** Convert to this dtype first. */
  readonly dtype?: DType | null | undefined;
}

/** The arguments after the tensor. */
export type ReduceArguments = Trailing<Axis, ReduceOptions>;
/** The arguments after the tensor, with a dtype. */
export type TypedReduceArguments = Trailing<Axis, TypedReduceOptions>;

/** The normalised axes that an argument names. */
export function axesOf(x: Value, axis: Axis, op: string): number[] {
  const plain = axis instanceof Value ? numbersOf(axis) : axis;
  return normalizeAxes(plain, x.shape.length, op);
}

const keys = ["axis", "keepdim"] as const;

function read(x: Tensor, rest: ReduceArguments, op: string): [axes: number[], keepdim: boolean] {
  const o = splitOptions<ReduceOptions>(op, rest, keys);
  return [axesOf(x, o.axis, op), o.keepdim ?? false];
}

interface Typed {
  readonly x: Tensor;
  readonly axes: number[];
  readonly keepdim: boolean;
}

function readTyped(x: Tensor, rest: TypedReduceArguments, op: string, order: readonly string[]): Typed {
  const o = splitOptions<TypedReduceOptions>(op, rest, order as readonly (keyof TypedReduceOptions)[]);
  return { x: o.dtype ? cast(x, o.dtype) : x, axes: axesOf(x, o.axis, op), keepdim: o.keepdim ?? false };
}

/**
 * Sum over axes. Integers and booleans sum in int64.
 *
 * @param rest - `axis` (default all), or options `axis`, `dtype`, `keepdim`
 * @throws OutOfRangeError for an axis that x has not.
 * @example
 * ```ts
 * import { sum, toTensor } from "oarjs";
 * console.log(await sum(toTensor([[1, 2], [3, 4]]), 1).tolist()); // [3, 7]
 * ```
 */
export function sum(x: Tensor, ...rest: TypedReduceArguments): Tensor {
  const o = readTyped(x, rest, "sum", ["axis", "dtype", "keepdim"]);
  return ops.sumOver(o.x, o.axes, o.keepdim);
}

/**
 * Arithmetic mean over axes.
 *
 * @example
 * ```ts
 * import { mean, toTensor } from "oarjs";
 * console.log(await mean(toTensor([[1, 2], [3, 4]]), { axis: 0, keepdim: true }).tolist()); // [[2, 3]]
 * ```
 */
export function mean(x: Tensor, ...rest: TypedReduceArguments): Tensor {
  const o = readTyped(x, rest, "mean", ["axis", "keepdim", "dtype"]);
  return ops.mean(o.x, o.axes, o.keepdim);
}

/** Product over axes. */
export function prod(x: Tensor, ...rest: TypedReduceArguments): Tensor {
  const o = readTyped(x, rest, "prod", ["axis", "keepdim", "dtype"]);
  return ops.prod(o.x, o.axes, o.keepdim);
}

/** Largest element over axes; NaN wins. The gradient is shared evenly among equal ones. */
export const max = (x: Tensor, ...rest: ReduceArguments): Tensor => ops.max(x, ...read(x, rest, "max"));
/** Smallest element over axes; NaN wins. The gradient is shared evenly among equal ones. */
export const min = (x: Tensor, ...rest: ReduceArguments): Tensor => ops.min(x, ...read(x, rest, "min"));
/** Largest element over axes, as {@link max}. */
export const amax = (x: Tensor, ...rest: ReduceArguments): Tensor => ops.amax(x, ...read(x, rest, "amax"));
/** Smallest element over axes, as {@link min}. */
export const amin = (x: Tensor, ...rest: ReduceArguments): Tensor => ops.amin(x, ...read(x, rest, "amin"));
/** Whether all elements are true (not 0). */
export const all = (x: Tensor, ...rest: ReduceArguments): Tensor => ops.all(x, ...read(x, rest, "all"));
/** Whether any element is true (not 0). */
export const any = (x: Tensor, ...rest: ReduceArguments): Tensor => ops.any(x, ...read(x, rest, "any"));

/** `log Σ e^x` over axes, without overflow. Integers compute in float32. */
export const logsumexp = (x: Tensor, ...rest: ReduceArguments): Tensor =>
  ops.logsumexp(x, ...read(x, rest, "logsumexp"));

/** Sum in which NaN counts as 0. */
export function nansum(x: Tensor, ...rest: TypedReduceArguments): Tensor {
  const o = readTyped(x, rest, "nansum", ["axis", "dtype", "keepdim"]);
  return ops.nansum(o.x, o.axes, o.keepdim);
}

/** Mean of the elements that are not NaN. */
export function nanmean(x: Tensor, ...rest: ReduceArguments): Tensor {
  const [axes, keepdim] = read(x, rest, "nanmean");
  return divide(ops.nansum(x, axes, keepdim), ops.countNumbers(x, axes, keepdim));
}

/** How many elements are not 0, as int64. */
export function countNonzero(x: Tensor, ...rest: ReduceArguments): Tensor {
  const [axes, keepdim] = read(x, rest, "countNonzero");
  return ops.sumOver(cast(x, "bool"), axes, keepdim);
}

/** Options of {@link std}. */
export interface StdOptions extends ReduceOptions {
  /** Divide by n - 1 instead of n. Default true. */
  readonly unbiased?: boolean | null | undefined;
}

/** Options of {@link variance}. */
export interface VarOptions extends StdOptions {
  /** What is taken from n in the divisor. Default 1. */
  readonly correction?: number | undefined;
}

function varianceOf(x: Tensor, o: VarOptions, op: string): Tensor {
  const axes = axesOf(x, o.axis, op);
  const correction = o.unbiased === undefined || o.unbiased === null ? (o.correction ?? 1) : o.unbiased ? 1 : 0;
  return ops.variance(isFloat(x.dtype) ? x : cast(x, "float32"), axes, o.keepdim ?? false, correction);
}

/** Variance over axes: the mean square distance from the mean, over n - 1 unless told otherwise. */
function variance(x: Tensor, ...rest: Trailing<Axis, VarOptions>): Tensor {
  return varianceOf(x, splitOptions<VarOptions>("var", rest, ["axis", "unbiased", "keepdim", "correction"]), "var");
}

/** Standard deviation over axes: the root of {@link variance}. */
export function std(x: Tensor, ...rest: Trailing<Axis, StdOptions>): Tensor {
  const o = splitOptions<StdOptions>("std", rest, ["axis", "unbiased", "keepdim"]);
  return sqrt(varianceOf(x, o, "std"));
}

/** `x` summed to the shape of `target`, to which it broadcasts. */
export function reduceAs(x: Tensor, target: Tensor): Tensor {
  const skip = x.shape.length - target.shape.length;
  const axes = x.shape.flatMap((_, i) => (i >= skip && target.shape[i - skip] === 1 ? [i] : []));
  const kept = axes.length > 0 ? sumOf(x, axes, true) : x;
  return skip > 0
    ? ops.sumOver(
        kept,
        Array.from({ length: skip }, (_, i) => i),
        false,
      )
    : kept;
}

export { variance as var };

/** What Tensor has of these as methods. */
export const reductionMethods = {
  sum,
  mean,
  prod,
  max,
  min,
  amax,
  amin,
  all,
  any,
  logsumexp,
  nansum,
  nanmean,
  countNonzero,
  std,
  var: variance,
  reduceAs,
};
