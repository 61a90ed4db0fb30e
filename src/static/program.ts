// Program as users build it: a block of operators that ops on variables append to, with its parameters, gradients and optimizers.

import { NotFoundError } from "../core/errors.js";
import type { OpRecord } from "../program/op.js";
import { Block, formatOperator, type Operator, type VarDesc } from "../program/program.js";
import type { Value } from "../program/value.js";
import type { Parameter } from "../param/parameter.js";
import { uniqueName } from "../param/unique-name.js";
import type { Tensor } from "../tensor/tensor.js";
import { StepTrace } from "../trace/step-trace.js";
import { symbolHandle } from "../trace/handles.js";

let programs = 0;

/** What an operator is there for; `clone({ forTest: true })` keeps the forward part. */
export type Role = "forward" | "backward" | "optimize";

/** Writes ops into a Program, and notes the part each belongs to. */
export class ProgramTrace extends StepTrace {
  role: Role = "forward";
  readonly roles = new Map<Operator, Role>();

  constructor(block: Block) {
    super(block, (record: OpRecord, output: string) =>
      uniqueName.generate(`${record.name}.${output === "out" ? "tmp" : output}`),
    );
  }

  override process(
    record: OpRecord,
    operands: Parameters<StepTrace["process"]>[1],
    attrs: Parameters<StepTrace["process"]>[2],
  ): Value[] {
    const outs = super.process(record, operands, attrs);
    this.roles.set(this.block.ops.at(-1)!, this.role);
    return outs;
  }

  /** Runs `fn` with its ops counted as `role`. */
  as<R>(role: Role, fn: () => R): R {
    const before = this.role;
    this.role = role;
    try {
      return fn();
    } finally {
      this.role = before;
    }
  }
}

/**
 * A static Program: operators in order, with named variables. Ops on its variables append to it; `Executor.run` compiles it once for
 * each signature of what is fed and fetched.
 *
 * @example
 * ```ts
 * const main = new static_.Program();
 * const startup = new static_.Program();
 * static_.programGuard(main, startup, () => {
 *   const x = static_.data("x", [-1, 4]);
 *   const y = static_.nn.fc(x, 2);
 * });
 * ```
 */
export class Program {
  /** Small number, for caches. */
  readonly id = programs++;
  /** Nonzero: ops that draw random numbers without a seed of their own use it. */
  randomSeed = 0;
  /** Updates made by runs of this Program. */
  stepCount = 0;
  readonly trace: ProgramTrace;
  /** Parameters by name. */
  readonly parameters = new Map<string, Parameter>();
  /** Persistable variables that live in the Scope: the variable a run starts from, by name. */
  readonly persistables = new Map<string, VarDesc>();
  /** First values, in a startup Program: what each run leaves in the Scope. */
  readonly initial = new Map<string, VarDesc>();
  /** Gradient variables by `NAME@GRAD`. */
  readonly gradients = new Map<string, VarDesc>();
  private readonly handles = new Map<string, Tensor>();
  private readonly block_: ProgramBlock;

  constructor(block = new Block()) {
    this.trace = new ProgramTrace(block);
    this.block_ = new ProgramBlock(this);
  }

  /** The block's operators and variables. */
  get block(): Block {
    return this.trace.block;
  }

  /** Paddle's `global_block()`. */
  globalBlock(): ProgramBlock {
    return this.block_;
  }

  /** Adds a variable under its name and gives its handle. */
  add(desc: VarDesc): Tensor {
    this.block.addVar(desc);
    const handle = symbolHandle(desc) as Tensor;
    this.handles.set(desc.name, handle);
    return handle;
  }

  /** The handle of a variable, by name or gradient name; undefined when there is none. */
  find(name: string): Tensor | undefined {
    const parameter = this.parameters.get(name);
    if (parameter) return parameter;
    const known = this.handles.get(name);
    if (known) return known;
    const desc = this.gradients.get(name) ?? this.persistables.get(name) ?? this.block.vars.get(name);
    return desc && (symbolHandle(desc) as Tensor);
  }

  /** All variables. */
  listVars(): Tensor[] {
    return [...this.block.vars.keys()].map((name) => this.find(name)!);
  }

  /** All parameters, in order of creation. */
  allParameters(): Parameter[] {
    return [...this.parameters.values()];
  }

  /**
   * A copy that can be changed on its own; parameters are the same. `forTest` keeps only the forward part, with dropout off and
   * batch norm on its running statistics.
   */
  clone({ forTest = false }: { readonly forTest?: boolean | undefined } = {}): Program {
    const copy = new Program();
    const kept = this.block.ops.filter((op) => !forTest || this.trace.roles.get(op) === "forward");
    for (const op of kept) {
      const changed =
        forTest && op.attrs["training"] === true ? { ...op, attrs: { ...op.attrs, training: false } } : op;
      copy.block.ops.push(changed);
      copy.trace.roles.set(changed, this.trace.roles.get(op) ?? "forward");
    }
    for (const desc of this.block.vars.values()) copy.block.addVar(desc);
    for (const [name, p] of this.parameters) copy.parameters.set(name, p);
    for (const [name, d] of this.persistables) copy.persistables.set(name, d);
    for (const [name, d] of this.initial) copy.initial.set(name, d);
    for (const [name, h] of this.handles) copy.handles.set(name, h);
    if (!forTest) {
      for (const [name, g] of this.gradients) copy.gradients.set(name, g);
      copy.trace.scalars.push(...this.trace.scalars);
      copy.trace.beforeRun.push(...this.trace.beforeRun);
    }
    for (const [value, desc] of this.trace.captures) copy.trace.captures.set(value, desc);
    copy.randomSeed = this.randomSeed;
    return copy;
  }

  /** One operator a line; unknown extents print as -1. */
  toString(): string {
    return this.block.ops.map(formatOperator).join("\n");
  }
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

  /** The variable of a name. Throws NotFound. */
  var(name: string): Tensor {
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
