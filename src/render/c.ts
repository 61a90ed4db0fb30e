// Renders kernels as C: one function a nest, the same operations in the same order, vectors as the compiler's vector extensions.

import { type Expr, laneBytes, loadType, memBytes, type Var } from "../kernel/expr.js";
import { bodies, expressions, type Kernel, type Stmt, scratchBytes } from "../kernel/stmt.js";
import { spellStreamStore, streamFence } from "./c-stream.js";
import { baseType, header, memoryType } from "./c-types.js";
import { Values, widening } from "./c-values.js";

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
 * `void oar_nest(char *heap, u32 table, i32 begin, i32 end, i32 thread)`, where `heap` is the address of heap address 0 and the rest is as
 * {@link Kernel} says. Equal nests give equal texts whatever the kernel's name. Throws BugError for what the language does not allow.
 *
 * @param vectorBytes bytes of the widest vector registers; longer vectors are spread over several. Default 64.
 *
 * @example
 * ```ts
 * const source = renderLibrary([{ nest: renderC(kernel), symbol: "add" }]);
 * ```
 */
export function renderC(kernel: Kernel, vectorBytes = 64): CNest {
  return new Renderer(kernel, vectorBytes).render();
}

/** The source of a shared library that exports each nest under its symbol. Needs `-fwrapv -ffp-contract=off`. */
export function renderLibrary(nests: readonly { readonly nest: CNest; readonly symbol: string }[]): string {
  const helpers = new Map<string, string>();
  for (const { nest } of nests) for (const [name, text] of nest.helpers) helpers.set(name, text);
  const functions = nests.map(({ nest, symbol }) => nest.text.replace(nestSymbol, symbol));
  return [header, ...helpers.values(), ...functions].join("\n");
}

/** Copies an `unroll` loop of unknown length is given. */
const DEFAULT_UNROLL = 4;

class Renderer {
  private readonly lines: string[] = [];
  private readonly values: Values;
  private indent = "  ";
  private streams = false;

  constructor(
    private readonly kernel: Kernel,
    vectorBytes: number,
  ) {
    const registerLanes = vectorBytes / widestLane(kernel.body);
    this.values = new Values(kernel.name, registerLanes, addressVariables(kernel.body), (text) => this.line(text));
  }

  render(): CNest {
    this.bindTable();
    const block = this.values.declareIndex(this.kernel.block);
    this.line(`for (i64 ${block} = begin; ${block} < end; ${block}++) {`);
    this.nested(this.kernel.body);
    this.line("}");
    const { helpers } = this.values;
    if (this.streams) this.line(`${helpers.declare("STREAM_FENCE", () => streamFence)};`);
    const signature = `void ${nestSymbol}(char *heap, u32 table, i32 begin, i32 end, i32 thread)`;
    return {
      text: `${signature} {\n${this.lines.join("\n")}\n}\n`,
      helpers: helpers.declarations,
      scratchBytes: scratchBytes(this.kernel, (mem) => memBytes[mem]),
    };
  }

  private line(text: string): void {
    this.lines.push(this.indent + text);
  }

  private bindTable(): void {
    const { buffers, scalars, scratch, scratchSlot } = this.kernel;
    this.line("const char *const args = heap + table;");
    for (const buf of buffers) {
      this.pointer(buf, `heap + *(const u32_m *)(args + ${buf.slot * 8})`, "const");
    }
    for (const arg of scalars) {
      const type = baseType(arg.type);
      this.line(`const ${type} ${this.values.declareScalar(arg)} = *(const ${type}_m *)(args + ${arg.slot * 8});`);
    }
    if (scratchSlot < 0) return;
    const bytes = scratchBytes(this.kernel, (mem) => memBytes[mem]);
    const first = `heap + *(const u32_m *)(args + ${scratchSlot * 8})`;
    this.line(`char *const scratch = ${first} + (u64)${bytes} * (u32)thread;`);
    let offset = 0;
    for (const buf of scratch) {
      // Scratch memory is the thread's own, and each buffer its own part of it.
      this.pointer(buf, `scratch + ${offset}`, "const restrict");
      offset += Math.ceil((buf.scratchLength * memBytes[buf.mem]) / 64) * 64;
    }
  }

  private pointer(buf: Kernel["buffers"][number], address: string, qualifiers: string): void {
    const type = memoryType(buf.mem);
    this.line(`${type} *${qualifiers} ${this.values.declareBuffer(buf)} = (${type} *)(${address});`);
  }

  private nested(block: readonly Stmt[]): void {
    const outer = this.indent;
    this.indent += "  ";
    block.forEach((stmt, i) => {
      this.statement(stmt, block[i - 1]);
    });
    this.indent = outer;
  }

  private statement(stmt: Stmt, before: Stmt | undefined): void {
    const { values } = this;
    values.prepare(expressions(stmt));
    switch (stmt.s) {
      case "for":
        return this.loop(stmt, before);
      case "if":
        this.line(`if (${values.scalar(stmt.cond)}) {`);
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
        this.line(`if (!${values.scalar(stmt.cond)}) break;`);
        this.indent = outer;
        this.nested(stmt.body);
        return this.line("}");
      }
      case "let":
        return this.let(stmt);
      case "set": {
        const parts = stmt.v.lanes > values.registerLanes ? values.hold(stmt.value) : values.value(stmt.value);
        values.namesOf(stmt.v).forEach((name, p) => {
          this.line(`${name} = ${parts[p]};`);
        });
        return;
      }
      case "accumulate":
        return this.accumulate(stmt);
      case "store":
        return this.store(stmt);
    }
  }

  private loop(stmt: Stmt & { s: "for" }, before: Stmt | undefined): void {
    const [from, to] = [this.values.scalar(stmt.from), this.values.scalar(stmt.to)];
    const v = this.values.declareIndex(stmt.v);
    if (stmt.kind === "unroll") this.line(`UNROLL(${tripCount(stmt) ?? DEFAULT_UNROLL})`);
    this.line(`for (i64 ${v} = ${from}, ${v}_end = ${to}; ${v} < ${v}_end; ${v} += ${stmt.step}) {`);
    if (isRemainder(stmt, before)) this.line("  REMAINDER;");
    this.nested(stmt.body);
    this.line("}");
  }

  private let(stmt: Stmt & { s: "let" }): void {
    const parts = this.values.value(stmt.value);
    const wide = this.values.wide.has(stmt.v) ? this.values.address(stmt.value) : undefined;
    const name = this.values.declare(stmt.v);
    const type = `${stmt.mutable ? "" : "const "}${this.values.partType(stmt.v)}`;
    this.values.partNames(name, stmt.v.lanes).forEach((part, p) => {
      this.line(`${type} ${part} = ${parts[p]};`);
    });
    if (wide !== undefined) this.line(`const i64 ${name}_w = ${wide};`);
  }

  /** `v = combine(v, value)`; a NaN on either side wins in min and max. */
  private accumulate(stmt: Stmt & { s: "accumulate" }): void {
    const { v, combine } = stmt;
    const { values } = this;
    const parts = values.hold(stmt.value);
    const operator = combine === "add" ? "+" : combine === "mul" ? "*" : undefined;
    values.namesOf(v).forEach((name, p) => {
      const text = operator ? `${name} ${operator} ${parts[p]}` : `${this.extreme(v, combine)}(${name}, ${parts[p]})`;
      this.line(`${name} = ${text};`);
    });
  }

  private extreme(v: Var, combine: "min" | "max" | "add" | "mul"): string {
    const { lanes } = this.values.split(v.lanes);
    const type = this.values.partType(v);
    const [x, y] = lanes > 1 ? ["x[k]", "y[k]"] : ["x", "y"];
    const text = `${y} ${combine === "min" ? "<" : ">"} ${x} || ${y} != ${y} ? ${y} : ${x}`;
    return this.values.helpers.lanewise(`${combine}_nan_${type}`, type, lanes, [type, type], text);
  }

  private store(stmt: Stmt & { s: "store" }): void {
    const { buf, index, value } = stmt;
    const { values } = this;
    const { parts, lanes } = values.split(value.lanes);
    const pointer = values.pointerOf(buf);
    if (index.lanes > 1) return this.scatter(stmt);
    // All of a vector is loaded before any of it is stored.
    const texts = parts > 1 ? values.hold(value) : values.value(value);
    const at = values.address(index);
    if (value.lanes === 1) return this.line(`${pointer}[${at}] = (${buf.mem})${texts[0]};`);
    const memory = values.helpers.vector(buf.mem, lanes);
    texts.forEach((text, p) => {
      const element = `&${pointer}[${at}${p > 0 ? ` + ${p * lanes}` : ""}]`;
      const narrow =
        loadType(buf.mem) === buf.mem ? `(${memory})${text}` : `__builtin_convertvector(${text}, ${memory})`;
      if (stmt.stream) this.line(`${spellStreamStore(buf.mem, lanes, values.helpers)}(${element}, ${narrow});`);
      else this.line(`*(${memory}_m *)${element} = ${narrow};`);
    });
    this.streams ||= stmt.stream;
  }

  /** Stores lane by lane, in order: of equal indices the last one wins. */
  private scatter(stmt: Stmt & { s: "store" }): void {
    const { values } = this;
    const pointer = values.pointerOf(stmt.buf);
    const index = values.hold(stmt.index);
    const texts = values.hold(stmt.value);
    const { lanes } = values.split(stmt.index.lanes);
    index.forEach((at, p) => {
      const from = stmt.value.lanes > 1 ? `${texts[p]}[k]` : texts[0];
      this.line(`LANES(${lanes}) ${pointer}[(i64)${at}[k]] = (${stmt.buf.mem})${from};`);
    });
  }
}

/** Constant number of rounds, if it is one. */
function tripCount(stmt: Stmt & { s: "for" }): number | undefined {
  if (stmt.from.op !== "const" || stmt.to.op !== "const") return undefined;
  const rounds = Math.ceil((Number(stmt.to.value) - Number(stmt.from.value)) / stmt.step);
  return Math.min(Math.max(rounds, 1), 1024);
}

/** Whether a loop goes on, one by one, where the one before it, of wider steps, has stopped. */
function isRemainder(stmt: Stmt & { s: "for" }, before: Stmt | undefined): boolean {
  if (before?.s !== "for" || stmt.step !== 1 || before.step === 1) return false;
  const [end, from] = [before.to, stmt.from];
  return end === from || (end.op === from.op && end.args.length === 0 && end.value === from.value);
}

/** Bytes of the widest lane that a kernel's vectors have, at least 4. */
function widestLane(body: readonly Stmt[]): number {
  let bytes = 4;
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if (e.lanes > 1) bytes = Math.max(bytes, laneBytes(e.type));
    e.args.forEach(visit);
  };
  const walk = (block: readonly Stmt[]): void => {
    for (const stmt of block) {
      expressions(stmt).forEach(visit);
      bodies(stmt).forEach(walk);
    }
  };
  walk(body);
  return bytes;
}

/** Immutable i32 variables that are sums or products and that indices are made of. */
function addressVariables(body: readonly Stmt[]): ReadonlySet<Var> {
  const definitions = new Map<Var, Expr>();
  const found = new Set<Var>();
  const visitIndex = (e: Expr): void => {
    if (e.lanes > 1) return;
    if (widening.has(e.op)) e.args.forEach(visitIndex);
    if (e.op !== "var" || found.has(e.value as Var)) return;
    const definition = definitions.get(e.value as Var);
    if (!definition || (!widening.has(definition.op) && definition.op !== "var")) return;
    found.add(e.value as Var);
    visitIndex(definition);
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
      expressions(stmt).forEach(visit);
      if (stmt.s === "store") visitIndex(stmt.index);
      if (stmt.s === "let" && !stmt.mutable && stmt.v.type === "i32" && stmt.v.lanes === 1) {
        definitions.set(stmt.v, stmt.value);
      }
      bodies(stmt).forEach(walk);
    }
  };
  walk(body);
  return found;
}
