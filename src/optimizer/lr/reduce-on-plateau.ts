// ReduceOnPlateau: lowers the rate when a metric stops getting better.

import type { Trailing } from "../../core/options.js";
import { namedOptions } from "../../core/options.js";
import { type ScalarLike, check, checkNumber, scalarOf } from "./checks.js";
import { LRScheduler } from "./lr-scheduler.js";

/** Arguments of {@link ReduceOnPlateau}. */
export interface ReduceOnPlateauOptions {
  learningRate: number;
  /** Whether a smaller ("min", the default) or a larger ("max") metric is better. */
  mode?: "min" | "max" | undefined;
  /** The rate's factor, below 1; 0.1 by default. */
  factor?: number | undefined;
  /** Steps without progress that are borne; 10 by default. */
  patience?: number | undefined;
  /** How much better counts as better; 1e-4 by default. */
  threshold?: number | undefined;
  /** Whether threshold is a share of the best metric ("rel", the default) or an amount ("abs"). */
  thresholdMode?: "rel" | "abs" | undefined;
  /** Steps after a drop in which nothing is counted; 0 by default. */
  cooldown?: number | undefined;
  /** The rate's lower bound; 0 by default. */
  minLr?: number | undefined;
  /** A smaller change of the rate is not made; 1e-8 by default. */
  epsilon?: number | undefined;
  /** Prints a line at each drop; false by default. */
  verbose?: boolean | undefined;
}

const keys = [
  "learningRate",
  "mode",
  "factor",
  "patience",
  "threshold",
  "thresholdMode",
  "cooldown",
  "minLr",
  "epsilon",
  "verbose",
] as const;

/**
 * Lowers the rate to `max(lastLr * factor, minLr)` after more than `patience` steps in which the metric did not get better by
 * `threshold`. Call `step(metric)`.
 *
 * @throws InvalidArgumentError on an unknown mode or a factor not below 1.
 * @example
 * const schedule = new ReduceOnPlateau(0.1, { patience: 3 });
 * schedule.step(0.7); // the validation loss
 */
export class ReduceOnPlateau extends LRScheduler {
  readonly mode: "min" | "max";
  readonly factor: number;
  readonly patience: number;
  readonly threshold: number;
  readonly thresholdMode: "rel" | "abs";
  readonly cooldown: number;
  readonly minLr: number;
  readonly epsilon: number;
  /** Best metric so far, null before the first step. */
  best: number | null = null;
  /** Steps without progress since the best one or the last drop. */
  numBadEpochs = 0;
  /** Steps of cooling down that remain. */
  cooldownCounter = 0;

  constructor(
    ...args:
      | [options: ReduceOnPlateauOptions]
      | [learningRate: number, ...Trailing<"min" | "max", Partial<ReduceOnPlateauOptions>>]
  ) {
    const api = "ReduceOnPlateau";
    const o = namedOptions<ReduceOnPlateauOptions>(api, args, keys, 1);
    const { mode = "min", thresholdMode = "rel", factor = 0.1, patience = 10, threshold = 1e-4 } = o;
    const { cooldown = 0, minLr = 0, epsilon = 1e-8 } = o;
    check(api, "mode", mode === "min" || mode === "max", `mode must be "min" or "max", got ${JSON.stringify(mode)}.`);
    const known = thresholdMode === "rel" || thresholdMode === "abs";
    check(api, "thresholdMode", known, `thresholdMode must be "rel" or "abs", got ${JSON.stringify(thresholdMode)}.`);
    const numbers = { factor, patience, threshold, cooldown, minLr, epsilon };
    for (const [name, value] of Object.entries(numbers)) checkNumber(api, name, value);
    check(api, "factor", factor < 1, `factor must be less than 1, got ${factor}.`);
    super({ learningRate: o.learningRate, lastEpoch: 0, verbose: o.verbose });
    this.mode = mode;
    this.thresholdMode = thresholdMode;
    this.factor = factor;
    this.patience = patience;
    this.threshold = threshold;
    this.cooldown = cooldown;
    this.minLr = minLr;
    this.epsilon = epsilon;
  }

  override getLr(): number {
    return this.lastLr;
  }

  /**
   * Counts one step with its metric and lowers the rate if it is time.
   *
   * @param metrics a number, or an array or tensor of one element; required (optional in the type only because the base's is)
   * @throws InvalidArgumentError when metrics is not one number.
   */
  override step(metrics?: ScalarLike, epoch?: number): void {
    const metric = scalarOf("ReduceOnPlateau.step", "metrics", metrics);
    this.lastEpoch = epoch ?? this.lastEpoch + 1;
    if (this.cooldownCounter > 0) {
      this.cooldownCounter--;
      return;
    }
    if (this.best === null || this.isBetter(metric, this.best)) {
      this.best = metric;
      this.numBadEpochs = 0;
    } else {
      this.numBadEpochs++;
    }
    if (this.numBadEpochs > this.patience) this.reduce();
  }

  /** A metric comes with every step, so there is no first step to take. */
  protected override start(): void {}

  protected override stateKeys(): readonly string[] {
    return ["cooldown_counter", "best", "num_bad_epochs", "last_epoch", "last_lr"];
  }

  private reduce(): void {
    this.cooldownCounter = this.cooldown;
    this.numBadEpochs = 0;
    const rate = Math.max(this.lastLr * this.factor, this.minLr);
    if (this.lastLr - rate <= this.epsilon) return;
    this.lastLr = rate;
    this.report();
  }

  private isBetter(metric: number, best: number): boolean {
    const margin = this.thresholdMode === "rel" ? best * this.threshold : this.threshold;
    return this.mode === "min" ? metric < best - margin : metric > best + margin;
  }
}
