// Renders kernels as C: one function a nest, the same operations in the same order, vectors as the compiler's vector extensions.

import { BugError } from "../core/errors.js";
import { type Arg, Buf, type Expr, loadType, memBytes, type Var } from "../kernel/expr.js";
import { bodies, expressions, type Kernel, type Stmt, scratchBytes } from "../kernel/stmt.js";
import { Helpers, spell, spellRamp, spellSplat } from "./c-ops.js";
import { baseType, header, literal, memoryType } from "./c-types.js";
import { spellStreamStore, streamFence } from "./c-stream.js";

/** A kernel as the text of one C function called {@link nestSymbol}, with the declarations it needs. */
export interface CNest {
  readonly text: string;
  readonly helpers: ReadonlyMap<string, string>;
  /** Bytes of scratch each thread needs. */
  readonly scratchBytes: number;
}

/** The name that stands for the function's own in the text of a nest. */
export const nestSymbol = "oar_nest";

/**
 * Renders a kernel as a C11 function
 * `void oar_nest(char *heap, u32 args, i32 begin, i32 end, i32 thread)`, where `heap` is the address of heap address 0 and the rest is as
 * {@link Kernel} says. Equal nests give equal texts whatever the kernel's name. Throws BugError for what the language does not allow.
 *
 * @example
 * ```ts
 * const source = renderLibrary([{ nest: renderC(kernel), symbol: "add" }]);
 * ```
 */
export function renderC(kernel: Kernel): CNest {
  return new Renderer(kernel).render();
}

/** The source of a shared library that exports each nest under its symbol. Needs `-fwrapv -ffp-contract=off`. */
export function renderLibrary(nests: readonly { readonly nest: CNest; readonly symbol: string }[]): string {
  const helpers = new Map<string, string>();
  for (const { nest } of nests) for (const [name, text] of nest.helpers) helpers.set(name, text);
  const functions = nests.map(({ nest, symbol }) => nest.text.replace(nestSymbol, symbol));
  return [header, ...helpers.values(), ...functions].join("\n");
}

/** Chains of operands longer than this are cut by temporaries: compilers bound the depth of brackets. */
const MAX_DEPTH = 24;
/** Copies an `unroll` loop of unknown length is given. */
const DEFAULT_UNROLL = 4;

const widening = new Set(["add", "sub", "mul"]);

class Renderer {
  private readonly helpers = new Helpers();
  private readonly lines: string[] = [];
  private indent = "  ";
  private names = 0;
  private readonly variables = new Map<Var, string>();
  private readonly scalars = new Map<Arg, string>();
  private readonly buffers = new Map<Buf, string>();
  /** Loop indices: 64-bit in C, so that compilers see addresses that grow evenly. */
  private readonly indices = new Set<Var>();
  /** i32 variables that addresses are computed from; each has a 64-bit twin. */
  private readonly wide: ReadonlySet<Var>;
  private uses = new Map<Expr, number>();
  private temporaries = new Map<Expr, string>();
  private wideTemporaries = new Map<Expr, string>();
  private streams = false;

  constructor(private readonly kernel: Kernel) {
    this.wide = addressVariables(kernel.body);
  }

  render(): CNest {
    this.bindTable();
    const block = this.declare(this.kernel.block);
    this.indices.add(this.kernel.block);
    this.line(`for (i64 ${block} = begin; ${block} < end; ${block}++) {`);
    this.nested(this.kernel.body);
    this.line("}");
    if (this.streams) this.line(this.helpers.declare("STREAM_FENCE", () => streamFence) + ";");
    const signature = `void ${nestSymbol}(char *heap, u32 table, i32 begin, i32 end, i32 thread)`;
    return {
      text: `${signature} {\n${this.lines.join("\n")}\n}\n`,
      helpers: this.helpers.declarations,
      scratchBytes: scratchBytes(this.kernel, (mem) => memBytes[mem]),
    };
  }

  private line(text: string): void {
    this.lines.push(this.indent + text);
  }

  private fresh(name: string): string {
    return `${name.replace(/\W/g, "_").replace(/^(?=\d)/, "_")}_${this.names++}`;
  }

  private declare(v: Var): string {
    const name = this.fresh(v.name);
    this.variables.set(v, name);
    return name;
  }

  private bindTable(): void {
    const { buffers, scalars, scratch, scratchSlot } = this.kernel;
    this.line("const char *const args = heap + table;");
    for (const buf of buffers) {
      this.pointer(buf, `heap + *(const u32_m *)(args + ${buf.slot * 8})`, "const");
    }
    for (const arg of scalars) {
      const name = this.fresh(arg.name);
      this.scalars.set(arg, name);
      this.line(`const ${baseType(arg.type)} ${name} = *(const ${baseType(arg.type)}_m *)(args + ${arg.slot * 8});`);
    }
    if (scratchSlot < 0) return;
    const bytes = scratchBytes(this.kernel, (mem) => memBytes[mem]);
    this.line(
      `char *const scratch = heap + *(const u32_m *)(args + ${scratchSlot * 8}) + (u64)${bytes} * (u32)thread;`,
    );
    let offset = 0;
    for (const buf of scratch) {
      // Scratch memory is the thread's own, and each buffer its own part of it.
      this.pointer(buf, `scratch + ${offset}`, "const restrict");
      offset += Math.ceil((buf.scratchLength * memBytes[buf.mem]) / 64) * 64;
    }
  }

  private pointer(buf: Buf, address: string, qualifiers: string): void {
    const name = this.fresh(buf.name);
    this.buffers.set(buf, name);
    this.line(`${memoryType(buf.mem)} *${qualifiers} ${name} = (${memoryType(buf.mem)} *)(${address});`);
  }

  private nested(block: readonly Stmt[]): void {
    const outer = this.indent;
    this.indent += "  ";
    for (const stmt of block) this.statement(stmt);
    this.indent = outer;
  }

  /** Counts how often the statement uses each expression, so that what is used twice is computed once. */
  private prepare(roots: readonly Expr[]): void {
    this.uses = new Map();
    this.temporaries = new Map();
    this.wideTemporaries = new Map();
    const visit = (e: Expr): void => {
      const n = this.uses.get(e) ?? 0;
      this.uses.set(e, n + 1);
      if (n === 0) e.args.forEach(visit);
    };
    roots.forEach(visit);
  }

  private statement(stmt: Stmt): void {
    this.prepare(expressions(stmt));
    switch (stmt.s) {
      case "for":
        return this.loop(stmt);
      case "if":
        this.line(`if (${this.value(stmt.cond)}) {`);
        this.nested(stmt.then);
        if (stmt.else.length > 0) {
          this.line("} else {");
          this.nested(stmt.else);
        }
        return this.line("}");
      case "while": {
        this.line("for (;;) {");
        const outer = this.indent;
        this.indent += "  ";
        this.line(`if (!${this.value(stmt.cond)}) break;`);
        this.indent = outer;
        this.nested(stmt.body);
        return this.line("}");
      }
      case "let":
        return this.let(stmt);
      case "set":
        return this.line(`${this.nameOf(stmt.v)} = ${this.value(stmt.value)};`);
      case "accumulate":
        return this.accumulate(stmt);
      case "store":
        return this.store(stmt);
    }
  }

  private loop(stmt: Stmt & { s: "for" }): void {
    const [from, to] = [this.value(stmt.from), this.value(stmt.to)];
    const v = this.declare(stmt.v);
    this.indices.add(stmt.v);
    if (stmt.kind === "unroll") this.line(`UNROLL(${tripCount(stmt) ?? DEFAULT_UNROLL})`);
    this.line(`for (i64 ${v} = ${from}, ${v}_end = ${to}; ${v} < ${v}_end; ${v} += ${stmt.step}) {`);
    this.nested(stmt.body);
    this.line("}");
  }

  private let(stmt: Stmt & { s: "let" }): void {
    const value = this.value(stmt.value);
    const wide = this.wide.has(stmt.v) ? this.address(stmt.value) : undefined;
    const name = this.declare(stmt.v);
    this.line(`${stmt.mutable ? "" : "const "}${this.helpers.type(stmt.v.type, stmt.v.lanes)} ${name} = ${value};`);
    if (wide !== undefined) this.line(`const i64 ${name}_w = ${wide};`);
  }

  /** `v = combine(v, value)`; a NaN on either side wins in min and max. */
  private accumulate(stmt: Stmt & { s: "accumulate" }): void {
    const { v, combine } = stmt;
    const type = this.helpers.type(v.type, v.lanes);
    const name = this.nameOf(v);
    const value = this.value(stmt.value);
    if (combine === "add" || combine === "mul") {
      return this.line(`${name} = ${name} ${combine === "add" ? "+" : "*"} ${value};`);
    }
    const k = v.lanes > 1 ? "[k]" : "";
    const wins = `y${k} ${combine === "min" ? "<" : ">"} x${k} || y${k} != y${k}`;
    const fn = this.helpers.lanewise(`${combine}_nan_${type}`, type, v.lanes, [type, type], `${wins} ? y${k} : x${k}`);
    this.line(`${name} = ${fn}(${name}, ${value});`);
  }

  private store(stmt: Stmt & { s: "store" }): void {
    const { buf, index, value } = stmt;
    const { lanes } = value;
    const spelt = this.value(value);
    const pointer = this.pointerOf(buf);
    if (index.lanes > 1) {
      const [at, from] = [this.hold(index), lanes > 1 ? `${this.hold(value)}[k]` : spelt];
      return this.line(`for (int k = 0; k < ${index.lanes}; k++) ${pointer}[(i64)${at}[k]] = (${buf.mem})${from};`);
    }
    const at = this.address(index);
    if (lanes === 1) return this.line(`${pointer}[${at}] = (${buf.mem})${spelt};`);
    const memory = this.helpers.vector(buf.mem, lanes);
    const narrow =
      loadType(buf.mem) === buf.mem ? `(${memory})${spelt}` : `__builtin_convertvector(${spelt}, ${memory})`;
    if (stmt.stream) {
      this.streams = true;
      return this.line(`${spellStreamStore(buf.mem, lanes, this.helpers)}(&${pointer}[${at}], ${narrow});`);
    }
    this.line(`*(${memory}_m *)&${pointer}[${at}] = ${narrow};`);
  }

  private nameOf(v: Var): string {
    const name = this.variables.get(v);
    if (name === undefined) throw new BugError(`kernel ${this.kernel.name}: variable ${v.name} is not declared`);
    return name;
  }

  private pointerOf(buf: unknown): string {
    const name = buf instanceof Buf ? this.buffers.get(buf) : undefined;
    if (name === undefined) throw new BugError(`kernel ${this.kernel.name} uses an undeclared buffer`);
    return name;
  }

  /** The expression in a temporary of its own. */
  private hold(e: Expr): string {
    const known = this.temporaries.get(e);
    if (known !== undefined) return known;
    const text = this.compute(e, 0);
    const name = this.fresh("t");
    this.line(`const ${this.helpers.type(e.type, e.lanes)} ${name} = ${text};`);
    this.temporaries.set(e, name);
    return name;
  }

  private value(e: Expr, depth = 0): string {
    const shared = e.args.length > 0 && (this.uses.get(e) ?? 0) > 1;
    return shared || depth > MAX_DEPTH ? this.hold(e) : this.compute(e, depth);
  }

  private compute(e: Expr, depth: number): string {
    const next = depth + 1;
    switch (e.op) {
      case "const": {
        const text = literal(e.type, e.value as number | bigint | boolean);
        return e.lanes > 1 ? spellSplat(e, text, this.helpers) : text;
      }
      case "var": {
        const v = e.value as Var;
        return this.indices.has(v) && v.type === "i32" ? `(i32)${this.nameOf(v)}` : this.nameOf(v);
      }
      case "arg": {
        const name = this.scalars.get(e.value as Arg);
        if (name === undefined) throw new BugError(`kernel ${this.kernel.name} uses an undeclared argument`);
        return name;
      }
      case "load":
        return this.load(e);
      case "gather": {
        const type = this.helpers.type(e.type, e.lanes);
        const memory = `const ${memoryType((e.value as Buf).mem)} *`;
        const index = this.helpers.type("i32", e.lanes);
        const name = `gather_${(e.value as Buf).mem}x${e.lanes}`;
        const fn = this.helpers.lanewise(name, type, e.lanes, [memory, index], "x[(i64)y[k]]");
        return `${fn}(${this.pointerOf(e.value)}, ${this.value(e.args[0]!, next)})`;
      }
      case "splat":
        return spellSplat(e, this.value(e.args[0]!, next), this.helpers);
      case "ramp":
        return spellRamp(e, this.value(e.args[0]!, next), this.helpers);
      case "lane": {
        const lane = `(${this.value(e.args[0]!, next)})[${e.value as number}]`;
        return e.type === "m32" || e.type === "m64" ? `(i32)(${lane} & 1)` : lane;
      }
      default:
        return spell(
          e,
          e.args.map((a) => this.value(a, next)),
          this.helpers,
        );
    }
  }

  private load(e: Expr): string {
    const buf = e.value as Buf;
    const element = `${this.pointerOf(buf)}[${this.address(e.args[0]!)}]`;
    if (e.lanes === 1) return loadType(buf.mem) === buf.mem ? element : `(i32)${element}`;
    const memory = `*(const ${this.helpers.vector(buf.mem, e.lanes)}_m *)&${element}`;
    const type = this.helpers.type(e.type, e.lanes);
    return loadType(buf.mem) === buf.mem ? `(${type})${memory}` : `__builtin_convertvector(${memory}, ${type})`;
  }

  /**
   * An index in 64 bits. Indices lie within their buffers, so the sums and products they are made of do not wrap, and computing them in
   * 64 bits from the start gives the same number and spares a sign extension an access.
   */
  private address(e: Expr): string {
    if (e.op === "const") return `${e.value as number}`;
    if (e.op === "var" && e.lanes === 1) {
      const v = e.value as Var;
      if (this.indices.has(v)) return this.nameOf(v);
      if (this.wide.has(v)) return `${this.nameOf(v)}_w`;
    }
    if (!widening.has(e.op)) return `(i64)${this.value(e)}`;
    const known = this.wideTemporaries.get(e);
    if (known !== undefined) return known;
    const [x, y] = e.args.map((a) => this.address(a));
    const text = `(${x} ${e.op === "add" ? "+" : e.op === "sub" ? "-" : "*"} ${y})`;
    if ((this.uses.get(e) ?? 0) < 2) return text;
    const name = this.fresh("w");
    this.line(`const i64 ${name} = ${text};`);
    this.wideTemporaries.set(e, name);
    return name;
  }
}

/** Constant number of rounds, if it is one. */
function tripCount(stmt: Stmt & { s: "for" }): number | undefined {
  if (stmt.from.op !== "const" || stmt.to.op !== "const") return undefined;
  const rounds = Math.ceil((Number(stmt.to.value) - Number(stmt.from.value)) / stmt.step);
  return Math.min(Math.max(rounds, 1), 1024);
}

/** Variables that are sums or products and that indices are made of. */
function addressVariables(body: readonly Stmt[]): ReadonlySet<Var> {
  const values = new Map<Var, Expr>();
  const found = new Set<Var>();
  const visitIndex = (e: Expr): void => {
    if (e.lanes > 1) return;
    if (widening.has(e.op)) e.args.forEach(visitIndex);
    else if (e.op === "var") {
      const value = values.get(e.value as Var);
      if (!value || found.has(e.value as Var) || (!widening.has(value.op) && value.op !== "var")) return;
      found.add(e.value as Var);
      visitIndex(value);
    }
  };
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.op === "load") visitIndex(e.args[0]!);
    e.args.forEach(visit);
  };
  const walk = (block: readonly Stmt[]): void => {
    for (const stmt of block) {
      if (stmt.s === "let" && !stmt.mutable && stmt.v.type === "i32" && stmt.v.lanes === 1)
        values.set(stmt.v, stmt.value);
      expressions(stmt).forEach(visit);
      if (stmt.s === "store") visitIndex(stmt.index);
      bodies(stmt).forEach(walk);
    }
  };
  walk(body);
  return found;
}
