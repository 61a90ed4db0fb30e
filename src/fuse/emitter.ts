// Emitter: makes one nest's kernels; decides what is a constant and what an argument, and notes how arguments are filled.

import { BugError } from "../core/errors.js";
import { sizeOf } from "../core/shape.js";
import { Builder } from "../kernel/builder.js";
import { type Buf, type Expr, type KType, type MemType, constant, memBytes } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import type { Kernel } from "../kernel/stmt.js";
import type { GraphNode, GraphValue, KernelContext, TargetFacts } from "./body.js";
import { computeOf, fromMemory, memOf, partsOf, toMemory } from "./types.js";

/** How one slot of the argument table is filled before a launch. */
export type SlotSource =
  | { readonly kind: "buffer"; readonly value: number }
  /** Product of some extents of a value. */
  | { readonly kind: "extent"; readonly value: number; readonly axes: readonly number[] }
  /** A scalar attribute of the node with this index in the graph. */
  | {
      readonly kind: "attr";
      readonly node: number;
      readonly name: string;
      readonly index: number;
      readonly type: KType;
    }
  /** A number operand. */
  | { readonly kind: "operand"; readonly node: number; readonly operand: number; readonly type: KType }
  /** Temporary memory of `length` elements of `bytes` bytes. */
  | { readonly kind: "temp"; readonly length: Expr; readonly bytes: number }
  | { readonly kind: "scratch" };

/** The kernels of one nest with the recipe for their shared argument table. */
export interface Nest {
  readonly name: string;
  readonly kernels: readonly Kernel[];
  readonly slots: readonly SlotSource[];
  /** Multiply-adds as a product of i32 expressions; undefined: the elements touched say how much work it is. */
  readonly cost: readonly Expr[] | undefined;
  /** Ids of graph values read and written. */
  readonly reads: readonly number[];
  readonly writes: readonly number[];
}

/** What the emitter needs to know of the whole graph. */
export interface EmitOptions {
  readonly target: TargetFacts;
  /** Sizes, scalar attributes and number operands become arguments (eager) instead of constants (compiled Programs). */
  readonly generic: boolean;
  readonly nodeIndex: ReadonlyMap<GraphNode, number>;
}

/** Elements that one block of an element-wise nest handles. Never depends on the number of threads. */
export const blockElements = 16384;

export class Emitter extends Builder implements KernelContext {
  readonly k = k;
  readonly target: TargetFacts;
  private readonly sources: SlotSource[] = [];
  private readonly buffers_ = new Map<number, Buf>();
  private readonly scalars_ = new Map<string, Expr>();
  private costFactors: readonly Expr[] | undefined;
  private readonly blockStarts: (() => void)[] = [];
  private readonly written = new Set<number>();
  private readonly loaded = new Set<number>();

  constructor(
    name: string,
    private readonly options: EmitOptions,
  ) {
    super(name);
    this.target = options.target;
  }

  /** The memory of a graph value. */
  bufferOf(value: GraphValue): Buf {
    let buf = this.buffers_.get(value.id);
    if (!buf) {
      buf = this.buffer(`b${value.id}`, memOf(value.dtype));
      this.fill(buf.slot, { kind: "buffer", value: value.id });
      this.buffers_.set(value.id, buf);
    }
    return buf;
  }

  /** The product of some axes' extents. */
  extent(value: GraphValue, axes: readonly number[]): Expr {
    const size = axes.reduce((n, a) => n * value.shape[a]!, 1);
    if (!this.options.generic || axes.length === 0) return constant("i32", size);
    return this.argument(`e${value.id}:${axes.join()}`, "i32", { kind: "extent", value: value.id, axes });
  }

  /** All elements of a value. */
  size(value: GraphValue): Expr {
    return this.extent(
      value,
      value.shape.map((_, i) => i),
    );
  }

  /** A number operand in a computing type. */
  operand(node: GraphNode, operand: number, type: KType): Expr {
    const value = node.operands[operand];
    if (typeof value !== "number") throw new BugError(`operand ${operand} of ${node.name} is not a number`);
    if (!this.options.generic) return constant(type, value);
    const index = this.indexOf(node);
    const t = type === "m32" || type === "m64" ? "i32" : type;
    return k.cast(
      this.argument(`o${index}:${operand}:${t}`, t, { kind: "operand", node: index, operand, type: t }),
      type,
    );
  }

  /** The attributes of a node as its body sees them. */
  attrs(node: GraphNode, type: KType): Record<string, unknown> {
    const out: Record<string, unknown> = { ...node.attrs };
    for (const name of node.scalarAttrs) {
      const value = node.attrs[name];
      if (typeof value === "number") out[name] = this.attribute(node, name, -1, value, type);
      else if (Array.isArray(value)) out[name] = value.map((v: number, i) => this.attribute(node, name, i, v, "i32"));
    }
    return out;
  }

  private attribute(node: GraphNode, name: string, index: number, value: number, type: KType): Expr {
    const t = type === "m32" || type === "m64" ? "f32" : type;
    if (!this.options.generic) return constant(t, value);
    const n = this.indexOf(node);
    return this.argument(`a${n}:${name}:${index}:${t}`, t, { kind: "attr", node: n, name, index, type: t });
  }

  private indexOf(node: GraphNode): number {
    const index = this.options.nodeIndex.get(node);
    if (index === undefined) throw new BugError(`${node.name} is not in the graph`);
    return index;
  }

  private argument(key: string, type: KType, source: SlotSource): Expr {
    let arg = this.scalars_.get(key);
    if (!arg) {
      const slot = this.slotCount;
      arg = this.scalar(`s${slot}`, type);
      this.fill(slot, source);
      this.scalars_.set(key, arg);
    }
    return arg;
  }

  private fill(slot: number, source: SlotSource): void {
    this.sources[slot] = source;
  }

  cost(factors: readonly Expr[]): void {
    this.costFactors = factors;
  }

  temp(name: string, mem: MemType, length: Expr): Buf {
    const buf = this.buffer(name, mem);
    this.fill(buf.slot, { kind: "temp", length, bytes: memBytes[mem] });
    return buf;
  }

  /** Emits what `action` does at the start of each block of the launches to come. */
  atBlockStart(action: () => void): void {
    this.blockStarts.push(action);
  }

  override parallel(blocks: Expr | number, body: (block: Expr) => void): void {
    super.parallel(blocks, (block) => {
      for (const action of this.blockStarts) action();
      body(block);
    });
  }

  override local(name: string, mem: MemType, length: number): Buf {
    const before = this.slotCount;
    const buf = super.local(name, mem, length);
    if (this.slotCount > before) this.fill(before, { kind: "scratch" });
    return buf;
  }

  /** One part of the element at a row-major position of a value in memory. */
  read(value: GraphValue, position: Expr, part: number): Expr {
    this.loaded.add(value.id);
    return fromMemory(value.dtype, this.load(this.bufferOf(value), this.wordIndex(value, position, part)));
  }

  /** Writes one part of an element. */
  write(value: GraphValue, position: Expr, part: number, x: Expr, stream = false): void {
    this.written.add(value.id);
    this.store(this.bufferOf(value), this.wordIndex(value, position, part), toMemory(value.dtype, x), stream);
  }

  /** Notes direct use of a value's memory. */
  touch(value: GraphValue, how: "read" | "write"): Buf {
    (how === "read" ? this.loaded : this.written).add(value.id);
    return this.bufferOf(value);
  }

  private wordIndex(value: GraphValue, position: Expr, part: number): Expr {
    return partsOf(value.dtype) === 1 ? position : k.add(k.mul(position, 2), part);
  }

  /** The finished nest. */
  nest(): Nest {
    const kernels = this.finish();
    for (let i = 0; i < this.slotCount; i++)
      if (!this.sources[i]) throw new BugError(`slot ${i} of ${this.name} has no source`);
    return {
      name: this.name,
      kernels,
      cost: this.costFactors,
      slots: this.sources,
      reads: [...this.loaded],
      writes: [...this.written],
    };
  }
}

/** The type a node's scalar attributes compute in: that of its operands, or of its first output. */
export function attrType(node: GraphNode): KType {
  const dtype = node.compute ?? node.outputs[0]?.dtype ?? "float32";
  const t = computeOf(dtype);
  return t === "m32" ? "f32" : t;
}

/** Elements of a value. */
export const elementsOf = (value: GraphValue): number => sizeOf(value.shape);
