// The kernel of convolution, and what it shares with its gradients: attributes, bias, the grid of its input.

import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import { type Expr, constant } from "../kernel/expr.js";
import { linear, product } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import { emitCorrelation } from "./convolution-product.js";
import { convType, copySource, extentsOf } from "./convolution-source.js";
import type { GemmOperand } from "./gemm.js";
import { coordinates } from "./loops.js";
import { emitWinograd } from "./winograd.js";
import { WINOGRAD_TAPS } from "./winograd-tiles.js";

/** Attributes of a convolution: for each axis of space its stride, the zeros before and after it, and the distance of taps. */
export type ConvAttrs = {
  readonly strides: readonly number[];
  /** Before and after each axis in turn. */
  readonly paddings: readonly number[];
  readonly dilations: readonly number[];
  readonly groups: number;
  /** Rows of weights of a group where they are few, else 0: kernels depend on it. */
  readonly few: number;
  /** Whether it runs by Winograd's transforms: 3 × 3 taps side by side, one group, at most 2 zeros before each axis. */
  readonly winograd: boolean;
};

/** Zeros before each axis. */
export const before = (a: ConvAttrs): readonly number[] => a.strides.map((_, axis) => a.paddings[2 * axis]!);

/** What is stored of the sums of a channel. */
export type WithBias = (channel: Expr) => (value: Expr) => Expr;

/** The bias of a channel, or the value unchanged. */
export const withBias =
  (bias: Ref | undefined, out: OutRef): WithBias =>
  (channel) => {
    if (!bias) return (value) => value;
    const x = k.cast(bias.at(k.select(k.eq(bias.extent(0), 1), 0, channel)), out.type);
    return (value) => k.add(value, x);
  };

/** Phases of the source that taps fall on: tap t lies `t · dilation` after the first. */
const phasesOf = (taps: Expr, stride: number, dilation: number): Expr =>
  k.min(stride, k.add(k.mul(k.sub(taps, 1), dilation), 1));

/** The grid of a convolution's input, and the table of its taps. */
export function convSource(
  b: KernelContext,
  x: Ref,
  a: ConvAttrs,
  taps: readonly Expr[],
  out: readonly Expr[],
  channels: Expr,
) {
  const { strides, dilations } = a;
  const reach = taps.map((t, i) => k.mul(k.sub(t, 1), dilations[i]!));
  const grid = out.map((n, i) => k.add(n, k.divIndex(reach[i]!, strides[i]!)));
  const phases = taps.map((t, i) => phasesOf(t, strides[i]!, dilations[i]!));
  const depth = k.mul(channels, product(taps));
  const table = b.temp("taps", "i32", depth);
  const [cells, every] = [product(grid), product(taps)];
  const channel = k.mul(product(phases), cells);
  const source = copySource(
    b,
    "x",
    x,
    { grid, lead: before(a).map((n) => constant("i32", n)), strides, phases },
    {
      count: channels,
      run: (c) =>
        b.for(0, every, (t) => {
          const at = coordinates(b, t, taps).map((i, axis) => k.mul(i, dilations[axis]!));
          const phase = linear(
            at.map((i, axis) => k.remIndex(i, strides[axis]!)),
            phases,
          );
          const shift = linear(
            at.map((i, axis) => k.divIndex(i, strides[axis]!)),
            grid,
          );
          const place = k.add(k.add(k.mul(c, channel), k.mul(phase, cells)), shift);
          b.store(table, k.add(k.mul(c, every), t), place);
        }),
    },
  );
  return { source, table, depth };
}

/** `out[n, o, p] = bias[o] + Σ w[o, c, t] · x[n, group's c, p · stride + t · dilation - padding]`. */
export function emitConv(b: KernelContext, x: Ref, w: Ref, bias: Ref | undefined, out: OutRef, a: ConvAttrs): void {
  const type = convType(out.type, "conv");
  const axes = a.strides.length;
  const taps = extentsOf(w, 2, axes);
  const extents = extentsOf(out, 2, axes);
  const channels = w.extent(1);
  const add = withBias(bias, out);
  if (a.winograd) {
    const stride = k.mul(channels, WINOGRAD_TAPS);
    const at = (row: Expr, c: Expr): Expr => k.add(k.mul(row, stride), k.mul(c, WINOGRAD_TAPS));
    const kernels = { w, rows: w.extent(0), depth: channels, at, stride, turned: false };
    emitWinograd(b, { type, x, lead: [a.paddings[0]!, a.paddings[2]!], kernels, out, finish: add });
    return;
  }
  const { source, table, depth } = convSource(b, x, a, taps, extents, channels);
  const rows = k.divIndex(w.extent(0), a.groups);
  const size = k.mul(rows, depth);
  const weights: GemmOperand = {
    at: (set, i, d) => k.cast(w.flat(k.add(k.mul(set, size), k.add(k.mul(i, depth), d))), type),
    inner: "j",
    memory: w.buf && w.type === type ? { buf: w.buf, stride: depth, base: (set) => k.mul(set, size) } : undefined,
  };
  emitCorrelation(b, {
    type,
    source,
    images: x.extent(0),
    sets: constant("i32", a.groups),
    firstChannel: (set) => k.mul(set, channels),
    table,
    tableAt: () => constant("i32", 0),
    depth,
    depthOf: () => depth,
    rows,
    weights,
    extents,
    store: (set, row, [n, ...o], length, value) => {
      const channel = b.let(k.add(k.mul(set, rows), row), "channel");
      const finish = add(channel);
      const first = o.at(-1)!;
      b.lanes(0, length, (u) => out.set([n!, channel, ...o.slice(0, -1), k.add(first, u)], finish(value(u))));
    },
    few: a.few,
  });
}
