// The state of one function while it is emitted: its code, and which local holds each variable, argument and address.

import { BugError, assert } from "../../core/errors.js";
import { type Arg, type Buf, type Expr, type Var, memBytes } from "../../kernel/expr.js";
import { Code, type ValType } from "./assembler.js";
import { lanesPerPiece, valType } from "./ops.js";

/** What the engine can do beyond fixed-width SIMD. */
export interface WasmFeatures {
  /** The memory is shared between threads. */
  readonly shared: boolean;
  /** Relaxed SIMD: `fma` rounds once where the processor can. */
  readonly relaxed: boolean;
}

/** Pushes 128-bit piece `piece` of a vector. Called once for each piece, in ascending order. */
export type Pieces = (piece: number) => void;

/** Number of 128-bit pieces of a vector value. */
export function pieceCount(x: { readonly type: Expr["type"]; readonly lanes: number }): number {
  const count = x.lanes / lanesPerPiece(x.type);
  assert(Number.isInteger(count), `${x.lanes} lanes of ${x.type} are not whole 128-bit vectors`);
  return count;
}

/** A function being emitted. The emitters of scalars and vectors call each other through it. */
export class Frame {
  /** Parameters: argument table, first block, block after the last, thread. */
  readonly code = new Code(["i32", "i32", "i32", "i32"]);
  /** Variables known to be at least 0. */
  readonly nonNegative = new Set<Var>();
  private readonly vars = new Map<Var, readonly number[]>();
  private readonly args = new Map<Arg, number>();
  private readonly bases = new Map<Buf, number>();
  private readonly spare: Record<ValType, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] };
  private readonly temps: [ValType, number][] = [];

  constructor(
    readonly features: WasmFeatures,
    /** Pushes a scalar. */
    readonly scalar: (f: Frame, e: Expr) => void,
    /** Emits what a vector's pieces share, and returns how to push them. */
    readonly vector: (f: Frame, e: Expr) => Pieces,
  ) {}

  /** A local to hold until `give`. */
  take(type: ValType): number {
    return this.spare[type].pop() ?? this.code.local(type);
  }

  give(type: ValType, local: number): void {
    this.spare[type].push(local);
  }

  /** A local that lives to the end of the statement. */
  temp(type: ValType): number {
    const local = this.take(type);
    this.temps.push([type, local]);
    return local;
  }

  /** Ends a statement: its temporaries may be used again. */
  release(): void {
    for (const [type, local] of this.temps) this.give(type, local);
    this.temps.length = 0;
  }

  /** Gives a variable its locals, one for each piece of a vector. */
  declare(v: Var): readonly number[] {
    const type = v.lanes === 1 ? valType(v.type) : "v128";
    const locals = Array.from({ length: v.lanes === 1 ? 1 : pieceCount(v) }, () => this.take(type));
    this.vars.set(v, locals);
    return locals;
  }

  /** Binds a variable to an existing local. */
  bind(v: Var, local: number): void {
    this.vars.set(v, [local]);
  }

  /** Ends a variable's scope. */
  forget(v: Var): void {
    for (const local of this.locals(v)) this.give(v.lanes === 1 ? valType(v.type) : "v128", local);
    this.vars.delete(v);
  }

  /** The locals of a variable. */
  locals(v: Var): readonly number[] {
    const locals = this.vars.get(v);
    if (!locals) throw new BugError(`variable ${v.name} is read outside its scope`);
    return locals;
  }

  /** The local with a scalar argument. */
  argument(a: Arg): number {
    const local = this.args.get(a);
    if (local === undefined) throw new BugError(`argument ${a.name} was not loaded`);
    return local;
  }

  /** The local with a buffer's address. */
  base(buf: Buf): number {
    const local = this.bases.get(buf);
    if (local === undefined) throw new BugError(`buffer ${buf.name} was not loaded`);
    return local;
  }

  /** Loads a scalar argument from the argument table. */
  loadArgument(a: Arg): void {
    const type = valType(a.type);
    const local = this.code.local(type);
    this.code.get(0);
    this.code.mem(`${type}.load`, a.slot * 8);
    this.code.set(local);
    this.args.set(a, local);
  }

  /** Loads a buffer's address from the argument table. */
  loadBase(buf: Buf): void {
    const local = this.code.local("i32");
    this.code.get(0);
    this.code.mem("i32.load", buf.slot * 8);
    this.code.set(local);
    this.bases.set(buf, local);
  }

  /** Computes the addresses of this thread's scratch buffers, `bytesPerThread` in all. */
  loadScratch(slot: number, scratch: readonly Buf[], bytesPerThread: number): void {
    let offset = 0;
    for (const buf of scratch) {
      const local = this.code.local("i32");
      this.code.get(0);
      this.code.mem("i32.load", slot * 8);
      this.code.get(3);
      this.code.i32(bytesPerThread);
      this.code.op("i32.mul");
      this.code.op("i32.add");
      this.code.i32(offset);
      this.code.op("i32.add");
      this.code.set(local);
      this.bases.set(buf, local);
      offset += Math.ceil((buf.scratchLength * memBytes[buf.mem]) / 64) * 64;
    }
  }
}
