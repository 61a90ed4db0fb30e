// Ops: cross products, traces and axes joined to a diagonal.

import { InvalidArgumentError } from "../core/errors.js";
import { broadcastShapes, formatShape } from "../core/shape.js";
import { type Expr, constant } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { meet, requireNumbers } from "./infer.js";

/** Sum of a diagonal of the matrices in the last two axes, `offset` to the right of the main one. */
export const traceOp = defineOp({
  name: "trace",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { offset: scalar(0) },
  infer: ({ x }) => {
    requireNumbers(x, "trace");
    return { outs: { out: { shape: x.shape.slice(0, -2), dtype: x.dtype } } };
  },
  kernel: (b, { x }, { out }, { offset }) => {
    const shift = k.cast(offset, "i32");
    const rows = x.extent(x.rank - 2);
    const columns = x.extent(x.rank - 1);
    const from = k.max(k.neg(shift), 0);
    const to = k.min(rows, k.sub(columns, shift));
    b.parallel(out.size, (at) => {
      const base = b.let(k.mul(at, k.mul(rows, columns)), "base");
      const sum = b.variable(constant(out.type, 0), "sum");
      b.for(from, to, (i) => {
        b.set(sum, k.add(sum.value, x.flat(k.add(base, k.add(k.mul(i, columns), k.add(i, shift))))));
      });
      out.setFlat(at, sum.value);
    });
  },
  grad: (_, d, { attrs: { offset }, meta }) => ({ x: () => bind1(onDiagonalOp, [d.out, meta.x], { offset }) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[3, 4]], attrs: { offset: 0 } },
      { inputs: [[2, 3, 3]], attrs: { offset: 1 } },
      { inputs: [[4, 2]], attrs: { offset: -1 } },
    ],
  },
});

/** Matrices like those of `like` with `x` on one diagonal, zeros elsewhere: the gradient of {@link traceOp}. */
export const onDiagonalOp = defineOp({
  name: "on_diagonal",
  inputs: ["x", "like"],
  outputs: ["out"],
  attrs: { offset: scalar(0) },
  infer: ({ x, like }) => ({ outs: { out: { shape: like.shape, dtype: x.dtype } } }),
  element: (_, { x }, { offset }, index) => {
    const [i, j] = index.slice(-2) as [Expr, Expr];
    return k.select(k.eq(k.sub(j, i), k.cast(offset, "i32")), x.at(...index.slice(0, -2)), 0);
  },
  ghosts: ["like"],
  grad: (_, d, { attrs: { offset } }) => ({ x: () => trace(d.out, offset) }),
  check: { domain: [-2, 2], samples: [{ inputs: [[2], [2, 3, 4]], attrs: { offset: 1 } }] },
});

/** Sums of a diagonal of the matrices in the last two axes. */
export const trace = <T extends Value>(x: T, offset = 0): T => bind1(traceOp, [x], { offset }) as T;

/** Cross product of vectors of three elements along `axis`; the other axes broadcast. */
export const crossOp = defineOp({
  name: "cross",
  inputs: ["x", "y"],
  outputs: ["out"],
  attrs: { axis: fixed(0) },
  infer: ({ x, y }, { axis }) => {
    if ([x, y].some((t) => t.shape[axis] !== 3 && t.shape[axis]! >= 0))
      throw new InvalidArgumentError(
        `axis ${axis} must have 3 elements: x is ${formatShape(x.shape)}, y is ${formatShape(y.shape)}.`,
        { op: "cross", x: x.shape, y: y.shape },
      );
    const dtype = meet(x, y, "cross");
    requireNumbers({ ...x, dtype }, "cross");
    return { outs: { out: { shape: broadcastShapes(x.shape, y.shape, "cross"), dtype } } };
  },
  element: (_, { x, y }, { axis }, index, out) => {
    const turn = (by: number): Expr => {
      const next = k.add(index[axis]!, by);
      return k.select(k.ge(next, 3), k.sub(next, 3), next);
    };
    const at = (ref: typeof x, e: Expr): Expr => {
      const own = index.map((i, a) => (a === axis ? e : k.select(k.eq(ref.extent(a), 1), 0, i)));
      return k.cast(ref.at(...own), out.type);
    };
    const [second, third] = [turn(1), turn(2)];
    return k.sub(k.mul(at(x, second), at(y, third)), k.mul(at(x, third), at(y, second)));
  },
  saves: ["x", "y"],
  grad: ({ x, y }, d, { attrs: { axis } }) => ({
    x: () => cross(y, d.out, axis),
    y: () => cross(d.out, x, axis),
  }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          [4, 3],
          [4, 3],
        ],
        attrs: { axis: 1 },
      },
      {
        inputs: [
          [3, 2],
          [3, 1],
        ],
        attrs: { axis: 0 },
      },
    ],
  },
});

/** Cross product along a non-negative axis. */
export const cross = <T extends Value>(x: T, y: T, axis: number): T => bind1(crossOp, [x, y], { axis }) as T;

/** `out[index] = x[index[axes[0]], index[axes[1]], …]`: axes put in another order, several of x's joined to one on its diagonal. */
export const joinAxesOp = defineOp({
  name: "join_axes",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { axes: fixed<readonly number[]>([]) },
  infer: ({ x }, { axes }) => {
    const shape = new Array<number>(Math.max(-1, ...axes) + 1).fill(0);
    axes.forEach((to, a) => {
      shape[to] = x.shape[a]!;
    });
    return { outs: { out: { shape, dtype: x.dtype } } };
  },
  element: (_, { x }, { axes }, index) => x.at(...axes.map((to) => index[to]!)),
  grad: (_, d, { attrs: { axes }, meta }) => ({ x: () => bind1(splitAxesOp, [d.out, meta.x], { axes }) }),
  check: {
    domain: [-2, 2],
    samples: [{ inputs: [[3, 3, 2]], attrs: { axes: [1, 1, 0] } }],
  },
});

/** The gradient of {@link joinAxesOp}: zeros off the diagonals. */
export const splitAxesOp = defineOp({
  name: "split_axes",
  inputs: ["x", "like"],
  outputs: ["out"],
  attrs: { axes: fixed<readonly number[]>([]) },
  infer: ({ x, like }) => ({ outs: { out: { shape: like.shape, dtype: x.dtype } } }),
  element: (_, { x }, { axes }, index) => {
    const at = Array.from({ length: x.rank }, (_, to) => index[axes.indexOf(to)]!);
    const off = axes.flatMap((to, a) => (axes.indexOf(to) === a ? [] : [k.ne(index[a]!, at[to]!)]));
    const value = x.at(...at);
    return off.reduce((v, test) => k.select(test, 0, v), value);
  },
  ghosts: ["like"],
  grad: (_, d, { attrs: { axes } }) => ({ x: () => joinAxes(d.out, axes) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          [2, 3],
          [3, 3, 2],
        ],
        attrs: { axes: [1, 1, 0] },
      },
    ],
  },
});

/** Axis a of x becomes axis `axes[a]`; several with one target give their diagonal. */
export const joinAxes = <T extends Value>(x: T, axes: readonly number[]): T =>
  axes.every((to, a) => to === a) ? x : (bind1(joinAxesOp, [x], { axes }) as T);
