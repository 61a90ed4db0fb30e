// What attention and its gradient share: packed operands, and blocks of scores of some queries and some keys.

import type { KernelContext, Ref } from "../fuse/body.js";
import { type Buf, type Expr, constant } from "../kernel/expr.js";
import { ceilDiv } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import { type FloatType, multiplyTile, packPanels, type Panels } from "./panels.js";

/** Keys of a block of scores: a multiple of every target's panel. */
export const KEYS = 64;
/** Queries of a block of scores, about: whole register tiles. */
const QUERIES = 32;

/** Operands of attention; all but masks are `[batch, length, heads, size]`. */
export interface AttentionInputs {
  readonly q: Ref;
  readonly key: Ref;
  readonly value: Ref;
  /** Added to the scores: `[batch or 1, heads or 1, queries or 1, keys]`. */
  readonly mask: Ref | undefined;
  /** Which weights are kept: `[batch, heads, queries, keys]`. */
  readonly keep: Ref | undefined;
}

/** How attention runs. */
export interface AttentionAttrs {
  readonly scale: Expr;
  /** Kept weights are divided by it. */
  readonly divisor: Expr;
  /** Queries see the keys up to their own place. */
  readonly causal: boolean;
}

/** Row-major copies of matrices, each with room for whole tiles of rows. */
interface RowMatrix {
  readonly buf: Buf;
  /** Place of a row of a matrix. */
  at(batch: Expr, row: Expr): Expr;
}

/** What both passes share: extents, packed operands, the block of scores. */
export class Attention {
  readonly type: FloatType;
  readonly batch: Expr;
  readonly heads: Expr;
  readonly keyHeads: Expr;
  readonly queries: Expr;
  readonly keys: Expr;
  readonly size: Expr;
  readonly valueSize: Expr;
  /** Queries of a block. */
  readonly rows: number;
  readonly queryRoom: Expr;

  constructor(
    readonly b: KernelContext,
    readonly inputs: AttentionInputs,
    readonly attrs: AttentionAttrs,
  ) {
    const { q, key, value } = inputs;
    this.type = q.type === "f64" ? "f64" : "f32";
    [this.batch, this.queries, this.heads, this.size] = [0, 1, 2, 3].map((i) => q.extent(i)) as Four;
    [this.keys, this.keyHeads, this.valueSize] = [key.extent(1), key.extent(2), value.extent(3)];
    const tile = b.target.gemm.rows;
    this.rows = Math.ceil(QUERIES / tile) * tile;
    this.queryRoom = k.mul(ceilDiv(this.queries, this.rows), this.rows);
    b.cost([this.batch, this.heads, this.queries, k.mul(this.keys, k.add(this.size, this.valueSize))]);
  }

  /** `x[batch, row, head, :]` of `[batch, …]` by head as panels: rows or columns along the sequence. */
  panels(name: string, x: Ref, along: "depth" | "width", factor?: Expr): Panels {
    const { b } = this;
    const heads = x.extent(2);
    const element = (batch: Expr, row: Expr, d: Expr): Expr => {
      const value = x.at(k.divIndex(batch, heads), row, k.remIndex(batch, heads), d);
      return factor ? k.mul(value, factor) : value;
    };
    const [length, size] = [x.extent(1), x.extent(3)];
    const place = (batch: Expr, row: Expr): Expr => {
      const line = k.add(k.mul(k.divIndex(batch, heads), length), row);
      return k.mul(k.add(k.mul(line, heads), k.remIndex(batch, heads)), size);
    };
    return packPanels(b, name, {
      type: this.type,
      batches: k.mul(this.batch, heads),
      depth: along === "depth" ? length : size,
      width: along === "depth" ? size : length,
      at: (batch, d, j) => (along === "depth" ? element(batch, d, j) : element(batch, j, d)),
      adjacent: along === "width" && x.buf ? { buf: x.buf, place } : undefined,
    });
  }

  /** `x[batch, row, head, :]` by head as rows, in one launch; rows past the end repeat the last one. */
  rowsOf(name: string, x: Ref, factor?: Expr): RowMatrix {
    const { b, queryRoom, heads, queries } = this;
    const size = x.extent(3);
    const buf = b.temp(name, this.type, k.mul(k.mul(this.batch, heads), k.mul(queryRoom, size)));
    const at = (batch: Expr, row: Expr): Expr => k.mul(k.add(k.mul(batch, queryRoom), row), size);
    b.parallel(k.mul(k.mul(this.batch, heads), ceilDiv(queries, this.rows)), (block) => {
      const blocks = ceilDiv(queries, this.rows);
      const batch = b.let(k.divIndex(block, blocks));
      const [n, head] = [b.let(k.divIndex(batch, heads)), b.let(k.remIndex(batch, heads))];
      const first = b.let(k.mul(k.remIndex(block, blocks), this.rows));
      b.for(0, this.rows, (r) => {
        const row = b.let(k.min(k.add(first, r), k.sub(queries, 1)));
        const to = b.let(at(batch, k.add(first, r)));
        b.lanes(0, size, (d) => {
          const value = x.at(n, row, head, d);
          b.store(buf, k.add(to, d), factor ? k.mul(value, factor) : value);
        });
      });
    });
    return { buf, at };
  }

  /** The panels of the key head that a query head reads. */
  keyBatch(n: Expr, head: Expr): Expr {
    const group = k.divIndex(this.heads, k.max(this.keyHeads, 1));
    return k.add(k.mul(n, this.keyHeads), k.divIndex(head, k.max(group, 1)));
  }

  /** Where a panel of a matrix begins. */
  panelAt(panels: Panels, batch: Expr, panel: Expr): Expr {
    return k.mul(k.mul(k.add(k.mul(batch, panels.count), panel), panels.columns), panels.depth);
  }

  /** A block of products of rows with the columns `k0` … of panels along the sequence, into scratch of `KEYS` columns. */
  scores(
    rows: RowMatrix,
    batch: Expr,
    i0: Expr,
    panels: Panels,
    keyBatch: Expr,
    k0: Expr,
    count: Expr,
    into: Buf,
  ): void {
    const { b } = this;
    const size = panels.depth;
    b.for(
      0,
      count,
      (c) => {
        const from = b.let(this.panelAt(panels, keyBatch, k.divIndex(k.add(k0, c), panels.columns)));
        b.for(
          0,
          this.rows,
          (r0) => {
            const first = b.let(rows.at(batch, k.add(i0, r0)));
            multiplyTile(b, {
              row: (r, d) => b.load(rows.buf, k.add(k.add(first, k.mul(size, r)), d)),
              panels,
              from,
              depth: size,
              into,
              at: (r) => k.add(k.mul(k.add(r0, r), KEYS), c),
              add: false,
            });
          },
          { step: b.target.gemm.rows },
        );
      },
      { step: panels.columns },
    );
  }

  /** Adds `rows × panels` over a part of the sequence to row-major sums: `row(r0 + r, d)` is element d of a row of `height`. */
  addProduct(
    height: Expr | number,
    row: (r: Expr, d: Expr) => Expr,
    panels: Panels,
    place: { readonly batch: Expr; readonly first: Expr; readonly depth: Expr },
    into: Buf,
    target: Expr,
  ): void {
    const { b } = this;
    const stride = b.let(k.mul(panels.count, panels.columns));
    b.for(0, panels.count, (panel) => {
      const from = b.let(k.add(this.panelAt(panels, place.batch, panel), k.mul(place.first, panels.columns)));
      b.for(
        0,
        height,
        (r0) =>
          multiplyTile(b, {
            row: (r, d) => row(k.add(r0, r), d),
            panels,
            from,
            depth: place.depth,
            into,
            at: (r) => k.add(k.add(target, k.mul(k.add(r0, r), stride)), k.mul(panel, panels.columns)),
            add: true,
          }),
        { step: b.target.gemm.rows },
      );
    });
  }

  /** The score of a query and a key with the mask: -∞ where the key is hidden. */
  masked(score: Expr, n: Expr, head: Expr, i: Expr, j: Expr): Expr {
    const { mask } = this.inputs;
    const place = [n, head, i].map((e, axis) => mask && k.select(k.eq(mask.extent(axis), 1), 0, e)) as Three;
    const value = mask ? k.add(score, mask.at(...place, j)) : score;
    return this.attrs.causal ? k.select(k.gt(j, i), -Infinity, value) : value;
  }

  /** A weight after dropout. */
  kept(weight: Expr, n: Expr, head: Expr, i: Expr, j: Expr): Expr {
    const { keep } = this.inputs;
    return keep ? k.select(k.ne(keep.at(n, head, i, j), 0), k.div(weight, this.attrs.divisor), 0) : weight;
  }

  /** Zeros. */
  clear(buf: Buf, from: Expr, length: Expr): void {
    this.b.lanes(0, length, (i) => this.b.store(buf, k.add(from, i), constant(this.type, 0)));
  }
}

type Four = [Expr, Expr, Expr, Expr];
type Three = [Expr, Expr, Expr];
