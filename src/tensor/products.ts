// Paddle's products of matrices and vectors.

import { InvalidArgumentError } from "../core/errors.js";
import { publicExtent } from "../core/extents.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { formatShape, normalizeAxes, normalizeAxis } from "../core/shape.js";
import * as arithmetic from "../ops/arithmetic.js";
import { sum } from "../ops/broadcast.js";
import * as ops from "../ops/matmul.js";
import { moveAxis, swapAxes, transpose } from "../ops/movement.js";
import { trace as traceOf } from "../ops/vector.js";
import { flatten, reshape, unsqueeze } from "../ops/views.js";
import { inplace } from "../trace/inplace.js";
import type { Tensor } from "./tensor.js";

/** Options of {@link matmul}. */
export interface MatmulOptions {
  /** Take x with its last two axes swapped. Default false. */
  readonly transposeX?: boolean | undefined;
  /** Take y with its last two axes swapped. Default false. */
  readonly transposeY?: boolean | undefined;
}

/**
 * Matrix product of the last two axes, the leading ones broadcast. A vector on the left is a row, on the right a column, and its axis is
 * dropped from the result.
 *
 * @throws InvalidArgumentError when the inner dimensions differ or the leading ones do not broadcast.
 * @example
 * ```ts
 * import { matmul, toTensor } from "oarjs";
 * console.log(await matmul(toTensor([[1, 2]]), toTensor([[3], [4]])).tolist()); // [[11]]
 * ```
 */
export function matmul(x: Tensor, y: Tensor, ...rest: Trailing<boolean, MatmulOptions>): Tensor {
  const o = splitOptions<MatmulOptions>("matmul", rest, ["transposeX", "transposeY"]);
  return ops.matmul(x, y, o.transposeX ?? false, o.transposeY ?? false);
}

/** {@link matmul} without options. */
export const mm = (input: Tensor, mat2: Tensor): Tensor => ops.matmul(input, mat2);

function requireRank(x: Tensor, rank: number, op: string, name: string): void {
  if (x.shape.length === rank) return;
  throw new InvalidArgumentError(`${name} must have ${rank} axes, it is ${formatShape(x.shape)}.`, { op, x: x.shape });
}

/** Batched matrix product of `[b, m, k]` and `[b, k, n]`. */
export function bmm(x: Tensor, y: Tensor): Tensor {
  requireRank(x, 3, "bmm", "x");
  requireRank(y, 3, "bmm", "y");
  if (x.shape[0] !== y.shape[0])
    throw new InvalidArgumentError(`batches differ: ${formatShape(x.shape)}, ${formatShape(y.shape)}.`, { op: "bmm" });
  return ops.matmul(x, y);
}

/** Product of a matrix `[m, n]` and a vector `[n]`. */
export function mv(x: Tensor, vec: Tensor): Tensor {
  requireRank(x, 2, "mv", "x");
  requireRank(vec, 1, "mv", "vec");
  return ops.matmul(x, vec);
}

/** Sum of products along the last axis of two tensors of one shape, of one or two axes. */
export function dot(x: Tensor, y: Tensor): Tensor {
  if (x.shape.length < 1 || x.shape.length > 2 || x.shape.length !== y.shape.length)
    throw new InvalidArgumentError(
      `needs two vectors or two matrices, got ${formatShape(x.shape)}, ${formatShape(y.shape)}.`,
      { op: "dot" },
    );
  requireSame(x, y, "dot");
  return narrow(sum(arithmetic.multiply(x, y), -1), x);
}

/** Integer sums are int64; products of vectors keep the dtype. */
const narrow = (out: Tensor, x: Tensor): Tensor => (out.dtype === x.dtype ? out : out.astype(x.dtype));

function requireSame(x: Tensor, y: Tensor, op: string): void {
  if (x.shape.every((n, i) => n === y.shape[i] || n < 0 || y.shape[i]! < 0)) return;
  throw new InvalidArgumentError(`shapes differ: ${formatShape(x.shape)}, ${formatShape(y.shape)}.`, {
    op,
    x: x.shape,
    y: y.shape,
  });
}

/** Sums of products along the last axes of x and y, for every pair of their other indices. */
export function inner(x: Tensor, y: Tensor): Tensor {
  if (x.shape.length === 0 || y.shape.length === 0) return arithmetic.multiply(x, y);
  const rows = (t: Tensor): Tensor => (t.shape.length === 1 ? unsqueeze(t, [0]) : flatten(t, 0, t.shape.length - 2));
  const out = ops.matmul(rows(x), rows(y), false, true);
  return reshape(out, [...x.shape.slice(0, -1), ...y.shape.slice(0, -1)]);
}

/** Products of every element of x with every element of y, both flattened: `[x.size, y.size]`. */
export function outer(x: Tensor, y: Tensor): Tensor {
  const flat = (t: Tensor): Tensor => (t.shape.length === 0 ? unsqueeze(t, [0]) : flatten(t));
  return arithmetic.multiply(unsqueeze(flat(x), [1]), unsqueeze(flat(y), [0]));
}

/** Options of {@link addmm} and {@link baddbmm}. */
export interface AddmmOptions {
  /** Factor of the summand. Default 1. */
  readonly beta?: number | undefined;
  /** Factor of the product. Default 1. */
  readonly alpha?: number | undefined;
}

function scaledSum(input: Tensor, product: Tensor, o: AddmmOptions): Tensor {
  const scaled = (x: Tensor, by: number | undefined): Tensor =>
    by === undefined || by === 1 ? x : arithmetic.multiply(x, by);
  return arithmetic.add(scaled(input, o.beta), scaled(product, o.alpha));
}

/**
 * `beta input + alpha x · y` of matrices; input broadcasts.
 *
 * @throws InvalidArgumentError when x or y is no matrix or the shapes do not fit.
 */
export function addmm(input: Tensor, x: Tensor, y: Tensor, ...rest: Trailing<number, AddmmOptions>): Tensor {
  const o = splitOptions<AddmmOptions>("addmm", rest, ["beta", "alpha"]);
  requireRank(x, 2, "addmm", "x");
  requireRank(y, 2, "addmm", "y");
  if (input.shape.length < 1 || input.shape.length > 2) requireRank(input, 2, "addmm", "input");
  return scaledSum(input, ops.matmul(x, y), o);
}

/** {@link addmm} in place of input. */
export const addmm_ = (input: Tensor, x: Tensor, y: Tensor, ...rest: Trailing<number, AddmmOptions>): Tensor =>
  inplace(input, "addmm_", (former) => addmm(former, x, y, ...rest));

/** `beta input + alpha x · y` of batches of matrices. */
export function baddbmm(input: Tensor, x: Tensor, y: Tensor, ...rest: Trailing<number, AddmmOptions>): Tensor {
  const o = splitOptions<AddmmOptions>("baddbmm", rest, ["beta", "alpha"]);
  return scaledSum(input, bmm(x, y), o);
}

/** {@link baddbmm} in place of input. */
export const baddbmm_ = (input: Tensor, x: Tensor, y: Tensor, ...rest: Trailing<number, AddmmOptions>): Tensor =>
  inplace(input, "baddbmm_", (former) => baddbmm(former, x, y, ...rest));

/** Axes of {@link tensordot}: how many, or which of both, or which of each. */
export type TensordotAxes = number | readonly number[] | readonly (readonly number[])[];

function tensordotAxes(axes: TensordotAxes, rank: number): [number[], number[]] {
  if (typeof axes === "number")
    return [Array.from({ length: axes }, (_, i) => rank - axes + i), Array.from({ length: axes }, (_, i) => i)];
  if (axes.every((a) => typeof a === "number")) return [[...(axes as number[])], [...(axes as number[])]];
  const [x, y] = axes as readonly (readonly number[])[];
  const first = [...(x ?? [])];
  const second = y === undefined ? first : [...y];
  const longest = first.length >= second.length ? first : second;
  const fill = (list: number[]): number[] => [...list, ...longest.slice(list.length)];
  return [fill(first), fill(second)];
}

/**
 * Sum of products over pairs of axes: `axes` last of x with `axes` first of y, or the listed ones.
 *
 * @throws InvalidArgumentError when paired extents differ.
 */
export function tensordot(
  x: Tensor,
  y: Tensor,
  ...rest: Trailing<TensordotAxes, { readonly axes?: TensordotAxes | undefined }>
): Tensor {
  const { axes = 2 } = splitOptions<{ readonly axes?: TensordotAxes | undefined }>("tensordot", rest, ["axes"]);
  const given = tensordotAxes(axes, x.shape.length);
  const xAxes = given[0].map((a) => normalizeAxis(a, x.shape.length, "tensordot"));
  const yAxes = given[1].map((a) => normalizeAxis(a, y.shape.length, "tensordot"));
  const xWide: number[] = [];
  const yWide: number[] = [];
  xAxes.forEach((a, i) => {
    const have = x.shape[a]!;
    const want = y.shape[yAxes[i]!]!;
    if (have !== want && want === 1) xWide.push(a);
    else if (have !== want && have === 1) yWide.push(yAxes[i]!);
    else if (have !== want)
      throw new InvalidArgumentError(
        `axis ${a} of x has extent ${publicExtent(have)}, axis ${yAxes[i]} of y ${publicExtent(want)}.`,
        {
          op: "tensordot",
          x: x.shape,
          y: y.shape,
        },
      );
  });
  // An extent of 1 stands for any: the other operand's axis is summed first.
  const [left, right] = [xWide.length > 0 ? sum(x, xWide, true) : x, yWide.length > 0 ? sum(y, yWide, true) : y];
  return contract(left, right, xAxes, yAxes);
}

/** Sum of products over pairs of axes of equal extents. */
function contract(x: Tensor, y: Tensor, xAxes: readonly number[], yAxes: readonly number[]): Tensor {
  const xFree = x.shape.map((_, a) => a).filter((a) => !xAxes.includes(a));
  const yFree = y.shape.map((_, a) => a).filter((a) => !yAxes.includes(a));
  const size = (t: Tensor, list: readonly number[]): number => list.reduce((n, a) => n * t.shape[a]!, 1);
  const depth = size(x, xAxes);
  const a = reshape(transpose(x, [...xFree, ...xAxes]), [size(x, xFree), depth]);
  const b = reshape(transpose(y, [...yAxes, ...yFree]), [depth, size(y, yFree)]);
  return reshape(ops.matmul(a, b), [...xFree.map((i) => x.shape[i]!), ...yFree.map((i) => y.shape[i]!)]);
}

/** Sum of products along an axis; the others broadcast. */
export function vecdot(
  x: Tensor,
  y: Tensor,
  ...rest: Trailing<number, { readonly axis?: number | undefined }>
): Tensor {
  const { axis = -1 } = splitOptions<{ readonly axis?: number | undefined }>("vecdot", rest, ["axis"]);
  return narrow(sum(arithmetic.multiply(arithmetic.conj(x), y), axis), x);
}

/**
 * Product of two or more matrices in the order that costs least; the first and last may be vectors.
 *
 * @throws InvalidArgumentError for fewer than two, or for shapes that do not fit.
 */
export function multiDot(x: readonly Tensor[]): Tensor {
  if (x.length < 2) throw new InvalidArgumentError("needs two or more matrices.", { op: "multiDot" });
  x.forEach((t, i) => {
    const end = i === 0 || i === x.length - 1;
    if (t.shape.length !== 2 && !(end && t.shape.length === 1)) requireRank(t, 2, "multiDot", `operand ${i}`);
  });
  const rows = (t: Tensor, i: number): number => (t.shape.length === 1 && i === 0 ? 1 : t.shape[0]!);
  const sizes = [...x.map(rows), x.at(-1)!.shape[1] ?? 1];
  const split = chainOrder(sizes);
  const multiply = (from: number, to: number): Tensor => {
    if (from === to) return x[from]!;
    const at = split[from]![to]!;
    return ops.matmul(multiply(from, at), multiply(at + 1, to));
  };
  return multiply(0, x.length - 1);
}

/** Where to split each chain of matrices so that multiplications are fewest (dynamic programming over lengths). */
function chainOrder(sizes: readonly number[]): number[][] {
  const n = sizes.length - 1;
  const cost = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const split = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  for (let length = 2; length <= n; length++) {
    for (let i = 0; i + length <= n; i++) {
      const j = i + length - 1;
      cost[i]![j] = Infinity;
      for (let at = i; at < j; at++) {
        const c = cost[i]![at]! + cost[at + 1]![j]! + sizes[i]! * sizes[at + 1]! * sizes[j + 1]!;
        if (c < cost[i]![j]!) {
          cost[i]![j] = c;
          split[i]![j] = at;
        }
      }
    }
  }
  return split;
}

/** Kronecker product: each element of x times all of y. */
export function kron(x: Tensor, y: Tensor): Tensor {
  const rank = Math.max(x.shape.length, y.shape.length);
  const padded = (t: Tensor): number[] => [...new Array<number>(rank - t.shape.length).fill(1), ...t.shape];
  const [a, b] = [padded(x), padded(y)];
  const left = reshape(
    x,
    a.flatMap((n) => [n, 1]),
  );
  const right = reshape(
    y,
    b.flatMap((n) => [1, n]),
  );
  return reshape(
    arithmetic.multiply(left, right),
    a.map((n, i) => n * b[i]!),
  );
}

/** `x` with its last two axes swapped. */
export function matrixTranspose(x: Tensor): Tensor {
  if (x.shape.length < 2) requireRank(x, 2, "matrixTranspose", "x");
  return swapAxes(x, x.shape.length - 2, x.shape.length - 1);
}

/** Options of {@link trace}. */
export interface TraceOptions {
  /** How far right of the main diagonal. Default 0. */
  readonly offset?: number | undefined;
  readonly axis1?: number | undefined;
  readonly axis2?: number | undefined;
}

/** Sums of the diagonals of the matrices in two axes (default the first two). */
export function trace(x: Tensor, ...rest: Trailing<number, TraceOptions>): Tensor {
  const o = splitOptions<TraceOptions>("trace", rest, ["offset", "axis1", "axis2"]);
  const rank = x.shape.length;
  const a = normalizeAxis(o.axis1 ?? 0, rank, "trace");
  const b = normalizeAxis(o.axis2 ?? 1, rank, "trace");
  if (a === b || rank < 2)
    throw new InvalidArgumentError(`axis1 and axis2 must be two axes of ${formatShape(x.shape)}.`, { op: "trace" });
  normalizeAxes([a, b], rank, "trace");
  const last = moveAxis(a < b ? moveAxis(x, a, rank - 1) : moveAxis(x, a, rank - 1), a < b ? b - 1 : b, rank - 1);
  return narrow(traceOf(last, o.offset ?? 0), x);
}

/** What Tensor has of these as methods. */
export const productMethods = {
  matmul,
  mm,
  bmm,
  mv,
  dot,
  inner,
  outer,
  addmm,
  addmm_,
  baddbmm,
  baddbmm_,
  tensordot,
  vecdot,
  kron,
  matrixTranspose,
  trace,
};
