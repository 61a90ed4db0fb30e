// StepDecay: a factor every so many epochs.

import type { Trailing } from "../../core/options.js";
import { namedOptions } from "../../core/options.js";
import { check, checkNumber, checkPositiveInteger } from "./checks.js";
import { type CommonOptions, LRScheduler, common, commonKeys } from "./lr-scheduler.js";

/** Arguments of {@link StepDecay}. */
export interface StepDecayOptions extends CommonOptions {
  learningRate: number;
  /** Epochs between drops. */
  stepSize: number;
  /** Factor at each drop, below 1; 0.1 by default. */
  gamma?: number | undefined;
}

const keys = ["learningRate", "stepSize", "gamma", ...commonKeys] as const;

/**
 * `learningRate * gamma^floor(epoch / stepSize)`.
 *
 * @throws InvalidArgumentError when stepSize is no positive integer or gamma is not below 1.
 * @example
 * const schedule = new StepDecay(0.1, 30);
 */
export class StepDecay extends LRScheduler {
  readonly stepSize: number;
  readonly gamma: number;

  constructor(
    ...args:
      | [options: StepDecayOptions]
      | [learningRate: number, stepSize: number, ...Trailing<number, Partial<StepDecayOptions>>]
  ) {
    const o = namedOptions<StepDecayOptions>("StepDecay", args, keys, 2);
    const { gamma = 0.1 } = o;
    checkPositiveInteger("StepDecay", "stepSize", o.stepSize);
    checkNumber("StepDecay", "gamma", gamma);
    check("StepDecay", "gamma", gamma < 1, `gamma must be less than 1, got ${gamma}.`);
    super(common(o, o.learningRate));
    this.stepSize = o.stepSize;
    this.gamma = gamma;
  }

  override getLr(): number {
    return this.baseLr * this.gamma ** Math.floor(this.lastEpoch / this.stepSize);
  }
}
