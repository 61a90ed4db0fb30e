// Kernels of the gradient of a convolution's weights: products over all positions of all images.

import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import { type Buf, type Expr, constant, memBytes, splat } from "../kernel/expr.js";
import { ceilDiv, linear, product } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import { type ConvAttrs, convSource } from "./convolution-kernels.js";
import { type ConvType, convType, copyRun, copySource, eachRun, forLength, extentsOf } from "./convolution-source.js";
import { type GemmOperand, tiledGemm } from "./gemm.js";
import { multiplyAdd } from "./gemm-direct.js";
import { transpose } from "./gemm-tiled.js";
import { coordinates } from "./loops.js";
import { emitWinogradFilter } from "./winograd-filter.js";

/** `out[o, c, t] = Σ d[n, o, p] · x[n, group's c, p · stride + t · dilation - padding]` over images n and positions p. */
export function emitFilterGrad(b: KernelContext, x: Ref, d: Ref, out: OutRef, a: ConvAttrs): void {
  const type = convType(out.type, "conv_filter_grad");
  if (a.winograd) {
    emitWinogradFilter(b, { type, x, d, lead: [a.paddings[0]!, a.paddings[2]!], out });
    return;
  }
  const axes = a.strides.length;
  const taps = extentsOf(out, 2, axes);
  const extents = extentsOf(d, 2, axes);
  const channels = out.extent(1);
  const made = convSource(b, x, a, taps, extents, channels);
  const rows = k.divIndex(out.extent(0), a.groups);
  b.cost([constant("i32", a.groups), rows, made.depth, k.mul(x.extent(0), product(extents))]);
  const indexOf = (at: Expr): Expr[] => coordinates(b, at, [channels, ...taps]);
  const filter: Filter = {
    ...made,
    type,
    extents,
    images: x.extent(0),
    channels,
    rows,
    groups: a.groups,
    out,
    indexOf,
  };
  if (a.few > 0) emitDots(b, d, filter, a.few);
  else emitTiles(b, d, filter);
}

type Filter = ReturnType<typeof convSource> & {
  readonly type: ConvType;
  readonly extents: readonly Expr[];
  readonly images: Expr;
  /** Channels of the input that a group reads, and of the output that it makes. */
  readonly channels: Expr;
  readonly rows: Expr;
  readonly groups: number;
  readonly out: OutRef;
  /** The index (channel, taps) of a position. */
  indexOf(at: Expr): Expr[];
};

/** Rows of a register tile at most, on any target. */
const TILE_ROWS = 32;

/** Shifted planes of the source by channels of the gradient, all positions as depth: a matrix product by register tiles. */
function emitTiles(b: KernelContext, d: Ref, f: Filter): void {
  const { source, type, rows } = f;
  const positions = product(f.extents);
  const shifted: GemmOperand = {
    at: () => constant(type, 0),
    inner: "j",
    copy: ({ batch, k0, depth, first, count, to, at }) =>
      eachRun(b, k0, depth, [f.images, ...f.extents], (done, length, [n, ...o]) => {
        const place = k.mul(k.add(k.mul(n!, source.channels), k.mul(batch, f.channels)), source.channel);
        const start = b.let(k.add(place, linear(o, source.grid)), "start");
        forLength(b, length, f.extents.at(-1)!, (exact) =>
          b.for(0, count, (i) => {
            const from = b.let(k.add(start, b.load(f.table, k.add(first, i))), "from");
            copyRun(b, to, b.let(at(i, done), "to"), source.buf, from, exact);
          }),
        );
      }),
  };
  const every = k.mul(rows, f.groups);
  const turned = copyTransposed(b, d, type, every, positions);
  const first = (group: Expr): Expr => k.mul(group, rows);
  const gradients: GemmOperand = {
    at: (group, i, j) => b.load(turned, k.add(k.add(first(group), k.mul(i, every)), j)),
    inner: "j",
    memory: { buf: turned, stride: every, base: first },
  };
  tiledGemm(b, {
    type,
    batches: constant("i32", f.groups),
    m: f.depth,
    n: rows,
    k: k.mul(f.images, positions),
    a: shifted,
    b: gradients,
    wide: true,
    store: () => {},
    storeTile: ({ batch, i0, j0, height, width, value }) => {
      // Rows of the tile are adjacent in the result: their indices first, then column by column.
      const places = b.local("places", "i32", 4 * TILE_ROWS);
      b.for(0, height, (r) =>
        f.indexOf(k.add(i0, r)).forEach((i, axis) => b.store(places, k.add(r, axis * TILE_ROWS), i)),
      );
      b.for(0, width, (c) => {
        const o = b.let(k.add(k.add(k.mul(batch, rows), j0), c), "o");
        b.for(0, height, (r) => {
          const index = Array.from({ length: f.extents.length + 1 }, (_, axis) =>
            b.load(places, k.add(r, axis * TILE_ROWS)),
          );
          f.out.set([o, ...index], value(r, c));
        });
      });
    },
  });
}

/** One launch that copies planes `[n, channels, positions]` as `[n, positions, channels]`, square by square where they are plain memory. */
function copyTransposed(b: KernelContext, d: Ref, type: ConvType, channels: Expr, positions: Expr): Buf {
  const to = b.temp("turned", type, d.size);
  const lanes = (b.target.gemm.lanes * 4) / memBytes[type];
  const { buf } = d;
  const plain = buf && d.type === type;
  const strips = ceilDiv(channels, lanes);
  b.parallel(k.mul(d.extent(0), strips), (block) => {
    const c0 = b.let(k.mul(k.remIndex(block, strips), lanes), "c0");
    const image = b.let(k.mul(k.divIndex(block, strips), k.mul(channels, positions)), "image");
    const count = b.let(k.min(lanes, k.sub(channels, c0)), "count");
    const from = b.let(k.add(image, k.mul(c0, positions)), "from");
    const target = b.let(k.add(image, c0), "target");
    const move = (p: Expr): void =>
      b.for(0, count, (c) =>
        b.store(
          to,
          k.add(k.add(target, k.mul(p, channels)), c),
          k.cast(d.flat(k.add(k.add(from, k.mul(c, positions)), p)), type),
        ),
      );
    if (!plain) {
      b.for(0, positions, move);
      return;
    }
    const whole = b.let(k.select(k.eq(count, lanes), k.and(positions, -lanes), 0), "whole");
    b.for(
      0,
      whole,
      (p) => {
        const rows = Array.from({ length: lanes }, (_, v) =>
          b.let(b.load(buf, k.add(k.add(from, p), k.mul(positions, v)), lanes), "row"),
        );
        transpose(b, rows).forEach((x, v) => b.store(to, k.add(target, k.mul(k.add(p, v), channels)), x));
      },
      { step: lanes },
    );
    b.for(whole, positions, move);
  });
  return to;
}

/** Accumulators of a tile: output channels by shifted planes, as the registers hold them. */
function tileOf(b: KernelContext, few: number): { rows: number; columns: number } {
  const { rows: most, lanes } = b.target.gemm;
  const [high, all] = b.target.name !== "native" ? [2, 6] : most >= 8 && lanes >= 16 ? [4, 20] : [3, 12];
  const rows = Math.ceil(few / Math.ceil(few / high));
  return { rows, columns: Math.min(10, Math.floor(all / rows)) };
}

/** A few output channels: sums of products in vectors, over planes of one grid; the gradient is 0 where the grid exceeds it. */
function emitDots(b: KernelContext, d: Ref, f: Filter, few: number): void {
  const { source, type, table, depth } = f;
  const lanes = (b.target.gemm.lanes * 4) / memBytes[type];
  const { rows, columns } = tileOf(b, few);
  const one = constant("i32", 1);
  const plain = f.extents.map(() => one);
  const lead = f.extents.map(() => constant("i32", 0));
  const strides = f.extents.map(() => 1);
  const gradient = copySource(b, "d", d, {
    grid: [f.extents[0]!, ...source.grid.slice(1)],
    lead,
    strides,
    phases: plain,
    unit: lanes,
  });
  const [high, wide] = [ceilDiv(f.rows, rows), ceilDiv(depth, columns)];
  b.parallel(product([constant("i32", f.groups), high, wide]), (block) => {
    const c0 = b.let(k.mul(k.remIndex(block, wide), columns), "c0");
    const rest = b.let(k.divIndex(block, wide), "rest");
    const r0 = b.let(k.mul(k.remIndex(rest, high), rows), "r0");
    const group = b.let(k.divIndex(rest, high), "group");
    const shift = Array.from({ length: columns }, (_, c) =>
      b.let(b.load(table, k.min(k.add(c0, c), k.sub(depth, 1))), "shift"),
    );
    const row = Array.from({ length: rows }, (_, r) => b.let(k.min(k.add(r0, r), k.sub(f.rows, 1)), "row"));
    const zero = splat(constant(type, 0), lanes);
    const acc = row.map(() => shift.map(() => b.variable(zero, "acc")));
    b.for(0, f.images, (n) => {
      const x = b.let(k.mul(k.add(k.mul(n, source.channels), k.mul(group, f.channels)), source.channel), "x");
      const from = shift.map((s) => b.let(k.add(x, s), "from"));
      const first = k.add(k.mul(n, gradient.channels), k.mul(group, f.rows));
      const at = row.map((r) => b.let(k.mul(k.add(first, r), gradient.plane), "at"));
      b.for(
        0,
        gradient.plane,
        (q) => {
          const ys = at.map((y) => b.let(b.load(gradient.buf, k.add(y, q), lanes), "y"));
          from.forEach((p, c) => {
            const value = b.let(b.load(source.buf, k.add(p, q), lanes), "x");
            ys.forEach((y, r) => b.set(acc[r]![c]!, multiplyAdd(y, value, acc[r]![c]!.value)));
          });
        },
        { step: lanes },
      );
    });
    const sums = b.local("sums", type, rows * columns * lanes);
    acc.forEach((list, r) => list.forEach((a, c) => b.store(sums, (r * columns + c) * lanes, a.value)));
    storeSums(b, f, sums, lanes, { rows, columns, r0, c0, group });
  });
}

interface Sums {
  readonly rows: number;
  readonly columns: number;
  readonly r0: Expr;
  readonly c0: Expr;
  readonly group: Expr;
}

/** Adds the lanes of each sum up and stores those of the tile that belong to the result. */
function storeSums(b: KernelContext, f: Filter, sums: Buf, lanes: number, t: Sums): void {
  b.for(0, k.min(t.rows, k.sub(f.rows, t.r0)), (r) => {
    const o = b.let(k.add(k.add(k.mul(t.group, f.rows), t.r0), r), "o");
    b.for(0, k.min(t.columns, k.sub(f.depth, t.c0)), (c) => {
      const first = b.let(k.mul(k.add(k.mul(r, t.columns), c), lanes), "first");
      const sum = b.reduce("add", f.type, 0, lanes, (u) => b.load(sums, k.add(first, u)));
      f.out.set([o, ...f.indexOf(k.add(t.c0, c))], sum);
    });
  });
}
