// What convolutions read: tensors copied into padded grids, on which every tap of a kernel is a plain shift.

import type { KernelContext, Ref } from "../fuse/body.js";
import { type Buf, type Expr, type KType, constant } from "../kernel/expr.js";
import { product } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import { InvalidArgumentError } from "../core/errors.js";
import { known } from "./gemm-sizes.js";
import { coordinates } from "./loops.js";

/** Types convolutions compute in. */
export type ConvType = "f32" | "f64";

/** The computing type of a convolution's operand or result. */
export function convType(type: KType, op: string): ConvType {
  if (type === "f32" || type === "f64") return type;
  throw new InvalidArgumentError("needs floating-point tensors.", { op });
}

/** Extents of some axes. */
export const extentsOf = (x: Pick<Ref, "extent">, from: number, count: number): Expr[] =>
  Array.from({ length: count }, (_, i) => x.extent(from + i));

/**
 * A tensor `[n, channels, …]` in memory as planes of one grid for each channel and phase: grid element t of phase f is the tensor's element
 * `t · stride + f - lead`, 0 outside. With a stride, neighbours in a plane belong to neighbours in the result.
 */
export interface Source {
  readonly buf: Buf;
  /** Extents of the grid. */
  readonly grid: readonly Expr[];
  /** Elements of one phase, and of all phases of one channel. */
  readonly plane: Expr;
  readonly channel: Expr;
  /** Number of channels. */
  readonly channels: Expr;
}

/** How {@link copySource} lays a tensor out, along each axis. */
export interface Layout {
  readonly grid: readonly Expr[];
  readonly lead: readonly Expr[];
  readonly strides: readonly number[];
  readonly phases: readonly Expr[];
  /** Planes are padded with zeros to a multiple of this. */
  readonly unit?: number;
}

/** Zeros behind the last plane beside one more plane: kernels read whole vectors. */
const SLACK = 256;

/**
 * One launch that copies a tensor into a {@link Source}. `also` runs in the blocks of the first planes, once for each number below its
 * `count` (no more than the tensor has channels): for tables that are needed at the same time.
 */
export function copySource(
  b: KernelContext,
  name: string,
  x: Ref,
  layout: Layout,
  also?: { readonly count: Expr; run(i: Expr): void },
): Source {
  const type = convType(x.type, name);
  const axes = layout.grid.length;
  const extents = extentsOf(x, 2, axes);
  const cells = product(layout.grid);
  const { unit = 1 } = layout;
  const plane = unit === 1 ? cells : k.and(k.add(cells, unit - 1), -unit);
  const channel = k.mul(product(layout.phases), plane);
  const planes = k.mul(x.extent(0), x.extent(1));
  const total = k.mul(planes, channel);
  const slack = k.add(plane, SLACK);
  const buf = b.temp(name, type, k.add(total, slack));
  const zero = constant(type, 0);
  const size = product(extents);
  b.parallel(planes, (i) => {
    const from = b.let(k.mul(i, size), "from");
    const start = b.let(k.mul(i, channel), "start");
    b.for(0, product(layout.phases), (f) => {
      const phase = coordinates(b, f, layout.phases);
      const to = b.let(k.add(start, k.mul(f, plane)), "to");
      fillPlane(b, { x, buf, layout, extents, phase, zero }, { axis: 0, from, to, inside: undefined });
      if (unit !== 1) b.for(cells, plane, (t) => b.store(buf, k.add(to, t), zero));
    });
    b.if(k.eq(i, k.sub(planes, 1)), () => b.lanes(0, slack, (t) => b.store(buf, k.add(total, t), zero)));
    if (also) b.if(k.lt(i, also.count), () => also.run(i));
  });
  return { buf, grid: layout.grid, plane, channel, channels: x.extent(1) };
}

interface Plane {
  readonly x: Ref;
  readonly buf: Buf;
  readonly layout: Layout;
  readonly extents: readonly Expr[];
  readonly phase: readonly Expr[];
  readonly zero: Expr;
}

/** Where the copy of a plane stands: which axis comes next, positions in tensor and grid, and whether all axes before lie inside. */
interface Place {
  readonly axis: number;
  readonly from: Expr;
  readonly to: Expr;
  readonly inside: Expr | undefined;
}

function fillPlane(b: KernelContext, p: Plane, { axis, from, to, inside }: Place): void {
  const [extent, width] = [p.extents[axis]!, p.layout.grid[axis]!];
  const stride = p.layout.strides[axis]!;
  const shift = b.let(k.sub(p.phase[axis]!, p.layout.lead[axis]!), "shift");
  const at = (t: Expr): Expr => k.add(k.mul(t, stride), shift);
  if (axis < p.extents.length - 1) {
    const [rowSize, gridSize] = [product(p.extents.slice(axis + 1)), product(p.layout.grid.slice(axis + 1))];
    b.for(0, width, (t) => {
      const i = b.let(at(t), "i");
      const here = k.and(k.ge(i, 0), k.lt(i, extent));
      fillPlane(b, p, {
        axis: axis + 1,
        from: b.let(k.add(from, k.mul(i, rowSize)), "row"),
        to: b.let(k.add(to, k.mul(t, gridSize)), "to"),
        inside: b.let(inside ? k.and(inside, here) : here, "inside"),
      });
    });
    return;
  }
  const fill = (first: Expr, last: Expr): void => b.lanes(first, last, (t) => b.store(p.buf, k.add(to, t), p.zero));
  const reach = (limit: Expr): Expr =>
    k.max(0, stride === 1 ? limit : k.divIndex(k.add(k.max(limit, 0), stride - 1), stride));
  const copy = (): void => {
    const low = b.let(k.min(reach(k.neg(shift)), width), "low");
    const high = b.let(k.max(low, k.min(reach(k.sub(extent, shift)), width)), "high");
    fill(constant("i32", 0), low);
    const move = (t: Expr): void => b.store(p.buf, k.add(to, t), p.x.flat(k.add(from, at(t))));
    if (stride === 1) b.lanes(low, high, move);
    else b.for(low, high, move);
    fill(high, width);
  };
  if (inside) b.if(inside, copy, () => fill(constant("i32", 0), width));
  else copy();
}

/**
 * Cuts `count` consecutive positions from `from` of row-major `extents` (the first needs no extent) into runs along the last axis. `body`
 * gets how many positions came before, how many the run has, and the index of its first.
 */
export function eachRun(
  b: KernelContext,
  from: Expr,
  count: Expr,
  extents: readonly Expr[],
  body: (done: Expr, length: Expr, index: readonly Expr[]) => void,
): void {
  const at = b.variable(constant("i32", 0), "at");
  b.while(k.lt(at.value, count), () => {
    const done = b.let(at.value, "done");
    const index = coordinates(b, b.let(k.add(from, done), "first"), extents);
    const length = b.let(k.min(k.sub(count, done), k.sub(extents.at(-1)!, index.at(-1)!)), "length");
    body(done, length, index);
    b.set(at, k.add(done, length));
  });
}

/** Copies `length` consecutive elements, in the widest pieces that fit. `from` and `to` may overlap no other run. */
export function copyRun(b: KernelContext, to: Buf, toAt: Expr, from: Buf, fromAt: Expr, length: Expr): void {
  const exact = known(length);
  if (exact !== undefined) {
    for (let c = 0; c < exact; ) {
      const lanes = [16, 8, 4, 1].find((n) => n <= exact - c)!;
      b.store(to, k.add(toAt, c), b.load(from, k.add(fromAt, c), lanes));
      c += lanes;
    }
    return;
  }
  let first: Expr = constant("i32", 0);
  for (const lanes of [16, 4, 1]) {
    const last = lanes === 1 ? length : b.let(k.and(length, -lanes), "last");
    b.for(first, last, (c) => b.store(to, k.add(toAt, c), b.load(from, k.add(fromAt, c), lanes)), { step: lanes });
    first = last;
  }
}

/** Emits `body` for a run, and once more for runs that are whole short rows of a known length: those need no loop. */
export function forLength(b: KernelContext, length: Expr, row: Expr, body: (length: Expr) => void): void {
  const whole = known(row);
  if (whole === undefined || whole > 64 || whole % 4 !== 0) body(length);
  else
    b.if(
      k.eq(length, whole),
      () => body(row),
      () => body(length),
    );
}
