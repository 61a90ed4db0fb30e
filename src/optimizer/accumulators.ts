// The state of an optimizer's parameters: made at their first update, named as Paddle names it, saved and loaded.

import type { DType } from "../core/dtype.js";
import { InvalidArgumentError, NotFoundError, PreconditionNotMetError } from "../core/errors.js";
import { isStrictPaddle } from "../core/flags.js";
import { formatShape, sameShape, type Shape } from "../core/shape.js";
import { isNdArray } from "../core/nd-array.js";
import { cast } from "../ops/cast.js";
import { full } from "../ops/creation.js";
import type { Parameter } from "../param/parameter.js";
import { setTensorValue } from "../param/set-value.js";
import { uniqueName } from "../param/unique-name.js";
import { Tensor } from "../tensor/tensor.js";
import { type TensorLike, toTensor } from "../tensor/to-tensor.js";
import { eagerly } from "../trace/bind.js";
import { unscoped } from "../trace/handles.js";

/** One piece of a parameter's state. */
export interface AccumulatorSpec {
  /** Paddle's name: `moment1`. */
  readonly name: string;
  /** First value of all elements. */
  readonly fill: number;
  /** The parameter's by default. */
  readonly shape?: Shape | undefined;
  /** The parameter's by default, float32 for half-precision parameters. */
  readonly dtype?: DType | undefined;
}

/** Where the state of a Program's parameters lives: static mode says. */
export interface StateHome {
  /** A persistable variable whose first value is `first`: a number for all elements, or loaded values. */
  make(name: string, shape: Shape, dtype: DType, first: number | Tensor): Tensor;
  /** Makes sure that the startup Program in force gives a variable its first value. */
  ensure(variable: Tensor, first: number): void;
  /** A persistable variable (`made` already, or new) whose first value is a parameter's, cast. */
  derive(name: string, parameter: Parameter, dtype: DType, made?: Tensor): Tensor;
  /** The tensor that holds a variable's value now; undefined before the startup Program ran. */
  value(variable: Tensor): Tensor | undefined;
}

let stateHome: StateHome | undefined;

/** Installs static mode's place for state. */
export function setStateHome(home: StateHome): void {
  stateHome = home;
}

/** The tensor that holds a piece of state. */
export const heldValue = (t: Tensor): Tensor | undefined => (t.symbol ? stateHome!.value(t) : t);

/** Saved state: tensors by name, and the schedule's under `LR_Scheduler`. */
export type OptimizerState = Record<string, unknown>;

/** All state of one optimizer. */
export class Accumulators {
  /** By kind in the order of creation, then by parameter: the order of state dicts. */
  private readonly kinds = new Map<string, Map<Parameter, Tensor>>();
  private readonly byParameter = new Map<Parameter, ReadonlyMap<string, Tensor>>();
  /** Float32 copies of half-precision parameters, which the updates work on. */
  private readonly masters = new Map<Parameter, Tensor>();
  private waitingMasters: Record<string, unknown> = {};
  /** Loaded state that no parameter has taken yet. */
  private waiting: Record<string, unknown> = {};

  constructor(
    private readonly api: string,
    private readonly optimizerName: string | undefined,
  ) {}

  /** The state of a parameter, made on first use. */
  of(p: Parameter, specs: () => readonly AccumulatorSpec[]): ReadonlyMap<string, Tensor> {
    let state = this.byParameter.get(p);
    if (!state) {
      const owner = this.masters.get(p)?.name ?? p.name;
      state = new Map(specs().map((spec) => [spec.name, this.make(p, spec, owner)]));
      this.byParameter.set(p, state);
    } else if (p.symbol) for (const spec of specs()) stateHome!.ensure(state.get(spec.name)!, spec.fill);
    return state;
  }

  /** The float32 copy of a half-precision parameter, made on first use. */
  masterOf(p: Parameter): Tensor {
    let master = this.masters.get(p);
    if (!master) {
      const name = uniqueName.generate(`${p.name}_fp32_master`);
      master = p.symbol ? this.masterInProgram(p, name) : this.masterOfEager(p, name);
      this.masters.set(p, master);
    } else if (p.symbol) stateHome!.derive(master.name!, p, "float32", master);
    return master;
  }

  private masterOfEager(p: Parameter, name: string): Tensor {
    const master = unscoped(() => eagerly(() => cast<Tensor>(p, "float32")));
    master.name = name;
    master.persistable = true;
    const loaded = this.waitingMasters[p.name];
    if (loaded !== undefined) setTensorValue(master, loaded as Tensor, `"${name}"`, isStrictPaddle());
    return master;
  }

  private masterInProgram(p: Parameter, name: string): Tensor {
    const loaded = this.waitingMasters[p.name] as TensorLike | undefined;
    if (loaded === undefined) return stateHome!.derive(name, p, "float32");
    return stateHome!.make(
      name,
      p.shape,
      "float32",
      eagerly(() => cast<Tensor>(toTensor(loaded), "float32")),
    );
  }

  private make(p: Parameter, spec: AccumulatorSpec, owner: string): Tensor {
    const dtype = spec.dtype ?? (isHalf(p.dtype) ? "float32" : p.dtype);
    const shape = spec.shape ?? p.shape;
    const kind = this.optimizerName === undefined ? spec.name : `${this.optimizerName}_${spec.name}`;
    const name = uniqueName.generate(`${owner}_${kind}`);
    const loaded = Object.keys(this.waiting).length > 0;
    const eager = (): Tensor => {
      const t = unscoped(() => eagerly(() => full(shape, spec.fill, dtype))) as Tensor;
      t.name = name;
      t.persistable = true;
      if (loaded) this.take(t);
      return t;
    };
    const made = p.symbol ? stateHome!.make(name, shape, dtype, loaded ? eager() : spec.fill) : eager();
    const all = this.kinds.get(spec.name) ?? new Map<Parameter, Tensor>();
    this.kinds.set(spec.name, all.set(p, made));
    return made;
  }

  /** Fills one tensor from the loaded state. */
  private take(target: Tensor): void {
    const key = keyFor(target.name!, this.waiting);
    if (key === undefined) {
      throw new NotFoundError(`the loaded state has no "${target.name}".`, {
        op: `${this.api}.setStateDict`,
        name: target.name,
        hint: "the state was saved from another model or optimizer, or before this parameter was trained; build the model in the same order, or under utils.uniqueName.guard().",
      });
    }
    const given = this.waiting[key];
    delete this.waiting[key];
    const shape = given instanceof Tensor || isNdArray(given) ? given.shape : undefined;
    if (shape && !sameShape(shape, target.shape)) {
      throw new InvalidArgumentError(
        `"${target.name}" is ${formatShape(target.shape)}, the loaded state has ${formatShape(shape)}.`,
        { op: `${this.api}.setStateDict`, expected: target.shape, received: shape },
      );
    }
    setTensorValue(target, given as Tensor, `"${target.name}"`, isStrictPaddle());
  }

  /** Every piece of state by its name; state that was loaded and not used yet when there is no other. */
  stateDict(): OptimizerState {
    if (this.kinds.size === 0 && this.masters.size === 0) return { ...this.waiting };
    const out: OptimizerState = {};
    for (const all of this.kinds.values()) {
      for (const t of all.values()) {
        const value = heldValue(t);
        if (value) out[t.name!] = value;
      }
    }
    if (this.masters.size > 0)
      out["master_weights"] = Object.fromEntries(
        [...this.masters].flatMap(([p, t]) => {
          const value = heldValue(t);
          return value ? [[p.name, value]] : [];
        }),
      );
    return out;
  }

  /**
   * Sets existing state, and keeps the rest for parameters that have none yet.
   *
   * @returns the number of updates the state tells of, if it holds powers of the betas
   */
  load(state: Readonly<Record<string, unknown>>, numbers: Readonly<Record<string, unknown>>): number | undefined {
    const steps = stepsOf(state, numbers);
    const { master_weights: masters = {}, ...rest } = state;
    this.waitingMasters = { ...(masters as Record<string, unknown>) };
    for (const [p, t] of this.masters) {
      const loaded = this.waitingMasters[p.name];
      if (loaded !== undefined)
        setTensorValue(heldValue(t) ?? notStarted(t, this.api), loaded as Tensor, `"${t.name}"`, isStrictPaddle());
    }
    this.waiting = { ...rest };
    for (const all of this.kinds.values())
      for (const t of all.values()) this.take(heldValue(t) ?? notStarted(t, this.api));
    return steps;
  }
}

/** Whether a dtype is too short to add small steps to. */
export const isHalf = (dtype: DType): boolean => dtype === "float16" || dtype === "bfloat16";

function notStarted(t: Tensor, api: string): never {
  throw new PreconditionNotMetError(`the scope has no value for "${t.name}" yet.`, {
    op: `${api}.setStateDict`,
    name: t.name,
    hint: "run the startup program first: await exe.run(startup).",
  });
}

/** The key of a name in a state; outside strictPaddle another trailing counter will do when it is the only one. */
function keyFor(name: string, state: Readonly<Record<string, unknown>>): string | undefined {
  if (state[name] !== undefined) return name;
  if (isStrictPaddle()) return undefined;
  const stem = name.slice(0, name.lastIndexOf("_") + 1);
  const near = Object.keys(state).filter((key) => key.startsWith(stem) && /^\d+$/.test(key.slice(stem.length)));
  return near.length === 1 ? near[0] : undefined;
}

/** After t updates Paddle's powers hold `beta^(t+1)`; beta1's runs out of float32 first. */
function stepsOf(
  state: Readonly<Record<string, unknown>>,
  numbers: Readonly<Record<string, unknown>>,
): number | undefined {
  for (const [kind, beta] of [
    ["_beta1_pow_acc_", numbers["beta1"]],
    ["_beta2_pow_acc_", numbers["beta2"]],
  ] as const) {
    const key = Object.keys(state).find((k) => k.includes(kind));
    const value = key === undefined ? undefined : state[key];
    const power = value instanceof Tensor ? value.dataSync()[0] : isNdArray(value) ? value.data[0] : undefined;
    if (typeof power === "number" && power > 1e-30 && typeof beta === "number" && beta > 0 && beta < 1)
      return Math.round(Math.log(power) / Math.log(beta)) - 1;
  }
  return undefined;
}
