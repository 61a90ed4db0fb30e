// Sizes that depend on values: read at once when eager; in a Program a stand-in, and a cut where each run reads the number.

import { InvalidArgumentError } from "../core/errors.js";
import type { VarDesc } from "../program/program.js";
import type { Value } from "../program/value.js";
import { bind1, isCapturing } from "./bind.js";
import { toArray } from "./eager.js";
import { sizeReadOp } from "./size-read.js";

/**
 * The number in a tensor of one integer, for use as a size. Eager tensors are read at once. In a Program (and in captured functions) it
 * is a stand-in: each run is cut here, reads the number, and goes on with code for the size. A size of the same count of the same values
 * is the same number, so that what two calls choose by one mask has one shape.
 *
 * @param of the function that asks, for messages
 * @param refusal what is wrong when the number is negative
 * @throws InvalidArgumentError for a negative number, in a Program when it runs; UnimplementedError inside branches and loops.
 */
export function sizeIn(x: Value, of: string, refusal = "a size must not be negative."): number {
  if (!x.symbol && !isCapturing()) return sizeFrom(x, of, refusal);
  const read = bind1(sizeReadOp, [x], { of, refusal });
  return (read.symbol as VarDesc).producer!.attrs["size"] as number;
}

/** The number in an eager tensor, checked. */
export function sizeFrom(x: Value, of: string, refusal: string): number {
  const n = Number(toArray(x).data[0]);
  if (n < 0) throw new InvalidArgumentError(refusal, { op: of, value: n });
  return n;
}
