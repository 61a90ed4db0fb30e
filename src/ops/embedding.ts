// Ops: rows of a table by their numbers, and the gradient that adds them up again.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import { type Buf, constant, type Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput, integers, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { rowsValue } from "../trace/rows.js";
import { multiply } from "./arithmetic.js";
import { requireInt } from "./infer.js";
import { ceilDiv } from "../kernel/extent.js";
import { coordinates, overAll } from "./loops.js";
import { chainSum, linkRows, overColumns, rowIds, rowOf } from "./rows.js";
import { unsqueeze } from "./views.js";

/** Rows and columns that one block of the gradient adds up, at most. Never depends on the number of threads. */
const [blockRows, blockColumns] = [64, 256];

/** No row is a padding row: no id is ever this one. */
export const noPadding = -(2 ** 31);

function requireTable(weight: InferInput): void {
  if (weight.shape.length === 2) return;
  throw new InvalidArgumentError(`the table must be [rows, columns], got ${formatShape(weight.shape)}.`, {
    op: "embedding",
    weight: weight.shape,
  });
}

const idSamples = { shape: [2, 3], data: [0, 3, 1, 3, 4, 0], dtype: "int64" as const };

/** `out[…, :] = weight[ids[…], :]`; rows of id `padding` are 0. */
export const embeddingOp = defineOp({
  name: "embedding",
  inputs: ["ids", "weight"],
  outputs: ["out"],
  attrs: { padding: integers([noPadding]), byFrequency: fixed(false), sparse: fixed(false) },
  infer: ({ ids, weight }) => {
    requireInt(ids, "x", "embedding");
    requireTable(weight);
    return { outs: { out: { shape: [...ids.shape, weight.shape[1]!], dtype: weight.dtype } } };
  },
  element: (_, { ids, weight }, { padding }, index) => {
    const id = k.cast(ids.at(...index.slice(0, -1)), "i32");
    const value = weight.at(rowOf(id, weight.extent(0)), index.at(-1)!);
    return k.select(k.eq(id, padding[0]!), 0, value);
  },
  saves: ["ids"],
  grad: ({ ids }, d, { attrs, meta }) => ({
    weight: () => {
      if (attrs.sparse) return rowsValue(rowIds(ids, meta.weight, attrs.padding[0]!), d.out, meta.weight);
      if (!attrs.byFrequency) return addedRows(ids, d.out, meta.weight, attrs.padding[0]!);
      const share = bind1(rowShareOp, [ids, meta.weight]);
      return addedRows(ids, multiply(d.out, unsqueeze(share, [ids.shape.length])), meta.weight, attrs.padding[0]!);
    },
  }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [idSamples, [5, 4]], attrs: { padding: [noPadding], byFrequency: false, sparse: false } },
      { inputs: [idSamples, [5, 4]], attrs: { padding: [3], byFrequency: false, sparse: false } },
      { inputs: [idSamples, [5, 4]], attrs: { padding: [3], byFrequency: false, sparse: true } },
    ],
  },
});

const addedRows = (ids: Value, d: Value, weight: Value, padding: number): Value =>
  bind1(embeddingGradOp, [ids, d, weight], { padding: [padding] });

/**
 * The gradient of the table: row `r` is the sum of all `d[i]` with `ids[i] = r`, in the order of i. Each block owns some rows, so no two
 * threads write the same element and the sums do not depend on how many there are; each element is stored once, rows that do not occur
 * too, so that what follows may ride along: an optimizer then needs no table of gradients in memory.
 */
export const embeddingGradOp = defineOp({
  name: "embedding_grad",
  inputs: ["ids", "d", "weight"],
  outputs: ["out"],
  attrs: { padding: integers([noPadding]) },
  infer: ({ d, weight }) => ({ outs: { out: { shape: weight.shape, dtype: d.dtype } } }),
  kernel: (b, { ids, d }, { out }, { padding }) => addRows(b, ids, out, padding[0]!, d),
  ghosts: ["weight"],
  fuses: { loads: true, stores: "rows" },
  saves: ["ids"],
  grad: ({ ids }, d, { attrs }) => ({ d: () => embedding(ids, d.out, attrs.padding[0]) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [idSamples, [2, 3, 40], [5, 40]], attrs: { padding: [noPadding] } },
      {
        // Rows 0 and 3 occur twice, 1 and 4 once, 2 never; 3 is padding.
        inputs: [idSamples, { shape: [2, 3, 1], data: [1, 2, 3, 4, 5, 6] }, [5, 1]],
        attrs: { padding: [3] },
        expect: () => ({ shape: [5, 1], data: [7, 3, 0, 0, 5] }),
      },
    ],
  },
});

function addRows(b: KernelContext, ids: Ref, out: OutRef, padding: Expr, d: Ref): void {
  const [rows, columns] = [out.extent(0), out.extent(1)];
  const type = out.type === "f64" ? "f64" : "f32";
  const row = (id: Expr): Expr => k.select(k.eq(id, padding), constant("i32", -1), rowOf(id, rows));
  const chains = linkRows(b, ids, rows, row, { direct: true });
  const perBlock = k.max(k.min(k.divIndex(rows, blockRows), blockRows), 1);
  const parts = ceilDiv(columns, constant("i32", blockColumns));
  const extents = Array.from({ length: ids.rank }, (_, axis) => ids.extent(axis));
  b.parallel(k.mul(ceilDiv(rows, perBlock), parts), (block) => {
    const begin = b.let(k.mul(k.divIndex(block, parts), perBlock));
    const from = b.let(k.mul(k.remIndex(block, parts), blockColumns));
    const to = b.let(k.min(k.add(from, blockColumns), columns));
    b.for(begin, b.let(k.min(k.add(begin, perBlock), rows)), (r) => {
      const first = b.let(chains.first(r));
      overColumns(b, from, to, (c) => {
        const value = (place: Expr): Expr => k.cast(d.at(...coordinates(b, place, extents), c), type);
        out.set([r, c], chainSum(b, chains, first, constant(type, 0), value));
      });
    });
  });
}

/** The sum of rows as a whole table; negative ids name no row. */
export const denseRows = (ids: Value, values: Value, like: Value): Value => addedRows(ids, values, like, -1);

/** How often each row of a table occurs. */
function countRows(b: KernelContext, ids: Ref, rows: Expr): Buf {
  const counts = b.temp("counts", "i32", rows);
  overAll(b, rows, (at) => b.store(counts, at, constant("i32", 0)));
  b.parallel(1, () => {
    b.for(0, ids.size, (i) => {
      const row = b.let(rowOf(k.cast(ids.flat(i), "i32"), rows));
      b.store(counts, row, k.add(b.load(counts, row), 1));
    });
  });
  return counts;
}

/** `1 / n` for each id, n how often it occurs among all ids. */
export const rowShareOp = defineOp({
  name: "row_share",
  inputs: ["ids", "weight"],
  outputs: ["out"],
  attrs: {},
  infer: ({ ids, weight }) => ({ outs: { out: { shape: ids.shape, dtype: weight.dtype } } }),
  kernel: (b, { ids, weight }, { out }) => {
    const rows = weight.extent(0);
    const counts = countRows(b, ids, rows);
    const type = out.type === "f64" ? "f64" : "f32";
    overAll(b, out.size, (at) => {
      const row = rowOf(k.cast(ids.flat(at), "i32"), rows);
      out.setFlat(at, k.div(constant(type, 1), k.cast(b.load(counts, row), type)));
    });
  },
  ghosts: ["weight"],
  grad: null,
  check: {
    samples: [
      {
        inputs: [idSamples, [5, 4]],
        expect: () => ({ shape: [2, 3], data: [0.5, 0.5, 1, 0.5, 1, 0.5] }),
      },
    ],
  },
});

/**
 * The table with each row that occurs in `ids` scaled down to p-norm `maxNorm` where it is longer:
 * `row · maxNorm / (‖row‖ + 1e-7)`.
 */
export const embeddingRenormOp = defineOp({
  name: "embedding_renorm",
  inputs: ["ids", "weight"],
  outputs: ["out"],
  attrs: { maxNorm: scalar(1), p: fixed(2) },
  infer: ({ ids, weight }) => {
    requireInt(ids, "x", "embedding");
    requireTable(weight);
    return { outs: { out: { shape: weight.shape, dtype: weight.dtype } } };
  },
  kernel: (b, { ids, weight }, { out }, { maxNorm, p }) => {
    const counts = countRows(b, ids, out.extent(0));
    const columns = out.extent(1);
    const type = out.type === "f64" ? "f64" : "f32";
    const power = (x: Expr): Expr => (p === 2 ? k.mul(x, x) : p === 1 ? x : k.pow(x, constant(type, p)));
    const root = (x: Expr): Expr => (p === 2 ? k.sqrt(x) : p === 1 ? x : k.pow(x, constant(type, 1 / p)));
    b.parallel(out.extent(0), (row) => {
      const at = b.let(k.mul(row, columns));
      const element = (c: Expr): Expr => k.cast(weight.flat(k.add(at, c)), type);
      const norm =
        p === Infinity
          ? b.reduce("max", type, 0, columns, (c) => k.abs(element(c)))
          : b.let(root(b.reduce("add", type, 0, columns, (c) => power(k.abs(element(c))))));
      const limit = k.cast(maxNorm, type);
      const shorter = k.select(k.gt(norm, limit), k.div(limit, k.add(norm, 1e-7)), 1);
      const scale = b.let(k.select(k.gt(b.load(counts, row), 0), shorter, 1));
      b.lanes(0, columns, (c) => out.setFlat(k.add(at, c), k.mul(element(c), scale)));
    });
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [
          { shape: [2], data: [0, 2], dtype: "int64" },
          { shape: [3, 2], data: [3, 4, 30, 40, 0.3, 0.4] },
        ],
        attrs: { maxNorm: 1, p: 2 },
        // Row 0 has norm 5, row 1 does not occur, row 2 is short.
        expect: () => ({ shape: [3, 2], data: [3 / (5 + 1e-7), 4 / (5 + 1e-7), 30, 40, 0.3, 0.4] }),
      },
    ],
  },
});

/** Rows of a table `[rows, columns]` by ids of any shape; rows of id `padding` are 0 and get no gradient. */
export const embedding = <T extends Value>(
  ids: Value,
  weight: T,
  padding = noPadding,
  { byFrequency = false, sparse = false }: { readonly byFrequency?: boolean; readonly sparse?: boolean } = {},
): T => bind1(embeddingOp, [ids, weight], { padding: [padding], byFrequency, sparse }) as T;
