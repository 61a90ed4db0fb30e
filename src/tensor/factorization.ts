// Paddle's factorisations: LU, Cholesky, QR, eigenvalues, singular values. They run on the host in double precision.

import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { add } from "../ops/arithmetic.js";
import * as ops from "../ops/linear-algebra.js";
import * as spectral from "../ops/spectral.js";
import * as triangular from "../ops/triangular.js";
import { slice } from "../ops/concat.js";
import { matmul } from "../ops/matmul.js";
import { eye, tril, triu } from "../ops/triangle.js";
import type { Tensor } from "./tensor.js";

/** Which triangle of a Hermitian matrix is read, or which factor is given. */
export interface UpperOptions {
  /** Default false: the lower one. */
  readonly upper?: boolean | undefined;
}

/**
 * L with `x = L Lᴴ` for symmetric positive definite matrices in the last two axes; with `upper` its adjoint.
 *
 * @throws InvalidArgumentError unless x is square and positive definite.
 * @example
 * ```ts
 * import { linalg, toTensor } from "oarjs";
 * console.log(await linalg.cholesky(toTensor([[4, 2], [2, 5]])).tolist()); // [[2, 0], [1, 2]]
 * ```
 */
export function cholesky(x: Tensor, ...rest: Trailing<boolean, UpperOptions>): Tensor {
  const { upper = false } = splitOptions<UpperOptions>("cholesky", rest, ["upper"]);
  return triangular.cholesky(x, upper);
}

/** Z with `A Z = x` where y is the Cholesky factor of A. */
export function choleskySolve(x: Tensor, y: Tensor, ...rest: Trailing<boolean, UpperOptions>): Tensor {
  const { upper = false } = splitOptions<UpperOptions>("choleskySolve", rest, ["upper"]);
  return triangular.choleskySolve(x, y, upper);
}

/** The inverse of A from its Cholesky factor x, one matrix. */
export function choleskyInverse(x: Tensor, ...rest: Trailing<boolean, UpperOptions>): Tensor {
  const { upper = false } = splitOptions<UpperOptions>("choleskyInverse", rest, ["upper"]);
  if (x.shape.length !== 2 || x.shape[0] !== x.shape[1])
    throw new InvalidArgumentError("needs one square matrix.", { op: "choleskyInverse", x: x.shape });
  return choleskySolve(eye(x.shape[0]!, x.shape[0]!, x.dtype) as Tensor, x, { upper });
}

/** Options of {@link qr}. */
export interface QrOptions {
  /** `"reduced"` (default), `"complete"`, or `"r"`: only R. */
  readonly mode?: "reduced" | "complete" | "r" | undefined;
}

/** `x = Q R` with orthonormal columns in Q and an upper triangular R; `mode: "r"` gives R alone. */
export function qr(x: Tensor, ...rest: Trailing<"reduced" | "complete" | "r", QrOptions>): [Tensor, Tensor] | Tensor {
  const { mode = "reduced" } = splitOptions<QrOptions>("qr", rest, ["mode"]);
  if (mode !== "reduced" && mode !== "complete" && mode !== "r")
    throw new InvalidArgumentError(`mode must be "reduced", "complete" or "r", not ${String(mode)}.`, { op: "qr" });
  const both = spectral.qr(x, mode === "complete" ? "complete" : "reduced");
  return mode === "r" ? both[1] : both;
}

/** Options of {@link svd}. */
export interface SvdOptions {
  /** Square U and V. Default false. */
  readonly fullMatrices?: boolean | undefined;
}

/** `x = U diag(s) Vᴴ`: U, s (descending), Vᴴ. */
export function svd(x: Tensor, ...rest: Trailing<boolean, SvdOptions>): [Tensor, Tensor, Tensor] {
  const { fullMatrices = false } = splitOptions<SvdOptions>("svd", rest, ["fullMatrices"]);
  return spectral.svd(x, fullMatrices);
}

/** Singular values, descending. */
export const svdvals = (x: Tensor): Tensor => spectral.svd(x, false)[1];

/** Options of {@link svdLowrank}. */
export interface SvdLowrankOptions {
  /** How many singular values. Default min(6, rows, columns). */
  readonly q?: number | null | undefined;
  /** Accepted for Paddle's sake: the values are exact, not estimated. */
  readonly niter?: number | undefined;
  /** Taken from x first. */
  readonly M?: Tensor | null | undefined;
}

/** The q largest singular values with their vectors: U, s, V (its columns). */
export function svdLowrank(x: Tensor, ...rest: Trailing<number | null, SvdLowrankOptions>): [Tensor, Tensor, Tensor] {
  const o = splitOptions<SvdLowrankOptions>("svdLowrank", rest, ["q", "niter", "M"]);
  const rank = Math.min(x.shape.at(-2) ?? 0, x.shape.at(-1) ?? 0);
  const q = o.q ?? Math.min(6, rank);
  if (!(q >= 1 && q <= rank))
    throw new InvalidArgumentError(`q = ${q} must be in [1, ${rank}].`, { op: "svdLowrank", q });
  const [u, s, vh] = spectral.svd(o.M ? x.subtract(o.M) : x, false);
  const last = s.shape.length - 1;
  const v = ops.adjoint(vh);
  return [slice(u, [last + 1], [0], [q]), slice(s, [last], [0], [q]), slice(v, [last + 1], [0], [q])];
}

/** Options of {@link pcaLowrank}. */
export interface PcaLowrankOptions {
  readonly q?: number | null | undefined;
  /** Take each column's mean away first. Default true. */
  readonly center?: boolean | undefined;
  readonly niter?: number | undefined;
}

/** Principal components of the rows of x: U, s, V of {@link svdLowrank} on centred columns. */
export function pcaLowrank(x: Tensor, ...rest: Trailing<number | null, PcaLowrankOptions>): [Tensor, Tensor, Tensor] {
  const o = splitOptions<PcaLowrankOptions>("pcaLowrank", rest, ["q", "center", "niter"]);
  const centred = o.center === false ? x : x.subtract(x.mean({ axis: x.shape.length - 2, keepdim: true }));
  return svdLowrank(centred, { q: o.q });
}

/** Options of {@link eigh} and {@link eigvalsh}. */
export interface EighOptions {
  /** The triangle that is read. Default `"L"`. */
  readonly UPLO?: "L" | "U" | undefined;
}

function upperOf(rest: Trailing<"L" | "U", EighOptions>, op: string): boolean {
  const { UPLO = "L" } = splitOptions<EighOptions>(op, rest, ["UPLO"]);
  if (UPLO !== "L" && UPLO !== "U")
    throw new InvalidArgumentError(`UPLO must be "L" or "U", not ${String(UPLO)}.`, { op });
  return UPLO === "U";
}

/** Eigenvalues, ascending, and eigenvectors (columns) of Hermitian matrices. */
export const eigh = (x: Tensor, ...rest: Trailing<"L" | "U", EighOptions>): [Tensor, Tensor] =>
  spectral.eigh(x, upperOf(rest, "eigh"));
/** Eigenvalues of Hermitian matrices, ascending. */
export const eigvalsh = (x: Tensor, ...rest: Trailing<"L" | "U", EighOptions>): Tensor =>
  spectral.eigh(x, upperOf(rest, "eigvalsh"))[0];
/** Complex eigenvalues and eigenvectors (columns of length 1) of square matrices. */
export const eig = (x: Tensor): [Tensor, Tensor] => spectral.eig(x);
/** Complex eigenvalues of square matrices. */
export const eigvals = (x: Tensor): Tensor => spectral.eig(x)[0];

/** Options of {@link lu}. */
export interface LuOptions {
  /** Exchange rows. Default true. */
  readonly pivot?: boolean | undefined;
  /** Give also where a pivot was zero (0: nowhere). Default false. */
  readonly getInfos?: boolean | undefined;
}

/** `P x = L U`: L and U in one matrix, and the row exchanges (int32, from 1). */
export function lu(x: Tensor, ...rest: Trailing<boolean, LuOptions>): Tensor[] {
  const o = splitOptions<LuOptions>("lu", rest, ["pivot", "getInfos"]);
  const [packed, pivots, infos] = triangular.lu(x, o.pivot ?? true);
  return o.getInfos ? [packed, pivots, infos] : [packed, pivots];
}

/** Options of {@link luUnpack}. */
export interface LuUnpackOptions {
  /** Give L and U. Default true. */
  readonly unpackLudata?: boolean | undefined;
  /** Give P. Default true. */
  readonly unpackPivots?: boolean | undefined;
}

/** P, L and U with `A = P L U` from what {@link lu} gave; parts not asked for are null. */
export function luUnpack(
  x: Tensor,
  y: Tensor,
  ...rest: Trailing<boolean, LuUnpackOptions>
): [Tensor | null, Tensor | null, Tensor | null] {
  const o = splitOptions<LuUnpackOptions>("luUnpack", rest, ["unpackLudata", "unpackPivots"]);
  const [rows, cols] = [x.shape.at(-2)!, x.shape.at(-1)!];
  const rank = Math.min(rows, cols);
  const axis = x.shape.length - 1;
  const part = (t: Tensor, along: number): Tensor => (t.shape[along] === rank ? t : slice(t, [along], [0], [rank]));
  const withData = o.unpackLudata !== false;
  const l = withData ? add(tril(part(x, axis), -1), eye(rows, rank, x.dtype) as Tensor) : null;
  const u = withData ? triu(part(x, axis - 1)) : null;
  return [o.unpackPivots === false ? null : triangular.permutation<Tensor>(y, rows, x.dtype), l, u];
}

/** Options of {@link luSolve}. */
export interface LuSolveOptions {
  /** `"N"` (default): `A X = b`; `"T"` and `"C"`: with A's (conjugate) transpose. */
  readonly trans?: "N" | "T" | "C" | undefined;
}

/** X with `A X = b` from A's factors as {@link lu} gives them. */
export function luSolve(
  b: Tensor,
  factors: Tensor,
  pivots: Tensor,
  ...rest: Trailing<"N" | "T" | "C", LuSolveOptions>
) {
  const { trans = "N" } = splitOptions<LuSolveOptions>("luSolve", rest, ["trans"]);
  const p = triangular.permutation<Tensor>(pivots, factors.shape.at(-2)!, factors.dtype);
  const lower = (y: Tensor, transpose: boolean): Tensor =>
    triangular.triangularSolve(factors, y, { upper: false, transpose, unitriangular: true });
  const upper = (y: Tensor, transpose: boolean): Tensor =>
    triangular.triangularSolve(factors, y, { upper: true, transpose, unitriangular: false });
  if (trans === "N") return upper(lower(matmul(p, b, true), false), false);
  return matmul(p, lower(upper(b, true), true));
}

/** The product of Householder reflections `I - tau[i] v[i] v[i]ᴴ`, v[i] being column i of x below a 1 on the diagonal. */
export function householderProduct(x: Tensor, tau: Tensor): Tensor {
  return slice(reflections(x, tau), [x.shape.length - 1], [0], [x.shape.at(-1)!]);
}

function reflections(x: Tensor, tau: Tensor): Tensor {
  const [rows, cols] = [x.shape.at(-2)!, x.shape.at(-1)!];
  if (rows < cols || tau.shape.at(-1)! > cols)
    throw new InvalidArgumentError("needs rows ≥ columns ≥ the number of factors.", {
      op: "householderProduct",
      x: x.shape,
      tau: tau.shape,
    });
  const axis = x.shape.length - 1;
  const v = add(tril(x, -1), eye(rows, cols, x.dtype) as Tensor);
  let q = eye(rows, rows, x.dtype) as Tensor;
  for (let i = tau.shape.at(-1)! - 1; i >= 0; i--) {
    const column = slice(v, [axis], [i], [i + 1]);
    const factor = slice(tau, [tau.shape.length - 1], [i], [i + 1]).unsqueeze(-1);
    q = q.subtract(matmul(column.multiply(factor), matmul(ops.adjoint(column), q)));
  }
  return q;
}

/** Options of {@link ormqr}. */
export interface OrmqrOptions {
  /** Q on the left of y. Default true. */
  readonly left?: boolean | undefined;
  /** Q's (conjugate) transpose. Default false. */
  readonly transpose?: boolean | undefined;
}

/** `Q y` (or `y Q`), Q being the whole product of the reflections of x and tau, as a QR factorisation leaves them. */
export function ormqr(x: Tensor, tau: Tensor, y: Tensor, ...rest: Trailing<boolean, OrmqrOptions>): Tensor {
  const { left = true, transpose = false } = splitOptions<OrmqrOptions>("ormqr", rest, ["left", "transpose"]);
  const whole = reflections(x, tau);
  const q = transpose ? ops.adjoint(whole) : whole;
  return left ? matmul(q, y) : matmul(y, q);
}

/** What Tensor has of these as methods. */
export const factorizationMethods = {
  cholesky,
  choleskySolve,
  choleskyInverse,
  qr,
  svd,
  svdLowrank,
  eigvalsh,
  eig,
  eigvals,
  lu,
  luUnpack,
  luSolve,
  householderProduct,
  ormqr,
};
