// Replay: a Program's forward operators bound again into a variant that freezes batch norms, or trains what was frozen at first.

import { UnimplementedError } from "../core/errors.js";
import { batchNormInferOp, batchNormOp } from "../ops/batch-norm.js";
import { reshape } from "../ops/views.js";
import type { Parameter } from "../param/parameter.js";
import type { Operand, Operator, VarDesc } from "../program/program.js";
import type { Value } from "../program/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { bind, bind1, capturing, inplaceOperand } from "../trace/bind.js";
import { type TapeNode, withGrad } from "../trace/tape.js";
import { regionOf } from "./control-flow-blocks.js";
import type { Program } from "./program.js";
import { runningStatistics } from "./test-form.js";

/** Running statistics of a Program's batch norms that `freeze` covers, by the batch's statistic that would change them. */
export function frozenStatistics(program: Program): Map<VarDesc, Parameter> {
  const found = new Map<VarDesc, Parameter>();
  const names = versions(program);
  for (const [statistic, running] of runningStatistics(program.block.ops)) {
    const p = program.parameters.get(names.get(running) ?? "");
    if (p?.sourceOf("trainable") === "frozen") found.set(statistic, p);
  }
  return found;
}

/** The persistable variable that each variable is a state of. */
function versions(program: Program): Map<VarDesc, string> {
  const names = new Map<VarDesc, string>([...program.persistables].map(([name, desc]) => [desc, name]));
  for (const op of program.block.ops)
    op.record.outputs.forEach((output, i) => {
      const at = inplaceOperand(op.record, output);
      const changed = at === undefined ? undefined : op.operands[at];
      const name = typeof changed === "object" ? names.get(changed) : undefined;
      if (name !== undefined) names.set(op.outputs[i]!, name);
    });
  return names;
}

/** Binds operators of one Program into another. */
export class Replay {
  /** What variables of the first are in the second. */
  private readonly made = new Map<VarDesc, Value>();
  private readonly names: Map<VarDesc, string>;
  /** Variables that are not there any more: statistics of frozen batch norms' batches. */
  private readonly gone = new Set<VarDesc>();

  constructor(
    private readonly from: Program,
    private readonly into: Program,
    private readonly frozen: ReadonlyMap<VarDesc, Parameter>,
  ) {
    this.names = versions(from);
  }

  /** A variable of the first Program in the second. */
  of(desc: VarDesc): Value | undefined {
    const name = this.names.get(desc);
    if (name !== undefined) return this.from.find(name);
    return this.made.get(desc) ?? desc.captured ?? this.from.trace.handles.get(desc.name);
  }

  /** Binds an operator again; outputs keep their names, and stop gradients where they did. */
  run(op: Operator): void {
    const { into, from } = this;
    if (op.operands.some((o) => typeof o === "object" && this.gone.has(o))) {
      for (const v of op.outputs) this.gone.add(v);
      return;
    }
    const first = into.block.ops.length;
    const recorded = !from.trace.quiet.has(op);
    const outs = capturing(into.trace, () => withGrad(recorded, () => this.outputsOf(op)));
    const role = from.trace.roles.get(op) ?? "forward";
    const label = from.trace.labels.get(op);
    for (const made of into.block.ops.slice(first)) {
      into.trace.roles.set(made, role);
      if (label !== undefined) into.trace.labels.set(made, label);
    }
    outs.forEach((out, i) => {
      const was = op.outputs[i]!;
      this.made.set(was, into.rename(out as Tensor, was.name));
      this.likeBefore(out, from.trace.handles.get(was.name), op);
    });
  }

  private outputsOf(op: Operator): Value[] {
    const operands = op.operands.map((o: Operand) => (typeof o === "object" ? this.of(o) : o));
    if (regionOf(op) && operands.some((o) => typeof o === "object" && !o.stopGradient)) throw unbindable(op);
    const [mean, variance] = [1, 2].map((i) => op.record === batchNormOp && this.frozen.get(op.outputs[i]!));
    if (!mean || !variance) return bind(op.record, operands, op.attrs);
    const [x, weight, bias] = operands;
    const { shape } = op.outputs[1]!;
    const statistics = [mean, variance].map((p) => reshape<Value>(p, shape));
    for (const v of op.outputs.slice(1)) this.gone.add(v);
    return [bind1(batchNormInferOp, [x, ...statistics, weight, bias], { epsilon: op.attrs["epsilon"] })];
  }

  private likeBefore(out: Value, was: Tensor | undefined, op: Operator): void {
    if (!was) return;
    if ((was.source as TapeNode | undefined)?.custom) throw unbindable(op);
    // Told to stop gradients; one that was made of frozen parts only had none to stop.
    if (was.stopGradient && was.source) out.stopGradient = true;
  }
}

/** The error about an operator whose gradient is not a rule of its record. */
const unbindable = (op: Operator): UnimplementedError =>
  new UnimplementedError(`freezing a batch norm of a built Program does not go with "${op.record.name}".`, {
    op: "Executor.run",
    hint: "call freeze() before the Program is built.",
  });
