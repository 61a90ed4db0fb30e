// RAdam: Adam that starts without adaptive rates, until their variance is small.

import { namedOptions } from "../core/options.js";
import { radamOp } from "../ops/optimizer-adaptive.js";
import { bind } from "../trace/bind.js";
import type { AccumulatorSpec } from "./accumulators.js";
import { checkBetas } from "./betas.js";
import { Optimizer, type OptimizerOptions, type Update } from "./optimizer.js";

/** Arguments of {@link RAdam}. */
export interface RAdamOptions extends OptimizerOptions {
  /** Share of the mean of gradients that is kept, 0.9 by default. */
  readonly beta1?: number | undefined;
  /** Share of the mean of squares that is kept, 0.999 by default. */
  readonly beta2?: number | undefined;
  /** Keeps the division finite, 1e-8 by default. */
  readonly epsilon?: number | undefined;
}

const keys = ["learningRate", "beta1", "beta2", "epsilon", "parameters", "weightDecay", "gradClip", "name"] as const;

/** State in the order of the op's operands. */
const state = ["beta1_pow", "beta2_pow", "rho", "moment1", "moment2"] as const;

/**
 * RAdam (Liu et al., 2019): `m^` alone while `rho_t <= 5`, then Adam's step times a rectifier that tends to 1.
 *
 * @throws InvalidArgumentError when a beta is outside [0, 1) or epsilon is negative.
 * @example
 * new optimizer.RAdam({ learningRate: 1e-3, parameters: net.parameters() });
 */
export class RAdam extends Optimizer {
  constructor(...args: [options: RAdamOptions] | [learningRate: number, options: RAdamOptions]) {
    const o = namedOptions<RAdamOptions>("RAdam", args, keys, 0);
    super("RAdam", o, checkBetas("RAdam", o, 1e-8), { sparse: false });
  }

  protected override accumulators(): readonly AccumulatorSpec[] {
    return state.map((name) => ({ name, fill: name.startsWith("moment") ? 0 : 1 }));
  }

  protected override update(u: Update): void {
    const attrs = { beta1: u.number("beta1"), beta2: u.number("beta2"), epsilon: u.number("epsilon"), ...u.decay };
    bind(radamOp, [...u.operands, ...state.map((name) => u.state(name))], attrs);
  }
}
