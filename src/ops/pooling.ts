// Ops: maxima and averages of windows, even, adaptive or fractional, and putting values back to the places of maxima.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape, type Shape } from "../core/shape.js";
import type { Ref } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput, integers, type OpRecord, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind, bind1 } from "../trace/bind.js";
import { requireFloat, requireInt } from "./infer.js";
import {
  adaptiveWindows,
  type Divisor,
  emitAveragePool,
  emitAveragePoolGrad,
  emitMaxPool,
  emitPick,
  emitUnpool,
  evenWindows,
  type Windows,
} from "./pooling-kernels.js";

/** Even windows: for each axis of space its size, their distance, and the padding before and after. */
export interface PoolWindows {
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  /** Before and after each axis in turn. */
  readonly paddings: readonly number[];
  /** A last window that is not whole counts too. */
  readonly ceil: boolean;
}

const evenAttrs = {
  sizes: fixed<readonly number[]>(),
  strides: fixed<readonly number[]>(),
  paddings: fixed<readonly number[]>(),
  ceil: fixed(false),
};

/** The extent of an axis after pooling, division rounding to zero as in Paddle: a window larger than the axis gives one element. */
export function pooledExtent(n: number, axis: number, w: PoolWindows): number {
  if (n < 0) return n;
  const room = n - w.sizes[axis]! + w.paddings[2 * axis]! + w.paddings[2 * axis + 1]!;
  const stride = w.strides[axis]!;
  return Math.trunc((w.ceil ? room + stride - 1 : room) / stride) + 1;
}

function pooledShape(op: string, x: InferInput, axes: number, w: PoolWindows): Shape {
  requirePlanes(op, x, axes);
  if ([...w.sizes, ...w.strides].some((n) => n < 1))
    throw new InvalidArgumentError("window sizes and strides must be positive.", { op, ...w });
  const extents = x.shape.slice(2).map((n, i) => pooledExtent(n, i, w));
  if (extents.some((n, i) => n < 1 && x.shape[2 + i]! >= 0))
    throw new InvalidArgumentError(`windows ${formatShape(w.sizes)} on ${formatShape(x.shape)} leave nothing.`, {
      op,
      x: x.shape,
      ...w,
    });
  return [x.shape[0]!, x.shape[1]!, ...extents];
}

function requirePlanes(op: string, x: InferInput, axes: number): void {
  requireFloat(x, op);
  if (x.shape.length !== axes + 2)
    throw new InvalidArgumentError(`needs a tensor of rank ${axes + 2}, got ${formatShape(x.shape)}.`, {
      op,
      x: x.shape,
    });
}

/** The extents asked for; 0 keeps the axis. */
const adaptiveShape = (op: string, x: InferInput, extents: readonly number[]): Shape => {
  requirePlanes(op, x, extents.length);
  if (extents.some((n) => n < 0))
    throw new InvalidArgumentError(`output sizes must be positive, got ${formatShape(extents)}.`, { op, x: x.shape });
  return [x.shape[0]!, x.shape[1]!, ...extents.map((n, i) => (n === 0 ? x.shape[2 + i]! : n))];
};

const evenOf = (x: Pick<Ref, "extent">, w: PoolWindows, exclusive: boolean): Windows[] =>
  w.sizes.map((size, i) => evenWindows(x.extent(2 + i), size, w.strides[i]!, w.paddings[2 * i]!, exclusive));

const adaptiveOf = (x: Pick<Ref, "extent" | "rank">, out: Pick<Ref, "extent">): Windows[] =>
  Array.from({ length: x.rank - 2 }, (_, i) => adaptiveWindows(x.extent(2 + i), out.extent(2 + i)));

const repeat = (axes: number, n: number): number[] => Array.from({ length: axes }, () => n);

const evenSamples = (axes: number, more: Readonly<Record<string, unknown>>) => {
  const tries = [
    { size: 2, stride: 2, padding: 0, ceil: false, n: 7 },
    { size: 3, stride: 2, padding: 1, ceil: true, n: 8 },
    { size: 3, stride: 1, padding: 1, ceil: false, n: axes === 2 ? 19 : 5 },
    { size: 9, stride: 9, padding: 0, ceil: false, n: 4 },
  ];
  return tries.map(({ size, stride, padding, ceil, n }) => ({
    shape: [2, 3, ...repeat(axes, n)],
    attrs: {
      sizes: repeat(axes, size),
      strides: repeat(axes, stride),
      paddings: repeat(2 * axes, padding),
      ceil,
      ...more,
    },
  }));
};

/** Maxima: `mask` holds the position of each in its plane. */
function maxFamily(axes: number) {
  const outputs = ["out", "mask"] as const;
  const both = (x: InferInput, shape: Shape) => ({
    outs: { out: { shape, dtype: x.dtype }, mask: { shape, dtype: "int32" as const } },
  });
  const even: OpRecord = defineOp({
    name: `max_pool${axes}d_with_index`,
    inputs: ["x"],
    outputs,
    attrs: evenAttrs,
    infer: ({ x }, a) => both(x, pooledShape(`max_pool${axes}d`, x, axes, a)),
    kernel: (b, { x }, { out, mask }, a) => emitMaxPool(b, x, out, mask, evenOf(x, a, true)),
    saves: ["mask"],
    grad: ({ mask }, d, { meta }) => ({ x: () => unpoolLike(d.out, mask, meta.x) }),
    check: { domain: [-2, 2], samples: evenSamples(axes, {}).map(({ shape, attrs }) => ({ inputs: [shape], attrs })) },
  });
  const adaptive: OpRecord = defineOp({
    name: `adaptive_max_pool${axes}d`,
    inputs: ["x"],
    outputs,
    attrs: { extents: integers() },
    infer: ({ x }, { extents }) => both(x, adaptiveShape(`adaptive_max_pool${axes}d`, x, extents)),
    kernel: (b, { x }, { out, mask }) => emitMaxPool(b, x, out, mask, adaptiveOf(x, out)),
    saves: ["mask"],
    grad: ({ mask }, d, { meta }) => ({ x: () => unpoolLike(d.out, mask, meta.x) }),
    check: {
      domain: [-2, 2],
      samples: [{ inputs: [[2, 3, ...repeat(axes, 7)]], attrs: { extents: repeat(axes, 3) } }],
    },
  });
  const fractional: OpRecord = defineOp({
    name: `fractional_max_pool${axes}d`,
    inputs: ["x"],
    outputs,
    attrs: { extents: integers(), sizes: integers(), u: scalar(0.5) },
    infer: ({ x }, { extents }) => both(x, adaptiveShape(`fractional_max_pool${axes}d`, x, extents)),
    kernel: (b, { x }, { out, mask }, { sizes, u }) =>
      emitMaxPool(
        b,
        x,
        out,
        mask,
        sizes.map((size, i) => fractionalWindows(x.extent(2 + i), out.extent(2 + i), size, u)),
      ),
    saves: ["mask"],
    grad: ({ mask }, d, { meta }) => ({ x: () => unpoolLike(d.out, mask, meta.x) }),
    check: {
      domain: [-2, 2],
      samples: [0, 2].map((size) => ({
        inputs: [[2, 3, ...repeat(axes, 7)]],
        attrs: { extents: repeat(axes, 3), sizes: repeat(axes, size), u: 0.3 },
      })),
    },
  });
  return { even, adaptive, fractional } as const;
}

/**
 * Windows `size` long that begin at `⌊α (o + u)⌋ - ⌊α u⌋`, or (size 0) at `⌈α (o + u)⌉ - 1` and reach to the next. α is the mean distance;
 * without a size u is scaled to what keeps all windows inside (Graham, Fractional max-pooling, 2014, as Paddle computes it).
 */
function fractionalWindows(extent: Expr, result: Expr, size: Expr, u: Expr): Windows {
  const real = (e: Expr): Expr => k.cast(e, "f32");
  const sized = k.gt(size, 0);
  const alpha = k.div(real(k.sub(extent, size)), real(k.max(1, k.sub(result, k.cast(sized, "i32")))));
  const base = real(k.divIndex(extent, result));
  const most = k.min(
    k.sub(k.div(k.add(base, 2), alpha), 1),
    k.sub(k.div(k.sub(k.add(real(extent), 1), base), alpha), k.sub(real(result), 1)),
  );
  const phase = k.mul(k.cast(u, "f32"), k.select(sized, k.const("f32", 1), most));
  const reach = (o: Expr): Expr => k.mul(alpha, k.add(real(o), phase));
  const whole = (x: Expr): Expr => k.cast(x, "i32");
  const shift = whole(k.mul(alpha, phase));
  const first = (o: Expr): Expr => k.select(sized, k.sub(whole(reach(o)), shift), whole(k.ceil(k.sub(reach(o), 1))));
  const start = (o: Expr): Expr => k.max(0, k.min(first(o), k.sub(extent, 1)));
  const end = (o: Expr): Expr => k.max(0, k.min(k.select(sized, k.add(first(o), size), first(k.add(o, 1))), extent));
  return { start, end, count: (o) => k.sub(end(o), start(o)) };
}

/** Averages and sums, and their gradients. */
function averageFamily(axes: number) {
  const attrs = { ...evenAttrs, exclusive: fixed(true), divisor: fixed<Divisor>("window") };
  const even: OpRecord = defineOp({
    name: `pool${axes}d`,
    inputs: ["x"],
    outputs: ["out"],
    attrs,
    infer: ({ x }, a) => ({ outs: { out: { shape: pooledShape(`avg_pool${axes}d`, x, axes, a), dtype: x.dtype } } }),
    kernel: (b, { x }, { out }, a) => emitAveragePool(b, x, out, evenOf(x, a, a.exclusive), a.divisor),
    fuses: { stores: true },
    grad: (_, d, { attrs: a, meta }) => ({ x: () => bind1(evenGrad, [d.out, meta.x], a) }),
    check: {
      domain: [-2, 2],
      samples: [true, false].flatMap((exclusive) =>
        evenSamples(axes, { exclusive, divisor: "window" }).map((s) => ({ inputs: [s.shape], attrs: s.attrs })),
      ),
    },
  });
  const evenGrad: OpRecord = defineOp({
    name: `pool${axes}d_grad`,
    inputs: ["d", "like"],
    outputs: ["out"],
    attrs,
    infer: ({ d, like }) => ({ outs: { out: { shape: like.shape, dtype: d.dtype } } }),
    kernel: (b, { d }, { out }, a) => emitAveragePoolGrad(b, d, out, evenOf(out, a, a.exclusive), a.divisor),
    ghosts: ["like"],
    grad: (_, d, { attrs: a }) => ({ d: () => bind1(even, [d.out], a) }),
    check: {
      domain: [-2, 2],
      samples: evenSamples(axes, { exclusive: false, divisor: "none" }).map(({ shape, attrs: a }) => ({
        inputs: [[2, 3, ...shape.slice(2).map((n, i) => pooledExtent(n, i, a))], shape],
        attrs: a,
      })),
    },
  });
  const adaptive: OpRecord = defineOp({
    name: `adaptive_avg_pool${axes}d`,
    inputs: ["x"],
    outputs: ["out"],
    attrs: { extents: integers() },
    infer: ({ x }, { extents }) => ({
      outs: { out: { shape: adaptiveShape(`adaptive_avg_pool${axes}d`, x, extents), dtype: x.dtype } },
    }),
    kernel: (b, { x }, { out }) => emitAveragePool(b, x, out, adaptiveOf(x, out), "window"),
    fuses: { stores: true },
    grad: (_, d, { meta }) => ({ x: () => bind1(adaptiveGrad, [d.out, meta.x]) }),
    check: {
      domain: [-2, 2],
      samples: [{ inputs: [[2, 3, ...repeat(axes, 7)]], attrs: { extents: repeat(axes, 3) } }],
    },
  });
  const adaptiveGrad: OpRecord = defineOp({
    name: `adaptive_avg_pool${axes}d_grad`,
    inputs: ["d", "like"],
    outputs: ["out"],
    attrs: {},
    infer: ({ d, like }) => ({ outs: { out: { shape: like.shape, dtype: d.dtype } } }),
    kernel: (b, { d }, { out }) => emitAveragePoolGrad(b, d, out, adaptiveOf(out, d), "window"),
    ghosts: ["like"],
    grad: (_, d, { meta }) => ({ d: () => bind1(adaptive, [d.out], { extents: meta.d.shape.slice(2) }) }),
    check: {
      domain: [-2, 2],
      samples: [
        {
          inputs: [
            [2, 3, ...repeat(axes, 3)],
            [2, 3, ...repeat(axes, 7)],
          ],
        },
      ],
    },
  });
  return { even, evenGrad, adaptive, adaptiveGrad } as const;
}

const [max2, max3, average2, average3] = [maxFamily(2), maxFamily(3), averageFamily(2), averageFamily(3)];

export const maxPool2dOp = max2.even;
export const adaptiveMaxPool2dOp = max2.adaptive;
export const fractionalMaxPool2dOp = max2.fractional;
export const maxPool3dOp = max3.even;
export const adaptiveMaxPool3dOp = max3.adaptive;
export const fractionalMaxPool3dOp = max3.fractional;
export const pool2dOp = average2.even;
export const pool2dGradOp = average2.evenGrad;
export const adaptiveAvgPool2dOp = average2.adaptive;
export const adaptiveAvgPool2dGradOp = average2.adaptiveGrad;
export const pool3dOp = average3.even;
export const pool3dGradOp = average3.evenGrad;
export const adaptiveAvgPool3dOp = average3.adaptive;
export const adaptiveAvgPool3dGradOp = average3.adaptiveGrad;

const placed = { shape: [1, 2, 2, 2], data: [0, 3, 4, 8, 2, 7, 7, 1], dtype: "int32" } as const;

/** `x` put at the positions in `mask` of planes as large as `like`'s, added up where several meet: the gradient of maxima. */
export const unpoolLikeOp: OpRecord = defineOp({
  name: "max_pool_grad",
  inputs: ["x", "mask", "like"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, like }) => ({ outs: { out: { shape: like.shape, dtype: x.dtype } } }),
  kernel: (b, { x, mask }, { out }) => emitUnpool(b, x, mask, out, true),
  ghosts: ["like"],
  saves: ["mask"],
  grad: ({ mask }, d) => ({ x: () => pick(d.out, mask) }),
  check: { domain: [-2, 2], samples: [{ inputs: [[1, 2, 2, 2], placed, [1, 2, 3, 3]] }] },
});

/** The elements of `x` at the positions in `mask` of each plane. */
export const pickOp: OpRecord = defineOp({
  name: "plane_pick",
  inputs: ["x", "mask"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x, mask }) => ({ outs: { out: { shape: mask.shape, dtype: x.dtype } } }),
  kernel: (b, { x, mask }, { out }) => emitPick(b, x, mask, out),
  saves: ["mask"],
  grad: ({ mask }, d, { meta }) => ({ x: () => unpoolLike(d.out, mask, meta.x) }),
  check: { domain: [-2, 2], samples: [{ inputs: [[1, 2, 3, 3], placed] }] },
});

/** `x` put at the positions in `mask` of planes with the extents given, the last one where several meet; zeros elsewhere. */
export const unpoolOp: OpRecord = defineOp({
  name: "unpool",
  inputs: ["x", "mask"],
  outputs: ["out"],
  attrs: { extents: integers() },
  infer: ({ x, mask }, { extents }) => {
    requireFloat(x, "max_unpool");
    requireInt(mask, "indices", "max_unpool");
    if (x.shape.length !== extents.length + 2 || mask.shape.some((n, i) => n !== x.shape[i]))
      throw new InvalidArgumentError(
        `x and indices must have one shape of rank ${extents.length + 2}, got ${formatShape(x.shape)} and ${formatShape(mask.shape)}.`,
        { op: "max_unpool", x: x.shape, indices: mask.shape },
      );
    return { outs: { out: { shape: [x.shape[0]!, x.shape[1]!, ...extents], dtype: x.dtype } } };
  },
  kernel: (b, { x, mask }, { out }) => emitUnpool(b, x, mask, out, false),
  saves: ["mask"],
  grad: ({ mask }, d) => ({ x: () => pick(d.out, mask) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [[1, 2, 2, 2], { shape: [1, 2, 2, 2], data: [0, 3, 4, 8, 2, 7, 6, 1], dtype: "int64" }],
        attrs: { extents: [3, 3] },
      },
    ],
  },
});

const unpoolLike = <T extends Value>(x: T, mask: Value, like: Value): T => bind1(unpoolLikeOp, [x, mask, like]) as T;
const pick = <T extends Value>(x: T, mask: Value): T => bind1(pickOp, [x, mask]) as T;

/** Maxima of windows of `[n, c, …]` over two or three axes, and their positions in the planes. */
export const maxPool = <T extends Value>(x: T, w: PoolWindows): [T, T] =>
  bind(x.shape.length === 5 ? maxPool3dOp : maxPool2dOp, [x], { ...w }) as [T, T];

/** Averages (or, with divisor "none", sums) of windows. `exclusive`: padding does not count. */
export const averagePool = <T extends Value>(
  x: T,
  w: PoolWindows,
  exclusive: boolean,
  divisor: Divisor = "window",
): T => bind1(x.shape.length === 5 ? pool3dOp : pool2dOp, [x], { ...w, exclusive, divisor }) as T;

/** Maxima of as many windows as `extents` says, and their positions; 0 keeps an axis. */
export const adaptiveMaxPool = <T extends Value>(x: T, extents: readonly number[]): [T, T] =>
  bind(extents.length === 3 ? adaptiveMaxPool3dOp : adaptiveMaxPool2dOp, [x], { extents }) as [T, T];

/** Averages of as many windows as `extents` says; 0 keeps an axis. */
export const adaptiveAveragePool = <T extends Value>(x: T, extents: readonly number[]): T =>
  bind1(extents.length === 3 ? adaptiveAvgPool3dOp : adaptiveAvgPool2dOp, [x], { extents }) as T;

/** Maxima of windows at irregular distances; sizes of 0: windows reach to the next. */
export const fractionalMaxPool = <T extends Value>(
  x: T,
  extents: readonly number[],
  sizes: readonly number[],
  u: number,
): [T, T] =>
  bind(extents.length === 3 ? fractionalMaxPool3dOp : fractionalMaxPool2dOp, [x], { extents, sizes, u }) as [T, T];

/** `x` at the positions in `mask` of planes with these extents. */
export const unpool = <T extends Value>(x: T, mask: T, extents: readonly number[]): T =>
  bind1(unpoolOp, [x, mask], { extents }) as T;
