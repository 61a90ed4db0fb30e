// Op: a copy.

import { defineOp } from "../program/define-op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { sameAsX } from "./infer.js";

/** The same elements in memory of their own. */
export const assignOp = defineOp({
  name: "assign",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: sameAsX,
  lower: (_, { x }) => ({ out: x }),
  complex: (_, { x }) => ({ out: x }),
  grad: (_, d) => ({ x: () => d.out }),
  check: { reference: (x) => x!, domain: [-2, 2], dtypes: ["int32", "int64"] },
});

/** A copy. */
export const copyOf = <T extends Value>(x: T): T => bind1(assignOp, [x]) as T;
