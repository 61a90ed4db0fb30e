// Op: the way from the root of a complete binary tree of classes to a class.

import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, integers } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { requireInt } from "./infer.js";

/**
 * Step j of the way to each class, from the leaf up: the inner node passed (`part` "node"), or whether its right branch is taken ("code").
 * Leaf c is number `c + classes` of a heap whose root is 1; steps above the root give -1.
 */
export const classPathOp = defineOp({
  name: "class_path",
  inputs: ["label"],
  outputs: ["out"],
  attrs: { classes: integers(), length: integers(), part: fixed<"node" | "code">("node") },
  infer: ({ label }, { length }) => {
    requireInt(label, "label", "hsigmoid_loss");
    return { outs: { out: { shape: [...label.shape, length[0]!], dtype: "int64" } } };
  },
  element: (_, { label }, { classes, part }, index) => {
    const leaf = k.add(k.cast(label.at(...index.slice(0, -1)), "i32"), classes[0]!);
    const at = k.shr(leaf, index.at(-1)!);
    const value = part === "node" ? k.sub(k.shr(at, 1), 1) : k.and(at, 1);
    return k.cast(k.select(k.gt(at, 1), value, -1), "i64");
  },
  grad: null,
  check: {
    samples: [
      {
        // 3 classes: leaves 3, 4, 5 of the heap; 4 = 100 passes nodes 2 and 1, 3 = 11 only node 1.
        inputs: [{ shape: [2], data: [1, 0], dtype: "int64" }],
        attrs: { classes: [3], length: [2], part: "node" },
        expect: () => ({ shape: [2, 2], data: [1, 0, 0, -1] }),
      },
      {
        inputs: [{ shape: [2], data: [1, 0], dtype: "int64" }],
        attrs: { classes: [3], length: [2], part: "code" },
        expect: () => ({ shape: [2, 2], data: [0, 0, 1, -1] }),
      },
    ],
  },
});

/** Nodes or codes of the ways to classes `[…]`, `[…, length]` of them; -1 where a way is shorter. */
export const classPath = <T extends Value>(label: T, classes: number, length: number, part: "node" | "code"): T =>
  bind1(classPathOp, [label], { classes: [classes], length: [length], part }) as T;
