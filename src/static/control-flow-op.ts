// Operators of control flow: their records, the operands they collect from their blocks, and the outputs that gradients add later.

import { BugError } from "../core/errors.js";
import type { DType } from "../core/dtype.js";
import type { Shape } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed } from "../program/op.js";
import { type Operator, VarDesc } from "../program/program.js";
import type { Value } from "../program/value.js";
import type { BlockTrace } from "../trace/block-trace.js";
import { type Region, setHome } from "../trace/region.js";
import type { Captured, SubTrace } from "./control-flow-trace.js";
import { SubTrace as Blocks } from "./control-flow-trace.js";

/** Shape and dtype of an output. */
export interface OutputType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** What an operator's blocks take from outside, each once. */
export class Captures {
  private readonly at = new Map<VarDesc, number>();
  readonly handles: Value[] = [];
  /** Numbers of those that some block changes in place. */
  readonly updated: readonly number[];

  constructor(blocks: readonly SubTrace[]) {
    for (const c of blocks.flatMap((b) => b.captured)) {
      if (this.at.has(c.outer)) continue;
      this.at.set(c.outer, this.handles.length);
      this.handles.push(c.handle);
    }
    this.updated = [...new Set(blocks.flatMap((b) => b.updated).map((c) => this.of(c)))];
  }

  /** The number of a captured value. */
  of(c: Captured): number {
    return this.at.get(c.outer)!;
  }

  /** The number that each captured input of a block has. */
  positions(block: SubTrace): number[] {
    return block.captured.map((c) => this.of(c));
  }
}

/** An operator as it was appended. */
export interface Appended {
  readonly op: Operator;
  /** Its results, without what it changes in place. */
  readonly outs: Value[];
  /** Adds an output that gradients need, and gives its number. */
  readonly addOutput: (name: string, type: OutputType) => { readonly at: number; readonly desc: VarDesc };
}

/**
 * Appends an operator that runs a region: `leading` operands, then what its blocks captured. What blocks change in place comes as outputs
 * after the results.
 */
export function appendRegion(
  parent: BlockTrace,
  name: string,
  region: Region,
  leading: readonly Value[],
  captures: Captures,
  types: readonly OutputType[],
  effects: boolean,
): Appended {
  const states = captures.updated.map((i) => captures.handles[i]!);
  const all = [...types, ...states.map(({ shape, dtype }) => ({ shape, dtype }))];
  const outputs = all.map((_, i) => (i < types.length ? `out${i}` : `state${i - types.length}`));
  const dtypes = all.map((t) => t.dtype);
  const shapes: Shape[] = all.map((t) => t.shape);
  const inputs = [...leading.map((_, i) => `in${i}`), ...captures.handles.map((_, i) => `x${i}`)];
  const record = defineOp({
    name,
    inputs: inputs as readonly string[],
    outputs: outputs as readonly string[],
    attrs: { region: fixed<Region>(), shapes: fixed<readonly Shape[]>() },
    infer: (_, attrs) => ({
      outs: Object.fromEntries(
        outputs.map((out, i): [string, OutputType] => [out, { shape: attrs.shapes[i]!, dtype: dtypes[i]! }]),
      ),
    }),
    host: () => {
      throw new BugError(`${name} runs as a region`);
    },
    inplace: Object.fromEntries(captures.updated.map((c, i) => [`state${i}`, `x${c}`])),
    random: effects,
    grad: null,
    check: { samples: [], noGradCheck: "made for one call" },
  });
  const outs = parent.process(record, [...leading, ...captures.handles], { region, shapes });
  const op = parent.block.ops.at(-1)!;
  const addOutput: Appended["addOutput"] = (label, type) => {
    const desc = new VarDesc(label, type.shape, type.dtype);
    if (parent instanceof Blocks) setHome(desc, parent);
    desc.producer = op;
    outputs.push(`kept${outputs.length}`);
    dtypes.push(type.dtype);
    shapes.push(type.shape);
    (op.outputs as VarDesc[]).push(desc);
    return { at: outputs.length - 1, desc };
  };
  return { op, outs: outs.slice(0, types.length), addOutput };
}
