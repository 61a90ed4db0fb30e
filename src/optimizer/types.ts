// What optimizers are given, what an update needs, and what settingsOf tells.

import type { GradientClip } from "../nn/clip.js";
import type { DecayKind } from "../ops/optimizer-parts.js";
import type { Parameter } from "../param/parameter.js";
import type { Rate } from "../param/rate.js";
import type { WeightDecayRegularizer } from "../param/regularizer.js";
import type { Resolved } from "../param/resolve.js";
import type { Rows, Value } from "../program/value.js";
import type { Tensor } from "../tensor/tensor.js";
import type { ParameterGroup, ParametersLike } from "./groups.js";
import type { LRScheduler } from "./lr/lr-scheduler.js";

/** What every optimizer takes. */
export interface OptimizerOptions {
  /** A number, or a schedule of `optimizer.lr`; 0.001 by default. */
  readonly learningRate?: number | LRScheduler | undefined;
  /** Parameters, or groups of them with settings of their own: `[{ params, learningRate, weightDecay, … }]`. */
  readonly parameters?: ParametersLike | null | undefined;
  /** A number is an L2Decay. A parameter's own regularizer takes its place. */
  readonly weightDecay?: number | WeightDecayRegularizer | null | undefined;
  readonly gradClip?: GradientClip | null | undefined;
  /** Stands in the names of its state: `linear_0.w_0_NAME_moment1_0`. */
  readonly name?: string | null | undefined;
  /** Updates float32 copies of half-precision parameters, in the optimizers that have it; false by default. */
  readonly multiPrecision?: boolean | undefined;
}

/** Keys of {@link OptimizerOptions}. */
export type CommonKey = keyof OptimizerOptions;

/** Everything an update of one parameter needs; operands in the order of the update ops. */
export interface Update {
  readonly parameter: Parameter;
  /** Parameter, gradient, rate, clipping factor and coefficient of weight decay. */
  readonly operands: readonly [Value, Value, Value | number, Value | undefined, Value | number | undefined];
  /** The gradient's rows, when it came as rows and nothing but the rows is wanted (lazy updates); it then needs no dense form. */
  readonly rows: Rows | undefined;
  /** Weight decay that the kernel adds to the gradient. */
  readonly decay: { readonly decay: DecayKind };
  /** The gradient, clipped and with its weight decay: what a rule written in tensor functions starts from. */
  gradient(): Tensor;
  /** The final rate: a number, or inside compiled steps and Programs a scalar that is read anew before each run. */
  readonly learningRate: Tensor | number;
  /** State by name. */
  state(name: string): Tensor;
  readonly group: ParameterGroup | undefined;
  /** The final rate now. */
  rate(): number;
  /** A number of the group or the optimizer. */
  number(name: string): number;
  /** A switch of the group or the optimizer. */
  flag(name: string): boolean;
}

/** What is in force for one parameter. */
export interface ParameterSettings {
  /** Factor and the final rate. */
  readonly learningRate: Resolved<Rate>;
  readonly rate: number;
  readonly regularizer: Resolved<WeightDecayRegularizer | null>;
  readonly clip: Resolved<GradientClip | null>;
  /** Decay that is a step of its own (AdamW, Lamb). */
  readonly decoupledDecay: Resolved<number> | undefined;
}
