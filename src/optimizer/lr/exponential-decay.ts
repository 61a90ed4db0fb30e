// ExponentialDecay: the same factor at each epoch.

import type { Trailing } from "../../core/options.js";
import { namedOptions } from "../../core/options.js";
import { check, checkNumber } from "./checks.js";
import { type CommonOptions, LRScheduler, common, commonKeys } from "./lr-scheduler.js";

/** Arguments of {@link ExponentialDecay}. */
export interface ExponentialDecayOptions extends CommonOptions {
  learningRate: number;
  /** Factor per epoch, between 0 and 1. */
  gamma: number;
}

const keys = ["learningRate", "gamma", ...commonKeys] as const;

/**
 * `learningRate * gamma^epoch`.
 *
 * @throws InvalidArgumentError unless `0 < gamma < 1`.
 * @example
 * const schedule = new ExponentialDecay(0.1, 0.95);
 */
export class ExponentialDecay extends LRScheduler {
  readonly gamma: number;

  constructor(
    ...args:
      | [options: ExponentialDecayOptions]
      | [learningRate: number, gamma: number, ...Trailing<number, Partial<ExponentialDecayOptions>>]
  ) {
    const o = namedOptions<ExponentialDecayOptions>("ExponentialDecay", args, keys, 2);
    checkNumber("ExponentialDecay", "gamma", o.gamma);
    check("ExponentialDecay", "gamma", o.gamma > 0 && o.gamma < 1, `gamma must be between 0 and 1, got ${o.gamma}.`);
    super(common(o, o.learningRate));
    this.gamma = o.gamma;
  }

  override getLr(): number {
    return this.baseLr * this.gamma ** this.lastEpoch;
  }
}
