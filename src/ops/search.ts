// Ops: where the largest or smallest element stands, and where values belong in sorted lines.

import type { DType } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { formatShape, sameShape } from "../core/shape.js";
import type { Shape } from "../core/shape.js";
import { constant, type Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { reducedShape } from "./infer.js";
import { forLines, linesOf } from "./order.js";

const argOf = <N extends "argmax" | "argmin">(name: N, largest: boolean) =>
  defineOp({
    name,
    inputs: ["x"],
    outputs: ["out"],
    attrs: { axis: fixed(0), keepdim: fixed(false), dtype: fixed<DType>("int64") },
    infer: ({ x }, { axis, keepdim, dtype }) => {
      if (x.shape[axis] === 0)
        throw new InvalidArgumentError(`axis ${axis} of x has extent 0.`, { op: name, x: x.shape });
      return { outs: { out: { shape: reducedShape(x.shape, [axis], keepdim), dtype } } };
    },
    kernel: (b, { x }, { out }, { axis }) => {
      const lines = linesOf(x, axis);
      forLines(b, lines, (line) => {
        const at = (t: Expr): Expr => {
          const value = x.flat(lines.position(line, t));
          return k.isMask(value) ? k.cast(value, "i32") : value;
        };
        const best = b.variable(at(constant("i32", 0)), "best");
        const index = b.variable(constant("i32", 0), "index");
        b.for(1, lines.length, (t) => {
          const value = b.let(at(t), "value");
          // Strictly better, so that the first of equal ones stays; NaN never is. A leading NaN stays, as in Paddle's minimum.
          const better = b.let(k.cast(largest ? k.gt(value, best.value) : k.lt(value, best.value), "i32"));
          b.set(index, k.select(k.ne(better, 0), t, index.value));
          b.set(best, k.select(k.ne(better, 0), value, best.value));
        });
        out.setFlat(line, index.value);
      });
    },
    fuses: { loads: true },
    grad: null,
    check: {
      domain: [-2, 2],
      samples: [
        { inputs: [[3, 7]], attrs: { axis: 1, keepdim: false, dtype: "int64" } },
        { inputs: [[3, 7]], attrs: { axis: 0, keepdim: true, dtype: "int32" } },
      ],
      dtypes: ["int32", "int64"],
    },
  });

/** Index of the first largest element. */
export const argmaxOp = argOf("argmax", true);
/** Index of the first smallest element. */
export const argminOp = argOf("argmin", false);

/** Index of the first largest element along a non-negative axis. */
export const argmax = <T extends Value>(x: T, axis: number, keepdim = false, dtype: DType = "int64"): T =>
  bind1(argmaxOp, [x], { axis, keepdim, dtype }) as T;
/** Index of the first smallest element along a non-negative axis. */
export const argmin = <T extends Value>(x: T, axis: number, keepdim = false, dtype: DType = "int64"): T =>
  bind1(argminOp, [x], { axis, keepdim, dtype }) as T;

function requireLines(sorted: Shape, values: Shape): void {
  if (sorted.length === 1 || sameShape(sorted.slice(0, -1), values.slice(0, -1))) return;
  throw new InvalidArgumentError(
    `the sorted sequence is ${formatShape(sorted)}, values are ${formatShape(values)}; all axes but the last must agree, or the sequence has one axis.`,
    { op: "searchsorted", sorted, values },
  );
}

/** How many elements of each sorted line are less than a value (`right`: at most equal to it): where it would be inserted. */
export const searchsortedOp = defineOp({
  name: "searchsorted",
  inputs: ["sorted", "values"],
  outputs: ["out"],
  attrs: { right: fixed(false), dtype: fixed<DType>("int64") },
  infer: ({ sorted, values }, { dtype }) => {
    requireLines(sorted.shape, values.shape);
    return { outs: { out: { shape: values.shape, dtype } } };
  },
  kernel: (b, { sorted, values }, { out }, { right }) => {
    const n = sorted.extent(sorted.rank - 1);
    const wanted = linesOf(values, Math.max(values.rank - 1, 0));
    const type = widest(sorted.type, values.type);
    b.parallel(k.divIndex(k.add(values.size, blockValues - 1), blockValues), (block) => {
      const from = b.let(k.mul(block, blockValues), "from");
      b.for(from, b.let(k.min(k.add(from, blockValues), values.size)), (p) => {
        const value = b.let(k.cast(values.flat(p), type), "value");
        const first = b.let(sorted.rank === 1 ? constant("i32", 0) : k.mul(k.divIndex(p, k.max(wanted.length, 1)), n));
        const low = b.variable(constant("i32", 0), "low");
        const high = b.variable(n, "high");
        b.while(k.lt(low.value, high.value), () => {
          const mid = b.let(k.ushr(k.add(low.value, high.value), 1), "mid");
          const x = b.let(k.cast(sorted.flat(k.add(first, mid)), type), "x");
          const goesRight = b.let(k.cast(standsBefore(x, value, right), "i32"));
          b.set(low, k.select(k.ne(goesRight, 0), k.add(mid, 1), low.value));
          b.set(high, k.select(k.ne(goesRight, 0), high.value, mid));
        });
        out.setFlat(p, low.value);
      });
    });
  },
  grad: null,
  check: {
    domain: [-2, 2],
    samples: [
      {
        inputs: [
          { shape: [5], data: [1, 3, 5, 7, 9] },
          { shape: [2, 3], data: [3, 6, 9, 0, 10, 1] },
        ],
        attrs: { right: false, dtype: "int64" },
        expect: () => ({ shape: [2, 3], data: [1, 3, 4, 0, 5, 0] }),
      },
      {
        inputs: [
          { shape: [2, 3], data: [1, 3, 5, 2, 4, 6] },
          { shape: [2, 2], data: [3, 6, 2, 9] },
        ],
        attrs: { right: true, dtype: "int32" },
        expect: () => ({ shape: [2, 2], data: [2, 3, 1, 3] }),
      },
    ],
  },
});

/** Values that one block of a search handles. */
const blockValues = 1024;

const widest = (x: Expr["type"], y: Expr["type"]): Expr["type"] => {
  if (x === "f64" || y === "f64") return "f64";
  if (x === "f32" || y === "f32") return x === "i64" || y === "i64" ? "f64" : "f32";
  return x === "i64" || y === "i64" ? "i64" : "i32";
};

/** NaN belongs after all numbers. */
function standsBefore(x: Expr, value: Expr, right: boolean): Expr {
  const plain = right ? k.le(x, value) : k.lt(x, value);
  if (!k.isFloat(x)) return plain;
  const isNan = k.ne(value, value);
  return k.or(plain, right ? isNan : k.and(isNan, k.eq(x, x)));
}

/** Where values would be inserted in sorted lines. */
export const searchsorted = <T extends Value>(sorted: Value, values: T, right = false, dtype: DType = "int64"): T =>
  bind1(searchsortedOp, [sorted, values], { right, dtype }) as T;
