// Regions: what an op of control flow runs, blocks of a Program of their own, compiled together with the graph around it.

import type { Shape } from "../core/shape.js";
import type { Engine } from "../device/engine.js";
import type { GraphNode, TensorType } from "../fuse/body.js";
import type { Block, Operator, VarDesc } from "../program/program.js";
import { type Attrs, inferCall } from "./bind.js";
import type { Resize } from "./lower.js";

/** A block inside an operator. */
export interface RegionBlock {
  /** Its number in the Program; the global block is 0. */
  readonly index: number;
  readonly block: Block;
  /** Given by the operator at each run of the block. */
  readonly inputs: readonly VarDesc[];
  /** What a run of the block gives. */
  readonly results: readonly VarDesc[];
}

/** Where a region is compiled. */
export interface RegionSite {
  readonly on: Engine;
  /** The operator in its graph, with the shapes of this signature. */
  readonly node: GraphNode;
  /** Whether anything reads an output. */
  readonly used: (output: number) => boolean;
  readonly resize: Resize | undefined;
  /** Shared by everything compiled for one step. */
  readonly context: RunContext;
}

/** A region bound to memory. */
export interface RegionRun {
  /** Operands that it may read. */
  readonly reads: ReadonlySet<number>;
  /** Runs it on the values at these addresses, by the graph's value ids. */
  run(addresses: readonly number[]): void;
  /** Asks for native code for its blocks. */
  requestNative(): void;
  /** Resolves when no native compilation is under way. */
  settled(): Promise<unknown>;
  dispose(): void;
}

/** The attribute `region` of an operator that runs blocks. */
export abstract class Region {
  abstract readonly blocks: readonly RegionBlock[];

  /** Makes it ready to run; called once for each graph that it stands in. */
  abstract compile(site: RegionSite): RegionRun;

  /** The same choice or loop over other blocks, for running only: without what gradients asked for. */
  abstract withBlocks(change: (block: RegionBlock) => RegionBlock): Region;

  /** Shapes of the operator's outputs for operands of other sizes. */
  abstract outputShapes(operands: readonly TensorType[], resize: Resize): readonly Shape[];

  /** As cache keys see it: no two regions are one. */
  toJSON(): string {
    return this.toString();
  }

  toString(): string {
    return this.blocks.map((b) => `block ${b.index}`).join(", ");
  }
}

/** An operator's attributes for the sizes of a signature; for one with blocks, what its `infer` knows its outputs' shapes from. */
export function sizedAttrs(
  op: Operator,
  operands: readonly (TensorType | number | undefined)[],
  resize: Resize,
): Attrs {
  const region = op.attrs["region"];
  if (!(region instanceof Region)) return resize.attrs(op.attrs);
  return { ...op.attrs, shapes: region.outputShapes(operands as readonly TensorType[], resize) };
}

/** Shapes and dtypes of a block's variables for inputs of other sizes. */
export function inferBlock(
  block: RegionBlock,
  inputs: readonly TensorType[],
  resize: Resize,
): ReadonlyMap<VarDesc, TensorType> {
  const known = new Map<VarDesc, TensorType>(block.inputs.map((desc, i) => [desc, inputs[i]!]));
  const typeOf = (desc: VarDesc): TensorType =>
    known.get(desc) ?? { shape: resized(desc.shape, resize), dtype: desc.dtype };
  for (const op of block.block.ops) {
    const operands = op.operands.map((o) =>
      typeof o === "object" ? typeOf(o) : typeof o === "number" ? resize.number(o) : o,
    );
    const { outs } = inferCall(op.record, operands, sizedAttrs(op, operands, resize));
    op.record.outputs.forEach((name, i) => {
      known.set(op.outputs[i]!, outs[name]!);
      resize.learn?.(op.outputs[i]!.shape, outs[name]!.shape);
    });
  }
  return known;
}

/** Which block a variable was made in, when that is not the outermost one. */
const homes = new WeakMap<VarDesc, object>();

/** Notes the trace of the block in which a variable was made. */
export const setHome = (desc: VarDesc, home: object): void => {
  homes.set(desc, home);
};

/** The trace of the block in which a variable was made; undefined for the outermost block. */
export const homeOf = (desc: VarDesc): object | undefined => homes.get(desc);

/**
 * Variables that name the records a loop leaves for its gradient, with the line that called for the loop. They mean nothing outside the
 * step that made them.
 */
export const loopTokens = new WeakMap<VarDesc, string | undefined>();

/** The records of one run of a loop, one an iteration, for the gradient to read backwards. */
export class LoopStack {
  private readonly chunks: number[] = [];
  private readonly perChunk: number;
  /** Iterations recorded. */
  count = 0;

  constructor(
    private readonly on: Engine,
    readonly recordBytes: number,
  ) {
    this.perChunk = Math.max(1, Math.floor(65536 / Math.max(recordBytes, 64)));
  }

  /** Room for one more iteration. */
  push(): number {
    if (this.count === this.chunks.length * this.perChunk)
      this.chunks.push(this.on.heap.alloc(Math.max(64, this.perChunk * this.recordBytes)));
    return this.at(this.count++);
  }

  /** Where the record of an iteration stands. */
  at(i: number): number {
    return this.chunks[Math.floor(i / this.perChunk)]! + (i % this.perChunk) * this.recordBytes;
  }

  dispose(): void {
    for (const address of this.chunks.splice(0)) this.on.heap.free(address);
  }
}

/** What a loop records of each iteration: variables of its body with their places in a record. */
export interface StackLayout {
  /** Found by the gradients, which are compiled first. */
  readonly descs: VarDesc[];
  /** Bytes from the record's start, and of a whole record; known once the loop is compiled. */
  offsets: readonly number[];
  bytes: number;
}

/** What loops and their gradients share in one step: stacks, which live until the next run and are used again then. */
export class RunContext {
  private readonly layouts = new Map<object, StackLayout>();
  private readonly free = new Map<number, LoopStack[]>();
  private readonly live: LoopStack[] = [];

  /** What the loop with this body records. */
  layoutOf(body: object): StackLayout {
    let layout = this.layouts.get(body);
    if (!layout) {
      layout = { descs: [], offsets: [], bytes: 0 };
      this.layouts.set(body, layout);
    }
    return layout;
  }

  /** An empty stack and its number. */
  open(on: Engine, recordBytes: number): { readonly stack: LoopStack; readonly id: number } {
    const stack = this.free.get(recordBytes)?.pop() ?? new LoopStack(on, recordBytes);
    return { stack, id: this.live.push(stack) - 1 };
  }

  /** The stack of a number. */
  stack(id: number): LoopStack {
    return this.live[id]!;
  }

  /** Takes all stacks back before the next run. */
  reset(): void {
    for (const stack of this.live.splice(0)) {
      stack.count = 0;
      const list = this.free.get(stack.recordBytes);
      if (list) list.push(stack);
      else this.free.set(stack.recordBytes, [stack]);
    }
  }

  dispose(): void {
    this.reset();
    for (const list of this.free.values()) for (const stack of list) stack.dispose();
    this.free.clear();
  }
}

/** A variable's shape for the sizes that a signature has. */
export const resized = (shape: Shape, resize: Resize | undefined): Shape =>
  resize ? (resize.attrs({ shape: [...shape] })["shape"] as Shape) : shape;
