// Instructions as trees: operands before their instruction, bodies inside their block; how hand-written functions are spelled.

import type { Code } from "./assembler.js";
import type { Op } from "./opcodes.js";

/** Writes one or more instructions. */
export type Node = (code: Code) => void;

/** Jumps to a block's end or a loop's start. */
export interface Jump {
  readonly always: Node;
  readonly when: (condition: Node) => Node;
}

/** Nodes one after the other. */
export const seq =
  (...nodes: readonly Node[]): Node =>
  (code) => {
    for (const node of nodes) node(code);
  };

export const get =
  (local: number): Node =>
  (code) =>
    code.get(local);

export const set = (local: number, value: Node): Node => seq(value, (code) => code.set(local));

export const i32 =
  (x: number): Node =>
  (code) =>
    code.i32(x);

export const i64 =
  (x: bigint): Node =>
  (code) =>
    code.i64(x);

/** An instruction without immediates on its operands. */
export const op = (name: Op, ...operands: readonly Node[]): Node => seq(...operands, (code) => code.op(name));

/** A memory access: the address, at a static offset, then what else it takes. */
export const mem = (name: Op, offset: number, ...operands: readonly Node[]): Node =>
  seq(...operands, (code) => code.mem(name, offset));

export const call = (func: number, ...operands: readonly Node[]): Node => seq(...operands, (code) => code.call(func));

/** Calls entry `index` of the table with a function type. */
export const callIndirect = (type: number, index: Node, ...operands: readonly Node[]): Node =>
  seq(...operands, index, (code) => code.callIndirect(type));

/** Runs `then` where the condition is not 0. */
export const when = (condition: Node, ...then: readonly Node[]): Node =>
  seq(
    condition,
    (code) => void code.if(),
    ...then,
    (code) => code.end(),
  );

/** A block; its body is given the jump to its end. */
export const block =
  (body: (leave: Jump) => readonly Node[]): Node =>
  (code) =>
    enclose(code, code.block(), body);

/** A loop; its body is given the jump to its start, and ends the loop where it does not take it. */
export const loop =
  (body: (again: Jump) => readonly Node[]): Node =>
  (code) =>
    enclose(code, code.loop(), body);

function enclose(code: Code, label: number, body: (jump: Jump) => readonly Node[]): void {
  const when = (condition: Node): Node => seq(condition, (c) => c.brIf(label));
  seq(...body({ always: (c) => c.br(label), when }))(code);
  code.end();
}
