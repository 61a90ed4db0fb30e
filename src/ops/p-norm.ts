// Ops: p-norms over axes, forward by powers, sums and roots, backward by one factor.

import { isComplex } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import type { Expr } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { fixed, type InferInput } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { multiply } from "./arithmetic.js";
import { floatUnary, reducedShape } from "./infer.js";
import { max, min, sumOver, unreduce } from "./reduction.js";
import { squeeze } from "./views.js";

const order = { p: fixed(2) };

function power(x: Expr, p: number): Expr {
  if (p === 0) return k.select(k.ne(x, 0), k.const(x.type, 1), 0);
  if (p === 2) return k.mul(x, x);
  return p === 1 || !Number.isFinite(p) ? k.abs(x) : k.pow(k.abs(x), k.const(x.type, p));
}

/** `|x|^p`: 1 for each non-zero at p = 0, `|x|` itself at infinite p. */
export const powerOp = defineOp({
  name: "p_norm_power",
  inputs: ["x"],
  outputs: ["out"],
  attrs: order,
  infer: floatUnary,
  lower: (_, { x }, { p }) => ({ out: power(x, p) }),
  grad: null,
  check: {
    domain: [0.5, 2],
    samples: [
      { inputs: [[7]], attrs: { p: 3 } },
      { inputs: [[7]], attrs: { p: 0 } },
    ],
  },
});

/** The p-th root of a sum of powers. */
export const rootOp = defineOp({
  name: "p_norm_root",
  inputs: ["x"],
  outputs: ["out"],
  attrs: order,
  infer: floatUnary,
  lower: (_, { x }, { p }) => {
    if (p === 2) return { out: k.sqrt(x) };
    return { out: p === 0 || p === 1 || !Number.isFinite(p) ? x : k.pow(x, k.const(x.type, 1 / p)) };
  },
  grad: null,
  check: { domain: [0.5, 2], samples: [{ inputs: [[7]], attrs: { p: 3 } }] },
});

/** `d norm / dx`: `sign(x) (|x| / norm)^(p-1)`, 0 where the norm is 0; at infinite p the sign of each extreme element. */
export const factorOp = defineOp({
  name: "p_norm_factor",
  inputs: ["x", "norm"],
  outputs: ["out"],
  attrs: order,
  infer: ({ x }: { readonly x: InferInput }) => ({ outs: { out: { shape: x.shape, dtype: x.dtype } } }),
  lower: (_, { x, norm }, { p }) => {
    const sign = k.select(k.gt(x, 0), k.const(x.type, 1), k.select(k.lt(x, 0), k.const(x.type, -1), 0));
    if (p === 0) return { out: k.const(x.type, 0) };
    if (p === 1) return { out: sign };
    if (!Number.isFinite(p)) return { out: k.select(k.eq(k.abs(x), norm), sign, 0) };
    const ratio = k.div(k.abs(x), norm);
    const factor = p === 2 ? ratio : k.pow(ratio, k.const(x.type, p - 1));
    return { out: k.select(k.or(k.eq(norm, 0), k.eq(x, 0)), 0, k.mul(sign, factor)) };
  },
  grad: null,
  check: { domain: [0.5, 2], samples: [{ inputs: [[7], [7]], attrs: { p: 3 } }] },
});

/** `(Σ |x|^p)^(1/p)` over axes; the largest or smallest `|x|` at infinite p, the number of non-zeros at p = 0. */
export const pNormOp = defineOp({
  name: "p_norm",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { ...order, axes: fixed<readonly number[]>([]), keepdim: fixed(false) },
  infer: (inputs, { axes, keepdim }) => {
    if (isComplex(inputs.x.dtype)) throw new InvalidArgumentError("needs real numbers.", { op: "p_norm" });
    const { dtype } = floatUnary(inputs).outs.out;
    return { outs: { out: { shape: reducedShape(inputs.x.shape, axes, keepdim), dtype } } };
  },
  compose: ({ x }, { p, axes, keepdim }) => {
    const powers = bind1(powerOp, [x], { p });
    const combine = p === Infinity ? max : p === -Infinity ? min : sumOver;
    const out = bind1(rootOp, [combine(powers, axes, true)], { p });
    return { out: keepdim ? out : squeeze(out, axes) };
  },
  saves: ["x", "out"],
  grad: ({ x, out }, d, { attrs: { p, axes, keepdim } }) => ({
    x: () => {
      const wide = (v: Value): Value => unreduce(v, x, axes, keepdim);
      return multiply(wide(d.out), bind1(factorOp, [x, wide(out)], { p }));
    },
  }),
  check: {
    domain: [0.5, 2],
    samples: [
      { inputs: [[3, 4]], attrs: { p: 2, axes: [1], keepdim: false } },
      { inputs: [[3, 4]], attrs: { p: 1, axes: [0], keepdim: true } },
      { inputs: [[3, 4]], attrs: { p: 3, axes: [0, 1], keepdim: false } },
      { inputs: [[3, 4]], attrs: { p: Infinity, axes: [1], keepdim: false } },
    ],
  },
});

/** p-norm over normalised axes. */
export const pNorm = <T extends Value>(x: T, p: number, axes: readonly number[], keepdim: boolean): T =>
  bind1(pNormOp, [x], { p, axes, keepdim }) as T;
