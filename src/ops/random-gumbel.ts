// Ops: Gumbel-softmax, a softmax of logits with random noise, soft or as one-hot vectors with the soft gradient.

import type { DType } from "../core/dtype.js";
import { defineOp } from "../program/define-op.js";
import { fixed } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind, bind1 } from "../trace/bind.js";
import { add, divide, neg } from "./arithmetic.js";
import { log } from "./exponential.js";
import { requireFloat } from "./infer.js";
import { drawn } from "./random-body.js";
import { uniformOp } from "./random.js";
import { argmax } from "./search.js";
import { softmax, softmaxGradOp } from "./softmax.js";

/** 1 where the place along `axis` is the one that `index` (of extent 1 there) names, else 0. */
export const oneAtOp = defineOp({
  name: "one_at",
  inputs: ["index", "like"],
  outputs: ["out"],
  attrs: { axis: fixed(0), dtype: fixed<DType>("float32") },
  infer: ({ like }, { dtype }) => ({ outs: { out: { shape: like.shape, dtype } } }),
  element: (k, { index }, { axis }, at, out) => {
    const chosen = index.at(...at.map((i, a) => (a === axis ? k.const("i32", 0) : i)));
    const hit = k.eq(k.cast(chosen, "i32"), at[axis]!);
    return k.select(hit, k.const(out.type, 1), k.const(out.type, 0));
  },
  ghosts: ["like"],
  grad: null,
  check: {
    samples: [
      {
        inputs: [{ shape: [2, 1], data: [2, 0], dtype: "int64" }, [2, 3]],
        attrs: { axis: 1, dtype: "float32" },
        expect: () => ({ shape: [2, 3], data: [0, 0, 1, 1, 0, 0] }),
      },
    ],
  },
});

/**
 * `softmax((x + g) / temperature)` with Gumbel noise g = -ln(-ln u), u uniform in [1e-5, 1); `hard`: 1 at its largest element, 0 elsewhere.
 * The gradient is that of softmax at the result, without the temperature: Paddle's kernel has it so.
 */
export const gumbelSoftmaxOp = defineOp({
  name: "gumbel_softmax",
  inputs: ["x", "state"],
  outputs: ["out", "stateOut"],
  attrs: { temperature: fixed<number>(1), hard: fixed(false), axis: fixed(0) },
  infer: ({ x }) => {
    requireFloat(x, "gumbel_softmax");
    return drawn(x.shape, x.dtype);
  },
  compose: ({ x, state }, { temperature, hard, axis }) => {
    const attrs = { shape: [], min: Math.fround(1e-5), max: 1, dtype: x.dtype };
    const [u, stateOut] = bind(uniformOp, [state, x], attrs) as [Value, Value];
    const noisy = divide(add(neg(log(neg(log(u)))), x), temperature);
    const soft = softmax(noisy, axis);
    const out = hard ? bind1(oneAtOp, [argmax(soft, axis, true), soft], { axis, dtype: x.dtype }) : soft;
    return { out, stateOut };
  },
  inplace: { stateOut: "state" },
  saves: ["out"],
  grad: ({ out }, d, { attrs }) => ({ x: () => bind1(softmaxGradOp, [out, d.out], { axis: attrs.axis }) }),
  random: true,
  check: { samples: [], noGradCheck: "random" },
});

/** {@link gumbelSoftmaxOp} along a normalised axis. */
export const gumbelSoftmax = <T extends Value>(
  x: T,
  state: Value,
  temperature: number,
  hard: boolean,
  axis: number,
): T => bind1(gumbelSoftmaxOp, [x, state], { temperature, hard, axis }) as T;
