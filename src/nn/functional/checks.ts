// What functions of losses and tables share: how a loss is reduced, and bad class numbers found before a kernel meets them.

import { InvalidArgumentError, OutOfRangeError } from "../../core/errors.js";
import { publicExtent } from "../../core/extents.js";
import type { NdArray } from "../../core/nd-array.js";
import { formatShape, sameShape, sizeOf } from "../../core/shape.js";
import { sum } from "../../ops/broadcast.js";
import { mean } from "../../ops/reduction.js";
import type { VarDesc } from "../../program/program.js";
import type { Value } from "../../program/value.js";
import type { Tensor } from "../../tensor/tensor.js";
import { isCapturing } from "../../trace/bind.js";
import { toArray } from "../../trace/eager.js";

/** What becomes of the losses of single elements: all of them, their mean (the default), or their sum. */
export type Reduction = "none" | "mean" | "sum";

/** The option of losses that have no other. */
export interface ReductionOptions {
  /** Default "mean". */
  readonly reduction?: Reduction | undefined;
}

/** The reduction asked for, checked. */
export function reductionOf(given: string | undefined, op: string): Reduction {
  if (given === undefined || given === "mean") return "mean";
  if (given === "none" || given === "sum") return given;
  throw new InvalidArgumentError(`reduction must be "none", "mean" or "sum", got ${JSON.stringify(given)}.`, { op });
}

/** The losses, their mean or their sum. */
export function reduced(loss: Tensor, reduction: Reduction): Tensor {
  if (reduction === "none") return loss;
  const axes = loss.shape.map((_, a) => a);
  return reduction === "sum" ? sum(loss) : mean(loss, axes, false);
}

/** Throws InvalidArgument unless two shapes are equal. */
export function requireSameShape(op: string, a: Value, b: Value, names = "input and label"): void {
  if (sameShape(a.shape, b.shape) || [...a.shape, ...b.shape].includes(-1)) return;
  throw new InvalidArgumentError(
    `${names} must have one shape, got ${formatShape(a.shape)} and ${formatShape(b.shape)}.`,
    { op, x: a.shape, y: b.shape },
  );
}

/** More numbers than this are not read before a kernel runs: it keeps them inside the table by itself. */
const checkedNumbers = 1024;

/** Class numbers must lie in [0, classes), or be `ignore`. */
export interface Bounds {
  readonly classes: number;
  readonly op: string;
  readonly ignore: number | undefined;
}

/** What inputs of Programs must be for the ops that read them. */
const bounds = new WeakMap<object, Bounds[]>();

/** What the ops that read an input of a Program want its numbers to be. */
export const boundsOf = (input: object): readonly Bounds[] => bounds.get(input) ?? [];

/**
 * Throws OutOfRange when one of a few class numbers is outside [0, classes) and not `ignore`. Numbers that are there already are looked
 * at now, a Program's inputs when they are fed; otherwise, and for large ones, kernels stay in bounds without an error.
 */
export function checkNumbers(x: Value, classes: number, op: string, ignore?: number): void {
  const symbol = x.symbol as VarDesc | undefined;
  if (symbol?.isInput && publicExtent(classes) >= 0)
    bounds.set(symbol, [...(bounds.get(symbol) ?? []), { classes, op, ignore }]);
  if (symbol || isCapturing() || sizeOf(x.shape) > checkedNumbers) return;
  checkArray(toArray(x), { classes, op, ignore });
}

/** Throws OutOfRange when one of a few numbers is not in bounds; `name` is the input that they were fed to. */
export function checkArray({ data }: NdArray, { classes, op, ignore }: Bounds, name?: string): void {
  if (data.length > checkedNumbers) return;
  for (const one of data) {
    const n = Number(one);
    if ((n >= 0 && n < classes) || n === ignore) continue;
    const why = ignore === undefined ? "" : `, or it must equal ignoreIndex, which is ${ignore}`;
    const hint = name === undefined ? why && `${why.slice(2)}.` : `it was fed to "${name}"${why}.`;
    throw new OutOfRangeError(`${n} is outside [0, ${classes}).`, { op, value: n, name, hint: hint || undefined });
  }
}
