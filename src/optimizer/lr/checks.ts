// Checks of schedule arguments, shared by the constructors: each refusal is an InvalidArgument that names the schedule.

import { InvalidArgumentError } from "../../core/errors.js";
import { isNdArray } from "../../core/nd-array.js";
import { describe } from "../../core/options.js";

/** A function of the epoch counter, as LambdaDecay, MultiplicativeDecay and CyclicLR take one. */
export type EpochFunction = (epoch: number) => number;

/** Something with one number in it: a number, an array of one element, or a tensor whose data can be read at once. */
export type ScalarLike =
  | number
  | bigint
  | { readonly data: ArrayLike<number | bigint> }
  | { dataSync(): ArrayLike<number | bigint> };

/** Refuses what is not a number (NaN included). */
export function checkNumber(api: string, name: string, value: unknown): asserts value is number {
  if (typeof value !== "number" || Number.isNaN(value)) {
    throw new InvalidArgumentError(`${name} must be a number, got ${describe(value)}.`, { op: api, parameter: name });
  }
}

/** Refuses what is not a whole number above zero. */
export function checkPositiveInteger(api: string, name: string, value: unknown): asserts value is number {
  if (!Number.isInteger(value) || (value as number) <= 0) {
    throw new InvalidArgumentError(`${name} must be a positive integer, got ${describe(value)}.`, {
      op: api,
      parameter: name,
    });
  }
}

/** Refuses what is not a function. */
export function checkFunction(api: string, name: string, value: unknown): void {
  if (typeof value !== "function") {
    throw new InvalidArgumentError(`${name} must be a function of the epoch, got ${describe(value)}.`, {
      op: api,
      parameter: name,
    });
  }
}

/** Throws InvalidArgument with `message` unless `holds`. */
export function check(api: string, name: string, holds: boolean, message: string): void {
  if (!holds) throw new InvalidArgumentError(message, { op: api, parameter: name });
}

/** The one number in `value`. Throws InvalidArgument when it holds none, or more than one. */
export function scalarOf(api: string, name: string, value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  const data = elementsOf(value);
  if (data === undefined) {
    throw new InvalidArgumentError(`${name} must be a number, or an array or tensor of one, got ${describe(value)}.`, {
      op: api,
      parameter: name,
    });
  }
  if (data.length !== 1) {
    throw new InvalidArgumentError(`${name} must hold one number, got ${data.length}.`, {
      op: api,
      parameter: name,
      hint: "Take the mean or the sum first.",
    });
  }
  return Number(data[0]);
}

function elementsOf(value: unknown): ArrayLike<number | bigint> | undefined {
  if (isNdArray(value)) return value.data;
  if (Array.isArray(value)) return value;
  if (typeof value !== "object" || value === null) return undefined;
  if ("dataSync" in value && typeof value.dataSync === "function") return value.dataSync();
  return undefined;
}
