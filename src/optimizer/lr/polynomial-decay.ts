// PolynomialDecay: a polynomial from the start rate down to an end rate, once or in growing cycles.

import type { Trailing } from "../../core/options.js";
import { namedOptions } from "../../core/options.js";
import { check, checkNumber, checkPositiveInteger } from "./checks.js";
import { type CommonOptions, LRScheduler, common, commonKeys } from "./lr-scheduler.js";

/** Arguments of {@link PolynomialDecay}. */
export interface PolynomialDecayOptions extends CommonOptions {
  learningRate: number;
  /** Epochs until the end rate is reached. */
  decaySteps: number;
  /** The end rate; 0.0001 by default. */
  endLr?: number | undefined;
  /** Exponent, above 0; 1 by default. */
  power?: number | undefined;
  /** Starts again, over ever longer cycles, instead of staying at the end rate; false by default. */
  cycle?: boolean | undefined;
}

const keys = ["learningRate", "decaySteps", "endLr", "power", "cycle", ...commonKeys] as const;

/**
 * `(learningRate - endLr) * (1 - t / D)^power + endLr`. Without cycle `t = min(epoch, decaySteps)` and `D = decaySteps`;
 * with cycle `t = epoch` and D is the next multiple of decaySteps.
 *
 * @throws InvalidArgumentError when decaySteps is no positive integer or power is not above 0.
 * @example
 * const schedule = new PolynomialDecay(0.1, 100, { power: 2 });
 */
export class PolynomialDecay extends LRScheduler {
  readonly decaySteps: number;
  readonly endLr: number;
  readonly power: number;
  readonly cycle: boolean;

  constructor(
    ...args:
      | [options: PolynomialDecayOptions]
      | [learningRate: number, decaySteps: number, ...Trailing<number, Partial<PolynomialDecayOptions>>]
  ) {
    const o = namedOptions<PolynomialDecayOptions>("PolynomialDecay", args, keys, 2);
    const { endLr = 0.0001, power = 1, cycle = false } = o;
    checkPositiveInteger("PolynomialDecay", "decaySteps", o.decaySteps);
    checkNumber("PolynomialDecay", "endLr", endLr);
    checkNumber("PolynomialDecay", "power", power);
    check("PolynomialDecay", "power", power > 0, `power must be greater than 0 for a decay, got ${power}.`);
    super(common(o, o.learningRate));
    this.decaySteps = o.decaySteps;
    this.endLr = endLr;
    this.power = power;
    this.cycle = cycle;
  }

  override getLr(): number {
    let t = this.lastEpoch;
    let span = this.decaySteps;
    if (this.cycle) span *= Math.max(1, Math.ceil(t / span));
    else t = Math.min(t, span);
    return (this.baseLr - this.endLr) * (1 - t / span) ** this.power + this.endLr;
  }
}
