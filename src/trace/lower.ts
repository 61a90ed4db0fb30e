// Lowering: operators of a Program become nodes of the fusion graph; compositions are opened up.

import { BugError } from "../core/errors.js";
import type { Shape } from "../core/shape.js";
import type { Graph } from "../fuse/fuse.js";
import type { GraphNode, GraphOperand, GraphValue, TensorType } from "../fuse/body.js";
import { Block, type Operand, type Operator, VarDesc } from "../program/program.js";
import type { OpRecord } from "../program/op.js";
import { type Attrs, capturing, inferCall, inplaceOperand, namedOperands, operandName } from "./bind.js";
import { BlockTrace } from "./block-trace.js";
import { symbolHandle } from "./handles.js";
import { sizedAttrs } from "./region.js";

/** Which operands are ghosts. */
function ghostPositions(record: OpRecord, count: number): ReadonlySet<number> {
  const out = new Set<number>();
  for (let i = 0; i < count; i++) if (record.ghosts.includes(operandName(record.inputs, i).name)) out.add(i);
  return out;
}

/** Fits the numbers of a block that was written for other extents. */
export interface Resize {
  number(n: number): number;
  attrs(attrs: Attrs): Attrs;
  /** Told the shape that a variable has, beside the one it was written with. */
  learn?(written: Shape, actual: Shape): void;
  /** What is thrown in place of an error that inferring an operator threw. */
  failed?(op: Operator, error: unknown): unknown;
}

const asWritten: Resize = { number: (n) => n, attrs: (attrs) => attrs };

/** Collects the nodes of a graph. */
export class GraphBuilder {
  readonly nodes: GraphNode[] = [];
  readonly values: GraphValue[] = [];

  /** A value that no node gives: an input. */
  input(type: TensorType): GraphValue {
    const value: GraphValue = { id: this.values.length, shape: type.shape, dtype: type.dtype };
    this.values.push(value);
    return value;
  }

  /** Adds an op; compositions are replaced by what they are made of. */
  add(record: OpRecord, operands: readonly GraphOperand[], attrs: Attrs): GraphValue[] {
    if (record.body.form === "compose") return this.open(record, operands, attrs);
    const { outs, compute } = inferCall(record, operands, attrs);
    const outputs = record.outputs.map((name) => this.input(outs[name]!));
    this.nodes.push({
      name: record.name,
      body: record.body,
      names: record.inputs,
      operands,
      outputNames: record.outputs,
      outputs,
      attrs,
      scalarAttrs: record.scalarAttrs,
      inplace: record.outputs.map((name) => inplaceOperand(record, name)),
      ghosts: ghostPositions(record, operands.length),
      effect: record.random,
      compute,
    });
    return outputs;
  }

  /** Adds the operators of a block; `known` maps its variables to values and is extended; `resize` may change numbers in them. */
  addAll(ops: readonly Operator[], known: Map<VarDesc, GraphValue>, resize: Resize = asWritten): void {
    for (const op of ops) {
      const operands = op.operands.map((o: Operand): GraphOperand => {
        if (typeof o !== "object") return typeof o === "number" ? resize.number(o) : o;
        const value = known.get(o);
        if (!value) throw new BugError(`variable ${o.name} is used before it is made`);
        return value;
      });
      this.made(op, operands, resize).forEach((value, i) => {
        const desc = op.outputs[i]!;
        known.set(desc, value);
        resize.learn?.(desc.shape, value.shape);
      });
    }
  }

  private made(op: Operator, operands: readonly GraphOperand[], resize: Resize): GraphValue[] {
    try {
      return this.add(op.record, operands, sizedAttrs(op, operands, resize));
    } catch (error) {
      throw resize.failed?.(op, error) ?? error;
    }
  }

  private open(record: OpRecord, operands: readonly GraphOperand[], attrs: Attrs): GraphValue[] {
    if (record.body.form !== "compose") throw new BugError(`${record.name} is not a composition`);
    const { compose } = record.body;
    const block = new Block();
    const known = new Map<VarDesc, GraphValue>();
    const handles = operands.map((o, i) => {
      if (typeof o !== "object") return o;
      const desc = new VarDesc(`operand_${i}`, o.shape, o.dtype, false, true);
      known.set(desc, o);
      return symbolHandle(desc);
    });
    const outs = capturing(new BlockTrace(block), () => compose(namedOperands(record.inputs, handles), attrs));
    this.addAll(block.ops, known);
    return record.outputs.map((name) => {
      const desc = outs[name]?.symbol as VarDesc | undefined;
      const value = desc && known.get(desc);
      if (!value) throw new BugError(`compose of ${record.name} gives no ${name}`);
      return operands.includes(value) ? this.copy(value) : value;
    });
  }

  /** A copy of a value, for results that are operands unchanged. */
  private copy(x: GraphValue): GraphValue {
    const out = this.input(x);
    this.nodes.push({
      name: "assign",
      body: {
        form: "lower",
        lower: (_, o) => ({ out: o["x"] as never }),
        complex: (_, o) => ({ out: o["x"] as never }),
      },
      names: ["x"],
      operands: [x],
      outputNames: ["out"],
      outputs: [out],
      attrs: {},
      scalarAttrs: new Set(),
      inplace: [undefined],
      ghosts: new Set(),
      effect: false,
      compute: undefined,
    });
    return out;
  }

  /** The finished graph with the values that must exist afterwards. */
  graph(outputs: readonly GraphValue[]): Graph {
    return { nodes: this.nodes, outputs: new Set(outputs) };
  }
}
