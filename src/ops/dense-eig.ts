// Eigenvalues of general matrices on the host: Hessenberg form, then shifted QR steps in complex arithmetic.

import { BugError } from "../core/errors.js";
import { Matrix, quotient } from "./dense.js";
import { hessenbergOf } from "./dense-orthogonal.js";

/** Eigenvalues and eigenvectors, columns of length 1. */
export interface Eigen {
  readonly re: Float64Array;
  readonly im: Float64Array;
  readonly vectors: Matrix;
}

type Complex = readonly [re: number, im: number];

const times = (x: Complex, y: Complex): Complex => [x[0] * y[0] - x[1] * y[1], x[0] * y[1] + x[1] * y[0]];
const minus = (x: Complex, y: Complex): Complex => [x[0] - y[0], x[1] - y[1]];
const entry = (a: Matrix, i: number, j: number): Complex => [a.re[a.at(i, j)]!, a.im[a.at(i, j)]!];

function rootOf([a, b]: Complex): Complex {
  const r = Math.hypot(a, b);
  const re = Math.sqrt(Math.max((r + a) / 2, 0));
  const im = Math.sqrt(Math.max((r - a) / 2, 0));
  return [re, b < 0 ? -im : im];
}

/** The eigenvalue of the trailing 2 × 2 block that is nearest to its last entry. */
function shiftOf(h: Matrix, last: number): Complex {
  const [a, b] = [entry(h, last - 1, last - 1), entry(h, last - 1, last)];
  const [c, d] = [entry(h, last, last - 1), entry(h, last, last)];
  const half: Complex = [(a[0] - d[0]) / 2, (a[1] - d[1]) / 2];
  const bc = times(b, c);
  const square = times(half, half);
  const root = rootOf([square[0] + bc[0], square[1] + bc[1]]);
  const near = half[0] * root[0] + half[1] * root[1] >= 0 ? 1 : -1;
  const denominator: Complex = [half[0] + near * root[0], half[1] + near * root[1]];
  if (denominator[0] === 0 && denominator[1] === 0) return d;
  return minus(d, quotient(bc[0], bc[1], denominator[0], denominator[1]));
}

/** A complex Givens rotation `[c s; -s̄ c]` that zeroes y under x. */
function givens(x: Complex, y: Complex): { c: number; s: Complex } {
  const [m, n] = [Math.hypot(...x), Math.hypot(...y)];
  if (n === 0) return { c: 1, s: [0, 0] };
  const r = Math.hypot(m, n);
  if (m === 0) return { c: 0, s: [y[0] / n, -y[1] / n] };
  const phase: Complex = [x[0] / m, x[1] / m];
  const s = times(phase, [y[0] / r, -y[1] / r]);
  return { c: m / r, s };
}

function rotateRows(a: Matrix, i: number, { c, s }: ReturnType<typeof givens>, from: number): void {
  for (let j = from; j < a.cols; j++) {
    const [x, y] = [entry(a, i, j), entry(a, i + 1, j)];
    const sy = times(s, y);
    const sx = times([s[0], -s[1]], x);
    a.set(i, j, c * x[0] + sy[0], c * x[1] + sy[1]);
    a.set(i + 1, j, c * y[0] - sx[0], c * y[1] - sx[1]);
  }
}

function rotateColumns(a: Matrix, j: number, { c, s }: ReturnType<typeof givens>, rows: number): void {
  for (let i = 0; i < rows; i++) {
    const [x, y] = [entry(a, i, j), entry(a, i, j + 1)];
    const sy = times([s[0], -s[1]], y);
    const sx = times(s, x);
    a.set(i, j, c * x[0] + sy[0], c * x[1] + sy[1]);
    a.set(i, j + 1, c * y[0] - sx[0], c * y[1] - sx[1]);
  }
}

/** One QR step with a shift on the active block `first` … `last`. */
function step(h: Matrix, q: Matrix, first: number, last: number, shift: Complex): void {
  const add = (sign: number): void => {
    for (let i = first; i <= last; i++) {
      const [re, im] = entry(h, i, i);
      h.set(i, i, re + sign * shift[0], im + sign * shift[1]);
    }
  };
  add(-1);
  const turns: ReturnType<typeof givens>[] = [];
  for (let i = first; i < last; i++) {
    const turn = givens(entry(h, i, i), entry(h, i + 1, i));
    turns.push(turn);
    rotateRows(h, i, turn, i);
  }
  turns.forEach((turn, t) => {
    const i = first + t;
    rotateColumns(h, i, turn, Math.min(i + 2, last + 1));
    rotateColumns(q, i, turn, q.rows);
  });
  add(1);
}

/** Brings `h` to upper triangular form, `q` along. */
function schur(h: Matrix, q: Matrix): void {
  let last = h.rows - 1;
  let rounds = 0;
  while (last > 0) {
    let first = last;
    while (first > 0 && !isSmall(h, first)) first--;
    if (first > 0) h.set(first, first - 1, 0);
    if (first === last) {
      last--;
      rounds = 0;
      continue;
    }
    if (++rounds > 300) throw new BugError("the eigenvalues did not converge");
    const exceptional: Complex = [Math.hypot(...entry(h, last, last - 1)) + entry(h, last, last)[0], 0];
    step(h, q, first, last, rounds % 11 === 10 ? exceptional : shiftOf(h, last));
  }
}

function isSmall(h: Matrix, i: number): boolean {
  const around = Math.hypot(...entry(h, i, i)) + Math.hypot(...entry(h, i - 1, i - 1));
  return Math.hypot(...entry(h, i, i - 1)) <= 2.3e-16 * around;
}

/** Eigenvectors of an upper triangular matrix by substitution, in the basis `q`. */
function backSubstituted(t: Matrix, q: Matrix): Matrix {
  const n = t.rows;
  const y = new Matrix(n, n);
  for (let e = 0; e < n; e++) {
    y.set(e, e, 1);
    const own = entry(t, e, e);
    for (let i = e - 1; i >= 0; i--) {
      let sum: Complex = [0, 0];
      for (let j = i + 1; j <= e; j++) {
        const term = times(entry(t, i, j), entry(y, j, e));
        sum = [sum[0] - term[0], sum[1] - term[1]];
      }
      let [re, im] = minus(entry(t, i, i), own);
      if (Math.hypot(re, im) < 1e-300) [re, im] = [2.3e-16 * Math.max(Math.hypot(...own), 1e-300), 0];
      y.set(i, e, ...quotient(sum[0], sum[1], re, im));
    }
  }
  const out = q.times(y);
  for (let e = 0; e < n; e++) {
    let size = 0;
    for (let i = 0; i < n; i++) size = Math.hypot(size, ...entry(out, i, e));
    for (let i = 0; i < n; i++) out.set(i, e, entry(out, i, e)[0] / size, entry(out, i, e)[1] / size);
  }
  return out;
}

/** Eigenvalues and right eigenvectors of a square matrix. */
export function eigOf(x: Matrix): Eigen {
  const { q, h } = hessenbergOf(x);
  schur(h, q);
  const n = x.rows;
  return {
    re: Float64Array.from({ length: n }, (_, i) => h.re[h.at(i, i)]!),
    im: Float64Array.from({ length: n }, (_, i) => h.im[h.at(i, i)]!),
    vectors: backSubstituted(h, q),
  };
}
