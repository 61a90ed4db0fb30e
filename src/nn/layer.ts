// Layer: the base of all networks; callable, and knows its parameters, buffers and sublayers from its fields.

import { type DType, isFloat } from "../core/dtype.js";
import { InvalidArgumentError, OarError } from "../core/errors.js";
import { checkOptions } from "../core/options.js";
import type { Shape } from "../core/shape.js";
import { cast } from "../ops/cast.js";
import type { Parameter } from "../param/parameter.js";
import { uniqueName } from "../param/unique-name.js";
import type { Tensor } from "../tensor/tensor.js";
import { isCapturing } from "../trace/bind.js";
import { storageOf } from "../trace/eager.js";
import { observer, phase } from "../trace/observe.js";
import { runsInside } from "../trace/step-trace.js";
import { withGrad } from "../trace/tape.js";
import { invoke } from "./callable.js";
import { type CreateParameterOptions, makeParameter, parameterArguments } from "./create-parameter.js";
import { type FreezeReport, freezeMatching, unfreezeMatching } from "./freeze.js";
import { type LoadOptions, type LoadReport, loadState, type StateDict, stateOf } from "./state.js";
import { LayerMembers } from "./members.js";
import { snakeCase } from "./names.js";

/** The symbol Node's console looks for. */
const inspect = Symbol.for("nodejs.util.inspect.custom");

/** Sees the inputs before `forward`; what it returns, if anything, takes their place. */
export type ForwardPreHook<L = Layer> = (layer: L, inputs: readonly unknown[]) => unknown;
/** Sees inputs and output after `forward`; what it returns, if anything, takes the output's place. */
export type ForwardPostHook<L = Layer> = (layer: L, inputs: readonly unknown[], output: unknown) => unknown;

/** Removes a hook. */
export interface HookRemover {
  remove(): void;
}

/** Anything that is called as its `forward` is. */
export interface CalledAsForward {
  /** Runs `forward` with its hooks. */
  (...args: Parameters<this["forward"]>): ReturnType<this["forward"]>;
  forward(...args: readonly never[]): unknown;
}

export interface Layer extends CalledAsForward {}

/**
 * The base of all networks: extend it, put parameters and other layers into fields, write `forward`. Calling the layer runs `forward`
 * with its hooks. Fields that hold a {@link Parameter} or a Layer belong to it, under the field's name; `#private` fields and arrays
 * do not (use `LayerList`, `ParameterList`).
 *
 * @example
 * ```ts
 * import { nn, ones, type Tensor } from "oarjs";
 * class Net extends nn.Layer {
 *   fc1 = new nn.Linear(4, 8);
 *   fc2 = new nn.Linear(8, 2);
 *   forward(x: Tensor) { return this.fc2(this.fc1(x)); }
 * }
 * console.log(Object.keys(new Net().stateDict())); // [ 'fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias' ]
 * ```
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the call signature follows the subclass's forward.
export class Layer extends LayerMembers {
  /** Whether the layer trains (dropout drops, batch norm uses the batch) or evaluates. */
  training = true;
  readonly #fullName: string;
  #dtype: DType;
  readonly #preHooks = new Set<ForwardPreHook>();
  readonly #postHooks = new Set<ForwardPostHook>();
  #frozen = false;

  /**
   * @param nameScope prefix of generated names (`my_net` gives `my_net_0.w_0`); by default the class's name in snake case
   * @param dtype of parameters made without one
   */
  constructor(nameScope?: string | null, dtype: DType = "float32") {
    super();
    this.#fullName = uniqueName.generate(nameScope ?? snakeCase(new.target.name));
    this.#dtype = dtype;
  }

  /** What the layer computes. Write it in each subclass. */
  // biome-ignore lint/suspicious/noExplicitAny: subclasses choose their own arguments and result.
  forward(..._args: any[]): any {
    throw new InvalidArgumentError(`${this.constructor.name} has no forward.`, {
      op: this.#fullName,
      hint: "write forward(…) in your class; a LayerList is no layer to call.",
    });
  }

  [invoke](args: unknown[]): unknown {
    if (isCapturing()) runsInside(this);
    try {
      if (observer()) return phase("Forward", this.#fullName, () => this.#withHooks(args));
      return this.hasHooks ? this.#withHooks(args) : this.forward(...args);
    } catch (error) {
      throw error instanceof OarError ? error.inLayer(this.#fullName) : error;
    }
  }

  #withHooks(args: unknown[]): unknown {
    let inputs: readonly unknown[] = args;
    for (const hook of this.#preHooks) {
      const given = hook(this, inputs);
      if (given !== undefined && given !== null) inputs = Array.isArray(given) ? given : [given];
    }
    let output: unknown = this.forward(...inputs);
    for (const hook of this.#postHooks) output = hook(this, inputs, output) ?? output;
    return output;
  }

  /** Whether hooks run when the layer is called. */
  get hasHooks(): boolean {
    return this.#preHooks.size > 0 || this.#postHooks.size > 0;
  }

  /** The generated name: `linear_0`. */
  fullName(): string {
    return this.#fullName;
  }

  /** The dtype of parameters made without one. */
  get dtype(): DType {
    return this.#dtype;
  }

  /** Whether `freeze` covers this layer: it is no longer trained, and keeps its running statistics. */
  get isFrozen(): boolean {
    return this.#frozen;
  }

  /** Marks the layer as covered by `freeze` or not; parameters are not touched. */
  set isFrozen(frozen: boolean) {
    this.#frozen = frozen;
  }

  /**
   * Makes a parameter named after this layer; put it in a field. Null when `attr` is false.
   *
   * @throws AlreadyExistsError when `attr` names a parameter that cannot be shared, InvalidArgumentError when it is of another shape.
   */
  createParameter(
    shape: Shape | (CreateParameterOptions & { readonly shape: Shape }),
    options?: CreateParameterOptions,
  ): Parameter | null {
    const [extents, o] = parameterArguments(shape, options);
    return makeParameter(extents, o, this.#fullName, this.#fullName, this.#dtype);
  }

  /** {@link Layer.createParameter} for what the layer cannot do without: `attr: false` is refused. */
  protected requireParameter(shape: Shape, options: CreateParameterOptions): Parameter {
    const made = this.createParameter(shape, options);
    if (made) return made;
    throw new InvalidArgumentError("the layer needs this parameter: its attribute must not be false.", {
      op: this.#fullName,
    });
  }

  /**
   * Parameters and saved buffers by structured name; the tensors are the layer's own. A shared one stands under each of its names.
   *
   * @param options `prefix` stands before every key; `includeSublayers: false` leaves sublayers out
   */
  stateDict(
    options: { readonly prefix?: string | undefined; readonly includeSublayers?: boolean | undefined } = {},
  ): StateDict {
    const { prefix = "", includeSublayers = true } = checkOptions("stateDict", options, ["prefix", "includeSublayers"]);
    return stateOf(this, prefix, includeSublayers, false);
  }

  /** {@link Layer.stateDict} with the buffers that are not saved, too. */
  toStaticStateDict(): StateDict {
    return stateOf(this, "", true, true);
  }

  /**
   * Sets parameters and buffers from a state dict (of Tensors, NdArrays or plain arrays). Entries that do not fit are reported, not thrown.
   *
   * @returns names that were `missing` in it, `unexpected`, or `mismatched` in shape
   * @throws InvalidArgumentError with `strict: true` when anything is reported.
   * @example
   * ```ts
   * import { nn } from "oarjs";
   * const [a, b] = [new nn.Linear(2, 3), new nn.Linear(2, 3)];
   * console.log(b.setStateDict(a.stateDict()).missing); // []
   * ```
   */
  setStateDict(state: Readonly<Record<string, unknown>>, options: LoadOptions = {}): LoadReport {
    return loadState(this, state, options);
  }

  /** Alias of {@link Layer.setStateDict}. @deprecated use setStateDict */
  setDict(state: Readonly<Record<string, unknown>>, options: LoadOptions = {}): LoadReport {
    return loadState(this, state, options);
  }

  /** Alias of {@link Layer.setStateDict}. @deprecated use setStateDict */
  loadDict(state: Readonly<Record<string, unknown>>, options: LoadOptions = {}): LoadReport {
    return loadState(this, state, options);
  }

  /** Puts this layer and all below into training mode. Frozen parts stay frozen. */
  train(): this {
    for (const layer of this.sublayers(true)) layer.training = true;
    return this;
  }

  /** Puts this layer and all below into evaluation mode. */
  eval(): this {
    for (const layer of this.sublayers(true)) layer.training = false;
    return this;
  }

  /** Calls `fn` with every layer below and then this one. */
  apply(fn: (layer: Layer) => void): this {
    for (const child of this.children()) child.apply(fn);
    fn(this);
    return this;
  }

  /**
   * Freezes parameters: no gradient, no update, no weight decay, no momentum, and batch norm keeps its statistics. `train()` does not
   * undo it, `unfreeze` does.
   *
   * @param pattern structured names: `*` stands for one part, `**` for any number (`"backbone.**"`); a layer's name covers all below
   * @returns which parameters it froze, and which layers matched
   * @throws NotFoundError when nothing matches.
   * @example
   * ```ts
   * import { nn } from "oarjs";
   * const net = new nn.Sequential(new nn.Linear(4, 4), new nn.Linear(4, 1));
   * console.log(net.freeze("0").parameters); // [ '0.weight', '0.bias' ]
   * ```
   */
  freeze(pattern = "**"): FreezeReport {
    return freezeMatching(this, pattern);
  }

  /** Gives frozen parameters back the `trainable` they had before, and tells which. */
  unfreeze(pattern = "**"): FreezeReport {
    return unfreezeMatching(this, pattern);
  }

  /** Converts floating-point parameters and buffers; `device` is accepted and there is one. */
  to(
    options: DType | { readonly dtype?: DType | undefined; readonly device?: unknown; readonly blocking?: unknown },
  ): this {
    const dtype =
      typeof options === "string" ? options : checkOptions("to", options, ["dtype", "device", "blocking"]).dtype;
    if (dtype === undefined) return this;
    if (!isFloat(dtype))
      throw new InvalidArgumentError(`must be a floating-point dtype, got ${dtype}.`, { op: "Layer.to" });
    for (const t of [...this.parameters(), ...this.buffers()]) if (isFloat(t.dtype)) convert(t, dtype);
    for (const layer of this.sublayers(true)) layer.#dtype = dtype;
    return this;
  }

  /** {@link Layer.to} a dtype. */
  astype(dtype: DType): this {
    return this.to(dtype);
  }

  /** {@link Layer.to} float32 (or another floating-point dtype). */
  float(): this {
    return this.to("float32");
  }

  /** Drops (or zero-fills, `setToZero`) the gradients of all parameters. */
  clearGradients(setToZero = false): void {
    for (const p of this.parameters()) p.clearGrad(setToZero);
  }

  /** Calls `hook` before `forward`. */
  registerForwardPreHook(hook: ForwardPreHook<this>): HookRemover {
    return added(this.#preHooks, hook as ForwardPreHook);
  }

  /** Calls `hook` after `forward`. */
  registerForwardPostHook(hook: ForwardPostHook<this>): HookRemover {
    return added(this.#postHooks, hook as ForwardPostHook);
  }

  /** What stands between the parentheses when the layer is printed. */
  extraRepr(): string {
    return "";
  }

  /** The layers below as an indented tree, in Paddle's form. */
  override toString(): string {
    const extra = this.extraRepr();
    const children = [...this.ownMembers()].filter(([, m]) => m instanceof Layer);
    const name = this.constructor.name;
    if (children.length === 0) return `${name}(${extra})`;
    const lines = children.map(([key, child]) => `  (${key}): ${String(child).replaceAll("\n", "\n  ")}`);
    return `${name}(\n${extra === "" ? "" : `  ${extra}\n`}${lines.join("\n")}\n)`;
  }

  [inspect](): string {
    return this.toString();
  }
}

function added<H>(hooks: Set<H>, hook: H): HookRemover {
  hooks.add(hook);
  return { remove: () => void hooks.delete(hook) };
}

/** Gives a tensor another dtype in place. */
function convert(t: Tensor, dtype: DType): void {
  if (t.dtype === dtype) return;
  const storage = storageOf(t, "Layer.to");
  const converted = withGrad(false, () => cast(t, dtype));
  storage.copyFrom(storageOf(converted, "Layer.to"));
  storage.version++;
  t.dtype = dtype;
  t.gradient = undefined;
}
