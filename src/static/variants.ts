// Variants of a Program: what `minimize` appended, made again when settings of parameters changed in kind since.

import { PreconditionNotMetError } from "../core/errors.js";
import { uniqueName } from "../param/unique-name.js";
import type { Optimizer } from "../optimizer/optimizer.js";
import { type Parameter, settingChanges } from "../param/parameter.js";
import type { Operand, Operator, VarDesc } from "../program/program.js";
import type { Tensor } from "../tensor/tensor.js";
import type { RuntimeScalar } from "../trace/step-trace.js";
import type { ParameterGradients } from "./data.js";
import type { Program } from "./program.js";
import { frozenStatistics, Replay } from "./replay.js";

/** One `minimize`: enough to make its operators again. */
export interface UpdatePlan {
  readonly optimizer: Optimizer;
  /** Parameters that may be updated, frozen or not. */
  readonly parameters: readonly Parameter[];
  /** Operators of the Program before it and after it. */
  readonly from: number;
  readonly to: number;
  /** Persistable variables as they were left, and gradient variables. */
  readonly latest: ReadonlyMap<string, VarDesc>;
  readonly gradients: ReadonlyMap<string, VarDesc>;
  /** Appends backward and update operators to a Program; `of` gives what variables of the original are called in it. */
  readonly append: (program: Program, of?: (v: Tensor) => Tensor) => ParameterGradients;
  /** The settings that decide its operators, as a text. */
  readonly settings: () => string;
  /** What `settings` gave when it was appended. */
  readonly built: string;
  /** What it reads and does before each run. */
  readonly scalars: ReadonlySet<RuntimeScalar>;
  readonly beforeRun: ReadonlySet<() => void>;
  /** Parameters that were frozen then. */
  readonly frozen: ReadonlySet<Parameter>;
}

interface Known {
  /** Variants by settings; the Program itself under those it was built with. */
  readonly variants: Map<string, Program>;
  readonly flags: readonly Parameter[];
  /** Operators of the Program when it was noted. */
  readonly length: number;
  changes: number;
  trainable: boolean[];
  current: Program;
}

const known = new WeakMap<Program, Known>();

/** With the frozen batch norms: a Program as it was built has none, whose forward part would not have been this one. */
const settingsOf = (program: Program): string =>
  `${program.updates.map((u) => u.settings()).join("\n")}|${[...frozenStatistics(program).values()].map((p) => p.name).join()}`;

function noted(program: Program): Known {
  const flags = [...new Set(program.updates.flatMap((u) => u.parameters))];
  const made: Known = {
    variants: new Map([[`${program.updates.map((u) => u.built).join("\n")}|`, program]]),
    flags,
    length: program.block.ops.length,
    // Looked at once at least: parts may have been frozen since the Program was built.
    changes: -1,
    trainable: flags.map((p) => p.stopGradient),
    current: program,
  };
  known.set(program, made);
  return made;
}

/** How many Programs there are of one, itself included: one for each set of settings it ran with. */
export const variantCount = (program: Program): number => known.get(program)?.variants.size ?? 1;

/**
 * The Program with its updates as the parameters' settings now want them. Rates, coefficients of decay and limits of clipping are read
 * at every run and cost nothing; another kind of setting (a regularizer, clipping, freezing) selects a variant, built once.
 */
export function variantOf(program: Program, build: (make: () => Program) => Program): Program {
  let k = known.get(program);
  if (!k || k.length !== program.block.ops.length) k = noted(program);
  if (k.changes === settingChanges() && k.flags.every((p, i) => p.stopGradient === k.trainable[i])) return k.current;
  k.changes = settingChanges();
  k.trainable = k.flags.map((p) => p.stopGradient);
  const key = settingsOf(program);
  let variant = k.variants.get(key);
  if (!variant) {
    variant = build(() => rebuilt(program));
    k.variants.set(key, variant);
  }
  k.current = variant;
  return variant;
}

/** The forward operators as they are, everything that `minimize` appended anew, and what came after on the new variables. */
function rebuilt(program: Program): Program {
  const { ops } = program.block;
  const frozen = frozenStatistics(program);
  const start = program.updates[0]?.from ?? ops.length;
  // What was built without gradients, because its parameters were frozen, is bound again when they are not any more.
  const thawed = program.updates.some((u) => u.parameters.some((p) => !p.stopGradient && u.frozen.has(p)));
  const anew = thawed || frozen.size > 0;
  const copy = program.copyWith(anew ? [] : ops.slice(0, start));
  const replay = anew ? new Replay(program, copy, frozen) : undefined;
  if (replay) for (const v of program.block.vars.values()) if (v.isInput) copy.block.addVar(v);
  const { updates, trace } = program;
  copy.trace.scalars.push(...trace.scalars.filter((s) => !updates.some((u) => u.scalars.has(s))));
  copy.trace.beforeRun.push(...trace.beforeRun.filter((a) => !updates.some((u) => u.beforeRun.has(a))));
  for (const [name, d] of program.persistables) if (!copy.persistables.has(name)) copy.addPersistable(d);
  for (const [name, p] of program.parameters) copy.parameters.set(name, p);
  copy.startup = program.startup;
  const renamed = new Map<VarDesc, VarDesc>();
  const available = new Set(copy.block.vars.values());
  const of = (v: Tensor): Tensor => (replay?.of(v.symbol as VarDesc) as Tensor | undefined) ?? v;
  if (replay) for (const op of ops.slice(0, start)) replayed(op, replay, copy, renamed);
  program.updates.forEach((plan, i) => {
    plan.append(copy, of);
    for (const [name, was] of plan.latest)
      renamed.set(was, copy.trace.latest.get(name) ?? copy.persistables.get(name)!);
    for (const [name, was] of plan.gradients) {
      const now = copy.gradients.get(name);
      if (now) renamed.set(was, now);
    }
    const until = program.updates[i + 1]?.from ?? ops.length;
    for (const op of ops.slice(plan.to, until)) {
      if (replay) replayed(op, replay, copy, renamed);
      else copy.block.ops.push(followed(op, program, available, renamed, copy));
    }
  });
  copy.gradients.forEach((now, name) => {
    const was = program.gradients.get(name);
    if (was) renamed.set(was, now);
  });
  for (const [was, now] of renamed) copy.renamed.set(was, now);
  return copy;
}

/** An operator bound anew; its variables are followed by name. */
function replayed(op: Operator, replay: Replay, copy: Program, renamed: Map<VarDesc, VarDesc>): void {
  uniqueName.guard(() => replay.run(op));
  for (const v of op.outputs) {
    const now = copy.block.vars.get(v.name);
    if (now) renamed.set(v, now);
  }
}

/** An operator that stands behind an update, reading the variant's variables. */
function followed(
  op: Operator,
  program: Program,
  available: Set<VarDesc>,
  renamed: ReadonlyMap<VarDesc, VarDesc>,
  copy: Program,
): Operator {
  const operands = op.operands.map((o): Operand => {
    if (typeof o !== "object" || available.has(o) || o.captured || o.isInput || o.persistable) return o;
    const now = renamed.get(o);
    if (now) return now;
    throw new PreconditionNotMetError(
      `"${o.name}" is read after minimize and does not exist with the settings now in force.`,
      { op: "Executor.run", name: o.name, hint: "build the Program again, or set the former settings back." },
    );
  });
  for (const v of op.outputs) available.add(copy.block.addVar(v));
  copy.trace.roles.set(op, program.trace.roles.get(op) ?? "forward");
  const same = operands.every((o, i) => o === op.operands[i]);
  return same ? op : { ...op, operands };
}

/** The result a caller of `minimize` sees. */
export type Minimized = [[], [Parameter, Tensor][]];
