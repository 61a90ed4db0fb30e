// Ops of linear algebra that run on the host in double precision: inverses, determinants, systems, exponentials. Rare, not hot.

import { type DType, isComplex, isFloat } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import type { NdArray } from "../core/nd-array.js";
import { broadcastShapes, formatShape, type Shape, sizeOf } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import type { InferInput } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { conj, multiply, neg, subtract } from "./arithmetic.js";
import { arrayOf, expOf, luOf, Matrix, matricesOf, solveMatrix, stacked } from "./dense.js";
import { matmul } from "./matmul.js";
import { concat, slice } from "./concat.js";
import { swapAxes } from "./movement.js";
import { squeeze, unsqueeze } from "./views.js";

/** Conjugate transpose of the last two axes. */
export const adjoint = <T extends Value>(x: T): T => conj(swapAxes(x, x.shape.length - 2, x.shape.length - 1));

/** Throws InvalidArgument unless x holds floating-point (or complex) matrices. */
export function requireMatrix(x: InferInput, op: string, square = true): void {
  const [rows, cols] = [x.shape.at(-2), x.shape.at(-1)];
  if (rows === undefined || cols === undefined || (square && rows !== cols))
    throw new InvalidArgumentError(
      `needs ${square ? "square matrices" : "matrices"} in the last two axes, got ${formatShape(x.shape)}.`,
      { op, x: x.shape },
    );
  if (!isFloat(x.dtype) && !isComplex(x.dtype))
    throw new InvalidArgumentError(`needs floating-point numbers, got ${x.dtype}.`, {
      op,
      dtype: x.dtype,
      hint: 'cast it: x.astype("float32").',
    });
}

/** All axes but the last two. */
export const leading = (x: { readonly shape: Shape }): Shape => x.shape.slice(0, -2);

/** A host body that maps each matrix to one. */
export const perMatrix =
  (name: string, f: (a: Matrix) => Matrix) =>
  (inputs: Readonly<Record<string, NdArray | readonly NdArray[] | undefined>>): Readonly<Record<string, NdArray>> => {
    const x = inputs[name] as NdArray;
    const list = matricesOf(x).map(f);
    const [rows, cols] = [list[0]?.rows ?? x.shape.at(-2)!, list[0]?.cols ?? x.shape.at(-1)!];
    return { out: stacked(x.dtype, leading(x), list, rows, cols) };
  };

/** `A⁻¹`. */
export const inverseOp = defineOp({
  name: "inverse",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => {
    requireMatrix(x, "inv");
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  },
  host: perMatrix("x", (a) => solveMatrix(a, Matrix.identity(a.rows), "inv")),
  saves: ["out"],
  grad: ({ out }, d) => ({ x: () => neg(matmul(matmul(adjoint(out), d.out), adjoint(out))) }),
  check: { samples: [{ inputs: [{ shape: [2, 2], data: [2, 1, 0.5, 3] }] }] },
});

/** Inverses of square matrices. */
export const inverse = <T extends Value>(x: T): T => bind1(inverseOp, [x]) as T;

/** Determinant: its phase (sign) and the logarithm of its size. */
function determinant(a: Matrix): { re: number; im: number; log: number } {
  const { packed, sign } = luOf(a);
  let [re, im, log] = [sign, 0, 0];
  for (let i = 0; i < a.rows; i++) {
    const [x, y] = [packed.re[packed.at(i, i)]!, packed.im[packed.at(i, i)]!];
    const size = Math.hypot(x, y);
    log += Math.log(size);
    if (size === 0) return { re: 0, im: 0, log: -Infinity };
    [re, im] = [(re * x - im * y) / size, (re * y + im * x) / size];
  }
  return { re, im, log };
}

/** Determinant. */
export const determinantOp = defineOp({
  name: "determinant",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => {
    requireMatrix(x, "det");
    return { outs: { out: { shape: leading(x), dtype: x.dtype } } };
  },
  host: ({ x }) => {
    const given = x as NdArray;
    const dets = matricesOf(given).map(determinant);
    const part = (side: "re" | "im"): number[] => dets.map((d) => (d[side] === 0 ? 0 : d[side] * Math.exp(d.log)));
    return { out: arrayOf(given.dtype, leading(given), part("re"), part("im")) };
  },
  saves: ["x", "out"],
  grad: ({ x, out }, d) => ({
    x: () => {
      const rank = x.shape.length;
      return multiply(unsqueeze(multiply(d.out, conj(out)), [rank - 2, rank - 1]), adjoint(inverse(x)));
    },
  }),
  check: {
    samples: [{ inputs: [{ shape: [2, 2], data: [2, 1, 0.5, 3] }], expect: () => ({ shape: [], data: [5.5] }) }],
  },
});

/** Sign and logarithm of the determinant's size, stacked in a first axis of 2. */
export const slogdetOp = defineOp({
  name: "slogdet",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => {
    requireMatrix(x, "slogdet");
    return { outs: { out: { shape: [2, ...leading(x)], dtype: x.dtype } } };
  },
  host: ({ x }) => {
    const given = x as NdArray;
    const dets = matricesOf(given).map(determinant);
    const re = [...dets.map((d) => d.re), ...dets.map((d) => d.log)];
    const im = [...dets.map((d) => d.im), ...dets.map(() => 0)];
    return { out: arrayOf(given.dtype, [2, ...leading(given)], re, im) };
  },
  saves: ["x"],
  // Only the logarithm moves.
  grad: ({ x }, d) => ({
    x: () => {
      const rank = x.shape.length;
      const log = slice(d.out, [0], [1], [2]);
      const axes = rank === 2 ? [1] : [rank - 1, rank];
      const scale = rank === 2 ? unsqueeze(log, axes) : squeezeFirst(unsqueeze(log, axes));
      return multiply(scale, adjoint(inverse(x)));
    },
  }),
  check: { samples: [{ inputs: [{ shape: [2, 2], data: [2, 1, 0.5, 3] }] }] },
});

/** Determinants. */
export const det = <T extends Value>(x: T): T => bind1(determinantOp, [x]) as T;
/** Signs and logarithms of determinants. */
export const slogdet = <T extends Value>(x: T): T => bind1(slogdetOp, [x]) as T;

const squeezeFirst = (x: Value): Value => squeeze(x, [0]);

/** Batches of two operands, their leading axes broadcast. */
export function pairs(x: NdArray, y: NdArray, op: string): { batch: Shape; list: [Matrix, Matrix][] } {
  const batch = broadcastShapes(leading(x), leading(y), op);
  const [a, b] = [matricesOf(x), matricesOf(y)];
  const at = (own: Shape, index: number): number => {
    let [rest, position, stride] = [index, 0, 1];
    for (let i = 1; i <= batch.length; i++) {
      const extent = batch[batch.length - i]!;
      const mine = own[own.length - i] ?? 1;
      if (mine !== 1) position += (rest % extent) * stride;
      stride *= mine;
      rest = Math.floor(rest / extent);
    }
    return position;
  };
  const list = Array.from({ length: sizeOf(batch) }, (_, i): [Matrix, Matrix] => [
    a[at(leading(x), i)]!,
    b[at(leading(y), i)]!,
  ]);
  return { batch, list };
}

/** Shape and dtype of X in `A X = B`; throws InvalidArgument when rows do not fit. */
export function inferSystem(x: InferInput, y: InferInput, op: string): { shape: Shape; dtype: DType } {
  requireMatrix(x, op);
  requireMatrix(y, op, false);
  if (x.shape.at(-1) !== y.shape.at(-2))
    throw new InvalidArgumentError(
      `rows differ: x is ${formatShape(x.shape)}, y is ${formatShape(y.shape)}; x's and y's second-to-last extents must agree.`,
      { op, x: x.shape, y: y.shape },
    );
  return { shape: [...broadcastShapes(leading(x), leading(y), op), ...y.shape.slice(-2)], dtype: x.dtype };
}

/** X with `A X = B`. */
export const solveOp = defineOp({
  name: "solve",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, y }) => ({ outs: { out: inferSystem(x, y, "solve") } }),
  host: ({ x, y }) => {
    const [a, b] = [x as NdArray, y as NdArray];
    const { batch, list } = pairs(a, b, "solve");
    const solved = list.map(([m, r]) => solveMatrix(m, r, "solve"));
    return { out: stacked(a.dtype, batch, solved, b.shape.at(-2)!, b.shape.at(-1)!) };
  },
  saves: ["x", "out"],
  grad: ({ x, out }, d) => {
    const dy = (): Value => solve(adjoint(x), d.out);
    return { x: () => neg(matmul(dy(), adjoint(out))), y: dy };
  },
  check: { samples: [{ inputs: [{ shape: [2, 2], data: [2, 1, 0.5, 3] }, [2, 3]] }] },
});

/** X with `A X = B`, both matrices. */
export const solve = <T extends Value>(x: T, y: T): T => bind1(solveOp, [x, y]) as T;

/** `e^A`. */
export const matrixExpOp = defineOp({
  name: "matrix_exp",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => {
    requireMatrix(x, "matrix_exp");
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  },
  host: perMatrix("x", expOf),
  saves: ["x"],
  // The upper right block of e^[[Aᴴ, G], [0, Aᴴ]] is the derivative along G (Higham, "Functions of Matrices", section 3.2).
  grad: ({ x }, d) => ({
    x: () => {
      const rank = x.shape.length;
      const n = x.shape.at(-1)!;
      const a = adjoint(x);
      const top = concat([a, d.out], rank - 1);
      const bottom = concat([subtract(a, a), a], rank - 1);
      const both = matrixExp(concat([top, bottom], rank - 2));
      return slice(both, [rank - 2, rank - 1], [0, n], [n, 2 * n]);
    },
  }),
  check: { samples: [{ inputs: [{ shape: [2, 2], data: [0.2, 0.1, -0.3, 0.4] }] }] },
});

/** Matrix exponentials. */
export const matrixExp = <T extends Value>(x: T): T => bind1(matrixExpOp, [x]) as T;
