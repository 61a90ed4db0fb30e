// Adamax: Adam with the largest recent gradient in place of the mean of squares.

import { namedOptions } from "../core/options.js";
import { adamaxOp, advanceBeta1Op } from "../ops/optimizer.js";
import type { Parameter } from "../param/parameter.js";
import { bind } from "../trace/bind.js";
import type { AccumulatorSpec } from "./accumulators.js";
import { checkBetas } from "./betas.js";
import type { ParameterGroup } from "./groups.js";
import { Optimizer, type OptimizerOptions, type Update } from "./optimizer.js";

/** Arguments of {@link Adamax}. */
export interface AdamaxOptions extends OptimizerOptions {
  /** Share of the mean of gradients that is kept, 0.9 by default. */
  readonly beta1?: number | undefined;
  /** Share of the largest gradient that is kept, 0.999 by default. */
  readonly beta2?: number | undefined;
  /** Keeps the division finite, 1e-8 by default. */
  readonly epsilon?: number | undefined;
}

const keys = ["learningRate", "beta1", "beta2", "epsilon", "parameters", "weightDecay", "gradClip", "name"] as const;

/**
 * Adamax (Kingma and Ba, 2014): `m = mean(grad); u = max(|grad|, beta2 * u + epsilon); param -= lr / (1 - beta1^t) * m / u`.
 *
 * @throws InvalidArgumentError when a beta is outside [0, 1) or epsilon is negative.
 * @example
 * new optimizer.Adamax({ learningRate: 1e-3, parameters: net.parameters() });
 */
export class Adamax extends Optimizer {
  constructor(...args: [options: AdamaxOptions] | [learningRate: number, options: AdamaxOptions]) {
    const o = namedOptions<AdamaxOptions>("Adamax", args, keys, 0);
    super("Adamax", o, checkBetas("Adamax", o, 1e-8), { sparse: false });
  }

  protected override accumulators(_: Parameter, group: ParameterGroup | undefined): readonly AccumulatorSpec[] {
    return [
      { name: "moment", fill: 0 },
      { name: "inf_norm", fill: 0 },
      { name: "beta1_pow_acc", fill: this.settingOf("beta1", group), shape: [1] },
    ];
  }

  protected override update(u: Update): void {
    const betas = { beta1: u.number("beta1"), beta2: u.number("beta2"), epsilon: u.number("epsilon") };
    const power = u.state("beta1_pow_acc");
    bind(adamaxOp, [...u.operands, u.state("moment"), u.state("inf_norm"), power], { ...betas, ...u.decay });
    bind(advanceBeta1Op, [power], betas);
  }
}
