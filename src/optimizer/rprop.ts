// Rprop: a rate for each element, from the signs of its gradients alone.

import { InvalidArgumentError } from "../core/errors.js";
import { namedOptions } from "../core/options.js";
import { rpropOp } from "../ops/optimizer-adaptive.js";
import { bind } from "../trace/bind.js";
import type { AccumulatorSpec } from "./accumulators.js";
import { Optimizer, type OptimizerOptions, type Update } from "./optimizer.js";

/** Arguments of {@link Rprop}. */
export interface RpropOptions extends Omit<OptimizerOptions, "weightDecay" | "learningRate"> {
  /** First rate of every element, 0.001 by default; no schedule. */
  readonly learningRate?: number | undefined;
  /** Bounds of the rates, [1e-5, 50] by default. */
  readonly learningRateRange?: readonly [number, number] | undefined;
  /** Factors of a rate when the gradient turns and when it does not, [0.5, 1.2] by default. */
  readonly etas?: readonly [number, number] | undefined;
}

const keys = ["learningRate", "learningRateRange", "parameters", "etas", "gradClip", "multiPrecision", "name"] as const;

/**
 * Rprop (Riedmiller and Braun, 1993), for full batches: the step is `sign(grad)` times the element's own rate.
 *
 * @throws InvalidArgumentError for a schedule, a rate outside the range, factors not in (0, 1) and above 1.
 * @example
 * new optimizer.Rprop({ learningRate: 1e-3, parameters: net.parameters() });
 */
export class Rprop extends Optimizer {
  constructor(...args: [options: RpropOptions] | [learningRate: number, options: RpropOptions]) {
    const o = namedOptions<RpropOptions>("Rprop", args, keys, 0);
    const { learningRate = 0.001, learningRateRange: [min, max] = [1e-5, 50], etas: [shrink, grow] = [0.5, 1.2] } = o;
    if (typeof learningRate !== "number")
      throw new InvalidArgumentError("learningRate must be a number: a schedule has no meaning here.", { op: "Rprop" });
    if (!(min > 0 && min <= learningRate && learningRate <= max))
      throw new InvalidArgumentError(`learningRate ${learningRate} is outside [${min}, ${max}].`, { op: "Rprop" });
    if (!(shrink > 0 && shrink < 1 && grow > 1))
      throw new InvalidArgumentError(`etas must be in (0, 1) and above 1, got [${shrink}, ${grow}].`, { op: "Rprop" });
    super("Rprop", { ...o, learningRate }, { min, max, shrink, grow });
  }

  protected override accumulators(): readonly AccumulatorSpec[] {
    return [
      { name: "prevs", fill: 0 },
      { name: "learning_rates", fill: this.getLr() },
    ];
  }

  protected override update(u: Update): void {
    const attrs = {
      min: u.number("min"),
      max: u.number("max"),
      shrink: u.number("shrink"),
      grow: u.number("grow"),
      ...u.decay,
    };
    bind(rpropOp, [...u.operands, u.state("prevs"), u.state("learning_rates")], attrs);
  }
}
