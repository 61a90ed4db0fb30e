// Ops of triangular systems and triangular factorisations, on the host in double precision. Rare, not hot.

import type { DType } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import type { NdArray } from "../core/nd-array.js";
import { sizeOf } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind, bind1 } from "../trace/bind.js";
import { add, multiply, neg, subtract } from "./arithmetic.js";
import { arrayOf, choleskyOf, luOf, Matrix, matricesOf, solveTriangular, stacked } from "./dense.js";
import { adjoint, inferSystem, leading, pairs, perMatrix, requireMatrix } from "./linear-algebra.js";
import { matmul } from "./matmul.js";
import { eye, tril, triu } from "./triangle.js";

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
