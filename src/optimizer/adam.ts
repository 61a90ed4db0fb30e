// Adam: rates from means of gradients and of their squares.

import { InvalidArgumentError } from "../core/errors.js";
import { namedOptions } from "../core/options.js";
import { adamAmsgradOp, adamOp, advanceBetasOp } from "../ops/optimizer.js";
import { adamAmsgradRowsOp, adamRowsOp } from "../ops/optimizer-rows.js";
import type { Parameter } from "../param/parameter.js";
import { bind } from "../trace/bind.js";
import { rowsOf } from "../trace/rows.js";
import type { AccumulatorSpec } from "./accumulators.js";
import { betaPowers, checkBetas } from "./betas.js";
import type { ParameterGroup } from "./groups.js";
import { Optimizer, type OptimizerOptions, type Update } from "./optimizer.js";

/** Arguments of {@link Adam}. */
export interface AdamOptions extends OptimizerOptions {
  /** Share of the mean of gradients that is kept, 0.9 by default. */
  readonly beta1?: number | undefined;
  /** Share of the mean of squares that is kept, 0.999 by default. */
  readonly beta2?: number | undefined;
  /** Keeps the division finite, 1e-8 by default. */
  readonly epsilon?: number | undefined;
  /** Sparse gradients update only the rows they name; dense gradients are not affected. False by default. */
  readonly lazyMode?: boolean | undefined;
  /** Divides by the largest mean of squares so far; false by default. */
  readonly amsgrad?: boolean | undefined;
}

const keys = [
  "learningRate",
  "beta1",
  "beta2",
  "epsilon",
  "parameters",
  "weightDecay",
  "gradClip",
  "lazyMode",
  "multiPrecision",
  "amsgrad",
  "name",
] as const;

/**
 * Adam (Kingma and Ba, 2014): `m` and `v` are means of gradients and squares, `param -= lr * m^ / (sqrt(v^) + epsilon)`, with
 * `m^ = m / (1 - beta1^t)`, `v^ = v / (1 - beta2^t)`. Weight decay is added to the gradient.
 *
 * @throws InvalidArgumentError when a beta is outside [0, 1) or epsilon is negative, and at a step with both `weightDecay` and a sparse
 * gradient.
 * @example
 * new optimizer.Adam({ learningRate: 1e-3, parameters: net.parameters() });
 */
export class Adam extends Optimizer {
  readonly amsgrad: boolean;

  constructor(...args: [options: AdamOptions] | [learningRate: number, options: AdamOptions]) {
    const o = namedOptions<AdamOptions>("Adam", args, keys, 0);
    super("Adam", o, { ...checkBetas("Adam", o, 1e-8), lazyMode: o.lazyMode ?? false });
    this.amsgrad = o.amsgrad ?? false;
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
    this.#refuseDecay(u);
    const betas = { beta1: u.number("beta1"), beta2: u.number("beta2"), epsilon: u.number("epsilon") };
    const largest = this.amsgrad ? [u.state("moment2_max")] : [];
    const state = [
      u.state("moment1"),
      u.state("moment2"),
      ...largest,
      u.state("beta1_pow_acc"),
      u.state("beta2_pow_acc"),
    ];
    const [param, , lr, scale] = u.operands;
    if (u.rows) {
      const record = this.amsgrad ? adamAmsgradRowsOp : adamRowsOp;
      bind(record, [param, u.rows.ids, u.rows.values, lr, scale, ...state], betas);
      return;
    }
    bind(this.amsgrad ? adamAmsgradOp : adamOp, [...u.operands, ...state], { ...betas, ...u.decay });
    bind(advanceBetasOp, state.slice(-2), betas);
  }

  /** Paddle refuses the pair, too; the decay of a parameter's own or of a group is taken, and makes the gradient dense. */
  #refuseDecay({ parameter, operands, group }: Update): void {
    if (this.weightDecay === null || group || !rowsOf(operands[1])) return;
    throw new InvalidArgumentError(`weightDecay does not go with the sparse gradient of "${parameter.name}".`, {
      op: "Adam",
      name: parameter.name,
      hint: "leave weightDecay out, give the decay in the ParamAttrs that want it, or make the embedding with sparse: false.",
    });
  }
}
