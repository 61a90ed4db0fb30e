// Lamb: Adam's direction, with a step as long as the parameter is large.

import { namedOptions } from "../core/options.js";
import { lambApplyOp, lambMomentsOp } from "../ops/optimizer-adaptive.js";
import { advanceBetasOp } from "../ops/optimizer.js";
import { squaredL2Norm } from "../ops/optimizer-parts.js";
import { full } from "../ops/creation.js";
import type { Parameter } from "../param/parameter.js";
import type { Resolved } from "../param/resolve.js";
import { bind } from "../trace/bind.js";
import type { AccumulatorSpec } from "./accumulators.js";
import { betaPowers, checkBetas, checkNotNegative } from "./betas.js";
import type { ParameterGroup } from "./groups.js";
import { Optimizer, type OptimizerOptions, type Update } from "./optimizer.js";

/** Arguments of {@link Lamb}. */
export interface LambOptions extends Omit<OptimizerOptions, "weightDecay"> {
  /** Coefficient of the parameter in the direction, 0.01 by default. */
  readonly lambWeightDecay?: number | undefined;
  /** Share of the mean of gradients that is kept, 0.9 by default. */
  readonly beta1?: number | undefined;
  /** Share of the mean of squares that is kept, 0.999 by default. */
  readonly beta2?: number | undefined;
  /** Keeps the division finite, 1e-6 by default. */
  readonly epsilon?: number | undefined;
  /** Whether a parameter does not decay. */
  readonly excludeFromWeightDecayFn?: ((parameter: Parameter) => boolean) | null | undefined;
  /** Scales the step of parameters without decay, too; false by default. */
  readonly alwaysAdapt?: boolean | undefined;
}

const keys = [
  "learningRate",
  "lambWeightDecay",
  "beta1",
  "beta2",
  "epsilon",
  "parameters",
  "gradClip",
  "excludeFromWeightDecayFn",
  "multiPrecision",
  "alwaysAdapt",
  "name",
] as const;

/**
 * Lamb (You et al., 2019): `r = m^ / (sqrt(v^) + epsilon) + decay * param; param -= lr * |param| / |r| * r`, the quotient being 1 where
 * a norm is 0 or the parameter does not decay.
 *
 * @throws InvalidArgumentError when a beta is outside [0, 1), or epsilon or the decay is negative.
 * @example
 * new optimizer.Lamb({ learningRate: 1e-3, parameters: net.parameters() });
 */
export class Lamb extends Optimizer {
  private readonly decay: number;
  private readonly excludes: ((parameter: Parameter) => boolean) | null;
  private readonly alwaysAdapt: boolean;

  constructor(...args: [options: LambOptions] | [learningRate: number, options: LambOptions]) {
    const o = namedOptions<LambOptions>("Lamb", args, keys, 0);
    const { lambWeightDecay = 0.01 } = o;
    checkNotNegative("Lamb", "lambWeightDecay", lambWeightDecay);
    super("Lamb", o, checkBetas("Lamb", o, 1e-6));
    this.decay = lambWeightDecay;
    this.excludes = o.excludeFromWeightDecayFn ?? null;
    this.alwaysAdapt = o.alwaysAdapt ?? false;
  }

  protected override decoupledDecay(p: Parameter): Resolved<number> {
    if (this.excludes?.(p)) return { value: 0, source: "excludeFromWeightDecayFn" };
    return { value: this.decay, source: "optimizer" };
  }

  protected override accumulators(_: Parameter, group: ParameterGroup | undefined): readonly AccumulatorSpec[] {
    const moments = [
      { name: "moment1", fill: 0 },
      { name: "moment2", fill: 0 },
    ];
    return [...moments, ...betaPowers(this.settingOf("beta1", group), this.settingOf("beta2", group))];
  }

  protected override update(u: Update): void {
    const weight_decay = this.decoupledDecay(u.parameter).value;
    const betas = { beta1: u.number("beta1"), beta2: u.number("beta2"), epsilon: u.number("epsilon") };
    const state = [u.state("moment1"), u.state("moment2"), u.state("beta1_pow_acc"), u.state("beta2_pow_acc")];
    const [direction] = bind(lambMomentsOp, [...u.operands, ...state], { ...betas, weight_decay, ...u.decay });
    const [param, , lr] = u.operands;
    const adapts = weight_decay > 0 || this.alwaysAdapt;
    const norms = adapts
      ? [squaredL2Norm(param), squaredL2Norm(direction!)]
      : [full([], 0, "float32"), full([], 0, "float32")];
    bind(lambApplyOp, [param, direction!, lr, undefined, undefined, ...norms], { decay: "none" });
    bind(advanceBetasOp, state.slice(-2), betas);
  }
}
