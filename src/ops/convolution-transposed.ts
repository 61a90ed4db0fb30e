// The kernel of a transposed convolution, which is also the gradient of a convolution's input: correlations with parts of the weights.

import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import { type Buf, type Expr, constant } from "../kernel/expr.js";
import { ceilDiv, gcd, linear, product } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import { type ConvAttrs, withBias } from "./convolution-kernels.js";
import { emitCorrelation } from "./convolution-product.js";
import { convType, copySource } from "./convolution-source.js";
import { gathered, spread } from "./convolution-stores.js";
import { coordinates } from "./loops.js";
import { emitWinograd } from "./winograd.js";
import { WINOGRAD_TAPS } from "./winograd-tiles.js";
import { TAPS } from "./winograd-transform.js";

/** Numbers chosen by a small index. */
const lookup = (values: readonly number[], at: Expr): Expr =>
  values.reduceRight<Expr>(
    (rest, value, i) => (i === values.length - 1 ? constant("i32", value) : k.select(k.eq(at, i), value, rest)),
    constant("i32", values.at(-1)!),
  );

/** What one axis of the transpose needs, for each phase `a` of its result: the result's elements a, a + stride, a + 2 stride … */
class TransposedAxis {
  /** Step between the taps of a phase, and how far a tap moves the source. */
  readonly step: number;
  readonly move: number;
  private readonly firstTap: readonly number[];
  private readonly shift: readonly number[];
  /** Zeros before the source. */
  readonly lead: Expr;
  /** Extent of the source's grid, and of the largest phase of the result. */
  readonly grid: Expr;
  readonly extent: Expr;

  constructor(
    readonly stride: number,
    padding: number,
    dilation: number,
    readonly taps: Expr,
    readonly result: Expr,
  ) {
    const common = gcd(stride, dilation);
    this.step = stride / common;
    this.move = dilation / common;
    const residues = Array.from({ length: stride }, (_, a) => a);
    // Tap t reaches a of the source's element i when a + padding = i · stride + t · dilation.
    const solve = (a: number): number =>
      Array.from({ length: this.step }, (_, t) => t).find((t) => (a + padding - t * dilation) % stride === 0) ?? -1;
    this.firstTap = residues.map(solve);
    this.shift = residues.map((a) => (solve(a) < 0 ? 0 : (a + padding - solve(a) * dilation) / stride));
    const leads = residues.map((a) =>
      k.sub(k.mul(k.sub(this.tapsOf(constant("i32", a)), 1), this.move), this.shift[a]!),
    );
    this.lead = leads.reduce<Expr>((x, y) => k.max(x, y), constant("i32", 0));
    this.extent = ceilDiv(result, stride);
    this.grid = k.add(k.add(this.extent, Math.max(...this.shift)), this.lead);
  }

  /** Number of taps of a phase. */
  tapsOf(phase: Expr): Expr {
    const first = this.first(phase);
    const count = k.max(0, ceilDiv(k.max(k.sub(this.taps, first), 0), this.step));
    return k.select(k.lt(first, 0), 0, count);
  }

  /** Most taps of a phase. */
  get mostTaps(): Expr {
    return ceilDiv(this.taps, this.step);
  }

  first(phase: Expr): Expr {
    return lookup(this.firstTap, phase);
  }

  /** How far the phase's tap number `t` stands from a grid position. */
  place(phase: Expr, t: Expr): Expr {
    return k.sub(k.add(this.lead, lookup(this.shift, phase)), k.mul(t, this.move));
  }
}

/**
 * The transpose of a convolution: `out[n, c, q] = bias[c] + Σ w[o, c, t] · x[n, o, p]` over all (p, t) with
 * `q = p · stride + t · dilation - padding`. The result's residues modulo the stride are correlations with parts of the kernel.
 */
export function emitTransposed(
  b: KernelContext,
  x: Ref,
  w: Ref,
  bias: Ref | undefined,
  out: OutRef,
  a: ConvAttrs,
): void {
  const type = convType(out.type, "conv_transpose");
  if (a.winograd) {
    // The gradient of a correlation is one with the taps turned round, its rows and depth exchanged.
    const stride = constant("i32", WINOGRAD_TAPS);
    const at = (row: Expr, o: Expr): Expr => k.mul(k.add(k.mul(o, w.extent(1)), row), stride);
    const kernels = { w, rows: w.extent(1), depth: w.extent(0), at, stride, turned: true };
    const lead = [TAPS - 1 - a.paddings[0]!, TAPS - 1 - a.paddings[2]!] as const;
    emitWinograd(b, { type, x, lead, kernels, out, finish: withBias(bias, out) });
    return;
  }
  const space = a.strides.map(
    (s, i) => new TransposedAxis(s, a.paddings[2 * i]!, a.dilations[i]!, w.extent(2 + i), out.extent(2 + i)),
  );
  const channels = k.divIndex(w.extent(0), a.groups);
  const rows = w.extent(1);
  const phases = a.strides.map((s) => constant("i32", s));
  const most = product(space.map((axis) => axis.mostTaps));
  const depth = k.mul(channels, most);
  const count = a.strides.reduce((x, y) => x * y, 1);
  const grid = space.map((axis) => axis.grid);
  const tapsOf = (phase: readonly Expr[]): Expr[] => space.map((axis, i) => axis.tapsOf(phase[i]!));
  const phaseOf = (set: Expr): Expr[] => coordinates(b, b.let(k.divIndex(set, a.groups), "phase"), phases);
  const table = b.temp("taps", "i32", k.mul(depth, count));
  const places = b.temp("places", "i32", k.mul(most, count));
  const source = copySource(
    b,
    "x",
    x,
    {
      grid,
      lead: space.map((axis) => axis.lead),
      strides: space.map(() => 1),
      phases: space.map(() => constant("i32", 1)),
    },
    {
      count: channels,
      run: (c) => fillTable(b, { table, places, most, depth, space, phases, count, grid }, c, tapsOf),
    },
  );
  const weights = copyWeights(
    b,
    w,
    { space, phases, count, depth, groups: a.groups, channels, rows, type, places, most },
    tapsOf,
  );
  const size = k.mul(rows, depth);
  const add = withBias(bias, out);
  const apart = out.buf || space.at(-1)!.stride === 1;
  const { store, interleave } = apart
    ? { store: spread(b, space, out, add), interleave: undefined }
    : gathered(b, space, out, type, add);
  emitCorrelation(b, {
    type,
    source,
    images: x.extent(0),
    sets: constant("i32", a.groups * count),
    firstChannel: (set) => k.mul(k.remIndex(set, a.groups), channels),
    table,
    tableAt: (set) => k.mul(k.divIndex(set, a.groups), depth),
    depth,
    depthOf: (set) => k.mul(channels, product(tapsOf(phaseOf(set)))),
    rows,
    weights: {
      at: (set, i, d) => b.load(weights, k.add(k.mul(set, size), k.add(k.mul(i, depth), d))),
      inner: "j",
      memory: { buf: weights, stride: depth, base: (set) => k.mul(set, size) },
    },
    extents: space.map((axis) => axis.extent),
    store: (set, row, [n, ...o], length, value) => {
      const phase = phaseOf(set);
      const channel = b.let(k.add(k.mul(k.remIndex(set, a.groups), rows), row), "channel");
      store({ n: n!, channel, phase }, o, length, value);
    },
    few: a.few,
  });
  interleave?.();
}

interface Phases {
  readonly space: readonly TransposedAxis[];
  readonly phases: readonly Expr[];
  readonly count: number;
  readonly depth: Expr;
  /** For each phase the positions in the kernel of its taps, `most` apart. */
  readonly places: Buf;
  readonly most: Expr;
}

/** The shifts of channel `c`'s taps for every phase, and (once) which of the kernel's taps a phase has. */
function fillTable(
  b: KernelContext,
  f: Phases & { readonly table: Buf; readonly grid: readonly Expr[] },
  c: Expr,
  tapsOf: (phase: readonly Expr[]) => Expr[],
): void {
  const { space, grid } = f;
  b.for(0, f.count, (p) => {
    const phase = coordinates(b, p, f.phases);
    const taps = tapsOf(phase).map((n) => b.let(n, "taps"));
    const every = b.let(product(taps), "every");
    b.for(0, every, (t) => {
      const index = coordinates(b, t, taps);
      const shift = space.map((axis, i) => axis.place(phase[i]!, index[i]!));
      const at = k.add(k.add(k.mul(p, f.depth), k.mul(c, every)), t);
      b.store(f.table, at, k.add(k.mul(c, product(grid)), linear(shift, grid)));
      const tap = space.map((axis, i) => k.add(axis.first(phase[i]!), k.mul(index[i]!, axis.step)));
      const kernel = space.map((axis) => axis.taps);
      b.if(k.eq(c, 0), () => b.store(f.places, k.add(k.mul(p, f.most), t), linear(tap, kernel)));
    });
  });
}

/** One launch that lays weights `[o, c, taps]` out for each phase and group as rows c over depth (o, the phase's taps). */
function copyWeights(
  b: KernelContext,
  w: Ref,
  f: Phases & { readonly groups: number; readonly channels: Expr; readonly rows: Expr; readonly type: "f32" | "f64" },
  tapsOf: (phase: readonly Expr[]) => Expr[],
): Buf {
  const { space, phases, count, depth, groups, channels, rows } = f;
  const to = b.temp("weights", f.type, k.mul(k.mul(depth, rows), groups * count));
  const all = product(space.map((axis) => axis.taps));
  // A row at a time: its depth is written in order, and the kernels that it reads for one phase are at hand for the next.
  b.parallel(k.mul(rows, groups), (block) => {
    const group = b.let(k.divIndex(block, rows), "group");
    const row = b.let(k.remIndex(block, rows), "row");
    b.for(0, count, (p) => {
      const every = b.let(product(tapsOf(coordinates(b, p, phases))), "every");
      const first = b.let(k.mul(k.add(k.mul(k.add(k.mul(p, groups), group), rows), row), depth), "first");
      const place = b.let(k.mul(p, f.most), "place");
      b.for(0, channels, (o) => {
        const target = b.let(k.add(first, k.mul(o, every)), "target");
        const from = b.let(k.mul(k.add(k.mul(k.add(k.mul(group, channels), o), rows), row), all), "from");
        b.for(0, every, (t) => {
          const x = w.flat(k.add(from, b.load(f.places, k.add(place, t))));
          b.store(to, k.add(target, t), k.cast(x, f.type));
        });
      });
    });
  });
  return to;
}
