// Adadelta: steps as large as the recent steps were, for the recent gradients.

import { namedOptions } from "../core/options.js";
import { adadeltaOp } from "../ops/optimizer-adaptive.js";
import { bind } from "../trace/bind.js";
import type { AccumulatorSpec } from "./accumulators.js";
import { checkNotNegative } from "./betas.js";
import { Optimizer, type OptimizerOptions, type Update } from "./optimizer.js";

/** Arguments of {@link Adadelta}. */
export interface AdadeltaOptions extends OptimizerOptions {
  /** Keeps the division finite, 1e-6 by default. */
  readonly epsilon?: number | undefined;
  /** Share of the means that is kept, 0.95 by default. */
  readonly rho?: number | undefined;
}

const keys = ["learningRate", "epsilon", "rho", "parameters", "weightDecay", "gradClip", "name"] as const;

/**
 * Adadelta (Zeiler, 2012): `G = mean(grad^2); d = -sqrt((D + epsilon) / (G + epsilon)) * grad; param += lr * d; D = mean(d^2)`.
 *
 * @throws InvalidArgumentError when epsilon or rho is negative.
 * @example
 * new optimizer.Adadelta({ learningRate: 1, parameters: net.parameters() });
 */
export class Adadelta extends Optimizer {
  constructor(...args: [options: AdadeltaOptions] | [learningRate: number, options: AdadeltaOptions]) {
    const o = namedOptions<AdadeltaOptions>("Adadelta", args, keys, 0);
    const { epsilon = 1e-6, rho = 0.95 } = o;
    checkNotNegative("Adadelta", "epsilon", epsilon);
    checkNotNegative("Adadelta", "rho", rho);
    super("Adadelta", o, { epsilon, rho }, { sparse: false });
  }

  protected override accumulators(): readonly AccumulatorSpec[] {
    return [
      { name: "_avg_squared_grad", fill: 0 },
      { name: "_avg_squared_update", fill: 0 },
    ];
  }

  protected override update(u: Update): void {
    const attrs = { epsilon: u.number("epsilon"), rho: u.number("rho"), ...u.decay };
    bind(adadeltaOp, [...u.operands, u.state("_avg_squared_grad"), u.state("_avg_squared_update")], attrs);
  }
}
