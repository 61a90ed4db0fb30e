// NaturalExpDecay: decay by a power of e.

import type { Trailing } from "../../core/options.js";
import { namedOptions } from "../../core/options.js";
import { check, checkNumber } from "./checks.js";
import { type CommonOptions, LRScheduler, common, commonKeys } from "./lr-scheduler.js";

/** Arguments of {@link NaturalExpDecay}. */
export interface NaturalExpDecayOptions extends CommonOptions {
  learningRate: number;
  /** Decay per epoch, above 0. */
  gamma: number;
}

const keys = ["learningRate", "gamma", ...commonKeys] as const;

/**
 * `learningRate * exp(-gamma * epoch)`.
 *
 * @throws InvalidArgumentError when gamma is not above 0.
 * @example
 * const schedule = new NaturalExpDecay(0.5, 0.1);
 */
export class NaturalExpDecay extends LRScheduler {
  readonly gamma: number;

  constructor(
    ...args:
      | [options: NaturalExpDecayOptions]
      | [learningRate: number, gamma: number, ...Trailing<number, Partial<NaturalExpDecayOptions>>]
  ) {
    const o = namedOptions<NaturalExpDecayOptions>("NaturalExpDecay", args, keys, 2);
    checkNumber("NaturalExpDecay", "gamma", o.gamma);
    check("NaturalExpDecay", "gamma", o.gamma > 0, `gamma must be greater than 0 for a decay, got ${o.gamma}.`);
    super(common(o, o.learningRate));
    this.gamma = o.gamma;
  }

  override getLr(): number {
    return this.baseLr * Math.exp(-this.gamma * this.lastEpoch);
  }
}
