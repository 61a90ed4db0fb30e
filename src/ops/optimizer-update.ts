// The form all optimizer updates share: an element-wise op on a parameter and its state, in place, and one on its [1] powers.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape, sameShape } from "../core/shape.js";
import type { OutRef, TensorType } from "../fuse/body.js";
import type { Expr } from "../kernel/expr.js";
import type { K } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import {
  type AttrSpecs,
  type BodyAttrsOf,
  fixed,
  type Inferred,
  type InferInput,
  type OpCheck,
} from "../program/op.js";
import { type UpdateCheck, updateCheck } from "./optimizer-check.js";
import { type DecayKind, decayOf } from "./optimizer-parts.js";
import { requireFloat } from "./infer.js";

export type By<N extends string, T> = { readonly [P in N]: T };

/** An optimizer's rule on plain scalars. */
export interface UpdateRule<A extends string, S extends string, O extends string, Specs extends AttrSpecs> {
  /** Paddle's PIR name. */
  readonly name: string;
  /** State of the parameter's shape, changed in place. */
  readonly arrays: readonly A[];
  /** Operands of one element: powers of betas and the like. */
  readonly scalars: readonly S[];
  readonly attrs: Specs;
  /** What comes out beside the state: the parameter in place, or a direction of the parameter's shape. */
  readonly result: O;
  /** The new parameter (or the direction) and state; `grad` is clipped and decayed already, `lr` the final rate. */
  readonly update: (k: K, v: By<"param" | "grad" | "lr" | A | S, Expr>, attrs: BodyAttrsOf<Specs>) => By<O | A, Expr>;
  /** The next values of the one-element operands, which another op puts in their place; without it they never change. */
  readonly advance?: (k: K, v: By<S, Expr>, attrs: BodyAttrsOf<Specs>) => By<S, Expr>;
  /** How the table tests it. */
  readonly checks: readonly UpdateCheck[];
}

/** A rule with its type inferred. */
export const updateRule = <
  A extends string,
  S extends string,
  O extends "param" | "direction",
  Specs extends AttrSpecs,
>(
  rule: UpdateRule<A, S, O, Specs>,
): UpdateRule<A, S, O, Specs> => rule;

export const commonAttrs = { decay: fixed<DecayKind>("none") };

/**
 * Makes the record of an update. Its operands are `param`, `grad`, `lr` (a number or a scalar tensor), `scale?` (the factor of
 * clipping), `coeff?` (of weight decay, where there is one), the state arrays, the scalars; outputs that overwrite operands are named
 * after them with `_out`.
 */
export function defineUpdate<
  A extends string,
  S extends string,
  O extends "param" | "direction",
  Specs extends AttrSpecs,
>(rule: UpdateRule<A, S, O, Specs>) {
  const inPlace: readonly string[] = [...(rule.result === "param" ? ["param"] : []), ...rule.arrays];
  const outputs = [...(rule.result === "direction" ? ["direction"] : []), ...inPlace.map((n) => `${n}_out`)];
  return defineOp({
    name: rule.name,
    inputs: ["param", "grad", "lr", "scale?", "coeff?", ...rule.arrays, ...rule.scalars] as readonly string[],
    outputs: outputs as readonly string[],
    attrs: { ...rule.attrs, ...commonAttrs } as AttrSpecs,
    infer: (i: Readonly<Record<string, InferInput | undefined>>) => inferUpdate(rule.name, outputs, i),
    lower: (k, inputs, attrs) => {
      const v = inputs as Readonly<Record<string, Expr>>;
      const param = v["param"]!;
      const grad = decayed(k, v["grad"]!, param, v, attrs);
      const named = { ...v, grad } as By<"param" | "grad" | "lr" | A | S, Expr>;
      const next = rule.update(k, named, attrs as BodyAttrsOf<Specs>);
      return Object.fromEntries(outputs.map((name) => [name, next[name.replace(/_out$/, "") as O | A]]));
    },
    inplace: Object.fromEntries(inPlace.map((n) => [`${n}_out`, n])),
    grad: null,
    check: updateCheck(rule.arrays, rule.scalars, [rule.result, ...inPlace.filter((n) => n !== "param")], rule.checks),
  });
}

/**
 * Makes the record that advances a rule's one-element operands, in place. It is bound once after the updates that read them, so that
 * these are element-wise and may be fused with what gives their gradient.
 */
export function defineAdvance<A extends string, S extends string, O extends string, Specs extends AttrSpecs>(
  name: string,
  rule: UpdateRule<A, S, O, Specs>,
  check: OpCheck,
) {
  const { scalars, advance } = rule;
  return defineOp({
    name,
    inputs: scalars as readonly string[],
    outputs: scalars.map((n) => `${n}_out`) as readonly string[],
    attrs: rule.attrs as AttrSpecs,
    infer: (i: Readonly<Record<string, InferInput>>) => {
      const outs: Record<string, TensorType> = {};
      for (const n of scalars) outs[`${n}_out`] = i[n]!;
      return { outs };
    },
    lower: (k, inputs, attrs) => {
      const next = advance!(k, inputs as By<S, Expr>, attrs as BodyAttrsOf<Specs>);
      return Object.fromEntries(scalars.map((n) => [`${n}_out`, next[n]]));
    },
    inplace: Object.fromEntries(scalars.map((n) => [`${n}_out`, n])),
    grad: null,
    check,
  });
}

/** All values are computed before any is stored, since outputs share memory with operands. */
export function write(
  b: { let(e: Expr): Expr; readonly k: K },
  at: Expr,
  values: Readonly<Record<string, Expr>>,
  outs: Readonly<Record<string, OutRef>>,
  names: readonly string[],
): void {
  const pending = names.map((name) => {
    const out = outs[name] ?? outs[`${name}_out`]!;
    return { out, x: b.let(b.k.cast(values[name]!, out.type)) };
  });
  for (const { out, x } of pending) out.setFlat(at, x);
}

/** Clipping's factor first, then weight decay, which is never clipped. */
export function decayed(
  k: K,
  grad: Expr,
  param: Expr,
  { scale, coeff }: Readonly<Record<string, Expr | undefined>>,
  attrs: Readonly<Record<string, unknown>>,
): Expr {
  const clipped = scale ? k.mul(grad, scale) : grad;
  const kind = attrs["decay"] as DecayKind;
  return kind === "none" ? clipped : k.add(clipped, decayOf(k, kind, coeff!, param));
}

const outLength = "_out".length;

const directionOf = ({ shape, dtype }: InferInput): TensorType => ({
  shape,
  dtype: dtype === "float64" ? dtype : "float32",
});

function inferUpdate(
  op: string,
  outputs: readonly string[],
  i: Readonly<Record<string, InferInput | undefined>>,
): Inferred<string> {
  const param = i["param"]!;
  const grad = i["grad"]!;
  requireSameShape(op, param, grad);
  const outs: Record<string, TensorType> = {};
  for (const name of outputs) outs[name] = name === "direction" ? directionOf(param) : i[name.slice(0, -outLength)]!;
  return { outs, compute: param.dtype === "float64" ? "float64" : "float32" };
}

/** Throws InvalidArgument unless a parameter and its gradient are floating-point tensors of one shape. */
export function requireSameShape(op: string, param: InferInput, grad: InferInput): void {
  requireFloat(param, op);
  requireFloat(grad, op);
  if (sameShape(param.shape, grad.shape)) return;
  throw new InvalidArgumentError(
    `the parameter is ${formatShape(param.shape)} and its gradient ${formatShape(grad.shape)}.`,
    { op, param: param.shape, grad: grad.shape },
  );
}
