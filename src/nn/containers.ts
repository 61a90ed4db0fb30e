// Containers: layers and parameters in order or by name.

import { InvalidArgumentError, OutOfRangeError } from "../core/errors.js";
import { describe } from "../core/options.js";
import { Parameter } from "../param/parameter.js";
import type { Tensor } from "../tensor/tensor.js";
import { Layer } from "./layer.js";

/** A position, counted from the end when negative. Throws OutOfRange. */
function positionOf(index: number, size: number, op: string): number {
  if (!Number.isInteger(index) || index < -size || index >= size)
    throw new OutOfRangeError(`index ${index} is outside [${-size}, ${size}).`, { op, index, size });
  return index < 0 ? index + size : index;
}

/** What lists of members share: positions as names, `.at(i)`, `.size`, iteration. */
abstract class OrderedContainer<T extends Layer | Parameter> extends Layer {
  #items: [string, T][] = [];

  /** Number of members. */
  get size(): number {
    return this.#items.length;
  }

  /** The member at a position; negative ones count from the end. */
  at(index: number): T {
    return this.#items[positionOf(index, this.size, this.fullName())]![1];
  }

  /** Puts another member in a place. */
  setAt(index: number, member: T): void {
    this.#items[positionOf(index, this.size, this.fullName())]![1] = this.checked(member);
  }

  *[Symbol.iterator](): Generator<T> {
    for (const [, member] of this.#items) yield member;
  }

  override *ownMembers(): Generator<[string, Parameter | Tensor | Layer]> {
    yield* super.ownMembers();
    yield* this.#items;
  }

  protected push(name: string, member: T): void {
    const at = this.#items.findIndex(([n]) => n === name);
    if (at >= 0) this.#items[at] = [name, this.checked(member)];
    else this.#items.push([name, this.checked(member)]);
  }

  protected insertAt(index: number, member: T): void {
    this.#items.splice(index, 0, ["", this.checked(member)]);
    this.renumber();
  }

  protected removeAt(index: number): T {
    const [[, member]] = this.#items.splice(positionOf(index, this.size, this.fullName()), 1) as [[string, T]];
    this.renumber();
    return member;
  }

  /** Entries by name. */
  protected entryList(): readonly (readonly [string, T])[] {
    return this.#items;
  }

  protected clearAll(): void {
    this.#items = [];
  }

  private renumber(): void {
    this.#items = this.#items.map(([, member], i) => [String(i), member]);
  }

  /** Throws InvalidArgument for what does not belong here. */
  protected abstract checked(member: T): T;
}

const checkedLayer = (member: Layer, op: string): Layer => {
  if (member instanceof Layer) return member;
  throw new InvalidArgumentError(`must be a Layer, got ${describe(member)}.`, { op });
};

/** What {@link Sequential} takes: layers, or pairs of a name and a layer. */
export type SequentialItem = Layer | readonly [name: string, layer: Layer];

/**
 * Layers one after another: each takes what the one before gives.
 *
 * @throws InvalidArgumentError for anything but layers and pairs of a name and a layer.
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * const net = new nn.Sequential(new nn.Linear(4, 8), new nn.Linear(8, 2));
 * console.log(net(ones([3, 4])).shape, net.size); // [3, 2] 2
 * ```
 */
export class Sequential extends OrderedContainer<Layer> {
  constructor(...items: readonly SequentialItem[]) {
    super(new.target === Sequential ? "sequential" : null);
    items.forEach((item, i) => {
      if (Array.isArray(item)) {
        const [name, layer] = item as readonly [string, Layer];
        if (typeof name !== "string")
          throw new InvalidArgumentError(`item ${i} must be [name, layer].`, { op: "Sequential" });
        this.push(name, layer);
      } else this.push(String(i), item as Layer);
    });
  }

  protected override checked(member: Layer): Layer {
    return checkedLayer(member, "Sequential");
  }

  override addSublayer<L extends Layer>(name: string, layer: L): L {
    this.push(name, layer);
    return layer;
  }

  /** Runs all layers in order. */
  override forward(x: Tensor): Tensor {
    let out = x;
    for (const layer of this) out = (layer as (x: Tensor) => Tensor)(out);
    return out;
  }
}

/**
 * A list of layers that the network calls as it likes.
 *
 * @throws InvalidArgumentError for anything but layers.
 * @example
 * ```ts
 * import { nn } from "oarjs";
 * const list = new nn.LayerList([new nn.Linear(2, 2), new nn.Linear(2, 1)]);
 * console.log(list.size, list.at(-1).fullName()); // 2 linear_1
 * ```
 */
export class LayerList<L extends Layer = Layer> extends OrderedContainer<L> {
  /** @param scope name scope of a built-in layer that extends this class */
  constructor(layers: Iterable<L> = [], scope?: string | null) {
    super(scope ?? (new.target === LayerList ? "layer_list" : null));
    this.extend(layers);
  }

  protected override checked(member: L): L {
    return checkedLayer(member, "LayerList") as L;
  }

  /** Adds a layer at the end. */
  append(layer: L): this {
    this.push(String(this.size), layer);
    return this;
  }

  /** Adds layers at the end. */
  extend(layers: Iterable<L>): this {
    for (const layer of layers) this.append(layer);
    return this;
  }

  /** Puts a layer before a position; those after it move on. */
  insert(index: number, layer: L): this {
    this.insertAt(index === this.size ? index : positionOf(index, this.size, "LayerList"), layer);
    return this;
  }

  /** Takes a layer out, by default the last. */
  pop(index = -1): L {
    return this.removeAt(index);
  }
}

/**
 * A list of parameters that belong to the network.
 *
 * @throws InvalidArgumentError for anything but parameters.
 * @example
 * new nn.ParameterList([createParameter([2]), createParameter([3])]);
 */
export class ParameterList extends OrderedContainer<Parameter> {
  constructor(parameters: Iterable<Parameter | null> = []) {
    super(new.target === ParameterList ? "parameter_list" : null);
    for (const p of parameters) this.append(p as Parameter);
  }

  protected override checked(member: Parameter): Parameter {
    if (member instanceof Parameter) return member;
    throw new InvalidArgumentError(`must be a Parameter, got ${describe(member)}.`, { op: "ParameterList" });
  }

  /** Adds a parameter at the end. */
  append(parameter: Parameter): this {
    this.push(String(this.size), parameter);
    return this;
  }
}

/** Layers by name, as a record, a Map or pairs. */
export type LayerEntries = Readonly<Record<string, Layer>> | Iterable<readonly [string, Layer]>;

/**
 * Layers by name.
 *
 * @throws InvalidArgumentError for anything but layers, OutOfRangeError for a name it does not have.
 * @example
 * ```ts
 * import { nn } from "oarjs";
 * const heads = new nn.LayerDict({ a: new nn.Linear(2, 1), b: new nn.Linear(2, 3) });
 * console.log([...heads.keys()], heads.get("b").fullName()); // [ 'a', 'b' ] linear_1
 * ```
 */
export class LayerDict extends OrderedContainer<Layer> {
  constructor(layers: LayerEntries = {}) {
    super(new.target === LayerDict ? "layer_dict" : null);
    this.update(layers);
  }

  protected override checked(member: Layer): Layer {
    return checkedLayer(member, "LayerDict");
  }

  /** The layer of a name. */
  get(name: string): Layer {
    return this.at(this.indexOf(name));
  }

  /** Puts a layer under a name. */
  set(name: string, layer: Layer): this {
    this.push(name, layer);
    return this;
  }

  /** Whether it has a name. */
  has(name: string): boolean {
    return this.entryList().some(([n]) => n === name);
  }

  /** Takes a layer out. */
  pop(name: string): Layer {
    const kept = this.entryList().filter(([n]) => n !== name);
    const layer = this.get(name);
    this.clearAll();
    for (const [n, l] of kept) this.push(n, l);
    return layer;
  }

  /** Adds layers, replacing those of equal names. */
  update(layers: LayerEntries): this {
    const entries = Symbol.iterator in layers ? layers : Object.entries(layers);
    for (const [name, layer] of entries as Iterable<readonly [string, Layer]>) this.push(name, layer);
    return this;
  }

  /** Takes all layers out. */
  clear(): void {
    this.clearAll();
  }

  /** Names in order. */
  keys(): string[] {
    return this.entryList().map(([name]) => name);
  }

  /** Layers in order. */
  values(): Layer[] {
    return this.entryList().map(([, layer]) => layer);
  }

  /** Names and layers in order. */
  items(): [string, Layer][] {
    return this.entryList().map(([name, layer]) => [name, layer]);
  }

  private indexOf(name: string): number {
    const at = this.entryList().findIndex(([n]) => n === name);
    if (at >= 0) return at;
    throw new OutOfRangeError(`there is no layer "${name}".`, {
      op: "LayerDict",
      hint: `It has ${this.keys().join(", ")}.`,
    });
  }
}
