// Ops: maxima of windows with their places: even, adaptive and fractional windows.

import type { Shape } from "../core/shape.js";
import type { Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { type InferInput, integers, type OpRecord, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind } from "../trace/bind.js";
import { emitMaxPool, type Windows } from "./pooling-kernels.js";
import { unpoolLike } from "./pooling-places.js";
import {
  adaptiveOf,
  adaptiveShape,
  evenAttrs,
  evenOf,
  evenSamples,
  pooledShape,
  type PoolWindows,
  repeat,
} from "./pooling-shapes.js";

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

const [flat, solid] = [maxFamily(2), maxFamily(3)];

export const maxPool2dOp = flat.even;
export const adaptiveMaxPool2dOp = flat.adaptive;
export const fractionalMaxPool2dOp = flat.fractional;
export const maxPool3dOp = solid.even;
export const adaptiveMaxPool3dOp = solid.adaptive;
export const fractionalMaxPool3dOp = solid.fractional;

/** Maxima of windows of `[n, c, …]` over two or three axes, and their positions in the planes. */
export const maxPool = <T extends Value>(x: T, w: PoolWindows): [T, T] =>
  bind(x.shape.length === 5 ? maxPool3dOp : maxPool2dOp, [x], { ...w }) as [T, T];

/** Maxima of as many windows as `extents` says, and their positions; 0 keeps an axis. */
export const adaptiveMaxPool = <T extends Value>(x: T, extents: readonly number[]): [T, T] =>
  bind(extents.length === 3 ? adaptiveMaxPool3dOp : adaptiveMaxPool2dOp, [x], { extents }) as [T, T];

/** Maxima of windows at irregular distances; sizes of 0: windows reach to the next. */
export const fractionalMaxPool = <T extends Value>(
  x: T,
  extents: readonly number[],
  sizes: readonly number[],
  u: number,
): [T, T] =>
  bind(extents.length === 3 ? fractionalMaxPool3dOp : fractionalMaxPool2dOp, [x], { extents, sizes, u }) as [T, T];
