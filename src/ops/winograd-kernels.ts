// The weights of Winograd's convolution at all points, laid out in panels as the product reads them; the product of a register tile.

import type { KernelContext, Ref } from "../fuse/body.js";
import type { Mutable } from "../kernel/builder.js";
import { type Buf, type Expr, constant, splat } from "../kernel/expr.js";
import { ceilDiv } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import type { ConvType } from "./convolution-source.js";
import { multiplyAdd } from "./gemm-direct.js";
import { transpose } from "./gemm-tiled.js";
import { lanesOf } from "./winograd-pixels.js";
import { ALL_POINTS, TAPS, tapsLine, transformSquare } from "./winograd-transform.js";

/** Weights as rows by depth, each a kernel of 3 × 3 adjacent taps. */
export interface Kernels {
  readonly w: Ref;
  readonly rows: Expr;
  readonly depth: Expr;
  /** Position of the kernel of a row at a depth; rows are `stride` apart. */
  at(row: Expr, depth: Expr): Expr;
  readonly stride: Expr;
  /** Whether the taps are taken from last to first. */
  readonly turned: boolean;
}

/** Weights at all points: `[point, panel of rows, depth, row of the panel]`, zeros behind the last row and depth. */
export interface Panels {
  readonly buf: Buf;
  /** Rows of a panel. */
  readonly panel: number;
  /** Elements from a point to the next, and from a panel to the next. */
  readonly point: Expr;
  readonly next: Expr;
}

const EVERY = TAPS * TAPS;

/** Depth that a block of {@link copyPanels} handles. */
const DEPTHS = 16;

/** One launch that evaluates weights at all points. `depth` of the panels is a multiple of 16. */
export function copyPanels(b: KernelContext, type: ConvType, f: Kernels, panel: number, depth: Expr): Panels {
  const panels = ceilDiv(f.rows, panel);
  const size = k.mul(k.mul(panels, depth), panel);
  const buf = b.temp("kernels", type, k.mul(size, ALL_POINTS));
  const steps = k.divIndex(depth, DEPTHS);
  b.parallel(k.mul(panels, steps), (block) => {
    const which = b.let(k.divIndex(block, steps), "which");
    const d0 = b.let(k.mul(k.remIndex(block, steps), DEPTHS), "d0");
    const first = b.let(k.mul(which, panel), "first");
    evaluateKernels(
      b,
      type,
      f,
      { first, rows: constant("i32", panel), d0, depth: constant("i32", DEPTHS) },
      (r, d, p, x) => b.store(buf, k.add(k.add(k.mul(k.add(k.mul(which, depth), d), panel), r), k.mul(size, p)), x),
    );
  });
  return { buf, panel, point: size, next: k.mul(depth, panel) };
}

/** Evaluates kernels at all points: `rows` from `first`, `depth` from `d0`. `store` gets a vector of rows, its number of rows from `first`. */
export function evaluateKernels(
  b: KernelContext,
  type: ConvType,
  f: Kernels,
  part: { readonly first: Expr; readonly rows: Expr; readonly d0: Expr; readonly depth: Expr },
  store: (row: Expr, depth: Expr, point: number, value: Expr) => void,
): void {
  const lanes = lanesOf(b, type);
  const taps = b.local("taps", type, EVERY * lanes);
  // Depth inside: the lines of memory that hold one depth's taps hold the next one's, too.
  b.for(
    0,
    part.rows,
    (r) =>
      b.for(part.d0, k.add(part.d0, part.depth), (d) => {
        loadTaps(b, type, f, taps, b.let(k.add(part.first, r), "row"), d);
        const g = Array.from({ length: EVERY }, (_, t) =>
          b.let(b.load(taps, (f.turned ? EVERY - 1 - t : t) * lanes, lanes), "g"),
        );
        transformSquare(b, g, tapsLine).forEach((x, p) => store(r, d, p, x));
      }),
    { step: lanes },
  );
}

/** The taps of as many kernels as a vector has lanes, tap by tap: from row `row` at a depth. */
function loadTaps(b: KernelContext, type: ConvType, f: Kernels, taps: Buf, row: Expr, depth: Expr): void {
  const lanes = lanesOf(b, type);
  const memory = f.w.type === type ? f.w.buf : undefined;
  const slow = (): void =>
    b.for(0, lanes, (u) => {
      const i = b.let(k.add(row, u), "i");
      const inside = b.let(k.and(k.lt(i, f.rows), k.lt(depth, f.depth)), "inside");
      b.if(
        inside,
        () => {
          const at = b.let(f.at(i, depth), "at");
          b.for(0, EVERY, (t) => b.store(taps, k.add(k.mul(t, lanes), u), k.cast(f.w.flat(k.add(at, t)), type)));
        },
        () => b.for(0, EVERY, (t) => b.store(taps, k.add(k.mul(t, lanes), u), constant(type, 0))),
      );
    });
  if (!memory) return slow();
  const at = b.let(f.at(row, depth), "at");
  const last = k.add(at, k.mul(f.stride, lanes - 1));
  const whole = k.and(k.le(k.add(row, lanes), f.rows), k.lt(depth, f.depth));
  // Whole vectors are read from each kernel, the last of which may end the memory.
  const fast = k.and(whole, k.le(k.add(last, Math.max(lanes, EVERY)), f.w.size));
  b.if(
    fast,
    () => {
      let t = 0;
      for (; t === 0 || t + lanes <= EVERY; t += lanes) {
        const kernels = Array.from({ length: lanes }, (_, u) =>
          b.let(b.load(memory, k.add(k.add(at, k.mul(f.stride, u)), t), lanes), "kernel"),
        );
        transpose(b, kernels)
          .slice(0, EVERY - t)
          .forEach((x, i) => b.store(taps, (t + i) * lanes, x));
      }
      for (; t < EVERY; t++)
        for (let u = 0; u < lanes; u++)
          b.store(taps, t * lanes + u, b.load(memory, k.add(k.add(at, k.mul(f.stride, u)), t)));
    },
    slow,
  );
}

/** A product of rows by vectors in registers. */
export interface RegisterTile {
  readonly type: ConvType;
  readonly rows: number;
  readonly vectors: number;
  readonly lanes: number;
  readonly depth: Expr;
  /** One element of a row, and one vector, at a depth. */
  a(row: number, depth: Expr): Expr;
  b(vector: number, depth: Expr): Expr;
  readonly to: Buf;
  at(row: number, vector: number): Expr;
  /** Whether the tile adds to what is there: always, never, or a condition. */
  readonly adds: Expr | boolean;
}

/** `to (+)= A · B` for one register tile: a chain of fused multiply-adds over the depth. */
export function multiplyTile(b: KernelContext, t: RegisterTile): void {
  const zero = splat(constant(t.type, 0), t.lanes);
  const now = (r: number, v: number): Expr => b.load(t.to, t.at(r, v), t.lanes);
  const acc = Array.from({ length: t.rows }, (_, r) =>
    Array.from({ length: t.vectors }, (_, v) => b.variable(t.adds === true ? now(r, v) : zero, "acc")),
  );
  const each = (visit: (acc: Mutable, r: number, v: number) => void): void =>
    acc.forEach((row, r) => row.forEach((x, v) => visit(x, r, v)));
  if (typeof t.adds !== "boolean") b.if(t.adds, () => each((x, r, v) => b.set(x, now(r, v))));
  b.for(0, t.depth, (d) => {
    const ys = Array.from({ length: t.vectors }, (_, v) => b.let(t.b(v, d), "y"));
    acc.forEach((row, r) => {
      const x = b.let(splat(t.a(r, d), t.lanes), "x");
      row.forEach((s, v) => b.set(s, multiplyAdd(x, ys[v]!, s.value)));
    });
  });
  each((x, r, v) => b.store(t.to, t.at(r, v), x.value));
}
