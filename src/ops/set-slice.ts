// Op: part of a tensor replaced by a value; what indexed assignment and the scatters of slices are made of.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { firstOf, slice, sliceRange } from "./concat.js";
import { fullLike } from "./creation.js";
import { overAll, overRows } from "./loops.js";

/** `x` with `value` at `starts[j] : ends[j] : strides[j]` of axis `axes[j]`; the value has exactly that shape. */
export const setSliceOp = defineOp({
  name: "set_value_with_tensor",
  inputs: ["x", "value"],
  outputs: ["out"],
  attrs: {
    axes: fixed<readonly number[]>([]),
    starts: integers(),
    ends: integers(),
    strides: fixed<readonly number[]>([]),
  },
  infer: ({ x, value }, { axes, starts, ends, strides }) => {
    const shape = x.shape.map((n, axis) => {
      const j = axes.indexOf(axis);
      return j < 0 || n < 0 ? n : sliceRange(n, starts[j]!, ends[j]!, strides[j]!).count;
    });
    if (
      shape.length !== value.shape.length ||
      shape.some((n, i) => n >= 0 && value.shape[i]! >= 0 && n !== value.shape[i])
    )
      throw new InvalidArgumentError(`the place is ${formatShape(shape)}, the value ${formatShape(value.shape)}.`, {
        op: "set_value",
        x: x.shape,
        value: value.shape,
      });
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  },
  kernel: (b, { x, value }, { out }, { axes, starts, strides }) => {
    const { k } = b;
    overAll(b, out.size, (i) => out.setFlat(i, x.flat(i)));
    if (out.rank === 0) {
      b.parallel(1, () => out.set([], value.at()));
      return;
    }
    const place = (i: typeof x.size, axis: number): typeof x.size => {
      const j = axes.indexOf(axis);
      if (j < 0) return i;
      const first = firstOf(k, out.extent(axis), starts[j]!, strides[j]!);
      return k.add(first, k.mul(i, strides[j]!));
    };
    const last = out.rank - 1;
    const outer = Array.from({ length: last }, (_, a) => value.extent(a));
    overRows(b, outer, value.extent(last), (row) => {
      const at = row.map((i, axis) => b.let(place(i, axis)));
      b.lanes(0, value.extent(last), (c) => out.set([...at, place(c, last)], value.at(...row, c)));
    });
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
