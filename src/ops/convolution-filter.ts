// Kernels of the gradient of a convolution's weights: products over all positions of all images.

import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import { type Buf, type Expr, constant, memBytes, splat } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { type ConvAttrs, convSource } from "./convolution-kernels.js";
import {
  type ConvType,
  convType,
  copyRun,
  copySource,
  eachRun,
  extentsOf,
  linear,
  product,
} from "./convolution-source.js";
import { type GemmOperand, type GemmPart, tiledGemm } from "./gemm.js";
import { multiplyAdd } from "./gemm-direct.js";
import { ceilDiv } from "./gemm-sizes.js";
import { transpose } from "./gemm-tiled.js";
import { coordinates } from "./loops.js";

/** `out[o, c, t] = Σ d[n, o, p] · x[n, group's c, p · stride + t · dilation - padding]` over images n and positions p. */
export function emitFilterGrad(b: KernelContext, x: Ref, d: Ref, out: OutRef, a: ConvAttrs): void {
  const type = convType(out.type, "conv_filter_grad");
  const axes = a.strides.length;
  const taps = extentsOf(out, 2, axes);
  const extents = extentsOf(d, 2, axes);
  const channels = out.extent(1);
  const made = convSource(b, x, a, taps, extents, channels);
  const rows = k.divIndex(out.extent(0), a.groups);
  b.cost([constant("i32", a.groups), rows, made.depth, k.mul(x.extent(0), product(extents))]);
  const set = (o: Expr, at: Expr, value: Expr): void => out.set([o, ...coordinates(b, at, [channels, ...taps])], value);
  const filter: Filter = { ...made, type, extents, images: x.extent(0), channels, rows, groups: a.groups, set };
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
  /** Stores the gradient of the weight of output channel `o` at a position (channel, taps). */
  set(o: Expr, at: Expr, value: Expr): void;
};

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
        b.for(0, count, (i) => {
          const from = b.let(k.add(start, b.load(f.table, k.add(first, i))), "from");
          copyRun(b, to, b.let(at(i, done), "to"), source.buf, from, length);
        });
      }),
  };
  const gradients: GemmOperand = {
    at: () => constant(type, 0),
    inner: "i",
    copy: (part) =>
      eachRun(b, part.k0, part.depth, [f.images, positions], (done, length, [n, p]) => {
        const channel = k.add(k.add(k.mul(n!, k.mul(rows, f.groups)), k.mul(part.batch, rows)), part.first);
        copyColumns(b, d, type, part, {
          done,
          length,
          from: b.let(k.add(k.mul(channel, positions), p!), "from"),
          stride: positions,
        });
      }),
  };
  tiledGemm(b, {
    type,
    batches: constant("i32", f.groups),
    m: f.depth,
    n: rows,
    k: k.mul(f.images, positions),
    a: shifted,
    b: gradients,
    store: () => {},
    storeTile: ({ batch, i0, j0, height, width, value }) =>
      b.for(0, height, (r) => {
        const at = b.let(k.add(i0, r), "at");
        const first = b.let(k.add(k.mul(batch, rows), j0), "first");
        b.lanes(0, width, (c) => f.set(k.add(first, c), at, value(r, c)));
      }),
  });
}

/** A run of the depth of a panel's columns, each adjacent in memory, `stride` from the next. */
interface Run {
  readonly done: Expr;
  readonly length: Expr;
  readonly from: Expr;
  readonly stride: Expr;
}

/** Copies columns into a panel, square by square where they are plain memory. */
function copyColumns(b: KernelContext, d: Ref, type: ConvType, { count, to, at }: GemmPart, run: Run): void {
  const { done, length, from, stride } = run;
  const lanes = (Math.min(b.target.gemm.lanes, 16) * 4) / memBytes[type];
  const move = (c: Expr, u: Expr): void =>
    b.store(to, at(c, k.add(done, u)), k.cast(d.flat(k.add(k.add(from, k.mul(c, stride)), u)), type));
  const { buf } = d;
  const [wide, long] = [count, length].map((n) =>
    buf && d.type === type ? b.let(k.and(n, -lanes), "whole") : constant("i32", 0),
  );
  if (buf && d.type === type) {
    const square = (c: Expr, u: Expr): void => {
      const first = k.add(k.add(from, k.mul(c, stride)), u);
      const columns = Array.from({ length: lanes }, (_, v) =>
        b.let(b.load(buf, k.add(first, k.mul(stride, v)), lanes), "column"),
      );
      transpose(b, columns).forEach((row, v) => b.store(to, at(c, k.add(done, k.add(u, v))), row));
    };
    b.for(0, long!, (u) => b.for(0, wide!, (c) => square(c, u), { step: lanes }), { step: lanes });
  }
  b.for(wide!, count, (c) => b.for(0, long!, (u) => move(c, u)));
  b.for(0, count, (c) => b.for(long!, length, (u) => move(c, u)));
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
  const gradient = copySource(b, "d", d, { grid: source.grid, lead, strides, phases: plain, unit: lanes });
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
      f.set(o, k.add(t.c0, c), sum);
    });
  });
}
