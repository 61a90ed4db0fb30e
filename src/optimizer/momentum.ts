// Momentum: gradient descent with a velocity.

import { InvalidArgumentError } from "../core/errors.js";
import { namedOptions } from "../core/options.js";
import { momentumOp } from "../ops/optimizer.js";
import { bind } from "../trace/bind.js";
import type { AccumulatorSpec } from "./accumulators.js";
import { Optimizer, type OptimizerOptions, type Update } from "./optimizer.js";

/** Arguments of {@link Momentum}. */
export interface MomentumOptions extends OptimizerOptions {
  /** Share of the velocity that is kept, 0.9 by default. */
  readonly momentum?: number | undefined;
  /** Looks ahead along the velocity; false by default. */
  readonly useNesterov?: boolean | undefined;
  /** Accepted for Paddle's sake: its CPU kernel does not use it. */
  readonly rescaleGrad?: number | undefined;
}

const keys = [
  "learningRate",
  "momentum",
  "parameters",
  "useNesterov",
  "weightDecay",
  "gradClip",
  "multiPrecision",
  "rescaleGrad",
  "name",
] as const;

/**
 * `velocity = momentum * velocity + grad; param -= lr * velocity`; with Nesterov `param -= lr * (grad + momentum * velocity)`.
 *
 * @example
 * new optimizer.Momentum({ learningRate: 0.1, momentum: 0.9, parameters: net.parameters() });
 */
export class Momentum extends Optimizer {
  constructor(...args: [options: MomentumOptions] | [learningRate: number, options: MomentumOptions]) {
    const o = namedOptions<MomentumOptions>("Momentum", args, keys, 0);
    if (o.momentum !== undefined && typeof o.momentum !== "number")
      throw new InvalidArgumentError("momentum must be a number.", { op: "Momentum" });
    super("Momentum", o, { momentum: o.momentum ?? 0.9, useNesterov: o.useNesterov ?? false }, { keepsL2: true });
  }

  protected override accumulators(): readonly AccumulatorSpec[] {
    return [{ name: "velocity", fill: 0 }];
  }

  protected override update(u: Update): void {
    const attrs = { mu: u.number("momentum"), nesterov: u.flag("useNesterov"), ...u.decay };
    bind(momentumOp, [...u.operands, u.state("velocity")], attrs);
  }
}
