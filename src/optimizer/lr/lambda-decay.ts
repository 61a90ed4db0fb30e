// LambdaDecay: the start rate times a function of the epoch.

import type { Trailing } from "../../core/options.js";
import { namedOptions } from "../../core/options.js";
import { type EpochFunction, checkFunction } from "./checks.js";
import { type CommonOptions, LRScheduler, common, commonKeys } from "./lr-scheduler.js";

/** Arguments of {@link LambdaDecay}. */
export interface LambdaDecayOptions extends CommonOptions {
  learningRate: number;
  /** Factor for an epoch. */
  lrLambda: EpochFunction;
}

const keys = ["learningRate", "lrLambda", ...commonKeys] as const;

/**
 * `learningRate * lrLambda(epoch)`. The function is not part of the saved state.
 *
 * @throws InvalidArgumentError when lrLambda is no function.
 * @example
 * const schedule = new LambdaDecay(0.5, (epoch) => 0.95 ** epoch);
 */
export class LambdaDecay extends LRScheduler {
  readonly lrLambda: EpochFunction;

  constructor(
    ...args:
      | [options: LambdaDecayOptions]
      | [learningRate: number, lrLambda: EpochFunction, ...Trailing<number, Partial<LambdaDecayOptions>>]
  ) {
    const o = namedOptions<LambdaDecayOptions>("LambdaDecay", args, keys, 2);
    checkFunction("LambdaDecay", "lrLambda", o.lrLambda);
    super(common(o, o.learningRate));
    this.lrLambda = o.lrLambda;
  }

  override getLr(): number {
    return this.baseLr * this.lrLambda(this.lastEpoch);
  }
}
