// Ops: updates of some rows of a parameter and its state by a gradient of rows; the rest of the table is neither read nor written.

import { InvalidArgumentError } from "../core/errors.js";
import { formatShape } from "../core/shape.js";
import type { Ref } from "../fuse/body.js";
import { constant, type Expr } from "../kernel/expr.js";
import { defineOp } from "../program/define-op.js";
import type { AttrSpecs, BodyAttrsOf, InferInput } from "../program/op.js";
import { requireFloat, requireInt } from "./infer.js";
import { adamAmsgradRule, adamRule, adamwAmsgradRule, adamwRule, sgdRule } from "./optimizer.js";
import { rowsCheck } from "./optimizer-rows-check.js";
import { type By, type UpdateRule, write } from "./optimizer-update.js";
import { forRows, rowSums } from "./rows.js";

/**
 * Makes the record of an optimizer's rule on rows. Operands are `param` [rows, columns], `ids`, `values` (the shape of the ids, and
 * columns), `lr`, `scale?` (the factor of clipping), the state, the one-element operands. Values of the same row are added up first;
 * weight decay makes a gradient dense, so there is none here; the one-element operands advance as in a dense update. Paddle corrects the bias of sparse Adam one step ahead on CPU: not copied.
 */
function defineRowsUpdate<A extends string, S extends string, Specs extends AttrSpecs>(
  name: string,
  rule: UpdateRule<A, S, "param", Specs>,
) {
  const inPlace: readonly string[] = ["param", ...rule.arrays, ...(rule.advance ? rule.scalars : [])];
  return defineOp({
    name,
    inputs: ["param", "ids", "values", "lr", "scale?", ...rule.arrays, ...rule.scalars] as readonly string[],
    outputs: inPlace.map((n) => `${n}_out`) as readonly string[],
    attrs: rule.attrs as AttrSpecs,
    infer: (i: Readonly<Record<string, InferInput | undefined>>) => inferRows(name, inPlace, i),
    kernel: (b, inputs, outs, attrs) => {
      const { k } = b;
      const named = inputs as Readonly<Record<string, Ref | undefined>>;
      const own = attrs as BodyAttrsOf<Specs>;
      const param = named["param"]!;
      const columns = param.extent(1);
      const zero = constant("i32", 0);
      const one = (operand: string): Expr => b.let(k.cast(named[operand]!.flat(zero), param.type));
      const ids = named["ids"]!;
      const sums = rowSums(b, ids, named["values"]!, param.extent(0));
      const readNumbers = () => ({
        numbers: Object.fromEntries(["lr", ...rule.scalars].map((n) => [n, one(n)])),
        scale: named["scale"] ? one("scale") : undefined,
      });
      forRows(b, ids, sums.chains, readNumbers, (first, { numbers, scale }) => {
        const row = k.cast(ids.flat(k.sub(first, 1)), "i32");
        const start = b.let(k.mul(row, columns));
        sums.forColumns(first, (c, sum) => {
          const at = b.let(k.add(start, c));
          const v: Record<string, Expr> = { ...numbers };
          for (const n of ["param", ...rule.arrays]) v[n] = b.let(k.cast(named[n]!.flat(at), param.type));
          const grad = k.cast(sum, param.type);
          v["grad"] = scale ? k.mul(grad, scale) : grad;
          const next = rule.update(k, v as By<"param" | "grad" | "lr" | A | S, Expr>, own);
          write(b, at, next, outs, ["param", ...rule.arrays]);
        });
      });
      const { advance } = rule;
      if (!advance) return;
      b.parallel(1, () => {
        const v = Object.fromEntries(rule.scalars.map((n) => [n, one(n)])) as By<S, Expr>;
        write(b, zero, advance(k, v, own), outs, rule.scalars);
      });
    },
    fuses: { loads: true },
    inplace: Object.fromEntries(inPlace.map((n) => [`${n}_out`, n])),
    grad: null,
    check: rowsCheck(rule.arrays, rule.scalars, inPlace, rule.checks),
  });
}

function inferRows(op: string, inPlace: readonly string[], i: Readonly<Record<string, InferInput | undefined>>) {
  const param = i["param"]!;
  const ids = i["ids"]!;
  const values = i["values"]!;
  requireFloat(param, op);
  requireFloat(values, op);
  requireInt(ids, "ids", op);
  const fits = values.shape.length === ids.shape.length + 1 && values.shape.at(-1) === param.shape[1];
  if (param.shape.length !== 2 || !fits)
    throw new InvalidArgumentError(
      `the parameter is ${formatShape(param.shape)}, the rows are ${formatShape(ids.shape)} with values ${formatShape(values.shape)}.`,
      { op, param: param.shape, ids: ids.shape, values: values.shape },
    );
  const outs = Object.fromEntries(inPlace.map((n) => [`${n}_out`, { shape: i[n]!.shape, dtype: i[n]!.dtype }]));
  return { outs, compute: param.dtype === "float64" ? ("float64" as const) : ("float32" as const) };
}

/** `param -= lr * grad` in the rows of the gradient. */
export const sgdRowsOp = defineRowsUpdate("sgd_dense_param_sparse_grad", sgdRule);

/** Lazy Adam: parameter and means change only in the rows of the gradient. */
export const adamRowsOp = defineRowsUpdate("adam_dense_param_sparse_grad", adamRule);

/** Lazy Adam with the largest second moment so far. */
export const adamAmsgradRowsOp = defineRowsUpdate("adam_amsgrad_dense_param_sparse_grad", adamAmsgradRule);

/** Lazy AdamW: decoupled decay, too, in the rows of the gradient only. */
export const adamwRowsOp = defineRowsUpdate("adamw_dense_param_sparse_grad", adamwRule);

/** Lazy AdamW with the largest second moment so far. */
export const adamwAmsgradRowsOp = defineRowsUpdate("adamw_amsgrad_dense_param_sparse_grad", adamwAmsgradRule);
