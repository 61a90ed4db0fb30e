// Paddle's norms of vectors and matrices, and distances made of them.

import { isComplex } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { ndArray } from "../core/nd-array.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { formatShape, normalizeAxis, sameShape } from "../core/shape.js";
import { add, divide, multiply, subtract } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { greaterThan } from "../ops/comparison.js";
import { gather } from "../ops/gather.js";
import { where } from "../ops/logic.js";
import { moveAxis } from "../ops/movement.js";
import { pNorm } from "../ops/p-norm.js";
import { max, min, sumOver } from "../ops/reduction.js";
import { abs } from "../ops/rounding.js";
import { cross as crossOf } from "../ops/vector.js";
import { unsqueeze } from "../ops/views.js";
import { fromArray } from "../trace/eager.js";
import { inplace } from "../trace/inplace.js";
import { knownExtent } from "./arguments.js";
import type { DType } from "../core/dtype.js";
import { svdvals } from "./factorization.js";
import { type Axis, axesOf } from "./reduction.js";
import type { Tensor } from "./tensor.js";

/** Order of a norm: a number (also ±Infinity), `"fro"` (the root of the sum of squares) or `"nuc"` (the sum of singular values). */
export type NormOrder = number | "fro" | "nuc";

/** Options of {@link norm}. */
export interface NormOptions {
  /** Default `"fro"`. */
  readonly p?: NormOrder | null | undefined;
  /** One axis: vectors; two: matrices; none (default): the flattened tensor. */
  readonly axis?: number | readonly number[] | null | undefined;
  readonly keepdim?: boolean | undefined;
  readonly dtype?: DType | null | undefined;
}

function magnitude(x: Tensor): Tensor {
  return isComplex(x.dtype) ? abs(x) : x;
}

/** The norm of matrices in two axes. */
function ofMatrices(x: Tensor, p: NormOrder, axes: readonly [number, number], keepdim: boolean, op: string): Tensor {
  const [rows, columns] = axes;
  if (p === "fro")
    return pNorm(
      magnitude(x),
      2,
      [...axes].sort((a, b) => a - b),
      keepdim,
    );
  if (p === "nuc" || Math.abs(p) === 2) {
    const rank = x.shape.length;
    const last = moveAxis(moveAxis(x, rows, rank - 1), columns > rows ? columns - 1 : columns, rank - 1);
    const s = svdvals(last);
    const reduce = p === "nuc" ? sumOver : p > 0 ? max : min;
    const out = reduce(s, [s.shape.length - 1], false);
    return keepdim
      ? unsqueeze(
          out,
          [...axes].sort((a, b) => a - b),
        )
      : out;
  }
  if (Math.abs(p) !== 1 && Math.abs(p) !== Infinity)
    throw new InvalidArgumentError(`p of a matrix norm is "fro", "nuc", ±1, ±2 or ±Infinity, not ${p}.`, { op, p });
  const [inner, outer] = Math.abs(p) === 1 ? [rows, columns] : [columns, rows];
  const sums = pNorm(magnitude(x), 1, [inner], true);
  const out = p > 0 ? max(sums, [outer], true) : min(sums, [outer], true);
  return keepdim
    ? out
    : sumOver(
        out,
        [...axes].sort((a, b) => a - b),
        false,
      );
}

/**
 * Norm of vectors (one axis), matrices (two axes) or of all elements (no axis).
 *
 * @throws InvalidArgumentError for an order that matrices have not, or more than two axes.
 * @example
 * ```ts
 * import { norm, toTensor } from "oarjs";
 * console.log(await norm(toTensor([3, 4])).item()); // 5
 * ```
 */
export function norm(x: Tensor, ...rest: Trailing<NormOrder | null, NormOptions>): Tensor {
  const o = splitOptions<NormOptions>("norm", rest, ["p", "axis", "keepdim", "dtype"]);
  const given = o.dtype ? cast(x, o.dtype) : x;
  const p = o.p ?? "fro";
  const keepdim = o.keepdim ?? false;
  const list = typeof o.axis === "number" ? [o.axis] : o.axis;
  if (list && list.length === 2) {
    const axes = list.map((a) => normalizeAxis(a, x.shape.length, "norm")) as [number, number];
    return ofMatrices(given, p, axes, keepdim, "norm");
  }
  if (p === "nuc") {
    if (x.shape.length !== 2) throw new InvalidArgumentError('"nuc" needs the two axes of matrices.', { op: "norm" });
    return ofMatrices(given, p, [0, 1], keepdim, "norm");
  }
  if (list && list.length > 2) throw new InvalidArgumentError("axis must name one or two axes.", { op: "norm" });
  return pNorm(magnitude(given), p === "fro" ? 2 : p, axesOf(given, list, "norm"), keepdim);
}

/** Options of {@link vectorNorm}. */
export interface VectorNormOptions {
  /** Default 2. */
  readonly p?: number | undefined;
  /** Default all. */
  readonly axis?: Axis;
  readonly keepdim?: boolean | undefined;
  readonly dtype?: DType | null | undefined;
}

/** `(Σ |x|^p)^(1/p)` over axes. */
export function vectorNorm(x: Tensor, ...rest: Trailing<number, VectorNormOptions>): Tensor {
  const o = splitOptions<VectorNormOptions>("vectorNorm", rest, ["p", "axis", "keepdim", "dtype"]);
  const given = o.dtype ? cast(x, o.dtype) : x;
  return pNorm(magnitude(given), o.p ?? 2, axesOf(given, o.axis, "vectorNorm"), o.keepdim ?? false);
}

/** Options of {@link matrixNorm}. */
export interface MatrixNormOptions {
  /** Default `"fro"`. */
  readonly p?: NormOrder | undefined;
  /** The rows' and the columns' axis. Default the last two. */
  readonly axis?: readonly number[] | undefined;
  readonly keepdim?: boolean | undefined;
}

/** Norm of the matrices in two axes. */
export function matrixNorm(x: Tensor, ...rest: Trailing<NormOrder, MatrixNormOptions>): Tensor {
  const o = splitOptions<MatrixNormOptions>("matrixNorm", rest, ["p", "axis", "keepdim"]);
  const axes = (o.axis ?? [-2, -1]).map((a) => normalizeAxis(a, x.shape.length, "matrixNorm"));
  if (axes.length !== 2 || axes[0] === axes[1])
    throw new InvalidArgumentError("axis must name two different axes.", { op: "matrixNorm", axis: o.axis });
  return ofMatrices(x, o.p ?? "fro", axes as [number, number], o.keepdim ?? false, "matrixNorm");
}

/** Options with the order of a distance. */
export interface DistanceOptions {
  /** Default 2. */
  readonly p?: number | undefined;
}

const everyAxis = (x: Tensor): number[] => x.shape.map((_, i) => i);

/** p-norm of the difference of two tensors, which broadcast. */
export function dist(x: Tensor, y: Tensor, ...rest: Trailing<number, DistanceOptions>): Tensor {
  const { p = 2 } = splitOptions<DistanceOptions>("dist", rest, ["p"]);
  const far = subtract(x, y);
  return pNorm(far, p, everyAxis(far), false);
}

/** Options of {@link cdist}. */
export interface CdistOptions extends DistanceOptions {
  /** Accepted for Paddle's sake: distances are always computed from differences. */
  readonly computeMode?: string | undefined;
}

/** Distances of every row of x `[…, m, d]` to every row of y `[…, n, d]`: `[…, m, n]`. */
export function cdist(x: Tensor, y: Tensor, ...rest: Trailing<number, CdistOptions>): Tensor {
  const o = splitOptions<CdistOptions>("cdist", rest, ["p", "computeMode"]);
  if (x.shape.length < 2 || y.shape.length < 2 || x.shape.at(-1) !== y.shape.at(-1))
    throw new InvalidArgumentError(
      `rows must have equal length: x is ${formatShape(x.shape)}, y is ${formatShape(y.shape)}.`,
      { op: "cdist", x: x.shape, y: y.shape },
    );
  const p = o.p ?? 2;
  if (!(p >= 0)) throw new InvalidArgumentError(`p must not be negative, got ${p}.`, { op: "cdist", p });
  const far = subtract(unsqueeze(x, [x.shape.length - 1]), unsqueeze(y, [y.shape.length - 2]));
  return pNorm(far, p, [far.shape.length - 1], false);
}

/** Distances of all pairs of rows of x `[n, d]`, in the order (0, 1), (0, 2), …, as one axis. */
export function pdist(x: Tensor, ...rest: Trailing<number, DistanceOptions>): Tensor {
  const { p = 2 } = splitOptions<DistanceOptions>("pdist", rest, ["p"]);
  if (x.shape.length !== 2) throw new InvalidArgumentError("x must be a matrix.", { op: "pdist", x: x.shape });
  const n = knownExtent(x, 0, "pdist");
  const pairs = Array.from({ length: n }, (_, i) => Array.from({ length: n - i - 1 }, (_, j) => [i, i + j + 1])).flat();
  const rows = (side: 0 | 1): Tensor =>
    gather(
      x,
      fromArray(
        ndArray(
          "int64",
          [pairs.length],
          BigInt64Array.from(pairs, (p) => BigInt(p[side]!)),
        ),
      ),
      0,
    );
  return pNorm(subtract(rows(0), rows(1)), p, [1], false);
}

/** Slices along an axis scaled down so that the p-norm of each is at most maxNorm. */
export function renorm(x: Tensor, p: number, axis: number, maxNorm: number): Tensor {
  const at = normalizeAxis(axis, x.shape.length, "renorm");
  if (!(p > 0) || !(maxNorm >= 0))
    throw new InvalidArgumentError("p must be positive and maxNorm not negative.", { op: "renorm", p, maxNorm });
  const others = everyAxis(x).filter((a) => a !== at);
  const size = pNorm(x, p, others, true);
  const factor = where(greaterThan(size, maxNorm), divide(maxNorm, add(size, 1e-7)), 1) as Tensor;
  return multiply(x, factor);
}

/** {@link renorm} in place. */
export const renorm_ = (x: Tensor, p: number, axis: number, maxNorm: number): Tensor =>
  inplace(x, "renorm_", (former) => renorm(former, p, axis, maxNorm));

/** Cross product of vectors of three elements along an axis (default: the first of extent 3). */
export function cross(x: Tensor, y: Tensor, ...rest: Trailing<number, { readonly axis?: number | undefined }>): Tensor {
  const { axis = 9 } = splitOptions<{ readonly axis?: number | undefined }>("cross", rest, ["axis"]);
  if (!sameShape(x.shape, y.shape) && x.shape.length !== y.shape.length)
    throw new InvalidArgumentError(`shapes differ: ${formatShape(x.shape)}, ${formatShape(y.shape)}.`, { op: "cross" });
  const at = axis === 9 ? x.shape.findIndex((n, i) => n === 3 && y.shape[i] === 3) : axis;
  if (axis === 9 && at < 0)
    throw new InvalidArgumentError(`no axis of ${formatShape(x.shape)} has 3 elements.`, { op: "cross", x: x.shape });
  return crossOf(x, y, normalizeAxis(at, x.shape.length, "cross"));
}

/** What Tensor has of these as methods. */
export const normMethods = { norm, dist, cdist, renorm, renorm_, cross };
