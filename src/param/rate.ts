// Learning rates: a number, or a schedule that is asked at each update.

import { InvalidArgumentError } from "../core/errors.js";
import { describe } from "../core/options.js";

/** A schedule as parameters see it: the rate in force. */
export interface Schedule {
  readonly lastLr: number;
}

/** A rate or a factor of one: a number, or a schedule object. */
export type Rate = number | Schedule;

/** The number in force now. */
export const rateNow = (rate: Rate): number => (typeof rate === "number" ? rate : rate.lastLr);

/** Throws InvalidArgument unless `x` is a number or a schedule. */
export function checkRate(x: unknown, name: string, op: string): asserts x is Rate {
  if (typeof x === "number" && !Number.isNaN(x)) return;
  if (typeof x === "object" && x !== null && "lastLr" in x) return;
  throw new InvalidArgumentError(`${name} must be a number or a schedule of optimizer.lr, got ${describe(x)}.`, {
    op,
    name,
  });
}

/** A rate as tables print it. */
export const formatRate = (rate: Rate): string =>
  typeof rate === "number" ? String(rate) : `${String(Number(rate.lastLr.toPrecision(6)))} (schedule)`;
