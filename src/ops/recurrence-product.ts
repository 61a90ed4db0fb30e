// The product inside a recurrence: a few rows of state times a matrix that was packed once for all time steps.

import type { KernelContext } from "../fuse/body.js";
import type { Buf, Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { multiplyTile, type Panels } from "./panels.js";

/** Rows whose elements are adjacent: row r begins at `first(r)`; the last one is read again in place of rows that are not there. */
export interface Rows {
  readonly buf: Buf;
  first(row: Expr): Expr;
  readonly count: Expr;
}

/**
 * All columns of the product for rows `from` … `to`-1 into `out`, a row-major matrix of `panels.count · panels.columns` columns that has
 * room for whole register tiles of rows.
 */
export function multiplyRows(b: KernelContext, rows: Rows, from: Expr, to: Expr, panels: Panels, out: Buf): void {
  const { columns } = panels;
  const height = b.target.gemm.rows;
  const stride = b.let(k.mul(panels.count, columns), "stride");
  b.for(0, panels.count, (panel) => {
    const start = b.let(k.mul(k.mul(panel, columns), panels.depth), "start");
    b.for(
      from,
      to,
      (row) => {
        const first = Array.from({ length: height }, (_, r) =>
          b.let(rows.first(k.min(k.add(row, r), k.sub(rows.count, 1))), "first"),
        );
        const target = b.let(k.add(k.mul(row, stride), k.mul(panel, columns)), "target");
        multiplyTile(b, {
          row: (r, d) => b.load(rows.buf, k.add(first[r]!, d)),
          panels,
          from: start,
          depth: panels.depth,
          into: out,
          at: (r) => k.add(target, k.mul(stride, r)),
          add: false,
        });
      },
      { step: height },
    );
  });
}
