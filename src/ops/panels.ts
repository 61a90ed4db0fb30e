// Products of packed matrices by register tiles, as parts of larger kernels: recurrences and attention.

import type { KernelContext } from "../fuse/body.js";
import { type Buf, type Expr, constant, loadType, memBytes, splat } from "../kernel/expr.js";
import { ceilDiv } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import { multiplyAdd } from "./gemm-direct.js";
import { transpose } from "./gemm-tiled.js";

/** The types that such kernels compute in. */
export type FloatType = "f32" | "f64";

/** Matrices `[depth, width]` cut into panels as wide as a register tile: the columns of a panel side by side, depth by depth. */
export interface Panels {
  readonly buf: Buf;
  readonly depth: Expr;
  /** Panels of a matrix, and columns of each: together the width, rounded up. */
  readonly count: Expr;
  readonly columns: number;
  /** Vectors of a panel and their lanes. */
  readonly vectors: number;
  readonly lanes: number;
}

/** Columns of a panel. */
export function panelColumns(b: KernelContext, type: FloatType): number {
  return (b.target.gemm.vectors * b.target.gemm.lanes * 4) / memBytes[type];
}

/** What is packed: `batches` matrices whose elements `at` gives. */
export interface PackSpec {
  readonly type: FloatType;
  readonly batches: Expr;
  readonly depth: Expr;
  readonly width: Expr;
  at(batch: Expr, d: Expr, j: Expr): Expr;
  /** Where a column begins whose elements are adjacent along the depth, in memory of this type: such columns are turned in squares. */
  readonly adjacent?: { readonly buf: Buf; place(batch: Expr, j: Expr): Expr } | undefined;
}

/** One launch that packs matrices. Columns past the width repeat the last one. */
export function packPanels(b: KernelContext, name: string, spec: PackSpec): Panels {
  const { type, depth, width } = spec;
  const { vectors } = b.target.gemm;
  const columns = panelColumns(b, type);
  const count = ceilDiv(width, columns);
  const buf = b.temp(name, type, k.mul(k.mul(k.mul(spec.batches, count), columns), depth));
  const last = k.sub(width, 1);
  b.parallel(k.mul(spec.batches, count), (panel) => {
    const batch = b.let(k.divIndex(panel, count), "batch");
    const j0 = b.let(k.mul(k.remIndex(panel, count), columns), "j0");
    const to = b.let(k.mul(k.mul(panel, columns), depth), "to");
    const move = (d: Expr, c: Expr, j: Expr): void =>
      b.store(buf, k.add(k.add(to, k.mul(d, columns)), c), spec.at(batch, d, j));
    const lanes = columns / vectors;
    const square = spec.adjacent ? b.let(k.and(depth, -lanes)) : constant("i32", 0);
    const whole = (): void => {
      if (spec.adjacent) turnColumns(b, spec.adjacent, { batch, j0, square, columns, lanes, to: buf, at: to });
      b.for(square, depth, (d) => b.lanes(0, columns, (c) => move(d, c, k.add(j0, c))));
    };
    b.if(k.le(k.add(j0, columns), width), whole, () =>
      b.for(0, depth, (d) => b.for(0, columns, (c) => move(d, c, k.min(k.add(j0, c), last)))),
    );
  });
  return { buf, depth, count, columns, vectors, lanes: columns / vectors };
}

/** The columns of a panel, `square` deep, in squares of vectors. */
function turnColumns(
  b: KernelContext,
  adjacent: NonNullable<PackSpec["adjacent"]>,
  panel: {
    readonly batch: Expr;
    readonly j0: Expr;
    readonly square: Expr;
    readonly columns: number;
    readonly lanes: number;
    readonly to: Buf;
    readonly at: Expr;
  },
): void {
  const { batch, j0, square, columns, lanes, to, at } = panel;
  for (let c = 0; c < columns; c += lanes) {
    const places = Array.from({ length: lanes }, (_, u) => b.let(adjacent.place(batch, k.add(j0, c + u)), "place"));
    b.for(
      0,
      square,
      (d) => {
        const vectors = places.map((place) => b.let(b.load(adjacent.buf, k.add(place, d), lanes), "column"));
        transpose(b, vectors).forEach((row, u) => b.store(to, k.add(k.add(at, k.mul(k.add(d, u), columns)), c), row));
      },
      { step: lanes },
    );
  }
}

/** A register tile of a product. */
export interface TileSpec {
  /** Element `d` of the tile's row `r`. */
  row(r: number, d: Expr): Expr;
  readonly panels: Panels;
  /** Where the panel's first used depth stands, and how many are used. */
  readonly from: Expr;
  readonly depth: Expr;
  /** Where row `r` of the tile goes. */
  readonly into: Buf;
  at(r: number): Expr;
  /** Adds to what is there. */
  readonly add: boolean;
}

/** One register tile: `target.gemm.rows` rows, one panel wide. */
export function multiplyTile(b: KernelContext, spec: TileSpec): void {
  const { panels, into } = spec;
  const { lanes, vectors, columns } = panels;
  const zero = splat(constant(loadType(panels.buf.mem), 0), lanes);
  const places = Array.from({ length: b.target.gemm.rows }, (_, r) => b.let(spec.at(r), "into"));
  const acc = places.map((place) =>
    Array.from({ length: vectors }, (_, v) =>
      b.variable(spec.add ? b.load(into, k.add(place, v * lanes), lanes) : zero, "acc"),
    ),
  );
  b.for(0, spec.depth, (d) => {
    const from = k.add(spec.from, k.mul(d, columns));
    const y = Array.from({ length: vectors }, (_, v) => b.let(b.load(panels.buf, k.add(from, v * lanes), lanes), "y"));
    acc.forEach((list, r) => {
      const x = b.let(splat(spec.row(r, d), lanes), "x");
      list.forEach((a, v) => b.set(a, multiplyAdd(x, y[v]!, a.value)));
    });
  });
  acc.forEach((list, r) => list.forEach((a, v) => b.store(into, k.add(places[r]!, v * lanes), a.value)));
}
