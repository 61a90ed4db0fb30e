// LoopVectorizer: one `lanes` loop's statements for several iterations at once, in vectors of a given width.

import { type Expr, Var, binary, constant, lane, laneBytes, load, ramp, read, splat } from "./expr.js";
import { combineExprs, identityOf } from "./combine.js";
import { Substitution, rebuild } from "./substitute.js";
import { type Combine, type Stmt, bodies, expressions, mapStmt } from "./stmt.js";

/** Bytes of a full vector: 16 lanes of 32 bits. A target with narrower registers uses several. */
export const vectorBytes = 64;

/** A loop statement. */
export type Loop = Extract<Stmt, { s: "for" }>;

/** A copy of a loop that declares variables of its own. */
export function renamed(loop: Loop): Loop {
  const v = new Var(loop.v.name, loop.v.type);
  return { ...loop, v, body: new Substitution(loop.v, read(v)).block(loop.body) };
}

/** Rewrites the statements of a loop for the iterations of one vector. */
export class LoopVectorizer {
  private readonly vectorVars = new Set<Var>();
  private readonly local = new Set<Var>();
  private readonly definitions = new Map<Var, Expr>();
  private readonly replaced = new Map<Var, Var>();
  private readonly memo = new Map<Expr, Expr>();
  private readonly scalarMemo = new Map<Expr, Expr>();
  private readonly legalMemo = new Set<Expr>();
  private readonly uniformMemo = new Map<Expr, boolean>();
  private readonly accumulators = new Map<Var, { vector: Var; combine: Combine }>();
  private readonly index: Var;
  private readonly start: Expr;
  /** Lanes of its vectors: by default as many of the widest type in it as fill a full vector. */
  readonly width: number;
  /** Whether the loop may run in vectors. */
  readonly isLegal: boolean;

  constructor(
    private readonly loop: Loop,
    width?: number,
    /** The first of the iterations that run together, where that is not a loop's variable. */
    start?: Expr,
  ) {
    this.index = new Var(loop.v.name, "i32");
    this.start = start ?? read(this.index);
    this.findVectors(loop.body);
    this.width = width ?? (this.hasWide(loop.body) ? vectorBytes / 8 : vectorBytes / 4);
    this.isLegal = loop.step === 1 && this.legal(loop.body);
  }

  /** Whether it combines into variables from outside. */
  get accumulates(): boolean {
    const combines = (block: readonly Stmt[]): boolean =>
      block.some((s) => (s.s === "accumulate" && !this.local.has(s.v)) || bodies(s).some(combines));
    return combines(this.loop.body);
  }

  /** The vector loop, with a serial one after it for what is left over when `rest`; undefined when it cannot run in vectors. */
  run(rest: boolean): Stmt[] | undefined {
    const { loop } = this;
    const count = binary("sub", loop.to, loop.from);
    if (!this.isLegal || (count.op === "const" && (count.value as number) < this.width)) return undefined;
    const body = this.block(loop.body);
    const whole = binary("and", binary("max", count, constant("i32", 0)), constant("i32", -this.width));
    const end = new Var("main", "i32");
    const to = rest ? read(end) : loop.to;
    const out: Stmt[] = rest ? [{ s: "let", v: end, value: binary("add", loop.from, whole), mutable: false }] : [];
    for (const [v, acc] of this.accumulators) {
      out.push({ s: "let", v: acc.vector, value: splat(identityOf(acc.combine, v.type), this.width), mutable: true });
    }
    out.push({ s: "for", v: this.index, from: loop.from, to, step: this.width, kind: "serial", body });
    for (const [v, acc] of this.accumulators) {
      out.push({ s: "set", v, value: combineExprs(acc.combine, read(v), this.tree(acc)) });
    }
    if (rest) out.push({ ...renamed({ ...loop, from: read(end) }), kind: "serial" });
    return out;
  }

  /** The lanes of an accumulator combined pairwise, halves first: the same tree on every target. */
  private tree(acc: { vector: Var; combine: Combine }): Expr {
    let values = Array.from({ length: this.width }, (_, i) => lane(read(acc.vector), i));
    while (values.length > 1) {
      const half = values.length / 2;
      values = values.slice(0, half).map((x, i) => combineExprs(acc.combine, x, values[i + half]!));
    }
    return values[0]!;
  }

  /** Finds the variables that differ between iterations, to a fixed point. */
  private findVectors(block: readonly Stmt[]): void {
    this.vectorVars.add(this.loop.v);
    for (let before = -1; before !== this.vectorVars.size; ) {
      before = this.vectorVars.size;
      this.uniformMemo.clear();
      this.scan(block);
    }
  }

  private scan(block: readonly Stmt[]): void {
    for (const stmt of block) {
      if (stmt.s === "let") {
        this.local.add(stmt.v);
        if (!stmt.mutable) this.definitions.set(stmt.v, stmt.value);
      }
      if ((stmt.s === "let" || stmt.s === "set" || stmt.s === "accumulate") && !this.uniform(stmt.value)) {
        if (stmt.s !== "accumulate" || this.local.has(stmt.v)) this.vectorVars.add(stmt.v);
      }
      for (const b of bodies(stmt)) this.scan(b);
    }
  }

  private uniform(e: Expr): boolean {
    const known = this.uniformMemo.get(e);
    if (known !== undefined) return known;
    const result = e.op === "var" ? !this.vectorVars.has(e.value as Var) : e.args.every((a) => this.uniform(a));
    this.uniformMemo.set(e, result);
    return result;
  }

  private hasWide(block: readonly Stmt[]): boolean {
    const seen = new Set<Expr>();
    const wide = (e: Expr): boolean => {
      if (seen.has(e)) return false;
      seen.add(e);
      return laneBytes(e.type) === 8 || e.args.some(wide);
    };
    return block.some((s) => expressions(s).some(wide) || bodies(s).some((b) => this.hasWide(b)));
  }

  private legal(block: readonly Stmt[]): boolean {
    return block.every((stmt) => {
      switch (stmt.s) {
        case "for":
          return this.uniform(stmt.from) && this.uniform(stmt.to) && this.legal(stmt.body);
        case "while":
          return this.uniform(stmt.cond) && this.legal(stmt.body);
        case "if":
          return this.uniform(stmt.cond) && this.legal(stmt.then) && this.legal(stmt.else);
        case "set":
          return this.local.has(stmt.v) && this.legalExpr(stmt.value);
        case "store":
          return this.stride(stmt.index) !== 0 && this.legalExpr(stmt.index) && this.legalExpr(stmt.value);
        default:
          return this.legalExpr(stmt.value);
      }
    });
  }

  private legalExpr(e: Expr): boolean {
    if (this.uniform(e) || this.legalMemo.has(e)) return true;
    if ((e.op === "shl" || e.op === "shr" || e.op === "ushr") && !this.uniform(e.args[1]!)) return false;
    if (e.lanes !== 1 || !e.args.every((a) => this.legalExpr(a))) return false;
    this.legalMemo.add(e);
    return true;
  }

  /** How much an index grows from one iteration to the next; undefined when that is not one constant. */
  private stride(e: Expr): number | undefined {
    if (this.uniform(e)) return 0;
    if (e.op === "var") {
      if (e.value === this.loop.v) return 1;
      const definition = this.definitions.get(e.value as Var);
      return definition && this.stride(definition);
    }
    const [x, y] = e.args;
    if (e.op === "add" || e.op === "sub") {
      const a = this.stride(x!);
      const b = this.stride(y!);
      if (a === undefined || b === undefined) return undefined;
      return e.op === "add" ? a + b : a - b;
    }
    if (e.op === "mul") {
      const [factor, other] = x!.op === "const" ? [x!, y!] : [y!, x!];
      const s = this.stride(other);
      return factor.op === "const" && s !== undefined ? s * Number(factor.value) : undefined;
    }
    return undefined;
  }

  /** Statements for the iterations that run together. */
  block(block: readonly Stmt[]): Stmt[] {
    return block.map((stmt) => {
      switch (stmt.s) {
        case "let":
          return { ...stmt, v: this.variable(stmt.v), value: this.valueFor(stmt.v, stmt.value) };
        case "set":
          return { ...stmt, v: this.variable(stmt.v), value: this.valueFor(stmt.v, stmt.value) };
        case "accumulate":
          return this.accumulate(stmt.v, stmt.combine, stmt.value);
        case "store":
          return this.store(stmt);
        default:
          return mapStmt(
            stmt,
            (e) => this.scalar(e),
            (b) => this.block(b),
          );
      }
    });
  }

  /** Whether a statement does the same in all iterations. */
  isShared(stmt: Stmt): boolean {
    return (stmt.s === "let" || stmt.s === "set" || stmt.s === "accumulate") && !this.vectorVars.has(stmt.v);
  }

  private accumulate(v: Var, combine: Combine, value: Expr): Stmt {
    const vector = splat(this.vector(value), this.width);
    if (this.local.has(v)) {
      if (!this.vectorVars.has(v)) return { s: "set", v, value: combineExprs(combine, read(v), this.scalar(value)) };
      const to = this.variable(v);
      return { s: "set", v: to, value: combineExprs(combine, read(to), vector) };
    }
    let acc = this.accumulators.get(v);
    if (!acc) {
      acc = { vector: new Var(`${v.name}v`, v.type, this.width), combine };
      this.accumulators.set(v, acc);
    }
    return { s: "set", v: acc.vector, value: combineExprs(combine, read(acc.vector), vector) };
  }

  private store(stmt: Extract<Stmt, { s: "store" }>): Stmt {
    const value = splat(this.vector(stmt.value), this.width);
    const index = this.stride(stmt.index) === 1 ? this.scalar(stmt.index) : this.vector(stmt.index);
    return { ...stmt, index, value };
  }

  private variable(v: Var): Var {
    if (!this.vectorVars.has(v)) return v;
    let to = this.replaced.get(v);
    if (!to) {
      to = new Var(v.name, v.type, this.width);
      this.replaced.set(v, to);
    }
    return to;
  }

  private valueFor(v: Var, value: Expr): Expr {
    return this.vectorVars.has(v) ? splat(this.vector(value), this.width) : this.scalar(value);
  }

  /** The value of `e` in the first of the iterations that run together. */
  scalar(e: Expr): Expr {
    if (this.uniform(e)) return e;
    const known = this.scalarMemo.get(e);
    if (known) return known;
    let out: Expr;
    if (e.op !== "var")
      out = rebuild(
        e,
        e.args.map((a) => this.scalar(a)),
        1,
      );
    else if (e.value === this.loop.v) out = this.start;
    else {
      const definition = this.definitions.get(e.value as Var);
      out = definition ? this.scalar(definition) : lane(read(this.variable(e.value as Var)), 0);
    }
    this.scalarMemo.set(e, out);
    return out;
  }

  /** `e` in all lanes; a uniform value stays scalar. */
  private vector(e: Expr): Expr {
    if (this.uniform(e)) return e;
    const known = this.memo.get(e);
    if (known) return known;
    const out = this.vectorOf(e);
    this.memo.set(e, out);
    return out;
  }

  private vectorOf(e: Expr): Expr {
    if (e.op === "var")
      return e.value === this.loop.v ? ramp(this.start, this.width) : read(this.variable(e.value as Var));
    if (e.op === "load") {
      const contiguous = this.stride(e.args[0]!) === 1;
      const index = contiguous ? this.scalar(e.args[0]!) : this.vector(e.args[0]!);
      return load(e.value as Parameters<typeof load>[0], index, this.width);
    }
    const shifts = e.op === "shl" || e.op === "shr" || e.op === "ushr";
    return rebuild(
      e,
      e.args.map((a, i) => (shifts && i === 1 ? a : splat(this.vector(a), this.width))),
      this.width,
    );
  }
}
