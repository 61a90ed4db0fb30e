// Ops of linear algebra that run on the host in double precision: inverses, determinants, systems, factorisations. Rare, not hot.

import { type DType, isComplex, isFloat } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import type { NdArray } from "../core/nd-array.js";
import { broadcastShapes, formatShape, type Shape, sizeOf } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind, bind1 } from "../trace/bind.js";
import { add, conj, multiply, neg, subtract } from "./arithmetic.js";
import {
  arrayOf,
  choleskyOf,
  expOf,
  luOf,
  Matrix,
  matricesOf,
  solveMatrix,
  solveTriangular,
  stacked,
} from "./dense.js";
import { matmul } from "./matmul.js";
import { concat, slice } from "./concat.js";
import { swapAxes } from "./movement.js";
import { eye, tril, triu } from "./triangle.js";
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

const leading = (x: { readonly shape: Shape }): Shape => x.shape.slice(0, -2);

/** A host body that maps each matrix to one. */
const perMatrix =
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
function pairs(x: NdArray, y: NdArray, op: string): { batch: Shape; list: [Matrix, Matrix][] } {
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

function inferSystem(x: InferInput, y: InferInput, op: string): { shape: Shape; dtype: DType } {
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

/** X with `T X = B` for triangular T (or its adjoint). */
export const triangularSolveOp = defineOp({
  name: "triangular_solve",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: { upper: fixed(true), transpose: fixed(false), unitriangular: fixed(false) },
  infer: ({ x, y }) => ({ outs: { out: inferSystem(x, y, "triangular_solve") } }),
  host: ({ x, y }, { upper, transpose, unitriangular }) => {
    const [a, b] = [x as NdArray, y as NdArray];
    const { batch, list } = pairs(a, b, "triangular_solve");
    const triangle = { upper: upper !== transpose, unit: unitriangular === true };
    const solved = list.map(([t, r]) => solveTriangular(transpose ? t.adjoint() : t, r, triangle));
    return { out: stacked(a.dtype, batch, solved, b.shape.at(-2)!, b.shape.at(-1)!) };
  },
  saves: ["x", "out"],
  grad: ({ x, out }, d, { attrs: { upper, transpose, unitriangular } }) => {
    const dy = (): Value => triangularSolve(x, d.out, { upper, transpose: !transpose, unitriangular });
    return {
      x: () => {
        const full = neg(transpose ? matmul(out, adjoint(dy())) : matmul(dy(), adjoint(out)));
        const off = unitriangular ? 1 : 0;
        return upper ? triu(full, off) : tril(full, -off);
      },
      y: dy,
    };
  },
  check: {
    samples: [
      {
        inputs: [{ shape: [2, 2], data: [2, 1, 0, 3] }, [2, 3]],
        attrs: { upper: true, transpose: false, unitriangular: false },
      },
    ],
  },
});

/** How a triangular system is read. */
export interface TriangularOptions {
  readonly upper: boolean;
  readonly transpose: boolean;
  readonly unitriangular: boolean;
}

/** X with `T X = B`. */
export const triangularSolve = <T extends Value>(x: T, y: T, o: TriangularOptions): T =>
  bind1(triangularSolveOp, [x, y], { ...o }) as T;

/** L with `A = L Lᴴ`, or its adjoint with `upper`; A's other triangle is not read. */
export const choleskyOp = defineOp({
  name: "cholesky",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { upper: fixed(false) },
  infer: ({ x }) => {
    requireMatrix(x, "cholesky");
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  },
  host: ({ x }, { upper }) =>
    perMatrix("x", (a) => (upper ? choleskyOf(a.adjoint(), "cholesky").adjoint() : choleskyOf(a, "cholesky")))({
      x: x as NdArray,
    }),
  saves: ["out"],
  // Murray, "Differentiation of the Cholesky decomposition" (2016): L⁻ᴴ Φ(Lᴴ dL) L⁻¹, made symmetric; Φ halves the diagonal.
  grad: ({ out }, d, { attrs: { upper } }) => ({
    x: () => {
      const [l, g] = upper ? [adjoint(out), adjoint(d.out)] : [out, d.out];
      const p = tril(matmul(adjoint(l), g));
      const phi = subtract(p, multiply(subtract(p, tril(p, -1)), 0.5));
      const lower = { upper: false, transpose: true, unitriangular: false };
      const left = triangularSolve(l, phi, lower);
      const s = adjoint(triangularSolve(l, adjoint(left), lower));
      return multiply(add(s, adjoint(s)), 0.5);
    },
  }),
  check: {
    noGradCheck: "the gradient is that of symmetric matrices",
    samples: [
      {
        inputs: [{ shape: [2, 2], data: [4, 2, 2, 5] }],
        attrs: { upper: false },
        expect: () => ({ shape: [2, 2], data: [2, 0, 1, 2] }),
      },
    ],
  },
});

/** Cholesky factors. */
export const cholesky = <T extends Value>(x: T, upper: boolean): T => bind1(choleskyOp, [x], { upper }) as T;

/** X with `A X = B` from the Cholesky factor of A. */
export const choleskySolveOp = defineOp({
  name: "cholesky_solve",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: { upper: fixed(false) },
  infer: ({ x, y }) => ({ outs: { out: inferSystem(y, x, "cholesky_solve") } }),
  host: ({ x, y }, { upper }) => {
    const [b, factor] = [x as NdArray, y as NdArray];
    const { batch, list } = pairs(factor, b, "cholesky_solve");
    const solved = list.map(([t, r]) => {
      const [low, high] = upper ? [t.adjoint(), t] : [t, t.adjoint()];
      return solveTriangular(high, solveTriangular(low, r, { upper: false, unit: false }), {
        upper: true,
        unit: false,
      });
    });
    return { out: stacked(b.dtype, batch, solved, b.shape.at(-2)!, b.shape.at(-1)!) };
  },
  saves: ["y", "out"],
  grad: ({ y, out }, d, { attrs: { upper } }) => {
    const dx = (): Value => choleskySolve(d.out, y, upper);
    return {
      x: dx,
      y: () => {
        const half = matmul(dx(), adjoint(out));
        const both = neg(add(half, adjoint(half)));
        return upper ? triu(matmul(y, both)) : tril(matmul(both, y));
      },
    };
  },
  check: { samples: [{ inputs: [[2, 3], { shape: [2, 2], data: [2, 0, 1, 3] }], attrs: { upper: false } }] },
});

/** X with `A X = B` from A's Cholesky factor. */
export const choleskySolve = <T extends Value>(x: T, y: T, upper: boolean): T =>
  bind1(choleskySolveOp, [x, y], { upper }) as T;

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

/** `P A = L U`: L (unit diagonal left out) and U in one matrix, the row exchanges (from 1), and where a pivot was zero. */
export const luOp = defineOp({
  name: "lu",
  inputs: ["x"],
  outputs: ["out", "pivots", "infos"],
  attrs: { pivot: fixed(true) },
  infer: ({ x }) => {
    requireMatrix(x, "lu", false);
    const steps = Math.min(x.shape.at(-2)!, x.shape.at(-1)!);
    return {
      outs: {
        out: { shape: x.shape, dtype: x.dtype },
        pivots: { shape: [...leading(x), steps], dtype: "int32" },
        infos: { shape: leading(x).length > 0 ? leading(x) : [1], dtype: "int32" },
      },
    };
  },
  host: ({ x }, { pivot }) => {
    const given = x as NdArray;
    const [rows, cols] = [given.shape.at(-2)!, given.shape.at(-1)!];
    const all = matricesOf(given).map((a) => luOf(a, pivot === true));
    const pivots = all.flatMap((f) => f.pivots.map((p) => p + 1));
    return {
      out: stacked(
        given.dtype,
        leading(given),
        all.map((f) => f.packed),
        rows,
        cols,
      ),
      pivots: arrayOf("int32", [...leading(given), Math.min(rows, cols)], pivots),
      infos: arrayOf(
        "int32",
        leading(given).length > 0 ? leading(given) : [1],
        all.map((f) => f.singular),
      ),
    };
  },
  saves: ["out", "pivots"],
  // dA = Pᵀ L⁻ᴴ (tril(Lᴴ dL, -1) + triu(dU Uᴴ)) U⁻ᴴ, for square matrices.
  grad: ({ out, pivots }, d) => ({
    x: () => {
      if (out.shape.at(-1) !== out.shape.at(-2))
        throw new InvalidArgumentError("lu has a gradient for square matrices only.", { op: "lu", x: out.shape });
      const [l, u] = [unitLower(out), triu(out)];
      const inner = add(tril(matmul(adjoint(l), tril(d.out, -1)), -1), triu(matmul(triu(d.out), adjoint(u))));
      const left = triangularSolve(l, inner, { upper: false, transpose: true, unitriangular: true });
      const right = adjoint(triangularSolve(u, adjoint(left), { upper: true, transpose: false, unitriangular: false }));
      return matmul(permutation(pivots, out.shape.at(-2)!, out.dtype), right);
    },
  }),
  check: {
    noGradCheck: "compared with recorded values",
    samples: [
      {
        inputs: [{ shape: [2, 2], data: [1, 2, 3, 4] }],
        attrs: { pivot: true },
        expect: () => [
          { shape: [2, 2], data: [3, 4, 1 / 3, 2 / 3] },
          { shape: [2], data: [2, 2] },
          { shape: [1], data: [0] },
        ],
      },
    ],
  },
});

/** LU factorisation: packed factors, pivots, infos. */
export const lu = <T extends Value>(x: T, pivot: boolean): [T, T, T] => bind(luOp, [x], { pivot }) as [T, T, T];

/** The strict lower triangle of square matrices with ones on the diagonal. */
export function unitLower<T extends Value>(packed: T): T {
  const rows = packed.shape.at(-2)!;
  return add(tril(packed, -1), eye(rows, packed.shape.at(-1)!, packed.dtype) as T);
}

/** P with `A = P L U`, from row exchanges. */
export const permutationOp = defineOp({
  name: "lu_permutation",
  inputs: ["pivots"],
  outputs: ["out"],
  attrs: { rows: fixed(0), dtype: fixed<DType>("float32") },
  infer: ({ pivots }, { rows, dtype }) => ({
    outs: { out: { shape: [...pivots.shape.slice(0, -1), rows, rows], dtype } },
  }),
  host: ({ pivots }, { rows, dtype }) => {
    const given = pivots as NdArray;
    const n = rows as number;
    const steps = given.shape.at(-1)!;
    const list = Array.from({ length: sizeOf(given.shape.slice(0, -1)) }, (_, b) => {
      const order = Array.from({ length: n }, (_, i) => i);
      for (let i = 0; i < steps; i++) {
        const p = Number(given.data[b * steps + i]) - 1;
        [order[i], order[p]] = [order[p]!, order[i]!];
      }
      const out = new Matrix(n, n);
      order.forEach((from, i) => {
        out.set(from, i, 1);
      });
      return out;
    });
    return { out: stacked(dtype as DType, given.shape.slice(0, -1), list, n, n) };
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [{ shape: [2], data: [2, 2], dtype: "int32" }],
        attrs: { rows: 2, dtype: "float32" },
        expect: () => ({ shape: [2, 2], data: [0, 1, 1, 0] }),
      },
    ],
  },
});

/** Permutation matrices of row exchanges. */
export const permutation = <T extends Value>(pivots: Value, rows: number, dtype: DType): T =>
  bind1(permutationOp, [pivots], { rows, dtype }) as T;
