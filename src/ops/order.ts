// Ordering in the kernel language: a stable merge sort and a selection of the best few, NaN above all numbers.

import type { KernelContext, Ref } from "../fuse/body.js";
import type { Mutable } from "../kernel/builder.js";
import { product } from "../kernel/extent.js";
import { type Buf, constant, type Expr, type KType, type MemType } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";

/** A tensor as lines along one axis: `outer` × `length` × `inner`. */
export interface Lines {
  readonly length: Expr;
  readonly inner: Expr;
  /** Number of lines. */
  readonly count: Expr;
  /** Position of element `t` of a line. */
  position(line: Expr, t: Expr): Expr;
}

/** The lines of a tensor along `axis`. */
export function linesOf(x: Pick<Ref, "extent" | "rank">, axis: number): Lines {
  const extents = Array.from({ length: x.rank }, (_, i) => x.extent(i));
  const length = extents[axis] ?? constant("i32", 1);
  const inner = product(extents.slice(axis + 1));
  const outer = product(extents.slice(0, axis));
  return {
    length,
    inner,
    count: k.mul(outer, inner),
    position: (line, t) => {
      const o = k.divIndex(line, inner);
      const i = k.remIndex(line, inner);
      return k.add(k.mul(k.add(k.mul(o, length), t), inner), i);
    },
  };
}

/** Elements that one block of line work handles. */
const blockWork = 4096;

/** Calls `body` for every line, several short lines a block. */
export function forLines(b: KernelContext, lines: Lines, body: (line: Expr) => void): void {
  const perBlock = k.max(constant("i32", 1), k.divIndex(constant("i32", blockWork), k.max(lines.length, 1)));
  b.parallel(k.divIndex(k.add(lines.count, k.sub(perBlock, 1)), perBlock), (block) => {
    const from = b.let(k.mul(block, perBlock), "from");
    b.for(from, b.let(k.min(k.add(from, perBlock), lines.count)), body);
  });
}

/** Memory that holds a computing type without loss. */
export const memoryOf = (type: KType): MemType => (type === "m32" || type === "m64" ? "i32" : type);

/** Whether `x` stands before `y` in the order; NaN is above all numbers. Strict, so that equal elements keep their order. */
export function before(x: Expr, y: Expr, descending: boolean): Expr {
  const less = descending ? k.gt(x, y) : k.lt(x, y);
  if (!k.isFloat(x)) return less;
  const [high, low] = descending ? [x, y] : [y, x];
  return k.or(less, k.and(k.ne(high, high), k.eq(low, low)));
}

/** Keys of lines with the indices they came from, in two halves between which merging goes to and fro. */
export interface SortSpace {
  readonly keys: Buf;
  readonly indices: Buf;
}

/** Room to sort all lines. */
export const sortSpace = (b: KernelContext, type: KType, lines: Lines): SortSpace => {
  const length = k.mul(k.mul(lines.count, lines.length), 2);
  return { keys: b.temp("keys", memoryOf(type), length), indices: b.temp("indices", "i32", length) };
};

/** Where a sorted line stands in the space. */
export interface Sorted {
  key(t: Expr | number): Expr;
  index(t: Expr | number): Expr;
}

/** Sorts a line, elements given by `at`; stable. */
export function sortLine(
  b: KernelContext,
  space: SortSpace,
  lines: Lines,
  line: Expr,
  at: (t: Expr) => Expr,
  descending: boolean,
): Sorted {
  const n = lines.length;
  const first = b.let(k.mul(k.mul(line, n), 2), "first");
  b.for(0, n, (t) => {
    b.store(space.keys, k.add(first, t), at(t));
    b.store(space.indices, k.add(first, t), t);
  });
  return mergeAll(b, space, first, n, (x, y) => before(x, y, descending));
}

/** Emits what it takes to know whether key x stands strictly before key y. */
type KeyOrder = (x: Expr, y: Expr) => Expr;

/** Merges runs of 1, 2, 4, … elements until the line is one run. */
function mergeAll(b: KernelContext, space: SortSpace, first: Expr, n: Expr, order: KeyOrder): Sorted {
  const from = b.variable(first, "source");
  const to = b.variable(k.add(first, n), "target");
  const width = b.variable(constant("i32", 1), "width");
  b.while(k.lt(width.value, n), () => {
    mergePass(b, space, { from: from.value, to: to.value, n, width: width.value, order });
    const old = b.let(from.value, "old");
    b.set(from, to.value);
    b.set(to, old);
    b.set(width, k.mul(width.value, 2));
  });
  const start = b.let(from.value, "sorted");
  return {
    key: (t) => b.load(space.keys, k.add(start, t)),
    index: (t) => b.load(space.indices, k.add(start, t)),
  };
}

/** Sorts the rows of an `[n, width]` matrix by their elements, first columns first; keys are row numbers. Stable. */
export function sortRows(b: KernelContext, space: SortSpace, x: Ref, n: Expr, width: Expr): Sorted {
  b.for(0, n, (t) => {
    b.store(space.keys, t, t);
    b.store(space.indices, t, t);
  });
  return mergeAll(b, space, constant("i32", 0), n, (row, other) => {
    const verdict = b.variable(constant("i32", 0), "verdict");
    const column = b.variable(constant("i32", 0), "column");
    b.while(k.and(k.eq(verdict.value, 0), k.lt(column.value, width)), () => {
      const u = b.let(number(x.flat(k.add(k.mul(row, width), column.value))), "u");
      const v = b.let(number(x.flat(k.add(k.mul(other, width), column.value))), "v");
      const after = k.sub(k.cast(before(u, v, false), "i32"), k.cast(before(v, u, false), "i32"));
      b.set(verdict, after);
      b.set(column, k.add(column.value, 1));
    });
    return k.gt(verdict.value, 0);
  });
}

/** Truth values as numbers, which have an order. */
export const number = (x: Expr): Expr => (k.isMask(x) ? k.cast(x, "i32") : x);

interface Pass {
  readonly from: Expr;
  readonly to: Expr;
  readonly n: Expr;
  readonly width: Expr;
  readonly order: KeyOrder;
}

/** Merges neighbouring runs of `width` elements. */
function mergePass(b: KernelContext, { keys, indices }: SortSpace, p: Pass): void {
  const from = b.let(p.from, "from");
  const to = b.let(p.to, "to");
  const width = b.let(p.width, "run");
  const low = b.variable(constant("i32", 0), "low");
  b.while(k.lt(low.value, p.n), () => {
    const lo = b.let(low.value, "lo");
    const mid = b.let(k.min(k.add(lo, width), p.n), "mid");
    const hi = b.let(k.min(k.add(mid, width), p.n), "hi");
    const i = b.variable(lo, "i");
    const j = b.variable(mid, "j");
    b.for(lo, hi, (t) => {
      const left = b.let(k.add(from, k.min(i.value, k.sub(mid, 1))), "left");
      const right = b.let(k.add(from, k.min(j.value, k.sub(hi, 1))), "right");
      const x = b.let(b.load(keys, left), "x");
      const y = b.let(b.load(keys, right), "y");
      const more = k.and(k.lt(i.value, mid), k.or(k.ge(j.value, hi), narrow(k.not(p.order(y, x)))));
      const take = b.let(k.cast(more, "i32"), "take");
      b.store(keys, k.add(to, t), k.select(k.ne(take, 0), x, y));
      b.store(indices, k.add(to, t), b.load(indices, k.select(k.ne(take, 0), left, right)));
      b.set(i, k.add(i.value, take));
      b.set(j, k.add(j.value, k.sub(1, take)));
    });
    b.set(low, hi);
  });
}

const narrow = (mask: Expr): Expr => k.cast(mask, "m32");

/** Lines shorter than this many wanted elements are selected by insertion, others sorted. */
export const fewWanted = 64;

/** Puts the best `count` (at most {@link fewWanted}) elements of a line in order at the start of its space. */
export function selectLine(
  b: KernelContext,
  space: SortSpace,
  lines: Lines,
  line: Expr,
  at: (t: Expr) => Expr,
  order: { readonly count: Expr; readonly descending: boolean },
): Sorted {
  const first = b.let(k.mul(k.mul(line, lines.length), 2), "first");
  const held = b.variable(constant("i32", 0), "held");
  b.for(0, lines.length, (t) => {
    const x = b.let(at(t), "x");
    const last = b.let(k.add(first, k.max(k.sub(held.value, 1), 0)), "last");
    const enters = k.or(k.lt(held.value, order.count), narrow(before(x, b.load(space.keys, last), order.descending)));
    b.if(enters, () => insert(b, space, { first, held, x, t, ...order }));
  });
  return {
    key: (t) => b.load(space.keys, k.add(first, t)),
    index: (t) => b.load(space.indices, k.add(first, t)),
  };
}

interface Insertion {
  readonly first: Expr;
  readonly held: Mutable;
  readonly x: Expr;
  readonly t: Expr;
  readonly count: Expr;
  readonly descending: boolean;
}

/** Inserts behind its equals; the last one falls out when the list is full. */
function insert(b: KernelContext, { keys, indices }: SortSpace, p: Insertion): void {
  const at = b.variable(k.min(p.held.value, k.sub(p.count, 1)), "at");
  const previous = (): Expr => k.add(p.first, k.max(k.sub(at.value, 1), 0));
  const moves = (): Expr => k.and(k.gt(at.value, 0), narrow(before(p.x, b.load(keys, previous()), p.descending)));
  b.while(moves(), () => {
    b.store(keys, k.add(p.first, at.value), b.load(keys, previous()));
    b.store(indices, k.add(p.first, at.value), b.load(indices, previous()));
    b.set(at, k.sub(at.value, 1));
  });
  b.store(keys, k.add(p.first, at.value), p.x);
  b.store(indices, k.add(p.first, at.value), p.t);
  b.set(p.held, k.min(k.add(p.held.value, 1), p.count));
}
