// The discrete Fourier transform of any length: Stockham's for powers of two, Bluestein's by convolution for others.

import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import type { Mutable } from "../kernel/builder.js";
import { type Buf, type Expr, constant } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { overAll } from "./loops.js";

const double = (x: number): Expr => constant("f64", x);
const asDouble = (x: Expr): Expr => k.cast(x, "f64");

/** The next power of two that is at least x ≥ 1. */
function powerOfTwo(x: Expr): Expr {
  const bits = [1, 2, 4, 8, 16].reduce((v, shift) => k.or(v, k.shr(v, shift)), k.sub(x, 1));
  return k.add(bits, 1);
}

/** Complex numbers in two parts. */
interface Parts {
  readonly re: Expr;
  readonly im: Expr;
}

const times = (x: Parts, y: Parts): Parts => ({
  re: k.sub(k.mul(x.re, y.re), k.mul(x.im, y.im)),
  im: k.add(k.mul(x.re, y.im), k.mul(x.im, y.re)),
});

/** Room for one row: real and imaginary parts, twice, since each pass goes from one half to the other. */
class Work {
  constructor(
    private readonly b: KernelContext,
    private readonly buf: Buf,
    private readonly length: Expr,
    /** Where the numbers stand, and where the next pass puts them. */
    readonly from: Mutable,
    readonly to: Mutable,
  ) {}

  load(i: Expr): Parts {
    const at = k.add(this.from.value, i);
    return { re: this.b.load(this.buf, at), im: this.b.load(this.buf, k.add(at, this.length)) };
  }

  private put(start: Expr, i: Expr, x: Parts): void {
    const at = k.add(start, i);
    this.b.store(this.buf, at, x.re);
    this.b.store(this.buf, k.add(at, this.length), x.im);
  }

  /** Overwrites a number where it stands. */
  store(i: Expr, x: Parts): void {
    this.put(this.from.value, i, x);
  }

  /** Puts a result of the pass. */
  next(i: Expr, x: Parts): void {
    this.put(this.to.value, i, x);
  }

  swap(): void {
    const old = this.b.let(this.from.value);
    this.b.set(this.from, this.to.value);
    this.b.set(this.to, old);
  }
}

/** `X[k] = Σ x[j] e^(-2πi jk / length)` in place of the row, for a power of two (Stockham's autosorting passes of radix 2). */
function transform(b: KernelContext, work: Work, length: Expr, cosines: Buf, sines: Buf): void {
  const span = b.variable(length, "span");
  const stride = b.variable(constant("i32", 1), "stride");
  b.while(k.gt(span.value, 1), () => {
    const half = b.let(k.shr(span.value, 1), "half");
    const s = b.let(stride.value, "s");
    b.for(0, half, (p) => {
      const turn = b.let(k.mul(p, s));
      const w = { re: b.let(b.load(cosines, turn)), im: b.let(k.neg(b.load(sines, turn))) };
      const [low, high] = [b.let(turn), b.let(k.mul(k.add(p, half), s))];
      const out = b.let(k.mul(turn, 2));
      b.lanes(0, s, (q) => {
        const x = work.load(k.add(low, q));
        const y = work.load(k.add(high, q));
        const difference = { re: k.sub(x.re, y.re), im: k.sub(x.im, y.im) };
        const sum = { re: k.add(x.re, y.re), im: k.add(x.im, y.im) };
        const turned = times(difference, w);
        work.next(k.add(out, q), sum);
        work.next(k.add(k.add(out, s), q), turned);
      });
    });
    work.swap();
    b.set(span, half);
    b.set(stride, k.mul(s, 2));
  });
}

/** How a transform runs. */
export interface FftAttrs {
  readonly forward: boolean;
  /** Factor of the result. */
  readonly scale: Expr;
  /** Any length, by a convolution of a power of two; else the length is one. */
  readonly chirp: boolean;
}

/**
 * Emits the transform of every row of `x` `[…, n, 2]`. All is computed in double precision. Backwards is forwards with real and imaginary
 * parts exchanged.
 */
export function emitFft(b: KernelContext, x: Ref, out: OutRef, { forward, scale, chirp }: FftAttrs): void {
  const n = x.extent(x.rank - 2);
  const rows = k.divIndex(x.size, k.max(k.mul(n, 2), 1));
  const length = chirp ? powerOfTwo(k.max(k.sub(k.mul(n, 2), 1), 1)) : n;
  const [cosines, sines] = [b.temp("cosines", "f64", length), b.temp("sines", "f64", length)];
  overAll(b, length, (i) => {
    const angle = k.div(k.mul(asDouble(i), 2 * Math.PI), asDouble(length));
    b.store(cosines, i, k.cos(angle));
    b.store(sines, i, k.sin(angle));
  });
  const room = k.mul(length, 4);
  const buf = b.temp("work", "f64", k.mul(chirp ? k.add(rows, 1) : rows, room));
  const workOf = (row: Expr): Work => {
    const start = b.let(k.mul(row, room));
    const [from, to] = [b.variable(start, "from"), b.variable(k.add(start, k.mul(length, 2)), "to")];
    return new Work(b, buf, length, from, to);
  };
  const read = (row: Expr, j: Expr): Parts => {
    const at = k.mul(k.add(k.mul(row, n), j), 2);
    const [first, second] = [0, 1].map((part) => asDouble(x.flat(k.add(at, part)))) as [Expr, Expr];
    return forward ? { re: first, im: second } : { re: second, im: first };
  };
  const write = (row: Expr, j: Expr, value: Parts): void => {
    const at = k.mul(k.add(k.mul(row, n), j), 2);
    const [first, second] = forward ? [value.re, value.im] : [value.im, value.re];
    out.setFlat(at, k.cast(k.mul(first, asDouble(scale)), out.type));
    out.setFlat(k.add(at, 1), k.cast(k.mul(second, asDouble(scale)), out.type));
  };
  if (chirp) {
    emitBluestein(b, {
      n,
      rows,
      length,
      workOf,
      read,
      write,
      run: (work) => transform(b, work, length, cosines, sines),
    });
    return;
  }
  b.parallel(rows, (row) => {
    const work = workOf(row);
    b.for(0, n, (j) => work.store(j, read(row, j)));
    transform(b, work, length, cosines, sines);
    b.for(0, n, (j) => write(row, j, work.load(j)));
  });
}

interface Bluestein {
  readonly n: Expr;
  readonly rows: Expr;
  /** A power of two, at least 2n - 1. */
  readonly length: Expr;
  workOf(row: Expr): Work;
  read(row: Expr, j: Expr): Parts;
  write(row: Expr, j: Expr, value: Parts): void;
  /** Transforms the numbers of a row. */
  run(work: Work): void;
}

/**
 * With the chirp `c[j] = e^(-πi j² / n)`: `X[k] = c[k] Σ (x[j] c[j]) c*[k - j]`, a convolution, which transforms of a power of two make
 * (Bluestein, 1970).
 */
function emitBluestein(b: KernelContext, { n, rows, length, workOf, read, write, run }: Bluestein): void {
  const temp = (name: string, count: Expr): Buf => b.temp(name, "f64", count);
  const [chirpRe, chirpIm] = [temp("chirpRe", n), temp("chirpIm", n)];
  const [filterRe, filterIm] = [temp("filterRe", length), temp("filterIm", length)];
  overAll(b, n, (j) => {
    const wide = k.cast(j, "i64");
    // The angle depends on j² modulo 2n only: small, it keeps its digits.
    const square = k.remIndex(k.mul(wide, wide), k.max(k.mul(k.cast(n, "i64"), 2), 1));
    const angle = k.div(k.mul(asDouble(square), Math.PI), asDouble(n));
    b.store(chirpRe, j, k.cos(angle));
    b.store(chirpIm, j, k.neg(k.sin(angle)));
  });
  const chirp = (j: Expr): Parts => ({ re: b.load(chirpRe, j), im: b.load(chirpIm, j) });
  const zero: Parts = { re: double(0), im: double(0) };
  b.parallel(1, () => {
    const work = workOf(rows);
    b.for(0, length, (j) => work.store(j, zero));
    b.for(0, n, (j) => {
      const c = chirp(j);
      const conjugate = { re: b.let(c.re), im: b.let(k.neg(c.im)) };
      work.store(j, conjugate);
      b.if(k.gt(j, 0), () => work.store(k.sub(length, j), conjugate));
    });
    run(work);
    b.for(0, length, (j) => {
      const value = work.load(j);
      b.store(filterRe, j, value.re);
      b.store(filterIm, j, value.im);
    });
  });
  b.parallel(rows, (row) => {
    const work = workOf(row);
    b.for(0, n, (j) => work.store(j, times(read(row, j), chirp(j))));
    b.for(n, length, (j) => work.store(j, zero));
    run(work);
    // The way back is the way there with the parts exchanged.
    b.for(0, length, (j) => {
      const product = times(work.load(j), { re: b.load(filterRe, j), im: b.load(filterIm, j) });
      const [re, im] = [b.let(product.re), b.let(product.im)];
      work.store(j, { re: im, im: re });
    });
    run(work);
    b.for(0, n, (j) => {
      const value = work.load(j);
      const back = { re: k.div(value.im, asDouble(length)), im: k.div(value.re, asDouble(length)) };
      write(row, j, times(back, chirp(j)));
    });
  });
}
