// Dense matrices on the host: each factorisation multiplies back to its matrix, real and complex.

import { describe, expect, test } from "vitest";
import { InvalidArgumentError } from "../core/errors.js";
import { choleskyOf, expOf, luOf, Matrix, solveMatrix, solveTriangular } from "./dense.js";
import { eigOf } from "./dense-eig.js";
import { eighOf, qrOf, svdOf } from "./dense-orthogonal.js";

function wave(rows: number, cols: number, complex: boolean, seed = 1): Matrix {
  const out = new Matrix(rows, cols);
  for (let i = 0; i < rows * cols; i++) {
    out.re[i] = Math.sin(1.7 * i + seed) + (i % (cols + 1) === 0 ? 1 : 0);
    if (complex) out.im[i] = Math.cos(2.3 * i + seed);
  }
  return out;
}

function difference(x: Matrix, y: Matrix): number {
  expect([x.rows, x.cols]).toEqual([y.rows, y.cols]);
  return x.re.reduce((m, v, i) => Math.max(m, Math.abs(v - y.re[i]!), Math.abs(x.im[i]! - y.im[i]!)), 0);
}

function diagonal(values: ArrayLike<number>, rows = values.length, cols = values.length): Matrix {
  const out = new Matrix(rows, cols);
  for (let i = 0; i < values.length; i++) out.set(i, i, values[i]!);
  return out;
}

describe.each([false, true])("complex: %s", (complex) => {
  test("P A = L U, and systems", () => {
    const a = wave(6, 6, complex);
    const { packed, pivots } = luOf(a);
    const [l, u] = [Matrix.identity(6), new Matrix(6, 6)];
    for (let i = 0; i < 6; i++)
      for (let j = 0; j < 6; j++) (i > j ? l : u).set(i, j, packed.re[packed.at(i, j)]!, packed.im[packed.at(i, j)]!);
    const exchanged = a.copy();
    pivots.forEach((p, i) => {
      if (p !== i) exchanged.swapRows(p, i);
    });
    expect(difference(l.times(u), exchanged)).toBeLessThan(1e-13);
    const b = wave(6, 2, complex, 5);
    expect(difference(a.times(solveMatrix(a, b, "test")), b)).toBeLessThan(1e-12);
    expect(difference(u.times(solveTriangular(u, b, { upper: true, unit: false })), b)).toBeLessThan(1e-12);
  });

  test("Cholesky of A Aᴴ", () => {
    const a = wave(5, 5, complex);
    const h = a.times(a.adjoint());
    const l = choleskyOf(h, "test");
    expect(difference(l.times(l.adjoint()), h)).toBeLessThan(1e-12);
    expect(() => choleskyOf(diagonal([1, -1]), "test")).toThrow(InvalidArgumentError);
  });

  test.each([
    [5, 3],
    [3, 5],
    [4, 4],
  ])("Q R and U S Vᴴ of %i × %i", (rows, cols) => {
    const a = wave(rows, cols, complex);
    const { q, r } = qrOf(a);
    expect(difference(q.times(r), a)).toBeLessThan(1e-13);
    expect(difference(q.adjoint().times(q), Matrix.identity(rows))).toBeLessThan(1e-13);
    for (const full of [false, true]) {
      const { u, s, v } = svdOf(a, full);
      expect(difference(u.times(diagonal(s, u.cols, v.cols)).times(v.adjoint()), a)).toBeLessThan(1e-12);
      expect(difference(u.adjoint().times(u), Matrix.identity(u.cols))).toBeLessThan(1e-12);
      expect([...s].every((x, i) => i === 0 || x <= s[i - 1]!)).toBe(true);
    }
  });

  test("a matrix of rank 1 has orthonormal vectors too", () => {
    const a = wave(4, 1, complex).times(wave(1, 3, complex));
    const { u, s, v } = svdOf(a, false);
    expect(difference(u.adjoint().times(u), Matrix.identity(3))).toBeLessThan(1e-12);
    expect(difference(u.times(diagonal(s)).times(v.adjoint()), a)).toBeLessThan(1e-12);
  });

  test("eigenvalues of Hermitian and general matrices", () => {
    const a = wave(6, 6, complex);
    const h = a.times(a.adjoint());
    const { values, vectors } = eighOf(h, false);
    expect(difference(h.times(vectors), vectors.times(diagonal(values)))).toBeLessThan(1e-11);
    const e = eigOf(a);
    const d = diagonal(e.re);
    e.im.forEach((v, i) => {
      d.im[d.at(i, i)] = v;
    });
    expect(difference(a.times(e.vectors), e.vectors.times(d))).toBeLessThan(1e-11);
  });

  test("e^A e^-A = I", () => {
    const a = wave(4, 4, complex);
    const minus = a.copy();
    for (let i = 0; i < 4; i++) minus.scaleRow(i, -1, 0);
    expect(difference(expOf(a).times(expOf(minus)), Matrix.identity(4))).toBeLessThan(1e-11);
  });
});
