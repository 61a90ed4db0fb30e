// Ops: resampling of planes by the nearest, two or four elements along each axis, and its gradient.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import type { Ref } from "../fuse/body.js";
import { type Expr, constant } from "../kernel/expr.js";
import { product } from "../kernel/extent.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers, type OpRecord, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { extentsOf } from "./convolution-source.js";
import { requireFloat } from "./infer.js";
import { coordinates } from "./loops.js";

/** How many elements along an axis an element of the result mixes. */
export type InterpolateMode = "nearest" | "linear" | "cubic";

/** What decides an interpolation beside the extents. */
export interface InterpolateSettings {
  readonly mode: InterpolateMode;
  /** The corners of both planes are centres of elements; else their outer edges coincide. */
  readonly alignCorners: boolean;
  /** Without alignCorners: elements are squares (0), or points at their first corner (1, linear only). */
  readonly alignMode: number;
  /** Given scales of the last axes (the last first), 0: by extents. */
  readonly scales: readonly number[];
}

const attrs = {
  extents: integers(),
  mode: fixed<InterpolateMode>("nearest"),
  alignCorners: fixed(false),
  alignMode: fixed(0),
  scale0: scalar(0),
  scale1: scalar(0),
  scale2: scalar(0),
};

interface KernelAttrs {
  readonly mode: InterpolateMode;
  readonly alignCorners: boolean;
  readonly alignMode: number;
  readonly scale0: Expr;
  readonly scale1: Expr;
  readonly scale2: Expr;
}

/** A neighbour of a place: its index and its weight, in float32 as Paddle computes them. */
type Tap = readonly [index: Expr, weight: Expr];

const real = (e: Expr): Expr => k.cast(e, "f32");

/** Keys' cubic with a = -3/4, for distances up to 1, and from 1 to 2. */
const near = (t: Expr): Expr => k.add(k.mul(k.mul(k.sub(k.mul(t, 1.25), 2.25), t), t), 1);
const far = (t: Expr): Expr => k.sub(k.mul(k.add(k.mul(k.sub(k.mul(t, -0.75), -3.75), t), -6), t), -3);

/** The neighbours of element `o` of an axis of `to` elements that is made of `from`. */
function tapsOf(o: Expr, from: Expr, to: Expr, a: KernelAttrs, scale: Expr): Tap[] {
  const given = k.cast(scale, "f32");
  const step = a.alignCorners
    ? k.div(real(k.sub(from, 1)), real(k.sub(to, 1)))
    : k.select(k.gt(given, 0), k.div(constant("f32", 1), given), k.div(real(from), real(to)));
  const ratio = k.select(k.gt(to, 1), step, constant("f32", 0));
  const inside = (i: Expr): Expr => k.max(0, k.min(i, k.sub(from, 1)));
  const corner = k.mul(ratio, real(o));
  if (a.mode === "nearest") {
    const place = a.alignCorners ? k.add(corner, 0.5) : corner;
    return [[inside(k.cast(k.floor(place), "i32")), constant("f32", 1)]];
  }
  const centre = k.sub(k.mul(ratio, k.add(real(o), 0.5)), 0.5);
  if (a.mode === "linear") {
    const place = a.alignMode === 0 && !a.alignCorners ? k.max(centre, 0) : corner;
    const first = inside(k.cast(k.floor(place), "i32"));
    const weight = k.sub(place, real(first));
    return [
      [first, k.sub(constant("f32", 1), weight)],
      [inside(k.add(first, 1)), weight],
    ];
  }
  const place = a.alignCorners ? corner : centre;
  const base = k.floor(place);
  const t = k.sub(place, base);
  const rest = k.sub(constant("f32", 1), t);
  const weights = [far(k.add(t, 1)), near(t), near(rest), far(k.add(rest, 1))];
  return weights.map((w, i) => [inside(k.add(k.cast(base, "i32"), i - 1)), w] as const);
}

/** All neighbours of an element: indices along each axis, and the product of weights. */
function neighbours(
  index: readonly Expr[],
  from: readonly Expr[],
  to: readonly Expr[],
  a: KernelAttrs,
): { at: Expr[]; weight: Expr }[] {
  const scales = [a.scale0, a.scale1, a.scale2];
  return index.reduce<{ at: Expr[]; weight: Expr }[]>(
    (list, o, axis) => {
      const taps = tapsOf(o, from[axis]!, to[axis]!, a, scales[index.length - 1 - axis]!);
      return list.flatMap(({ at, weight }) =>
        taps.map(([i, w]) => ({ at: [...at, i], weight: axis === 0 ? w : k.mul(weight, w) })),
      );
    },
    [{ at: [], weight: constant("f32", 1) }],
  );
}

const space = (x: Pick<Ref, "extent" | "rank">): Expr[] => extentsOf(x, 2, x.rank - 2);

const samples = (["nearest", "linear", "cubic"] as const).flatMap((mode) => [
  { shape: [2, 2, 4, 5], attrs: { extents: [7, 3], mode, alignCorners: true, alignMode: 0 } },
  { shape: [1, 2, 3, 4], attrs: { extents: [6, 9], mode, alignCorners: false, alignMode: 0 } },
  { shape: [1, 2, 6], attrs: { extents: [4], mode, alignCorners: false, alignMode: 1, scale0: 0.7 } },
  { shape: [1, 1, 2, 3, 3], attrs: { extents: [3, 5, 2], mode, alignCorners: false, alignMode: 0 } },
]);

/** Planes of other extents: each element a mixture of the nearest ones. */
export const interpolateOp: OpRecord = defineOp({
  name: "interpolate",
  inputs: ["x"],
  outputs: ["out"],
  attrs,
  infer: ({ x }, { extents }) => {
    requireFloat(x, "interpolate");
    if (x.shape.length !== extents.length + 2 || extents.some((n) => n < 1))
      throw new InvalidArgumentError(
        `${formatShape(x.shape)} cannot be resampled to extents ${formatShape(extents)}.`,
        {
          op: "interpolate",
          x: x.shape,
        },
      );
    return { outs: { out: { shape: [x.shape[0]!, x.shape[1]!, ...extents], dtype: x.dtype } } };
  },
  element: (_, { x }, a, [n, c, ...o], out) => {
    const to = Array.from({ length: out.rank - 2 }, (_axis, i) => out.extent(2 + i));
    const terms = neighbours(o, space(x), to, a).map(({ at, weight }) => {
      const value = x.at(n!, c!, ...at);
      return a.mode === "nearest" ? value : k.mul(value, k.cast(weight, value.type));
    });
    return terms.reduce((sum, term) => k.add(sum, term));
  },
  grad: (_, d, { attrs: a, meta }) => ({ x: () => bind1(interpolateGradOp, [d.out, meta.x], a) }),
  check: { domain: [-2, 2], samples: samples.map((s) => ({ inputs: [s.shape], attrs: s.attrs })) },
});

/** The gradient of {@link interpolateOp}: each element of `d` given back to those it was made of. */
export const interpolateGradOp: OpRecord = defineOp({
  name: "interpolate_grad",
  inputs: ["d", "like"],
  outputs: ["out"],
  attrs,
  infer: ({ d, like }) => ({ outs: { out: { shape: like.shape, dtype: d.dtype } } }),
  kernel: (b, { d }, { out }, a) => {
    const [from, to] = [space(out), space(d)];
    const [size, count] = [product(from), product(to)];
    const zero = constant(out.type, 0);
    b.parallel(k.mul(d.extent(0), d.extent(1)), (plane) => {
      const base = b.let(k.mul(plane, size), "base");
      const first = b.let(k.mul(plane, count), "first");
      b.lanes(0, size, (i) => out.setFlat(k.add(base, i), zero));
      b.for(0, count, (o) => {
        const value = b.let(d.flat(k.add(first, o)), "value");
        for (const { at, weight } of neighbours(coordinates(b, o, to), from, to, a)) {
          const place = b.let(
            at.reduce((p, i, axis) => k.add(k.mul(p, from[axis]!), i)),
            "place",
          );
          const part = a.mode === "nearest" ? value : k.mul(value, k.cast(weight, value.type));
          out.setFlat(k.add(base, place), k.add(out.getFlat(k.add(base, place)), part));
        }
      });
    });
  },
  ghosts: ["like"],
  grad: (_, d, { attrs: a }) => ({ d: () => bind1(interpolateOp, [d.out], a) }),
  check: {
    domain: [-2, 2],
    samples: samples.map((s) => ({
      inputs: [[...s.shape.slice(0, 2), ...s.attrs.extents], s.shape],
      attrs: s.attrs,
    })),
  },
});

/** `x` with other extents of space. */
export const interpolate = <T extends Value>(x: T, extents: readonly number[], s: InterpolateSettings): T =>
  bind1(interpolateOp, [x], {
    extents,
    mode: s.mode,
    alignCorners: s.alignCorners,
    alignMode: s.alignMode,
    scale0: s.scales[0] ?? 0,
    scale1: s.scales[1] ?? 0,
    scale2: s.scales[2] ?? 0,
  }) as T;
