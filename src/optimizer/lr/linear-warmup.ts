// LinearWarmup: grows linearly first, then follows another schedule or stays constant.

import { InvalidArgumentError } from "../../core/errors.js";
import type { Trailing } from "../../core/options.js";
import { describe, isOptions, namedOptions } from "../../core/options.js";
import { check, checkNumber, checkPositiveInteger } from "./checks.js";
import { type CommonOptions, LRScheduler, type LRStateDict, common, commonKeys } from "./lr-scheduler.js";

/** Arguments of {@link LinearWarmup}. */
export interface LinearWarmupOptions extends CommonOptions {
  /** The rate, or the schedule, after the warm-up. */
  learningRate: number | LRScheduler;
  /** Epochs of growth. */
  warmupSteps: number;
  /** Rate at epoch 0. */
  startLr: number;
  /** Rate at the end of the warm-up, above startLr. */
  endLr: number;
}

const keys = ["learningRate", "warmupSteps", "startLr", "endLr", ...commonKeys] as const;
const nestedKey = "LinearWarmup_LR";

/**
 * `startLr + (endLr - startLr) * epoch / warmupSteps` for `epoch < warmupSteps`, then `learningRate`; a schedule given there is
 * stepped to `epoch - warmupSteps` by this one and saved with it.
 *
 * @throws InvalidArgumentError when warmupSteps is no positive integer or endLr is not above startLr.
 * @example
 * const schedule = new LinearWarmup(new StepDecay(0.1, 30), 5, 0, 0.1);
 */
export class LinearWarmup extends LRScheduler {
  readonly learningRate: number | LRScheduler;
  readonly warmupSteps: number;
  readonly startLr: number;
  readonly endLr: number;

  constructor(
    ...args:
      | [options: LinearWarmupOptions]
      | [
          learningRate: number | LRScheduler,
          warmupSteps: number,
          startLr: number,
          endLr: number,
          ...Trailing<number, Partial<LinearWarmupOptions>>,
        ]
  ) {
    const o = namedOptions<LinearWarmupOptions>("LinearWarmup", args, keys, 4);
    if (typeof o.learningRate !== "number" && !(o.learningRate instanceof LRScheduler)) {
      throw new InvalidArgumentError(`learningRate must be a number or a schedule, got ${describe(o.learningRate)}.`, {
        op: "LinearWarmup",
        parameter: "learningRate",
      });
    }
    checkPositiveInteger("LinearWarmup", "warmupSteps", o.warmupSteps);
    checkNumber("LinearWarmup", "startLr", o.startLr);
    checkNumber("LinearWarmup", "endLr", o.endLr);
    check("LinearWarmup", "endLr", o.endLr > o.startLr, `endLr ${o.endLr} must be greater than startLr ${o.startLr}.`);
    super(common(o, o.startLr));
    this.learningRate = o.learningRate;
    this.warmupSteps = o.warmupSteps;
    this.startLr = o.startLr;
    this.endLr = o.endLr;
  }

  override getLr(): number {
    const t = this.lastEpoch;
    if (t < this.warmupSteps) return ((this.endLr - this.startLr) * t) / this.warmupSteps + this.startLr;
    if (typeof this.learningRate === "number") return this.learningRate;
    this.learningRate.step(t - this.warmupSteps);
    return this.learningRate.lastLr;
  }

  override stateDict(): LRStateDict {
    const state = super.stateDict();
    if (this.learningRate instanceof LRScheduler) state[nestedKey] = this.learningRate.stateDict();
    return state;
  }

  override setStateDict(state: LRStateDict): void {
    super.setStateDict(state);
    const nested = state[nestedKey];
    if (this.learningRate instanceof LRScheduler && isOptions(nested)) this.learningRate.setStateDict(nested);
  }

  protected override ownStateKeys(): readonly string[] {
    return this.learningRate instanceof LRScheduler ? [nestedKey] : [];
  }
}
