// PiecewiseDecay: a constant rate in each interval of epochs.

import type { Trailing } from "../../core/options.js";
import { namedOptions } from "../../core/options.js";
import { check, checkNumber } from "./checks.js";
import { type CommonOptions, LRScheduler, common, commonKeys } from "./lr-scheduler.js";

/** Arguments of {@link PiecewiseDecay}. */
export interface PiecewiseDecayOptions extends CommonOptions {
  /** Epochs at which the rate changes. */
  boundaries: readonly number[];
  /** The rates: one more than there are boundaries. */
  values: readonly number[];
}

const keys = ["boundaries", "values", ...commonKeys] as const;

/**
 * `values[i]` for the first i with `epoch < boundaries[i]`, the last value after all boundaries.
 *
 * @throws InvalidArgumentError unless there is one value more than boundaries.
 * @example
 * const schedule = new PiecewiseDecay([3, 6], [0.1, 0.05, 0.01]);
 */
export class PiecewiseDecay extends LRScheduler {
  readonly boundaries: readonly number[];
  readonly values: readonly number[];

  constructor(
    ...args:
      | [options: PiecewiseDecayOptions]
      | [boundaries: readonly number[], values: readonly number[], ...Trailing<number, Partial<PiecewiseDecayOptions>>]
  ) {
    const o = namedOptions<PiecewiseDecayOptions>("PiecewiseDecay", args, keys, 2);
    check("PiecewiseDecay", "boundaries", Array.isArray(o.boundaries), "boundaries must be an array of epochs.");
    check("PiecewiseDecay", "values", Array.isArray(o.values), "values must be an array of rates.");
    const [given, needed] = [o.values.length, o.boundaries.length + 1];
    check(
      "PiecewiseDecay",
      "values",
      given === needed,
      `values must have ${needed} entries, one more than boundaries, got ${given}.`,
    );
    for (const boundary of o.boundaries) checkNumber("PiecewiseDecay", "boundaries", boundary);
    for (const value of o.values) checkNumber("PiecewiseDecay", "values", value);
    super(common(o));
    this.boundaries = [...o.boundaries];
    this.values = [...o.values];
  }

  override getLr(): number {
    const i = this.boundaries.findIndex((boundary) => this.lastEpoch < boundary);
    return this.values.at(i)!; // -1, no boundary ahead, is the last value
  }
}
