// Matrix multiplication without packing: tiny matrices, and products of a few rows with a matrix.

import type { KernelContext } from "../fuse/body.js";
import { type Expr, constant, splat } from "../kernel/expr.js";
import { ceilDiv } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import type { GemmRoute, GemmSpec } from "./gemm.js";
import { atMost, boundedProduct } from "./gemm-sizes.js";

/** Multiplications up to which packing costs more than it gives (measured: bench/gemm.mjs). */
const SMALL = 256;
/** Multiplications that make a block of small matrices worth a thread's while. */
const SMALL_BLOCK = 16384;
/** Rows that count as few for sums of rows, and for dot products (measured: with more, packing pays even for one tile). */
const FEW = 8;
const FEW_DOTS = 2;
/** Columns of a block of few rows: of accumulators in L1 at most, and at least. */
const MAX_STRIP = 1024;
const MIN_STRIP = 256;
/** Blocks that a product of few rows is cut into where it is wide enough. */
const STRIPS = 16;
/** Rows of B added at once, and columns of dot products made at once: so that accumulators are not what takes the time. */
const SUM_DEPTH = 8;
const DOT_COLUMNS = 4;

/** `acc + x · y`, with one rounding where the type and the target have it. */
export const multiplyAdd = (x: Expr, y: Expr, acc: Expr): Expr =>
  k.isFloat(acc) ? k.fma(x, y, acc) : k.add(acc, k.mul(splat(x, acc.lanes), y));

/** Tiny matrices: each element by its own loop over the depth, several matrices a block. */
export function smallRoute(b: KernelContext, spec: GemmSpec): GemmRoute {
  const work = boundedProduct(spec.m, spec.n, spec.k);
  const perBlock = k.max(k.divIndex(constant("i32", SMALL_BLOCK), k.max(work, 1)), 1);
  const emitOne = (batch: Expr): void => {
    b.for(0, spec.m, (i) =>
      b.lanes(0, spec.n, (j) => {
        const acc = b.variable(constant(spec.type, 0), "acc");
        b.for(0, spec.k, (d) => b.set(acc, multiplyAdd(spec.a.at(batch, i, d), spec.b.at(batch, d, j), acc.value)));
        spec.store(batch, i, j, acc.value);
      }),
    );
  };
  return {
    when: atMost(work, SMALL),
    blocks: ceilDiv(spec.batches, perBlock),
    emit(block) {
      const first = b.let(k.mul(block, perBlock), "first");
      b.for(first, k.min(spec.batches, k.add(first, perBlock)), emitOne);
    },
  };
}

/**
 * A few rows times a matrix: the matrix is streamed once, in the order it stands in. Matrices whose depth is adjacent make dot products,
 * which need adjacent rows too.
 */
export function skinnyRoute(b: KernelContext, spec: GemmSpec): GemmRoute {
  const dots = spec.b.inner === "i";
  const strip = k.min(k.max(k.mul(ceilDiv(spec.n, STRIPS * MIN_STRIP), MIN_STRIP), MIN_STRIP), MAX_STRIP);
  const strips = ceilDiv(spec.n, strip);
  return {
    when: atMost(spec.m, !dots ? FEW : spec.a.inner === "j" ? FEW_DOTS : 1),
    blocks: k.mul(spec.batches, strips),
    emit(block) {
      const from = b.let(k.mul(k.remIndex(block, strips), strip), "from");
      const to = b.let(k.min(spec.n, k.add(from, strip)), "to");
      (dots ? emitDots : emitSums)(b, spec, { batch: b.let(k.divIndex(block, strips), "batch"), from, to });
    },
  };
}

/** Columns `from` … `to`-1 of the result. */
interface Strip {
  readonly batch: Expr;
  readonly from: Expr;
  readonly to: Expr;
}

/** Rows of B are added to accumulators in L1, several at a time. */
function emitSums(b: KernelContext, spec: GemmSpec, { batch, from, to }: Strip): void {
  const acc = b.local("acc", spec.type, FEW * MAX_STRIP);
  const width = b.let(k.sub(to, from), "width");
  const row = (i: Expr): Expr => b.let(k.mul(i, MAX_STRIP), "row");
  b.for(0, spec.m, (i) => {
    const first = row(i);
    b.lanes(0, width, (c) => b.store(acc, k.add(first, c), constant(spec.type, 0)));
  });
  const add = (d: Expr, count: number): void =>
    b.for(0, spec.m, (i) => {
      const first = row(i);
      const depths = Array.from({ length: count }, (_, u) => k.add(d, u));
      const x = depths.map((e) => b.let(spec.a.at(batch, i, e), "a"));
      b.lanes(0, width, (c) => {
        const sum = depths.reduce(
          (s, e, u) => multiplyAdd(x[u]!, spec.b.at(batch, e, k.add(from, c)), s),
          b.load(acc, k.add(first, c)),
        );
        b.store(acc, k.add(first, c), sum);
      });
    });
  const whole = b.let(k.and(spec.k, -SUM_DEPTH), "whole");
  b.for(0, whole, (d) => add(d, SUM_DEPTH), { step: SUM_DEPTH });
  b.for(whole, spec.k, (d) => add(d, 1));
  b.for(0, spec.m, (i) => {
    const first = row(i);
    b.lanes(0, width, (c) => spec.store(batch, i, k.add(from, c), b.load(acc, k.add(first, c))));
  });
}

/** Dot products along adjacent elements, several columns at a time. */
function emitDots(b: KernelContext, spec: GemmSpec, { batch, from, to }: Strip): void {
  const dots = (i: Expr, columns: readonly Expr[]): void => {
    const sums = columns.map(() => b.variable(constant(spec.type, 0), "sum"));
    b.lanes(0, spec.k, (d) => {
      const x = b.let(spec.a.at(batch, i, d), "a");
      sums.forEach((sum, c) => b.accumulate(sum, "add", k.mul(x, spec.b.at(batch, d, columns[c]!))));
    });
    sums.forEach((sum, c) => spec.store(batch, i, columns[c]!, sum.value));
  };
  const whole = b.let(k.sub(to, k.and(k.sub(to, from), DOT_COLUMNS - 1)), "whole");
  b.for(
    from,
    whole,
    (j) => {
      const columns = Array.from({ length: DOT_COLUMNS }, (_, c) => b.let(k.add(j, c), "column"));
      b.for(0, spec.m, (i) => dots(i, columns));
    },
    { step: DOT_COLUMNS },
  );
  b.for(whole, to, (j) => b.for(0, spec.m, (i) => dots(i, [j])));
}
