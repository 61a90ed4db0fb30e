// Optimizer: the base of all optimizers; which parameters are updated with which settings, their state, and its saving.

import { InvalidArgumentError, PreconditionNotMetError, UnimplementedError } from "../core/errors.js";
import { isStrictPaddle } from "../core/flags.js";
import { checkOptions, describe } from "../core/options.js";
import { ClipGradByGlobalNorm, type ClippedGradient, GradientClip, type ParameterGradient } from "../nn/clip.js";
import { cast } from "../ops/cast.js";
import type { Parameter } from "../param/parameter.js";
import { checkRate, rateNow } from "../param/rate.js";
import { Decay, WeightDecayRegularizer } from "../param/regularizer.js";
import {
  asRegularizer,
  isHeld,
  overwriteAsPaddle,
  type OwnerSettings,
  type Resolved,
  resolveRate,
  resolveRegularizer,
} from "../param/resolve.js";
import type { Value } from "../program/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { scoped } from "../trace/handles.js";
import { assignInto } from "../trace/inplace.js";
import { phase } from "../trace/observe.js";
import { densified, rowsOf } from "../trace/rows.js";
import { eachStep, guarded, runtimeScalar } from "../trace/step-trace.js";
import { withGrad } from "../trace/tape.js";
import { type AccumulatorSpec, Accumulators, isHalf, type OptimizerState } from "./accumulators.js";
import { type ParameterGroup, type ParameterSet, readParameters } from "./groups.js";
import { LRScheduler } from "./lr/lr-scheduler.js";
import { settingsKeyOf } from "./settings-key.js";
import { type MinimizeOptions, staticUpdates } from "./static-updates.js";
import type { OptimizerOptions, ParameterSettings, Update } from "./types.js";
import { wholeGradient, withTerm } from "./whole-gradient.js";

export type { OptimizerOptions, ParameterSettings, Update } from "./types.js";

/**
 * Base of all optimizers. To write one, extend it: say which state a parameter has (`accumulators`) and how it is updated (`update`).
 *
 * Precedence: a parameter group's own setting, then the parameter's (ParamAttr), then the optimizer's. The final rate is the
 * optimizer's times the group's or else the parameter's.
 */
export abstract class Optimizer {
  /** Updates made so far. */
  stepCount = 0;
  /** Parameters by group; one group when the optimizer was given plain parameters. */
  readonly groups: readonly ParameterSet[];
  /** Stands in the names of its state. */
  readonly name: string | undefined;
  readonly gradClip: GradientClip | null;
  readonly weightDecay: WeightDecayRegularizer | null;
  #rate: number | LRScheduler;
  #scopeRate: number | undefined;
  readonly #accumulators: Accumulators;
  readonly #owner: OwnerSettings;
  readonly #multiPrecision: boolean;
  readonly #sparse: boolean;

  /**
   * @param api the class's name in messages
   * @param options what every optimizer takes
   * @param numbers the class's own settings, which groups may replace
   * @param traits how weight decay works here, and whether Paddle's optimizer of this name knows sparse gradients
   */
  constructor(
    protected readonly api: string,
    options: OptimizerOptions,
    private readonly numbers: Readonly<Record<string, unknown>> = {},
    traits: { readonly decoupled?: boolean; readonly keepsL2?: boolean; readonly sparse?: boolean } = {},
  ) {
    const { learningRate = 0.001, weightDecay = null, gradClip = null } = options;
    checkRate(learningRate, "learningRate", api);
    if (weightDecay !== null && typeof weightDecay !== "number" && !(weightDecay instanceof WeightDecayRegularizer))
      throw new InvalidArgumentError(`weightDecay must be a number or a regularizer, got ${describe(weightDecay)}.`, {
        op: api,
      });
    if (gradClip !== null && !(gradClip instanceof GradientClip))
      throw new InvalidArgumentError(`gradClip must be one of nn.ClipGradBy…, got ${describe(gradClip)}.`, { op: api });
    this.#rate = learningRate;
    this.weightDecay = weightDecay === null ? null : asRegularizer(weightDecay);
    this.gradClip = gradClip;
    this.name = options.name ?? undefined;
    this.#multiPrecision = options.multiPrecision ?? false;
    this.#sparse = traits.sparse ?? true;
    this.#owner = {
      weightDecay: this.weightDecay,
      decoupled: traits.decoupled ?? false,
      keepsL2: traits.keepsL2 ?? false,
    };
    this.groups = readParameters(api, options.parameters, Object.keys(numbers));
    this.#accumulators = new Accumulators(api, this.name);
    for (const set of this.groups) this.#claim(set);
  }

  /** The optimizer becomes the one that decides about its parameters. */
  #claim({ group, parameters }: ParameterSet): void {
    const clip = group?.gradClip ?? this.gradClip;
    for (const p of parameters)
      p.gradientUnused = () => isHeld(p, group) && !(clip instanceof ClipGradByGlobalNorm && p.needClip);
    if (!group) return;
    if (this.#owner.decoupled && group.weightDecay !== undefined && typeof group.weightDecay !== "number") {
      const none = group.weightDecay === null && !isStrictPaddle();
      if (!none)
        throw new InvalidArgumentError(
          `the weightDecay of a group must be a number here, got ${describe(group.weightDecay)}.`,
          {
            op: this.api,
          },
        );
    }
    if (isStrictPaddle()) for (const p of parameters) overwriteAsPaddle(p, group, this.#owner);
  }

  /** The state of a parameter: names, first values and shapes, in Paddle's order. */
  protected abstract accumulators(parameter: Parameter, group: ParameterGroup | undefined): readonly AccumulatorSpec[];

  /** Binds the update op of one parameter. */
  protected abstract update(u: Update): void;

  /** Whether rows that a sparse gradient does not name are left as they are. By default such a gradient counts as a dense one. */
  protected isLazy(_group: ParameterGroup | undefined): boolean {
    return false;
  }

  /** Decay that is a step of its own, where the class has one. */
  protected decoupledDecay(_parameter: Parameter, _group: ParameterGroup | undefined): Resolved<number> | undefined {
    return undefined;
  }

  /** A number of the class's own settings: the group's, or else the optimizer's. */
  protected settingOf(name: string, group: ParameterGroup | undefined): number {
    return (group?.settings[name] ?? this.numbers[name]) as number;
  }

  /** A switch of the class's own settings: the group's, or else the optimizer's. */
  protected flagOf(name: string, group: ParameterGroup | undefined): boolean {
    return (group?.settings[name] ?? this.numbers[name]) as boolean;
  }

  /** All its parameters, in order. */
  get parameters(): Parameter[] {
    return this.groups.flatMap((set) => [...set.parameters]);
  }

  /** The rate in force, without the parameters' factors. */
  getLr(): number {
    return this.#scopeRate ?? rateNow(this.#rate);
  }

  /** The optimizer whose rate moves the parameters: itself, but for those around another. */
  get rateOwner(): Optimizer {
    return this;
  }

  /** Puts a Scope's rate in force while a Program's run is prepared; undefined: its own again. Static mode's. */
  useRate(rate: number | undefined): void {
    this.#scopeRate = rate;
  }

  /**
   * Sets the rate.
   *
   * @throws PreconditionNotMetError when a schedule decides it, InvalidArgumentError when it is no number.
   */
  setLr(value: number): void {
    if (this.#rate instanceof LRScheduler) {
      throw new PreconditionNotMetError("a schedule decides the rate.", {
        op: "setLr",
        hint: "call setLrScheduler, or change the schedule.",
      });
    }
    if (typeof value !== "number")
      throw new InvalidArgumentError(`must be a number, got ${describe(value)}.`, { op: "setLr" });
    this.#rate = value;
  }

  /** Puts another schedule in force. */
  setLrScheduler(scheduler: LRScheduler): void {
    if (!(scheduler instanceof LRScheduler))
      throw new InvalidArgumentError(`must be one of optimizer.lr, got ${describe(scheduler)}.`, {
        op: "setLrScheduler",
      });
    this.#rate = scheduler;
  }

  /** The rate as it was given: a number, or the schedule. */
  get learningRate(): number | LRScheduler {
    return this.#rate;
  }

  /** What is in force for one of its parameters, and where each setting came from; undefined for a stranger. */
  settingsOf(parameter: Parameter): ParameterSettings | undefined {
    const set = this.groups.find((s) => s.parameters.includes(parameter));
    // In a Program an optimizer made without parameters decides about all of them.
    if (!set && !parameter.symbol) return undefined;
    const group = set?.group;
    const learningRate = resolveRate(parameter, group);
    const own = group?.gradClip;
    return {
      learningRate,
      rate: this.getLr() * rateNow(learningRate.value),
      regularizer: resolveRegularizer(parameter, group, this.#owner),
      clip: own
        ? { value: own, source: `group ${group.index}` }
        : { value: this.gradClip, source: this.gradClip ? "optimizer" : "none" },
      decoupledDecay: this.decoupledDecay(parameter, group),
    };
  }

  /**
   * Updates every trainable parameter that has a gradient: clips, adds weight decay, updates. Nothing is read back, so it returns at
   * once, and inside `jit.compile` it becomes part of the step.
   */
  step(): void {
    phase("Optimization", "Optimization Step", () =>
      this.#apply(this.groups.map((set) => ({ set, pairs: this.#pairsOf(set) }))),
    );
  }

  /**
   * Updates parameters with given gradients, as {@link Optimizer.step} does with their own. Parameters of no group of this optimizer
   * (in static mode it may have been made without) have the optimizer's settings.
   */
  applyGradients(pairs: readonly ParameterGradient[]): void {
    const taken = new Set<ParameterGradient>();
    const work = this.groups.map((set) => {
      const own = pairs.filter((pair) => set.parameters.includes(pair[0]));
      for (const pair of own) taken.add(pair);
      return { set, pairs: own };
    });
    const rest = pairs.filter((pair) => !taken.has(pair));
    this.#apply([...work, { set: { group: undefined, parameters: rest.map(([p]) => p) }, pairs: rest }]);
  }

  #apply(sets: readonly { readonly set: ParameterSet; readonly pairs: readonly ParameterGradient[] }[]): void {
    const work = sets.filter(({ pairs }) => pairs.length > 0);
    if (work.length === 0) return;
    eachStep(() => {
      this.stepCount++;
    });
    guarded(() => work.map(({ set }) => settingsKeyOf(set, this.#owner)).join(";"));
    withGrad(false, () => scoped(() => work.forEach(({ set, pairs }) => this.#updateGroup(set, pairs))));
  }

  /** Everything about a set's parameters that decides the code of a step; numbers that may change from step to step are not in it. */
  settingsKey(parameters: readonly Parameter[]): string {
    return parameters
      .map((p) =>
        settingsKeyOf(
          { group: this.groups.find((s) => s.parameters.includes(p))?.group, parameters: [p] },
          this.#owner,
        ),
      )
      .join("|");
  }

  /** Trainable parameters with their gradients. */
  #pairsOf(set: ParameterSet): ParameterGradient[] {
    const out: ParameterGradient[] = [];
    for (const p of set.parameters) if (!p.stopGradient && p.gradient) out.push([p, p.gradient as Tensor]);
    return out;
  }

  #updateGroup({ group, parameters }: ParameterSet, pairs: readonly ParameterGradient[]): void {
    const clip = group?.gradClip ?? this.gradClip;
    const ready: readonly ClippedGradient[] = clip
      ? clip.prepare(pairs)
      : pairs.map(([parameter, gradient]) => ({ parameter, gradient, scale: undefined }));
    for (const p of parameters) if (!p.stopGradient && isHeld(p, group)) this.stateOf(p, group);
    for (const entry of ready) {
      if (isHeld(entry.parameter, group)) continue;
      const { parameter } = entry;
      const master =
        this.#multiPrecision && isHalf(parameter.dtype) ? this.#accumulators.masterOf(parameter) : undefined;
      this.update(this.#updateOf(entry, master ?? parameter, group));
      if (master) assignInto(parameter, cast<Value>(master, parameter.dtype));
      parameter.settle();
    }
  }

  #updateOf(entry: ClippedGradient, target: Tensor, group: ParameterGroup | undefined): Update {
    const { parameter } = entry;
    const regularizer = resolveRegularizer(parameter, group, this.#owner).value;
    const inKernel = regularizer === null || regularizer instanceof Decay;
    const { gradient, scale } = inKernel ? entry : withTerm(entry, regularizer);
    if (!this.#sparse && isStrictPaddle() && rowsOf(gradient))
      throw new UnimplementedError(
        `Paddle's ${this.api} has no update for the sparse gradient of "${parameter.name}".`,
        {
          op: this.api,
          name: parameter.name,
          hint: "make the embedding with sparse: false, or turn strictPaddle off: the gradient then counts as a dense one.",
        },
      );
    const state = this.stateOf(parameter, group);
    // Decay moves every row, as in Paddle, where it makes the gradient dense.
    const rows = regularizer === null && this.isLazy(group) ? rowsOf(gradient) : undefined;
    const operand = rows ? gradient : densified(gradient);
    const rateNowOf = (): number => this.getLr() * rateNow(resolveRate(parameter, group).value);
    const rate = runtimeScalar(rateNowOf);
    const coeff = regularizer instanceof Decay ? runtimeScalar(() => this.#coeffOf(parameter, group)) : undefined;
    return {
      parameter,
      learningRate: rate as Tensor | number,
      gradient: () => wholeGradient(densified(gradient), scale, target, regularizer, coeff) as Tensor,
      group,
      rows,
      rate: rateNowOf,
      operands: [target, operand, rate, scale, coeff],
      decay: regularizer instanceof Decay ? { decay: regularizer.kind } : noDecay,
      state: (name) => state.get(name)!,
      number: (name) => this.settingOf(name, group),
      flag: (name) => this.flagOf(name, group),
    };
  }

  /** The coefficient of a parameter's weight decay now. */
  #coeffOf(p: Parameter, group: ParameterGroup | undefined): number {
    const decay = resolveRegularizer(p, group, this.#owner).value;
    return decay instanceof Decay ? decay.coeff : 0;
  }

  /** The state of a parameter by name, made at first. */
  protected stateOf(p: Parameter, group?: ParameterGroup): ReadonlyMap<string, Tensor> {
    return this.#accumulators.of(p, () => this.accumulators(p, group));
  }

  /**
   * Paddle's dynamic `minimize`: updates with the gradients that are there; it does not run backward.
   *
   * @returns the parameters that had gradients, with them
   */
  minimize(loss: Tensor, options: MinimizeOptions = {}): [[], ParameterGradient[]] {
    const o = checkOptions<MinimizeOptions>("minimize", options, ["startupProgram", "parameters", "noGradSet"]);
    const inPrograms = loss.symbol && staticUpdates();
    if (inPrograms) return inPrograms.minimize(this, loss, o);
    const pairs = this.groups.flatMap((set) => this.#pairsOf(set));
    this.step();
    return [[], pairs];
  }

  /**
   * Drops the gradients of its parameters, so that a step without a backward in between updates nothing.
   *
   * @param setToZero fills them with zeros instead, Paddle's way: momentum and weight decay then go on moving the parameters
   */
  clearGrad(setToZero: boolean | { readonly setToZero?: boolean | undefined } = isStrictPaddle()): void {
    const zero = typeof setToZero === "boolean" ? setToZero : (setToZero.setToZero ?? false);
    for (const set of this.groups) for (const p of set.parameters) if (!p.stopGradient) p.clearGrad(zero);
  }

  /** Alias of {@link Optimizer.clearGrad}. @deprecated use clearGrad */
  clearGradients(setToZero?: boolean): void {
    this.clearGrad(setToZero);
  }

  /**
   * The state under Paddle's names (`linear_0.w_0_moment1_0`), and `LR_Scheduler` when a schedule decides the rate.
   * Empty before the first step.
   */
  stateDict(): OptimizerState {
    const state = this.#accumulators.stateDict();
    if (this.#rate instanceof LRScheduler) state["LR_Scheduler"] = this.#rate.stateDict();
    if (!isStrictPaddle() && this.stepCount > 0) state["StepCount@@"] = this.stepCount;
    return state;
  }

  /**
   * Restores what {@link Optimizer.stateDict} gave, here or in Paddle; state that parameters do not have yet is taken when they get it.
   *
   * @throws NotFoundError when state is missing (now, or at the step that needs it), InvalidArgumentError when it is of another shape.
   */
  setStateDict(state: Readonly<Record<string, unknown>>): void {
    const { LR_Scheduler: schedule, "StepCount@@": count, ...rest } = state;
    if (this.#rate instanceof LRScheduler) {
      if (schedule !== undefined) this.#rate.setStateDict(schedule as Record<string, unknown>);
      else if (isStrictPaddle())
        throw new InvalidArgumentError("LR_Scheduler is not in the state.", { op: `${this.api}.setStateDict` });
    }
    const steps = this.#accumulators.load(rest, this.numbers);
    this.stepCount = typeof count === "number" ? count : (steps ?? this.stepCount);
  }

  /** Alias of {@link Optimizer.setStateDict}. @deprecated use setStateDict */
  setDict(state: Readonly<Record<string, unknown>>): void {
    this.setStateDict(state);
  }
}

const noDecay = { decay: "none" } as const;
