// Variants of a Program: what `minimize` appended, made again when settings of parameters changed in kind since.

import { PreconditionNotMetError } from "../core/errors.js";
import type { Optimizer } from "../optimizer/optimizer.js";
import { type Parameter, settingChanges } from "../param/parameter.js";
import type { Operand, Operator, VarDesc } from "../program/program.js";
import type { Tensor } from "../tensor/tensor.js";
import type { ParameterGradients } from "./data.js";
import type { Program } from "./program.js";

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
  /** Appends backward and update operators to a Program. */
  readonly append: (program: Program) => ParameterGradients;
  /** Whether the settings that decided its operators are in force still, as a text. */
  readonly settings: () => string;
}

interface Known {
  /** Variants by settings; the Program itself under those it was built with. */
  readonly variants: Map<string, Program>;
  readonly flags: readonly Parameter[];
  changes: number;
  trainable: boolean[];
  current: Program;
}

const known = new WeakMap<Program, Known>();

const settingsOf = (program: Program): string => program.updates.map((u) => u.settings()).join("\n");

/** Notes the settings a Program was built with; call it after each `minimize`. */
export function noteSettings(program: Program): void {
  const flags = [...new Set(program.updates.flatMap((u) => u.parameters))];
  known.set(program, {
    variants: new Map([[settingsOf(program), program]]),
    flags,
    changes: settingChanges(),
    trainable: flags.map((p) => p.stopGradient),
    current: program,
  });
}

/**
 * The Program with its updates as the parameters' settings now want them. Rates are read at every run and cost nothing; another kind of
 * setting (a regularizer, clipping, freezing) selects a variant, built once.
 */
export function variantOf(program: Program, build: (make: () => Program) => Program): Program {
  if (program.updates.length === 0) return program;
  let k = known.get(program);
  if (!k) {
    noteSettings(program);
    k = known.get(program)!;
  }
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
  const first = program.updates[0]!;
  const copy = program.copyWith(ops.slice(0, first.from));
  for (const [name, d] of program.persistables) if (!copy.persistables.has(name)) copy.addPersistable(d);
  for (const [name, p] of program.parameters) copy.parameters.set(name, p);
  copy.startup = program.startup;
  const renamed = new Map<VarDesc, VarDesc>();
  const available = new Set(copy.block.vars.values());
  program.updates.forEach((plan, i) => {
    plan.append(copy);
    for (const [name, was] of plan.latest)
      renamed.set(was, copy.trace.latest.get(name) ?? copy.persistables.get(name)!);
    for (const [name, was] of plan.gradients) {
      const now = copy.gradients.get(name);
      if (now) renamed.set(was, now);
    }
    const until = program.updates[i + 1]?.from ?? ops.length;
    for (const op of ops.slice(plan.to, until)) copy.block.ops.push(followed(op, program, available, renamed, copy));
  });
  copy.gradients.forEach((now, name) => {
    const was = program.gradients.get(name);
    if (was) renamed.set(was, now);
  });
  for (const [was, now] of renamed) copy.renamed.set(was, now);
  return copy;
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
