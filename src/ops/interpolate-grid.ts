// Ops: elements of planes at places that another tensor holds, and the gradients of planes and places.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import type { Ref } from "../fuse/body.js";
import { type Expr, constant } from "../kernel/expr.js";
import { linear, product } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type OpRecord } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { extentsOf } from "./convolution-source.js";
import { requireFloat } from "./infer.js";
import { coordinates } from "./loops.js";

/** What decides a sampling beside its operands. */
export interface GridSettings {
  readonly mode: "bilinear" | "nearest";
  /** What lies outside of the planes: zeros, their border, or their mirror image. */
  readonly paddingMode: "zeros" | "border" | "reflection";
  /** -1 and 1 are the centres of the outermost elements; else their outer edges. */
  readonly alignCorners: boolean;
}

const attrs = {
  mode: fixed<GridSettings["mode"]>("bilinear"),
  paddingMode: fixed<GridSettings["paddingMode"]>("zeros"),
  alignCorners: fixed(true),
};

/** A place along an axis in elements, and how much it changes with the number in the grid. */
interface Place {
  readonly at: Expr;
  readonly slope: Expr;
}

/** The place that `v` in [-1, 1] means on an axis of `n` elements. */
function placeOf(v: Expr, n: Expr, s: GridSettings): Place {
  const extent = k.cast(n, v.type);
  const last = k.sub(extent, 1);
  const scale = k.mul(s.alignCorners ? last : extent, 0.5);
  const at = s.alignCorners ? k.mul(k.mul(k.add(v, 1), 0.5), last) : k.mul(k.sub(k.mul(k.add(v, 1), extent), 1), 0.5);
  if (s.paddingMode === "zeros") return { at, slope: scale };
  if (s.paddingMode === "border") return cut({ at, slope: scale }, last);
  // The axis and its mirror image repeat every `period`.
  const shift = s.alignCorners ? 0 : 0.5;
  const period = k.mul(s.alignCorners ? last : extent, 2);
  const shifted = k.add(at, shift);
  const distance = k.abs(shifted);
  const safe = k.max(period, 1);
  const rest = k.sub(distance, k.mul(k.floor(k.div(distance, safe)), safe));
  const turned = k.gt(rest, k.sub(period, rest));
  const folded = k.sub(k.min(rest, k.sub(period, rest)), shift);
  const sign = k.select(k.lt(shifted, 0), k.neg(scale), scale);
  const mirrored = { at: folded, slope: k.select(turned, k.neg(sign), sign) };
  return cut(mirrored, last);
}

/** A place moved into [0, last], where it no longer changes. */
function cut({ at, slope }: Place, last: Expr): Place {
  const outside = k.or(k.lt(at, 0), k.gt(at, last));
  return { at: k.max(k.min(at, last), 0), slope: k.select(outside, k.mul(slope, 0), slope) };
}

/** One corner around a place: index along each axis (inside), whether it lies in the planes, weight and the weight's slopes. */
interface Corner {
  readonly index: readonly Expr[];
  readonly inside: Expr;
  readonly weight: Expr;
  readonly slopes: readonly Expr[];
}

/** The corners around a place of the grid: `values` are its numbers, the last axis of space first. */
function cornersOf(values: readonly Expr[], extents: readonly Expr[], s: GridSettings): Corner[] {
  const places = extents.map((n, axis) => placeOf(values[extents.length - 1 - axis]!, n, s));
  const one = constant(values[0]!.type, 1);
  const options = places.map(({ at, slope }, axis) => {
    const low = s.mode === "nearest" ? k.floor(k.add(at, 0.5)) : k.floor(at);
    const t = k.sub(at, low);
    const both = [
      { i: low, weight: s.mode === "nearest" ? one : k.sub(one, t), slope: k.neg(slope) },
      { i: k.add(low, 1), weight: t, slope },
    ].slice(0, s.mode === "nearest" ? 1 : 2);
    const last = k.cast(k.sub(extents[axis]!, 1), at.type);
    return both.map(({ i, ...rest }) => ({
      ...rest,
      inside: k.and(k.ge(i, 0), k.le(i, last)),
      index: k.max(0, k.min(k.cast(i, "i32"), k.sub(extents[axis]!, 1))),
    }));
  });
  const combine = (axis: number): (typeof options)[number][number][][] =>
    axis < 0 ? [[]] : combine(axis - 1).flatMap((list) => options[axis]!.map((o) => [...list, o]));
  return combine(options.length - 1).map((list) => ({
    index: list.map((o) => o.index),
    inside: list.map((o) => o.inside).reduce((x, y) => k.and(x, y)),
    weight: list.map((o) => o.weight).reduce((x, y) => k.mul(x, y)),
    slopes: list.map((_, axis) => list.map((o, j) => (j === axis ? o.slope : o.weight)).reduce((x, y) => k.mul(x, y))),
  }));
}

const space = (x: Pick<Ref, "extent" | "rank">): Expr[] => extentsOf(x, 2, x.rank - 2);

/** Numbers of the grid at a place, in the type of the result. */
const gridAt = (grid: Ref, place: readonly Expr[], type: Ref["type"]): Expr[] =>
  Array.from({ length: grid.rank - 2 }, (_, i) => k.cast(grid.at(...place, constant("i32", i)), type));

const all = (["zeros", "border", "reflection"] as const).flatMap((paddingMode) =>
  [true, false].flatMap((alignCorners) =>
    (["bilinear", "nearest"] as const).map((mode) => ({ mode, paddingMode, alignCorners })),
  ),
);
const shapes = [
  { x: [2, 3, 4, 5], grid: [2, 3, 2, 2] },
  { x: [1, 2, 3, 4, 3], grid: [1, 2, 1, 2, 3] },
];
const domain = [-1.7, 1.7] as const;

/** `out[n, c, p]`: planes `x[n, c]` at the places `grid[n, p]`, whose numbers name the last axis first. */
export const gridSampleOp: OpRecord = defineOp({
  name: "grid_sample",
  inputs: ["x", "grid"],
  outputs: ["out"],
  attrs,
  infer: ({ x, grid }) => {
    requireFloat(x, "grid_sample");
    requireFloat(grid, "grid_sample");
    const axes = x.shape.length - 2;
    const fits = grid.shape.length === x.shape.length && grid.shape.at(-1) === axes;
    if (
      (axes !== 2 && axes !== 3) ||
      !fits ||
      (x.shape[0] !== grid.shape[0] && x.shape[0]! >= 0 && grid.shape[0]! >= 0)
    )
      throw new InvalidArgumentError(
        `x ${formatShape(x.shape)} needs a grid [${x.shape[0]}, …, ${axes}] of its rank, got ${formatShape(grid.shape)}.`,
        { op: "grid_sample", x: x.shape, grid: grid.shape },
      );
    return { outs: { out: { shape: [x.shape[0]!, x.shape[1]!, ...grid.shape.slice(1, -1)], dtype: x.dtype } } };
  },
  element: (_, { x, grid }, a, [n, c, ...p]) => {
    const corners = cornersOf(gridAt(grid, [n!, ...p], x.type), space(x), a);
    return corners
      .map(({ index, inside, weight }) => k.select(inside, k.mul(x.at(n!, c!, ...index), weight), 0))
      .reduce((sum, term) => k.add(sum, term));
  },
  saves: ["x", "grid"],
  grad: ({ x, grid }, d, { attrs: a, meta }) => ({
    x: () => bind1(gridSampleGradOp, [d.out, grid, meta.x], a),
    grid: () => bind1(gridPlaceGradOp, [x, grid, d.out], a),
  }),
  check: {
    domain,
    samples: all.flatMap((a) => shapes.map((s) => ({ inputs: [s.x, s.grid], attrs: a }))),
  },
});

/** The gradient of the planes: each element of `d` given back to the corners it was made of. */
export const gridSampleGradOp: OpRecord = defineOp({
  name: "grid_sample_grad",
  inputs: ["d", "grid", "like"],
  outputs: ["out"],
  attrs,
  infer: ({ d, like }) => ({ outs: { out: { shape: like.shape, dtype: d.dtype } } }),
  kernel: (b, { d, grid }, { out }, a) => {
    const [extents, places] = [space(out), space(d)];
    const [size, count] = [product(extents), product(places)];
    const zero = constant(out.type, 0);
    b.parallel(k.mul(d.extent(0), d.extent(1)), (plane) => {
      const base = b.let(k.mul(plane, size), "base");
      const n = b.let(k.divIndex(plane, d.extent(1)), "n");
      b.lanes(0, size, (i) => out.setFlat(k.add(base, i), zero));
      b.for(0, count, (p) => {
        const value = b.let(d.flat(k.add(k.mul(plane, count), p)), "value");
        for (const c of cornersOf(gridAt(grid, [n, ...coordinates(b, p, places)], out.type), extents, a)) {
          const at = b.let(k.add(base, linear(c.index, extents)), "at");
          out.setFlat(at, k.add(out.getFlat(at), k.select(c.inside, k.mul(value, c.weight), 0)));
        }
      });
    });
  },
  ghosts: ["like"],
  saves: ["grid"],
  grad: ({ grid }, d, { attrs: a }) => ({ d: () => bind1(gridSampleOp, [d.out, grid], a) }),
  check: {
    domain,
    noGradCheck: "second derivatives with respect to the places are not given, as in Paddle",
    samples: all.map((a) => ({ inputs: [[2, 3, 3, 2], shapes[0]!.grid, shapes[0]!.x], attrs: a })),
  },
});

/** The gradient of the places. */
export const gridPlaceGradOp: OpRecord = defineOp({
  name: "grid_sample_place_grad",
  inputs: ["x", "grid", "d"],
  outputs: ["out"],
  attrs,
  infer: ({ grid }) => ({ outs: { out: { shape: grid.shape, dtype: grid.dtype } } }),
  kernel: (b, { x, grid, d }, { out }, a) => {
    const [extents, places] = [space(x), space(d)];
    const axes = extents.length;
    const [size, count, channels] = [product(extents), product(places), x.extent(1)];
    b.parallel(x.extent(0), (n) =>
      b.for(0, count, (p) => {
        const corners = cornersOf(gridAt(grid, [n, ...coordinates(b, p, places)], x.type), extents, a);
        const at = corners.map((c) => b.let(linear(c.index, extents), "at"));
        const sums = extents.map(() => b.variable(constant(x.type, 0), "sum"));
        b.for(0, a.mode === "nearest" ? 0 : channels, (c) => {
          const plane = b.let(k.add(k.mul(n, channels), c), "plane");
          const value = b.let(d.flat(k.add(k.mul(plane, count), p)), "value");
          corners.forEach((corner, i) => {
            const part = k.mul(value, x.flat(k.add(k.mul(plane, size), at[i]!)));
            const own = b.let(k.select(corner.inside, part, 0), "own");
            sums.forEach((sum, axis) => b.set(sum, k.add(sum.value, k.mul(own, corner.slopes[axis]!))));
          });
        });
        sums.forEach((sum, axis) => {
          const place = k.add(k.mul(k.add(k.mul(n, count), p), axes), axes - 1 - axis);
          out.setFlat(place, k.cast(sum.value, out.type));
        });
      }),
    );
  },
  grad: "refused",
  check: {
    domain,
    samples: all.flatMap((a) => [{ inputs: [shapes[0]!.x, shapes[0]!.grid, [2, 3, 3, 2]], attrs: a }]),
  },
});

/** Planes `x` at the places of `grid`. */
export const gridSample = <T extends Value>(x: T, grid: T, s: GridSettings): T =>
  bind1(gridSampleOp, [x, grid], { ...s }) as T;
