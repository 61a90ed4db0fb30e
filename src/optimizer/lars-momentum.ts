// LARS: momentum whose rate is fitted to each parameter's norm and its gradient's.

import { namedOptions } from "../core/options.js";
import { larsMomentumOp } from "../ops/optimizer-incubate.js";
import { squaredL2Norm } from "../ops/optimizer-parts.js";
import type { Parameter } from "../param/parameter.js";
import type { Resolved } from "../param/resolve.js";
import { bind } from "../trace/bind.js";
import type { AccumulatorSpec } from "./accumulators.js";
import { checkNotNegative } from "./betas.js";
import { Optimizer, type OptimizerOptions, type Update } from "./optimizer.js";

/** Arguments of {@link LarsMomentumOptimizer}. */
export interface LarsMomentumOptions extends Omit<OptimizerOptions, "parameters" | "weightDecay"> {
  /** Share of the velocity that is kept. */
  readonly momentum?: number | undefined;
  /** How far a parameter may move, as a share of its norm; 0.001 by default. */
  readonly larsCoeff?: number | undefined;
  /** Weight decay of the rule, 0.0005 by default; with 0 the rate is not fitted. */
  readonly larsWeightDecay?: number | undefined;
  readonly parameterList?: OptimizerOptions["parameters"];
  /** Decay that is added to the gradient before. */
  readonly regularization?: OptimizerOptions["weightDecay"];
  /** Parameters whose names contain one of these have no larsWeightDecay. */
  readonly excludeFromWeightDecay?: readonly string[] | null | undefined;
  /** Keeps the division finite; 0 by default. */
  readonly epsilon?: number | undefined;
  /** Factor of the gradients, 1 by default. */
  readonly rescaleGrad?: number | undefined;
}

const keys = [
  "learningRate",
  "momentum",
  "larsCoeff",
  "larsWeightDecay",
  "parameterList",
  "regularization",
  "gradClip",
  "name",
  "excludeFromWeightDecay",
  "epsilon",
  "multiPrecision",
  "rescaleGrad",
] as const;

/**
 * LARS (You, Gitman and Ginsburg, 2017): `rate = lr larsCoeff |param| / (|grad| + larsWeightDecay |param| + epsilon)`,
 * `velocity = momentum velocity + rate (grad + larsWeightDecay param)`, `param -= velocity`.
 *
 * @throws InvalidArgumentError without a rate or a momentum, and for a negative coefficient, decay or epsilon.
 * @example
 * ```ts
 * import { incubate, nn } from "oarjs";
 * const parameterList = new nn.Linear(2, 1).parameters();
 * const opt = new incubate.optimizer.LarsMomentumOptimizer(0.1, 0.9, { parameterList });
 * console.log(opt.getLr()); // 0.1
 * ```
 */
export class LarsMomentumOptimizer extends Optimizer {
  private readonly decay: number;
  private readonly excluded: readonly string[];

  constructor(
    ...args:
      | [options: LarsMomentumOptions]
      | [learningRate: LarsMomentumOptions["learningRate"], momentum: number, options?: LarsMomentumOptions]
  ) {
    const o = namedOptions<LarsMomentumOptions>("LarsMomentumOptimizer", args, keys, 2);
    const { momentum, larsCoeff = 0.001, larsWeightDecay = 0.0005, epsilon = 0, rescaleGrad = 1 } = o;
    for (const [name, x] of Object.entries({ momentum, larsCoeff, larsWeightDecay, epsilon }))
      checkNotNegative("LarsMomentumOptimizer", name, x);
    const { learningRate, gradClip, name, multiPrecision, parameterList: parameters, regularization: weightDecay } = o;
    const common = { learningRate, gradClip, name, multiPrecision, parameters, weightDecay };
    super("LarsMomentumOptimizer", common, { momentum, larsCoeff, epsilon, rescaleGrad }, { sparse: false });
    this.decay = larsWeightDecay;
    this.excluded = o.excludeFromWeightDecay ?? [];
  }

  protected override decoupledDecay(p: Parameter): Resolved<number> {
    if (this.excluded.some((part) => p.name.includes(part))) return { value: 0, source: "excludeFromWeightDecay" };
    return { value: this.decay, source: "optimizer" };
  }

  protected override accumulators(): readonly AccumulatorSpec[] {
    return [{ name: "velocity", fill: 0 }];
  }

  protected override update(u: Update): void {
    const [param, , lr] = u.operands;
    const gradient = u.gradient();
    const squares = [squaredL2Norm(param), squaredL2Norm(gradient)];
    bind(larsMomentumOp, [param, gradient, lr, undefined, undefined, u.state("velocity"), ...squares], {
      mu: u.number("momentum"),
      coefficient: u.number("larsCoeff"),
      weight_decay: this.decoupledDecay(u.parameter).value,
      epsilon: u.number("epsilon"),
      rescale: u.number("rescaleGrad"),
      decay: "none",
    });
  }
}
