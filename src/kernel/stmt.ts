// Statements and kernels: loops, branches, variables and stores around the expressions.

import type { Arg, Buf, Expr, Var } from "./expr.js";

/** How a loop runs. `lanes` iterations are independent, so the vectorise pass may run several at once; none is left after it. */
export type LoopKind = "serial" | "unroll" | "lanes";

/** How an accumulator combines: `v = v op value`; `min`/`max` let NaN win. */
export type Combine = "add" | "mul" | "min" | "max";

/** A statement. Expressions in it are evaluated where it stands, in order. */
export type Stmt =
  | {
      readonly s: "for";
      readonly v: Var;
      readonly from: Expr;
      readonly to: Expr;
      readonly step: number;
      /** `lanes` loops only: vectors of this many times (a power of 2) the usual width pay, because inner loops reuse them. */
      readonly wide?: number | undefined;
      readonly kind: LoopKind;
      readonly body: readonly Stmt[];
    }
  | { readonly s: "if"; readonly cond: Expr; readonly then: readonly Stmt[]; readonly else: readonly Stmt[] }
  /** `cond` is evaluated before each round. */
  | { readonly s: "while"; readonly cond: Expr; readonly body: readonly Stmt[] }
  /** Declares a variable; `mutable` ones may be `set` later. Its scope is the rest of the block. */
  | { readonly s: "let"; readonly v: Var; readonly value: Expr; readonly mutable: boolean }
  | { readonly s: "set"; readonly v: Var; readonly value: Expr }
  /** `v = combine(v, value)` in a `lanes` loop: the order of the combination is the schedule's to choose, once for all targets. */
  | { readonly s: "accumulate"; readonly v: Var; readonly combine: Combine; readonly value: Expr }
  /** Writes one element, or as many consecutive ones as `value` has lanes; a vector index scatters. `stream`: not read again soon. */
  | { readonly s: "store"; readonly buf: Buf; readonly index: Expr; readonly value: Expr; readonly stream: boolean };

/**
 * One launch: `body` runs for `block` = 0 … blocks-1, in any order and on any thread; blocks write disjoint memory.
 * A renderer makes it `fn(args, begin, end, thread)`: `args` is the address of a table of 8-byte slots that hold
 * buffers' addresses (u32, low half) and scalars (at the slot's start, in their own type). Scratch buffers stand one after the
 * other, each aligned to 64 bytes, from `address in slot scratchSlot + thread * scratchBytes(kernel)`.
 */
export interface Kernel {
  readonly name: string;
  readonly buffers: readonly Buf[];
  readonly scalars: readonly Arg[];
  readonly scratch: readonly Buf[];
  /** Slot of the scratch address, or -1 when there is no scratch. */
  readonly scratchSlot: number;
  readonly block: Var;
  /** Number of blocks, an i32 expression of scalar arguments only. */
  readonly blocks: Expr;
  readonly body: readonly Stmt[];
}

/** Bytes of scratch memory that each thread needs for a kernel. */
export function scratchBytes(kernel: Kernel, bytesOf: (mem: Buf["mem"]) => number): number {
  let bytes = 0;
  for (const buf of kernel.scratch) bytes += Math.ceil((buf.scratchLength * bytesOf(buf.mem)) / 64) * 64;
  return bytes;
}

/** The blocks nested in a statement. */
export function bodies(stmt: Stmt): readonly (readonly Stmt[])[] {
  if (stmt.s === "for" || stmt.s === "while") return [stmt.body];
  return stmt.s === "if" ? [stmt.then, stmt.else] : [];
}

/** The expressions a statement evaluates itself (not those of nested blocks). */
export function expressions(stmt: Stmt): readonly Expr[] {
  switch (stmt.s) {
    case "for":
      return [stmt.from, stmt.to];
    case "if":
    case "while":
      return [stmt.cond];
    case "store":
      return [stmt.index, stmt.value];
    default:
      return [stmt.value];
  }
}

/** A copy of a statement with its own expressions and nested blocks replaced. */
export function mapStmt(stmt: Stmt, expr: (e: Expr) => Expr, block: (b: readonly Stmt[]) => readonly Stmt[]): Stmt {
  switch (stmt.s) {
    case "for":
      return { ...stmt, from: expr(stmt.from), to: expr(stmt.to), body: block(stmt.body) };
    case "if":
      return { ...stmt, cond: expr(stmt.cond), then: block(stmt.then), else: block(stmt.else) };
    case "while":
      return { ...stmt, cond: expr(stmt.cond), body: block(stmt.body) };
    case "store":
      return { ...stmt, index: expr(stmt.index), value: expr(stmt.value) };
    default:
      return { ...stmt, value: expr(stmt.value) };
  }
}
