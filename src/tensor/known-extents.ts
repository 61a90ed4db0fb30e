// Integers of a Program that only rearrange extents of variables: known, up to stand-ins, while the Program is built.

import type { VarDesc } from "../program/program.js";
import type { Value } from "../program/value.js";
import { shapeOp } from "../ops/extents.js";
import { bind, eagerly } from "../trace/bind.js";
import { fromArray, toArray } from "../trace/eager.js";
import { ndArray } from "../core/nd-array.js";

/** Ops through which an extent stays one extent, or a product of some. */
const through: ReadonlySet<string> = new Set([
  "cast",
  "strided_slice",
  "slice",
  "squeeze",
  "unsqueeze",
  "reshape",
  "concat",
  "gather",
  "multiply",
]);

/** How many ops back. */
const depth = 16;

/**
 * The elements of a variable that was computed from shapes alone, as in `reshape(y, [shape(x).at(0), -1])`: the numbers that the shapes
 * have while the Program is built, so that nothing has to be read when it runs. Undefined for every other value.
 */
export function knownExtents(x: Value): number[] | undefined {
  const found = x.symbol && eagerly(() => foldedOf(x.symbol as VarDesc, depth));
  return found && Array.from(toArray(found).data as ArrayLike<number | bigint>, Number);
}

function foldedOf(desc: VarDesc, left: number): Value | undefined {
  if (desc.captured) return desc.captured;
  const op = desc.producer;
  if (!op || left === 0) return undefined;
  if (op.record === shapeOp) {
    const { shape } = op.operands[0] as VarDesc;
    return fromArray(ndArray("int64", [shape.length], BigInt64Array.from(shape, BigInt)));
  }
  if (!through.has(op.record.name)) return undefined;
  const operands = op.operands.map((o) => (typeof o === "object" ? foldedOf(o, left - 1) : o));
  if (operands.some((o, i) => o === undefined && op.operands[i] !== undefined)) return undefined;
  return bind(op.record, operands, op.attrs)[op.outputs.indexOf(desc)];
}
