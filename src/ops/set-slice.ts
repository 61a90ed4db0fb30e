// Op: part of a tensor replaced by a value; what indexed assignment and the scatters of slices are made of.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type Inferred, type InferInput, integers } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { firstOf, slice, sliceRange } from "./concat.js";
import { fullLike } from "./creation.js";
import { overAll, overRows } from "./loops.js";

const attrs = {
  axes: fixed<readonly number[]>([]),
  starts: integers(),
  ends: integers(),
  strides: fixed<readonly number[]>([]),
};

interface Place {
  readonly axes: readonly number[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly strides: readonly number[];
}

/** The type of `x`, after checking that the value has exactly the shape of the slice. */
function inferSet({ x, value }: { readonly x: InferInput; readonly value: InferInput }, place: Place): Inferred<"out"> {
  const shape = x.shape.map((n, axis) => {
    const j = place.axes.indexOf(axis);
    return j < 0 || n < 0 ? n : sliceRange(n, place.starts[j]!, place.ends[j]!, place.strides[j]!).count;
  });
  const fits = shape.every((n, i) => n < 0 || value.shape[i]! < 0 || n === value.shape[i]);
  if (shape.length !== value.shape.length || !fits)
    throw new InvalidArgumentError(`the place is ${formatShape(shape)}, the value ${formatShape(value.shape)}.`, {
      op: "set_value",
      x: x.shape,
      value: value.shape,
    });
  return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
}

/** Writes the value into its place of `out`, row by row. */
function writeSlice(
  b: KernelContext,
  value: Ref,
  out: OutRef,
  { axes, starts, strides }: Pick<Place, "axes" | "strides"> & { readonly starts: readonly Expr[] },
): void {
  const { k } = b;
  if (out.rank === 0) {
    b.parallel(1, () => out.set([], value.at()));
    return;
  }
  const place = (i: Expr, axis: number): Expr => {
    const j = axes.indexOf(axis);
    if (j < 0) return i;
    return k.add(firstOf(k, out.extent(axis), starts[j]!, strides[j]!), k.mul(i, strides[j]!));
  };
  const last = out.rank - 1;
  const outer = Array.from({ length: last }, (_, a) => value.extent(a));
  overRows(b, outer, value.extent(last), (row) => {
    const at = row.map((i, axis) => b.let(place(i, axis)));
    b.lanes(0, value.extent(last), (c) => out.set([...at, place(c, last)], value.at(...row, c)));
  });
}

/** `x` with `value` at `starts[j] : ends[j] : strides[j]` of axis `axes[j]`; the value has exactly that shape. */
export const setSliceOp = defineOp({
  name: "set_value_with_tensor",
  inputs: ["x", "value"],
  outputs: ["out"],
  attrs,
  infer: inferSet,
  kernel: (b, { x, value }, { out }, place) => {
    overAll(b, out.size, (i) => out.setFlat(i, x.flat(i)));
    writeSlice(b, value, out, place);
  },
  fuses: { loads: true },
  grad: (_, d, { attrs, meta }) => ({
    x: () => setSlice(d.out, fullLike(meta.value, 0, d.out.dtype), attrs.axes, attrs.starts, attrs.ends, attrs.strides),
    value: () => slice(d.out, attrs.axes, attrs.starts, attrs.ends, attrs.strides),
  }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          [4, 6],
          [2, 3],
        ],
        attrs: { axes: [0, 1], starts: [1, -1], ends: [3, -7], strides: [1, -2] },
      },
      {
        inputs: [
          [3, 40],
          [3, 33],
        ],
        attrs: { axes: [1], starts: [2], ends: [35], strides: [1] },
      },
    ],
  },
});

/** {@link setSliceOp} in x's own memory: only the slice is written. */
export const setSliceInplaceOp = defineOp({
  name: "set_value_with_tensor_",
  inputs: ["x", "value"],
  outputs: ["out"],
  attrs,
  infer: inferSet,
  kernel: (b, { value }, { out }, place) => writeSlice(b, value, out, place),
  inplace: { out: "x" },
  grad: null,
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          { shape: [2, 3], data: [1, 2, 3, 4, 5, 6] },
          { shape: [2, 2], data: [7, 8, 9, 10] },
        ],
        attrs: { axes: [1], starts: [1], ends: [9], strides: [1] },
        expect: () => ({ shape: [2, 3], data: [1, 7, 8, 4, 9, 10] }),
      },
    ],
  },
});

/** Overwrites a slice of an eager tensor in its memory; no gradient is recorded. */
export function setSliceInplace(x: Value, value: Value, place: Place): void {
  bind1(setSliceInplaceOp, [x, value], { ...place });
}

/** `x` with `value` (of x's dtype, of the slice's shape) in place of a slice. */
export function setSlice<T extends Value>(
  x: T,
  value: Value,
  axes: readonly number[],
  starts: readonly number[],
  ends: readonly number[],
  strides: readonly number[],
): T {
  return bind1(setSliceOp, [x, value], { axes, starts, ends, strides }) as T;
}
