// RMSProp: rates from the mean of squared gradients.

import { namedOptions } from "../core/options.js";
import { rmspropOp } from "../ops/optimizer-adaptive.js";
import { bind } from "../trace/bind.js";
import type { AccumulatorSpec } from "./accumulators.js";
import { checkNotNegative } from "./betas.js";
import type { LRScheduler } from "./lr/lr-scheduler.js";
import { Optimizer, type OptimizerOptions, type Update } from "./optimizer.js";

/** Arguments of {@link RMSProp}. */
export interface RMSPropOptions extends OptimizerOptions {
  /** Share of the means that is kept, 0.95 by default. */
  readonly rho?: number | undefined;
  /** Added inside the square root, 1e-6 by default. */
  readonly epsilon?: number | undefined;
  /** Share of the last step that is kept, 0 by default. */
  readonly momentum?: number | undefined;
  /** Divides by the standard deviation instead of the root of the mean square; false by default. */
  readonly centered?: boolean | undefined;
}

const keys = [
  "learningRate",
  "rho",
  "epsilon",
  "momentum",
  "centered",
  "parameters",
  "weightDecay",
  "gradClip",
  "name",
] as const;

/**
 * RMSProp (Hinton): `ms = mean(grad^2); step = momentum * step + lr * grad / sqrt(ms + epsilon); param -= step`. The rate has no
 * default.
 *
 * @throws InvalidArgumentError when the rate is missing, or a number is negative.
 * @example
 * new optimizer.RMSProp({ learningRate: 0.01, parameters: net.parameters() });
 */
export class RMSProp extends Optimizer {
  constructor(...args: [options: RMSPropOptions] | [learningRate: number | LRScheduler, options: RMSPropOptions]) {
    const o = namedOptions<RMSPropOptions>("RMSProp", args, keys, 1);
    const { rho = 0.95, epsilon = 1e-6, momentum = 0, centered = false } = o;
    for (const [name, x] of Object.entries({ rho, epsilon, momentum })) checkNotNegative("RMSProp", name, x);
    super("RMSProp", o, { rho, epsilon, momentum, centered });
  }

  protected override accumulators(): readonly AccumulatorSpec[] {
    return [
      { name: "momentum", fill: 0 },
      { name: "mean_square", fill: 0 },
      { name: "mean_grad", fill: 0 },
    ];
  }

  protected override update(u: Update): void {
    const attrs = {
      rho: u.number("rho"),
      epsilon: u.number("epsilon"),
      mu: u.number("momentum"),
      centered: u.flag("centered"),
      ...u.decay,
    };
    bind(rmspropOp, [...u.operands, u.state("momentum"), u.state("mean_square"), u.state("mean_grad")], attrs);
  }
}
