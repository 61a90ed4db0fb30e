// Ops: windows of planes as columns, and columns added back into planes; each other's gradients.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape, type Shape } from "../core/shape.js";
import type { KernelContext, Ref } from "../fuse/body.js";
import { type Expr, constant } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers, type OpRecord } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { requireFloat } from "./infer.js";

/** Windows: sizes, distances, zeros around, and distances of taps, for two axes. */
export interface FoldSettings {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  /** Before and after each axis in turn. */
  readonly paddings: readonly number[];
  readonly dilations: readonly number[];
}

const attrs = {
  sizes: fixed<readonly number[]>(),
  strides: fixed<readonly number[]>(),
  paddings: fixed<readonly number[]>(),
  dilations: fixed<readonly number[]>(),
};

/** How many windows an axis of `n` elements has. */
export const windowCount = (n: number, axis: number, s: FoldSettings): number =>
  Math.floor(
    (n + s.paddings[2 * axis]! + s.paddings[2 * axis + 1]! - s.dilations[axis]! * (s.sizes[axis]! - 1) - 1) /
      s.strides[axis]!,
  ) + 1;

function countsOf(op: string, x: Shape, extents: readonly number[], s: FoldSettings): number[] {
  const counts = extents.map((n, axis) => (n < 0 ? -1 : windowCount(n, axis, s)));
  if (counts.every((n, i) => n > 0 || extents[i]! < 0)) return counts;
  throw new InvalidArgumentError(`windows ${formatShape(s.sizes)} on ${formatShape(extents)} leave nothing.`, {
    op,
    x,
    ...s,
  });
}

/** The places along one axis: window `o`'s tap `t` is element `o · stride + t · dilation - padding`. */
function reach(s: FoldSettings, axis: number, t: number, extent: Expr, count: Expr) {
  const shift = t * s.dilations[axis]! - s.paddings[2 * axis]!;
  const stride = s.strides[axis]!;
  const first = Math.max(0, Math.ceil(-shift / stride));
  const room = k.sub(k.sub(extent, 1), shift);
  const past = k.select(k.lt(room, 0), 0, k.add(k.divIndex(k.max(room, 0), stride), 1));
  const low = k.min(constant("i32", first), count);
  return { at: (o: Expr): Expr => k.add(k.mul(o, stride), shift), low, high: k.max(low, k.min(past, count)) };
}

/** Calls `row` for each tap and row of windows: its first column, the row of the plane (or none), and the places along the row. */
function eachRow(
  b: KernelContext,
  s: FoldSettings,
  extents: readonly Expr[],
  counts: readonly Expr[],
  row: (tap: number, o: Expr, y: Expr, inside: Expr, across: ReturnType<typeof reach>) => void,
): void {
  for (let i = 0; i < s.sizes[0]!; i++) {
    const down = reach(s, 0, i, extents[0]!, counts[0]!);
    for (let j = 0; j < s.sizes[1]!; j++) {
      const across = reach(s, 1, j, extents[1]!, counts[1]!);
      b.for(0, counts[0]!, (o) => {
        const inside = k.and(k.ge(o, down.low), k.lt(o, down.high));
        row(i * s.sizes[1]! + j, o, b.let(down.at(o), "y"), inside, across);
      });
    }
  }
}

/** Numbers of windows as kernels compute them. */
const counted = (extents: readonly Expr[], s: FoldSettings): Expr[] =>
  extents.map((n, axis) => {
    const taken = s.dilations[axis]! * (s.sizes[axis]! - 1) + 1 - s.paddings[2 * axis]! - s.paddings[2 * axis + 1]!;
    return k.add(k.divIndex(k.sub(n, taken), s.strides[axis]!), 1);
  });

const plane = (x: Pick<Ref, "extent">): Expr[] => [x.extent(2), x.extent(3)];

const settings: readonly FoldSettings[] = [
  { sizes: [2, 3], strides: [1, 2], paddings: [1, 1, 0, 2], dilations: [1, 1] },
  { sizes: [2, 2], strides: [2, 1], paddings: [0, 0, 1, 1], dilations: [2, 3] },
];

/** Columns `[n, c · taps, windows]` of `[n, c, h, w]`: each window's elements, zeros outside. */
export const unfoldOp: OpRecord = defineOp({
  name: "unfold",
  inputs: ["x"],
  outputs: ["out"],
  attrs,
  infer: ({ x }, a) => {
    requireFloat(x, "unfold");
    if (x.shape.length !== 4)
      throw new InvalidArgumentError(`needs [n, c, h, w], got ${formatShape(x.shape)}.`, { op: "unfold", x: x.shape });
    const counts = countsOf("unfold", x.shape, x.shape.slice(2), a);
    const taps = a.sizes[0]! * a.sizes[1]!;
    const windows = counts.some((n) => n < 0) ? -1 : counts[0]! * counts[1]!;
    return { outs: { out: { shape: [x.shape[0]!, x.shape[1]! * taps, windows], dtype: x.dtype } } };
  },
  kernel: (b, { x }, { out }, a) => {
    const extents = plane(x);
    const counts = counted(extents, a);
    const taps = a.sizes[0]! * a.sizes[1]!;
    const zero = constant(out.type, 0);
    b.parallel(k.mul(x.extent(0), x.extent(1)), (p) =>
      eachRow(b, a, extents, counts, (tap, o, y, inside, across) => {
        const column = k.add(k.mul(p, taps), tap);
        const to = b.let(k.mul(k.add(k.mul(column, counts[0]!), o), counts[1]!), "to");
        const from = b.let(k.mul(k.add(k.mul(p, extents[0]!), y), extents[1]!), "from");
        const fill = (first: Expr, last: Expr): void => b.lanes(first, last, (u) => out.setFlat(k.add(to, u), zero));
        b.if(
          inside,
          () => {
            fill(constant("i32", 0), across.low);
            b.lanes(across.low, across.high, (u) => out.setFlat(k.add(to, u), x.flat(k.add(from, across.at(u)))));
            fill(across.high, counts[1]!);
          },
          () => fill(constant("i32", 0), counts[1]!),
        );
      }),
    );
  },
  grad: (_, d, { attrs: a, meta }) => ({ x: () => bind1(foldOp, [d.out, meta.x], { ...a, extents: [] }) }),
  check: { domain: [-2, 2], samples: settings.map((s) => ({ inputs: [[2, 3, 5, 20]], attrs: { ...s } })) },
});

/** Columns added back into planes `[n, c, h, w]` with the extents of `like`, or those given. */
export const foldOp: OpRecord = defineOp({
  name: "fold",
  inputs: ["x", "like?"],
  outputs: ["out"],
  attrs: { ...attrs, extents: integers() },
  infer: ({ x, like }, a) => {
    requireFloat(x, "fold");
    const taps = a.sizes[0]! * a.sizes[1]!;
    if (x.shape.length !== 3 || x.shape[1]! % taps !== 0)
      throw new InvalidArgumentError(`needs [n, c · ${taps}, windows], got ${formatShape(x.shape)}.`, {
        op: "fold",
        x: x.shape,
        ...a,
      });
    const extents = like ? like.shape.slice(2) : a.extents;
    const counts = countsOf("fold", x.shape, extents, a);
    if (counts.every((n) => n >= 0) && x.shape[2]! >= 0 && counts[0]! * counts[1]! !== x.shape[2])
      throw new InvalidArgumentError(
        `planes ${formatShape(extents)} have ${counts[0]! * counts[1]!} windows, x ${formatShape(x.shape)} has ${x.shape[2]}.`,
        { op: "fold", x: x.shape, ...a },
      );
    return { outs: { out: { shape: [x.shape[0]!, x.shape[1]! / taps, ...extents], dtype: x.dtype } } };
  },
  kernel: (b, { x }, { out }, a) => {
    const extents = plane(out);
    const counts = counted(extents, a);
    const taps = a.sizes[0]! * a.sizes[1]!;
    const size = k.mul(extents[0]!, extents[1]!);
    const zero = constant(out.type, 0);
    b.parallel(k.mul(out.extent(0), out.extent(1)), (p) => {
      const base = b.let(k.mul(p, size), "base");
      b.lanes(0, size, (i) => out.setFlat(k.add(base, i), zero));
      eachRow(b, a, extents, counts, (tap, o, y, inside, across) => {
        const column = k.add(k.mul(p, taps), tap);
        const from = b.let(k.mul(k.add(k.mul(column, counts[0]!), o), counts[1]!), "from");
        const to = b.let(k.add(base, k.mul(y, extents[1]!)), "to");
        b.if(inside, () =>
          b.lanes(across.low, across.high, (u) => {
            const at = k.add(to, across.at(u));
            out.setFlat(at, k.add(out.getFlat(at), x.flat(k.add(from, u))));
          }),
        );
      });
    });
  },
  ghosts: ["like"],
  grad: (_, d, { attrs: { sizes, strides, paddings, dilations } }) => ({
    x: () => bind1(unfoldOp, [d.out], { sizes, strides, paddings, dilations }),
  }),
  check: {
    domain: [-2, 2],
    samples: settings.map((s) => {
      const windows = windowCount(5, 0, s) * windowCount(20, 1, s);
      return {
        inputs: [[2, 3 * s.sizes[0]! * s.sizes[1]!, windows], undefined],
        attrs: { ...s, extents: [5, 20] },
      };
    }),
  },
});

/** Windows of planes as columns. */
export const unfold = <T extends Value>(x: T, s: FoldSettings): T => bind1(unfoldOp, [x], { ...s }) as T;

/** Columns added back into planes with these extents. */
export const fold = <T extends Value>(x: T, extents: readonly number[], s: FoldSettings): T =>
  bind1(foldOp, [x, undefined], { ...s, extents }) as T;
