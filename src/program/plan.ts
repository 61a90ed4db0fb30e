// Plan: a fused graph compiled for an engine, with the recipe that fills argument tables and launches its kernels.

import { type Shape, sizeOf } from "../core/shape.js";
import type { Backend, BackgroundTarget, Settled } from "../device/backend.js";
import type { Engine } from "../device/engine.js";
import type { CompiledKernel, Target } from "../device/target.js";
import type { GraphNode, GraphValue } from "../fuse/body.js";
import type { Nest, SlotSource } from "../fuse/emitter.js";
import { fuse, type Graph, type Step } from "../fuse/fuse.js";
import { targetFactsOf } from "../fuse/target-facts.js";

import type { Kernel } from "../kernel/stmt.js";
import { type LaunchSize, launchSize } from "./launch-size.js";

/** What is known when a plan runs: memory and shape of each graph value, attributes and numbers of each node. */
export interface Bindings {
  readonly addresses: number[];
  readonly shapes: readonly Shape[];
  readonly attrs: readonly Readonly<Record<string, unknown>>[];
  readonly operands: readonly (readonly unknown[])[];
}

/** Work from which waking sleeping threads pays: elements read and written, or as much in multiply-adds. */
const parallelWork = 65536;
/** Multiply-adds that take about as long as one element of memory traffic. */
const multiplyAddsPerElement = 8;

/** Runs one kernel of a nest on a filled table. `shapes`: those of the graph's values, or how many elements each of them has. */
export type Launcher = (
  engine: Engine,
  nest: CompiledNest,
  kernel: number,
  args: number,
  blocks: number,
  parallel: boolean,
  shapes: readonly Shape[] | number,
) => void;

/** The launcher that only runs. */
export const plainLauncher: Launcher = (engine, nest, kernel, args, blocks, parallel) =>
  engine.run(nest.target, nest.kernels[kernel]!, args, blocks, parallel);

/** How eager calls run their kernels; see {@link setLauncher}. */
export let launchKernel: Launcher = plainLauncher;

/** Says how eager calls run their kernels: a profiler puts a launcher in place that takes the time. */
export function setLauncher(launcher: Launcher): void {
  launchKernel = launcher;
}

/** A nest with its machine code. */
export class CompiledNest {
  private readonly blocks: readonly LaunchSize[];
  private readonly temps: readonly { readonly slot: number; readonly length: LaunchSize; readonly bytes: number }[];
  private readonly scratch: number;
  private readonly cost: readonly LaunchSize[] | undefined;
  private readonly plain: readonly (readonly [slot: number, source: SlotSource])[];
  private readonly touched: readonly number[];

  constructor(
    readonly nest: Nest,
    readonly kernels: readonly CompiledKernel[],
    readonly target: Target,
    /** The ops it computes. */
    readonly nodes: readonly GraphNode[],
    /** All values of the graph. */
    readonly values: readonly GraphValue[],
  ) {
    this.blocks = nest.kernels.map((kernel) => launchSize(kernel.blocks));
    this.cost = nest.cost?.map(launchSize);
    this.scratch = Math.max(0, ...kernels.map((c) => c.scratchBytes));
    const all = nest.slots.map((source, slot) => [slot, source] as const);
    this.plain = all.filter(([, s]) => s.kind !== "temp" && s.kind !== "scratch");
    this.temps = all.flatMap(([slot, s]) =>
      s.kind === "temp" ? [{ slot, length: launchSize(s.length), bytes: s.bytes }] : [],
    );
    this.touched = [...nest.reads, ...nest.writes];
  }

  /** Bytes of the argument table. */
  get argumentBytes(): number {
    return Math.ceil((this.nest.slots.length * 8) / 64) * 64;
  }

  /** Fills the table at `args` except temporaries and scratch. */
  fill(engine: Engine, args: number, b: Bindings): void {
    const { i32, u32, f32, f64, i64 } = engine.heap.views;
    for (let i = 0; i < this.plain.length; i++) {
      const [slot, source] = this.plain[i]!;
      const word = args / 4 + slot * 2;
      if (source.kind === "buffer") u32[word] = b.addresses[source.value]!;
      else if (source.kind === "extent") {
        const shape = b.shapes[source.value]!;
        let n = 1;
        for (let a = 0; a < source.axes.length; a++) n *= shape[source.axes[a]!]!;
        i32[word] = n;
      } else if (source.kind === "attr" || source.kind === "operand") {
        const value = numberOf(source, b);
        if (source.type === "f32") f32[word] = value;
        else if (source.type === "f64") f64[word / 2] = value;
        else if (source.type === "i64") i64[word / 2] = BigInt(Math.trunc(value));
        else i32[word] = value;
      }
    }
  }

  /** Allocates temporaries, sets scratch, launches every kernel, frees. Gives the work done, as {@link CompiledNest.work}. */
  run(engine: Engine, args: number, b: Bindings): number {
    this.fill(engine, args, b);
    const held = this.temps.map((t) => {
      const address = engine.heap.alloc(t.length(engine.heap.views.i32, args / 4) * t.bytes);
      engine.heap.views.u32[args / 4 + t.slot * 2] = address;
      return address;
    });
    if (this.scratch > 0) this.setScratch(engine, args);
    const work = this.work(engine, args, b.shapes);
    const parallel = work >= parallelWork;
    for (let i = 0; i < this.kernels.length; i++) {
      const blocks = this.blocks[i]!(engine.heap.views.i32, args / 4);
      if (blocks > 0) launchKernel(engine, this, i, args, blocks, parallel, b.shapes);
    }
    for (const address of held) engine.heap.free(address);
    return work;
  }

  /** Blocks of each kernel for a filled table. */
  blockCounts(engine: Engine, args: number): number[] {
    return this.blocks.map((f) => f(engine.heap.views.i32, args / 4));
  }

  /** Bytes of each temporary for a filled table, with its slot. */
  tempSizes(engine: Engine, args: number): { slot: number; bytes: number }[] {
    return this.temps.map((t) => ({ slot: t.slot, bytes: t.length(engine.heap.views.i32, args / 4) * t.bytes }));
  }

  /** Points the scratch slot at memory large enough for all threads. */
  setScratch(engine: Engine, args: number): void {
    this.writeScratch(engine, args, engine.scratchFor(this.scratch * this.target.threads));
  }

  /** Writes the scratch address. */
  writeScratch(engine: Engine, args: number, address: number): void {
    const slot = this.nest.slots.findIndex((s) => s.kind === "scratch");
    engine.heap.views.u32[args / 4 + slot * 2] = address;
  }

  /** Bytes of scratch each thread needs. */
  get scratchBytes(): number {
    return this.scratch;
  }

  /** How much there is to do for a filled table, in elements of memory traffic. */
  work(engine: Engine, args: number, shapes: readonly Shape[]): number {
    if (this.cost) {
      const { i32 } = engine.heap.views;
      return this.cost.reduce((n, f) => n * f(i32, args / 4), 1 / multiplyAddsPerElement);
    }
    let n = 0;
    for (let i = 0; i < this.touched.length; i++) n += sizeOf(shapes[this.touched[i]!]!);
    return n;
  }
}

function numberOf(source: Extract<SlotSource, { kind: "attr" | "operand" }>, b: Bindings): number {
  if (source.kind === "operand") return Number(b.operands[source.node]![source.operand]);
  const value = b.attrs[source.node]![source.name];
  return Number(source.index < 0 ? value : (value as readonly number[])[source.index]);
}

/** A step of a plan. */
export type PlanStep =
  | { readonly kind: "nest"; readonly nest: CompiledNest }
  | { readonly kind: "host"; readonly node: GraphNode };

/** How a value's memory belongs to another's. */
export interface Alias {
  readonly of: number;
  /** Whether it is changed in place, not only seen in another shape. */
  readonly written: boolean;
}

/** A compiled graph. */
export interface Plan {
  readonly graph: Graph;
  readonly values: readonly GraphValue[];
  readonly steps: readonly PlanStep[];
  /** By value id: whose memory the value is, for views and in-place results. */
  readonly aliases: ReadonlyMap<number, Alias>;
}

/** How a graph is compiled. */
export interface PlanOptions {
  readonly generic: boolean;
  /** False: one nest an op. */
  readonly fuse?: boolean;
}

/** Graphs that were fused for a target whose compiler is at work on their kernels. */
const prepared = new WeakMap<Graph, { readonly target: Target; readonly generic: boolean; readonly steps: Step[] }>();

function fuseFor(backend: Backend, graph: Graph, options: PlanOptions): Step[] {
  return fuse(graph, { target: targetFactsOf(backend.target), generic: options.generic, fuse: options.fuse ?? true });
}

/** The steps of a graph, once more if they were prepared. */
function stepsFor(backend: Backend, graph: Graph, options: PlanOptions): Step[] {
  const ready = prepared.get(graph);
  if (options.fuse === false || ready?.target !== backend.target || ready.generic !== options.generic) {
    return fuseFor(backend, graph, options);
  }
  prepared.delete(graph);
  return ready.steps;
}

const kernelsOf = (steps: readonly Step[]): Kernel[] => steps.flatMap((s) => (s.kind === "nest" ? s.nest.kernels : []));

/** Compiles the kernels of graphs in the background, together, so that `compileGraph` finds them; gives the number of different ones. */
export function prepareGraphs(
  backend: Backend<BackgroundTarget>,
  graphs: readonly Graph[],
  options: Pick<PlanOptions, "generic">,
  done: (settled: Settled<number>) => void,
): void {
  const kernels = graphs.flatMap((graph) => {
    const steps = fuseFor(backend, graph, options);
    prepared.set(graph, { target: backend.target, generic: options.generic, steps });
    return kernelsOf(steps);
  });
  backend.prepare(kernels, done);
}

/** Fuses and compiles a graph. */
export function compileGraph(
  backend: Backend,
  graph: Graph,
  values: readonly GraphValue[],
  options: PlanOptions,
): Plan {
  const steps = stepsFor(backend, graph, options);
  const compiled = backend.compile(kernelsOf(steps));
  let at = 0;
  const aliases = new Map<number, Alias>();
  for (const node of graph.nodes) {
    node.inplace.forEach((operand, i) => {
      const old = operand === undefined ? undefined : node.operands[operand];
      if (typeof old === "object") aliases.set(node.outputs[i]!.id, { of: old.id, written: true });
    });
  }
  for (const s of steps) {
    if (s.kind === "view")
      aliases.set(s.node.outputs[0]!.id, { of: (s.node.operands[0] as GraphValue).id, written: false });
  }
  return {
    graph,
    values,
    aliases,
    steps: steps.flatMap((s): PlanStep[] => {
      if (s.kind !== "nest") return s.kind === "view" ? [] : [{ kind: "host", node: s.node }];
      const mine = compiled.slice(at, at + s.nest.kernels.length);
      at += s.nest.kernels.length;
      return [{ kind: "nest", nest: new CompiledNest(s.nest, mine, backend.target, s.nodes, values) }];
    }),
  };
}
