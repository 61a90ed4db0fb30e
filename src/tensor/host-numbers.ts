// Small integer tensors given in place of numbers: their values, read on the host.

import { dtypes } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import type { Value } from "../program/value.js";
import { toArray } from "../trace/eager.js";

/** The elements of an eager integer tensor as numbers; a clear error for a Program's variable. */
export function numbersOf(x: Value, op: string): number[] {
  if (dtypes[x.dtype].kind !== "int")
    throw new InvalidArgumentError(`needs integers, got a ${x.dtype} tensor.`, { op, dtype: x.dtype });
  return Array.from(toArray(x).data as Int32Array | BigInt64Array, Number);
}

/** The only element of an eager integer tensor, or the number itself. */
export const numberOf = (x: number | Value, op: string): number =>
  typeof x === "number" ? x : numbersOf(x, op)[0]!;
