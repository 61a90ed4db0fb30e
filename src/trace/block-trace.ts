// BlockTrace: the interpreter that writes ops into a block of a Program instead of running them.

import { OarError, PreconditionNotMetError } from "../core/errors.js";
import { doubled, mapNumbers, mayBeDerived, noteDerived, publicExtent } from "../core/extents.js";
import type { OpRecord } from "../program/op.js";
import { type Block, type Operand, VarDesc } from "../program/program.js";
import type { Value } from "../program/value.js";
import { type Attrs, inferCall, inplaceOperand, type Interpreter } from "./bind.js";
import { symbolHandle } from "./handles.js";
import { homeOf } from "./region.js";
import { sameRead, sizeReadOp, withStandIn } from "./size-read.js";

/** Appends each op to a block. Eager operands become captured variables, one for each storage. */
export class BlockTrace implements Interpreter {
  /** Captured eager tensors by their variables, in order of first use. */
  readonly captures = new Map<Value, VarDesc>();
  private counter = 0;

  constructor(
    readonly block: Block,
    private readonly nameOf: (record: OpRecord, output: string, n: number) => string = (r, o, n) =>
      `${r.name}_${n}.${o}`,
  ) {}

  process(record: OpRecord, operands: readonly (Value | number | undefined)[], given: Attrs): Value[] {
    const { outs } = inferCall(record, operands, given);
    noteExtents(record, operands, given, outs);
    const n = this.counter++;
    const inputs = operands.map((o) => this.operand(o));
    const readsSize = record === sizeReadOp;
    const known = readsSize ? sameRead(this.block, inputs[0], given) : undefined;
    if (known) return known.outputs.map(symbolHandle);
    const attrs = readsSize ? withStandIn(this.block, given) : given;
    const outputs = record.outputs.map((name) => {
      const { shape, dtype } = outs[name]!;
      return this.block.addVar(new VarDesc(this.nameOf(record, name, n), shape, dtype));
    });
    const op = { record, operands: inputs, attrs, outputs };
    for (const v of outputs) v.producer = op;
    this.block.ops.push(op);
    record.outputs.forEach((name, i) => this.follow(operands, inplaceOperand(record, name), outputs[i]!));
    return outputs.map(symbolHandle);
  }

  /** After an in-place op its operand means the new variable. */
  protected follow(operands: readonly (Value | number | undefined)[], at: number | undefined, desc: VarDesc): void {
    const changed = at === undefined ? undefined : operands[at];
    if (typeof changed !== "object") return;
    if (changed.symbol) changed.symbol = desc;
    else this.captures.set(changed, desc);
  }

  /** What an operand is in the block. Throws PreconditionNotMet for a variable of a block inside an operator. */
  operand(o: Value | number | undefined): Operand {
    if (typeof o !== "object") return o;
    if (!o.symbol) return this.capture(o);
    const desc = o.symbol as VarDesc;
    if (homeOf(desc) !== undefined && homeOf(desc) !== this) throw leaked(desc);
    return desc;
  }

  /** The variable that stands for an eager tensor. */
  capture(value: Value): VarDesc {
    let desc = this.captures.get(value);
    if (!desc) {
      desc = this.block.addVar(new VarDesc(`captured_${this.captures.size}`, value.shape, value.dtype, true));
      desc.captured = value;
      this.captures.set(value, desc);
    }
    return desc;
  }
}

/**
 * Notes extents that depend on unknown ones otherwise than as multiples. Which ones do is seen by inferring once more with unknown extents
 * twice as large.
 */
function noteExtents(
  record: OpRecord,
  operands: readonly (Value | number | undefined)[],
  attrs: Attrs,
  outs: Outputs,
): void {
  if (!record.outputs.some((name) => outs[name]!.shape.some(mayBeDerived))) return;
  const known = new Set(operands.flatMap((o) => (typeof o === "object" ? o.shape : [])));
  const open = (n: number): boolean => mayBeDerived(n) && !known.has(n);
  if (!record.outputs.some((name) => outs[name]!.shape.some(open))) return;
  if (![...known].some((n) => publicExtent(n) !== n)) return;
  const larger = inferLarger(record, operands, attrs);
  if (!larger) return;
  for (const name of record.outputs)
    outs[name]!.shape.forEach((n, i) => {
      if (open(n) && n !== larger[name]!.shape[i]) noteDerived(n);
    });
}

type Outputs = ReturnType<typeof inferCall>["outs"];

/** The outputs for unknown extents twice as large; undefined where they do not fit the op then. */
function inferLarger(
  record: OpRecord,
  operands: readonly (Value | number | undefined)[],
  attrs: Attrs,
): Outputs | undefined {
  const grown = operands.map((o) => {
    if (typeof o !== "object") return o === undefined ? o : doubled(o);
    return { shape: o.shape.map(doubled), dtype: o.dtype };
  });
  try {
    return inferCall(record, grown, mapNumbers(attrs, doubled)).outs;
  } catch (error) {
    if (error instanceof OarError) return undefined;
    throw error;
  }
}

/** The error about a variable that is used outside the branch or loop that made it. */
export const leaked = (desc: VarDesc): PreconditionNotMetError =>
  new PreconditionNotMetError(`"${desc.name}" was made inside a branch or a loop and is used outside of it.`, {
    name: desc.name,
    hint: "return it from the branch, or make it a loop variable.",
  });
