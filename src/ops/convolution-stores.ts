// Stores of transposed convolutions with strides: each phase makes elements that stand apart.

import type { KernelContext, OutRef } from "../fuse/body.js";
import { type Expr, constant } from "../kernel/expr.js";
import { ceilDiv, linear, product } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import type { WithBias } from "./convolution-kernels.js";
import type { ConvType } from "./convolution-source.js";
import { coordinates } from "./loops.js";

/** What stands `stride` apart along an axis: elements of the result in one phase at most, and all of them. */
export interface SpreadAxis {
  readonly stride: number;
  readonly extent: Expr;
  readonly result: Expr;
}

/** Where a run of results belongs. */
export interface Run {
  readonly n: Expr;
  readonly channel: Expr;
  readonly phase: readonly Expr[];
}

/** Takes a run of one phase's elements that begins at `index`. */
export type StoreRun = (run: Run, index: readonly Expr[], length: Expr, value: (u: Expr) => Expr) => void;

/** Stores runs where they belong, each element `stride` after the last. */
export function spread(b: KernelContext, space: readonly SpreadAxis[], out: OutRef, add: WithBias): StoreRun {
  return ({ n, channel, phase }, o, length, value) => {
    const finish = add(channel);
    const index = o.map((i, axis) => b.let(k.add(k.mul(i, space[axis]!.stride), phase[axis]!), "at"));
    const outer = index.slice(0, -1);
    const [first, { stride, result }] = [index.at(-1)!, space.at(-1)!];
    // The last run of a phase with fewer elements than the largest is cut.
    const left = ceilDiv(k.max(0, k.sub(result, first)), stride);
    const valid = stride === 1 ? length : b.let(k.min(length, left), "valid");
    const inside = outer.flatMap((i, axis) => (space[axis]!.stride === 1 ? [] : [k.lt(i, space[axis]!.result)]));
    const put = (): void =>
      b.lanes(0, valid, (u) => out.set([n, channel, ...outer, k.add(first, k.mul(u, stride))], finish(value(u))));
    if (inside.length > 0)
      b.if(
        inside.reduce((p, q) => k.and(p, q)),
        put,
      );
    else put();
  };
}

/** Elements of a row that are put together at a time. */
const STRIP = 512;

/**
 * Stores runs phase by phase in memory of their own; a launch of its own puts rows together. Where an epilogue is fused it so runs in
 * vectors: with elements apart it takes longer than the product (64 channels of 32 × 32: 15 ms against 3).
 */
export function gathered(
  b: KernelContext,
  space: readonly SpreadAxis[],
  out: OutRef,
  type: ConvType,
  add: WithBias,
): { readonly store: StoreRun; interleave(): void } {
  const strides = space.map((axis) => constant("i32", axis.stride));
  const extents = space.map((axis) => axis.extent);
  const size = product(extents);
  const every = k.mul(size, product(strides));
  const planes = k.mul(out.extent(0), out.extent(1));
  const parts = b.temp("parts", type, k.mul(planes, every));
  const placeOf = (plane: Expr, phase: readonly Expr[]): Expr =>
    k.add(k.mul(plane, every), k.mul(linear(phase, strides), size));
  const store: StoreRun = ({ n, channel, phase }, index, length, value) => {
    const plane = k.add(k.mul(n, out.extent(1)), channel);
    const to = b.let(k.add(placeOf(plane, phase), linear(index, extents)), "to");
    b.lanes(0, length, (u) => b.store(parts, k.add(to, u), value(u)));
  };
  const { stride, result: width, extent } = space.at(-1)!;
  const interleave = (): void =>
    b.parallel(planes, (plane) => {
      const line = b.local("line", type, STRIP);
      const [n, channel] = [b.let(k.divIndex(plane, out.extent(1)), "n"), b.let(k.remIndex(plane, out.extent(1)), "c")];
      const finish = add(channel);
      const outer = space.slice(0, -1);
      const heights = outer.map((axis) => axis.result);
      b.for(0, product(heights), (row) => {
        const index = coordinates(b, row, heights);
        const phase = index.map((i, axis) => k.remIndex(i, outer[axis]!.stride));
        const inner = index.map((i, axis) => k.divIndex(i, outer[axis]!.stride));
        const from = Array.from({ length: stride }, (_, a) =>
          b.let(
            k.add(placeOf(plane, [...phase, constant("i32", a)]), k.mul(linear(inner, extents.slice(0, -1)), extent)),
            "from",
          ),
        );
        const whole = Math.floor(STRIP / stride) * stride;
        b.for(
          0,
          width,
          (x) => {
            const length = b.let(k.min(whole, k.sub(width, x)), "length");
            from.forEach((at, a) => {
              const first = k.add(at, k.divIndex(x, stride));
              b.for(0, ceilDiv(k.max(0, k.sub(length, a)), stride), (u) =>
                b.store(line, k.add(k.mul(u, stride), a), b.load(parts, k.add(first, u))),
              );
            });
            b.lanes(0, length, (u) => out.set([n, channel, ...index, k.add(x, u)], finish(b.load(line, u))));
          },
          { step: whole },
        );
      });
    });
  return { store, interleave };
}
