// Attention in blocks of queries and keys: scores live in a block's scratch memory and never as a whole.

import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import { type Buf, type Expr, constant } from "../kernel/expr.js";
import { ceilDiv } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import { type FloatType, multiplyTile, packPanels, type Panels } from "./panels.js";

/** Keys of a block of scores: a multiple of every target's panel. */
const KEYS = 64;
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
class Attention {
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

/**
 * `out = softmax(scale q keyᵀ + mask) value` and `norm`, the logarithm of each softmax's sum, by running maxima and sums over blocks of
 * keys (Milakov and Gimelshein, 2018; Dao et al., 2022).
 */
export function emitAttention(
  b: KernelContext,
  inputs: AttentionInputs,
  { out, norm }: { readonly out: OutRef; readonly norm: OutRef },
  attrs: AttentionAttrs,
): void {
  const a = new Attention(b, inputs, attrs);
  const { type, queries, keys, heads, valueSize, rows } = a;
  const keyColumns = a.panels("keys", inputs.key, "width");
  const values = a.panels("values", inputs.value, "depth");
  const q = a.rowsOf("queries", inputs.q, attrs.scale);
  const blocks = ceilDiv(queries, rows);
  const stride = k.mul(values.count, values.columns);
  const all = k.mul(k.mul(a.batch, heads), blocks);
  const sums = b.temp("sums", type, k.mul(k.mul(all, rows), stride));
  b.parallel(all, (block) => {
    const scores = b.local("scores", type, rows * KEYS);
    const [most, total] = [b.local("most", type, rows), b.local("total", type, rows)];
    const batch = b.let(k.divIndex(block, blocks), "batch");
    const [n, head] = [b.let(k.divIndex(batch, heads), "n"), b.let(k.remIndex(batch, heads), "head")];
    const keyBatch = b.let(a.keyBatch(n, head));
    const i0 = b.let(k.mul(k.remIndex(block, blocks), rows), "i0");
    const height = b.let(k.min(rows, k.sub(queries, i0)), "height");
    const target = b.let(k.mul(k.mul(block, rows), stride), "target");
    a.clear(sums, target, k.mul(stride, rows));
    b.for(0, rows, (r) => {
      b.store(most, r, constant(type, -Infinity));
      b.store(total, r, constant(type, 0));
    });
    const end = attrs.causal ? b.let(k.min(keys, k.add(i0, height))) : keys;
    b.for(
      0,
      end,
      (k0) => {
        const count = b.let(k.min(KEYS, k.sub(keys, k0)), "count");
        a.scores(q, batch, i0, keyColumns, keyBatch, k0, count, scores);
        b.for(0, height, (r) => {
          const [at, i] = [b.let(k.mul(r, KEYS)), b.let(k.add(i0, r))];
          b.lanes(0, count, (j) => {
            const place = k.add(at, j);
            b.store(scores, place, a.masked(b.load(scores, place), n, head, i, k.add(k0, j)));
          });
          const before = b.let(b.load(most, r));
          const highest = b.reduce("max", type, 0, count, (j) => b.load(scores, k.add(at, j)));
          const now = b.let(k.max(before, highest));
          // While all keys are hidden there is nothing to subtract: e^-∞ is 0.
          const shift = b.let(k.select(k.eq(now, -Infinity), 0, now));
          b.lanes(0, count, (j) => {
            const place = k.add(at, j);
            b.store(scores, place, k.exp(k.sub(b.load(scores, place), shift)));
          });
          const sum = b.reduce("add", type, 0, count, (j) => b.load(scores, k.add(at, j)));
          const fade = b.let(k.exp(k.sub(before, shift)));
          b.store(most, r, now);
          b.store(total, r, k.add(k.mul(b.load(total, r), fade), sum));
          if (inputs.keep) {
            b.lanes(0, count, (j) => {
              const place = k.add(at, j);
              b.store(scores, place, a.kept(b.load(scores, place), n, head, i, k.add(k0, j)));
            });
          }
          const line = b.let(k.add(target, k.mul(r, stride)));
          b.lanes(0, stride, (d) => b.store(sums, k.add(line, d), k.mul(b.load(sums, k.add(line, d)), fade)));
        });
        const place = { batch: keyBatch, first: k0, depth: count };
        a.addProduct(rows, (r, d) => b.load(scores, k.add(k.mul(r, KEYS), d)), values, place, sums, target);
      },
      { step: KEYS },
    );
    b.for(0, height, (r) => {
      const sum = b.let(b.load(total, r));
      const line = b.let(k.add(target, k.mul(r, stride)));
      const i = b.let(k.add(i0, r));
      b.lanes(0, valueSize, (d) => out.set([n, i, head, d], k.div(b.load(sums, k.add(line, d)), sum)));
      norm.set([n, head, i], k.add(b.load(most, r), k.log(sum)));
    });
  });
}

/** What the gradient takes beside the operands. */
export interface AttentionGradInputs extends AttentionInputs {
  readonly out: Ref;
  readonly norm: Ref;
  readonly d: Ref;
}

/**
 * Gradients of queries, keys and values: the weights are made again block by block from `norm`. With `w` the weights, `dw = d valueᵀ` after
 * dropout and `δ = Σ d out`: `ds = w (dw - δ)`, and products of `ds` and `w` with the operands. A block is one head of keys.
 */
export function emitAttentionGrad(
  b: KernelContext,
  inputs: AttentionGradInputs,
  outs: { readonly dq: OutRef; readonly dkey: OutRef; readonly dvalue: OutRef },
  attrs: AttentionAttrs,
): void {
  const a = new Attention(b, inputs, attrs);
  const { type, queries, keys, heads, keyHeads, rows, batch, size, valueSize } = a;
  const { d } = inputs;
  const q = a.rowsOf("queries", inputs.q, attrs.scale);
  const dRows = a.rowsOf("gradients", d);
  const packed = {
    keyColumns: a.panels("keyColumns", inputs.key, "width"),
    valueColumns: a.panels("valueColumns", inputs.value, "width"),
    keys: a.panels("keys", inputs.key, "depth"),
    queries: a.panels("queryPanels", inputs.q, "depth", attrs.scale),
    d: a.panels("gradientPanels", d, "depth"),
  };
  const keyRoom = k.mul(ceilDiv(keys, KEYS), KEYS);
  const room = (name: string, heads: Expr, length: Expr, panels: Panels): { buf: Buf; stride: Expr } => {
    const stride = k.mul(panels.count, panels.columns);
    return { buf: b.temp(name, type, k.mul(k.mul(k.mul(batch, heads), length), stride)), stride };
  };
  const dq = room("dq", heads, a.queryRoom, packed.keys);
  const dkey = room("dkey", keyHeads, keyRoom, packed.queries);
  const dvalue = room("dvalue", keyHeads, keyRoom, packed.d);
  const group = k.divIndex(heads, k.max(keyHeads, 1));
  b.parallel(k.mul(batch, keyHeads), (keyBatch) => {
    const [weights, slopes] = [b.local("weights", type, rows * KEYS), b.local("slopes", type, rows * KEYS)];
    const n = b.let(k.divIndex(keyBatch, keyHeads), "n");
    const keyHead = b.let(k.remIndex(keyBatch, keyHeads), "keyHead");
    const keyLine = b.let(k.mul(keyBatch, keyRoom));
    a.clear(dkey.buf, b.let(k.mul(keyLine, dkey.stride)), k.mul(keyRoom, dkey.stride));
    a.clear(dvalue.buf, b.let(k.mul(keyLine, dvalue.stride)), k.mul(keyRoom, dvalue.stride));
    b.for(0, group, (g) => {
      const head = b.let(k.add(k.mul(keyHead, group), g), "head");
      const at = b.let(k.add(k.mul(n, heads), head), "at");
      const line = b.let(k.mul(at, a.queryRoom));
      a.clear(dq.buf, b.let(k.mul(line, dq.stride)), k.mul(a.queryRoom, dq.stride));
      b.for(
        0,
        queries,
        (i0) => {
          const height = b.let(k.min(rows, k.sub(queries, i0)), "height");
          const end = attrs.causal ? b.let(k.min(keys, k.add(i0, height))) : keys;
          b.for(
            0,
            end,
            (k0) => {
              const count = b.let(k.min(KEYS, k.sub(keys, k0)), "count");
              a.scores(q, at, i0, packed.keyColumns, keyBatch, k0, count, weights);
              a.scores(dRows, at, i0, packed.valueColumns, keyBatch, k0, count, slopes);
              b.for(0, height, (r) => {
                const [from, i] = [b.let(k.mul(r, KEYS)), b.let(k.add(i0, r))];
                const norm = b.let(inputs.norm.at(n, head, i));
                const delta = b.reduce("add", type, 0, valueSize, (c) =>
                  k.mul(d.at(n, i, head, c), inputs.out.at(n, i, head, c)),
                );
                b.lanes(0, count, (j) => {
                  const [place, key] = [k.add(from, j), k.add(k0, j)];
                  const w = b.let(k.exp(k.sub(a.masked(b.load(weights, place), n, head, i, key), norm)));
                  const dw = a.kept(b.load(slopes, place), n, head, i, key);
                  b.store(slopes, place, k.mul(w, k.sub(dw, delta)));
                  b.store(weights, place, a.kept(w, n, head, i, key));
                });
                // Keys past the end take nothing: tiles of keys read whole rows of scratch memory.
                b.for(count, KEYS, (j) => {
                  b.store(weights, k.add(from, j), constant(type, 0));
                  b.store(slopes, k.add(from, j), constant(type, 0));
                });
              });
              const down = (buf: Buf) => (r: Expr, e: Expr) => b.load(buf, k.add(k.mul(e, KEYS), r));
              const own = { batch: at, first: i0, depth: height };
              const keyRow = b.let(k.add(keyLine, k0));
              a.addProduct(KEYS, down(weights), packed.d, own, dvalue.buf, k.mul(keyRow, dvalue.stride));
              a.addProduct(KEYS, down(slopes), packed.queries, own, dkey.buf, k.mul(keyRow, dkey.stride));
              const across = (r: Expr, e: Expr): Expr => b.load(slopes, k.add(k.mul(r, KEYS), e));
              const theirs = { batch: keyBatch, first: k0, depth: count };
              a.addProduct(rows, across, packed.keys, theirs, dq.buf, k.mul(k.add(line, i0), dq.stride));
            },
            { step: KEYS },
          );
        },
        { step: rows },
      );
      b.for(0, queries, (i) => {
        const from = b.let(k.mul(k.add(line, i), dq.stride));
        b.lanes(0, size, (c) => outs.dq.set([n, i, head, c], k.mul(b.load(dq.buf, k.add(from, c)), attrs.scale)));
      });
    });
    b.for(0, keys, (j) => {
      const row = k.add(keyLine, j);
      const [fromKey, fromValue] = [b.let(k.mul(row, dkey.stride)), b.let(k.mul(row, dvalue.stride))];
      b.lanes(0, size, (c) => outs.dkey.set([n, j, keyHead, c], b.load(dkey.buf, k.add(fromKey, c))));
      b.lanes(0, valueSize, (c) => outs.dvalue.set([n, j, keyHead, c], b.load(dvalue.buf, k.add(fromValue, c))));
    });
  });
}
