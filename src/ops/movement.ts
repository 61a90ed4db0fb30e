// Ops that move elements to other places: transposition, reversal, rotation along axes, repetition.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import type { Expr } from "../kernel/expr.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { expand, sum } from "./broadcast.js";
import { overRows } from "./loops.js";
import { flatten, reshape, reshapeLike, unsqueeze } from "./views.js";

/** The permutation that undoes `perm`. */
const inverse = (perm: readonly number[]): number[] => perm.map((_, axis) => perm.indexOf(axis));

/** Axis `i` of the result is axis `perm[i]` of `x`. */
export const transposeOp = defineOp({
  name: "transpose",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { perm: fixed<readonly number[]>([]) },
  infer: ({ x }, { perm }) => ({ outs: { out: { shape: perm.map((p) => x.shape[p]!), dtype: x.dtype } } }),
  element: (_, { x }, { perm }, index) => x.at(...inverse(perm).map((axis) => index[axis]!)),
  grad: (_, d, { attrs }) => ({
    x: () => transpose(d.out, inverse(attrs.perm)),
  }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[3, 4]], attrs: { perm: [1, 0] } },
      { inputs: [[2, 3, 4]], attrs: { perm: [1, 0, 2] } },
    ],
  },
});

/** Rows and columns of the squares that {@link transposeTiledOp} turns over: a cache line of 32-bit elements. */
const square = 16;

/** {@link transposeOp} for permutations that move the last axis: in squares, so that both sides use whole cache lines. */
export const transposeTiledOp = defineOp({
  name: "transpose_tiled",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { perm: fixed<readonly number[]>([]) },
  infer: ({ x }, { perm }) => ({ outs: { out: { shape: perm.map((p) => x.shape[p]!), dtype: x.dtype } } }),
  kernel: (b, { x }, { out }, { perm }) => {
    const { k } = b;
    const last = perm.length - 1;
    // The place of x's last axis in the result.
    const to = perm.indexOf(last);
    const others = perm.map((_, a) => a).filter((a) => a !== to && a !== last);
    const [rows, cols] = [out.extent(to), out.extent(last)];
    const tiles = (n: Expr): Expr => k.divIndex(k.add(n, square - 1), square);
    const extents = [...others.map((a) => out.extent(a)), tiles(rows), tiles(cols)];
    const type = out.type === "m32" || out.type === "m64" ? "i32" : out.type;
    const tile = b.local("tile", type, square * square);
    overRows(b, extents, k.const("i32", square * square), (at) => {
      const row0 = b.let(k.mul(at.at(-2)!, square));
      const col0 = b.let(k.mul(at.at(-1)!, square));
      const height = b.let(k.min(k.sub(rows, row0), square));
      const width = b.let(k.min(k.sub(cols, col0), square));
      const index = (row: Expr, col: Expr): Expr[] =>
        perm.map((_, a) => (a === to ? k.add(row0, row) : a === last ? k.add(col0, col) : at[others.indexOf(a)]!));
      b.for(0, width, (col) =>
        b.lanes(0, height, (row) => {
          const place = index(row, col);
          const value = x.at(...perm.map((_, axis) => place[perm.indexOf(axis)]!));
          b.store(tile, k.add(k.mul(col, square), row), k.cast(value, type));
        }),
      );
      b.for(0, height, (row) =>
        b.lanes(0, width, (col) => out.set(index(row, col), b.load(tile, k.add(k.mul(col, square), row)))),
      );
    });
  },
  fuses: { loads: true, stores: true },
  grad: (_, d, { attrs }) => ({
    x: () => transpose(d.out, inverse(attrs.perm)),
  }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[3, 4]], attrs: { perm: [1, 0] } },
      { inputs: [[35, 50]], attrs: { perm: [1, 0] } },
      { inputs: [[2, 17, 4]], attrs: { perm: [2, 0, 1] } },
      { inputs: [[2, 3, 4, 5]], attrs: { perm: [0, 3, 2, 1] } },
    ],
    dtypes: ["int64", "bool"],
  },
});

/** Transposition by a permutation of all axes (non-negative). */
export function transpose<T extends Value>(x: T, perm: readonly number[]): T {
  const rank = x.shape.length;
  if (perm.length !== rank || perm.some((p) => p < 0 || p >= rank) || new Set(perm).size !== rank)
    throw new InvalidArgumentError(
      `[${perm.join(", ")}] is no permutation of the ${rank} axes of ${formatShape(x.shape)}.`,
      { op: "transpose", x: x.shape, perm },
    );
  const staysLast = perm[rank - 1] === rank - 1;
  return bind1(rank < 2 || staysLast ? transposeOp : transposeTiledOp, [x], { perm }) as T;
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

/** Repeats the whole tensor `times[i]` times along axis i; as many times as axes. */
export function tile<T extends Value>(x: T, times: readonly number[]): T {
  // [n] = [1, n] expanded to [t, n], then joined: a copy without index arithmetic, whose gradient is a sum over the repetitions.
  let out = x;
  for (let axis = times.length - 1; axis >= 0; axis--) {
    if (times[axis] === 1) continue;
    const shape = out.shape.map(() => -1);
    shape.splice(axis, 0, times[axis]!);
    out = flatten(expand(unsqueeze(out, [axis]), shape), axis, axis + 1);
  }
  return out;
}

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
