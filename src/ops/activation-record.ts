// How records of activations are made: the op and its gradient, which is an op too, so that neither pass makes temporaries.

import { isComplex } from "../core/dtype.js";
import type { ComplexExpr } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import { defineOp } from "../program/define-op.js";
import type { AttrsOf, AttrSpecs, BodyAttrsOf, OpCheck } from "../program/op.js";
import type { Value } from "../program/value.js";
import { type Attrs, bind1 } from "../trace/bind.js";
import { multiply, scale } from "./arithmetic.js";
import { floatUnary } from "./infer.js";
import { floatOnly, realUnary } from "./unary.js";

/** What makes an activation: its value, its gradient, and the slope of that gradient for derivatives of second order. */
export interface Activation<S extends AttrSpecs, V extends "x" | "out"> {
  readonly attrs: S;
  /** Whether the gradient reads the operand or the result. */
  readonly saves: V;
  readonly value: (x: Expr, a: BodyAttrsOf<S>) => Expr;
  /** The gradient d times the slope, from what was saved. */
  readonly grad: (saved: Expr, d: Expr, a: BodyAttrsOf<S>) => Expr;
  /** The derivative of the slope by what was saved; null where it is zero almost everywhere. */
  readonly second: ((saved: Value, a: AttrsOf<S>) => Value) | null;
  /** Integers compute in float32 (else they are refused). */
  readonly integers?: boolean;
  readonly complex?: {
    readonly value: (x: ComplexExpr) => ComplexExpr;
    readonly grad: (saved: Value, d: Value) => Value;
  };
  /** The value on plain numbers, with the attributes' fallbacks. */
  readonly reference: (x: number) => number;
  /** Where gradients are compared with differences (the operand's values, or the result's). */
  readonly gradDomain?: readonly [number, number];
}

/** The fallbacks of attributes, for samples. */
const defaults = (attrs: AttrSpecs): Record<string, unknown> =>
  Object.fromEntries(Object.entries(attrs).map(([name, a]) => [name, a.fallback]));

/** The records of an activation and of its gradient. */
export function activation<const S extends AttrSpecs, const V extends "x" | "out">(name: string, f: Activation<S, V>) {
  const { complex } = f;
  const reverse = (saved: Value, d: Value, attrs: AttrsOf<S>): Value =>
    complex && isComplex(saved.dtype) ? complex.grad(saved, d) : bind1(gradOp, [saved, d], attrs as Attrs);
  const attrs = defaults(f.attrs);
  const gradCheck: OpCheck = {
    domain: f.gradDomain ?? [0.1, 0.9],
    samples: [
      {
        inputs: [
          [3, 4],
          [3, 4],
        ],
        attrs,
      },
    ],
  };
  const gradOp = defineOp({
    name: `${name}_grad`,
    inputs: ["saved", "d"],
    outputs: ["out"],
    attrs: f.attrs,
    infer: ({ d }) => ({ outs: { out: { shape: d.shape, dtype: d.dtype } } }),
    lower: (_, { saved, d }, a) => ({ out: f.grad(saved, d, a) }),
    saves: ["saved", "d"],
    grad: ({ saved, d }, dd, { attrs: a }) => ({
      d: () => reverse(saved, dd.out, a),
      saved: () => (f.second ? multiply(multiply(dd.out, d), f.second(saved, a)) : scale(dd.out, 0)),
    }),
    check: gradCheck,
  });
  const op = defineOp({
    name,
    inputs: ["x"],
    outputs: ["out"],
    attrs: f.attrs,
    infer: complex ? floatUnary : f.integers ? realUnary(name) : floatOnly(name),
    lower: (_, { x }, a) => ({ out: f.value(x, a) }),
    complex: complex && ((_, { x }) => ({ out: complex.value(x) })),
    saves: [f.saves],
    grad: (saved, d, { attrs: a }) => ({ x: () => reverse((saved as Readonly<Record<V, Value>>)[f.saves], d.out, a) }),
    check: {
      domain: [-3, 3],
      samples: [
        { inputs: [[3, 4]], attrs, expect: (x) => ({ shape: x!.shape, data: x!.data.map(f.reference) }) },
        {
          inputs: [{ shape: [4], data: [-30, 30, 2, -0.25] }],
          attrs,
          expect: (x) => ({ shape: x!.shape, data: x!.data.map(f.reference) }),
        },
      ],
    },
  });
  return [op, gradOp] as const;
}
