// Op: the update rule of ASGD, which keeps the last gradients of a parameter, in place.

import type { Ref } from "../fuse/body.js";
import { blockElements } from "../fuse/emitter.js";
import type { Expr } from "../kernel/expr.js";
import { defineOp } from "../program/define-op.js";
import { fixed } from "../program/op.js";
import type { DecayKind } from "./optimizer-parts.js";
import { decayed, requireSameShape } from "./optimizer-update.js";

const one = (data: number[]) => ({ shape: [data.length], data });

/**
 * The running sum `d` of the last n gradients, kept in `y` [n, …]; `m` counts updates: `d += g - y[m % n]; y[m % n] = g;
 * param -= lr d / min(m + 1, n)`.
 */
export const asgdOp = defineOp({
  name: "asgd_",
  inputs: ["param", "grad", "lr", "scale?", "coeff?", "d", "y", "m"],
  outputs: ["param_out", "d_out", "y_out", "m_out"],
  attrs: { decay: fixed<DecayKind>("none") },
  infer: ({ param, grad, d, y, m }) => {
    requireSameShape("asgd_", param, grad);
    const outs = { param_out: param, d_out: d, y_out: y, m_out: m };
    return { outs, compute: param.dtype === "float64" ? "float64" : "float32" };
  },
  kernel: (b, { param, grad, lr, scale, coeff, d, y, m }, outs, attrs) => {
    const { k } = b;
    const [size, zero] = [param.size, k.const("i32", 0)];
    b.parallel(k.divIndex(k.add(size, blockElements - 1), k.const("i32", blockElements)), (block) => {
      const count = b.let(k.cast(m.flat(zero), "i32"));
      const slot = b.let(k.mul(k.remIndex(count, y.extent(0)), size));
      const share = b.let(k.cast(k.min(k.add(count, 1), y.extent(0)), param.type));
      const one = (x: Ref | undefined): Expr | undefined => x && b.let(k.cast(x.flat(zero), param.type));
      const numbers = { scale: one(scale), coeff: one(coeff) };
      const rate = b.let(k.cast(lr.flat(zero), param.type));
      const from = b.let(k.mul(block, blockElements));
      b.lanes(from, b.let(k.min(k.add(from, blockElements), size)), (at) => {
        const p = b.let(param.flat(at));
        const g = b.let(decayed(k, k.cast(grad.flat(at), param.type), p, numbers, attrs));
        const sum = b.let(k.add(k.sub(d.flat(at), y.flat(k.add(slot, at))), g));
        outs.param_out.setFlat(at, k.sub(p, k.mul(rate, k.div(sum, share))));
        outs.d_out.setFlat(at, sum);
        outs.y_out.setFlat(k.add(slot, at), g);
      });
    });
    b.parallel(1, () => outs.m_out.setFlat(zero, k.add(m.flat(zero), 1)));
  },
  fuses: { loads: true },
  inplace: { param_out: "param", d_out: "d", y_out: "y", m_out: "m" },
  grad: null,
  check: {
    noGradCheck: "updates have no gradient",
    samples: [
      {
        inputs: [
          one([2, 4]),
          one([3, -1]),
          { shape: [], data: [0.5] },
          undefined,
          undefined,
          one([1, 2]),
          { shape: [3, 2], data: [5, 6, 7, 8, 9, 10] },
          { shape: [1], data: [4], dtype: "int64" },
        ],
        attrs: { decay: "none" },
        // Slot 4 % 3 = 1 held (7, 8); three gradients are in the mean.
        expect: () => [
          one([2 - (0.5 * (1 - 7 + 3)) / 3, 4 - (0.5 * (2 - 8 - 1)) / 3]),
          one([1 - 7 + 3, 2 - 8 - 1]),
          { shape: [3, 2], data: [5, 6, 3, -1, 9, 10] },
          one([5]),
        ],
      },
    ],
  },
});
