// Runnable: operators of a block made ready to run as one engine call, first as WebAssembly, then as native code when that is compiled.

import { dtypes } from "../core/dtype.js";
import { BugError } from "../core/errors.js";
import { debugLevel, isDeterministic } from "../core/flags.js";
import { type Shape, sizeOf } from "../core/shape.js";
import type { Backend } from "../device/backend.js";
import type { Engine } from "../device/engine.js";
import type { Storage } from "../device/storage.js";
import type { TargetName } from "../device/target.js";
import type { GraphNode, GraphValue } from "../fuse/body.js";
import type { Graph } from "../fuse/fuse.js";
import { cleanGraph } from "../program/clean.js";
import { Executable, type HostRunner, type LaunchTime } from "../program/executable.js";
import { prepareGraphs } from "../program/plan.js";
import type { Operator, VarDesc } from "../program/program.js";
import { blockName, type FirstRuns, reportBlock } from "../program/report.js";
import type { Value } from "../program/value.js";
import { runHostNode, storageOf } from "./eager.js";
import { eagerHandle } from "./handles.js";
import { noteBlock } from "./live-blocks.js";
import { GraphBuilder, type Resize } from "./lower.js";
import { observer, phase } from "./observe.js";
import { Region, type RegionRun, RunContext } from "./region.js";

/** What a runnable is made of. */
export interface RunnableSource {
  readonly ops: readonly Operator[];
  /** Given anew by each run. */
  readonly inputs: readonly VarDesc[];
  /** Variables that stand for tensors living outside; read before every run, since their memory may have moved. */
  readonly captures: readonly { readonly desc: VarDesc; readonly tensor: () => Value }[];
  readonly outputs: readonly VarDesc[];
  /** Shape of an input when the block was written for another, and how its numbers are made to fit. */
  readonly shapeOf?: (desc: VarDesc) => Shape;
  readonly resize?: Resize;
  /** Whether kernels take extents as arguments, so that other sizes need no code of their own. Default false. */
  readonly generic?: boolean;
  /** Names the API in messages. */
  readonly api: string;
  /** Of a block inside an operator: what it shares with the step around it. */
  readonly context?: RunContext;
}

/** An output: its value, and the value whose memory it is. */
interface Output {
  readonly value: GraphValue;
  readonly root: GraphValue;
}

/** What became of native code for a block. */
export interface CompileReport {
  /** What the block's next run uses. */
  readonly target: TargetName;
  /** Different kernels it is made of. */
  readonly kernels: number;
  /** From the moment native code was asked for until it was there, or could not be made. */
  readonly seconds: number;
  /** Why there is no native code. */
  readonly reason?: string;
}

/** Runs on WebAssembly before native code is asked for: what is called once or twice is not worth a compiler. */
const runsBeforeUpgrade = 2;

/** A compiled block bound to memory. */
export class Runnable {
  private executable: Executable;
  private readonly graph: Graph;
  private readonly builder = new GraphBuilder();
  private readonly bound: ReadonlySet<GraphValue>;
  private readonly inputs: readonly GraphValue[];
  private readonly captures: readonly { readonly tensor: () => Value; readonly value: GraphValue }[];
  private readonly outputs: readonly Output[];
  /** Operators of control flow, ready to run. */
  private readonly regions = new Map<GraphNode, RegionRun>();
  private readonly context: RunContext;
  /** Ids of the values that something reads. */
  private readonly read = new Set<number>();
  private runs = 0;
  private compiled: Backend | undefined;
  private work: Promise<CompileReport> | undefined;
  private readonly name: string;
  /** Times the first runs where OAR_DEBUG asks for it. */
  private firstRuns: FirstRuns | undefined;
  private given: readonly Value[] = [];

  constructor(
    private readonly on: Engine,
    private readonly source: RunnableSource,
  ) {
    this.name = blockName(source.api);
    const known = new Map<VarDesc, GraphValue>();
    const input = (desc: VarDesc): GraphValue => {
      const value = this.builder.input({ shape: source.shapeOf?.(desc) ?? desc.shape, dtype: desc.dtype });
      known.set(desc, value);
      return value;
    };
    this.inputs = source.inputs.map(input);
    this.captures = source.captures.map(({ desc, tensor }) => ({ tensor, value: input(desc) }));
    for (const op of source.ops)
      for (const o of op.operands) if (typeof o === "object" && isGhost(o) && !known.has(o)) input(o);
    this.builder.addAll(source.ops, known, source.resize);
    const outputs = source.outputs.map((desc) => known.get(desc) ?? missing(desc));
    const written = this.builder.nodes.flatMap((n) => n.outputs.filter((_, i) => n.inplace[i] !== undefined));
    this.graph = cleanGraph(this.builder.graph([...outputs, ...written]), changes);
    this.bound = new Set([...this.inputs, ...this.captures.map((c) => c.value), ...outputs]);
    this.context = source.context ?? new RunContext();
    this.compileRegions(outputs);
    this.executable = this.make(on.primary);
    this.outputs = outputs.map((value) => ({ value, root: this.builder.values[this.executable.rootOf(value.id)]! }));
    if (!source.context) noteBlock(this);
  }

  /** Shapes and dtypes of the outputs. */
  get outputTypes(): readonly GraphValue[] {
    return this.outputs.map((o) => o.value);
  }

  /** Whether the block reads an input. */
  isRead(input: number): boolean {
    return this.read.has(this.inputs[input]!.id);
  }

  /** Runs with inputs in eager tensors; the outputs are new tensors, or share the memory of what they change in place. */
  run(inputs: readonly Value[]): Value[] {
    this.upgrade();
    this.given = inputs;
    this.bindInputs(inputs.map((v) => storageOf(v, this.source.api).address));
    const fresh = new Map<number, Storage>();
    const handles = this.outputs.map((o) => this.outputHandle(o, inputs, fresh));
    this.execute();
    return handles;
  }

  /** Runs with inputs and outputs at fixed addresses: allocates nothing. Outputs that are inputs or captured are left where they are. */
  runInto(inputs: readonly number[], outputs: readonly number[]): void {
    this.upgrade();
    this.bindInputs(inputs);
    this.outputs.forEach((o, i) => {
      if (this.ownerOf(o.root) === undefined) this.executable.bind(o.root.id, outputs[i]!);
    });
    this.execute();
  }

  private execute(): void {
    const watching = observer();
    if (watching) {
      const start = performance.now();
      this.executable.runObserved(watching);
      watching.run(this.name, start, performance.now());
    } else if (!this.firstRuns) this.executable.run();
    else if (this.firstRuns.run()) this.firstRuns = undefined;
  }

  /** The address of an output after a run. */
  outputAddress(i: number): number {
    return this.executable.addressOf(this.outputs[i]!.root.id);
  }

  /** Waits for a compilation that is under way, and keeps the process alive meanwhile. Undefined: none was asked for yet. */
  async settled(): Promise<CompileReport | undefined> {
    const alive = setInterval(() => undefined, 60_000);
    try {
      for (const region of this.regions.values()) await region.settled();
      return await this.work;
    } finally {
      clearInterval(alive);
    }
  }

  /** Asks for native code now, unless it was asked for; it is used from the first run after it is there. */
  requestNative(): void {
    for (const region of this.regions.values()) region.requestNative();
    this.work ??= this.compileNative();
  }

  /** The best time of each launch with the inputs of the last run; see Executable.profile. */
  profile(): LaunchTime[] {
    if (this.given.length > 0) this.bindInputs(this.given.map((v) => storageOf(v, this.source.api).address));
    return this.executable.profile();
  }

  /** Frees tables and planned memory. */
  dispose(): void {
    this.executable.dispose();
    for (const region of this.regions.values()) region.dispose();
    if (!this.source.context) this.context.dispose();
  }

  private make(backend: Backend): Executable {
    const runHost: HostRunner = (on, node, addresses) => {
      const region = this.regions.get(node);
      if (region) region.run(addresses);
      else runHostNode(on, node, addresses);
    };
    const start = debugLevel() > 0 ? performance.now() : 0;
    const { on, graph, builder, bound } = this;
    const generic = this.source.generic ?? false;
    const make = (): Executable => new Executable(on, graph, builder.values, bound, runHost, backend, { generic });
    const executable = phase("Compile", this.name, make);
    if (debugLevel() > 0) {
      const ms = performance.now() - start;
      const { name } = this;
      this.firstRuns = reportBlock({
        name,
        engine: on,
        backend,
        before: builder.nodes,
        plan: executable.plan,
        executable,
        ms,
      });
    }
    return executable;
  }

  /** Last first, so that each knows which of its outputs are read, and a loop what its gradient wants recorded. */
  private compileRegions(outputs: readonly GraphValue[]): void {
    for (const v of outputs) this.read.add(v.id);
    for (const node of this.graph.nodes.toReversed()) {
      const region = node.attrs["region"];
      let reads = (operand: number): boolean => !node.ghosts.has(operand);
      if (region instanceof Region) {
        const { on, context } = this;
        const used = (i: number): boolean => this.read.has(node.outputs[i]!.id);
        const run = region.compile({ on, node, used, resize: this.source.resize, context });
        this.regions.set(node, run);
        reads = (operand) => run.reads.has(operand);
      }
      node.operands.forEach((o, i) => {
        if (typeof o === "object" && reads(i)) this.read.add(o.id);
      });
    }
  }

  private bindInputs(addresses: readonly number[]): void {
    this.inputs.forEach((v, i) => this.executable.bind(v.id, addresses[i]!));
    for (const { tensor, value } of this.captures)
      this.executable.bind(value.id, storageOf(tensor(), this.source.api).address);
  }

  /** Which input (number) or captured tensor an output's memory is. */
  private ownerOf(root: GraphValue): number | (() => Value) | undefined {
    const input = this.inputs.indexOf(root);
    return input >= 0 ? input : this.captures.find((c) => c.value === root)?.tensor;
  }

  private outputHandle({ value, root }: Output, inputs: readonly Value[], fresh: Map<number, Storage>): Value {
    const owner = this.ownerOf(root);
    if (owner !== undefined) {
      const tensor = typeof owner === "number" ? inputs[owner]! : owner();
      return eagerHandle(value.shape, value.dtype, storageOf(tensor, this.source.api).retain());
    }
    let storage = fresh.get(root.id)?.retain();
    if (!storage) {
      storage = this.on.allocate(sizeOf(root.shape) * dtypes[root.dtype].bytes);
      this.executable.bind(root.id, storage.address);
      fresh.set(root.id, storage);
    }
    return eagerHandle(value.shape, value.dtype, storage);
  }

  /** Asks for native code after a few runs, and goes over to it once it is there. */
  private upgrade(): void {
    if (!this.source.context) this.context.reset();
    if (++this.runs === runsBeforeUpgrade + 1 && !isDeterministic()) this.requestNative();
    this.on.poll();
    if (!this.compiled) return;
    const { compiled } = this;
    this.compiled = undefined;
    // Its memory first, so that the new one can have it: a step's memory is most of what a process holds.
    this.executable.dispose();
    try {
      this.executable = this.make(compiled);
    } catch (error) {
      this.executable = this.make(this.on.primary);
      throw error;
    }
  }

  private compileNative(): Promise<CompileReport> {
    const { on } = this;
    const start = performance.now();
    return new Promise((resolve) => {
      const report = (target: TargetName, kernels: number, reason?: string): void => {
        const seconds = (performance.now() - start) / 1000;
        resolve({ target, kernels, seconds, ...(reason === undefined ? {} : { reason }) });
      };
      on.accelerate((backend) => {
        if (!backend) return report(on.target.name, 0, on.failureText ?? `${on.target.name} is the only target here`);
        prepareGraphs(backend, [this.graph], { generic: this.source.generic ?? false }, ({ value, error }) => {
          if (value !== undefined) {
            this.compiled = backend;
            return report(backend.target.name, value);
          }
          // Training goes on in WebAssembly.
          on.noteFailure(error);
          report(on.target.name, 0, on.failureText);
        });
      });
    });
  }
}

/** A captured tensor of which only shape and dtype are known, and only they are used. */
const isGhost = (desc: VarDesc): boolean => desc.captured !== undefined && desc.captured.storage === undefined;

function missing(desc: VarDesc): never {
  throw new BugError(`variable ${desc.name} is not computed by the block`);
}

/** Whether a node changes memory that outlives the step. */
const changes = (node: GraphNode): boolean => node.effect || node.inplace.some((i) => i !== undefined);
