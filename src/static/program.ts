// Program as users build it: a block of operators that ops on variables append to, with its parameters, gradients and optimizers.

import { InvalidArgumentError, NotFoundError } from "../core/errors.js";
import type { NdArray } from "../core/nd-array.js";
import { checkOptions } from "../core/options.js";
import type { Optimizer } from "../optimizer/optimizer.js";
import type { ParameterSummary } from "../optimizer/parameter-table.js";
import type { Parameter } from "../param/parameter.js";
import { Block, type Operator, type VarDesc } from "../program/program.js";
import type { Tensor } from "../tensor/tensor.js";
import type { TensorLike } from "../tensor/to-tensor.js";
import { symbolHandle } from "../trace/handles.js";
import { sizeReadOp } from "../trace/size-read.js";
import { blocksIn, innerBlockOf, regionOf } from "./control-flow-blocks.js";
import { latestAfter, ProgramTrace } from "./program-trace.js";
import { formatProgram } from "./print.js";
import type { Scope } from "./scope.js";
import { programState, setProgramState, type StateMode } from "./program-state.js";
import { programSummary } from "./program-summary.js";
import { neededOps } from "./prune.js";
import { forTesting } from "./test-form.js";
import { type UpdatePlan, variantCount } from "./variants.js";

let programs = 0;

/** A stretch of operators that runs as one call into the engine, and the host op that ends it, if any. */
export interface ProgramSegment {
  readonly ops: readonly string[];
  /** Name of the op that runs in JavaScript after them. */
  readonly host: string | null;
  /** Why the run is cut there: what the op is for. */
  readonly reason: string | null;
}

/** Options of {@link Program.clone}. */
export interface CloneOptions {
  readonly forTest?: boolean | undefined;
}

/**
 * A static Program: operators in order, with named variables. Ops on its variables append to it; `Executor.run` compiles it once for
 * each signature of what is fed and fetched.
 *
 * @example
 * ```ts
 * import { enableStatic, disableStatic, static as static_ } from "oarjs";
 * enableStatic();
 * const main = new static_.Program();
 * const startup = new static_.Program();
 * static_.programGuard(main, startup, () => {
 *   const x = static_.data("x", [-1, 4]);
 *   static_.nn.fc(x, 2);
 * });
 * console.log(main.allParameters().map((p) => p.name)); // [ "fc_0.w_0", "fc_0.b_0" ]
 * disableStatic();
 * ```
 */
export class Program {
  /** Small number, for caches. */
  readonly id = programs++;
  /** Nonzero: ops that draw random numbers without a seed of their own use it. */
  randomSeed = 0;
  /** Updates made by runs of this Program. */
  stepCount = 0;
  readonly block = new Block();
  /** Parameters by name. */
  readonly parameters = new Map<string, Parameter>();
  /** Persistable variables that live in the Scope: the variable a run starts from, by name. */
  readonly persistables = new Map<string, VarDesc>();
  /** First values, in a startup Program: what each run leaves in the Scope. */
  readonly initial = new Map<string, VarDesc>();
  /** Gradient variables by `NAME@GRAD`. */
  readonly gradients = new Map<string, VarDesc>();
  /** Learning rates that the Scope shows, by variable name. */
  readonly rates = new Map<string, Optimizer>();
  /** What `minimize` appended, so that it can be made again for other settings. */
  readonly updates: UpdatePlan[] = [];
  /** Of a variant: what the original's variables are called here. */
  readonly renamed = new Map<VarDesc, VarDesc>();
  /** The startup Program it was last built with. */
  startup: Program | undefined;
  readonly trace: ProgramTrace = new ProgramTrace(this);
  private readonly block_ = new ProgramBlock(this);

  /** Paddle's `global_block()`. */
  globalBlock(): ProgramBlock {
    return this.block_;
  }

  /** Adds a variable under its name and gives its handle. */
  add(desc: VarDesc): Tensor {
    this.block.addVar(desc);
    this.trace.own(desc);
    const handle = symbolHandle(desc) as Tensor;
    this.trace.handles.set(desc.name, handle);
    return handle;
  }

  /** Notes a variable that lives in the Scope. */
  addPersistable(desc: VarDesc): void {
    this.persistables.set(desc.name, desc);
    this.block.addVar(desc);
    if (this.startup) for (const p of [this.startup.parameters.get(desc.name)]) if (p) this.parameters.set(p.name, p);
  }

  /** The handle of a variable, by name or gradient name; undefined when there is none. */
  find(name: string): Tensor | undefined {
    const known = this.parameters.get(name) ?? this.trace.handles.get(name);
    if (known) return known;
    const desc = this.gradients.get(name) ?? this.persistables.get(name) ?? this.block.vars.get(name);
    if (!desc) return undefined;
    const handle = symbolHandle(desc) as Tensor;
    if (this.block.vars.get(name) === desc) this.trace.handles.set(name, handle);
    return handle;
  }

  /** Gives a variable another name: static helpers name what they make as Paddle does. */
  rename<T extends Tensor>(handle: T, name: string): T {
    const desc = handle.symbol as VarDesc;
    const inner = innerBlockOf(desc);
    const block = inner ?? this.block;
    block.vars.delete(desc.name);
    if (!inner) this.trace.handles.delete(desc.name);
    desc.name = name;
    handle.name = name;
    block.addVar(desc);
    if (!inner) this.trace.handles.set(name, handle);
    return handle;
  }

  /** All variables, those of blocks inside operators after the others. */
  listVars(): Tensor[] {
    const inner = this.blocks.slice(1).flatMap((block) => [...block.vars.values()]);
    const outer = [...this.block.vars.keys()].map((name) => this.find(name)!);
    return [...outer, ...inner.map((desc) => symbolHandle(desc) as Tensor)];
  }

  /** The global block, and those inside operators of control flow in the order they were written in. */
  get blocks(): readonly Block[] {
    return [this.block, ...blocksIn(this.block.ops).map((b) => b.block)];
  }

  /** How many blocks there are, the global one included. */
  get numBlocks(): number {
    return this.blocks.length;
  }

  /** All parameters, in order of creation. */
  allParameters(): Parameter[] {
    return [...this.parameters.values()];
  }

  /**
   * A copy that can be changed on its own; parameters are the same variables of the Scope. `forTest` keeps only the forward part, with
   * dropout off and batch norm on its running statistics.
   *
   * @example
   * ```ts
   * import { static as static_ } from "oarjs";
   * const test = static_.defaultMainProgram().clone({ forTest: true });
   * ```
   */
  clone({ forTest = false }: CloneOptions = {}): Program {
    const { trace } = this;
    if (!forTest) {
      const copy = this.copyWith(this.block.ops);
      for (const [name, g] of this.gradients) copy.gradients.set(name, g);
      for (const [name, rate] of this.rates) copy.rates.set(name, rate);
      copy.updates.push(...this.updates);
      copy.trace.scalars.push(...trace.scalars);
      copy.trace.beforeRun.push(...trace.beforeRun);
      return copy;
    }
    const forward = this.block.ops.filter((op) => trace.roles.get(op) === "forward");
    const { ops, made } = forTesting(forward);
    const copy = this.copyWith(ops);
    for (const desc of made) copy.block.addVar(desc);
    return copy;
  }

  /**
   * A copy with only the operators that targets need; nothing is updated by it.
   *
   * @param targets variables or their names
   */
  prune(targets: Tensor | string | readonly (Tensor | string)[]): Program {
    const list = Array.isArray(targets) ? (targets as readonly (Tensor | string)[]) : [targets as Tensor | string];
    const descs = list.map((t) => (typeof t === "string" ? this.globalBlock().var(t) : t).symbol as VarDesc);
    return this.copyWith(neededOps(this.block.ops, descs, false));
  }

  /** A Program of other operators, with those variables of this one that they use. */
  copyWith(ops: readonly Operator[]): Program {
    const copy = new Program();
    const whole = ops === this.block.ops;
    const used = new Set<VarDesc>();
    for (const op of ops) {
      copy.block.ops.push(op);
      copy.trace.roles.set(op, this.trace.roles.get(op) ?? "forward");
      const label = this.trace.labels.get(op);
      if (label !== undefined) copy.trace.labels.set(op, label);
      for (const o of [...op.operands, ...op.outputs]) if (typeof o === "object") used.add(o);
    }
    for (const desc of this.block.vars.values()) if (whole || used.has(desc)) copy.block.addVar(desc);
    for (const [name, d] of this.persistables) {
      if (!copy.block.vars.has(name)) continue;
      copy.persistables.set(name, d);
      const p = this.parameters.get(name);
      if (p) copy.parameters.set(name, p);
    }
    for (const [name, h] of this.trace.handles) if (copy.block.vars.has(name)) copy.trace.handles.set(name, h);
    if (whole) for (const [name, d] of this.initial) copy.initial.set(name, d);
    for (const [name, d] of latestAfter(ops, copy.persistables)) copy.trace.latest.set(name, d);
    for (const [value, desc] of this.trace.captures)
      if (copy.block.vars.has(desc.name)) copy.trace.captures.set(value, desc);
    copy.randomSeed = this.randomSeed;
    copy.startup = this.startup;
    return copy;
  }

  /**
   * Counts parameters and explains for each one its rate, regularizer, clipping, trainability and initializer, with the source of each,
   * as `summary` does for networks.
   *
   * @param options `optimizer`: whose settings are in force; by default those that were told to minimize in this Program
   * @throws InvalidArgumentError for an unknown option.
   * @example
   * ```ts
   * import { disableStatic, enableStatic, mean, optimizer, static as static_ } from "oarjs";
   * enableStatic();
   * const main = new static_.Program();
   * static_.programGuard(main, new static_.Program(), () => {
   *   const y = static_.nn.fc(static_.data("x", [-1, 4]), 2, { weightAttr: { learningRate: 0.5 } });
   *   new optimizer.SGD({ learningRate: 0.1 }).minimize(mean(y));
   * });
   * console.log(main.summary().parameters[0]?.learningRate); // { value: 0.05, source: 'ParamAttr' }
   * disableStatic();
   * ```
   */
  summary(options: { readonly optimizer?: Optimizer | undefined } = {}): ParameterSummary {
    return programSummary(this, checkOptions<typeof options>("Program.summary", options, ["optimizer"]).optimizer);
  }

  /** In how many forms it ran so far: one for each set of frozen parts and kinds of regularizers and clipping. Numbers make none. */
  get variants(): number {
    return variantCount(this);
  }

  /**
   * Stretches of operators that run as one engine call, cut where an op runs in JavaScript (`pyFunc`, `Print`, svd …), and where the
   * size of a result depends on values (`nonzero`, `maskedSelect`, `unique` …): what follows is compiled for each size that comes out.
   */
  get segments(): ProgramSegment[] {
    const out: ProgramSegment[] = [];
    let ops: string[] = [];
    for (const op of this.block.ops) {
      if (op.record.body.form !== "host") {
        ops.push(op.record.name);
        continue;
      }
      out.push({ ops, host: op.record.name, reason: reasonOf(op) });
      ops = [];
    }
    if (ops.length > 0 || out.length === 0) out.push({ ops, host: null, reason: null });
    return out;
  }

  /**
   * The values of persistable variables in a scope (the current one unless given), by name.
   *
   * @param mode "param": parameters; "opt": everything else (optimizer state, rates); "all" (default): both
   * @throws PreconditionNotMetError when the startup Program has not run.
   */
  stateDict(mode: StateMode = "all", scope?: Scope): Record<string, Tensor> {
    return programState(this, mode, scope);
  }

  /**
   * Sets values in a scope by name; a Layer's state dict is matched by its parameter names.
   *
   * @returns names that nothing took, and own names that were not given
   */
  setStateDict(
    state: Readonly<Record<string, TensorLike | NdArray>>,
    scope?: Scope,
  ): { readonly missing: string[]; readonly unexpected: string[] } {
    return setProgramState(this, state, scope);
  }

  /** Inputs, parameters and operators, one a line; unknown extents print as -1. */
  toString(): string {
    return formatProgram(this);
  }
}

/** Why an operator cuts a run in two. */
function reasonOf(op: Operator): string {
  if (op.record !== sizeReadOp) return regionOf(op) ? "chooses or repeats blocks" : "runs in JavaScript";
  return `the size of ${op.attrs["of"]}'s result depends on values`;
}

/** A Program's block as Paddle shows it. */
export class ProgramBlock {
  constructor(readonly program: Program) {}

  /** Operators in order. */
  get ops(): readonly Operator[] {
    return this.program.block.ops;
  }

  /** Names of all variables to their handles. */
  get vars(): Readonly<Record<string, Tensor>> {
    return Object.fromEntries([...this.program.block.vars.keys()].map((name) => [name, this.program.find(name)!]));
  }

  /** The variable of a name: a Parameter for parameters, with its settings. Throws NotFound. */
  var(name: string): Tensor {
    if (typeof name !== "string") throw new InvalidArgumentError("the name must be a string.", { op: "Block.var" });
    const found = this.program.find(name);
    if (!found) throw new NotFoundError(`the Program has no variable "${name}".`, { op: "Block.var", name });
    return found;
  }

  /** Whether there is a variable of a name. */
  hasVar(name: string): boolean {
    return this.program.find(name) !== undefined;
  }

  /** All parameters. */
  allParameters(): Parameter[] {
    return this.program.allParameters();
  }
}
