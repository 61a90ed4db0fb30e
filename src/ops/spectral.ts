// Ops of linear algebra on the host: eigenvalues, singular values, QR. Rare, not hot.

import { complexOf, isComplex, realOf } from "../core/dtype.js";
import { UnimplementedError } from "../core/errors.js";
import type { NdArray } from "../core/nd-array.js";
import type { Shape } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind } from "../trace/bind.js";
import { add, conj, divide, multiply, subtract } from "./arithmetic.js";
import { cast } from "./cast.js";
import { equal } from "./comparison.js";
import { real } from "./complex-parts.js";
import { slice } from "./concat.js";
import { arrayOf, type Matrix, matricesOf, stacked } from "./dense.js";
import { eigOf } from "./dense-eig.js";
import { eighOf, qrOf, svdOf } from "./dense-orthogonal.js";
import { adjoint, requireMatrix, solve } from "./linear-algebra.js";
import { where } from "./logic.js";
import { matmul } from "./matmul.js";
import { sumOver } from "./reduction.js";
import { eye, tril } from "./triangle.js";
import { triangularSolve } from "./triangular.js";
import { unsqueeze } from "./views.js";

const leading = (x: { readonly shape: Shape }): Shape => x.shape.slice(0, -2);

/** A row of numbers as factors of columns. */
const ofColumns = (s: Value): Value => unsqueeze(s, [s.shape.length - 1]);

/** `1 / (s[j] - s[i])`, 0 on the diagonal and between equal ones. */
function gaps(s: Value): Value {
  const difference = subtract(ofColumns(s), unsqueeze(s, [s.shape.length]));
  const none = equal(difference, 0);
  return where(none, 0, divide(1, where(none, 1, difference)));
}

/** Eigenvalues (ascending) and eigenvectors (columns) of Hermitian matrices, of which one triangle is read. */
export const eighOp = defineOp({
  name: "eigh",
  inputs: ["x"],
  outputs: ["out", "vectors"],
  attrs: { upper: fixed(false) },
  infer: ({ x }) => {
    requireMatrix(x, "eigh");
    return {
      outs: {
        out: { shape: x.shape.slice(0, -1), dtype: realOf(x.dtype) },
        vectors: { shape: x.shape, dtype: x.dtype },
      },
    };
  },
  host: ({ x }, { upper }) => {
    const given = x as NdArray;
    const n = given.shape.at(-1)!;
    const all = matricesOf(given).map((a) => eighOf(a, upper === true));
    const values = all.flatMap((e) => [...e.values]);
    return {
      out: arrayOf(realOf(given.dtype), given.shape.slice(0, -1), values),
      vectors: stacked(
        given.dtype,
        leading(given),
        all.map((e) => e.vectors),
        n,
        n,
      ),
    };
  },
  saves: ["out", "vectors"],
  grad: ({ out, vectors }, d) => ({
    x: () => {
      const v = vectors;
      const own = multiply(eye(v.shape.at(-1)!, v.shape.at(-1)!, out.dtype), ofColumns(d.out));
      const inner = add(own, multiply(gaps(out), matmul(adjoint(v), d.vectors)));
      const g = matmul(matmul(v, inner), adjoint(v));
      return multiply(add(g, adjoint(g)), 0.5);
    },
  }),
  check: {
    noGradCheck: "the gradient is that of Hermitian matrices",
    samples: [
      {
        inputs: [{ shape: [2, 2], data: [3, 0, 0, 1] }],
        attrs: { upper: false },
        expect: () => [
          { shape: [2], data: [1, 3] },
          { shape: [2, 2], data: [0, 1, 1, 0] },
        ],
      },
    ],
  },
});

/** Eigenvalues and eigenvectors of Hermitian matrices. */
export const eigh = <T extends Value>(x: T, upper: boolean): [T, T] => bind(eighOp, [x], { upper }) as [T, T];

/** `A = U diag(s) Vᴴ`: U, s (descending) and Vᴴ; with `full` U and V are square. */
export const svdOp = defineOp({
  name: "svd",
  inputs: ["x"],
  outputs: ["u", "s", "vh"],
  attrs: { full: fixed(false) },
  infer: ({ x }, { full }) => {
    requireMatrix(x, "svd", false);
    const [m, n] = [x.shape.at(-2)!, x.shape.at(-1)!];
    const rank = Math.min(m, n);
    const batch = leading(x);
    return {
      outs: {
        u: { shape: [...batch, m, full ? m : rank], dtype: x.dtype },
        s: { shape: [...batch, rank], dtype: realOf(x.dtype) },
        vh: { shape: [...batch, full ? n : rank, n], dtype: x.dtype },
      },
    };
  },
  host: ({ x }, { full }) => {
    const given = x as NdArray;
    const [m, n] = [given.shape.at(-2)!, given.shape.at(-1)!];
    const rank = Math.min(m, n);
    const batch = leading(given);
    const all = matricesOf(given).map((a) => svdOf(a, full === true));
    return {
      u: stacked(
        given.dtype,
        batch,
        all.map((f) => f.u),
        m,
        full ? m : rank,
      ),
      s: arrayOf(
        realOf(given.dtype),
        [...batch, rank],
        all.flatMap((f) => [...f.s]),
      ),
      vh: stacked(
        given.dtype,
        batch,
        all.map((f) => f.v.adjoint()),
        full ? n : rank,
        n,
      ),
    };
  },
  saves: ["u", "s", "vh"],
  // Townsend, "Differentiating the singular value decomposition" (2016).
  // Vectors beyond the singular values are not unique; what flows into them is left out, as in Paddle.
  grad: (saved, d) => ({ x: () => svdGradient(thin(saved), thin(d)) }),
  check: {
    noGradCheck: "compared with recorded values",
    samples: [
      {
        inputs: [{ shape: [2, 2], data: [3, 0, 0, 2] }],
        attrs: { full: false },
        expect: () => [
          { shape: [2, 2], data: [1, 0, 0, 1] },
          { shape: [2], data: [3, 2] },
          { shape: [2, 2], data: [1, 0, 0, 1] },
        ],
      },
    ],
  },
});

interface Factors {
  readonly u: Value;
  readonly s: Value;
  readonly vh: Value;
}

/** The vectors that belong to singular values. */
function thin({ u, s, vh }: Factors): Factors {
  const k = s.shape.at(-1)!;
  const cut = (x: Value, axis: number): Value => (x.shape[axis] === k ? x : slice(x, [axis], [0], [k]));
  return { u: cut(u, u.shape.length - 1), s, vh: cut(vh, vh.shape.length - 2) };
}

function svdGradient({ u, s, vh }: Factors, d: Factors): Value {
  const rank = s.shape.length;
  const root = ofColumns(s);
  const f = gaps(multiply(s, s));
  const skew = (x: Value): Value => subtract(x, adjoint(x));
  const fromU = multiply(multiply(f, skew(matmul(adjoint(u), d.u))), root);
  const fromV = multiply(multiply(f, skew(matmul(vh, adjoint(d.vh)))), unsqueeze(s, [rank]));
  const diagonal = multiply(eye(s.shape.at(-1)!, s.shape.at(-1)!, s.dtype), ofColumns(d.s));
  const inner = add(add(fromU, fromV), diagonal);
  let out = matmul(matmul(u, inner), vh);
  const [m, n, k] = [u.shape.at(-2)!, vh.shape.at(-1)!, s.shape.at(-1)!];
  if (m > k) {
    const outside = subtract(d.u, matmul(u, matmul(adjoint(u), d.u)));
    out = add(out, matmul(divide(outside, root), vh));
  }
  if (n > k) {
    const g = divide(d.vh, unsqueeze(s, [rank]));
    out = add(out, matmul(u, subtract(g, matmul(matmul(g, adjoint(vh)), vh))));
  }
  return out;
}

/** Singular value decomposition. */
export const svd = <T extends Value>(x: T, full: boolean): [T, T, T] => bind(svdOp, [x], { full }) as [T, T, T];

/** How much of Q and R is given. */
export type QrMode = "reduced" | "complete";

/** `A = Q R` with orthonormal columns in Q and an upper triangular R. */
export const qrOp = defineOp({
  name: "qr",
  inputs: ["x"],
  outputs: ["q", "r"],
  attrs: { mode: fixed<QrMode>("reduced") },
  infer: ({ x }, { mode }) => {
    requireMatrix(x, "qr", false);
    const [m, n] = [x.shape.at(-2)!, x.shape.at(-1)!];
    const inner = mode === "complete" ? m : Math.min(m, n);
    return {
      outs: {
        q: { shape: [...leading(x), m, inner], dtype: x.dtype },
        r: { shape: [...leading(x), inner, n], dtype: x.dtype },
      },
    };
  },
  host: ({ x }, { mode }) => {
    const given = x as NdArray;
    const [m, n] = [given.shape.at(-2)!, given.shape.at(-1)!];
    const inner = mode === "complete" ? m : Math.min(m, n);
    const all = matricesOf(given).map((a) => qrOf(a));
    return {
      q: stacked(
        given.dtype,
        leading(given),
        all.map((f) => f.q.corner(m, inner)),
        m,
        inner,
      ),
      r: stacked(
        given.dtype,
        leading(given),
        all.map((f) => upper(f.r.corner(inner, n))),
        inner,
        n,
      ),
    };
  },
  saves: ["q", "r"],
  // Walter and Lehmann, "Algorithmic differentiation of linear algebra functions" (2018), for m ≥ n.
  grad: ({ q, r }, d, { attrs: { mode }, meta }) => ({
    x: () => {
      const [m, n] = [meta.x.shape.at(-2)!, meta.x.shape.at(-1)!];
      if (m < n || (mode === "complete" && m > n))
        throw new UnimplementedError("qr has a gradient for reduced factors of tall matrices.", { op: "qr" });
      const inner = subtract(matmul(r, adjoint(d.r)), matmul(adjoint(d.q), q));
      const mirrored = add(tril(inner), adjoint(tril(inner, -1)));
      const left = add(d.q, matmul(q, mirrored));
      return adjoint(triangularSolve(r, adjoint(left), { upper: true, transpose: false, unitriangular: false }));
    },
  }),
  check: {
    noGradCheck: "the factors are unique up to signs",
    samples: [
      {
        inputs: [{ shape: [2, 2], data: [2, 1, 0, 3] }],
        attrs: { mode: "reduced" },
        expect: () => [
          { shape: [2, 2], data: [1, 0, 0, 1] },
          { shape: [2, 2], data: [2, 1, 0, 3] },
        ],
      },
    ],
  },
});

/** What elimination left below the diagonal is rounding. */
function upper(r: Matrix): Matrix {
  for (let i = 0; i < r.rows; i++) for (let j = 0; j < Math.min(i, r.cols); j++) r.set(i, j, 0);
  return r;
}

/** QR factorisation. */
export const qr = <T extends Value>(x: T, mode: QrMode): [T, T] => bind(qrOp, [x], { mode }) as [T, T];

/** Eigenvalues and eigenvectors (columns of length 1) of square matrices, complex. */
export const eigOp = defineOp({
  name: "eig",
  inputs: ["x"],
  outputs: ["out", "vectors"],
  attrs: {},
  infer: ({ x }) => {
    requireMatrix(x, "eig");
    const dtype = isComplex(x.dtype) ? x.dtype : complexOf(x.dtype);
    return { outs: { out: { shape: x.shape.slice(0, -1), dtype }, vectors: { shape: x.shape, dtype } } };
  },
  host: ({ x }) => {
    const given = x as NdArray;
    const n = given.shape.at(-1)!;
    const dtype = isComplex(given.dtype) ? given.dtype : complexOf(given.dtype);
    const all = matricesOf(given).map(eigOf);
    return {
      out: arrayOf(
        dtype,
        given.shape.slice(0, -1),
        all.flatMap((e) => [...e.re]),
        all.flatMap((e) => [...e.im]),
      ),
      vectors: stacked(
        dtype,
        leading(given),
        all.map((e) => e.vectors),
        n,
        n,
      ),
    };
  },
  saves: ["x", "out", "vectors"],
  // Boeddeker et al., "On the computation of complex-valued gradients" (2017), section 4.
  grad: ({ x, out, vectors: v }, d) => ({
    x: () => {
      const n = v.shape.at(-1)!;
      const ones = eye(n, n, realOf(v.dtype));
      const inner = matmul(adjoint(v), d.vectors);
      const lengths = sumOver(multiply(real(inner), ones), [v.shape.length - 2], true);
      const across = subtract(inner, multiply(matmul(adjoint(v), v), lengths));
      const gap = subtract(ofColumns(out), unsqueeze(out, [out.shape.length]));
      const off = divide(multiply(across, subtract(1, ones)), add(conj(gap), ones));
      const g = solve(adjoint(v), matmul(add(off, multiply(ones, ofColumns(d.out))), adjoint(v)));
      return isComplex(x.dtype) ? g : cast(real(g), x.dtype);
    },
  }),
  check: {
    noGradCheck: "the vectors are unique up to phases",
    samples: [
      {
        inputs: [{ shape: [2, 2], data: [2, 0, 0, 3] }],
        expect: () => [
          { shape: [2], data: [2, 0, 3, 0] },
          { shape: [2, 2], data: [1, 0, 0, 0, 0, 0, 1, 0] },
        ],
      },
    ],
  },
});

/** Eigenvalues and eigenvectors of square matrices. */
export const eig = <T extends Value>(x: T): [T, T] => bind(eigOp, [x]) as [T, T];
