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
import { ceilDiv } from "../kernel/extent.js";
import { coordinates, overAll } from "./loops.js";
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

/** Occurrences of rows that kernels handle in one block. Never depends on the number of threads. */
const blockRows = 64;

/** Occurrences of each row, in order; positions among the ids count from 1, and 0 is none. */
export interface RowChains {
  /** The first occurrence of a row, where there is a place for each row. */
  first(row: Expr): Expr;
  /** The next occurrence of the same row. */
  next(at: Expr): Expr;
  /** Whether an occurrence is its row's first: 1, else 0. */
  isFirst(at: Expr): Expr;
}

/**
 * Links the occurrences of each row in two launches: a table of the first occurrence of each row, filled in one pass over the ids from
 * the last to the first. `row` gives an id's row, negative for none. The table is as long as there are rows, or four times as long as
 * there are ids (open addressing) if that is less and `direct` does not forbid it, so that the time depends on the ids alone.
 */
export function linkRows(
  b: KernelContext,
  ids: Ref,
  rows: Expr,
  row: (id: Expr) => Expr,
  { direct }: { readonly direct: boolean },
): RowChains {
  const n = ids.size;
  const length = k.max(direct ? rows : k.min(rows, k.mul(n, 4)), 1);
  const table = b.temp("table", "i32", length);
  const follow = b.temp("follow", "i32", k.add(n, 1));
  const firsts = direct ? undefined : b.temp("firsts", "i32", k.add(n, 1));
  overAll(b, length, (at) => b.store(table, at, constant("i32", 0)));
  b.parallel(1, () => {
    b.for(0, n, (round) => {
      const at = b.let(k.sub(n, round));
      const own = b.let(row(k.cast(ids.flat(k.sub(at, 1)), "i32")));
      const link = (slot: Expr): void => {
        const after = b.let(b.load(table, slot));
        b.store(follow, at, after);
        b.store(table, slot, at);
        if (!firsts) return;
        b.store(firsts, at, constant("i32", 1));
        b.store(firsts, after, constant("i32", 0));
      };
      const rowAt = (place: Expr): Expr => row(k.cast(ids.flat(place), "i32"));
      b.if(
        k.ge(own, 0),
        () => link(direct ? own : slotOf(b, table, length, rows, own, rowAt)),
        () => firsts && b.store(firsts, at, constant("i32", 0)),
      );
    });
  });
  return {
    first: (r) => b.load(table, r),
    next: (at) => b.load(follow, at),
    isFirst: (at) => b.load(firsts!, at),
  };
}

/** Where a row stands in the table, or would stand: the first slot that is free or its own. `rowAt` gives the row at a place of the ids. */
function slotOf(b: KernelContext, table: Buf, length: Expr, rows: Expr, row: Expr, rowAt: (place: Expr) => Expr): Expr {
  const slot = b.variable(row, "slot");
  b.if(k.gt(rows, length), () => {
    // Fibonacci hashing where rows share slots: neighbouring numbers, and multiples of any number, are spread out.
    const spread = k.and(k.mul(row, constant("i32", -1640531527)), constant("i32", 2 ** 31 - 1));
    b.set(slot, k.remIndex(spread, length));
    const found = b.variable(b.load(table, slot.value), "found");
    const other = (): Expr => k.ne(rowAt(k.max(k.sub(found.value, 1), 0)), row);
    b.while(k.and(k.ne(found.value, 0), other()), () => {
      const after = b.let(k.add(slot.value, 1));
      b.set(slot, k.select(k.eq(after, length), 0, after));
      b.set(found, b.load(table, slot.value));
    });
  });
  return b.let(slot.value);
}

/** A loop over columns in vectors, as many at once as the registers hold: values of a chain are added up in them. */
export function overColumns(b: KernelContext, from: Expr | number, to: Expr, body: (column: Expr) => void): void {
  b.lanes(from, to, body, b.target.vectors);
}

/** The sum along a chain of occurrences from `first` on, in their order; `value` gives the addend at a place of the ids. */
export function chainSum(
  b: KernelContext,
  chains: RowChains,
  first: Expr,
  zero: Expr,
  value: (place: Expr) => Expr,
): Expr {
  const sum = b.variable(zero, "sum");
  const at = b.variable(first, "at");
  b.while(k.gt(at.value, 0), () => {
    const here = b.let(at.value);
    b.set(at, chains.next(here));
    b.set(sum, k.add(sum.value, value(k.sub(here, 1))));
  });
  return b.let(sum.value);
}

/** What the kernels on sums of rows are given: places of ids have one coordinate for each axis of the ids. */
export interface RowSums {
  /** Occurrences of all rows. */
  readonly chains: RowChains;
  /** Calls `body` for the columns of the row whose first occurrence is `at`, with the sum of its values in each. */
  forColumns(at: Expr, body: (column: Expr, sum: Expr) => void): void;
}

/** Links equal rows of a gradient; `values` has the shape of the ids and an axis of columns. Negative ids name no row. */
export function rowSums(b: KernelContext, ids: Ref, values: Ref, rows: Expr): RowSums {
  const chains = linkRows(b, ids, rows, (id) => id, { direct: false });
  const type = values.type === "f64" ? "f64" : "f32";
  const extents = Array.from({ length: ids.rank }, (_, axis) => ids.extent(axis));
  b.cost([ids.size, values.extent(values.rank - 1), constant("i32", 4)]);
  return {
    chains,
    forColumns: (at, body) =>
      overColumns(b, 0, values.extent(values.rank - 1), (c) => {
        const value = (place: Expr): Expr => k.cast(values.at(...coordinates(b, place, extents), c), type);
        body(c, chainSum(b, chains, at, constant(type, 0), value));
      }),
  };
}

/**
 * Calls `body` for the first occurrence of each different row, several a block; `start` is called at the start of each block and what it
 * returns handed on.
 */
export function forRows<T>(
  b: KernelContext,
  ids: Ref,
  chains: RowChains,
  start: () => T,
  body: (at: Expr, given: T) => void,
): void {
  b.parallel(ceilDiv(ids.size, constant("i32", blockRows)), (block) => {
    const given = start();
    const own = b.local("own", "i32", blockRows);
    const from = b.let(k.mul(block, blockRows));
    const count = b.variable(constant("i32", 0), "count");
    // The firsts are listed before any is handled: a branch for each occurrence would be guessed wrong too often.
    b.for(from, b.let(k.min(k.add(from, blockRows), ids.size)), (i) => {
      const at = b.let(k.add(i, 1));
      b.store(own, count.value, at);
      b.set(count, k.add(count.value, chains.isFirst(at)));
    });
    b.for(0, b.let(count.value), (s) => body(b.let(b.load(own, s)), given));
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
    const sums = rowSums(b, ids, values, like.extent(0));
    const order = b.temp("order", "i32", ids.size);
    overAll(b, ids.size, (at) => b.store(order, at, constant("i32", 0)));
    b.parallel(1, () => {
      const count = b.variable(constant("i32", 0), "count");
      b.for(0, ids.size, (i) => {
        const at = b.let(k.add(i, 1));
        b.if(k.ne(sums.chains.isFirst(at), 0), () => {
          b.store(order, count.value, at);
          b.set(count, k.add(count.value, 1));
        });
      });
    });
    b.parallel(ceilDiv(ids.size, constant("i32", blockRows)), (block) => {
      const from = b.let(k.mul(block, blockRows));
      b.for(from, b.let(k.min(k.add(from, blockRows), ids.size)), (s) => {
        const at = b.let(b.load(order, s));
        const row = k.cast(ids.flat(k.max(k.sub(at, 1), 0)), "i32");
        ids_out.setFlat(s, k.select(k.gt(at, 0), row, -1));
        const start = b.let(k.mul(s, columns));
        sums.forColumns(at, (c, sum) => out.setFlat(k.add(start, c), k.cast(sum, out.type)));
      });
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
