// Winograd's convolution of 3 × 3 kernels: blocks of tiles transformed, multiplied point by point and transformed back in one cache.

import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import { type Buf, type Expr, constant } from "../kernel/expr.js";
import { ceilDiv } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import { type ConvType, eachRun } from "./convolution-source.js";
import { known } from "./gemm-sizes.js";
import { transpose } from "./gemm-tiled.js";
import { type Kernels, type Panels, copyPanels, evaluateKernels, multiplyTile } from "./winograd-kernels.js";
import { lanesOf } from "./winograd-pixels.js";
import {
  BLOCK_CHANNELS,
  BLOCK_TILES,
  chunksOf,
  GAP,
  pointSize,
  type TileGrid,
  tiledPixels,
  tileGrid,
  transformTiles,
  UNIT,
} from "./winograd-tiles.js";
import { ALL_POINTS, POINTS, resultLine, sourceLine, TILE, transformSquare } from "./winograd-transform.js";

/** Channels at a time where a block evaluates its weights too: all three operands stay in L2. */
const ONCE_CHANNELS = 32;
/** Elements of a tile of the result. */
const CELLS = TILE * TILE;

/** A correlation `out[n, row, y] = Σ kernel[row, c, t] · x[n, c, y + t - lead]` over two axes. */
export interface Winograd {
  readonly type: ConvType;
  readonly x: Ref;
  readonly lead: readonly [number, number];
  readonly kernels: Kernels;
  readonly out: OutRef;
  /** What is stored of a sum. */
  finish(row: Expr): (value: Expr) => Expr;
}

/** Emits a correlation with 3 × 3 kernels, in tiles of 4 × 4. */
export function emitWinograd(b: KernelContext, f: Winograd): void {
  const { type, out } = f;
  const lanes = lanesOf(b, type);
  const { rows, vectors } = b.target.gemm;
  const panel = vectors * lanes;
  const tiles = Math.floor(BLOCK_TILES / rows) * rows;
  const grid = tileGrid(f.x.extent(0), out.extent(2), out.extent(3));
  const blocks = ceilDiv(grid.tiles, tiles);
  // Weights that one block of tiles reads are evaluated where they are read: deep layers have more of them than of all else.
  const once = known(blocks) === 1;
  const depth = chunksOf(f.kernels.depth, UNIT, once ? ONCE_CHANNELS : BLOCK_CHANNELS);
  const made = chunksOf(f.kernels.rows, panel);
  b.cost([f.kernels.rows, f.kernels.depth, k.mul(grid.tiles, ALL_POINTS)]);
  const source = tiledPixels(b, "x", f.x, type, grid, { lead: f.lead, reach: POINTS, channels: depth.all });
  const shared = once ? undefined : copyPanels(b, type, f.kernels, panel, depth.all);
  b.parallel(k.mul(blocks, made.count), (block) => {
    const size = pointSize(tiles);
    const [v, m] = [b.local("v", type, ALL_POINTS * size), b.local("m", type, ALL_POINTS * size)];
    const own = shared ?? ownPanels(b, type, panel);
    const t0 = b.let(k.mul(k.divIndex(block, made.count), tiles), "t0");
    const o0 = b.let(k.mul(k.remIndex(block, made.count), made.width), "o0");
    const width = b.let(k.min(made.width, k.sub(f.kernels.rows, o0)), "width");
    b.for(0, depth.count, (s) => {
      const c0 = b.let(k.mul(s, depth.width), "c0");
      const part = { type, t0, tiles, c0, count: depth.width };
      transformTiles(b, source, grid, { ...part, size: POINTS, line: sourceLine, to: v });
      if (!shared)
        evaluateKernels(
          b,
          type,
          f.kernels,
          { first: o0, rows: made.width, d0: c0, depth: depth.width },
          (r, d, p, x) => {
            const place = k.add(k.mul(k.divIndex(r, panel), own.next), k.mul(k.sub(d, c0), panel));
            b.store(own.buf, k.add(k.add(place, k.remIndex(r, panel)), k.mul(own.point, p)), x);
          },
        );
      const first = shared ? k.add(k.mul(k.divIndex(o0, panel), own.next), k.mul(c0, panel)) : constant("i32", 0);
      const adds = known(depth.count) === 1 ? false : k.gt(s, 0);
      multiplyPoints(b, { type, rows, tiles, panels: own, first, v, m, width, depth: depth.width, adds });
    });
    storeTiles(b, f, grid, { m, t0, o0, width, tiles, lanes });
  });
}

/** Memory for the weights that a block evaluates itself. */
function ownPanels(b: KernelContext, type: ConvType, panel: number): Panels {
  const point = ONCE_CHANNELS * BLOCK_CHANNELS + GAP;
  return {
    buf: b.local("kernels", type, ALL_POINTS * point),
    panel,
    point: constant("i32", point),
    next: constant("i32", ONCE_CHANNELS * panel),
  };
}

interface Points {
  readonly type: ConvType;
  /** Rows of a register tile. */
  readonly rows: number;
  readonly tiles: number;
  readonly panels: Panels;
  /** Where the first panel's weights of this depth begin. */
  readonly first: Expr;
  readonly v: Buf;
  readonly m: Buf;
  readonly width: Expr;
  readonly depth: Expr;
  readonly adds: Expr | boolean;
}

/** For each point: tiles by channels of the source times a block's panels of weights. */
function multiplyPoints(b: KernelContext, f: Points): void {
  const { panels } = f;
  const { panel } = panels;
  const lanes = lanesOf(b, f.type);
  const { vectors } = b.target.gemm;
  const first = b.let(f.first, "first");
  b.for(0, ALL_POINTS, (p) => {
    const matrix = b.let(k.mul(p, pointSize(f.tiles)), "matrix");
    const weights = b.let(k.add(first, k.mul(p, panels.point)), "weights");
    b.for(
      0,
      f.width,
      (j) => {
        const from = b.let(k.add(weights, k.mul(k.divIndex(j, panel), panels.next)), "from");
        b.for(
          0,
          f.tiles,
          (t) => {
            const row = b.let(k.add(matrix, k.mul(t, BLOCK_CHANNELS)), "row");
            multiplyTile(b, {
              ...f,
              vectors,
              lanes,
              a: (r, d) => b.load(f.v, k.add(k.add(row, d), r * BLOCK_CHANNELS)),
              b: (v, d) => b.load(panels.buf, k.add(k.add(from, k.mul(d, panel)), v * lanes), lanes),
              to: f.m,
              at: (r, v) => k.add(k.add(row, j), r * BLOCK_CHANNELS + v * lanes),
            });
          },
          { step: f.rows },
        );
      },
      { step: panel },
    );
  });
}

interface Results {
  readonly m: Buf;
  readonly t0: Expr;
  readonly o0: Expr;
  readonly width: Expr;
  readonly tiles: number;
  readonly lanes: number;
}

/** Transforms a block's results back and stores them, a vector of channels at a time: planes are put together in L1. */
function storeTiles(b: KernelContext, f: Winograd, grid: TileGrid, r: Results): void {
  const { lanes, tiles } = r;
  const { type, out } = f;
  const pixels = b.local("pixels", type, tiles * CELLS * lanes);
  const planes = b.local("planes", type, tiles * CELLS * lanes);
  const count = b.let(k.min(tiles, k.sub(grid.tiles, r.t0)), "count");
  const [height, width] = [out.extent(2), out.extent(3)];
  const eachLine = (body: (done: Expr, length: Expr, index: readonly Expr[]) => void): void =>
    eachRun(b, r.t0, count, [grid.images, grid.high, grid.wide], body);
  b.for(
    0,
    r.width,
    (j) => {
      eachLine((done, length) =>
        b.for(0, length, (i) => {
          const from = b.let(k.add(k.mul(k.add(done, i), BLOCK_CHANNELS), j), "from");
          const square = Array.from({ length: ALL_POINTS }, (_, p) =>
            b.let(b.load(r.m, k.add(from, p * pointSize(tiles)), lanes), "m"),
          );
          // Within a run of tiles side by side, elements stand row by row.
          const first = b.let(k.mul(k.add(k.mul(done, CELLS), k.mul(i, TILE)), lanes), "first");
          const line = b.let(k.mul(length, TILE * lanes), "line");
          transformSquare(b, square, resultLine).forEach((x, e) =>
            b.store(pixels, k.add(k.add(first, k.mul(line, Math.floor(e / TILE))), (e % TILE) * lanes), x),
          );
        }),
      );
      b.for(
        0,
        k.mul(count, CELLS),
        (e) => {
          const square = Array.from({ length: lanes }, (_, u) =>
            b.let(b.load(pixels, k.mul(k.add(e, u), lanes), lanes), "pixel"),
          );
          transpose(b, square).forEach((x, c) => b.store(planes, k.add(e, c * tiles * CELLS), x));
        },
        { step: lanes },
      );
      eachLine((done, length, [n, ty, tx]) => {
        const [y0, x0] = [b.let(k.mul(ty!, TILE), "y0"), b.let(k.mul(tx!, TILE), "x0")];
        const high = b.let(k.min(TILE, k.sub(height, y0)), "high");
        const line = b.let(k.mul(length, TILE), "line");
        const wide = b.let(k.min(line, k.sub(width, x0)), "wide");
        b.for(0, k.min(lanes, k.sub(r.width, j)), (c) => {
          const row = b.let(k.add(k.add(r.o0, j), c), "row");
          const finish = f.finish(row);
          const from = b.let(k.add(k.mul(c, tiles * CELLS), k.mul(done, CELLS)), "from");
          const copy = (y: Expr, first: Expr, elements: Expr): void =>
            b.lanes(0, elements, (u) => out.set([n!, row, y, k.add(x0, u)], finish(b.load(planes, k.add(first, u)))));
          const lines = (): void => b.for(0, high, (y) => copy(k.add(y0, y), k.add(from, k.mul(y, line)), wide));
          if (out.joined < 2) lines();
          else b.if(k.eq(line, width), () => copy(y0, from, k.mul(high, width)), lines);
        });
      });
    },
    { step: lanes },
  );
}
