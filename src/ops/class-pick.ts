// Ops: one number for each place by its class: picked, put back, counted.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape, type Shape } from "../core/shape.js";
import type { Ref } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput, integers } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { sumOp } from "./broadcast.js";
import { requireFloat, requireInt } from "./infer.js";
import { wideType } from "./softmax.js";

/** The axis of classes, and the label whose places do not count. */
export const classAttrs = { axis: fixed(0), ignore: integers([-100]) };

/** The shape of one number for each place that has a class: `axis` has extent 1. */
export const placesOf = (shape: Shape, axis: number): number[] => shape.map((n, a) => (a === axis ? 1 : n));

/** Throws InvalidArgument unless a shape is the wanted one; -1 fits anything. */
export function requireShape(op: string, what: string, got: Shape, want: Shape): void {
  if (got.length === want.length && got.every((n, i) => n === want[i] || n < 0 || want[i]! < 0)) return;
  throw new InvalidArgumentError(`${what} is ${formatShape(got)}, it must be ${formatShape(want)}.`, { op, got, want });
}

/** Checks scores and class numbers. */
export function inferClasses(op: string, x: InferInput, label: InferInput, axis: number): void {
  requireFloat(x, op);
  requireInt(label, "label", op);
  requireShape(op, "label", label.shape, placesOf(x.shape, axis));
}

/** `index` with another number along `axis`. */
export const atClass = (index: readonly Expr[], axis: number, c: Expr | undefined): Expr[] =>
  index.map((e, a) => (a === axis ? (c ?? k.const("i32", 0)) : e));

/** The class at a place, kept inside the axis, and whether the place counts. */
export function classAt(x: Ref, label: Ref, index: readonly Expr[], axis: number, ignore: Expr) {
  const raw = k.cast(label.at(...atClass(index, axis, undefined)), "i32");
  return { raw, inside: k.max(k.min(raw, k.sub(x.extent(axis), 1)), 0), counts: k.ne(raw, ignore) };
}

/** `x` at the class of each place, 0 where it is `ignore`. */
export const pickClassOp = defineOp({
  name: "pick_class",
  inputs: ["x", "label"],
  outputs: ["out"],
  attrs: classAttrs,
  infer: ({ x, label }, { axis }) => {
    inferClasses("pick_class", x, label, axis);
    return { outs: { out: { shape: label.shape, dtype: x.dtype } } };
  },
  element: (_, { x, label }, { axis, ignore }, index) => {
    const { inside, counts } = classAt(x, label, index, axis, ignore[0]!);
    return k.select(counts, x.at(...atClass(index, axis, inside)), 0);
  },
  saves: ["label"],
  grad: ({ label }, d, { attrs, meta }) => ({ x: () => placeClass(label, d.out, meta.x, attrs) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          { shape: [3, 2], data: [1, 2, 3, 4, 5, 6] },
          { shape: [3, 1], data: [1, -100, 0], dtype: "int64" },
        ],
        attrs: { axis: 1, ignore: [-100] },
        expect: () => ({ shape: [3, 1], data: [2, 0, 5] }),
      },
    ],
  },
});

interface ClassAttrs {
  readonly axis: number;
  readonly ignore: readonly number[];
}

/** The gradient of {@link pickClassOp}: `d` at the class of each place, 0 elsewhere. */
export const placeClassOp = defineOp({
  name: "place_class",
  inputs: ["label", "d", "like"],
  outputs: ["out"],
  attrs: classAttrs,
  infer: ({ d, like }) => ({ outs: { out: { shape: like.shape, dtype: d.dtype } } }),
  element: (_, { label, d }, { axis, ignore }, index) => {
    const place = atClass(index, axis, undefined);
    const raw = k.cast(label.at(...place), "i32");
    return k.select(k.and(k.eq(raw, index[axis]!), k.ne(raw, ignore[0]!)), d.at(...place), 0);
  },
  ghosts: ["like"],
  saves: ["label"],
  grad: ({ label }, d, { attrs }) => ({ d: () => pickClass(d.out, label, attrs.axis, attrs.ignore[0]!) }),
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [{ shape: [3, 1], data: [1, -100, 0], dtype: "int64" }, [3, 1], [3, 2]],
        attrs: { axis: 1, ignore: [-100] },
      },
    ],
  },
});

const placeClass = (label: Value, d: Value, like: Value, attrs: ClassAttrs): Value =>
  bind1(placeClassOp, [label, d, like], { ...attrs });

/** `x` at the class of each place (`label` has extent 1 along `axis`), 0 where the label is `ignore`. */
export const pickClass = <T extends Value>(x: T, label: Value, axis: number, ignore: number): T =>
  bind1(pickClassOp, [x, label], { axis, ignore: [ignore] }) as T;

/** 1 where a label counts, 0 where it is `ignore`. */
export const countsOp = defineOp({
  name: "class_counts",
  inputs: ["label"],
  outputs: ["out"],
  attrs: { ignore: integers([-100]), dtype: fixed<"float32" | "float64">("float32") },
  infer: ({ label }, { dtype }) => ({ outs: { out: { shape: label.shape, dtype } } }),
  lower: (_, { label }, { ignore }) => ({
    out: k.select(k.eq(k.cast(label, "i32"), ignore[0]!), k.const("f32", 0), 1),
  }),
  grad: null,
  check: {
    samples: [
      { inputs: [{ shape: [3], data: [1, -100, 3], dtype: "int64" }], attrs: { ignore: [-100], dtype: "float64" } },
    ],
  },
});

/** How many labels count, as a scalar of a floating-point dtype. */
export const countClassesOp = defineOp({
  name: "count_classes",
  inputs: ["label"],
  outputs: ["out"],
  attrs: { ignore: integers([-100]), dtype: fixed<"float32" | "float64">("float32") },
  infer: (_, { dtype }) => ({ outs: { out: { shape: [], dtype } } }),
  compose: ({ label }, { ignore, dtype }) => {
    const counts = bind1(countsOp, [label], { ignore, dtype });
    return { out: bind1(sumOp, [counts], { axes: label.shape.map((_, a) => a), keepdim: false }) };
  },
  grad: null,
  check: {
    samples: [
      {
        inputs: [{ shape: [3, 1], data: [1, -100, 3], dtype: "int64" }],
        attrs: { ignore: [-100], dtype: "float32" },
        expect: () => ({ shape: [], data: [2] }),
      },
    ],
  },
});

/** 1 where a label counts, 0 where it is `ignore`, in the dtype of `like`. */
export const classCounts = <T extends Value>(label: Value, ignore: number, like: T): T =>
  bind1(countsOp, [label], { ignore: [ignore], dtype: wideType(like.dtype) }) as T;

/** How many labels are not `ignore`, as a scalar in the dtype of `like`. */
export const countClasses = <T extends Value>(label: Value, ignore: number, like: T): T =>
  bind1(countClassesOp, [label], { ignore: [ignore], dtype: wideType(like.dtype) }) as T;
