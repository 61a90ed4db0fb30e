// Dense matrices on the host in double precision, real or complex: products, elimination, Cholesky, triangular systems. Rare, not hot.

import { type DType, dtypes } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { bfloatToNumber, halfToNumber, writeElement } from "../core/nested.js";
import { emptyData, type NdArray } from "../core/nd-array.js";
import { type Shape, sizeOf } from "../core/shape.js";

/** A matrix in row-major order, real and imaginary parts apart. */
export class Matrix {
  readonly re: Float64Array;
  readonly im: Float64Array;

  constructor(
    readonly rows: number,
    readonly cols: number,
  ) {
    this.re = new Float64Array(rows * cols);
    this.im = new Float64Array(rows * cols);
  }

  static identity(n: number): Matrix {
    const out = new Matrix(n, n);
    for (let i = 0; i < n; i++) out.re[i * n + i] = 1;
    return out;
  }

  copy(): Matrix {
    const out = new Matrix(this.rows, this.cols);
    out.re.set(this.re);
    out.im.set(this.im);
    return out;
  }

  at(i: number, j: number): number {
    return i * this.cols + j;
  }

  set(i: number, j: number, re: number, im = 0): void {
    this.re[i * this.cols + j] = re;
    this.im[i * this.cols + j] = im;
  }

  /** Conjugate transpose. */
  adjoint(): Matrix {
    const out = new Matrix(this.cols, this.rows);
    for (let i = 0; i < this.rows; i++)
      for (let j = 0; j < this.cols; j++) out.set(j, i, this.re[this.at(i, j)]!, -this.im[this.at(i, j)]!);
    return out;
  }

  times(y: Matrix): Matrix {
    const out = new Matrix(this.rows, y.cols);
    for (let i = 0; i < this.rows; i++)
      for (let d = 0; d < this.cols; d++) {
        const [a, b] = [this.re[this.at(i, d)]!, this.im[this.at(i, d)]!];
        for (let j = 0; j < y.cols; j++) {
          const [c, e] = [y.re[y.at(d, j)]!, y.im[y.at(d, j)]!];
          out.re[out.at(i, j)]! += a * c - b * e;
          out.im[out.at(i, j)]! += a * e + b * c;
        }
      }
    return out;
  }

  /** Part of the matrix: `rows` × `cols` from the top left corner. */
  corner(rows: number, cols: number): Matrix {
    const out = new Matrix(rows, cols);
    for (let i = 0; i < rows; i++)
      for (let j = 0; j < cols; j++) out.set(i, j, this.re[this.at(i, j)]!, this.im[this.at(i, j)]!);
    return out;
  }

  swapRows(i: number, j: number): void {
    for (const part of [this.re, this.im])
      for (let c = 0; c < this.cols; c++) {
        const x = part[i * this.cols + c]!;
        part[i * this.cols + c] = part[j * this.cols + c]!;
        part[j * this.cols + c] = x;
      }
  }

  /** Row i plus `(re + im i)` times row j. */
  addRow(i: number, j: number, re: number, im: number, from = 0): void {
    for (let c = from; c < this.cols; c++) {
      const [a, b] = [this.re[this.at(j, c)]!, this.im[this.at(j, c)]!];
      this.re[this.at(i, c)]! += re * a - im * b;
      this.im[this.at(i, c)]! += re * b + im * a;
    }
  }

  /** Row i times `re + im i`. */
  scaleRow(i: number, re: number, im: number): void {
    for (let c = 0; c < this.cols; c++) {
      const [a, b] = [this.re[this.at(i, c)]!, this.im[this.at(i, c)]!];
      this.set(i, c, re * a - im * b, re * b + im * a);
    }
  }
}

/** `(a + bi) / (c + di)` by Smith's method, which does not overflow on the way. */
export function quotient(a: number, b: number, c: number, d: number): [number, number] {
  if (d === 0) return [a / c, b / c];
  if (Math.abs(c) >= Math.abs(d)) {
    const r = d / c;
    const n = c + d * r;
    return [(a + b * r) / n, (b - a * r) / n];
  }
  const r = c / d;
  const n = c * r + d;
  return [(a * r + b) / n, (b * r - a) / n];
}

/** A factorisation `P A = L U`, L and U packed in one matrix. */
export interface Lu {
  readonly packed: Matrix;
  /** Row that row i was exchanged with at step i. */
  readonly pivots: readonly number[];
  /** 1 or -1: the determinant of the exchanges. */
  readonly sign: number;
  /** The step (from 1) with a zero pivot, or 0. */
  readonly singular: number;
}

/** Gaussian elimination with row exchanges. */
export function luOf(x: Matrix, exchange = true): Lu {
  const a = x.copy();
  const pivots: number[] = [];
  let sign = 1;
  let singular = 0;
  for (let c = 0; c < Math.min(a.rows, a.cols); c++) {
    const pivot = exchange ? largestBelow(a, c) : c;
    pivots.push(pivot);
    if (pivot !== c) {
      a.swapRows(pivot, c);
      sign = -sign;
    }
    const [pr, pi] = [a.re[a.at(c, c)]!, a.im[a.at(c, c)]!];
    if (pr === 0 && pi === 0) {
      singular ||= c + 1;
      continue;
    }
    for (let i = c + 1; i < a.rows; i++) {
      const [fr, fi] = quotient(a.re[a.at(i, c)]!, a.im[a.at(i, c)]!, pr, pi);
      a.addRow(i, c, -fr, -fi, c + 1);
      a.set(i, c, fr, fi);
    }
  }
  return { packed: a, pivots, sign, singular };
}

function largestBelow(a: Matrix, c: number): number {
  let best = c;
  let size = -1;
  for (let i = c; i < a.rows; i++) {
    const s = Math.hypot(a.re[a.at(i, c)]!, a.im[a.at(i, c)]!);
    if (s > size) {
      size = s;
      best = i;
    }
  }
  return best;
}

/** Which triangle a system has. */
export interface Triangle {
  readonly upper: boolean;
  /** The diagonal counts as ones. */
  readonly unit: boolean;
}

/** Solves `T X = B` for a triangular T. */
export function solveTriangular(t: Matrix, b: Matrix, { upper, unit }: Triangle): Matrix {
  const x = b.copy();
  const n = t.rows;
  for (let step = 0; step < n; step++) {
    const i = upper ? n - 1 - step : step;
    const [from, to] = upper ? [i + 1, n] : [0, i];
    for (let j = from; j < to; j++) x.addRow(i, j, -t.re[t.at(i, j)]!, -t.im[t.at(i, j)]!);
    if (!unit) x.scaleRow(i, ...quotient(1, 0, t.re[t.at(i, i)]!, t.im[t.at(i, i)]!));
  }
  return x;
}

/** Solves `A X = B`; throws InvalidArgument for a singular A. */
export function solveMatrix(a: Matrix, b: Matrix, op: string): Matrix {
  const { packed, pivots, singular } = luOf(a);
  if (singular > 0)
    throw new InvalidArgumentError("the matrix is singular.", {
      op,
      hint: "use pinv or lstsq, or add to its diagonal.",
    });
  const x = b.copy();
  pivots.forEach((p, i) => {
    if (p !== i) x.swapRows(p, i);
  });
  const y = solveTriangular(packed, x, { upper: false, unit: true });
  return solveTriangular(packed, y, { upper: true, unit: false });
}

/** L with `A = L Lᴴ`, from the lower triangle of A; throws InvalidArgument unless A is positive definite. */
export function choleskyOf(a: Matrix, op: string): Matrix {
  const n = a.rows;
  const l = new Matrix(n, n);
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let [re, im] = [a.re[a.at(i, j)]!, a.im[a.at(i, j)]!];
      for (let c = 0; c < j; c++) {
        const [x, y] = [l.re[l.at(i, c)]!, l.im[l.at(i, c)]!];
        const [u, v] = [l.re[l.at(j, c)]!, -l.im[l.at(j, c)]!];
        re -= x * u - y * v;
        im -= x * v + y * u;
      }
      if (i === j) {
        if (!(re > 0))
          throw new InvalidArgumentError(`the leading minor of order ${j + 1} is not positive definite.`, { op });
        l.set(j, j, Math.sqrt(re));
      } else l.set(i, j, re / l.re[l.at(j, j)]!, im / l.re[l.at(j, j)]!);
    }
  }
  return l;
}

/** `e^A` by scaling, a Taylor polynomial of degree 18 (exact to double precision for norms to 1/2) and squaring. */
export function expOf(a: Matrix): Matrix {
  const n = a.rows;
  let norm = 0;
  for (let i = 0; i < n; i++) {
    let row = 0;
    for (let j = 0; j < n; j++) row += Math.hypot(a.re[a.at(i, j)]!, a.im[a.at(i, j)]!);
    norm = Math.max(norm, row);
  }
  const squarings = Math.max(0, Math.ceil(Math.log2(Math.max(norm, 1e-300))) + 1);
  const x = a.copy();
  for (let i = 0; i < n; i++) x.scaleRow(i, 2 ** -squarings, 0);
  let term = Matrix.identity(n);
  let out = Matrix.identity(n);
  for (let d = 1; d <= 18; d++) {
    term = term.times(x);
    for (let i = 0; i < n; i++) term.scaleRow(i, 1 / d, 0);
    out = sumOf(out, term);
  }
  for (let s = 0; s < squarings; s++) out = out.times(out);
  return out;
}

function sumOf(x: Matrix, y: Matrix): Matrix {
  const out = x.copy();
  for (let i = 0; i < out.re.length; i++) {
    out.re[i]! += y.re[i]!;
    out.im[i]! += y.im[i]!;
  }
  return out;
}

/** The matrices in the last two axes of an array. */
export function matricesOf(x: NdArray): Matrix[] {
  const [rows, cols] = [x.shape.at(-2)!, x.shape.at(-1)!];
  const count = sizeOf(x.shape.slice(0, -2));
  const complex = dtypes[x.dtype].kind === "complex";
  const read = reader(x);
  return Array.from({ length: count }, (_, b) => {
    const out = new Matrix(rows, cols);
    for (let i = 0; i < rows * cols; i++) {
      const at = b * rows * cols + i;
      out.re[i] = read(complex ? 2 * at : at);
      if (complex) out.im[i] = read(2 * at + 1);
    }
    return out;
  });
}

function reader(x: NdArray): (at: number) => number {
  const data = x.data as ArrayLike<number | bigint>;
  if (x.dtype === "float16") return (at) => halfToNumber(Number(data[at]));
  if (x.dtype === "bfloat16") return (at) => bfloatToNumber(Number(data[at]));
  return (at) => Number(data[at]);
}

/** An array of numbers, complex ones by their parts. */
export function arrayOf(dtype: DType, shape: Shape, re: ArrayLike<number>, im?: ArrayLike<number>): NdArray {
  const data = emptyData(dtype, sizeOf(shape));
  const complex = dtypes[dtype].kind === "complex";
  for (let i = 0; i < re.length; i++) {
    writeElement(data, dtype, i, re[i]!);
    if (complex) (data as Float64Array)[2 * i + 1] = im?.[i] ?? 0;
  }
  return { dtype, shape, data } as NdArray;
}

/** Matrices of one shape as an array with leading axes. */
export function stacked(dtype: DType, leading: Shape, list: readonly Matrix[], rows: number, cols: number): NdArray {
  const re = new Float64Array(list.length * rows * cols);
  const im = new Float64Array(re.length);
  list.forEach((m, b) => {
    re.set(m.re, b * rows * cols);
    im.set(m.im, b * rows * cols);
  });
  return arrayOf(dtype, [...leading, rows, cols], re, im);
}
