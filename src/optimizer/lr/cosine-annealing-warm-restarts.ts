// CosineAnnealingWarmRestarts: half a cosine wave down, then back to the top, in cycles that may grow, from "SGDR".

import type { Trailing } from "../../core/options.js";
import { namedOptions } from "../../core/options.js";
import { check, checkNumber, checkPositiveInteger } from "./checks.js";
import { type CommonOptions, LRScheduler, common, commonKeys } from "./lr-scheduler.js";

/** Arguments of {@link CosineAnnealingWarmRestarts}. */
export interface CosineAnnealingWarmRestartsOptions extends CommonOptions {
  learningRate: number;
  /** Epochs of the first cycle. */
  T_0: number;
  /** Each cycle is this many times as long as the one before; 1 by default. */
  T_mult?: number | undefined;
  /** The lower bound; 0 by default. */
  etaMin?: number | undefined;
}

const keys = ["learningRate", "T_0", "T_mult", "etaMin", ...commonKeys] as const;

/**
 * `etaMin + (learningRate - etaMin) * (1 + cos(pi * T_cur / T_i)) / 2`, T_cur being the epochs since the last restart and T_i the
 * length of this cycle. As in Paddle, neither is saved: after `setStateDict` the current rate is right and the wave starts
 * anew; `step(schedule.lastEpoch)` puts it back in its place.
 *
 * @throws InvalidArgumentError when T_0 or T_mult is no positive integer, or on a jump to a negative epoch.
 * @example
 * const schedule = new CosineAnnealingWarmRestarts(0.1, 10, { T_mult: 2 });
 */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  readonly T_0: number;
  readonly T_mult: number;
  readonly etaMin: number;
  /** Length of the current cycle in epochs. */
  T_i: number;
  /** Epochs since the last restart. */
  T_cur = 0;

  constructor(
    ...args:
      | [options: CosineAnnealingWarmRestartsOptions]
      | [learningRate: number, T_0: number, ...Trailing<number, Partial<CosineAnnealingWarmRestartsOptions>>]
  ) {
    const api = "CosineAnnealingWarmRestarts";
    const o = namedOptions<CosineAnnealingWarmRestartsOptions>(api, args, keys, 2);
    const { T_mult = 1, etaMin = 0 } = o;
    checkPositiveInteger(api, "T_0", o.T_0);
    checkPositiveInteger(api, "T_mult", T_mult);
    checkNumber(api, "etaMin", etaMin);
    super(common(o, o.learningRate));
    this.T_0 = o.T_0;
    this.T_i = o.T_0;
    this.T_mult = T_mult;
    this.etaMin = etaMin;
    this.T_cur = o.lastEpoch ?? -1;
  }

  override getLr(): number {
    return this.etaMin + ((this.baseLr - this.etaMin) * (1 + Math.cos((Math.PI * this.T_cur) / this.T_i))) / 2;
  }

  override step(epoch?: number): void {
    this.start();
    if (epoch === undefined) this.advance();
    else this.jump(epoch);
    this.lastLr = this.getLr();
    this.report();
  }

  private advance(): void {
    this.lastEpoch += 1;
    this.T_cur += 1;
    if (this.T_cur < this.T_i) return;
    this.T_cur -= this.T_i;
    this.T_i *= this.T_mult;
  }

  private jump(epoch: number): void {
    check("CosineAnnealingWarmRestarts", "epoch", epoch >= 0, `epoch must not be negative, got ${epoch}.`);
    let start = 0;
    let length = this.T_0;
    if (this.T_mult === 1) start = Math.floor(epoch / length) * length;
    else {
      while (start + length <= epoch) {
        start += length;
        length *= this.T_mult;
      }
    }
    this.T_i = length;
    this.T_cur = epoch - start;
    this.lastEpoch = Math.floor(epoch);
  }
}
