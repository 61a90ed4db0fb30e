// The blocks inside a Program's operators: found, listed, and rewritten.

import { Block, type Operator, type VarDesc } from "../program/program.js";
import { homeOf, Region, type RegionBlock } from "../trace/region.js";
import { SubTrace } from "./control-flow-trace.js";

/** The region of an operator of control flow. */
export const regionOf = (op: Operator): Region | undefined => {
  const region = op.attrs["region"];
  return region instanceof Region ? region : undefined;
};

/** Blocks inside operators, and inside theirs, by their numbers. */
export function blocksIn(ops: readonly Operator[]): RegionBlock[] {
  const found: RegionBlock[] = [];
  const visit = (list: readonly Operator[]): void => {
    for (const op of list)
      for (const block of regionOf(op)?.blocks ?? []) {
        found.push(block);
        visit(block.block.ops);
      }
  };
  visit(ops);
  return found.sort((a, b) => a.index - b.index);
}

/** The block inside an operator that a variable was made in. */
export const innerBlockOf = (desc: VarDesc): Block | undefined => {
  const home = homeOf(desc);
  return home instanceof SubTrace ? home.block : undefined;
};

/** Operators that stand for others, and variables that were made for them. */
interface Rewritten {
  readonly ops: readonly Operator[];
  readonly made: readonly VarDesc[];
}

/** An operator with its blocks' operators rewritten; one without blocks as it is. */
export function rewriteBlocks(op: Operator, rewrite: (ops: readonly Operator[]) => Rewritten): Operator {
  const region = regionOf(op);
  if (!region) return op;
  const changed = region.withBlocks((old): RegionBlock => {
    const { ops, made } = rewrite(old.block.ops);
    const block = new Block();
    for (const desc of [...old.block.vars.values(), ...made]) block.addVar(desc);
    block.ops.push(...ops);
    return { index: old.index, block, inputs: old.inputs, results: old.results };
  });
  return { ...op, attrs: { ...op.attrs, region: changed } };
}
