// LayerMembers: what belongs to a layer (parameters, buffers, sublayers), found in its fields, by structured name.

import { AlreadyExistsError, InvalidArgumentError } from "../core/errors.js";
import { checkOptions, describe } from "../core/options.js";
import { Parameter } from "../param/parameter.js";
import { Tensor } from "../tensor/tensor.js";
import { CallableObject } from "./callable.js";
import type { Layer } from "./layer.js";

/** Options of `namedParameters` and `namedSublayers`. */
export interface NamedOptions {
  /** Stands before every name. */
  readonly prefix?: string | undefined;
  /** Whether sublayers' entries come too; true by default (parameters, buffers). */
  readonly includeSublayers?: boolean | undefined;
  /** Whether the layer itself comes first; false by default (sublayers). */
  readonly includeSelf?: boolean | undefined;
}

/** The part of {@link Layer} that knows its members. */
export abstract class LayerMembers extends CallableObject {
  /** Registered buffers, and whether they are saved. */
  readonly #buffers = new Map<string, boolean>();
  /** Added members whose names look like indices: as properties they would not keep their order. */
  readonly #indexed = new Map<string, Parameter | Layer>();

  /** The state-dict name of a field. Built-in layers answer with Paddle's. */
  protected stateKey(field: string): string {
    return field;
  }

  /** Own members by state-dict name, in order: parameters, buffers and sublayers together. */
  *ownMembers(): Generator<[string, Parameter | Tensor | Layer]> {
    for (const field of Object.keys(this)) {
      const value: unknown = Reflect.get(this, field);
      if (isLayer(value) || value instanceof Parameter || (value instanceof Tensor && this.#buffers.has(field)))
        yield [this.stateKey(field), value];
    }
    yield* this.#indexed;
  }

  /** Whether a buffer is saved with the layer. */
  isPersistable(field: string): boolean {
    return this.#buffers.get(field) ?? true;
  }

  /** Adds a parameter under a name, as a field would. */
  addParameter(name: string, parameter: Parameter | null): Parameter | null {
    this.#checkName(name, "addParameter");
    if (parameter !== null && !(parameter instanceof Parameter)) {
      throw new InvalidArgumentError(`must be a Parameter or null, got ${describe(parameter)}.`, {
        op: "addParameter",
      });
    }
    this.#add(name, parameter);
    return parameter;
  }

  /** Adds a sublayer under a name, as a field would. */
  addSublayer<L extends Layer>(name: string, layer: L): L {
    if (!isLayer(layer)) {
      throw new InvalidArgumentError(`must be a Layer, got ${describe(layer)}.`, { op: "addSublayer" });
    }
    this.#add(name, layer);
    return layer;
  }

  #add(name: string, value: Parameter | Layer | null): void {
    if (!/^\d+$/.test(name)) Reflect.set(this, name, value);
    else if (value) {
      this.#indexed.set(name, value);
      Object.defineProperty(this, name, { value, enumerable: false, configurable: true, writable: true });
    }
  }

  /**
   * Registers a tensor that is no parameter (running statistics) as field `name`.
   *
   * @param options `persistable: false` keeps it out of `stateDict`
   */
  registerBuffer(
    name: string,
    tensor: Tensor | null,
    options: { readonly persistable?: boolean | undefined } | boolean = {},
  ): void {
    this.#checkName(name, "registerBuffer");
    if (tensor !== null && (!(tensor instanceof Tensor) || tensor instanceof Parameter)) {
      throw new InvalidArgumentError(`a buffer must be a plain Tensor, got ${describe(tensor)}.`, {
        op: "registerBuffer",
      });
    }
    const persistable =
      typeof options === "boolean"
        ? options
        : (checkOptions("registerBuffer", options, ["persistable"]).persistable ?? true);
    this.#buffers.set(name, persistable);
    Reflect.set(this, name, tensor);
  }

  #checkName(name: string, op: string): void {
    if (typeof name !== "string" || name === "" || name.includes(".")) {
      throw new InvalidArgumentError(`the name must be a non-empty string without ".", got ${describe(name)}.`, { op });
    }
    if (!this.#buffers.has(name) && Object.hasOwn(this, name) && Reflect.get(this, name) !== undefined) {
      throw new AlreadyExistsError(`the layer has a field "${name}" already.`, { op, name });
    }
  }

  /** Names and layers below this one, each layer once, parents first. */
  *namedSublayers(options: NamedOptions = {}, seen: Set<Layer> = new Set()): Generator<[string, Layer]> {
    const { prefix = "", includeSelf = false } = checkOptions("namedSublayers", options, ["prefix", "includeSelf"]);
    if (includeSelf && isLayer(this) && !seen.has(this)) {
      seen.add(this);
      yield [prefix, this];
    }
    for (const [name, member] of this.ownMembers()) {
      if (!isLayer(member) || seen.has(member)) continue;
      const path = prefix === "" ? name : `${prefix}.${name}`;
      yield* member.namedSublayers({ prefix: path, includeSelf: true }, seen);
    }
  }

  /** Layers below this one, each once. */
  sublayers(includeSelf = false): Layer[] {
    return Array.from(this.namedSublayers({ includeSelf }), ([, layer]) => layer);
  }

  /** Names and direct sublayers. */
  *namedChildren(): Generator<[string, Layer]> {
    const seen = new Set<Layer>();
    for (const [name, member] of this.ownMembers()) {
      if (!isLayer(member) || seen.has(member)) continue;
      seen.add(member);
      yield [name, member];
    }
  }

  /** Direct sublayers. */
  children(): Layer[] {
    return Array.from(this.namedChildren(), ([, layer]) => layer);
  }

  #named<T extends Tensor>(
    options: NamedOptions,
    wanted: (member: unknown) => member is T,
    api: string,
  ): [string, T][] {
    const { prefix = "", includeSublayers = true } = checkOptions(api, options, ["prefix", "includeSublayers"]);
    const out: [string, T][] = [];
    const seen = new Set<T>();
    const layers = includeSublayers
      ? this.namedSublayers({ prefix, includeSelf: true })
      : [[prefix, this] as [string, LayerMembers]];
    for (const [path, layer] of layers) {
      for (const [name, member] of layer.ownMembers()) {
        if (!wanted(member) || seen.has(member)) continue;
        seen.add(member);
        out.push([path === "" ? name : `${path}.${name}`, member]);
      }
    }
    return out;
  }

  /** Structured names and parameters, each parameter once. */
  namedParameters(options: NamedOptions = {}): [string, Parameter][] {
    return this.#named(options, (m): m is Parameter => m instanceof Parameter, "namedParameters");
  }

  /** All parameters, each once: what an optimizer takes. */
  parameters(includeSublayers = true): Parameter[] {
    return this.namedParameters({ includeSublayers }).map(([, p]) => p);
  }

  /** Structured names and buffers. */
  namedBuffers(options: NamedOptions = {}): [string, Tensor][] {
    return this.#named(options, (m): m is Tensor => m instanceof Tensor && !(m instanceof Parameter), "namedBuffers");
  }

  /** All buffers, each once. */
  buffers(includeSublayers = true): Tensor[] {
    return this.namedBuffers({ includeSublayers }).map(([, b]) => b);
  }
}

/** Every object with members is a Layer: the class is extended by Layer alone. */
const isLayer = (x: unknown): x is Layer => x instanceof LayerMembers;
