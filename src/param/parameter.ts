// Parameter: a tensor that optimizers train, with its name and every setting that decides how, and where each came from.

import type { DType } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { describe } from "../core/options.js";
import type { Shape } from "../core/shape.js";
import { engine } from "../device/engine.js";
import type { Storage } from "../device/storage.js";
import type { SymbolDesc } from "../program/value.js";
import { Tensor } from "../tensor/tensor.js";
import type { TensorLike } from "../tensor/to-tensor.js";
import { withGrad } from "../trace/tape.js";
import { isStrictPaddle } from "../core/flags.js";
import type { Initializer } from "./initializer.js";
import type { ParamAttr } from "./param-attr.js";
import { checkRate, type Rate } from "./rate.js";
import { WeightDecayRegularizer } from "./regularizer.js";
import { overwrite, setTensorValue } from "./set-value.js";

/** Settings whose source is known. */
export type SettingKey = "learningRate" | "regularizer" | "trainable" | "needClip" | "initializer";

/** Where a setting came from. */
export type SettingSource = "ParamAttr" | "default" | "layer default" | "global initializer" | "assigned" | "frozen";

/** What a Program's parameter does with values: static mode says. */
export interface ParameterStore {
  /** The tensor that holds its value. Throws before the startup Program ran. */
  value(parameter: Parameter): Tensor;
  /** Gives it another first value, and that value if it has one already. */
  initialize(parameter: Parameter, initializer: Initializer): void;
}

let store: ParameterStore | undefined;

/** Installs static mode's store. */
export function setParameterStore(given: ParameterStore): void {
  store = given;
}

let changes = 0;

/** Counts assignments to settings of parameters, so that compiled Programs notice them cheaply. */
export const settingChanges = (): number => changes;

/** What a parameter is made with. */
export interface ParameterInit {
  readonly name: string;
  readonly attr: ParamAttr;
  readonly initializer: Initializer | undefined;
  readonly initializerSource: SettingSource;
  /** The layer or function that asked for it. */
  readonly creator: string;
}

/**
 * A trainable tensor. Layers make it through `createParameter`; its settings can be read and changed at any time:
 * `learningRate` (factor of the optimizer's), `regularizer`, `needClip`, `trainable`.
 *
 * @example
 * ```ts
 * import { nn } from "oarjs";
 * const fc = new nn.Linear(2, 3);
 * fc.weight.learningRate = 0.1;
 * fc.weight.setValue([[1, 2, 3], [4, 5, 6]]);
 * console.log(fc.weight.name); // linear_0.w_0
 * ```
 */
export class Parameter extends Tensor {
  declare name: string;
  /** Kept for Paddle's distributed training. */
  isDistributed = false;
  /** Whether model averaging includes it. */
  doModelAverage = true;
  /** Every layer that has it, in order. */
  readonly creators: string[] = [];
  private readonly sources: Record<SettingKey, SettingSource>;
  private rate: Rate = 1;
  private decay: WeightDecayRegularizer | null = null;
  private clipped = true;
  private init: Initializer | undefined;
  private settled = false;
  /** Called once, at the first update or loaded value. */
  private onSettled: (() => void) | undefined;

  constructor(shape: Shape, dtype: DType, made: ParameterInit, storage?: Storage, symbol?: SymbolDesc) {
    super(shape, dtype, storage, symbol);
    if (storage) engine().memory.track(this, storage);
    this.name = made.name;
    this.persistable = true;
    this.init = made.initializer;
    const source = (key: keyof typeof this.sources): SettingSource =>
      made.attr.given.has(key) ? "ParamAttr" : "default";
    this.sources = {
      learningRate: source("learningRate"),
      regularizer: source("regularizer"),
      trainable: source("trainable"),
      needClip: source("needClip"),
      initializer: made.initializerSource,
    };
    this.adopt(made.attr, made.creator);
  }

  /** Takes the settings of the attribute it was made (or joined) with: of several the last wins, as in Paddle's static graphs. */
  adopt(attr: ParamAttr, creator: string): void {
    this.rate = attr.learningRate;
    this.decay = attr.regularizer;
    this.clipped = attr.needClip;
    this.stopGradient = !attr.trainable;
    this.doModelAverage = attr.doModelAverage;
    for (const key of ["learningRate", "regularizer", "trainable", "needClip"] as const)
      this.sources[key] = attr.given.has(key) ? "ParamAttr" : "default";
    this.creators.push(creator);
  }

  /** Where a setting came from. */
  sourceOf(key: SettingKey): SettingSource {
    if (key === "trainable" && this.sources.trainable === "default" && this.stopGradient) return "assigned";
    return this.sources[key];
  }

  /** Notes that freeze() or unfreeze() decided about `trainable`. */
  noteFrozen(source: SettingSource): void {
    this.sources.trainable = source;
    changes++;
  }

  /** Factor of the optimizer's learning rate: a number, or a schedule object. */
  get learningRate(): Rate {
    return this.rate;
  }

  set learningRate(rate: Rate) {
    checkRate(rate, "learningRate", "Parameter");
    this.rate = rate;
    changes++;
    this.sources.learningRate = "assigned";
  }

  /** Paddle's `optimize_attr`: `{ learningRate }`, readable and writable. */
  get optimizeAttr(): { learningRate: Rate } {
    const owner = this;
    return {
      get learningRate() {
        return owner.learningRate;
      },
      set learningRate(rate) {
        owner.learningRate = rate;
      },
    };
  }

  set optimizeAttr(attr: { readonly learningRate: Rate }) {
    this.learningRate = attr.learningRate;
  }

  /** Takes the place of the optimizer's weight decay; null: the optimizer's. */
  get regularizer(): WeightDecayRegularizer | null {
    return this.decay;
  }

  set regularizer(regularizer: WeightDecayRegularizer | null) {
    if (regularizer !== null && !(regularizer instanceof WeightDecayRegularizer)) {
      throw new InvalidArgumentError(`regularizer must be an L1Decay, L2Decay or null, got ${describe(regularizer)}.`, {
        op: "Parameter",
      });
    }
    this.decay = regularizer;
    changes++;
    this.sources.regularizer = "assigned";
  }

  /** False: the optimizer's gradient clipping leaves it alone and does not count it. */
  get needClip(): boolean {
    return this.clipped;
  }

  set needClip(need: boolean) {
    this.clipped = checkBoolean(need, "needClip");
    changes++;
    this.sources.needClip = "assigned";
  }

  /** Whether it gets gradients and updates: the opposite of `stopGradient`. */
  get trainable(): boolean {
    return !this.stopGradient;
  }

  set trainable(trainable: boolean) {
    this.stopGradient = !checkBoolean(trainable, "trainable");
    changes++;
    this.sources.trainable = "assigned";
  }

  /** What gave the first value. */
  get initializer(): Initializer | undefined {
    return this.init;
  }

  /**
   * Replaces the value. Takes a Tensor, an NdArray, a nested array, or a typed array of as many elements; numbers are cast to the dtype.
   *
   * @throws InvalidArgumentError for another shape; under `strictPaddle` for another dtype or a plain array, too.
   */
  setValue(value: TensorLike): this {
    const target = this.symbol ? store!.value(this) : this;
    setTensorValue(target, value, `parameter "${this.name}"`, isStrictPaddle());
    this.settle();
    return this;
  }

  /** Gives it a new first value, as if it had been created with this initializer. */
  initialize(initializer: Initializer): this {
    if (this.symbol) store!.initialize(this, initializer);
    else
      overwrite(
        this,
        withGrad(false, () => initializer.make(this.shape, this.dtype)),
      );
    this.init = initializer;
    this.sources.initializer = "assigned";
    return this;
  }

  /** Whether it was updated or loaded; its name cannot be joined any more. */
  get isSettled(): boolean {
    return this.settled;
  }

  /** Calls `action` at the first update or loaded value. */
  whenSettled(action: () => void): void {
    this.onSettled = action;
  }

  /** Notes an update or a loaded value. */
  settle(): void {
    if (this.settled) return;
    this.settled = true;
    this.onSettled?.();
    this.onSettled = undefined;
  }

  override toString(): string {
    return `Parameter containing:\n${super.toString()}`;
  }
}

function checkBoolean(x: unknown, name: string): boolean {
  if (typeof x === "boolean") return x;
  throw new InvalidArgumentError(`${name} must be a boolean, got ${describe(x)}.`, { op: "Parameter" });
}
