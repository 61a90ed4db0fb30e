// Ops: concatenation along an axis, and slices, which are each other's gradients; a slice's gradient and constant padding.

import { type DType, isComplex } from "../core/dtype.js";
import { InvalidArgumentError, UnimplementedError } from "../core/errors.js";
import { promoteTypes } from "../core/promotion.js";
import { formatShape, type Shape } from "../core/shape.js";
import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import type { K } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers, type InferInput, scalar } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { cast } from "./cast.js";
import { fullLike } from "./creation.js";
import { overRows } from "./loops.js";
import { unsqueeze } from "./views.js";

function concatType(xs: readonly InferInput[], axis: number): { shape: Shape; dtype: DType } {
  const first = xs[0];
  if (!first) throw new InvalidArgumentError("there is nothing to concatenate.", { op: "concat" });
  let extent = 0;
  for (const x of xs) {
    const fits =
      x.shape.length === first.shape.length &&
      x.shape.every((n, i) => i === axis || n === first.shape[i] || n < 0 || first.shape[i]! < 0);
    if (!fits || first.shape.length === 0)
      throw new InvalidArgumentError(
        `shapes must be equal except along axis ${axis}: got ${xs.map((x) => formatShape(x.shape)).join(", ")}.`,
        { op: "concat", shapes: xs.map((x) => x.shape), axis },
      );
    extent = extent < 0 || x.shape[axis]! < 0 ? -1 : extent + x.shape[axis]!;
  }
  return { shape: first.shape.map((n, i) => (i === axis ? extent : n)), dtype: first.dtype };
}

/** The part of `d` that stands where operand `part` of a concatenation stood. Where it begins is known from the operands' extents. */
export const concatGradOp = defineOp({
  name: "concat_grad",
  inputs: ["d", "xs*"],
  outputs: ["out"],
  attrs: { axis: fixed(0), part: fixed(0) },
  infer: ({ d, xs }, { part }) => ({ outs: { out: { shape: xs[part]!.shape, dtype: d.dtype } } }),
  element: (k, { d, xs }, { axis, part }, index) => {
    const start = xs.slice(0, part).reduce<Expr>((n, x) => k.add(n, x.extent(axis)), k.const("i32", 0));
    return d.at(...index.map((i, a) => (a === axis ? k.add(start, i) : i)));
  },
  ghosts: ["xs"],
  grad: (_, d, { attrs, meta }) => ({
    d: () =>
      concat(
        meta.xs.map((x, i) => (i === attrs.part ? d.out : fullLike(x, 0))),
        attrs.axis,
      ),
  }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          [2, 6],
          [
            [2, 1],
            [2, 3],
            [2, 2],
          ],
        ],
        attrs: { axis: 1, part: 1 },
      },
      { inputs: [[5], [[0], [5]]], attrs: { axis: 0, part: 1 } },
    ],
  },
});

/** Tensors one after another along an axis. */
export const concatOp = defineOp({
  name: "concat",
  inputs: ["xs*"],
  outputs: ["out"],
  attrs: { axis: fixed(0) },
  infer: ({ xs }, { axis }) => ({ outs: { out: concatType(xs, axis) } }),
  kernel: (b, { xs }, { out }, { axis }) => {
    const { k } = b;
    // [before, axis and what follows]: a row of the result is a row of each operand after the other, all contiguous.
    const before = product(k, out, 0, axis);
    const rowOf = (x: Pick<Ref, "extent" | "rank">): Expr => product(k, x, axis, x.rank);
    const outRow = rowOf(out);
    let start: Expr = k.const("i32", 0);
    for (const x of xs) {
      const at = start;
      const row = rowOf(x);
      copyRows(b, before, row, (r, c) =>
        out.setFlat(k.add(k.add(k.mul(r, outRow), at), c), x.flat(k.add(k.mul(r, row), c))),
      );
      start = k.add(at, row);
    }
  },
  grad: (_, d, { attrs, meta }) => ({
    xs: () => meta.xs.map((_x, part) => bind1(concatGradOp, [d.out, meta.xs], { axis: attrs.axis, part })),
  }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          [
            [2, 3],
            [2, 1],
            [2, 4],
          ],
        ],
        attrs: { axis: 1 },
      },
      {
        inputs: [
          [
            [2, 3],
            [0, 3],
            [1, 3],
          ],
        ],
        attrs: { axis: 0 },
      },
    ],
  },
});

const product = (k: K, x: Pick<Ref, "extent">, from: number, to: number): Expr =>
  Array.from({ length: to - from }, (_, i) => x.extent(from + i)).reduce((n, e) => k.mul(n, e), k.const("i32", 1));

/** One launch over a matrix, split along rows and columns, so that few long rows and many short ones both spread over threads. */
function copyRows(b: KernelContext, rows: Expr, cols: Expr, body: (row: Expr, col: Expr) => void): void {
  const { k } = b;
  const chunk = 16384;
  const chunks = k.divIndex(k.add(cols, chunk - 1), chunk);
  overRows(b, [rows, chunks], k.min(cols, chunk), ([row, part]) => {
    const from = b.let(k.mul(part!, chunk));
    b.lanes(from, b.let(k.min(k.add(from, chunk), cols)), (col) => body(row!, col));
  });
}

/** Tensors one after another along `axis` (non-negative); dtypes meet in a common one. */
export function concat<T extends Value>(xs: readonly T[], axis: number): T {
  const dtype = xs.map((x) => x.dtype).reduce((a, c) => promoteTypes(a, c, "concat"), xs[0]?.dtype ?? "float32");
  return bind1(concatOp, [xs.map((x) => cast(x, dtype))], { axis }) as T;
}

/** Tensors of one shape along a new axis (non-negative). */
export const stack = <T extends Value>(xs: readonly T[], axis: number): T =>
  concat(
    xs.map((x) => unsqueeze(x, [axis])),
    axis,
  );

/** Where a slice `start:stop:step` of an axis of n elements begins, and how many it has (Python's rules). */
export function sliceRange(n: number, start: number, stop: number, step: number): { first: number; count: number } {
  const wrap = (i: number): number => (i < 0 ? i + n : i);
  const [low, high] = step > 0 ? [0, n] : [-1, n - 1];
  const clamp = (i: number): number => Math.min(Math.max(i, low), high);
  const first = clamp(wrap(start));
  // A stop of -n-1 or less means "before the first element", which wrapping must not bring back.
  const last = clamp(wrap(stop));
  return { first, count: Math.max(0, Math.ceil((last - first) / step)) };
}

/** {@link sliceRange}'s first element for extents known at run time. */
export function firstOf(k: K, n: Expr, start: Expr, step: number): Expr {
  const wrapped = k.select(k.lt(start, 0), k.add(start, n), start);
  return step > 0 ? k.min(k.max(wrapped, 0), n) : k.min(k.max(wrapped, -1), k.sub(n, 1));
}

const sliceAttrs = {
  axes: fixed<readonly number[]>([]),
  starts: integers(),
  ends: integers(),
  strides: fixed<readonly number[]>([]),
};

/** Part of a tensor: `starts[j] : ends[j] : strides[j]` of axis `axes[j]`. */
export const sliceOp = defineOp({
  name: "strided_slice",
  inputs: ["x"],
  outputs: ["out"],
  attrs: sliceAttrs,
  infer: ({ x }, { axes, starts, ends, strides }) => {
    const shape = x.shape.map((n, axis) => {
      const j = axes.indexOf(axis);
      if (j < 0) return n;
      return n < 0 ? -1 : sliceRange(n, starts[j]!, ends[j]!, strides[j]!).count;
    });
    return { outs: { out: { shape, dtype: x.dtype } } };
  },
  element: (k, { x }, { axes, starts, strides }, index) =>
    x.at(
      ...index.map((i, axis) => {
        const j = axes.indexOf(axis);
        if (j < 0) return i;
        return k.add(firstOf(k, x.extent(axis), starts[j]!, strides[j]!), k.mul(i, strides[j]!));
      }),
    ),
  grad: (_, d, { attrs, meta }) => ({ x: () => sliceGrad(d.out, meta.x, attrs) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[5, 6]], attrs: { axes: [0, 1], starts: [1, -2], ends: [4, -20], strides: [2, -2] } },
      { inputs: [[3, 40]], attrs: { axes: [1], starts: [2], ends: [39], strides: [1] } },
    ],
  },
});

/** The gradient of a slice: `d` at the places of `like` that the slice took, 0 elsewhere. */
export const sliceGradOp = defineOp({
  name: "strided_slice_grad",
  inputs: ["d", "like"],
  outputs: ["out"],
  attrs: sliceAttrs,
  infer: ({ d, like }) => ({ outs: { out: { shape: like.shape, dtype: d.dtype } } }),
  kernel: (b, { d }, { out }, { axes, starts, strides }) =>
    placeInside(b, d, out, b.k.const(out.type === "m32" ? "i32" : out.type, 0), (axis) => {
      const j = axes.indexOf(axis);
      if (j < 0) return { first: b.k.const("i32", 0), step: 1 };
      return { first: firstOf(b.k, out.extent(axis), starts[j]!, strides[j]!), step: strides[j]! };
    }),
  ghosts: ["like"],
  fuses: { loads: true, stores: true },
  grad: (_, d, { attrs }) => ({ d: () => slice(d.out, attrs.axes, attrs.starts, attrs.ends, attrs.strides) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          [2, 3],
          [5, 6],
        ],
        attrs: { axes: [0, 1], starts: [1, -1], ends: [4, -20], strides: [2, -2] },
      },
    ],
  },
});

function sliceGrad(d: Value, like: Value, attrs: Readonly<Record<string, unknown>>): Value {
  return bind1(sliceGradOp, [d, like], attrs);
}

/**
 * Writes `x` into `out` at `first + i step` along each axis, and `fill` everywhere else. Elements of `x` that would fall outside are
 * left out. Rows run in vectors where the last axis has step 1.
 */
function placeInside(
  b: KernelContext,
  x: Ref,
  out: OutRef,
  fill: Expr,
  place: (axis: number) => { readonly first: Expr; readonly step: number },
): void {
  const { k } = b;
  const axes = Array.from({ length: out.rank }, (_, i) => i);
  if (out.rank === 0) {
    b.parallel(1, () => out.set([], x.at()));
    return;
  }
  const last = out.rank - 1;
  const width = out.extent(last);
  overRows(
    b,
    axes.slice(0, last).map((a) => out.extent(a)),
    width,
    (row) => {
      let inside: Expr | undefined;
      const source: Expr[] = [];
      row.forEach((i, axis) => {
        const from = inverse(b, i, place(axis), x.extent(axis));
        source.push(from.at);
        inside = inside ? k.and(inside, from.inside) : from.inside;
      });
      const fillRow = (from: Expr | number, to: Expr): void => b.lanes(from, to, (c) => out.set([...row, c], fill));
      const { first, step } = place(last);
      const count = x.extent(last);
      const copy = (): void => {
        if (step === 1) {
          const from = b.let(k.max(k.min(first, width), 0));
          const to = b.let(k.max(k.min(k.add(first, count), width), from));
          fillRow(0, from);
          b.lanes(from, to, (c) => out.set([...row, c], x.at(...source, k.sub(c, first))));
          fillRow(to, width);
        } else {
          b.lanes(0, width, (c) => {
            const from = inverse(b, c, { first, step }, count);
            out.set([...row, c], k.select(from.inside, k.cast(x.at(...source, from.at), fill.type), fill));
          });
        }
      };
      if (inside) b.if(k.and(inside, k.gt(count, 0)), copy, () => fillRow(0, width));
      else b.if(k.gt(count, 0), copy, () => fillRow(0, width));
    },
  );
}

/** Which element of the operand lands at `i`, clamped into [0, n), and whether one does. */
function inverse(
  b: KernelContext,
  i: Expr,
  { first, step }: { readonly first: Expr; readonly step: number },
  n: Expr,
): { at: Expr; inside: Expr } {
  const { k } = b;
  const distance = step > 0 ? k.sub(i, first) : k.sub(first, i);
  const size = Math.abs(step);
  const at = size === 1 ? distance : k.divIndex(k.max(distance, 0), size);
  const whole = size === 1 ? undefined : k.eq(k.mul(at, size), distance);
  const within = k.and(k.ge(distance, 0), k.lt(at, n));
  return { at: k.max(k.min(at, k.sub(n, 1)), 0), inside: whole ? k.and(within, whole) : within };
}

/** Parts of axes (non-negative) with Python's rules for negative and large bounds. */
export const slice = <T extends Value>(
  x: T,
  axes: readonly number[],
  starts: readonly number[],
  ends: readonly number[],
  strides: readonly number[] = axes.map(() => 1),
): T => bind1(sliceOp, [x], { axes, starts: starts.map(bounded), ends: ends.map(bounded), strides }) as T;

/** Bounds reach kernels as 32-bit integers. */
const bounded = (i: number): number => Math.max(Math.min(i, 2 ** 30), -(2 ** 30));

/** Surrounds a tensor with `value`: `before[i]` and `after[i]` elements along axis i; negative amounts cut off. */
export const padOp = defineOp({
  name: "pad",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { before: integers(), after: integers(), value: scalar(0) },
  infer: ({ x }, { before, after, value }) => {
    if (isComplex(x.dtype) && value !== 0)
      throw new UnimplementedError("a complex tensor is padded with 0 only.", { op: "pad", dtype: x.dtype });
    const shape = x.shape.map((n, i) => (n < 0 ? n : n + before[i]! + after[i]!));
    if (shape.some((n, i) => n < 0 && x.shape[i]! >= 0))
      throw new InvalidArgumentError(`padding ${formatShape(x.shape)} leaves negative extents ${formatShape(shape)}.`, {
        op: "pad",
        x: x.shape,
        before,
        after,
      });
    return { outs: { out: { shape, dtype: x.dtype } } };
  },
  kernel: (b, { x }, { out }, { before, value }) =>
    placeInside(b, x, out, value, (axis) => ({ first: before[axis]!, step: 1 })),
  fuses: { loads: true, stores: true },
  grad: (_, d, { attrs }) => ({
    x: () =>
      pad(
        d.out,
        attrs.before.map((n) => -n),
        attrs.after.map((n) => -n),
      ),
  }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[2, 3]], attrs: { before: [1, 0], after: [0, 2], value: 0.5 } },
      { inputs: [[2, 40]], attrs: { before: [0, -1], after: [0, 3], value: 0 } },
    ],
  },
});

/** Surrounds `x` with `value`; negative amounts cut off. Amounts for every axis. */
export const pad = <T extends Value>(x: T, before: readonly number[], after: readonly number[], value = 0): T =>
  bind1(padOp, [x], { before, after, value }) as T;
