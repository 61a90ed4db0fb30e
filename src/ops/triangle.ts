// Ops of matrices' diagonals and triangles: tril, triu, diagonal, diagonal fill, diag, and identity matrices.

import type { DType } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { formatShape, type Shape } from "../core/shape.js";
import type { Ref } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import type { K } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers, type InferInput, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { fullLike } from "./creation.js";

/** `x` where a mask holds, else 0, in x's type. */
const keepIf = (k: K, mask: Expr, x: Expr): Expr => (k.isMask(x) ? k.and(mask, x) : k.select(mask, x, 0));

function requireMatrix(x: InferInput, op: string): void {
  if (x.shape.length < 2)
    throw new InvalidArgumentError(`needs a matrix or a stack of them, got ${formatShape(x.shape)}.`, {
      op,
      x: x.shape,
    });
}

/** The lower (or upper) triangle of each matrix: elements with column - row ≤ diagonal (≥), the others 0. */
export const triangleOp = defineOp({
  name: "tril_triu",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { diagonal: integers(), lower: fixed(true) },
  infer: ({ x }, { lower }) => {
    requireMatrix(x, lower ? "tril" : "triu");
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  },
  element: (k, { x }, { diagonal, lower }, index) => {
    const distance = k.sub(index.at(-1)!, index.at(-2)!);
    const inside = lower ? k.le(distance, diagonal[0]!) : k.ge(distance, diagonal[0]!);
    return keepIf(k, inside, x.at(...index));
  },
  grad: (_, d, { attrs }) => ({ x: () => triangle(d.out, attrs.diagonal[0]!, attrs.lower) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[3, 4]], attrs: { diagonal: [0], lower: true } },
      { inputs: [[2, 4, 3]], attrs: { diagonal: [-1], lower: false } },
    ],
  },
});

function triangle<T extends Value>(x: T, diagonal: number, lower: boolean): T {
  return bind1(triangleOp, [x], { diagonal: [diagonal], lower }) as T;
}

/** The lower triangle of each matrix, up to a diagonal above (positive) or below the main one. */
export const tril = <T extends Value>(x: T, diagonal = 0): T => triangle(x, diagonal, true);
/** The upper triangle of each matrix, from a diagonal above (positive) or below the main one. */
export const triu = <T extends Value>(x: T, diagonal = 0): T => triangle(x, diagonal, false);

const planeAttrs = { offset: fixed(0), axis1: fixed(0), axis2: fixed(1) };

/** Length of a diagonal of a `rows × cols` matrix. */
export const diagonalLength = (rows: number, cols: number, offset: number): number =>
  Math.max(0, offset >= 0 ? Math.min(rows, cols - offset) : Math.min(rows + offset, cols));

const rest = (rank: number, axis1: number, axis2: number): number[] =>
  Array.from({ length: rank }, (_, a) => a).filter((a) => a !== axis1 && a !== axis2);

/** The diagonal of the planes of two axes; it becomes the last axis. */
export const diagonalOp = defineOp({
  name: "diagonal",
  inputs: ["x"],
  outputs: ["out"],
  attrs: planeAttrs,
  infer: ({ x }, { offset, axis1, axis2 }) => {
    requireMatrix(x, "diagonal");
    const shape = [
      ...rest(x.shape.length, axis1, axis2).map((a) => x.shape[a]!),
      diagonalLength(x.shape[axis1]!, x.shape[axis2]!, offset),
    ];
    return { outs: { out: { shape, dtype: x.dtype } } };
  },
  element: (k, { x }, { offset, axis1, axis2 }, index) => {
    const others = rest(x.rank, axis1, axis2);
    const i = index.at(-1)!;
    return x.at(
      ...Array.from({ length: x.rank }, (_, a) => {
        if (a === axis1) return k.add(i, Math.max(-offset, 0));
        return a === axis2 ? k.add(i, Math.max(offset, 0)) : index[others.indexOf(a)]!;
      }),
    );
  },
  grad: (_, d, { attrs, meta }) => ({ x: () => diagonalGrad(d.out, meta.x, attrs) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[3, 4]], attrs: { offset: 1, axis1: 0, axis2: 1 } },
      { inputs: [[3, 2, 4]], attrs: { offset: -1, axis1: 2, axis2: 0 } },
    ],
  },
});

/** Where an index lies relative to the diagonal: the mask, and the place on it (kept inside). */
function onDiagonal(
  k: K,
  index: readonly Expr[],
  length: Expr,
  { offset, axis1, axis2 }: { readonly offset: number; readonly axis1: number; readonly axis2: number },
): { mask: Expr; place: Expr } {
  const row = index[axis1]!;
  const col = index[axis2]!;
  const place = offset >= 0 ? row : col;
  const mask = k.and(k.eq(k.sub(col, row), offset), k.lt(place, length));
  return { mask, place: k.max(k.min(place, k.sub(length, 1)), 0) };
}

/** `d` on the diagonal of zeros in the shape of `like`. */
export const diagonalGradOp = defineOp({
  name: "diagonal_grad",
  inputs: ["d", "like"],
  outputs: ["out"],
  attrs: planeAttrs,
  infer: ({ d, like }) => ({ outs: { out: { shape: like.shape, dtype: d.dtype } } }),
  element: (k, { d }, attrs, index) => {
    const { mask, place } = onDiagonal(k, index, d.extent(d.rank - 1), attrs);
    return keepIf(k, mask, d.at(...rest(index.length, attrs.axis1, attrs.axis2).map((a) => index[a]!), place));
  },
  ghosts: ["like"],
  grad: (_, d, { attrs }) => ({ d: () => diagonal(d.out, attrs.offset, attrs.axis1, attrs.axis2) }),
  check: { domain: [-2, 2], samples: [{ inputs: [[3], [3, 4]], attrs: { offset: 1, axis1: 0, axis2: 1 } }] },
});

interface Plane {
  readonly offset: number;
  readonly axis1: number;
  readonly axis2: number;
}

function diagonalGrad(d: Value, like: Value, { offset, axis1, axis2 }: Plane): Value {
  return bind1(diagonalGradOp, [d, like], { offset, axis1, axis2 });
}

/** The diagonal of the planes of two axes (non-negative, different). */
export function diagonal<T extends Value>(x: T, offset: number, axis1: number, axis2: number): T {
  return bind1(diagonalOp, [x], { offset, axis1, axis2 }) as T;
}

/** `x` with `y` on the diagonal of the planes of two axes; y's last axis runs along it. */
export const fillDiagonalTensorOp = defineOp({
  name: "fill_diagonal_tensor",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: planeAttrs,
  infer: ({ x, y }, { offset, axis1, axis2 }) => {
    requireMatrix(x, "fill_diagonal_tensor");
    const wanted: Shape = [
      ...rest(x.shape.length, axis1, axis2).map((a) => x.shape[a]!),
      diagonalLength(x.shape[axis1]!, x.shape[axis2]!, offset),
    ];
    if (y.shape.length !== wanted.length || wanted.some((n, i) => n >= 0 && y.shape[i]! >= 0 && n !== y.shape[i]))
      throw new InvalidArgumentError(
        `the diagonal is ${formatShape(wanted)}, the values are ${formatShape(y.shape)}.`,
        {
          op: "fill_diagonal_tensor",
          x: x.shape,
          y: y.shape,
        },
      );
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  },
  element: (k, { x, y }, attrs, index) => {
    const { mask, place } = onDiagonal(k, index, y.extent(y.rank - 1), attrs);
    const value = y.at(...rest(index.length, attrs.axis1, attrs.axis2).map((a) => index[a]!), place);
    return choose(k, mask, value, x.at(...index));
  },
  grad: (_, d, { attrs, meta }) => ({
    x: () => fillDiagonalTensor(d.out, fullLike(meta.y, 0, d.out.dtype), attrs.offset, attrs.axis1, attrs.axis2),
    y: () => diagonal(d.out, attrs.offset, attrs.axis1, attrs.axis2),
  }),
  check: { domain: [-2, 2], samples: [{ inputs: [[3, 4], [2]], attrs: { offset: -1, axis1: 0, axis2: 1 } }] },
});

/** `mask ? x : y` of numbers or masks, in y's type. */
const choose = (k: K, mask: Expr, x: Expr, y: Expr): Expr =>
  k.isMask(y)
    ? k.or(k.and(mask, k.cast(k.truth(x), mask.type)), k.and(k.not(mask), k.cast(y, mask.type)))
    : k.select(mask, k.cast(x, y.type), y);

/** `x` with `y` on the diagonal of the planes of two axes. */
export function fillDiagonalTensor<T extends Value>(x: T, y: Value, offset: number, axis1: number, axis2: number): T {
  return bind1(fillDiagonalTensorOp, [x, y], { offset, axis1, axis2 }) as T;
}

/** The last axis of `x` as the diagonal of new planes of two axes, zeros elsewhere. */
export const diagEmbedOp = defineOp({
  name: "diag_embed",
  inputs: ["x"],
  outputs: ["out"],
  attrs: planeAttrs,
  infer: ({ x }, { offset, axis1, axis2 }) => {
    const n = x.shape.at(-1)! < 0 ? -1 : x.shape.at(-1)! + Math.abs(offset);
    const others = [...x.shape.slice(0, -1)];
    const shape = Array.from({ length: x.shape.length + 1 }, (_, a) =>
      a === axis1 || a === axis2 ? n : others.shift()!,
    );
    return { outs: { out: { shape, dtype: x.dtype } } };
  },
  element: (k, { x }, attrs, index) => {
    const { mask, place } = onDiagonal(k, index, x.extent(x.rank - 1), attrs);
    return keepIf(k, mask, x.at(...rest(index.length, attrs.axis1, attrs.axis2).map((a) => index[a]!), place));
  },
  grad: (_, d, { attrs }) => ({ x: () => diagonal(d.out, attrs.offset, attrs.axis1, attrs.axis2) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[2, 3]], attrs: { offset: 1, axis1: 1, axis2: 2 } },
      { inputs: [[3]], attrs: { offset: -1, axis1: 1, axis2: 0 } },
    ],
  },
});

/** The last axis of `x` as the diagonal of planes of the result's axes `axis1`, `axis2` (non-negative, different). */
export const diagEmbed = <T extends Value>(x: T, offset: number, axis1: number, axis2: number): T =>
  bind1(diagEmbedOp, [x], { offset, axis1, axis2 }) as T;

/** A vector as a diagonal of a square matrix of `padding`. */
export const diagOp = defineOp({
  name: "diag",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { offset: fixed(0), padding: scalar(0) },
  infer: ({ x }, { offset }) => {
    const n = x.shape[0]! < 0 ? -1 : x.shape[0]! + Math.abs(offset);
    return { outs: { out: { shape: [n, n], dtype: x.dtype } } };
  },
  element: (k, { x }, { offset, padding }, index) => {
    const { mask, place } = onDiagonal(k, index, x.extent(0), { offset, axis1: 0, axis2: 1 });
    return choose(k, mask, x.at(place), k.cast(padding, x.type));
  },
  grad: (_, d, { attrs }) => ({ x: () => diagonal(d.out, attrs.offset, 0, 1) }),
  check: { domain: [-2, 2], samples: [{ inputs: [[3]], attrs: { offset: 1, padding: 0.5 } }] },
});

/** A vector as the diagonal `offset` of a square matrix of `padding`. */
export const diag = <T extends Value>(x: T, offset: number, padding: number): T =>
  bind1(diagOp, [x], { offset, padding }) as T;

/** `x` with one number on the diagonal, which starts again every `cols` rows below the first square when `wrap` is set. */
export const fillDiagonalOp = defineOp({
  name: "fill_diagonal",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { value: scalar(0), offset: integers(), wrap: fixed(false) },
  infer: ({ x }) => {
    requireMatrix(x, "fill_diagonal");
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  },
  element: (k, { x }, { value, offset, wrap }, index) => {
    const own = x.at(...index);
    return choose(k, fillMask(k, x, index, offset[0]!, wrap), value, own);
  },
  grad: (_, d, { attrs }) => ({ x: () => fillDiagonal(d.out, 0, attrs.offset[0]!, attrs.wrap) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[7, 3]], attrs: { value: 2, offset: [0], wrap: true } },
      { inputs: [[3, 4]], attrs: { value: 2, offset: [1], wrap: false } },
    ],
  },
});

/** Elements whose coordinates are all equal (two axes: column - row = offset). */
function fillMask(k: K, x: Ref, index: readonly Expr[], offset: Expr, wrap: boolean): Expr {
  if (index.length > 2)
    return index
      .slice(1)
      .map((i) => k.eq(i, index[0]!))
      .reduce((a, c) => k.and(a, c));
  const [row, col] = index as [Expr, Expr];
  const cols = x.extent(1);
  // A wrapped diagonal goes on after one empty row, as NumPy's fill_diagonal.
  const inSquare = wrap ? k.remIndex(row, k.add(cols, 1)) : row;
  return k.eq(k.sub(col, inSquare), offset);
}

/** `x` with `value` on its diagonal. */
export function fillDiagonal<T extends Value>(x: T, value: number, offset: number, wrap: boolean): T {
  return bind1(fillDiagonalOp, [x], { value, offset: [offset], wrap }) as T;
}

/** Ones on the diagonal, zeros elsewhere. */
export const eyeOp = defineOp({
  name: "eye",
  inputs: [],
  outputs: ["out"],
  attrs: { shape: integers(), dtype: fixed<DType>("float32") },
  infer: (_, { shape, dtype }) => ({ outs: { out: { shape, dtype } } }),
  element: (k, _, __, index, out) =>
    k.isMask(k.const(out.type, 0))
      ? k.eq(index[0]!, index[1]!)
      : k.select(k.eq(index[0]!, index[1]!), k.const(out.type, 1), k.const(out.type, 0)),
  grad: null,
  check: {
    samples: [
      {
        inputs: [],
        attrs: { shape: [2, 3], dtype: "float32" },
        expect: () => ({ shape: [2, 3], data: [1, 0, 0, 0, 1, 0] }),
      },
    ],
  },
});

/** A `rows × cols` matrix with ones on the diagonal. */
export const eye = (rows: number, cols: number, dtype: DType): Value =>
  bind1(eyeOp, [], { shape: [rows, cols], dtype });
