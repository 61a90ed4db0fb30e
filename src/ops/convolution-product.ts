// The product at the heart of convolutions: rows of weights with all shifted planes of a source, by register tiles.

import type { KernelContext } from "../fuse/body.js";
import { type Buf, type Expr, constant, memBytes, splat } from "../kernel/expr.js";
import { ceilDiv, linear, product } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import { type ConvType, copyRun, eachRun, forLength, type Source } from "./convolution-source.js";
import { type GemmOperand, tiledGemm } from "./gemm.js";
import { multiplyAdd } from "./gemm-direct.js";

/**
 * For each set: `result[n, row, o] = Σ_d weights[row, d] · source[table[d] + position of o in the grid]`. A set is a group of channels, or
 * a group and the part of the result it makes.
 */
export interface Correlation {
  readonly type: ConvType;
  readonly source: Source;
  /** Number of images, and of sets. */
  readonly images: Expr;
  readonly sets: Expr;
  /** First channel of the source that a set reads. */
  firstChannel(set: Expr): Expr;
  /** Shifts of a set's taps, channel by channel: positions in `table` from `tableAt`. */
  readonly table: Buf;
  tableAt(set: Expr): Expr;
  /** Most taps of a set, all channels together, and those of one set. */
  readonly depth: Expr;
  depthOf(set: Expr): Expr;
  /** Rows of weights of a set. */
  readonly rows: Expr;
  readonly weights: GemmOperand;
  /** Extents of the result that each set makes. */
  readonly extents: readonly Expr[];
  /** Takes a run along the last axis that begins at `index` (image first): `value(c)` is its element c. */
  store(set: Expr, row: Expr, index: readonly Expr[], length: Expr, value: (c: Expr) => Expr): void;
  /** The number of rows where it is small: they share one pass over the source without a copy. 0: many. */
  readonly few: number;
}

/** Rows up to which the source is read in place; more are worth copying it into panels (measured: bench/convolution.mjs). */
export const FEW_ROWS = 16;

/** Emits the product. */
export function emitCorrelation(b: KernelContext, c: Correlation): void {
  const columns = k.mul(c.images, product(c.extents));
  b.cost([c.sets, c.rows, c.depth, columns]);
  if (c.few > 0) emitFewRows(b, c);
  else emitManyRows(b, c, columns);
}

/** Many rows: a matrix product whose columns are all positions of all images. */
function emitManyRows(b: KernelContext, c: Correlation, columns: Expr): void {
  const { source } = c;
  const positions: GemmOperand = {
    at: () => constant(c.type, 0),
    inner: "j",
    copy: ({ batch, k0, depth, first, count, to, at }) => {
      const channel = b.let(c.firstChannel(batch), "channel");
      const table = b.let(k.add(c.tableAt(batch), k0), "table");
      eachRun(b, first, count, [c.images, ...c.extents], (done, length, [n, ...o]) => {
        const place = k.mul(k.add(k.mul(n!, source.channels), channel), source.channel);
        const start = b.let(k.add(place, linear(o, source.grid)), "start");
        forLength(b, length, c.extents.at(-1)!, (exact) =>
          b.for(0, depth, (d) => {
            const from = b.let(k.add(start, b.load(c.table, k.add(table, d))), "from");
            copyRun(b, to, b.let(at(done, d), "to"), source.buf, from, exact);
          }),
        );
      });
    },
  };
  tiledGemm(b, {
    type: c.type,
    batches: c.sets,
    m: c.rows,
    n: columns,
    k: c.depth,
    depthOf: (set) => c.depthOf(set),
    a: c.weights,
    b: positions,
    store: () => {},
    storeTile: ({ batch, i0, j0, height, width, value }) =>
      eachRun(b, j0, width, [c.images, ...c.extents], (done, length, index) =>
        b.for(0, height, (r) => {
          const row = b.let(k.add(i0, r), "row");
          c.store(batch, row, index, length, (u) => value(r, k.add(done, u)));
        }),
      ),
  });
}

/** Positions whose sums stay in L1 before they are stored. */
const STRIP = 1024;

/** A few rows: all positions of a plane's grid, the few outside of the result too, straight from the source. */
function emitFewRows(b: KernelContext, c: Correlation): void {
  const { source } = c;
  const { rows: most, vectors: tileVectors } = b.target.gemm;
  const lanes = (b.target.gemm.lanes * 4) / memBytes[c.type];
  const tiles = Math.ceil(c.few / most);
  const rows = Math.ceil(c.few / tiles);
  const vectors = Math.max(1, Math.min(4, Math.floor((most * tileVectors) / rows)));
  const span = vectors * lanes;
  const strip = Math.floor(STRIP / span) * span;
  const last = c.extents.map((e) => k.sub(e, 1));
  const positions = k.add(linear(last, source.grid), 1);
  const strips = ceilDiv(positions, strip);
  b.parallel(product([c.images, c.sets, constant("i32", tiles), strips]), (block) => {
    const line = b.local("line", c.type, rows * strip);
    const q0 = b.let(k.mul(k.remIndex(block, strips), strip), "q0");
    const rest = b.let(k.divIndex(block, strips), "rest");
    const i0 = b.let(k.mul(k.remIndex(rest, tiles), rows), "i0");
    const which = b.let(k.divIndex(rest, tiles), "which");
    const set = b.let(k.remIndex(which, c.sets), "set");
    const n = b.let(k.divIndex(which, c.sets), "n");
    const plane = k.add(k.mul(n, source.channels), c.firstChannel(set));
    const start = b.let(k.add(k.mul(plane, source.channel), q0), "start");
    const table = b.let(c.tableAt(set), "table");
    const depth = b.let(c.depthOf(set), "depth");
    const count = b.let(k.min(strip, k.sub(positions, q0)), "count");
    const row = Array.from({ length: rows }, (_, r) => b.let(k.min(k.add(i0, r), k.sub(c.rows, 1)), "row"));
    b.for(
      0,
      count,
      (q) => {
        const zero = splat(constant(c.type, 0), lanes);
        const acc = row.map(() => Array.from({ length: vectors }, () => b.variable(zero, "acc")));
        b.for(0, depth, (d) => {
          const from = b.let(k.add(k.add(start, q), b.load(c.table, k.add(table, d))), "from");
          const y = Array.from({ length: vectors }, (_, v) =>
            b.let(b.load(source.buf, k.add(from, v * lanes), lanes), "y"),
          );
          acc.forEach((list, r) => {
            const x = b.let(splat(c.weights.at(set, row[r]!, d), lanes), "x");
            list.forEach((a, v) => b.set(a, multiplyAdd(x, y[v]!, a.value)));
          });
        });
        acc.forEach((list, r) => list.forEach((a, v) => b.store(line, k.add(q, r * strip + v * lanes), a.value)));
      },
      { step: span },
    );
    const height = b.let(k.min(rows, k.sub(c.rows, i0)), "height");
    // The grid's first extent is no bound: the runs begin in this image's plane.
    eachRun(b, q0, count, source.grid, (done, length, o) => {
      const inside = o.slice(0, -1).map((i, axis) => k.lt(i, c.extents[axis]!));
      const valid = b.let(k.min(length, k.sub(c.extents.at(-1)!, o.at(-1)!)), "valid");
      const all = [k.gt(valid, 0), ...inside].reduce((x, y) => k.and(x, y));
      b.if(all, () =>
        b.for(0, height, (r) =>
          c.store(set, k.add(i0, r), [n, ...o], valid, (u) => b.load(line, k.add(k.add(k.mul(r, strip), done), u))),
        ),
      );
    });
  });
}
