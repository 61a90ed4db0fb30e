// What functions of losses and tables share: how a loss is reduced, and bad class numbers found before a kernel meets them.

import { InvalidArgumentError, OutOfRangeError } from "../../core/errors.js";
import { formatShape, sameShape, sizeOf } from "../../core/shape.js";
import { sum } from "../../ops/broadcast.js";
import { mean } from "../../ops/reduction.js";
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

/**
 * Throws OutOfRange when one of a few class numbers is outside [0, classes) and not `ignore`. Only tensors whose numbers are there
 * already are looked at; inside a trace and for large ones kernels stay in bounds without an error.
 */
export function checkNumbers(x: Value, classes: number, op: string, ignore?: number): void {
  if (x.symbol || isCapturing() || sizeOf(x.shape) > checkedNumbers) return;
  for (const n of Array.from(toArray(x).data as ArrayLike<number | bigint>, Number)) {
    if ((n >= 0 && n < classes) || n === ignore) continue;
    throw new OutOfRangeError(`${n} is outside [0, ${classes}).`, {
      op,
      value: n,
      hint: ignore === undefined ? undefined : `or it must equal ignoreIndex, which is ${ignore}.`,
    });
  }
}
