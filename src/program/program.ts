// Program: blocks of variables and operators, what static mode builds and every compiled function is made of.

import type { DType } from "../core/dtype.js";
import { formatShape, type Shape } from "../core/shape.js";
import type { OpRecord } from "./op.js";
import type { Value } from "./value.js";

/** A variable of a Program. Extents of -1 are known only when it runs. */
export class VarDesc {
  /** The operator that gives it, if any. */
  producer: Operator | undefined = undefined;
  /** The eager tensor it stands for, when a trace captured one. */
  captured: Value | undefined = undefined;

  constructor(
    /** Static helpers rename what they make, as Paddle names it. */
    public name: string,
    readonly shape: Shape,
    readonly dtype: DType,
    /** Lives on between runs: parameters, optimizer state. */
    readonly persistable = false,
    /** Given by the caller of each run. */
    readonly isInput = false,
  ) {}
}

/** An operand of an operator. */
export type Operand = VarDesc | number | undefined;

/** One op of a Program. Lists are flattened at the end of `operands`. */
export interface Operator {
  readonly record: OpRecord;
  readonly operands: readonly Operand[];
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly outputs: readonly VarDesc[];
}

/** A straight list of operators and the variables they use. */
export class Block {
  readonly vars = new Map<string, VarDesc>();
  readonly ops: Operator[] = [];

  /** Adds a variable; its name must be new in the block. */
  addVar(v: VarDesc): VarDesc {
    this.vars.set(v.name, v);
    return v;
  }
}

/** A program: one global block for now; control flow adds more. */
export class Program {
  readonly blocks: Block[] = [new Block()];
  private counter = 0;

  get globalBlock(): Block {
    return this.blocks[0]!;
  }

  /** A name no variable has yet: `prefix_0`, `prefix_1`, … */
  freshName(prefix: string): string {
    return `${prefix}_${this.counter++}`;
  }

  /** Readable text, one operator a line. */
  toString(): string {
    return this.globalBlock.ops.map((op) => formatOperator(op)).join("\n");
  }
}

/** `out: float32[2, 3] = add(x, y) {axis: 0}` */
export function formatOperator(op: Operator): string {
  const outs = op.outputs.map((v) => `${v.name}: ${v.dtype}${formatShape(v.shape)}`).join(", ");
  const operands = op.operands.map((o) => (typeof o === "object" ? o.name : String(o))).join(", ");
  const attrs = Object.entries(op.attrs).map(([n, v]) => `${n}: ${JSON.stringify(v)}`);
  return `${outs} = ${op.record.name}(${operands})${attrs.length > 0 ? ` {${attrs.join(", ")}}` : ""}`;
}
