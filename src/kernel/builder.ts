// Builder: writes a kernel statement by statement, then schedules it; what op records' `kernel` bodies are written with.

import { BugError } from "../core/errors.js";
import { Arg, Buf, type Expr, type KType, type MemType, Var, argument, constant, load, read } from "./expr.js";
import { place } from "./place.js";
import { simplify } from "./simplify.js";
import { type Combine, type Kernel, type LoopKind, type Stmt, mapStmt } from "./stmt.js";
import { Substitution } from "./substitute.js";
import { identityOf, vectorize } from "./vectorize.js";

/** A variable that `Builder.set` changes. Read it with `value`. */
export interface Mutable {
  readonly v: Var;
  readonly value: Expr;
}

/** What `Builder.for` takes beside bounds and body. */
export interface LoopOptions {
  readonly kind?: LoopKind;
  readonly step?: number;
  /** `lanes` only: how many times the usual vector width pays, a power of 2. */
  readonly wide?: number;
}

const asIndex = (x: Expr | number): Expr => (typeof x === "number" ? constant("i32", x) : x);

/**
 * Collects the statements of one or more launches that share an argument table. Arguments are declared first (`buffer`, `scalar`),
 * then each `parallel` makes one {@link Kernel}: its blocks may run on any thread and must write disjoint memory.
 */
export class Builder {
  private readonly kernels: Kernel[] = [];
  private readonly buffers: Buf[] = [];
  private readonly scalars: Arg[] = [];
  private scratch: Buf[] = [];
  private body: Stmt[] | undefined;
  private slots = 0;
  private scratchSlot = -1;

  constructor(readonly name: string) {}

  /** Declares a buffer argument; its slot is the next one. */
  buffer(name: string, mem: MemType): Buf {
    const buf = new Buf(name, mem, this.slots++);
    this.buffers.push(buf);
    return buf;
  }

  /** Declares a scalar argument; its slot is the next one. */
  scalar(name: string, type: KType): Expr {
    const arg = new Arg(name, type, this.slots++);
    this.scalars.push(arg);
    return argument(arg);
  }

  /** Number of slots of the argument table so far. */
  get slotCount(): number {
    return this.slots;
  }

  /** Memory of each thread, `length` elements, undefined at the start of a block. */
  local(name: string, mem: MemType, length: number): Buf {
    if (this.scratchSlot < 0) this.scratchSlot = this.slots++;
    const buf = new Buf(name, mem, -1, length);
    this.scratch.push(buf);
    return buf;
  }

  /** One launch of `blocks` blocks. */
  parallel(blocks: Expr | number, body: (block: Expr) => void): void {
    if (this.body) throw new BugError("parallel inside parallel");
    const block = new Var("block", "i32");
    const stmts = this.collect(() => body(read(block)));
    this.kernels.push({
      name: this.kernels.length === 0 ? this.name : `${this.name}_${this.kernels.length}`,
      buffers: this.buffers,
      scalars: this.scalars,
      scratch: this.scratch,
      scratchSlot: this.scratchSlot,
      block,
      blocks: asIndex(blocks),
      body: stmts,
    });
    this.scratch = [];
  }

  /** A loop of `i` from `from` to `to`-1. */
  for(from: Expr | number, to: Expr | number, body: (i: Expr) => void, options: LoopOptions = {}): void {
    const v = new Var("i", "i32");
    const stmts = this.collect(() => body(read(v)));
    const { kind = "serial", step = 1, wide } = options;
    this.emit({ s: "for", v, from: asIndex(from), to: asIndex(to), step, kind, wide, body: stmts });
  }

  /** A loop whose iterations are independent: it runs in vectors, `wide` times the usual width where that pays. */
  lanes(from: Expr | number, to: Expr | number, body: (i: Expr) => void, wide = 1): void {
    this.for(from, to, body, { kind: "lanes", wide });
  }

  /** A branch. */
  if(cond: Expr, then: () => void, otherwise?: () => void): void {
    const thenBody = this.collect(then);
    this.emit({ s: "if", cond, then: thenBody, else: otherwise ? this.collect(otherwise) : [] });
  }

  /** Runs `body` while `cond` holds; `cond` reads {@link Mutable}s. */
  while(cond: Expr, body: () => void): void {
    this.emit({ s: "while", cond, body: this.collect(body) });
  }

  /** Evaluates `value` here, once. */
  let(value: Expr, name = "x"): Expr {
    if (value.args.length === 0 && value.op !== "var") return value;
    const v = new Var(name, value.type, value.lanes);
    this.emit({ s: "let", v, value, mutable: false });
    return read(v);
  }

  /** A variable that changes. */
  variable(initial: Expr, name = "v"): Mutable {
    const v = new Var(name, initial.type, initial.lanes);
    this.emit({ s: "let", v, value: initial, mutable: true });
    return { v, value: read(v) };
  }

  /** Changes a variable. */
  set(target: Mutable, value: Expr): void {
    this.emit({ s: "set", v: target.v, value });
  }

  /** `target = combine(target, value)` in a `lanes` loop. */
  accumulate(target: Mutable, combine: Combine, value: Expr): void {
    this.emit({ s: "accumulate", v: target.v, combine, value });
  }

  /** Combines `value(i)` over `from` … `to`-1, in vectors where it can; `from = to` gives the neutral element. */
  reduce(combine: Combine, type: KType, from: Expr | number, to: Expr | number, value: (i: Expr) => Expr): Expr {
    const acc = this.variable(identityOf(combine, type), "acc");
    this.lanes(from, to, (i) => this.accumulate(acc, combine, value(i)));
    return this.let(acc.value);
  }

  /** One element of a buffer, or `lanes` consecutive ones. */
  load(buf: Buf, index: Expr | number, lanes = 1): Expr {
    return load(buf, asIndex(index), lanes);
  }

  /** Writes one element, or as many as `value` has lanes. `stream`: bypass the caches. */
  store(buf: Buf, index: Expr | number, value: Expr, stream = false): void {
    this.emit({ s: "store", buf, index: asIndex(index), value, stream });
  }

  /** The scheduled kernels. */
  finish(): Kernel[] {
    return this.kernels.map(schedule);
  }

  private collect(fill: () => void): Stmt[] {
    const outer = this.body;
    const stmts: Stmt[] = [];
    this.body = stmts;
    try {
      fill();
    } finally {
      this.body = outer;
    }
    return stmts;
  }

  private emit(stmt: Stmt): void {
    if (!this.body) throw new BugError("a statement outside parallel");
    this.body.push(stmt);
  }
}

/** All passes, in order: unroll, simplify, vectorise, place. */
export function schedule(kernel: Kernel): Kernel {
  const body = simplify({ ...kernel, body: unroll(kernel.body) });
  return { ...kernel, body: place(vectorize(body), kernel.block) };
}

/** Pass: copies the body of each `unroll` loop with constant bounds once per iteration. */
export function unroll(block: readonly Stmt[]): readonly Stmt[] {
  return block.flatMap((stmt): readonly Stmt[] => {
    const inner = mapStmt(stmt, (e) => e, unroll);
    if (inner.s !== "for" || inner.kind !== "unroll") return [inner];
    if (inner.from.op !== "const" || inner.to.op !== "const") return [{ ...inner, kind: "serial" }];
    const out: Stmt[] = [];
    for (let i = inner.from.value as number; i < (inner.to.value as number); i += inner.step) {
      out.push(...new Substitution(inner.v, constant("i32", i)).block(inner.body));
    }
    return out;
  });
}
