// The product inside a recurrence: a few rows of state times a matrix that was packed once for all time steps.

import type { KernelContext } from "../fuse/body.js";
import { type Buf, type Expr, constant, loadType, memBytes, splat } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { multiplyAdd } from "./gemm-direct.js";
import { ceilDiv } from "./gemm-sizes.js";

/** A matrix `[depth, width]` cut into panels as wide as a register tile: the columns of a panel side by side, depth by depth. */
export interface Panels {
  readonly buf: Buf;
  readonly depth: Expr;
  /** Number of panels, and columns of each: together the width, rounded up. */
  readonly count: Expr;
  readonly columns: number;
  /** Vectors of a panel and their lanes. */
  readonly vectors: number;
  readonly lanes: number;
}

/** One launch that packs a matrix; `at` gives its elements. */
export function packPanels(
  b: KernelContext,
  type: "f32" | "f64",
  depth: Expr,
  width: Expr,
  at: (d: Expr, j: Expr) => Expr,
): Panels {
  const { vectors } = b.target.gemm;
  const lanes = (b.target.gemm.lanes * 4) / memBytes[type];
  const columns = vectors * lanes;
  const count = ceilDiv(width, columns);
  const buf = b.temp("panels", type, k.mul(k.mul(count, columns), depth));
  const last = k.sub(width, 1);
  b.parallel(count, (panel) => {
    const j0 = b.let(k.mul(panel, columns));
    const to = b.let(k.mul(j0, depth));
    const move = (d: Expr, c: Expr, j: Expr): void => b.store(buf, k.add(k.add(to, k.mul(d, columns)), c), at(d, j));
    b.if(
      k.le(k.add(j0, columns), width),
      () => b.for(0, depth, (d) => b.lanes(0, columns, (c) => move(d, c, k.add(j0, c)))),
      () => b.for(0, depth, (d) => b.for(0, columns, (c) => move(d, c, k.min(k.add(j0, c), last)))),
    );
  });
  return { buf, depth, count, columns, vectors, lanes };
}

/** Rows whose elements are adjacent: row r begins at `first(r)`; rows past the last one are read again in place of those that are not there. */
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
  const { lanes, columns } = panels;
  const type = loadType(panels.buf.mem);
  const height = b.target.gemm.rows;
  const stride = b.let(k.mul(panels.count, columns), "stride");
  b.for(0, panels.count, (panel) => {
    const at = b.let(k.mul(k.mul(panel, columns), panels.depth), "at");
    b.for(
      from,
      to,
      (row) => {
        const first = Array.from({ length: height }, (_, r) =>
          b.let(rows.first(k.min(k.add(row, r), k.sub(rows.count, 1))), "first"),
        );
        const zero = splat(constant(type, 0), lanes);
        const acc = first.map(() => Array.from({ length: panels.vectors }, () => b.variable(zero, "acc")));
        b.for(0, panels.depth, (d) => {
          const y = Array.from({ length: panels.vectors }, (_, v) =>
            b.let(b.load(panels.buf, k.add(k.add(at, k.mul(d, columns)), v * lanes), lanes), "y"),
          );
          acc.forEach((list, r) => {
            const x = b.let(splat(b.load(rows.buf, k.add(first[r]!, d)), lanes), "x");
            list.forEach((a, v) => b.set(a, multiplyAdd(x, y[v]!, a.value)));
          });
        });
        const target = b.let(k.add(k.mul(row, stride), k.mul(panel, columns)), "target");
        acc.forEach((list, r) =>
          list.forEach((a, v) => b.store(out, k.add(k.add(target, k.mul(stride, r)), v * lanes), a.value)),
        );
      },
      { step: height },
    );
  });
}
