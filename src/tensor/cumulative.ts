// Paddle's running sums, products and extrema, differences and the trapezoidal rule.

import type { DType } from "../core/dtype.js";
import { isFloat, isInt } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { normalizeAxis } from "../core/shape.js";
import { add, divide, multiply, subtract } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { concat, slice } from "../ops/concat.js";
import * as ops from "../ops/cumulative.js";
import { sumOver } from "../ops/reduction.js";
import { equal } from "../ops/comparison.js";
import { flatten, reshape, unsqueeze } from "../ops/views.js";
import { inplace } from "../trace/inplace.js";
import type { Tensor } from "./tensor.js";

/** Options of {@link cumsum} and {@link logcumsumexp}. */
export interface CumulativeOptions {
  /** Default: the flattened tensor. */
  readonly axis?: number | null | undefined;
  /** Convert to this dtype first. */
  readonly dtype?: DType | null | undefined;
}

type CumulativeArguments = Trailing<number | null, CumulativeOptions>;

/** A line to run along: the tensor and an axis, flattened where none is given. */
function lineOf(x: Tensor, axis: number | null | undefined, op: string): [Tensor, number] {
  if (x.shape.length === 0) {
    if (typeof axis === "number") normalizeAxis(axis, 0, op);
    return [unsqueeze(x, [0]), 0];
  }
  if (axis === undefined || axis === null) return [flatten(x), 0];
  return [x, normalizeAxis(axis, x.shape.length, op)];
}

function typedLine(x: Tensor, rest: CumulativeArguments, op: string): [Tensor, number, boolean] {
  const o = splitOptions<CumulativeOptions>(op, rest, ["axis", "dtype"]);
  const given = o.dtype && o.dtype !== x.dtype ? cast(x, o.dtype) : x;
  return [...lineOf(given, o.axis, op), x.shape.length === 0 && typeof o.axis === "number"];
}

const scalarAgain = (out: Tensor, was: boolean): Tensor => (was ? reshape(out, []) : out);

/**
 * Running sum along an axis, or of the flattened tensor. Integers sum in int64.
 *
 * @example
 * ```ts
 * import { cumsum, toTensor } from "oarjs";
 * console.log(await cumsum(toTensor([1, 2, 3])).tolist()); // [1, 3, 6]
 * ```
 */
export function cumsum(x: Tensor, ...rest: CumulativeArguments): Tensor {
  const [line, axis, scalar] = typedLine(x, rest, "cumsum");
  return scalarAgain(ops.cumsum(line, axis), scalar);
}

/** {@link cumsum} in place. */
export const cumsum_ = (x: Tensor, ...rest: CumulativeArguments): Tensor =>
  inplace(x, "cumsum_", (former) => cumsum(former, ...rest));

/** Options of {@link cumprod}. */
export interface CumprodOptions {
  /** Default: the flattened tensor. */
  readonly dim?: number | null | undefined;
  readonly dtype?: DType | null | undefined;
}

/** Running product along an axis, or of the flattened tensor. */
export function cumprod(x: Tensor, ...rest: Trailing<number | null, CumprodOptions>): Tensor {
  const o = splitOptions<CumprodOptions>("cumprod", rest, ["dim", "dtype"]);
  const [line, axis] = lineOf(o.dtype && o.dtype !== x.dtype ? cast(x, o.dtype) : x, o.dim, "cumprod");
  return scalarAgain(ops.cumprod(line, axis), x.shape.length === 0);
}

/** {@link cumprod} in place. */
export const cumprod_ = (x: Tensor, ...rest: Trailing<number | null, CumprodOptions>): Tensor =>
  inplace(x, "cumprod_", (former) => cumprod(former, ...rest));

/** Options of {@link cummax} and {@link cummin}. */
export interface CummaxOptions {
  readonly axis?: number | null | undefined;
  /** Of the indices. Default int64. */
  readonly dtype?: DType | undefined;
}

function running(x: Tensor, rest: Trailing<number | null, CummaxOptions>, op: "cummax" | "cummin"): [Tensor, Tensor] {
  const o = splitOptions<CummaxOptions>(op, rest, ["axis", "dtype"]);
  const { dtype = "int64" } = o;
  if (dtype !== "int32" && dtype !== "int64")
    throw new InvalidArgumentError(`dtype must be int32 or int64, not ${String(dtype)}.`, { op });
  const [line, axis] = lineOf(x, o.axis, op);
  const [values, indices] = op === "cummax" ? ops.cummax(line, axis, dtype) : ops.cummin(line, axis, dtype);
  const scalar = x.shape.length === 0;
  return [scalarAgain(values, scalar), scalarAgain(indices, scalar)];
}

/** Running maximum and where it stands (the last of equal ones). */
export const cummax = (x: Tensor, ...rest: Trailing<number | null, CummaxOptions>): [Tensor, Tensor] =>
  running(x, rest, "cummax");
/** Running minimum and where it stands (the last of equal ones). */
export const cummin = (x: Tensor, ...rest: Trailing<number | null, CummaxOptions>): [Tensor, Tensor] =>
  running(x, rest, "cummin");

/** Running log-sum-exp along an axis, or of the flattened tensor. */
export function logcumsumexp(x: Tensor, ...rest: CumulativeArguments): Tensor {
  const [line, axis, scalar] = typedLine(x, rest, "logcumsumexp");
  return scalarAgain(ops.logcumsumexp(line, axis), scalar);
}

/** Options of {@link diff}. */
export interface DiffOptions {
  /** How often. Default 1. */
  readonly n?: number | undefined;
  /** Default -1, the last. */
  readonly axis?: number | undefined;
  /** Put before x along the axis first. */
  readonly prepend?: Tensor | null | undefined;
  /** Put after x along the axis first. */
  readonly append?: Tensor | null | undefined;
}

const head = (x: Tensor, axis: number): Tensor => slice(x, [axis], [0], [-1]);
const tail = (x: Tensor, axis: number): Tensor => slice(x, [axis], [1], [2 ** 30]);

/**
 * Differences of neighbours along an axis, `n` times. Of truth values: whether they differ.
 *
 * @throws InvalidArgumentError for n < 1 or a scalar.
 */
export function diff(x: Tensor, ...rest: Trailing<number, DiffOptions>): Tensor {
  const o = splitOptions<DiffOptions>("diff", rest, ["n", "axis", "prepend", "append"]);
  const { n = 1 } = o;
  if (!Number.isInteger(n) || n < 1 || x.shape.length === 0)
    throw new InvalidArgumentError("needs n ≥ 1 and a tensor with an axis.", { op: "diff", n, x: x.shape });
  const axis = normalizeAxis(o.axis ?? -1, x.shape.length, "diff");
  const parts = [...(o.prepend ? [o.prepend] : []), x, ...(o.append ? [o.append] : [])];
  let out = parts.length > 1 ? concat(parts, axis) : x;
  for (let i = 0; i < n; i++) {
    const [after, before] = [tail(out, axis), head(out, axis)];
    out = out.dtype === "bool" ? equal(cast(equal(after, before), "int32"), 0) : subtract(after, before);
  }
  return out;
}

/** Options of {@link trapezoid}. */
export interface TrapezoidOptions {
  /** Where the samples stand: of y's shape, or one axis. */
  readonly x?: Tensor | null | undefined;
  /** Distance of samples where x is not given. Default 1. */
  readonly dx?: number | null | undefined;
  /** Default -1, the last. */
  readonly axis?: number | undefined;
}

type TrapezoidArguments = Trailing<Tensor | null, TrapezoidOptions>;

/** Areas between neighbouring samples. */
function areas(y: Tensor, rest: TrapezoidArguments, op: string): [Tensor, number] {
  const o = splitOptions<TrapezoidOptions>(op, rest, ["x", "dx", "axis"]);
  if (o.x && o.dx !== undefined && o.dx !== null)
    throw new InvalidArgumentError("x and dx are two ways to say one thing: give one.", { op });
  const axis = normalizeAxis(o.axis ?? -1, y.shape.length, op);
  if (isInt(y.dtype) || !isFloat(y.dtype))
    throw new InvalidArgumentError(`needs a floating-point tensor, got ${y.dtype}.`, { op, dtype: y.dtype });
  const sums = add(tail(y, axis), head(y, axis));
  if (!o.x) return [divide(multiply(sums, o.dx ?? 1), 2), axis];
  const flat = o.x.shape.length === 1;
  const steps = subtract(tail(o.x, flat ? 0 : axis), head(o.x, flat ? 0 : axis));
  const shape = y.shape.map((_, i) => (i === axis ? steps.shape[0]! : 1));
  return [divide(multiply(sums, flat ? reshape(steps, shape) : steps), 2), axis];
}

/** Integral of y along an axis by the trapezoidal rule. */
export function trapezoid(y: Tensor, ...rest: TrapezoidArguments): Tensor {
  const [parts, axis] = areas(y, rest, "trapezoid");
  return sumOver(parts, [axis], false);
}

/** {@link trapezoid} up to each sample but the first. */
export function cumulativeTrapezoid(y: Tensor, ...rest: TrapezoidArguments): Tensor {
  const [parts, axis] = areas(y, rest, "cumulativeTrapezoid");
  return ops.cumsum(parts, axis);
}

/** What Tensor has of these as methods. */
export const cumulativeMethods = {
  cumsum,
  cumsum_,
  cumprod,
  cumprod_,
  cummax,
  cummin,
  logcumsumexp,
  diff,
  trapezoid,
  cumulativeTrapezoid,
};
