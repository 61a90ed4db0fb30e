// Ops: the extents of a tensor and the number of its elements, as integers of a Program that fit what is fed.

import { sizeOf } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { bind1 } from "../trace/bind.js";
import type { Value } from "../program/value.js";
import { concat } from "./concat.js";
import { full } from "./creation.js";

/** The extents of `x`, as an int64 vector; the elements of `x` are not read. */
export const shapeOp = defineOp({
  name: "shape",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: ({ x }) => ({ outs: { out: { shape: [x.shape.length], dtype: "int64" } } }),
  compose: ({ x }) => ({
    out:
      x.shape.length === 0
        ? full([0], 0, "int64")
        : concat(
            x.shape.map((n) => full([1], n, "int64")),
            0,
          ),
  }),
  ghosts: ["x"],
  grad: null,
  check: { samples: [{ inputs: [[2, 3]], expect: () => ({ shape: [2], data: [2, 3] }) }] },
});

/** The number of elements of `x`, as an int64 scalar; the elements are not read. */
export const numelOp = defineOp({
  name: "numel",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: () => ({ outs: { out: { shape: [], dtype: "int64" } } }),
  compose: ({ x }) => ({ out: full([], sizeOf(x.shape), "int64") }),
  ghosts: ["x"],
  grad: null,
  check: { samples: [{ inputs: [[2, 3]], expect: () => ({ shape: [], data: [6] }) }] },
});

/** {@link shapeOp}, bound. */
export const shapeOf = <T extends Value>(x: T): T => bind1(shapeOp, [x]) as T;

/** {@link numelOp}, bound. */
export const numelOf = <T extends Value>(x: T): T => bind1(numelOp, [x]) as T;
