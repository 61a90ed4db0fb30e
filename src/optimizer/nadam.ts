// NAdam: Adam with Nesterov momentum.

import { namedOptions } from "../core/options.js";
import { nadamOp } from "../ops/optimizer-adaptive.js";
import { bind } from "../trace/bind.js";
import type { AccumulatorSpec } from "./accumulators.js";
import { checkBetas, checkNotNegative } from "./betas.js";
import { Optimizer, type OptimizerOptions, type Update } from "./optimizer.js";

/** Arguments of {@link NAdam}. */
export interface NAdamOptions extends OptimizerOptions {
  /** Share of the mean of gradients that is kept in the end, 0.9 by default. */
  readonly beta1?: number | undefined;
  /** Share of the mean of squares that is kept, 0.999 by default. */
  readonly beta2?: number | undefined;
  /** Keeps the division finite, 1e-8 by default. */
  readonly epsilon?: number | undefined;
  /** How fast the momentum grows to beta1, 0.004 by default. */
  readonly momentumDecay?: number | undefined;
}

const keys = [
  "learningRate",
  "beta1",
  "beta2",
  "epsilon",
  "momentumDecay",
  "parameters",
  "weightDecay",
  "gradClip",
  "name",
] as const;

/** State in the order of the op's operands. */
const state = ["momentum_decay_pow", "beta2_pow", "mu_product", "moment1", "moment2"] as const;

/**
 * NAdam (Dozat, 2016), with rate 0.002 by default; the schedule of its momentum is `beta1 (1 - 0.96^(t * momentumDecay) / 2)`.
 *
 * @throws InvalidArgumentError when a beta is outside [0, 1), or epsilon or momentumDecay is negative.
 * @example
 * new optimizer.NAdam({ learningRate: 2e-3, parameters: net.parameters() });
 */
export class NAdam extends Optimizer {
  constructor(...args: [options: NAdamOptions] | [learningRate: number, options: NAdamOptions]) {
    const o = namedOptions<NAdamOptions>("NAdam", args, keys, 0);
    const { learningRate = 0.002, momentumDecay = 0.004 } = o;
    checkNotNegative("NAdam", "momentumDecay", momentumDecay);
    super("NAdam", { ...o, learningRate }, { ...checkBetas("NAdam", o, 1e-8), momentumDecay }, { sparse: false });
  }

  protected override accumulators(): readonly AccumulatorSpec[] {
    return state.map((name) => ({ name, fill: name.startsWith("moment") && !name.endsWith("pow") ? 0 : 1 }));
  }

  protected override update(u: Update): void {
    const attrs = {
      beta1: u.number("beta1"),
      beta2: u.number("beta2"),
      epsilon: u.number("epsilon"),
      psi: u.number("momentumDecay"),
      ...u.decay,
    };
    bind(nadamOp, [...u.operands, ...state.map((name) => u.state(name))], attrs);
  }
}
