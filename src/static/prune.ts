// Which operators of a Program a run needs: those that lead to what is fetched, and those that change something that outlives the run.

import type { Operator, VarDesc } from "../program/program.js";
import { inplaceOperand } from "../trace/bind.js";

/** Whether an operator does more than compute its outputs: it draws random numbers, prints, or changes memory in place. */
const hasEffect = (op: Operator): boolean =>
  op.record.random || op.record.outputs.some((name) => inplaceOperand(op.record, name) !== undefined);

/** Operators that lead to `targets`, in order; with `effects` also those that change something. */
export function neededOps(ops: readonly Operator[], targets: Iterable<VarDesc>, effects: boolean): Operator[] {
  const needed = new Set<VarDesc>(targets);
  const kept: Operator[] = [];
  for (let i = ops.length - 1; i >= 0; i--) {
    const op = ops[i]!;
    if (!(effects && hasEffect(op)) && !op.outputs.some((v) => needed.has(v))) continue;
    kept.push(op);
    for (const o of op.operands) if (typeof o === "object") needed.add(o);
  }
  return kept.reverse();
}
