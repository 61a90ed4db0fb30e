// The op that reads a size in the middle of a Program, the stand-ins for such sizes, and counts that are read already.

import { readNumber, readStandIn } from "../core/extents.js";
import { InvalidArgumentError } from "../core/errors.js";
import { keyOf } from "../core/key.js";
import type { NdArray } from "../core/nd-array.js";
import { sizeOf } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import { fixed } from "../program/op.js";
import type { Block, Operand, Operator, VarDesc } from "../program/program.js";
import type { Attrs } from "./bind.js";

/**
 * Reads the one integer of `x`, by which sizes of what follows are known. `size` is what stands for it while the Program is built, `of`
 * the function that asked, `refusal` what is wrong when it is negative.
 */
export const sizeReadOp = defineOp({
  name: "read_size",
  inputs: ["x"],
  outputs: ["out"],
  attrs: { size: fixed(0), of: fixed(""), refusal: fixed("") },
  infer: ({ x }) => {
    if (sizeOf(x.shape) === 1) return { outs: { out: { shape: x.shape, dtype: x.dtype } } };
    throw new InvalidArgumentError("a size is one number.", { op: "read_size", x: x.shape });
  },
  host: ({ x }) => ({ out: x as NdArray }),
  grad: null,
  check: {
    samples: [
      {
        inputs: [{ shape: [1], data: [3], dtype: "int64" }],
        attrs: { of: "unique" },
        expect: () => ({ shape: [1], data: [3] }),
      },
    ],
  },
});

/** The operator that reads this very count in a block already. */
export function sameRead(block: Block, x: Operand, attrs: Attrs): Operator | undefined {
  // An operator that is bound again keeps its stand-in: others speak of it.
  if (attrs["size"]) return undefined;
  const numbers = new ValueNumbers();
  const wanted = numbers.of(x);
  return block.ops.find((op) => op.record === sizeReadOp && numbers.of(op.operands[0]) === wanted);
}

/** Attributes of a new read in a block, with a stand-in of its own. */
export function withStandIn(block: Block, attrs: Attrs): Attrs {
  if (attrs["size"]) return attrs;
  const taken = block.ops.map((op) => (op.record === sizeReadOp ? readNumber(op.attrs["size"] as number) : -1));
  return { size: readStandIn(Math.max(-1, ...taken) + 1), ...attrs };
}

/** How far back operators are compared: counts of masks, and the masks' own few. */
const depth = 24;

/** Numbers values so that equal computations of equal values have one number. */
class ValueNumbers {
  private readonly known = new Map<VarDesc, number>();
  private readonly texts = new Map<string, number>();
  private next = 0;

  of(o: Operand, left = depth): number | string {
    if (typeof o !== "object") return String(o);
    let n = this.known.get(o);
    if (n === undefined) {
      n = this.numberOf(o, left);
      this.known.set(o, n);
    }
    return n;
  }

  private numberOf(desc: VarDesc, left: number): number {
    const op = desc.producer;
    if (!op || left === 0 || !isPure(op)) return this.next++;
    const operands = op.operands.map((o) => this.of(o, left - 1));
    const text = `${op.record.id}.${op.outputs.indexOf(desc)}(${operands.join()})${keyOf(op.attrs)}`;
    let n = this.texts.get(text);
    if (n === undefined) {
      n = this.next++;
      this.texts.set(text, n);
    }
    return n;
  }
}

const isPure = ({ record }: Operator): boolean =>
  !record.random && record.body.form !== "host" && Object.keys(record.inplace).length === 0;
