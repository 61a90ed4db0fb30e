// oar.jit.compile: a training step or any function of tensors captured once per input signature and run as one engine call.

import { dtypes } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { sizeOf } from "../core/shape.js";
import type { Backend, BackgroundTarget } from "../device/backend.js";
import { type Engine, engine } from "../device/engine.js";
import type { GraphNode, GraphValue } from "../fuse/body.js";
import { cleanGraph } from "../program/clean.js";
import { Executable } from "../program/executable.js";
import { prepareGraph } from "../program/plan.js";
import { Block, VarDesc } from "../program/program.js";
import type { Value } from "../program/value.js";
import { Tensor } from "../tensor/tensor.js";
import { capturing } from "../trace/bind.js";
import { runHostNode, storageOf } from "../trace/eager.js";
import { eagerHandle, symbolHandle } from "../trace/handles.js";
import { GraphBuilder } from "../trace/lower.js";
import { StepTrace } from "../trace/step-trace.js";

/** Tensors in arrays and records, with anything else in between. */
type Tree = unknown;

/** What `jit.compile` returns: the function, with a look inside. */
export type Compiled<A extends readonly unknown[], R> = ((...args: A) => R) & {
  /** Number of signatures compiled so far. */
  readonly variants: () => number;
  /** Resolves when no native compilation is under way; the next call uses what it made. */
  readonly ready: () => Promise<void>;
  /** Time of each kernel of each variant, in milliseconds; leaves meaningless values in parameters. */
  readonly profile: () => readonly { readonly name: string; readonly blocks: number; readonly ms: number }[][];
};

/**
 * Compiles a function of tensors: forward, backward and the optimizer's step together. The function runs once in a trace for each
 * signature (shapes and dtypes of tensor arguments, values of the others); later calls run the captured Program in one engine call.
 * Tensors that the function reads from outside (parameters, buffers, optimizer state) are used in place.
 *
 * @throws PreconditionNotMetError when the function reads a value in the middle (`item`, `data`): return it instead.
 * @example
 * ```ts
 * const step = jit.compile((x: Tensor, y: Tensor) => {
 *   const loss = F.crossEntropy(net(x), y);
 *   loss.backward(); opt.step(); opt.clearGrad();
 *   return loss;
 * });
 * ```
 */
export function compile<A extends readonly unknown[], R>(fn: (...args: A) => R): Compiled<A, R> {
  const variants = new Map<string, CompiledStep<R>>();
  const call = (...args: A): R => {
    const tensors: Tensor[] = [];
    const key = signature(args, tensors);
    let step = variants.get(key);
    if (!step) {
      step = new CompiledStep(engine(), (given) => fn(...(given as A)), args, tensors);
      variants.set(key, step);
    }
    return step.run(tensors);
  };
  return Object.assign(call, {
    variants: () => variants.size,
    ready: async () => {
      await Promise.all([...variants.values()].map((v) => v.settled()));
    },
    profile: () => [...variants.values()].map((v) => v.profile()),
  });
}

function signature(tree: Tree, tensors: Tensor[]): string {
  if (tree instanceof Tensor) {
    tensors.push(tree);
    return `${tree.dtype}[${tree.shape.join()}]${tree.stopGradient ? "" : "g"}`;
  }
  if (Array.isArray(tree)) return `(${tree.map((t) => signature(t, tensors)).join(";")})`;
  if (typeof tree === "object" && tree !== null) {
    return `{${Object.entries(tree)
      .map(([k, v]) => `${k}:${signature(v, tensors)}`)
      .join(";")}}`;
  }
  return `${typeof tree}:${String(tree)}`;
}

function mapTensors(tree: Tree, f: (t: Tensor) => unknown): Tree {
  if (tree instanceof Tensor) return f(tree);
  if (Array.isArray(tree)) return tree.map((t) => mapTensors(t, f));
  if (typeof tree === "object" && tree !== null && Object.getPrototypeOf(tree) === Object.prototype) {
    return Object.fromEntries(Object.entries(tree).map(([k, v]) => [k, mapTensors(v, f)]));
  }
  return tree;
}

/** A result: a value of the graph, made anew by each run. */
interface Output {
  readonly value: GraphValue;
  readonly root: GraphValue;
}

class CompiledStep<R> {
  private executable: Executable;
  private make!: (backend: Backend) => Executable;
  private readonly upgrade: Upgrade;
  private readonly inputs: readonly GraphValue[];
  private readonly captures: readonly { readonly value: Value; readonly graph: GraphValue }[];
  private readonly outputs: readonly Output[];
  private readonly result: Tree;
  /** Leaves whose gradient the function leaves behind, with the output that holds it. */
  private readonly gradients: readonly { readonly leaf: Value; readonly output: number }[];
  private readonly trace: StepTrace;

  constructor(
    private readonly on: Engine,
    fn: (args: readonly unknown[]) => R,
    args: readonly unknown[],
    tensors: readonly Tensor[],
  ) {
    const block = new Block();
    this.trace = new StepTrace(block);
    const inputDescs = tensors.map((t, i) => new VarDesc(`input_${i}`, t.shape, t.dtype, false, true));
    let next = 0;
    const symbolic = mapTensors(args, (t) => {
      const handle = symbolHandle(inputDescs[next++]!);
      handle.stopGradient = t.stopGradient;
      return handle;
    }) as readonly unknown[];
    const result = capturing(this.trace, () => fn(symbolic));
    const leaves = this.leftGradients();
    const graph = this.graphOf(block, inputDescs, result, leaves);
    this.inputs = graph.inputs;
    this.captures = graph.captures;
    this.outputs = graph.outputs;
    this.result = graph.result;
    this.gradients = leaves.map((leaf, i) => ({ leaf, output: graph.outputs.length - leaves.length + i }));
    for (const leaf of leaves) leaf.gradient = undefined;
    this.executable = graph.executable;
    this.upgrade = new Upgrade(on, graph.upgrade);
  }

  private leftGradients(): Value[] {
    return [...this.trace.captures.keys()].filter((v) => v.gradient?.symbol);
  }

  private graphOf(block: Block, inputDescs: readonly VarDesc[], result: unknown, leaves: readonly Value[]) {
    const builder = new GraphBuilder();
    const known = new Map<VarDesc, GraphValue>();
    const inputs = inputDescs.map((d) => add(builder, known, d));
    const captures = [...block.vars.values()]
      .filter((d) => d.captured)
      .map((d) => ({ value: d.captured!, graph: add(builder, known, d) }))
      .filter((c) => c.value.storage !== undefined);
    builder.addAll(block.ops, known);
    const outputs: GraphValue[] = [];
    const tree = mapTensors(result, (t) => {
      const value = t.symbol ? known.get(t.symbol as VarDesc) : undefined;
      if (!value)
        throw new InvalidArgumentError("a compiled function returned a tensor it did not compute.", {
          op: "jit.compile",
        });
      outputs.push(value);
      return new OutputSlot(outputs.length - 1);
    });
    for (const leaf of leaves) outputs.push(known.get(leaf.gradient!.symbol as VarDesc)!);
    const written = builder.nodes
      .filter(changes)
      .flatMap((n) => n.outputs.filter((_, i) => n.inplace[i] !== undefined));
    const graph = cleanGraph(builder.graph([...outputs, ...written]), changes);
    const bound = new Set([...inputs, ...captures.map((c) => c.graph), ...outputs]);
    this.make = (backend) => new Executable(this.on, graph, builder.values, bound, runHostNode, backend);
    const upgrade = (backend: Backend<BackgroundTarget>): Promise<void> =>
      prepareGraph(backend, graph, { generic: false });
    const executable = this.make(this.on.primary);
    const rooted = outputs.map((value) => ({ value, root: builder.values[executable.rootOf(value.id)]! }));
    return { inputs, captures, outputs: rooted, result: tree, executable, upgrade };
  }

  run(tensors: readonly Tensor[]): R {
    this.swap();
    const { executable, trace } = this;
    for (const action of trace.beforeRun) action();
    for (const s of trace.scalars) this.on.heap.views.f32[s.holder.storage!.address / 4] = s.read();
    this.inputs.forEach((v, i) => executable.bind(v.id, storageOf(tensors[i]!, "jit.compile").address));
    for (const { value, graph } of this.captures) executable.bind(graph.id, storageOf(value, "jit.compile").address);
    const handles = this.outputs.map((o) => this.outputHandle(o, tensors));
    executable.run();
    for (const { leaf, output } of this.gradients) leaf.gradient = handles[output];
    return fillSlots(this.result, handles) as R;
  }

  /** Goes over to native code once it is compiled. */
  private swap(): void {
    const backend = this.upgrade.next();
    if (!backend) return;
    const before = this.executable;
    this.executable = this.make(backend);
    before.dispose();
  }

  /** Done when no compilation is under way for this step. */
  settled(): Promise<void> {
    return this.upgrade.settled();
  }

  profile() {
    return this.executable.profile();
  }

  private outputHandle({ value, root }: Output, tensors: readonly Tensor[]): Value {
    const input = this.inputs.indexOf(root);
    const owner = input >= 0 ? tensors[input] : this.captures.find((c) => c.graph === root)?.value;
    if (owner) return eagerHandle(value.shape, value.dtype, storageOf(owner, "jit.compile").retain());
    const storage = this.on.allocate(sizeOf(root.shape) * dtypes[root.dtype].bytes);
    this.executable.bind(root.id, storage.address);
    return eagerHandle(value.shape, value.dtype, storage);
  }
}

/** Runs on WebAssembly before native code is asked for: a function called once or twice is not worth a compiler. */
const runsBeforeUpgrade = 2;

/** The way of one step from WebAssembly to native code: asked for after a few runs, taken when ready, given up on failure. */
class Upgrade {
  private runs = 0;
  private ready: Backend | undefined;
  private work: Promise<void> | undefined;

  constructor(
    private readonly on: Engine,
    private readonly prepare: (backend: Backend<BackgroundTarget>) => Promise<void>,
  ) {}

  /** The backend to go over to now, if any; each is given once. */
  next(): Backend | undefined {
    if (++this.runs === runsBeforeUpgrade + 1) this.start();
    const { ready } = this;
    this.ready = undefined;
    return ready;
  }

  private start(): void {
    const backend = this.on.accelerator;
    if (!backend) return;
    this.work = this.prepare(backend).then(
      () => {
        this.ready = backend;
      },
      // Training goes on in WebAssembly; the target keeps the reason for `oar doctor`.
      () => undefined,
    );
  }

  async settled(): Promise<void> {
    await this.work;
  }
}

class OutputSlot {
  constructor(readonly index: number) {}
}

function fillSlots(tree: Tree, handles: readonly Value[]): Tree {
  if (tree instanceof OutputSlot) return handles[tree.index];
  if (Array.isArray(tree)) return tree.map((t) => fillSlots(t, handles));
  if (typeof tree === "object" && tree !== null && Object.getPrototypeOf(tree) === Object.prototype) {
    return Object.fromEntries(Object.entries(tree).map(([k, v]) => [k, fillSlots(v, handles)]));
  }
  return tree;
}

function add(builder: GraphBuilder, known: Map<VarDesc, GraphValue>, desc: VarDesc): GraphValue {
  const value = builder.input(desc);
  known.set(desc, value);
  return value;
}

/** Whether a node changes memory that outlives the step. */
const changes = (node: GraphNode): boolean => node.effect || node.inplace.some((i) => i !== undefined);
