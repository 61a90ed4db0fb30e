// Matrix multiplication without packing: tiny matrices, and products of a few rows with a matrix.

import type { KernelContext } from "../fuse/body.js";
import { type Expr, constant, splat } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import type { GemmRoute, GemmSpec } from "./gemm.js";
import { atMost, boundedProduct, ceilDiv, known } from "./gemm-sizes.js";

/** Multiplications up to which packing costs more than it gives. */
const SMALL = 4096;
/** Multiplications that make a block of small matrices worth a thread's while. */
const SMALL_BLOCK = 16384;
/** Rows that count as few. */
const FEW = 4;
/** Columns of a block of few rows: of accumulators in L1 at most, and at least. */
const MAX_STRIP = 1024;
const MIN_STRIP = 64;
/** Blocks that a product of few rows is cut into where it is wide enough. */
const STRIPS = 16;

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

/** Up to four rows times a matrix: the matrix is streamed once, in the order it stands in. */
export function skinnyRoute(b: KernelContext, spec: GemmSpec): GemmRoute {
  const dots = spec.b.inner === "i";
  const strip = b.k.min(MAX_STRIP, k.max(MIN_STRIP, k.mul(ceilDiv(spec.n, STRIPS * MIN_STRIP), MIN_STRIP)));
  const strips = ceilDiv(spec.n, strip);
  const rows = known(spec.m);
  const emitRows = (count: number, block: Expr): void => {
    const batch = b.let(k.divIndex(block, strips), "batch");
    const from = b.let(k.mul(k.remIndex(block, strips), strip), "from");
    const to = b.let(k.min(spec.n, k.add(from, strip)), "to");
    (dots ? emitDots : emitSums)(b, spec, { rows: count, batch, from, to });
  };
  return {
    when: atMost(spec.m, FEW),
    blocks: k.mul(spec.batches, strips),
    emit(block) {
      if (rows !== undefined) emitRows(rows, block);
      else b.if(k.le(spec.m, 1), () => emitRows(1, block), () => emitRows(FEW, block));
    },
  };
}

/** Columns `from` … `to`-1 of `rows` rows, of which the last may lie outside: those are computed from the last row and not stored. */
interface Strip {
  readonly rows: number;
  readonly batch: Expr;
  readonly from: Expr;
  readonly to: Expr;
}

/** The row that row number `r` of a strip reads. */
const rowOf = (spec: GemmSpec, r: number): Expr => (r === 0 ? constant("i32", 0) : k.min(k.sub(spec.m, 1), r));

/** Stores for row `r` if there is such a row. */
function ifRow(b: KernelContext, spec: GemmSpec, r: number, store: () => void): void {
  const rows = known(spec.m);
  if (rows === undefined) b.if(k.gt(spec.m, r), store);
  else if (r < rows) store();
}

/** Rows of B are added to accumulators in L1, several at a time. */
function emitSums(b: KernelContext, spec: GemmSpec, { rows, batch, from, to }: Strip): void {
  if (rows === 0) return;
  const acc = b.local("acc", spec.type, rows * MAX_STRIP);
  const width = b.let(k.sub(to, from), "width");
  const at = (r: number, c: Expr): Expr => k.add(c, r * MAX_STRIP);
  b.lanes(0, width, (c) => {
    for (let r = 0; r < rows; r++) b.store(acc, at(r, c), constant(spec.type, 0));
  });
  const add = (d: Expr, count: number): void => {
    const depths = Array.from({ length: count }, (_, u) => k.add(d, u));
    const x = depths.map((e) => Array.from({ length: rows }, (_, r) => b.let(spec.a.at(batch, rowOf(spec, r), e), "a")));
    b.lanes(0, width, (c) => {
      const y = depths.map((e) => b.let(spec.b.at(batch, e, k.add(from, c)), "b"));
      for (let r = 0; r < rows; r++) {
        const sum = y.reduce((s, v, u) => multiplyAdd(x[u]![r]!, v, s), b.load(acc, at(r, c)));
        b.store(acc, at(r, c), sum);
      }
    });
  };
  const unrolled = rows === 1 ? 8 : 4;
  const whole = b.let(k.and(spec.k, -unrolled), "whole");
  b.for(0, whole, (d) => add(d, unrolled), { step: unrolled });
  b.for(whole, spec.k, (d) => add(d, 1));
  for (let r = 0; r < rows; r++) {
    const i = constant("i32", r);
    ifRow(b, spec, r, () => b.lanes(0, width, (c) => spec.store(batch, i, k.add(from, c), b.load(acc, at(r, c)))));
  }
}

/** Dot products along adjacent elements, four at a time. */
function emitDots(b: KernelContext, spec: GemmSpec, { rows, batch, from, to }: Strip): void {
  if (rows === 0) return;
  const columns = rows === 1 ? 4 : 1;
  const emit = (j: Expr): void => {
    const zero = constant(spec.type, 0);
    const sums = Array.from({ length: rows * columns }, () => b.variable(zero, "sum"));
    const column = Array.from({ length: columns }, (_, c) => (c === 0 ? j : b.let(k.min(k.add(j, c), k.sub(spec.n, 1)), "column")));
    b.lanes(0, spec.k, (d) => {
      const x = Array.from({ length: rows }, (_, r) => b.let(spec.a.at(batch, rowOf(spec, r), d), "a"));
      const y = column.map((e) => b.let(spec.b.at(batch, d, e), "b"));
      sums.forEach((sum, s) => b.accumulate(sum, "add", k.mul(x[Math.floor(s / columns)]!, y[s % columns]!)));
    });
    sums.forEach((sum, s) => {
      const [r, c] = [Math.floor(s / columns), s % columns];
      const store = (): void => spec.store(batch, constant("i32", r), column[c]!, sum.value);
      ifRow(b, spec, r, () => (c === 0 ? store() : b.if(k.lt(k.add(j, c), to), store)));
    });
  };
  b.for(from, to, emit, { step: columns });
}
