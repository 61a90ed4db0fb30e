// Loops that kernels of movement share: over the rows of a tensor, in blocks, with its last axis in vectors.

import type { KernelContext, OutRef } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import { ceilDiv } from "../kernel/extent.js";

/** Elements that one block of such a kernel handles, about. Never depends on the number of threads. */
const blockElements = 16384;

/**
 * One launch over all rows: `body` gets the index of the row, one coordinate for each extent of `outer`. `work` says how many elements
 * a row takes.
 */
export function overRows(
  b: KernelContext,
  outer: readonly Expr[],
  work: Expr,
  body: (index: readonly Expr[]) => void,
): void {
  const { k } = b;
  const rows = outer.reduce((n, e) => k.mul(n, e), k.const("i32", 1));
  const perBlock = k.max(k.divIndex(k.const("i32", blockElements), k.max(work, 1)), 1);
  b.parallel(ceilDiv(rows, perBlock), (block) => {
    const from = b.let(k.mul(block, perBlock));
    b.for(from, b.let(k.min(k.add(from, perBlock), rows)), (row) => body(coordinates(b, row, outer)));
  });
}

/** One launch over `size` positions, in vectors. */
export function overAll(b: KernelContext, size: Expr, body: (position: Expr) => void): void {
  const { k } = b;
  b.parallel(ceilDiv(size, k.const("i32", blockElements)), (block) => {
    const from = b.let(k.mul(block, blockElements));
    b.lanes(from, b.let(k.min(k.add(from, blockElements), size)), body);
  });
}

/** One launch that fills a result with zeros, before others add to it. */
export function fillZero(b: KernelContext, out: OutRef): void {
  const zero = b.k.const(out.type === "m32" ? "i32" : out.type, 0);
  overAll(b, out.size, (i) => out.setFlat(i, zero));
}

/** Row-major coordinates of a position. */
export function coordinates(b: KernelContext, position: Expr, extents: readonly Expr[]): Expr[] {
  const { k } = b;
  const out: Expr[] = [];
  let rest = position;
  for (let i = extents.length - 1; i > 0; i--) {
    out.unshift(b.let(k.remIndex(rest, extents[i]!)));
    rest = b.let(k.divIndex(rest, extents[i]!));
  }
  if (extents.length > 0) out.unshift(rest);
  return out;
}
