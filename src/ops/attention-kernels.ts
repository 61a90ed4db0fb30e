// Attention in blocks of queries and keys: scores live in a block's scratch memory and never as a whole.

import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import { type Buf, type Expr, constant } from "../kernel/expr.js";
import { ceilDiv } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import { Attention, type AttentionAttrs, type AttentionInputs, KEYS } from "./attention-blocks.js";
import type { Panels } from "./panels.js";

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
