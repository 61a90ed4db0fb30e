// The form all optimizer updates share: one pass over a parameter and its state, in place, then one over its [1] powers.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape, sameShape } from "../core/shape.js";
import type { OutRef, Ref } from "../fuse/body.js";
import { blockElements } from "../fuse/emitter.js";
import type { Expr } from "../kernel/expr.js";
import type { K } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { type AttrSpecs, type BodyAttrsOf, fixed, type Inferred, type InferInput, scalar } from "../program/op.js";
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
  /** The next values of the one-element operands; without it they are only read. */
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

export const commonAttrs = { decay: fixed<DecayKind>("none"), coeff: scalar(0) };

/**
 * Makes the record of an update. Its operands are `param`, `grad`, `lr` (a number or a scalar tensor), `scale?` (the factor of
 * clipping), the state arrays, the scalars; outputs that overwrite operands are named after them with `_out`.
 */
export function defineUpdate<
  A extends string,
  S extends string,
  O extends "param" | "direction",
  Specs extends AttrSpecs,
>(rule: UpdateRule<A, S, O, Specs>) {
  const inPlace: readonly string[] = [
    ...(rule.result === "param" ? ["param"] : []),
    ...rule.arrays,
    ...(rule.advance ? rule.scalars : []),
  ];
  const outputs = [...(rule.result === "direction" ? ["direction"] : []), ...inPlace.map((n) => `${n}_out`)];
  return defineOp({
    name: rule.name,
    inputs: ["param", "grad", "lr", "scale?", ...rule.arrays, ...rule.scalars] as readonly string[],
    outputs: outputs as readonly string[],
    attrs: { ...rule.attrs, ...commonAttrs } as AttrSpecs,
    infer: (i: Readonly<Record<string, InferInput | undefined>>) => inferUpdate(rule.name, outputs, i),
    kernel: (b, inputs, outs, attrs) => {
      const { k } = b;
      const named = inputs as Readonly<Record<string, Ref | undefined>>;
      const param = named["param"]!;
      const own = attrs as BodyAttrsOf<Specs>;
      const zero = k.const("i32", 0);
      const one = (name: string): Expr => b.let(k.cast(named[name]!.flat(zero), param.type));
      const size = param.size;
      const blocks = k.divIndex(k.add(size, blockElements - 1), k.const("i32", blockElements));
      b.parallel(blocks, (block) => {
        const fixedValues: Record<string, Expr> = { lr: one("lr") };
        for (const name of rule.scalars) fixedValues[name] = one(name);
        const scale = named["scale"] ? one("scale") : undefined;
        const from = b.let(k.mul(block, blockElements));
        b.lanes(from, b.let(k.min(k.add(from, blockElements), size)), (at) => {
          const v: Record<string, Expr> = { ...fixedValues };
          for (const name of ["param", "grad", ...rule.arrays])
            v[name] = b.let(k.cast(named[name]!.flat(at), param.type));
          v["grad"] = decayed(k, v["grad"]!, v["param"]!, scale, attrs);
          const next = rule.update(k, v as By<"param" | "grad" | "lr" | A | S, Expr>, own);
          write(b, at, next, outs, [rule.result, ...rule.arrays]);
        });
      });
      const { advance } = rule;
      if (!advance) return;
      b.parallel(1, () => {
        const v = Object.fromEntries(rule.scalars.map((name) => [name, one(name)])) as By<S, Expr>;
        write(b, zero, advance(k, v, own), outs, rule.scalars);
      });
    },
    fuses: { loads: true },
    inplace: Object.fromEntries(inPlace.map((n) => [`${n}_out`, n])),
    grad: null,
    check: updateCheck(rule.arrays, rule.scalars, [rule.result, ...inPlace.filter((n) => n !== "param")], rule.checks),
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
  scale: Expr | undefined,
  attrs: Readonly<Record<string, unknown>>,
): Expr {
  const clipped = scale ? k.mul(grad, scale) : grad;
  const kind = attrs["decay"] as DecayKind;
  return kind === "none" ? clipped : k.add(clipped, decayOf(k, kind, attrs["coeff"] as Expr, param));
}

function inferUpdate(
  op: string,
  outputs: readonly string[],
  i: Readonly<Record<string, InferInput | undefined>>,
): Inferred<string> {
  const param = i["param"]!;
  const grad = i["grad"]!;
  requireSameShape(op, param, grad);
  const outs = Object.fromEntries(
    outputs.map((name) => {
      const like = name === "direction" ? param : i[name.slice(0, -"_out".length)]!;
      const half = name === "direction" && param.dtype !== "float64";
      return [name, { shape: like.shape, dtype: half ? ("float32" as const) : like.dtype }];
    }),
  );
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
