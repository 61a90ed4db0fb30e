// Which operators of a Program a run needs: those that lead to what is fetched, and those that change something that outlives the run.

import { collectLearned, isDerived } from "../core/extents.js";
import type { Operator, VarDesc } from "../program/program.js";
import { inplaceOperand } from "../trace/bind.js";
import { sizeReadOp } from "../trace/size-read.js";
import { regionOf } from "./control-flow-blocks.js";

/** Whether an operator does more than compute its outputs: it draws random numbers, prints, or changes memory in place. */
const hasEffect = (op: Operator): boolean =>
  op.record.random || op.record.outputs.some((name) => inplaceOperand(op.record, name) !== undefined);

/** The operator at which a run learns each stand-in that it learns. */
function teachers(ops: readonly Operator[]): Map<number, Operator> {
  const first = new Map<number, Operator>();
  for (const op of ops) {
    const learned = new Set<number>();
    if (op.record === sizeReadOp) learned.add(op.attrs["size"] as number);
    else for (const desc of op.outputs) for (const n of desc.shape) if (isDerived(n)) learned.add(n);
    for (const n of learned) if (!first.has(n)) first.set(n, op);
  }
  return first;
}

/** Adds the stand-ins of sizes that an operator, or one in its blocks, speaks of. */
function noteSizes(op: Operator, sizes: Set<number>): void {
  collectLearned([op.attrs, op.operands.filter((o) => typeof o === "number")], sizes);
  for (const { block } of regionOf(op)?.blocks ?? []) for (const inner of block.ops) noteSizes(inner, sizes);
}

/** Operators that lead to `targets`, in order; with `effects` also those that change something. */
export function neededOps(ops: readonly Operator[], targets: Iterable<VarDesc>, effects: boolean): Operator[] {
  const needed = new Set<VarDesc>(targets);
  const sizes = new Set<number>();
  const taughtBy = teachers(ops);
  const kept: Operator[] = [];
  for (let i = ops.length - 1; i >= 0; i--) {
    const op = ops[i]!;
    const teaches = [...sizes].some((n) => taughtBy.get(n) === op);
    if (!teaches && !(effects && hasEffect(op)) && !op.outputs.some((v) => needed.has(v))) continue;
    kept.push(op);
    noteSizes(op, sizes);
    for (const o of op.operands) if (typeof o === "object") needed.add(o);
  }
  return kept.reverse();
}
