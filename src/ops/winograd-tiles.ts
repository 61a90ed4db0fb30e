// Planes cut into tiles for Winograd's convolution: blocks of them, their channels in chunks, their values at all points.

import type { KernelContext, Ref } from "../fuse/body.js";
import type { Buf, Expr } from "../kernel/expr.js";
import { ceilDiv } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import type { ConvType } from "./convolution-source.js";
import { copyPixels, lanesOf, type Pixels } from "./winograd-pixels.js";
import { type LineTransform, TAPS, TILE, transformSquare } from "./winograd-transform.js";

/** Tiles of a block at most, and channels of the source or the result that it handles at a time. */
export const BLOCK_TILES = 32;
export const BLOCK_CHANNELS = 64;
/** Taps of a kernel. */
export const WINOGRAD_TAPS = TAPS * TAPS;
/** Elements between the matrices of two points, beside the matrix: else all points of an element share one set of the cache. */
export const GAP = 16;

/** Depths and channels are multiples of this. */
export const UNIT = 16;

/** Channels cut evenly into chunks of at most `most`, each a multiple of `unit`. */
export function chunksOf(
  channels: Expr,
  unit = UNIT,
  most = BLOCK_CHANNELS,
): { readonly count: Expr; readonly width: Expr; readonly all: Expr } {
  const count = ceilDiv(channels, most);
  const width = k.mul(ceilDiv(ceilDiv(channels, count), unit), unit);
  return { count, width, all: k.mul(count, width) };
}

/** How the tiles of a plane lie. */
export interface TileGrid {
  readonly images: Expr;
  readonly high: Expr;
  readonly wide: Expr;
  readonly tiles: Expr;
}

/** The tiles of planes of `height` by `width`. */
export function tileGrid(images: Expr, height: Expr, width: Expr): TileGrid {
  const [high, wide] = [ceilDiv(height, TILE), ceilDiv(width, TILE)];
  return { images, high, wide, tiles: k.mul(images, k.mul(high, wide)) };
}

/** Pixels of a tensor that tiles of `reach` elements an axis cover. */
export function tiledPixels(
  b: KernelContext,
  name: string,
  x: Ref,
  type: ConvType,
  grid: TileGrid,
  place: { readonly lead: readonly [number, number]; readonly reach: number; readonly channels: Expr },
): Pixels {
  const more = place.reach - TILE;
  const [rows, columns] = [k.add(k.mul(grid.high, TILE), more), k.add(k.mul(grid.wide, TILE), more)];
  return copyPixels(b, name, x, type, { lead: place.lead, rows, columns, channels: place.channels });
}

/** A block's channels at all points, tile by tile: `count` of them from channel `c0`, for tiles from `t0`. */
export function transformTiles(
  b: KernelContext,
  source: Pixels,
  grid: TileGrid,
  f: {
    readonly type: ConvType;
    readonly size: number;
    readonly line: LineTransform;
    readonly t0: Expr;
    readonly tiles: number;
    readonly c0: Expr;
    readonly count: Expr;
    readonly to: Buf;
  },
): void {
  const lanes = lanesOf(b, f.type);
  b.for(0, f.tiles, (t) => {
    const tile = b.let(k.min(k.add(f.t0, t), k.sub(grid.tiles, 1)), "tile");
    const row = b.let(k.divIndex(tile, grid.wide), "row");
    const [tx, ty] = [k.remIndex(tile, grid.wide), k.remIndex(row, grid.high)];
    const line = k.add(k.mul(k.divIndex(row, grid.high), source.rows), k.mul(ty, TILE));
    const pixel = k.add(k.mul(line, source.columns), k.mul(tx, TILE));
    const from = b.let(k.add(k.mul(pixel, source.channels), f.c0), "from");
    const to = b.let(k.mul(t, BLOCK_CHANNELS), "to");
    b.for(
      0,
      f.count,
      (c) => {
        const at = (i: number): Expr =>
          k.mul(k.add(k.mul(source.columns, Math.floor(i / f.size)), i % f.size), source.channels);
        const square = Array.from({ length: f.size * f.size }, (_, i) =>
          b.let(b.load(source.buf, k.add(k.add(from, c), at(i)), lanes), "pixel"),
        );
        transformSquare(b, square, f.line).forEach((x, p) =>
          b.store(f.to, k.add(k.add(to, c), p * pointSize(f.tiles)), x),
        );
      },
      { step: lanes },
    );
  });
}

/** Elements from a point's matrix (tiles by channels) to the next one's. */
export const pointSize = (tiles: number): number => tiles * BLOCK_CHANNELS + GAP;
