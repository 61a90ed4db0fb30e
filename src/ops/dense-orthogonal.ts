// Orthogonal factorisations on the host: Householder QR, Jacobi's eigenvalues of Hermitian matrices and singular values.

import { Matrix } from "./dense.js";

/** `A = Q R` with Q square. */
export function qrOf(x: Matrix): { q: Matrix; r: Matrix } {
  const r = x.copy();
  const q = Matrix.identity(x.rows);
  for (let c = 0; c < Math.min(x.rows - 1, x.cols); c++) {
    const v = reflector(r, c);
    if (!v) continue;
    reflect(r, v, c);
    reflectRight(q, v, c);
  }
  return { q, r };
}

/** A vector v from row `c` on with `H = I - 2 v vᴴ / vᴴv` turning column c into a multiple of the first unit vector. */
function reflector(a: Matrix, c: number, row = c): { re: number[]; im: number[]; scale: number } | undefined {
  const re: number[] = [];
  const im: number[] = [];
  let size = 0;
  for (let i = row; i < a.rows; i++) {
    re.push(a.re[a.at(i, c)]!);
    im.push(a.im[a.at(i, c)]!);
    size = Math.hypot(size, re.at(-1)!, im.at(-1)!);
  }
  const first = Math.hypot(re[0]!, im[0]!);
  if (size === 0 || (size === first && im[0] === 0)) return undefined;
  // alpha = -e^(i arg a0) |a|: no cancellation in a0 - alpha.
  const [pr, pi] = first === 0 ? [1, 0] : [re[0]! / first, im[0]! / first];
  re[0]! += pr * size;
  im[0]! += pi * size;
  const norm = re.reduce((s, x, i) => s + x * x + im[i]! * im[i]!, 0);
  return { re, im, scale: 2 / norm };
}

type Reflector = NonNullable<ReturnType<typeof reflector>>;

/** `H A` on the rows from `row`. */
function reflect(a: Matrix, v: Reflector, row: number): void {
  for (let j = 0; j < a.cols; j++) {
    let [re, im] = [0, 0];
    for (let i = 0; i < v.re.length; i++) {
      const at = a.at(row + i, j);
      re += v.re[i]! * a.re[at]! + v.im[i]! * a.im[at]!;
      im += v.re[i]! * a.im[at]! - v.im[i]! * a.re[at]!;
    }
    re *= v.scale;
    im *= v.scale;
    for (let i = 0; i < v.re.length; i++) {
      const at = a.at(row + i, j);
      a.re[at]! -= re * v.re[i]! - im * v.im[i]!;
      a.im[at]! -= re * v.im[i]! + im * v.re[i]!;
    }
  }
}

/** `A H` on the columns from `col`. */
function reflectRight(a: Matrix, v: Reflector, col: number): void {
  for (let i = 0; i < a.rows; i++) {
    let [re, im] = [0, 0];
    for (let j = 0; j < v.re.length; j++) {
      const at = a.at(i, col + j);
      re += a.re[at]! * v.re[j]! - a.im[at]! * v.im[j]!;
      im += a.re[at]! * v.im[j]! + a.im[at]! * v.re[j]!;
    }
    re *= v.scale;
    im *= v.scale;
    for (let j = 0; j < v.re.length; j++) {
      const at = a.at(i, col + j);
      a.re[at]! -= re * v.re[j]! + im * v.im[j]!;
      a.im[at]! -= im * v.re[j]! - re * v.im[j]!;
    }
  }
}

/** `A = Q H Qᴴ` with H upper Hessenberg. */
export function hessenbergOf(x: Matrix): { q: Matrix; h: Matrix } {
  const h = x.copy();
  const q = Matrix.identity(x.rows);
  for (let c = 0; c < x.rows - 2; c++) {
    const v = reflector(h, c, c + 1);
    if (!v) continue;
    reflect(h, v, c + 1);
    reflectRight(h, v, c + 1);
    reflectRight(q, v, c + 1);
  }
  return { q, h };
}

/** Columns p and q of `a`: column q by `e^(-i phase)`, then a rotation by (c, s). */
function rotateColumns(a: Matrix, p: number, q: number, phase: readonly [number, number], c: number, s: number): void {
  const [fr, fi] = phase;
  for (let i = 0; i < a.rows; i++) {
    const [ip, iq] = [a.at(i, p), a.at(i, q)];
    const [xr, xi] = [a.re[ip]!, a.im[ip]!];
    const yr = a.re[iq]! * fr + a.im[iq]! * fi;
    const yi = a.im[iq]! * fr - a.re[iq]! * fi;
    a.re[ip] = c * xr - s * yr;
    a.im[ip] = c * xi - s * yi;
    a.re[iq] = s * xr + c * yr;
    a.im[iq] = s * xi + c * yi;
  }
}

/** The same from the left, on rows. */
function rotateRows(a: Matrix, p: number, q: number, phase: readonly [number, number], c: number, s: number): void {
  const [fr, fi] = phase;
  for (let j = 0; j < a.cols; j++) {
    const [ip, iq] = [a.at(p, j), a.at(q, j)];
    const [xr, xi] = [a.re[ip]!, a.im[ip]!];
    const yr = a.re[iq]! * fr - a.im[iq]! * fi;
    const yi = a.im[iq]! * fr + a.re[iq]! * fi;
    a.re[ip] = c * xr - s * yr;
    a.im[ip] = c * xi - s * yi;
    a.re[iq] = s * xr + c * yr;
    a.im[iq] = s * xi + c * yi;
  }
}

/** Cosine and sine of the rotation that makes a 2 × 2 symmetric matrix with off-diagonal r > 0 diagonal. */
function rotation(p: number, q: number, r: number): [number, number] {
  const zeta = (q - p) / (2 * r);
  const t = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.hypot(1, zeta));
  const c = 1 / Math.hypot(1, t);
  return [c, c * t];
}

const maxSweeps = 60;

/** Eigenvalues, ascending, and eigenvectors (columns) of a Hermitian matrix; only one triangle is read. */
export function eighOf(x: Matrix, upper: boolean): { values: Float64Array; vectors: Matrix } {
  const n = x.rows;
  const a = hermitian(x, upper);
  const v = Matrix.identity(n);
  for (let sweep = 0; sweep < maxSweeps; sweep++) {
    let rotated = false;
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        const [re, im] = [a.re[a.at(p, q)]!, a.im[a.at(p, q)]!];
        const r = Math.hypot(re, im);
        const [dp, dq] = [a.re[a.at(p, p)]!, a.re[a.at(q, q)]!];
        if (!(r > 1e-300) || r <= 1e-17 * Math.sqrt(Math.abs(dp * dq)) || r <= 1e-20 * scaleOf(a)) continue;
        rotated = true;
        const phase = [re / r, im / r] as const;
        const [c, s] = rotation(dp, dq, r);
        rotateColumns(a, p, q, phase, c, s);
        rotateRows(a, p, q, phase, c, s);
        rotateColumns(v, p, q, phase, c, s);
      }
    if (!rotated) break;
  }
  const order = Array.from({ length: n }, (_, i) => i).sort((i, j) => a.re[a.at(i, i)]! - a.re[a.at(j, j)]!);
  return { values: Float64Array.from(order, (i) => a.re[a.at(i, i)]!), vectors: columnsOf(v, order) };
}

const scaleOf = (a: Matrix): number => {
  let size = 0;
  for (let i = 0; i < a.rows; i++) size = Math.max(size, Math.abs(a.re[a.at(i, i)]!));
  return size;
};

function hermitian(x: Matrix, upper: boolean): Matrix {
  const out = new Matrix(x.rows, x.rows);
  for (let i = 0; i < x.rows; i++)
    for (let j = 0; j <= i; j++) {
      const at = upper ? x.at(j, i) : x.at(i, j);
      const im = i === j ? 0 : upper ? -x.im[at]! : x.im[at]!;
      out.set(i, j, x.re[at]!, im);
      out.set(j, i, x.re[at]!, -im);
    }
  return out;
}

function columnsOf(x: Matrix, order: readonly number[]): Matrix {
  const out = new Matrix(x.rows, order.length);
  for (let i = 0; i < x.rows; i++)
    order.forEach((from, j) => {
      out.set(i, j, x.re[x.at(i, from)]!, x.im[x.at(i, from)]!);
    });
  return out;
}

/** `A = U diag(s) Vᴴ`, s descending, by one-sided Jacobi rotations; U and V have min(m, n) columns, or all with `full`. */
export function svdOf(x: Matrix, full: boolean): { u: Matrix; s: Float64Array; v: Matrix } {
  if (x.rows < x.cols) {
    const { u, s, v } = svdOf(x.adjoint(), full);
    return { u: v, s, v: u };
  }
  const a = x.copy();
  const v = Matrix.identity(x.cols);
  for (let sweep = 0; sweep < maxSweeps; sweep++) if (!sweepColumns(a, v)) break;
  const norms = Array.from({ length: a.cols }, (_, j) => {
    let size = 0;
    for (let i = 0; i < a.rows; i++) size = Math.hypot(size, a.re[a.at(i, j)]!, a.im[a.at(i, j)]!);
    return size;
  });
  const order = norms.map((_, j) => j).sort((i, j) => norms[j]! - norms[i]!);
  const s = Float64Array.from(order, (j) => norms[j]!);
  return { u: completed(columnsOf(a, order), s, full ? x.rows : x.cols), s, v: columnsOf(v, order) };
}

/** Makes each pair of columns orthogonal once; whether any was not. */
function sweepColumns(a: Matrix, v: Matrix): boolean {
  let rotated = false;
  for (let p = 0; p < a.cols; p++)
    for (let q = p + 1; q < a.cols; q++) {
      let [alpha, beta, re, im] = [0, 0, 0, 0];
      for (let i = 0; i < a.rows; i++) {
        const [pr, pi] = [a.re[a.at(i, p)]!, a.im[a.at(i, p)]!];
        const [qr, qi] = [a.re[a.at(i, q)]!, a.im[a.at(i, q)]!];
        alpha += pr * pr + pi * pi;
        beta += qr * qr + qi * qi;
        re += pr * qr + pi * qi;
        im += pr * qi - pi * qr;
      }
      const r = Math.hypot(re, im);
      if (!(r > 1e-300) || r <= 1e-15 * Math.sqrt(alpha * beta)) continue;
      rotated = true;
      const phase = [re / r, im / r] as const;
      const [c, s] = rotation(alpha, beta, r);
      rotateColumns(a, p, q, phase, c, s);
      rotateColumns(v, p, q, phase, c, s);
    }
  return rotated;
}

/** Columns divided by their lengths; columns of no length and missing ones are filled with unit vectors made orthogonal. */
function completed(a: Matrix, s: Float64Array, columns: number): Matrix {
  const out = new Matrix(a.rows, columns);
  const tiny = (s[0] ?? 0) * 1e-15;
  const done: number[] = [];
  for (let j = 0; j < a.cols; j++) {
    if (!(s[j]! > tiny)) continue;
    for (let i = 0; i < a.rows; i++) out.set(i, j, a.re[a.at(i, j)]! / s[j]!, a.im[a.at(i, j)]! / s[j]!);
    done.push(j);
  }
  for (let j = 0, e = 0; j < columns; j++) {
    if (done.includes(j)) continue;
    while (!fillColumn(out, j, e++, done));
    done.push(j);
  }
  return out;
}

/** Unit vector e less its parts along the given columns, twice for accuracy; false when nothing is left of it. */
function fillColumn(out: Matrix, j: number, e: number, others: readonly number[]): boolean {
  for (let i = 0; i < out.rows; i++) out.set(i, j, i === e ? 1 : 0);
  for (let round = 0; round < 2; round++)
    for (const o of others) {
      let [re, im] = [0, 0];
      for (let i = 0; i < out.rows; i++) {
        const [a, b] = [out.re[out.at(i, o)]!, out.im[out.at(i, o)]!];
        const [c, d] = [out.re[out.at(i, j)]!, out.im[out.at(i, j)]!];
        re += a * c + b * d;
        im += a * d - b * c;
      }
      for (let i = 0; i < out.rows; i++) {
        const [a, b] = [out.re[out.at(i, o)]!, out.im[out.at(i, o)]!];
        out.re[out.at(i, j)]! -= re * a - im * b;
        out.im[out.at(i, j)]! -= re * b + im * a;
      }
    }
  let size = 0;
  for (let i = 0; i < out.rows; i++) size = Math.hypot(size, out.re[out.at(i, j)]!, out.im[out.at(i, j)]!);
  if (size < 1e-8) return false;
  for (let i = 0; i < out.rows; i++) out.set(i, j, out.re[out.at(i, j)]! / size, out.im[out.at(i, j)]! / size);
  return true;
}
