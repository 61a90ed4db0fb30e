// Ops: averages and sums of windows, even and adaptive, and their gradients.

import { defineOp } from "../program/define-op.js";
import { fixed, integers, type OpRecord } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { type Divisor, emitAveragePool, emitAveragePoolGrad } from "./pooling-kernels.js";
import {
  adaptiveOf,
  adaptiveShape,
  evenAttrs,
  evenOf,
  evenSamples,
  pooledExtent,
  pooledShape,
  type PoolWindows,
  repeat,
} from "./pooling-shapes.js";

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

const [flat, solid] = [averageFamily(2), averageFamily(3)];

export const pool2dOp = flat.even;
export const pool2dGradOp = flat.evenGrad;
export const adaptiveAvgPool2dOp = flat.adaptive;
export const adaptiveAvgPool2dGradOp = flat.adaptiveGrad;
export const pool3dOp = solid.even;
export const pool3dGradOp = solid.evenGrad;
export const adaptiveAvgPool3dOp = solid.adaptive;
export const adaptiveAvgPool3dGradOp = solid.adaptiveGrad;

/** Averages (or, with divisor "none", sums) of windows. `exclusive`: padding does not count. */
export const averagePool = <T extends Value>(
  x: T,
  w: PoolWindows,
  exclusive: boolean,
  divisor: Divisor = "window",
): T => bind1(x.shape.length === 5 ? pool3dOp : pool2dOp, [x], { ...w, exclusive, divisor }) as T;

/** Averages of as many windows as `extents` says; 0 keeps an axis. */
export const adaptiveAveragePool = <T extends Value>(x: T, extents: readonly number[]): T =>
  bind1(extents.length === 3 ? adaptiveAvgPool3dOp : adaptiveAvgPool2dOp, [x], { extents }) as T;
