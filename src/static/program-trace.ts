// ProgramTrace: writes ops into a static Program; persistable variables are found by name, so that Programs share them through a Scope.

import { PreconditionNotMetError } from "../core/errors.js";
import { uniqueName } from "../param/unique-name.js";
import type { OpRecord } from "../program/op.js";
import type { Operand, Operator, VarDesc } from "../program/program.js";
import type { Value } from "../program/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Attrs, inplaceOperand } from "../trace/bind.js";
import { StepTrace } from "../trace/step-trace.js";
import { isGradEnabled } from "../trace/tape.js";
import type { Program } from "./program.js";

/** What an operator is there for; `clone({ forTest: true })` keeps the forward part. */
export type Role = "forward" | "backward" | "optimize";

/** The Program that a variable was made in. */
const owners = new WeakMap<VarDesc, Program>();

/** The Program that a variable was made in, if it was made by one. */
export const ownerOf = (desc: VarDesc): Program | undefined => owners.get(desc);

/** Writes ops into a Program, and notes the part each belongs to. */
export class ProgramTrace extends StepTrace {
  role: Role = "forward";
  readonly roles = new Map<Operator, Role>();
  /** Operators that were appended while no gradients were recorded. */
  readonly quiet = new WeakSet<Operator>();
  /** `nameScope` labels of operators. */
  readonly labels = new Map<Operator, string>();
  label = "";
  /** The variable that a persistable name means now: itself, or what in-place ops made of it. */
  readonly latest = new Map<string, VarDesc>();
  /** Handles of variables by name, as users have them. */
  readonly handles = new Map<string, Tensor>();
  /** Calls of functions that change between runs without changing the number of operators. */
  version = 0;

  constructor(readonly program: Program) {
    super(program.block, (record: OpRecord, output: string) => this.freeName(record, output));
  }

  private freeName(record: OpRecord, output: string): string {
    const key = `${record.name}.${output === "out" ? "tmp" : output}`;
    let name = uniqueName.generate(key);
    while (this.block.vars.has(name)) name = uniqueName.generate(key);
    return name;
  }

  override process(record: OpRecord, operands: readonly (Value | number | undefined)[], attrs: Attrs): Value[] {
    const home = this.homeOf(operands, record.name);
    if (home !== this) return home.process(record, operands, attrs);
    const before = this.block.ops.length;
    const outs = super.process(record, operands, attrs);
    // A size that was read already.
    if (this.block.ops.length === before) return outs;
    const op = this.block.ops.at(-1)!;
    this.roles.set(op, this.role);
    if (!isGradEnabled()) this.quiet.add(op);
    if (this.label !== "") this.labels.set(op, this.label);
    op.outputs.forEach((desc, i) => {
      owners.set(desc, this.program);
      this.handles.set(desc.name, outs[i] as Tensor);
    });
    return outs;
  }

  /** The Program that the operands belong to: this one, unless they all are another's. */
  private homeOf(operands: readonly (Value | number | undefined)[], op: string): ProgramTrace {
    let home: ProgramTrace | undefined;
    for (const o of operands) {
      const desc = typeof o === "object" ? (o.symbol as VarDesc | undefined) : undefined;
      if (!desc || desc.persistable) continue;
      const at = this.owns(desc) ? this : owners.get(desc)?.trace;
      if (!at) continue;
      if (home && home !== at) {
        throw new PreconditionNotMetError(`"${desc.name}" belongs to another Program than the operands before it.`, {
          op,
          name: desc.name,
          hint: "build the whole network inside one programGuard.",
        });
      }
      home = at;
    }
    return home ?? this;
  }

  /** Whether a variable is one of this Program's. */
  owns(desc: VarDesc): boolean {
    return this.block.vars.get(desc.name) === desc;
  }

  override operand(o: Value | number | undefined): Operand {
    const desc = typeof o === "object" ? (o.symbol as VarDesc | undefined) : undefined;
    if (desc?.persistable) return this.current(desc);
    return super.operand(o);
  }

  /** What a persistable variable is at this point of the Program; one of another Program is found by its name. */
  current(desc: VarDesc): VarDesc {
    const known = this.latest.get(desc.name) ?? this.program.persistables.get(desc.name);
    if (known) return known;
    this.program.addPersistable(desc);
    return desc;
  }

  protected override follow(
    operands: readonly (Value | number | undefined)[],
    at: number | undefined,
    desc: VarDesc,
  ): void {
    const changed = at === undefined ? undefined : operands[at];
    const symbol = typeof changed === "object" ? (changed.symbol as VarDesc | undefined) : undefined;
    if (symbol?.persistable) this.latest.set(symbol.name, desc);
    else super.follow(operands, at, desc);
  }

  /** Notes that a variable was made here. */
  own(desc: VarDesc): void {
    owners.set(desc, this.program);
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

  /** Runs `fn` with its ops labelled. */
  within<R>(label: string, fn: () => R): R {
    const before = this.label;
    this.label = before === "" ? label : `${before}/${label}`;
    try {
      return fn();
    } finally {
      this.label = before;
    }
  }
}

/** What persistable names mean after a list of operators. */
export function latestAfter(
  ops: readonly Operator[],
  persistables: ReadonlyMap<string, VarDesc>,
): Map<string, VarDesc> {
  const names = new Map<VarDesc, string>([...persistables].map(([name, desc]) => [desc, name]));
  const latest = new Map<string, VarDesc>();
  for (const op of ops) {
    op.record.outputs.forEach((output, i) => {
      const at = inplaceOperand(op.record, output);
      const changed = at === undefined ? undefined : op.operands[at];
      const name = typeof changed === "object" ? names.get(changed) : undefined;
      if (name === undefined) return;
      names.set(op.outputs[i]!, name);
      latest.set(name, op.outputs[i]!);
    });
  }
  return latest;
}
