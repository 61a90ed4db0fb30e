// Ops: gradients of rows: the row numbers of ids, and equal rows merged; what kernels on such rows share.

import type { KernelContext, Ref } from "../fuse/body.js";
import { type Buf, constant, type Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { integers } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind, bind1 } from "../trace/bind.js";
import { type Rows, rowsValue } from "../trace/rows.js";
import { concat } from "./concat.js";
import { requireInt } from "./infer.js";
import { ceilDiv, coordinates, overAll } from "./loops.js";
import { flatten, reshape } from "./views.js";

/** A row number that stays inside the table whatever the id. */
export const rowOf = (id: Expr, rows: Expr): Expr => k.max(k.min(id, k.sub(rows, 1)), 0);

/** The rows of a table that ids name, as int32; -1 for ids equal to `padding`. */
export const rowIdsOp = defineOp({
  name: "row_ids",
  inputs: ["ids", "weight"],
  outputs: ["out"],
  attrs: { padding: integers() },
  infer: ({ ids }) => {
    requireInt(ids, "x", "row_ids");
    return { outs: { out: { shape: ids.shape, dtype: "int32" } } };
  },
  element: (_, { ids, weight }, { padding }, index) => {
    const id = k.cast(ids.at(...index), "i32");
    return k.select(k.eq(id, padding[0]!), constant("i32", -1), rowOf(id, weight.extent(0)));
  },
  ghosts: ["weight"],
  grad: null,
  check: {
    samples: [
      {
        inputs: [{ shape: [2, 2], data: [0, 3, 1, 9], dtype: "int64" }, [5, 4]],
        attrs: { padding: [3] },
        expect: () => ({ shape: [2, 2], data: [0, -1, 1, 4] }),
      },
    ],
  },
});

/** The rows of `weight` that ids name; -1, which is no row, for ids equal to `padding`. */
export const rowIds = (ids: Value, weight: Value, padding: number): Value =>
  bind1(rowIdsOp, [ids, weight], { padding: [padding] });

/** Rows that kernels handle in one block. Never depends on the number of threads. */
const blockRows = 32;

/** Occurrences of each row, in order. */
export interface RowChains {
  /** How many different rows there are. */
  readonly count: Expr;
  /** The first occurrence of the s-th row, in order of these. */
  head(s: Expr): Expr;
  /** The next occurrence of the same row, negative at the end. */
  next(i: Expr): Expr;
}

/**
 * Finds the occurrences of each row in two launches: a table of the last occurrence of each row, then one pass over the ids. The table is
 * as long as there are rows, or four times as long as there are ids (open addressing) if that is less, so that the time depends on the
 * ids alone.
 */
export function linkRows(b: KernelContext, ids: Ref, rows: Expr): RowChains {
  const n = ids.size;
  const length = k.max(k.min(rows, k.mul(n, 4)), 1);
  const table = b.temp("table", "i32", length);
  const heads = b.temp("heads", "i32", n);
  const follow = b.temp("follow", "i32", n);
  const counter = b.temp("counter", "i32", constant("i32", 1));
  overAll(b, length, (at) => b.store(table, at, constant("i32", 0)));
  b.parallel(1, () => {
    const count = b.variable(constant("i32", 0), "count");
    b.for(0, n, (i) => {
      const row = b.let(k.cast(ids.flat(i), "i32"));
      b.if(k.ge(row, 0), () => {
        const { slot, last } = find(b, table, length, rows, ids, row);
        b.store(follow, i, constant("i32", -1));
        b.store(table, slot, k.add(i, 1));
        b.if(
          k.eq(last, 0),
          () => {
            b.store(heads, count.value, i);
            b.set(count, k.add(count.value, 1));
          },
          () => b.store(follow, k.sub(last, 1), i),
        );
      });
    });
    b.store(counter, 0, count.value);
  });
  return {
    count: b.load(counter, 0),
    head: (s) => b.load(heads, s),
    next: (i) => b.load(follow, i),
  };
}

/** Where a row stands in the table, and the number (from 1) of its last occurrence so far; 0 if there was none. */
function find(b: KernelContext, table: Buf, length: Expr, rows: Expr, ids: Ref, row: Expr): { slot: Expr; last: Expr } {
  // Fibonacci hashing where rows share slots: neighbouring numbers, and multiples of any number, are spread out.
  const spread = k.and(k.mul(row, constant("i32", -1640531527)), constant("i32", 2 ** 31 - 1));
  const slot = b.variable(k.remIndex(k.select(k.le(rows, length), row, spread), length), "slot");
  const last = b.variable(b.load(table, slot.value), "last");
  const other = (): Expr => k.ne(k.cast(ids.flat(k.max(k.sub(last.value, 1), 0)), "i32"), row);
  b.while(k.and(k.ne(last.value, 0), other()), () => {
    const after = b.let(k.add(slot.value, 1));
    b.set(slot, k.select(k.eq(after, length), 0, after));
    b.set(last, b.load(table, slot.value));
  });
  return { slot: b.let(slot.value), last: b.let(last.value) };
}

/** The sum of one row's values: the s-th row, its first occurrence, and the sums' place in their buffer. */
export interface RowSum {
  readonly s: Expr;
  readonly row: Expr;
  sum(column: Expr): Expr;
}

/**
 * Calls `body` for the sum of each different row, several rows a block; values of a row are added in the order of the ids. `values` has the
 * shape of the ids and an axis of columns.
 */
export function forRowSums(b: KernelContext, ids: Ref, values: Ref, rows: Expr, body: (sum: RowSum) => void): void {
  const chains = linkRows(b, ids, rows);
  const columns = values.extent(values.rank - 1);
  const type = values.type === "f64" ? "f64" : "f32";
  const blocks = ceilDiv(b, ids.size, constant("i32", blockRows));
  const sums = b.temp("sums", type, k.mul(blocks, columns));
  const extents = Array.from({ length: ids.rank }, (_, axis) => ids.extent(axis));
  const eachValue = (i: Expr, at: (column: Expr, value: Expr) => void): void => {
    const index = coordinates(b, i, extents);
    b.lanes(0, columns, (c) => at(c, k.cast(values.at(...index, c), type)));
  };
  b.cost([ids.size, columns, constant("i32", 4)]);
  b.parallel(blocks, (block) => {
    const start = b.let(k.mul(block, columns));
    const from = b.let(k.mul(block, blockRows));
    b.for(from, b.let(k.min(k.add(from, blockRows), chains.count)), (s) => {
      const head = b.let(chains.head(s));
      eachValue(head, (c, x) => b.store(sums, k.add(start, c), x));
      const i = b.variable(chains.next(head), "i");
      b.while(k.ge(i.value, 0), () => {
        const at = b.let(i.value);
        eachValue(at, (c, x) => b.store(sums, k.add(start, c), k.add(b.load(sums, k.add(start, c)), x)));
        b.set(i, chains.next(at));
      });
      const row = b.let(k.cast(ids.flat(head), "i32"));
      body({ s, row, sum: (c) => b.load(sums, k.add(start, c)) });
    });
  });
}

/** Equal rows added up: each row once, in the order of first occurrence, then ids of -1 with values of 0. */
export const mergeRowsOp = defineOp({
  name: "merge_selected_rows",
  inputs: ["ids", "values", "like"],
  outputs: ["ids_out", "out"],
  attrs: {},
  infer: ({ ids, values }) => {
    requireInt(ids, "ids", "merge_selected_rows");
    return {
      outs: { ids_out: { shape: ids.shape, dtype: "int32" }, out: { shape: values.shape, dtype: values.dtype } },
    };
  },
  kernel: (b, { ids, values, like }, { ids_out, out }) => {
    const columns = values.extent(values.rank - 1);
    overAll(b, ids.size, (at) => ids_out.setFlat(at, constant("i32", -1)));
    overAll(b, out.size, (at) => out.setFlat(at, constant(out.type, 0)));
    forRowSums(b, ids, values, like.extent(0), ({ s, row, sum }) => {
      ids_out.setFlat(s, row);
      const start = b.let(k.mul(s, columns));
      b.lanes(0, columns, (c) => out.setFlat(k.add(start, c), k.cast(sum(c), out.type)));
    });
  },
  ghosts: ["like"],
  fuses: { loads: true },
  grad: null,
  check: {
    samples: [
      {
        inputs: [
          { shape: [2, 3], data: [4, 1, -1, 4, 0, 1], dtype: "int32" },
          { shape: [2, 3, 2], data: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] },
          [5, 2],
        ],
        expect: () => [
          { shape: [2, 3], data: [4, 1, 0, -1, -1, -1] },
          { shape: [2, 3, 2], data: [8, 10, 14, 16, 9, 10, 0, 0, 0, 0, 0, 0] },
        ],
      },
      {
        // More rows than the table of last occurrences has room for.
        inputs: [{ shape: [3], data: [2900, 12, 2900], dtype: "int32" }, { shape: [3, 1], data: [1, 2, 4] }, [3000, 1]],
        expect: () => [
          { shape: [3], data: [2900, 12, -1] },
          { shape: [3, 1], data: [5, 2, 0] },
        ],
      },
    ],
  },
});

/** A gradient of rows with each row once. */
export function mergeRows(rows: Rows): Value {
  const [ids, values] = bind(mergeRowsOp, [rows.ids, rows.values, rows.like]) as [Value, Value];
  return rowsValue(ids, values, rows.like);
}

/** Ids (`columns` 0), or values with one axis of columns, one after another along a single axis. */
export function chainRows(parts: readonly Value[], columns: 0 | 1): Value {
  const flat = parts.map((x) => {
    const rows = x.shape.length - columns;
    return rows === 0 ? reshape(x, [1, ...x.shape]) : flatten(x, 0, rows - 1);
  });
  return concat(flat, 0);
}
