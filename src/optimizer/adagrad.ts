// Adagrad: rates that fall with the sum of squared gradients.

import { namedOptions } from "../core/options.js";
import { adagradOp } from "../ops/optimizer-adaptive.js";
import { bind } from "../trace/bind.js";
import type { AccumulatorSpec } from "./accumulators.js";
import { checkNotNegative } from "./betas.js";
import type { LRScheduler } from "./lr/lr-scheduler.js";
import { Optimizer, type OptimizerOptions, type Update } from "./optimizer.js";

/** Arguments of {@link Adagrad}. */
export interface AdagradOptions extends OptimizerOptions {
  /** Keeps the division finite, 1e-6 by default. */
  readonly epsilon?: number | undefined;
  /** First value of the sums, 0 by default. */
  readonly initialAccumulatorValue?: number | undefined;
}

const keys = [
  "learningRate",
  "epsilon",
  "parameters",
  "weightDecay",
  "gradClip",
  "name",
  "initialAccumulatorValue",
] as const;

/**
 * Adagrad (Duchi et al., 2011): `s += grad^2; param -= lr * grad / (sqrt(s) + epsilon)`. The rate has no default.
 *
 * @throws InvalidArgumentError when the rate is missing, or epsilon or the first value is negative.
 * @example
 * new optimizer.Adagrad({ learningRate: 0.1, parameters: net.parameters() });
 */
export class Adagrad extends Optimizer {
  private readonly first: number;

  constructor(...args: [options: AdagradOptions] | [learningRate: number | LRScheduler, options: AdagradOptions]) {
    const o = namedOptions<AdagradOptions>("Adagrad", args, keys, 1);
    const { epsilon = 1e-6, initialAccumulatorValue = 0 } = o;
    checkNotNegative("Adagrad", "epsilon", epsilon);
    checkNotNegative("Adagrad", "initialAccumulatorValue", initialAccumulatorValue);
    super("Adagrad", o, { epsilon });
    this.first = initialAccumulatorValue;
  }

  protected override accumulators(): readonly AccumulatorSpec[] {
    return [{ name: "moment", fill: this.first }];
  }

  protected override update(u: Update): void {
    bind(adagradOp, [...u.operands, u.state("moment")], { epsilon: u.number("epsilon"), ...u.decay });
  }
}
