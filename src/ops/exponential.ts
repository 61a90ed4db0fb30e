// Ops: exponentials.

import { defineOp } from "../program/define-op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { conj, multiply } from "./arithmetic.js";
import { floatUnary } from "./infer.js";

/** `out = e^x`, element-wise. */
export const expOp = defineOp({
  name: "exp",
  inputs: ["x"],
  outputs: ["out"],
  attrs: {},
  infer: floatUnary,
  lower: (k, { x }) => ({ out: k.exp(x) }),
  complex: (k, { x }) => ({ out: { re: k.mul(k.exp(x.re), k.cos(x.im)), im: k.mul(k.exp(x.re), k.sin(x.im)) } }),
  saves: ["out"],
  grad: ({ out }, d) => ({ x: () => multiply(d.out, conj(out)) }),
  check: { reference: Math.exp, domain: [-2, 2] },
});

/**
 * `e^x`, element-wise.
 *
 * @param x - any shape; integers compute in float32.
 * @example
 * ```ts
 * import { exp, toTensor } from "oarjs";
 * console.log(await exp(toTensor([0, 1])).tolist()); // [1, 2.7182817459106445]
 * ```
 */
export const exp = <T extends Value>(x: T): T => bind1(expOp, [x]) as T;
