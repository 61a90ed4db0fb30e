// InverseTimeDecay: decay by a growing divisor.

import type { Trailing } from "../../core/options.js";
import { namedOptions } from "../../core/options.js";
import { checkNumber } from "./checks.js";
import { type CommonOptions, LRScheduler, common, commonKeys } from "./lr-scheduler.js";

/** Arguments of {@link InverseTimeDecay}. */
export interface InverseTimeDecayOptions extends CommonOptions {
  learningRate: number;
  /** Growth of the divisor per epoch. */
  gamma: number;
}

const keys = ["learningRate", "gamma", ...commonKeys] as const;

/**
 * `learningRate / (1 + gamma * epoch)`.
 *
 * @example
 * const schedule = new InverseTimeDecay(0.5, 0.1);
 */
export class InverseTimeDecay extends LRScheduler {
  readonly gamma: number;

  constructor(
    ...args:
      | [options: InverseTimeDecayOptions]
      | [learningRate: number, gamma: number, ...Trailing<number, Partial<InverseTimeDecayOptions>>]
  ) {
    const o = namedOptions<InverseTimeDecayOptions>("InverseTimeDecay", args, keys, 2);
    checkNumber("InverseTimeDecay", "gamma", o.gamma);
    super(common(o, o.learningRate));
    this.gamma = o.gamma;
  }

  override getLr(): number {
    return this.baseLr / (1 + this.gamma * this.lastEpoch);
  }
}
