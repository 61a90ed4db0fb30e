// Paddle's functions of diagonals and triangles, and of grids and combinations of vectors.

import { InvalidArgumentError } from "../core/errors.js";
import { type DType, isFloat } from "../core/dtype.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { formatShape, normalizeAxis, sizeOf } from "../core/shape.js";
import { Value } from "../program/value.js";
import { multiply } from "../ops/arithmetic.js";
import { expand } from "../ops/broadcast.js";
import { cast } from "../ops/cast.js";
import * as joining from "../ops/concat.js";
import { ascending, full, fullLike } from "../ops/creation.js";
import { gather } from "../ops/gather.js";
import { transpose } from "../ops/movement.js";
import * as ops from "../ops/triangle.js";
import * as views from "../ops/views.js";
import { nonzero } from "../ops/where-index.js";
import { inplace } from "../trace/inplace.js";
import type { Tensor } from "./tensor.js";

/** Options of {@link tril} and {@link triu}. */
export interface DiagonalOption {
  /** Which diagonal bounds the triangle: 0 the main one, positive above it. Default 0. */
  readonly diagonal?: number | undefined;
}

/** The lower triangle of each matrix, the rest 0. */
export function tril(x: Tensor, ...rest: Trailing<number, DiagonalOption>): Tensor {
  return ops.tril(x, splitOptions<DiagonalOption>("tril", rest, ["diagonal"]).diagonal ?? 0);
}
/** The upper triangle of each matrix, the rest 0. */
export function triu(x: Tensor, ...rest: Trailing<number, DiagonalOption>): Tensor {
  return ops.triu(x, splitOptions<DiagonalOption>("triu", rest, ["diagonal"]).diagonal ?? 0);
}
/** {@link tril} in place. */
export const tril_ = (x: Tensor, ...rest: Trailing<number, DiagonalOption>): Tensor =>
  inplace(x, "tril_", (f) => tril(f, ...rest));
/** {@link triu} in place. */
export const triu_ = (x: Tensor, ...rest: Trailing<number, DiagonalOption>): Tensor =>
  inplace(x, "triu_", (f) => triu(f, ...rest));

/** Options of {@link trilIndices}. */
export interface TrilIndicesOptions {
  readonly offset?: number | undefined;
  /** Default int64. */
  readonly dtype?: DType | undefined;
}

function triangleIndices(rows: number, cols: number, offset: number, dtype: DType, lower: boolean): Tensor {
  const ones = full([rows, cols], 1, "bool") as Tensor;
  const mask = lower ? ops.tril(ones, offset) : ops.triu(ones, offset);
  return cast(transpose(nonzero(mask, triangleSize(rows, cols, offset, lower), false), [1, 0]), dtype);
}

/** How many elements of a matrix lie in a triangle. */
function triangleSize(rows: number, cols: number, offset: number, lower: boolean): number {
  // Rows whose bound lies inside the matrix form an arithmetic series; the rest are empty or whole.
  const below = (k: number): number => {
    const firstRow = Math.max(0, -k);
    const wholeFrom = Math.min(Math.max(cols - 1 - k, firstRow), rows);
    const n = Math.max(wholeFrom - firstRow, 0);
    const start = firstRow + k + 1;
    return n * start + (n * (n - 1)) / 2 + Math.max(rows - Math.max(wholeFrom, firstRow), 0) * cols;
  };
  return lower ? below(offset) : rows * cols - below(offset - 1);
}

/** Rows and columns of a matrix's lower triangle: `[2, n]`. */
export function trilIndices(row: number, col: number, ...rest: Trailing<number, TrilIndicesOptions>): Tensor {
  const { offset = 0, dtype = "int64" } = splitOptions<TrilIndicesOptions>("trilIndices", rest, ["offset", "dtype"]);
  return triangleIndices(row, col, offset, dtype, true);
}

/** Options of {@link triuIndices}. */
export interface TriuIndicesOptions extends TrilIndicesOptions {
  /** Default: as many as rows. */
  readonly col?: number | null | undefined;
}

/** Rows and columns of a matrix's upper triangle: `[2, n]`. */
export function triuIndices(row: number, ...rest: Trailing<number | null, TriuIndicesOptions>): Tensor {
  const {
    col,
    offset = 0,
    dtype = "int64",
  } = splitOptions<TriuIndicesOptions>("triuIndices", rest, ["col", "offset", "dtype"]);
  return triangleIndices(row, col ?? row, offset, dtype, false);
}

/** Options of {@link diag}. */
export interface DiagOptions {
  readonly offset?: number | undefined;
  /** What stands beside the diagonal. Default 0. */
  readonly paddingValue?: number | undefined;
}

/** A vector as the diagonal of a matrix, or the diagonal of a matrix. */
export function diag(x: Tensor, ...rest: Trailing<number, DiagOptions>): Tensor {
  const { offset = 0, paddingValue = 0 } = splitOptions<DiagOptions>("diag", rest, ["offset", "paddingValue"]);
  if (x.shape.length === 1) return ops.diag(x, offset, paddingValue);
  if (x.shape.length === 2) return ops.diagonal(x, offset, 0, 1);
  throw new InvalidArgumentError(`needs a vector or a matrix, got ${formatShape(x.shape)}.`, {
    op: "diag",
    x: x.shape,
  });
}

/** Options of {@link diagflat}. */
export interface OffsetOption {
  readonly offset?: number | undefined;
}

/** All elements as the diagonal of a matrix. */
export function diagflat(x: Tensor, ...rest: Trailing<number, OffsetOption>): Tensor {
  const { offset = 0 } = splitOptions<OffsetOption>("diagflat", rest, ["offset"]);
  return ops.diag(views.flatten(x), offset, 0);
}

/** Options of {@link diagEmbed} and of Tensor's `fillDiagonalTensor`. */
export interface DimsOptions extends OffsetOption {
  readonly dim1?: number | undefined;
  readonly dim2?: number | undefined;
}

function plane(op: string, a: number, b: number, rank: number): [number, number] {
  const axes: [number, number] = [normalizeAxis(a, rank, op), normalizeAxis(b, rank, op)];
  if (axes[0] === axes[1])
    throw new InvalidArgumentError(`the plane needs two different axes, got ${a} and ${b}.`, { op });
  return axes;
}

/** The last axis as the diagonal of new planes of two axes, by default the last ones. */
export function diagEmbed(x: Tensor, ...rest: Trailing<number, DimsOptions>): Tensor {
  const { offset = 0, dim1 = -2, dim2 = -1 } = splitOptions<DimsOptions>("diagEmbed", rest, ["offset", "dim1", "dim2"]);
  return ops.diagEmbed(x, offset, ...plane("diagEmbed", dim1, dim2, x.shape.length + 1));
}

/** Options of {@link diagonal}. */
export interface PlaneOptions extends OffsetOption {
  /** Default 0. */
  readonly axis1?: number | undefined;
  /** Default 1. */
  readonly axis2?: number | undefined;
}

/** The diagonal of the planes of two axes, as the last axis. */
export function diagonal(x: Tensor, ...rest: Trailing<number, PlaneOptions>): Tensor {
  const {
    offset = 0,
    axis1 = 0,
    axis2 = 1,
  } = splitOptions<PlaneOptions>("diagonal", rest, ["offset", "axis1", "axis2"]);
  return ops.diagonal(x, offset, ...plane("diagonal", axis1, axis2, x.shape.length));
}

/** `x` with `y` on the diagonal of the planes of two axes. */
export function diagonalScatter(x: Tensor, y: Tensor, ...rest: Trailing<number, PlaneOptions>): Tensor {
  const {
    offset = 0,
    axis1 = 0,
    axis2 = 1,
  } = splitOptions<PlaneOptions>("diagonalScatter", rest, ["offset", "axis1", "axis2"]);
  return ops.fillDiagonalTensor(x, cast(y, x.dtype), offset, ...plane("diagonalScatter", axis1, axis2, x.shape.length));
}

/** `x` with `y` on the diagonal of the planes of `dim1` and `dim2` (default 0 and 1). */
export function fillDiagonalTensor(x: Tensor, y: Tensor, ...rest: Trailing<number, DimsOptions>): Tensor {
  const {
    offset = 0,
    dim1 = 0,
    dim2 = 1,
  } = splitOptions<DimsOptions>("fillDiagonalTensor", rest, ["offset", "dim1", "dim2"]);
  return ops.fillDiagonalTensor(
    x,
    cast(y, x.dtype),
    offset,
    ...plane("fillDiagonalTensor", dim1, dim2, x.shape.length),
  );
}
/** {@link fillDiagonalTensor} in place. */
export const fillDiagonalTensor_ = (x: Tensor, y: Tensor, ...rest: Trailing<number, DimsOptions>): Tensor =>
  inplace(x, "fillDiagonalTensor_", (f) => fillDiagonalTensor(f, y, ...rest));

/** Options of {@link fillDiagonal_}. */
export interface FillDiagonalOptions extends OffsetOption {
  /** Start again below a square in tall matrices. Default false. */
  readonly wrap?: boolean | undefined;
}

/** Puts one number on the diagonal, in place. */
export function fillDiagonal_(x: Tensor, value: number, ...rest: Trailing<number, FillDiagonalOptions>): Tensor {
  const { offset = 0, wrap = false } = splitOptions<FillDiagonalOptions>("fillDiagonal_", rest, ["offset", "wrap"]);
  return inplace(x, "fillDiagonal_", (f) => ops.fillDiagonal(f, value, offset, wrap));
}

/** Matrices (vectors are rows, scalars 1 × 1) along the diagonal of a larger one. */
export function blockDiag(inputs: readonly Tensor[]): Tensor {
  if (!Array.isArray(inputs) || inputs.length === 0)
    throw new InvalidArgumentError("needs a list of tensors.", { op: "blockDiag" });
  const blocks = inputs.map((x: Tensor) => {
    if (x.shape.length > 2)
      throw new InvalidArgumentError(`blocks have at most 2 axes, got ${formatShape(x.shape)}.`, {
        op: "blockDiag",
        x: x.shape,
      });
    return x.shape.length === 2 ? x : views.reshape(x, [1, sizeOf(x.shape)]);
  });
  const width = blocks.reduce((n, x) => n + x.shape[1]!, 0);
  let left = 0;
  const rows = blocks.map((x) => {
    const before = left;
    left += x.shape[1]!;
    return joining.pad(x, [0, before], [0, width - left]);
  });
  return joining.concat(rows, 0);
}

/** Vectors spread over a common grid: result i varies along axis i. */
export function meshgrid(...args: readonly (Tensor | readonly Tensor[])[]): Tensor[] {
  const list = (args.length === 1 && Array.isArray(args[0]) ? args[0] : args) as readonly Tensor[];
  for (const x of list) {
    if (!(x instanceof Value) || x.shape.length > 1)
      throw new InvalidArgumentError("needs vectors.", {
        op: "meshgrid",
        got: x instanceof Value ? x.shape : typeof x,
      });
  }
  const shape = list.map((x) => sizeOf(x.shape));
  return list.map((x, i) =>
    expand(
      views.reshape(
        x,
        shape.map((n, a) => (a === i ? n : 1)),
      ),
      shape,
    ),
  );
}

/** All tuples of elements, one of each vector; one vector comes back as it is. */
export function cartesianProd(x: readonly Tensor[]): Tensor {
  if (x.length === 1) return x[0]!;
  return joining.stack(
    meshgrid(...x).map((g) => views.flatten(g)),
    1,
  );
}

/** Options of {@link combinations}. */
export interface CombinationsOptions {
  /** Elements of a combination. Default 2. */
  readonly r?: number | undefined;
  readonly withReplacement?: boolean | undefined;
}

/** All combinations of `r` elements of a vector, in order: `[count, r]`. */
export function combinations(x: Tensor, ...rest: Trailing<number, CombinationsOptions>): Tensor {
  const { r = 2, withReplacement = false } = splitOptions<CombinationsOptions>("combinations", rest, [
    "r",
    "withReplacement",
  ]);
  if (x.shape.length !== 1 || r < 0 || !Number.isInteger(r))
    throw new InvalidArgumentError(`needs a vector and r ≥ 0, got ${formatShape(x.shape)} and ${r}.`, {
      op: "combinations",
      x: x.shape,
      r,
    });
  if (r === 0) return full([0], 0, x.dtype) as Tensor;
  const n = x.shape[0]!;
  const count = choose(withReplacement ? n + r - 1 : n, r);
  return gather(x, nonzero(ascending(n, r, withReplacement), count, false), 0);
}

/** Binomial coefficient. */
function choose(n: number, r: number): number {
  let out = 1;
  for (let i = 0; i < r; i++) out = (out * (n - i)) / (i + 1);
  return Math.max(0, Math.round(out));
}

/** Options of {@link vander}. */
export interface VanderOptions {
  /** Columns. Default: as many as elements. */
  readonly n?: number | null | undefined;
  /** Powers ascend. Default false. */
  readonly increasing?: boolean | undefined;
}

/** The Vandermonde matrix of a vector: columns `x^(n-1) … x^0`. */
export function vander(x: Tensor, ...rest: Trailing<number | null, VanderOptions>): Tensor {
  const { n, increasing = false } = splitOptions<VanderOptions>("vander", rest, ["n", "increasing"]);
  if (x.shape.length !== 1)
    throw new InvalidArgumentError(`needs a vector, got ${formatShape(x.shape)}.`, { op: "vander", x: x.shape });
  const count = n ?? x.shape[0]!;
  if (count < 0) throw new InvalidArgumentError(`n must not be negative, got ${count}.`, { op: "vander", n: count });
  if (count === 0) return full([x.shape[0]!, 0], 0, isFloat(x.dtype) ? x.dtype : "int64") as Tensor;
  const powers: Tensor[] = [fullLike(x, 1)];
  for (let i = 1; i < count; i++) powers.push(i === 1 ? x : multiply(powers.at(-1)!, x));
  return joining.stack(increasing ? powers : powers.reverse(), 1);
}

/** What Tensor has of these as methods. */
export const diagonalMethods = {
  tril,
  tril_,
  triu,
  triu_,
  diag,
  diagflat,
  diagEmbed,
  diagonal,
  diagonalScatter,
  fillDiagonalTensor,
  fillDiagonalTensor_,
  fillDiagonal_,
  combinations,
  vander,
};
