// Paddle's linear algebra of square systems: inverses, determinants, solutions, powers, ranks.

import { isComplex, realOf } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { add, divide, multiply, neg, subtract } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { greaterThan, maximum } from "../ops/comparison.js";
import * as ops from "../ops/linear-algebra.js";
import { where } from "../ops/logic.js";
import { matmul } from "../ops/matmul.js";
import { max, sumOver } from "../ops/reduction.js";
import { abs } from "../ops/rounding.js";
import * as spectral from "../ops/spectral.js";
import { eye } from "../ops/triangle.js";
import * as triangular from "../ops/triangular.js";
import { expandLike } from "../ops/broadcast.js";
import { full } from "../ops/creation.js";
import { squeeze, unsqueeze } from "../ops/views.js";
import { matrixNorm, type NormOrder } from "./norms.js";
import { svdvals } from "./factorization.js";
import { Value } from "../program/value.js";
import type { Tensor } from "./tensor.js";

/**
 * Inverses of the square matrices in the last two axes.
 *
 * @throws InvalidArgumentError for a singular or non-square matrix.
 * @example
 * ```ts
 * import { linalg, toTensor } from "oarjs";
 * console.log(await linalg.inv(toTensor([[2, 0], [0, 4]])).tolist()); // [[0.5, 0], [0, 0.25]]
 * ```
 */
export const inv = (x: Tensor): Tensor => ops.inverse(x);
/** {@link inv} under its other name. */
export const inverse = inv;
/** Determinants. */
export const det = (x: Tensor): Tensor => ops.det(x);
/** Signs and logarithms of the sizes of determinants, stacked in a first axis of 2. */
export const slogdet = (x: Tensor): Tensor => ops.slogdet(x);

/** Options of {@link solve}. */
export interface SolveOptions {
  /** False: X with `X x = y`. Default true. */
  readonly left?: boolean | undefined;
}

/** X with `x X = y`; y holds matrices, or vectors where it has one axis less than x. */
export function solve(x: Tensor, y: Tensor, ...rest: Trailing<boolean, SolveOptions>): Tensor {
  const { left = true } = splitOptions<SolveOptions>("solve", rest, ["left"]);
  const vectors = y.shape.length === 1 || y.shape.length === x.shape.length - 1;
  const b = vectors ? unsqueeze(y, [left ? y.shape.length : y.shape.length - 1]) : y;
  const out = left ? ops.solve(x, b) : ops.adjoint(ops.solve(ops.adjoint(x), ops.adjoint(b)));
  return vectors ? squeeze(out, [left ? out.shape.length - 1 : out.shape.length - 2]) : out;
}

/** Options of {@link triangularSolve}. */
export interface TriangularSolveOptions {
  /** x is upper triangular. Default true. */
  readonly upper?: boolean | undefined;
  /** Solve with x's transpose. Default false. */
  readonly transpose?: boolean | undefined;
  /** x's diagonal counts as ones. Default false. */
  readonly unitriangular?: boolean | undefined;
}

/** X with `x X = y` for triangular x; its other triangle is not read. */
export function triangularSolve(x: Tensor, y: Tensor, ...rest: Trailing<boolean, TriangularSolveOptions>): Tensor {
  const o = splitOptions<TriangularSolveOptions>("triangularSolve", rest, ["upper", "transpose", "unitriangular"]);
  const { upper = true, transpose = false, unitriangular = false } = o;
  return triangular.triangularSolve(x, y, { upper, transpose, unitriangular });
}

/** `x` to an integer power by repeated squaring; negative powers invert first. */
export function matrixPower(x: Tensor, n: number): Tensor {
  if (!Number.isInteger(n)) throw new InvalidArgumentError(`n must be an integer, got ${n}.`, { op: "matrixPower", n });
  if (x.shape.length < 2 || x.shape.at(-1) !== x.shape.at(-2))
    throw new InvalidArgumentError("needs square matrices in the last two axes.", { op: "matrixPower", x: x.shape });
  if (n === 0) {
    const one = eye(x.shape.at(-1)!, x.shape.at(-1)!, x.dtype) as Tensor;
    return add(multiply(x, 0), expandLike(one, x));
  }
  let base = n < 0 ? ops.inverse(x) : x;
  let rest = Math.abs(n);
  let out: Tensor | undefined;
  for (; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) out = out ? matmul(out, base) : base;
    if (rest > 1) base = matmul(base, base);
  }
  return out!;
}

/** `e^x` of square matrices. */
export const matrixExp = (x: Tensor): Tensor => ops.matrixExp(x);

/** Options of {@link pinv}. */
export interface PinvOptions {
  /** Singular values below this share of the largest count as 0. Default 1e-15. */
  readonly rcond?: number | Tensor | undefined;
  /** x is Hermitian: use its eigenvalues. Default false. */
  readonly hermitian?: boolean | undefined;
}

/** `1/s`, and 0 where s is at most `rcond` of the largest. */
function reciprocals(s: Tensor, rcond: number | Tensor): Tensor {
  const size = abs(s);
  const axis = s.shape.length - 1;
  const share = rcond instanceof Value && rcond.shape.length > 0 ? unsqueeze(rcond, [rcond.shape.length]) : rcond;
  const counts = greaterThan(size, multiply(max(size, [axis], true), share));
  return where(counts, divide(1, where(counts, s, 1) as Tensor), 0) as Tensor;
}

/** The Moore-Penrose inverse of the matrices in the last two axes. */
export function pinv(x: Tensor, ...rest: Trailing<number | Tensor, PinvOptions>): Tensor {
  const o = splitOptions<PinvOptions>("pinv", rest, ["rcond", "hermitian"]);
  const { rcond = 1e-15 } = o;
  if (o.hermitian) {
    const [w, v] = spectral.eigh(x, false);
    return matmul(multiply(v, unsqueeze(reciprocals(w, rcond), [w.shape.length - 1])), ops.adjoint(v));
  }
  const [u, s, vh] = spectral.svd(x, false);
  const scaled = multiply(ops.adjoint(vh), unsqueeze(reciprocals(s, rcond), [s.shape.length - 1]));
  return matmul(scaled, ops.adjoint(u));
}

/** Options of {@link matrixRank}. */
export interface MatrixRankOptions {
  /** Singular values up to this count as 0. Default: the largest times max(rows, columns) times the dtype's precision. */
  readonly tol?: number | Tensor | null | undefined;
  readonly hermitian?: boolean | undefined;
  /** Absolute part of the tolerance, with `rtol`. */
  readonly atol?: number | Tensor | null | undefined;
  /** Part of the tolerance relative to the largest. */
  readonly rtol?: number | Tensor | null | undefined;
}

const column = (t: number | Tensor): number | Tensor =>
  typeof t === "number" || t.shape.length === 0 ? t : unsqueeze(t, [t.shape.length]);

/** How many singular values are not 0, as int64. */
export function matrixRank(x: Tensor, ...rest: Trailing<number | Tensor | null, MatrixRankOptions>): Tensor {
  const o = splitOptions<MatrixRankOptions>("matrixRank", rest, ["tol", "hermitian", "atol", "rtol"]);
  const s = o.hermitian ? abs(spectral.eigh(x, false)[0]) : svdvals(x);
  const axis = s.shape.length - 1;
  const largest = max(s, [axis], true);
  const precision = realOf(x.dtype) === "float64" ? 2 ** -52 : 2 ** -23;
  const share = precision * Math.max(x.shape.at(-2)!, x.shape.at(-1)!);
  return sumOver(greaterThan(s, tolerance(o, largest, share)), [axis], false);
}

function tolerance(o: MatrixRankOptions, largest: Tensor, share: number): Tensor {
  const wide = (t: number | Tensor): Tensor | number => column(t);
  const zero = multiply(largest, 0);
  if (o.tol !== undefined && o.tol !== null) return add(zero, wide(o.tol));
  const relative = o.rtol ?? (o.atol === undefined || o.atol === null ? share : 0);
  const byShare = multiply(largest, wide(relative));
  return o.atol === undefined || o.atol === null ? byShare : maximum(byShare, add(zero, wide(o.atol)));
}

/** Condition number: the norm of x times the norm of its inverse, in the order p (default 2). */
export function cond(
  x: Tensor,
  ...rest: Trailing<NormOrder | null, { readonly p?: NormOrder | null | undefined }>
): Tensor {
  const { p } = splitOptions<{ readonly p?: NormOrder | null | undefined }>("cond", rest, ["p"]);
  const order = p ?? 2;
  if (order === 2 || order === -2) {
    const s = svdvals(x);
    const axis = s.shape.length - 1;
    const [high, low] = [max(s, [axis], false), neg(max(neg(s), [axis], false))];
    return order === 2 ? divide(high, low) : divide(low, high);
  }
  return multiply(matrixNorm(x, order), matrixNorm(ops.inverse(x), order));
}

/** Options of {@link lstsq}. */
export interface LstsqOptions {
  readonly rcond?: number | null | undefined;
  /** `"gels"`, `"gelsy"` (default), `"gelsd"`, `"gelss"`: which of residuals, rank and singular values are given. */
  readonly driver?: "gels" | "gelsy" | "gelsd" | "gelss" | null | undefined;
}

const drivers: readonly string[] = ["gels", "gelsy", "gelsd", "gelss"];

/**
 * The X of least length that makes `x X - y` smallest.
 *
 * @returns solution, residuals (sums of squares; empty unless x has more rows than columns and full rank is assumed), rank, singular values
 */
export function lstsq(x: Tensor, y: Tensor, ...rest: Trailing<number | null, LstsqOptions>): Tensor[] {
  const o = splitOptions<LstsqOptions>("lstsq", rest, ["rcond", "driver"]);
  const driver = o.driver ?? "gelsy";
  if (!drivers.includes(driver))
    throw new InvalidArgumentError(`driver must be one of ${drivers.join(", ")}, not ${String(driver)}.`, {
      op: "lstsq",
    });
  const [rows, cols] = [x.shape.at(-2)!, x.shape.at(-1)!];
  const precision = realOf(x.dtype) === "float64" ? 2 ** -52 : 2 ** -23;
  const rcond = o.rcond ?? precision * Math.max(rows, cols);
  const solution = matmul(pinv(x, { rcond }), y);
  const none = full([0], 0, realOf(x.dtype)) as Tensor;
  const far = subtract(matmul(x, solution), y);
  const squares = isComplex(far.dtype) ? multiply(abs(far), abs(far)) : multiply(far, far);
  const residuals = rows > cols && driver !== "gelsy" ? sumOver(squares, [squares.shape.length - 2], false) : none;
  const rank = driver === "gels" ? (full([0], 0, "int64") as Tensor) : cast(matrixRank(x, { rtol: rcond }), "int32");
  const values = driver === "gelsd" || driver === "gelss" ? svdvals(x) : none;
  return [solution, residuals, rank, values];
}

/** What Tensor has of these as methods. */
export const linalgMethods = {
  inverse,
  slogdet,
  solve,
  triangularSolve,
  matrixPower,
  pinv,
  cond,
  lstsq,
  det,
};
