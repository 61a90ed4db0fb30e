// CosineAnnealingDecay: half a cosine wave down to a lower bound, then up again, from "SGDR".

import type { Trailing } from "../../core/options.js";
import { namedOptions } from "../../core/options.js";
import { checkNumber, checkPositiveInteger } from "./checks.js";
import { type CommonOptions, LRScheduler, common, commonKeys } from "./lr-scheduler.js";

/** Arguments of {@link CosineAnnealingDecay}. */
export interface CosineAnnealingDecayOptions extends CommonOptions {
  learningRate: number;
  /** Epochs of half a wave. */
  T_max: number;
  /** The lower bound; 0 by default. */
  etaMin?: number | undefined;
}

const keys = ["learningRate", "T_max", "etaMin", ...commonKeys] as const;

/**
 * `etaMin + (learningRate - etaMin) * (1 + cos(pi * epoch / T_max)) / 2`, computed step by step from the last rate (so that a
 * changed `lastLr` carries on) and in this closed form after a jump by `step(epoch)`.
 *
 * @throws InvalidArgumentError when T_max is no positive integer.
 * @example
 * const schedule = new CosineAnnealingDecay(0.1, 100);
 */
export class CosineAnnealingDecay extends LRScheduler {
  readonly T_max: number;
  readonly etaMin: number;

  constructor(
    ...args:
      | [options: CosineAnnealingDecayOptions]
      | [learningRate: number, T_max: number, ...Trailing<number, Partial<CosineAnnealingDecayOptions>>]
  ) {
    const o = namedOptions<CosineAnnealingDecayOptions>("CosineAnnealingDecay", args, keys, 2);
    const { etaMin = 0 } = o;
    checkPositiveInteger("CosineAnnealingDecay", "T_max", o.T_max);
    checkNumber("CosineAnnealingDecay", "etaMin", etaMin);
    super(common(o, o.learningRate));
    this.T_max = o.T_max;
    this.etaMin = etaMin;
  }

  override getLr(): number {
    const { lastEpoch: t, T_max: T, etaMin } = this;
    if (t === 0) return this.baseLr;
    // At the bottom of the wave the ratio below is 0 / 0.
    if ((t - 1 - T) % (2 * T) === 0) return this.lastLr + ((this.baseLr - etaMin) * (1 - Math.cos(Math.PI / T))) / 2;
    return (
      ((1 + Math.cos((Math.PI * t) / T)) / (1 + Math.cos((Math.PI * (t - 1)) / T))) * (this.lastLr - etaMin) + etaMin
    );
  }

  protected override closedFormLr(): number {
    return this.etaMin + ((this.baseLr - this.etaMin) * (1 + Math.cos((Math.PI * this.lastEpoch) / this.T_max))) / 2;
  }
}
