// Ops: rows of a tensor chosen by indices, and their reverse, rows put or added at indices; each other's gradients.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape, type Shape } from "../core/shape.js";
import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import { product } from "../kernel/extent.js";
import type { K } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { requireInt } from "./infer.js";
import { fillZero, overAll, overRows } from "./loops.js";

/** An index as a position in [0, n): negative ones count from the end, and what lies outside is moved inside to keep memory safe. */
export function wrapIndex(k: K, index: Expr, n: Expr): Expr {
  const i = k.cast(index, "i32");
  return k.max(k.min(k.select(k.lt(i, 0), k.add(i, n), i), k.sub(n, 1)), 0);
}

const chosenShape = (x: Shape, index: Shape, axis: number): Shape => [
  ...x.slice(0, axis),
  ...index,
  ...x.slice(axis + 1),
];

/** Throws InvalidArgument when an axis has nothing to choose from. */
function requireRows(x: InferInput, index: InferInput, axis: number, op: string): void {
  requireInt(index, "index", op);
  if (x.shape[axis] === 0 && !index.shape.includes(0))
    throw new InvalidArgumentError(`axis ${axis} of ${formatShape(x.shape)} has no elements to choose.`, {
      op,
      x: x.shape,
      index: index.shape,
      axis,
    });
}

/** `out[.., i.., ..] = x[.., index[i..], ..]`: the axes of `index` stand in place of `axis`. */
export const gatherOp = defineOp({
  name: "gather",
  inputs: ["x", "index"],
  outputs: ["out"],
  attrs: { axis: fixed(0) },
  infer: ({ x, index }, { axis }) => {
    requireRows(x, index, axis, "gather");
    return { outs: { out: { shape: chosenShape(x.shape, index.shape, axis), dtype: x.dtype } } };
  },
  element: (k, { x, index }, { axis }, at) => {
    const end = axis + index.rank;
    const row = wrapIndex(k, index.at(...at.slice(axis, end)), x.extent(axis));
    return x.at(...at.slice(0, axis), row, ...at.slice(end));
  },
  saves: ["index"],
  grad: ({ index }, d, { attrs, meta }) => ({ x: () => gatherGrad(d.out, index, meta.x, attrs.axis) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[4, 3], { shape: [3], data: [2, 0, -1], dtype: "int64" }], attrs: { axis: 0 } },
      { inputs: [[2, 4, 3], { shape: [2, 2], data: [1, 0, 3, 3], dtype: "int32" }], attrs: { axis: 1 } },
    ],
  },
});

/** The gradient of {@link gatherOp}: rows of `d` added up at their indices, zeros elsewhere. */
export const gatherGradOp = defineOp({
  name: "gather_grad",
  inputs: ["d", "index", "like"],
  outputs: ["out"],
  attrs: { axis: fixed(0) },
  infer: ({ d, like }) => ({ outs: { out: { shape: like.shape, dtype: d.dtype } } }),
  kernel: (b, { d, index }, { out }, { axis }) => {
    fillZero(b, out);
    putRows(b, d, index, out, axis, "add");
  },
  ghosts: ["like"],
  fuses: { loads: true },
  saves: ["index"],
  grad: ({ index }, d, { attrs }) => ({ d: () => gather(d.out, index, attrs.axis) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[3, 2], { shape: [3], data: [2, 0, 2], dtype: "int64" }, [4, 2]], attrs: { axis: 0 } },
      { inputs: [[2, 3], { shape: [3], data: [1, 1, 0], dtype: "int32" }, [2, 4]], attrs: { axis: 1 } },
    ],
  },
});

/** What happens to a row that is chosen: it takes the value, or the value is added. */
export type PutMode = "assign" | "add";

/** `x` with `value[.., i.., ..]` put or added at `index[i..]` of an axis; later indices win or add on. */
export const putRowsOp = defineOp({
  name: "index_put",
  inputs: ["x", "index", "value"],
  outputs: ["out"],
  attrs: { axis: fixed(0), mode: fixed<PutMode>("assign") },
  infer: ({ x, index, value }, { axis }) => {
    requireRows(x, index, axis, "index_put");
    const wanted = chosenShape(x.shape, index.shape, axis);
    const fits =
      value.shape.length === wanted.length &&
      wanted.every((n, i) => n < 0 || value.shape[i]! < 0 || n === value.shape[i]);
    if (!fits)
      throw new InvalidArgumentError(
        `the values are ${formatShape(value.shape)}, they must be ${formatShape(wanted)}.`,
        {
          op: "index_put",
          x: x.shape,
          index: index.shape,
          value: value.shape,
        },
      );
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  },
  kernel: (b, { x, index, value }, { out }, { axis, mode }) => {
    overAll(b, out.size, (i) => out.setFlat(i, x.flat(i)));
    putRows(b, value, index, out, axis, mode);
  },
  fuses: { loads: true },
  saves: ["index"],
  grad: ({ index }, d, { attrs }) => ({
    x: () => (attrs.mode === "add" ? d.out : zeroAt(d.out, index, attrs.axis)),
    value: () => gather(d.out, index, attrs.axis),
  }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [[4, 3], { shape: [3], data: [2, 0, 2], dtype: "int64" }, [3, 3]],
        attrs: { axis: 0, mode: "add" },
      },
      {
        inputs: [[2, 5], { shape: [2], data: [-1, 0], dtype: "int32" }, [2, 2]],
        attrs: { axis: 1, mode: "assign" },
      },
    ],
  },
});

/** The gradient of assignment for what was overwritten: `x` with zeros at the chosen rows. */
export const zeroRowsOp = defineOp({
  name: "index_zero",
  inputs: ["x", "index"],
  outputs: ["out"],
  attrs: { axis: fixed(0) },
  infer: ({ x }) => ({ outs: { out: { shape: x.shape, dtype: x.dtype } } }),
  kernel: (b, { x, index }, { out }, { axis }) => {
    overAll(b, out.size, (i) => out.setFlat(i, x.flat(i)));
    putRows(b, undefined, index, out, axis, "assign");
  },
  fuses: { loads: true },
  saves: ["index"],
  grad: ({ index }, d, { attrs }) => ({ x: () => zeroAt(d.out, index, attrs.axis) }),
  check: {
    domain: [-2, 2],
    samples: [{ inputs: [[4, 3], { shape: [2], data: [2, 0], dtype: "int64" }], attrs: { axis: 0 } }],
  },
});

/** Columns that one block of a scatter owns. */
const columns = 512;

/**
 * Puts rows into `out`, which has its first contents already. A block owns some columns of all rows and takes the indices in their
 * order, so no two threads write one element and the sums do not depend on the number of threads. No value: zeros.
 */
function putRows(b: KernelContext, value: Ref | undefined, index: Ref, out: OutRef, axis: number, mode: PutMode): void {
  const { k } = b;
  const extents = Array.from({ length: out.rank }, (_, i) => out.extent(i));
  const before = product(extents.slice(0, axis));
  const inner = product(extents.slice(axis + 1));
  const n = extents[axis]!;
  const parts = k.divIndex(k.add(inner, columns - 1), columns);
  const zero = k.const(out.type === "m32" ? "i32" : out.type, 0);
  overRows(b, [before, parts], k.mul(index.size, k.min(inner, columns)), ([o, part]) => {
    const from = b.let(k.mul(part!, columns));
    const to = b.let(k.min(k.add(from, columns), inner));
    b.for(0, index.size, (i) => {
      const row = b.let(k.add(k.mul(o!, n), wrapIndex(k, index.flat(i), n)));
      b.lanes(from, to, (c) => {
        const at = k.add(k.mul(row, inner), c);
        const x = value ? value.flat(k.add(k.mul(k.add(k.mul(o!, index.size), i), inner), c)) : zero;
        out.setFlat(at, mode === "add" ? sumOf(k, out.getFlat(at), x) : x);
      });
    });
  });
}

/** The sum in the type of the first; of masks: or. */
export function sumOf(k: K, x: Expr, y: Expr): Expr {
  return k.isMask(x) ? k.or(x, k.cast(k.truth(y), x.type)) : k.add(x, k.cast(y, x.type));
}

/** Elements of `x` at `index` of an axis (non-negative); the axes of `index` stand in its place. */
export const gather = <T extends Value>(x: T, index: Value, axis = 0): T => bind1(gatherOp, [x, index], { axis }) as T;

/** Rows of `d` added up at `index` of an axis of zeros in the shape of `like`. */
export const gatherGrad = <T extends Value>(d: T, index: Value, like: Value, axis = 0): T =>
  bind1(gatherGradOp, [d, index, like], { axis }) as T;

/** `x` with `value` put or added at `index` of an axis (non-negative); value has x's dtype. */
export const putAt = <T extends Value>(x: T, index: Value, value: T, axis: number, mode: PutMode): T =>
  bind1(putRowsOp, [x, index, value], { axis, mode }) as T;

/** `x` with zeros at `index` of an axis. */
export const zeroAt = <T extends Value>(x: T, index: Value, axis: number): T =>
  bind1(zeroRowsOp, [x, index], { axis }) as T;
