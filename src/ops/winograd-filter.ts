// The gradient of 3 × 3 weights by Winograd's transforms: products of source and gradient at all points, summed over tiles.

import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import { type Buf, type Expr, constant } from "../kernel/expr.js";
import { ceilDiv } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import type { ConvType } from "./convolution-source.js";
import { known } from "./gemm-sizes.js";
import { transpose } from "./gemm-tiled.js";
import { multiplyTile } from "./winograd-kernels.js";
import { lanesOf } from "./winograd-pixels.js";
import {
  BLOCK_CHANNELS,
  BLOCK_TILES,
  chunksOf,
  pointSize,
  tiledPixels,
  tileGrid,
  transformTiles,
  WINOGRAD_TAPS,
} from "./winograd-tiles.js";
import {
  ALL_POINTS,
  gradientLine,
  POINTS,
  sourceLine,
  tapsGradientLine,
  TILE,
  transformSquare,
} from "./winograd-transform.js";

/** Blocks that the product is cut into where it is large enough; each sums a part of the tiles. */
const BLOCKS = 16;

/** Elements of a block's sums: all points of source channels by gradient channels. */
const SUMS = ALL_POINTS * pointSize(BLOCK_CHANNELS);

/** `out[o, c, t] = Σ d[n, o, y] · x[n, c, y + t - lead]` over images n and positions y. */
export function emitWinogradFilter(
  b: KernelContext,
  f: {
    readonly type: ConvType;
    readonly x: Ref;
    readonly d: Ref;
    readonly lead: readonly [number, number];
    readonly out: OutRef;
  },
): void {
  const { type, x, d, out } = f;
  const lanes = lanesOf(b, type);
  const { vectors } = b.target.gemm;
  const panel = vectors * lanes;
  const grid = tileGrid(d.extent(0), d.extent(2), d.extent(3));
  const [from, to] = [chunksOf(out.extent(1)), chunksOf(out.extent(0), panel)];
  b.cost([out.extent(0), out.extent(1), k.mul(grid.tiles, ALL_POINTS)]);
  const source = tiledPixels(b, "x", x, type, grid, { lead: f.lead, reach: POINTS, channels: from.all });
  const gradient = tiledPixels(b, "d", d, type, grid, { lead: [0, 0], reach: TILE, channels: to.all });
  const chunks = k.mul(from.count, to.count);
  const all = ceilDiv(grid.tiles, BLOCK_TILES);
  const parts = k.max(1, k.min(all, k.divIndex(constant("i32", BLOCKS), chunks)));
  const whole = known(parts) === 1;
  const perPart = ceilDiv(all, parts);
  const store: Store = { type, lanes, out, from, to };
  const sums = whole ? undefined : b.temp("sums", type, k.mul(k.mul(parts, chunks), SUMS));
  b.parallel(k.mul(parts, chunks), (block) => {
    const size = pointSize(BLOCK_TILES);
    const [v, g] = [b.local("v", type, ALL_POINTS * size), b.local("g", type, ALL_POINTS * size)];
    const acc = sums ?? b.local("acc", type, SUMS);
    const first = sums ? b.let(k.mul(block, SUMS), "first") : constant("i32", 0);
    const chunk = b.let(k.remIndex(block, chunks), "chunk");
    const c0 = b.let(k.mul(k.divIndex(chunk, to.count), from.width), "c0");
    const o0 = b.let(k.mul(k.remIndex(chunk, to.count), to.width), "o0");
    const begin = b.let(k.mul(k.divIndex(block, chunks), perPart), "begin");
    b.for(begin, b.let(k.min(all, k.add(begin, perPart)), "end"), (part) => {
      const t0 = b.let(k.mul(part, BLOCK_TILES), "t0");
      const common = { type, t0, tiles: BLOCK_TILES };
      transformTiles(b, source, grid, { ...common, size: POINTS, line: sourceLine, c0, count: from.width, to: v });
      transformTiles(b, gradient, grid, { ...common, size: TILE, line: gradientLine, c0: o0, count: to.width, to: g });
      const depth = b.let(k.min(BLOCK_TILES, k.sub(grid.tiles, t0)), "depth");
      addProducts(b, { type, v, g, acc, first, depth, height: from.width, width: to.width, adds: k.gt(part, begin) });
    });
    if (whole) storeTaps(b, store, { acc, parts: undefined, c0, o0 });
  });
  if (sums) {
    b.parallel(chunks, (chunk) => {
      const c0 = b.let(k.mul(k.divIndex(chunk, to.count), from.width), "c0");
      const o0 = b.let(k.mul(k.remIndex(chunk, to.count), to.width), "o0");
      storeTaps(b, store, { acc: sums, parts: { first: chunk, count: parts, step: chunks }, c0, o0 });
    });
  }
}

interface Products {
  readonly type: ConvType;
  readonly v: Buf;
  readonly g: Buf;
  readonly acc: Buf;
  readonly first: Expr;
  readonly depth: Expr;
  readonly height: Expr;
  readonly width: Expr;
  readonly adds: Expr;
}

/** For each point: channels of the source by channels of the gradient, summed over the tiles of a block. */
function addProducts(b: KernelContext, f: Products): void {
  const { vectors } = b.target.gemm;
  const lanes = lanesOf(b, f.type);
  // Heights are multiples of 16.
  const rows = b.target.gemm.rows % 4 === 0 ? b.target.gemm.rows : 4;
  b.for(0, ALL_POINTS, (p) => {
    const matrix = b.let(k.mul(p, pointSize(BLOCK_TILES)), "matrix");
    const sums = b.let(k.add(f.first, k.mul(p, pointSize(BLOCK_CHANNELS))), "sums");
    b.for(
      0,
      f.width,
      (o) =>
        b.for(
          0,
          f.height,
          (c) => {
            const [x, y] = [b.let(k.add(matrix, c), "x"), b.let(k.add(matrix, o), "y")];
            const to = b.let(k.add(k.add(sums, k.mul(c, BLOCK_CHANNELS)), o), "to");
            multiplyTile(b, {
              ...f,
              rows,
              vectors,
              lanes,
              a: (r, t) => b.load(f.v, k.add(k.add(x, k.mul(t, BLOCK_CHANNELS)), r)),
              b: (v, t) => b.load(f.g, k.add(k.add(y, k.mul(t, BLOCK_CHANNELS)), v * lanes), lanes),
              to: f.acc,
              at: (r, v) => k.add(to, r * BLOCK_CHANNELS + v * lanes),
            });
          },
          { step: rows },
        ),
      { step: vectors * lanes },
    );
  });
}

interface Store {
  readonly type: ConvType;
  readonly lanes: number;
  readonly out: OutRef;
  readonly from: { readonly width: Expr };
  readonly to: { readonly width: Expr };
}

/** Sums at all points: of one block, or of `count` blocks from `first`, `step` apart. */
interface Sums {
  readonly acc: Buf;
  readonly parts: { readonly first: Expr; readonly count: Expr; readonly step: Expr } | undefined;
  readonly c0: Expr;
  readonly o0: Expr;
}

/** Transforms sums back to taps and stores them, squares of channels at a time: an output channel's kernels lie side by side. */
function storeTaps(b: KernelContext, { type, lanes, out, from, to }: Store, s: Sums): void {
  const taps = b.local("taps", type, WINOGRAD_TAPS * lanes * lanes);
  const kernels = b.local("kernels", type, WINOGRAD_TAPS * lanes * lanes);
  const total = b.local("total", type, ALL_POINTS * lanes);
  const square = WINOGRAD_TAPS * lanes;
  const [channels, rows] = [out.extent(1), out.extent(0)];
  const [high, wide] = [
    b.let(k.min(from.width, k.sub(channels, s.c0)), "high"),
    b.let(k.min(to.width, k.sub(rows, s.o0)), "wide"),
  ];
  const pointAt = (p: number, c: Expr, o: Expr): Expr =>
    k.add(k.add(k.mul(c, BLOCK_CHANNELS), o), p * pointSize(BLOCK_CHANNELS));
  const { parts } = s;
  const zero = constant("i32", 0);
  b.for(
    0,
    wide,
    (o) =>
      b.for(
        0,
        high,
        (c) => {
          b.for(0, lanes, (i) => {
            const at = b.let(k.add(k.mul(k.add(c, i), BLOCK_CHANNELS), o), "at");
            if (parts) {
              b.for(0, ALL_POINTS, (p) => {
                const place = b.let(k.add(at, k.mul(p, pointSize(BLOCK_CHANNELS))), "place");
                const of = (n: Expr): Expr =>
                  b.load(s.acc, k.add(k.mul(k.add(parts.first, k.mul(n, parts.step)), SUMS), place), lanes);
                const sum = b.variable(of(constant("i32", 0)), "sum");
                b.for(1, parts.count, (n) => b.set(sum, k.add(sum.value, of(n))));
                b.store(total, k.mul(p, lanes), sum.value);
              });
            }
            const points = Array.from({ length: ALL_POINTS }, (_, p) =>
              b.let(
                parts ? b.load(total, p * lanes, lanes) : b.load(s.acc, pointAt(p, k.add(c, i), o), lanes),
                "point",
              ),
            );
            transformSquare(b, points, tapsGradientLine).forEach((x, t) =>
              b.store(taps, k.mul(k.add(k.mul(i, WINOGRAD_TAPS), t), lanes), x),
            );
          });
          b.for(
            0,
            square,
            (t) => {
              const vectors = Array.from({ length: lanes }, (_, u) =>
                b.let(b.load(taps, k.mul(k.add(t, u), lanes), lanes), "taps"),
              );
              transpose(b, vectors).forEach((x, u) => b.store(kernels, k.add(t, u * square), x));
            },
            { step: lanes },
          );
          const length = b.let(k.mul(k.min(lanes, k.sub(high, c)), WINOGRAD_TAPS), "length");
          b.for(0, k.min(lanes, k.sub(wide, o)), (u) => {
            const row = b.let(k.add(k.add(s.o0, o), u), "row");
            const first = b.let(k.mul(k.add(s.c0, c), WINOGRAD_TAPS), "first");
            const place = k.mul(k.mul(row, channels), WINOGRAD_TAPS);
            b.lanes(0, length, (e) => {
              const value = b.load(kernels, k.add(k.mul(u, square), e));
              if (out.joined < 3) out.setFlat(k.add(k.add(place, first), e), value);
              else out.set([row, zero, zero, k.add(first, e)], value);
            });
          });
        },
        { step: lanes },
      ),
    { step: lanes },
  );
}
