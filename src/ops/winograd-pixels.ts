// Planes copied as pixels, channels side by side, on a grid of zeros: what Winograd's transforms read in whole vectors.

import type { KernelContext, Ref } from "../fuse/body.js";
import { type Buf, type Expr, constant, memBytes, splat } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import type { ConvType } from "./convolution-source.js";
import { transpose } from "./gemm-tiled.js";

/** A tensor `[n, channels, h, w]` as `[n, rows, columns, channels]`: its first element at `lead` of the grid, zeros around it. */
export interface Pixels {
  readonly buf: Buf;
  readonly rows: Expr;
  readonly columns: Expr;
  /** Channels in memory, zeros behind those of the tensor. */
  readonly channels: Expr;
}

/** Lanes of the target's vectors of a type. */
export const lanesOf = (b: KernelContext, type: ConvType): number => (b.target.gemm.lanes * 4) / memBytes[type];

/** One launch that copies a tensor as pixels of `channels` channels, a multiple of 16. */
export function copyPixels(
  b: KernelContext,
  name: string,
  x: Ref,
  type: ConvType,
  layout: {
    readonly lead: readonly [number, number];
    readonly rows: Expr;
    readonly columns: Expr;
    readonly channels: Expr;
  },
): Pixels {
  const { lead, rows, columns, channels } = layout;
  const lanes = lanesOf(b, type);
  const cells = k.mul(rows, columns);
  const buf = b.temp(name, type, k.mul(k.mul(x.extent(0), cells), channels));
  const [given, width] = [x.extent(1), x.extent(3)];
  const positions = k.mul(x.extent(2), width);
  const chunks = k.divIndex(channels, lanes);
  const zero = splat(constant(type, 0), lanes);
  b.parallel(k.mul(x.extent(0), chunks), (block) => {
    const n = b.let(k.divIndex(block, chunks), "n");
    const c0 = b.let(k.mul(k.remIndex(block, chunks), lanes), "c0");
    const count = b.let(k.max(0, k.min(lanes, k.sub(given, c0))), "count");
    const first = b.let(k.add(k.mul(k.mul(n, cells), channels), c0), "first");
    b.for(0, cells, (q) => b.store(buf, k.add(first, k.mul(q, channels)), zero));
    const from = b.let(k.mul(k.add(k.mul(n, given), c0), positions), "from");
    const target = (p: Expr): Expr => {
      const [y, at] = [k.add(k.divIndex(p, width), lead[0]), k.add(k.remIndex(p, width), lead[1])];
      return k.add(first, k.mul(k.add(k.mul(y, columns), at), channels));
    };
    copySquares(
      b,
      x,
      type,
      { from, positions, count, lanes },
      (p, pixel) => b.store(buf, target(p), pixel),
      (p, c, value) => b.store(buf, k.add(target(p), c), value),
    );
  });
  return { buf, rows, columns, channels };
}

interface Planes {
  /** Where the first plane begins, elements of each, and how many of the next `lanes` planes there are. */
  readonly from: Expr;
  readonly positions: Expr;
  readonly count: Expr;
  readonly lanes: number;
}

/** Visits the positions of planes: all channels of a position in a vector, or one at a time where planes or memory end. */
function copySquares(
  b: KernelContext,
  x: Ref,
  type: ConvType,
  { from, positions, count, lanes }: Planes,
  storePixel: (position: Expr, pixel: Expr) => void,
  storeOne: (position: Expr, channel: Expr, value: Expr) => void,
): void {
  const memory = x.type === type ? x.buf : undefined;
  const whole = memory ? b.let(k.select(k.eq(count, lanes), k.and(positions, -lanes), 0), "whole") : constant("i32", 0);
  if (memory)
    b.for(
      0,
      whole,
      (p) => {
        const planes = Array.from({ length: lanes }, (_, v) =>
          b.let(b.load(memory, k.add(k.add(from, p), k.mul(positions, v)), lanes), "plane"),
        );
        transpose(b, planes).forEach((pixel, u) => storePixel(k.add(p, u), pixel));
      },
      { step: lanes },
    );
  b.for(whole, positions, (p) =>
    b.for(0, count, (c) => storeOne(p, c, k.cast(x.flat(k.add(k.add(from, k.mul(c, positions)), p)), type))),
  );
}
