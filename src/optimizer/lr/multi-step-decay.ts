// MultiStepDecay: a factor at each of the given epochs.

import type { Trailing } from "../../core/options.js";
import { namedOptions } from "../../core/options.js";
import { check, checkNumber } from "./checks.js";
import { type CommonOptions, LRScheduler, common, commonKeys } from "./lr-scheduler.js";

/** Arguments of {@link MultiStepDecay}. */
export interface MultiStepDecayOptions extends CommonOptions {
  learningRate: number;
  /** Epochs at which the rate drops, growing. */
  milestones: readonly number[];
  /** Factor at each milestone, below 1; 0.1 by default. */
  gamma?: number | undefined;
}

const keys = ["learningRate", "milestones", "gamma", ...commonKeys] as const;

/**
 * `learningRate * gamma^(number of milestones <= epoch)`.
 *
 * @throws InvalidArgumentError when the milestones do not grow or gamma is not below 1.
 * @example
 * const schedule = new MultiStepDecay(0.1, [30, 60, 80]);
 */
export class MultiStepDecay extends LRScheduler {
  readonly milestones: readonly number[];
  readonly gamma: number;

  constructor(
    ...args:
      | [options: MultiStepDecayOptions]
      | [learningRate: number, milestones: readonly number[], ...Trailing<number, Partial<MultiStepDecayOptions>>]
  ) {
    const o = namedOptions<MultiStepDecayOptions>("MultiStepDecay", args, keys, 2);
    const { gamma = 0.1, milestones } = o;
    check("MultiStepDecay", "milestones", Array.isArray(milestones), "milestones must be an array of epochs.");
    for (const milestone of milestones) checkNumber("MultiStepDecay", "milestones", milestone);
    const growing = milestones.every((m, i) => i === 0 || milestones[i - 1]! < m);
    check("MultiStepDecay", "milestones", growing, `milestones must grow, got [${milestones.join(", ")}].`);
    checkNumber("MultiStepDecay", "gamma", gamma);
    check("MultiStepDecay", "gamma", gamma < 1, `gamma must be less than 1, got ${gamma}.`);
    super(common(o, o.learningRate));
    this.milestones = [...milestones];
    this.gamma = gamma;
  }

  override getLr(): number {
    const ahead = this.milestones.findIndex((milestone) => this.lastEpoch < milestone);
    return this.baseLr * this.gamma ** (ahead === -1 ? this.milestones.length : ahead);
  }
}
