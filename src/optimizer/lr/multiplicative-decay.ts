// MultiplicativeDecay: the last rate times a function of the epoch.

import type { Trailing } from "../../core/options.js";
import { namedOptions } from "../../core/options.js";
import { type EpochFunction, checkFunction } from "./checks.js";
import { type CommonOptions, LRScheduler, common, commonKeys } from "./lr-scheduler.js";

/** Arguments of {@link MultiplicativeDecay}. */
export interface MultiplicativeDecayOptions extends CommonOptions {
  learningRate: number;
  /** Factor on the rate before, for an epoch. */
  lrLambda: EpochFunction;
}

const keys = ["learningRate", "lrLambda", ...commonKeys] as const;

/**
 * `lastLr * lrLambda(epoch)`, `learningRate` at epoch 0. A recurrence: a jump by `step(epoch)` applies one factor only, as
 * in Paddle.
 *
 * @throws InvalidArgumentError when lrLambda is no function.
 * @example
 * const schedule = new MultiplicativeDecay(0.5, () => 0.95);
 */
export class MultiplicativeDecay extends LRScheduler {
  readonly lrLambda: EpochFunction;

  constructor(
    ...args:
      | [options: MultiplicativeDecayOptions]
      | [learningRate: number, lrLambda: EpochFunction, ...Trailing<number, Partial<MultiplicativeDecayOptions>>]
  ) {
    const o = namedOptions<MultiplicativeDecayOptions>("MultiplicativeDecay", args, keys, 2);
    checkFunction("MultiplicativeDecay", "lrLambda", o.lrLambda);
    super(common(o, o.learningRate));
    this.lrLambda = o.lrLambda;
  }

  override getLr(): number {
    return this.lastEpoch > 0 ? this.lastLr * this.lrLambda(this.lastEpoch) : this.baseLr;
  }
}
