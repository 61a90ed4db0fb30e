// LinearLR: the rate's factor goes linearly from one value to another.

import type { Trailing } from "../../core/options.js";
import { namedOptions } from "../../core/options.js";
import { check, checkNumber, checkPositiveInteger } from "./checks.js";
import { type CommonOptions, LRScheduler, common, commonKeys } from "./lr-scheduler.js";

/** Arguments of {@link LinearLR}. */
export interface LinearLROptions extends CommonOptions {
  learningRate: number;
  /** Epochs from the first factor to the last. */
  totalSteps: number;
  /** Factor at epoch 0, above 0 and up to 1; 1/3 by default. */
  startFactor?: number | undefined;
  /** Factor at the end, from 0 to 1; 1 by default. */
  endFactor?: number | undefined;
}

const keys = ["learningRate", "totalSteps", "startFactor", "endFactor", ...commonKeys] as const;

/**
 * `learningRate * factor`, the factor going from startFactor to endFactor in totalSteps epochs; computed from the last rate, so
 * a jump by `step(epoch)` is not exact, as in Paddle.
 *
 * @throws InvalidArgumentError when totalSteps is no positive integer or a factor is out of range.
 * @example
 * const schedule = new LinearLR(0.1, 5);
 */
export class LinearLR extends LRScheduler {
  readonly totalSteps: number;
  readonly startFactor: number;
  readonly endFactor: number;

  constructor(
    ...args:
      | [options: LinearLROptions]
      | [learningRate: number, totalSteps: number, ...Trailing<number, Partial<LinearLROptions>>]
  ) {
    const o = namedOptions<LinearLROptions>("LinearLR", args, keys, 2);
    const { startFactor = 1 / 3, endFactor = 1 } = o;
    checkPositiveInteger("LinearLR", "totalSteps", o.totalSteps);
    checkNumber("LinearLR", "startFactor", startFactor);
    checkNumber("LinearLR", "endFactor", endFactor);
    const startFits = startFactor > 0 && startFactor <= 1;
    check("LinearLR", "startFactor", startFits, `startFactor must be above 0 and at most 1, got ${startFactor}.`);
    const endFits = endFactor >= 0 && endFactor <= 1;
    check("LinearLR", "endFactor", endFits, `endFactor must be between 0 and 1, got ${endFactor}.`);
    super(common(o, o.learningRate));
    this.totalSteps = o.totalSteps;
    this.startFactor = startFactor;
    this.endFactor = endFactor;
  }

  override getLr(): number {
    const { lastEpoch: t, totalSteps, startFactor } = this;
    if (t === 0) return this.baseLr * startFactor;
    if (t > totalSteps) return this.lastLr;
    const change = this.endFactor - startFactor;
    return this.lastLr * (1 + change / (totalSteps * startFactor + (t - 1) * change));
  }
}
