// Ops: elements chosen along an axis by an index of the same rank, and their reverse, elements put there by a reduction.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import type { KernelContext, OutRef, Ref } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import type { K } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { divide, multiply } from "./arithmetic.js";
import { fullLike } from "./creation.js";
import { sumOf, wrapIndex } from "./gather.js";
import { requireInt } from "./infer.js";
import { fillZero, overAll, overRows } from "./loops.js";

function requireAlong(x: InferInput, index: InferInput, axis: number, op: string): void {
  requireInt(index, "the index", op);
  const fits =
    x.shape.length === index.shape.length &&
    index.shape.every((n, i) => i === axis || n < 0 || x.shape[i]! < 0 || n <= x.shape[i]!);
  if (fits && (x.shape[axis] !== 0 || index.shape.includes(0))) return;
  throw new InvalidArgumentError(
    `an index of shape ${formatShape(index.shape)} does not fit ${formatShape(x.shape)}: ranks must be equal and, except along axis ${axis}, no extent larger.`,
    { op, x: x.shape, index: index.shape, axis },
  );
}

/** `out[i] = x[i with index[i] at axis]`; the result has the shape of the index. */
export const takeAlongAxisOp = defineOp({
  name: "take_along_axis",
  inputs: ["x", "index"],
  outputs: ["out"],
  attrs: { axis: fixed(0) },
  infer: ({ x, index }, { axis }) => {
    requireAlong(x, index, axis, "take_along_axis");
    return { outs: { out: { shape: index.shape, dtype: x.dtype } } };
  },
  element: (k, { x, index }, { axis }, at) =>
    x.at(...at.map((i, a) => (a === axis ? wrapIndex(k, index.at(...at), x.extent(axis)) : i))),
  saves: ["index"],
  grad: ({ index }, d, { attrs, meta }) => ({ x: () => addAlongAxisGrad(d.out, index, meta.x, attrs.axis) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[3, 4], { shape: [3, 2], data: [0, 3, 1, 1, -1, 2], dtype: "int64" }], attrs: { axis: 1 } },
      { inputs: [[3, 2], { shape: [1, 2], data: [2, 0], dtype: "int32" }], attrs: { axis: 0 } },
    ],
  },
});

/** The gradient of {@link takeAlongAxisOp}: elements of `d` added up at their indices, zeros elsewhere. */
export const takeAlongAxisGradOp = defineOp({
  name: "take_along_axis_grad",
  inputs: ["d", "index", "like"],
  outputs: ["out"],
  attrs: { axis: fixed(0) },
  infer: ({ d, like }) => ({ outs: { out: { shape: like.shape, dtype: d.dtype } } }),
  kernel: (b, { d, index }, { out }, { axis }) => {
    fillZero(b, out);
    putAlong(b, d, index, out, axis, "add");
  },
  ghosts: ["like"],
  fuses: { loads: true },
  saves: ["index"],
  grad: ({ index }, d, { attrs }) => ({ d: () => takeAlongAxis(d.out, index, attrs.axis) }),
  check: {
    domain: [-2, 2],
    samples: [
      { inputs: [[2, 2], { shape: [2, 2], data: [0, 3, 1, 1], dtype: "int64" }, [2, 4]], attrs: { axis: 1 } },
      { inputs: [[2, 2], { shape: [2, 2], data: [0, 2, 0, 1], dtype: "int64" }, [3, 2]], attrs: { axis: 0 } },
    ],
  },
});

/** How a put element meets what is there. */
export type AlongMode = "assign" | "add" | "mul" | "amin" | "amax";

/** `x` with `value[i]` put at `i with index[i] at axis`, in the order of the axis. Index and value have one shape. */
export const putAlongAxisOp = defineOp({
  name: "put_along_axis",
  inputs: ["x", "index", "value"],
  outputs: ["out"],
  attrs: { axis: fixed(0), mode: fixed<AlongMode>("assign") },
  infer: ({ x, index, value }, { axis }) => {
    requireAlong(x, index, axis, "put_along_axis");
    if (value.shape.length !== index.shape.length || value.shape.some((n, i) => n >= 0 && n < index.shape[i]!))
      throw new InvalidArgumentError(
        `values ${formatShape(value.shape)} are too few for the index ${formatShape(index.shape)}.`,
        { op: "put_along_axis", index: index.shape, values: value.shape },
      );
    return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
  },
  kernel: (b, { x, index, value }, { out }, { axis, mode }) => {
    overAll(b, out.size, (i) => out.setFlat(i, x.flat(i)));
    putAlong(b, value, index, out, axis, mode);
  },
  fuses: { loads: true },
  saves: ["x", "index", "value", "out"],
  grad: ({ x, index, value, out }, d, { attrs, meta }) => {
    const { axis, mode } = attrs;
    const taken = (): Value => takeAlongAxis(d.out, index, axis);
    if (mode === "assign")
      return { x: () => putAlongAxis(d.out, index, fullLike(meta.value, 0), axis, "assign"), value: taken };
    if (mode === "add") return { x: () => d.out, value: taken };
    if (mode === "mul")
      return {
        x: () => divide(multiply(d.out, out), x),
        value: () => divide(takeAlongAxis(multiply(d.out, out), index, axis), value),
      };
    return {
      x: () => keepEqual(d.out, x, out),
      value: () => keepEqual(taken(), value, takeAlongAxis(out, index, axis)),
    };
  },
  check: {
    domain: [0.5, 2],
    samples: [
      {
        inputs: [[3, 4], { shape: [3, 2], data: [0, 3, 1, 0, -1, 2], dtype: "int64" }, [3, 2]],
        attrs: { axis: 1, mode: "assign" },
      },
      {
        inputs: [[3, 2], { shape: [2, 2], data: [0, 1, 0, 2], dtype: "int64" }, [2, 2]],
        attrs: { axis: 0, mode: "add" },
      },
      {
        inputs: [[3, 2], { shape: [2, 2], data: [0, 1, 0, 2], dtype: "int64" }, [2, 2]],
        attrs: { axis: 0, mode: "mul" },
      },
    ],
  },
});

/** `d` where two tensors are equal, else 0: the winners of a minimum or maximum. */
export const keepEqualOp = defineOp({
  name: "keep_equal",
  inputs: ["d", "x", "y"],
  outputs: ["out"],
  attrs: {},
  infer: ({ d }) => ({ outs: { out: { shape: d.shape, dtype: d.dtype } } }),
  lower: (k, { d, x, y }) => ({ out: k.select(k.eq(x, y), d, 0) }),
  saves: ["x", "y"],
  grad: ({ x, y }, d) => ({ d: () => keepEqual(d.out, x, y) }),
  check: { domain: [-2, 2], samples: [{ inputs: [[3], [3], { shape: [3], data: [1, 1, 1] }] }] },
});

const keepEqual = (d: Value, x: Value, y: Value): Value => bind1(keepEqualOp, [d, x, y]);

/**
 * Puts elements into `out`, which has its first contents already: lines along the axis are independent, so they run on any thread and,
 * where another axis is the last, in vectors.
 */
function putAlong(b: KernelContext, value: Ref, index: Ref, out: OutRef, axis: number, mode: AlongMode): void {
  const { k } = b;
  const last = out.rank - 1;
  const inVectors = axis !== last;
  const count = index.extent(axis);
  const others = Array.from({ length: out.rank }, (_, a) => a).filter((a) => a !== axis && !(inVectors && a === last));
  const work = k.mul(count, inVectors ? index.extent(last) : 1);
  const put = (coords: readonly Expr[]): void => {
    const row = b.let(wrapIndex(k, index.at(...coords), out.extent(axis)));
    const at = coords.reduce(
      (p, i, a) => k.add(k.mul(p, out.extent(a)), a === axis ? row : i),
      k.const("i32", 0) as Expr,
    );
    const x = value.at(...coords);
    out.setFlat(at, mode === "assign" ? x : combined(k, mode, out.getFlat(at), x));
  };
  overRows(
    b,
    others.map((a) => index.extent(a)),
    work,
    (line) => {
      b.for(0, count, (j) => {
        const coords = (c?: Expr): Expr[] =>
          Array.from({ length: out.rank }, (_, a) =>
            a === axis ? j : inVectors && a === last ? c! : line[others.indexOf(a)]!,
          );
        if (inVectors) b.lanes(0, index.extent(last), (c) => put(coords(c)));
        else put(coords());
      });
    },
  );
}

function combined(k: K, mode: Exclude<AlongMode, "assign">, x: Expr, y: Expr): Expr {
  if (mode === "add") return sumOf(k, x, y);
  const value = k.cast(y, x.type);
  if (mode === "mul") return k.isMask(x) ? k.and(x, value) : k.mul(x, value);
  return mode === "amin" ? k.min(x, value) : k.max(x, value);
}

/** Elements of `x` at `index` along an axis (non-negative). */
export const takeAlongAxis = <T extends Value>(x: T, index: Value, axis: number): T =>
  bind1(takeAlongAxisOp, [x, index], { axis }) as T;

/** Elements of `d` added up at `index` along an axis of zeros in the shape of `like`. */
export const addAlongAxisGrad = (d: Value, index: Value, like: Value, axis: number): Value =>
  bind1(takeAlongAxisGradOp, [d, index, like], { axis });

/** `x` with `value` put at `index` along an axis (non-negative). */
export const putAlongAxis = <T extends Value>(x: T, index: Value, value: T, axis: number, mode: AlongMode): T =>
  bind1(putAlongAxisOp, [x, index, value], { axis, mode }) as T;
