// Ops that move elements to other places: transposition, reversal, rotation along axes, repetition.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { sum } from "./broadcast.js";
import { reshape, reshapeLike } from "./views.js";

/** Axis `i` of the result is axis `perm[i]` of `x`. */
export const transposeOp = defineOp({
  name: "transpose",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { perm: fixed<readonly number[]>([]) },
  infer: ({ x }, { perm }) => ({ outs: { out: { shape: perm.map((p) => x.shape[p]!), dtype: x.dtype } } }),
  element: (_, { x }, { perm }, index) => x.at(...perm.map((_, axis) => index[perm.indexOf(axis)]!)),
  grad: (_, d, { attrs }) => ({
    x: () =>
      transpose(
        d.out,
        attrs.perm.map((_, axis) => attrs.perm.indexOf(axis)),
      ),
  }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[3, 4]], attrs: { perm: [1, 0] } },
      { inputs: [[2, 3, 4]], attrs: { perm: [2, 0, 1] } },
    ],
  },
});

/** Transposition by a permutation of all axes (non-negative). */
export function transpose<T extends Value>(x: T, perm: readonly number[]): T {
  const rank = x.shape.length;
  if (perm.length !== rank || perm.some((p) => p < 0 || p >= rank) || new Set(perm).size !== rank)
    throw new InvalidArgumentError(
      `[${perm.join(", ")}] is no permutation of the ${rank} axes of ${formatShape(x.shape)}.`,
      {
        op: "transpose",
        x: x.shape,
        perm,
      },
    );
  return bind1(transposeOp, [x], { perm }) as T;
}

/** Swaps two axes (non-negative). */
export function swapAxes<T extends Value>(x: T, a: number, b: number): T {
  return transpose(
    x,
    x.shape.map((_, i) => (i === a ? b : i === b ? a : i)),
  );
}

/** Moves axis `from` to place `to` (both non-negative), the others keep their order. */
export function moveAxis<T extends Value>(x: T, from: number, to: number): T {
  if (from === to) return x;
  const order = x.shape.map((_, i) => i).filter((i) => i !== from);
  order.splice(to, 0, from);
  return transpose(x, order);
}

/** Reverses axes. */
export const flipOp = defineOp({
  name: "flip",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { axes: fixed<readonly number[]>([]) },
  infer: ({ x }) => ({ outs: { out: { shape: x.shape, dtype: x.dtype } } }),
  element: (k, { x }, { axes }, index) =>
    x.at(...index.map((i, axis) => (axes.includes(axis) ? k.sub(k.sub(x.extent(axis), 1), i) : i))),
  grad: (_, d, { attrs }) => ({ x: () => flip(d.out, attrs.axes) }),
  check: { domain: [-2, 2], samples: [{ inputs: [[3, 4]], attrs: { axes: [0, 1] } }] },
});

/** Reverses `axes` (normalised). */
export const flip = <T extends Value>(x: T, axes: readonly number[]): T => bind1(flipOp, [x], { axes }) as T;

/** Rotates axes: element i goes to `(i + shift) mod n`. */
export const rollOp = defineOp({
  name: "roll",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { shifts: integers(), axes: fixed<readonly number[]>([]) },
  infer: ({ x }) => ({ outs: { out: { shape: x.shape, dtype: x.dtype } } }),
  element: (k, { x }, { shifts, axes }, index) =>
    x.at(
      ...index.map((i, axis) => {
        const n = k.max(x.extent(axis), 1);
        // Both terms lie in [0, n), so one subtraction brings the sum back.
        return axes.reduce((at, a, j) => {
          if (a !== axis) return at;
          const left = k.rem(k.sub(n, k.rem(shifts[j]!, n)), n);
          const sum = k.add(at, left);
          return k.select(k.ge(sum, n), k.sub(sum, n), sum);
        }, i);
      }),
    ),
  grad: (_, d, { attrs }) => ({
    x: () =>
      roll(
        d.out,
        attrs.shifts.map((s) => -s),
        attrs.axes,
      ),
  }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[3, 4]], attrs: { shifts: [1], axes: [0] } },
      { inputs: [[3, 4]], attrs: { shifts: [-6, 2], axes: [1, 0] } },
    ],
  },
});

/** Rotates `axes` (normalised) by `shifts`. */
export const roll = <T extends Value>(x: T, shifts: readonly number[], axes: readonly number[]): T =>
  bind1(rollOp, [x], { shifts, axes }) as T;

/** Repeats the whole tensor along each axis; the rank of `x` equals the number of repetitions. */
export const tileOp = defineOp({
  name: "tile",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { times: integers() },
  infer: ({ x }, { times }) => ({
    outs: { out: { shape: x.shape.map((n, i) => (n < 0 ? n : n * times[i]!)), dtype: x.dtype } },
  }),
  element: (k, { x }, _, index) => x.at(...index.map((i, axis) => k.remIndex(i, k.max(x.extent(axis), 1)))),
  grad: (_, d, { attrs, meta }) => ({
    x: () => {
      // [t0 n0, t1 n1] = [t0, n0, t1, n1] summed over the repetitions.
      const split = attrs.times.flatMap((t, i) => [t, meta.x.shape[i]!]);
      return reshapeLike(
        sum(
          reshape(d.out, split),
          attrs.times.map((_, i) => 2 * i),
        ),
        meta.x,
      );
    },
  }),
  check: { domain: [-2, 2], samples: [{ inputs: [[2, 3]], attrs: { times: [3, 2] } }] },
});

/** Repeats the whole tensor `times[i]` times along axis i; as many times as axes. */
export const tile = <T extends Value>(x: T, times: readonly number[]): T => bind1(tileOp, [x], { times }) as T;

/** Repeats each element along an axis. */
export const repeatOp = defineOp({
  name: "repeat_interleave",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { repeats: integers(), axis: fixed(0) },
  infer: ({ x }, { repeats, axis }) => ({
    outs: { out: { shape: x.shape.map((n, i) => (i === axis && n >= 0 ? n * repeats[0]! : n)), dtype: x.dtype } },
  }),
  element: (k, { x }, { repeats, axis }, index) =>
    x.at(...index.map((i, a) => (a === axis ? k.divIndex(i, k.max(repeats[0]!, 1)) : i))),
  grad: (_, d, { attrs, meta }) => ({
    x: () => {
      const { axis } = attrs;
      const split = [...meta.x.shape.slice(0, axis + 1), attrs.repeats[0]!, ...meta.x.shape.slice(axis + 1)];
      return reshapeLike(sum(reshape(d.out, split), [axis + 1]), meta.x);
    },
  }),
  check: { domain: [-2, 2], samples: [{ inputs: [[2, 3]], attrs: { repeats: [3], axis: 1 } }] },
});

/** Repeats each element `times` times along an axis (non-negative). */
export const repeat = <T extends Value>(x: T, times: number, axis: number): T =>
  bind1(repeatOp, [x], { repeats: [times], axis }) as T;
