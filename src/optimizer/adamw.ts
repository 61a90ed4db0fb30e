// AdamW: Adam whose weight decay is a step of its own.

import { InvalidArgumentError } from "../core/errors.js";
import { describe, namedOptions } from "../core/options.js";
import { adamwAmsgradOp, adamwOp, advanceBetasOp } from "../ops/optimizer.js";
import { adamwAmsgradRowsOp, adamwRowsOp } from "../ops/optimizer-rows.js";
import type { Parameter } from "../param/parameter.js";
import type { Resolved } from "../param/resolve.js";
import { bind } from "../trace/bind.js";
import { runtimeScalar } from "../trace/step-trace.js";
import type { AccumulatorSpec } from "./accumulators.js";
import type { AdamOptions } from "./adam.js";
import { betaPowers, checkBetas } from "./betas.js";
import type { ParameterGroup } from "./groups.js";
import { Optimizer, type Update } from "./optimizer.js";

/** Arguments of {@link AdamW}. */
export interface AdamWOptions extends Omit<AdamOptions, "weightDecay"> {
  /** Coefficient of the decoupled decay, 0.01 by default. */
  readonly weightDecay?: number | undefined;
  /** A factor of the rate for each parameter. */
  readonly lrRatio?: ((parameter: Parameter) => number) | null | undefined;
  /** Whether a parameter of this name decays. */
  readonly applyDecayParamFun?: ((name: string) => boolean) | null | undefined;
}

const keys = [
  "learningRate",
  "beta1",
  "beta2",
  "epsilon",
  "parameters",
  "weightDecay",
  "lrRatio",
  "applyDecayParamFun",
  "gradClip",
  "lazyMode",
  "multiPrecision",
  "amsgrad",
  "name",
] as const;

/**
 * AdamW (Loshchilov and Hutter, 2017): `param *= 1 - lr * weightDecay`, then Adam's step. A regularizer in a ParamAttr is added to
 * the gradient besides, as in Paddle.
 *
 * @throws InvalidArgumentError when a beta is outside [0, 1), epsilon is negative or weightDecay is no number.
 * @example
 * new optimizer.AdamW({ learningRate: 1e-3, parameters: net.parameters(), applyDecayParamFun: (name) => !name.includes(".b_") });
 */
export class AdamW extends Optimizer {
  readonly amsgrad: boolean;
  private readonly decay: number;
  private readonly lrRatio: ((parameter: Parameter) => number) | null;
  private readonly applies: ((name: string) => boolean) | null;

  constructor(...args: [options: AdamWOptions] | [learningRate: number, options: AdamWOptions]) {
    const o = namedOptions<AdamWOptions>("AdamW", args, keys, 0);
    const { weightDecay = 0.01, ...rest } = o;
    if (typeof weightDecay !== "number")
      throw new InvalidArgumentError(`weightDecay must be a number, got ${describe(weightDecay)}.`, { op: "AdamW" });
    const numbers = { ...checkBetas("AdamW", o, 1e-8), lazyMode: o.lazyMode ?? false };
    super("AdamW", rest, numbers, { decoupled: true, sparse: false });
    this.decay = weightDecay;
    this.amsgrad = o.amsgrad ?? false;
    this.lrRatio = o.lrRatio ?? null;
    this.applies = o.applyDecayParamFun ?? null;
  }

  protected override decoupledDecay(p: Parameter, group: ParameterGroup | undefined): Resolved<number> {
    if (this.applies && !this.applies(p.name)) return { value: 0, source: "applyDecayParamFun" };
    if (typeof group?.weightDecay === "number") return { value: group.weightDecay, source: `group ${group.index}` };
    return { value: this.decay, source: "optimizer" };
  }

  protected override accumulators(_: Parameter, group: ParameterGroup | undefined): readonly AccumulatorSpec[] {
    const moments = [
      { name: "moment1", fill: 0 },
      { name: "moment2", fill: 0 },
    ];
    const largest = this.amsgrad ? [{ name: "moment2_max", fill: 0 }] : [];
    return [...moments, ...largest, ...betaPowers(this.settingOf("beta1", group), this.settingOf("beta2", group))];
  }

  protected override isLazy(group: ParameterGroup | undefined): boolean {
    return this.flagOf("lazyMode", group);
  }

  protected override update(u: Update): void {
    const { parameter } = u;
    const weight_decay = this.decoupledDecay(parameter, u.group).value;
    const betas = { beta1: u.number("beta1"), beta2: u.number("beta2"), epsilon: u.number("epsilon") };
    const largest = this.amsgrad ? [u.state("moment2_max")] : [];
    const state = [
      u.state("moment1"),
      u.state("moment2"),
      ...largest,
      u.state("beta1_pow_acc"),
      u.state("beta2_pow_acc"),
    ];
    const [param, grad, lr, scale, coeff] = u.operands;
    const ratio = this.lrRatio;
    const rate = ratio ? runtimeScalar(() => u.rate() * ratio(parameter)) : lr;
    const attrs = { ...betas, weight_decay };
    if (u.rows) {
      const record = this.amsgrad ? adamwAmsgradRowsOp : adamwRowsOp;
      bind(record, [param, u.rows.ids, u.rows.values, rate, scale, ...state], attrs);
      return;
    }
    bind(this.amsgrad ? adamwAmsgradOp : adamwOp, [param, grad, rate, scale, coeff, ...state], {
      ...attrs,
      ...u.decay,
    });
    bind(advanceBetasOp, state.slice(-2), betas);
  }
}
