// The legality check of kernels: what every pass must leave true and every renderer may rely on.

import { BugError } from "../core/errors.js";
import { Arg, Buf, type Expr, isMask, loadType, type Var } from "./expr.js";
import { printStatement } from "./print.js";
import { isIndex, opFault, type Fault, show } from "./spec-expr.js";
import { expressions, type Kernel, type Stmt } from "./stmt.js";

/** How far a kernel has come: as written, or after all passes. */
export type Stage = "built" | "scheduled";

/**
 * Throws BugError, naming the rule (`fields.rule`) and the statement (`fields.statement`), unless a kernel is legal:
 * - `types`, `lanes`: operands of each op agree in type and width, as `opMeaning` says;
 * - `scope`: variables are declared before they are read and only once; `mutable`: only mutable ones are set;
 * - `declared`: buffers and arguments are those of the kernel, in slots of their own;
 * - `literal`: literals are values of their type; `index`: addresses are i32, shift amounts scalar i32;
 * - `loop`: loops count up by a positive step over scalars; after scheduling none is of kind `lanes` or `unroll`;
 * - `blocks`: the number of blocks depends on scalar arguments only.
 *
 * @example
 * ```ts
 * verifyKernel(kernel, "scheduled");
 * ```
 */
export function verifyKernel(kernel: Kernel, stage: Stage): void {
  new Verifier(kernel, stage).run();
}

class Verifier {
  private readonly declared = new Set<Var>();
  private readonly mutable = new Set<Var>();
  /** Variables whose scope includes the current statement. */
  private readonly visible = new Set<Var>();
  private readonly known: ReadonlySet<unknown>;
  private readonly checked = new Set<Expr>();
  private statement: Stmt | undefined;

  constructor(
    private readonly kernel: Kernel,
    private readonly stage: Stage,
  ) {
    this.known = new Set<unknown>([...kernel.buffers, ...kernel.scalars, ...kernel.scratch]);
  }

  run(): void {
    this.signature();
    this.blocks();
    this.declare(this.kernel.block);
    this.block(this.kernel.body);
  }

  private require(condition: boolean, rule: string, what: () => string): void {
    if (condition) return;
    const statement = this.statement ? printStatement(this.statement) : undefined;
    const where = statement === undefined ? "" : `\n  in: ${statement}`;
    const { name } = this.kernel;
    throw new BugError(`kernel ${name} breaks the rule "${rule}": ${what()}${where}`, {
      kernel: name,
      rule,
      statement,
    });
  }

  private signature(): void {
    const { buffers, scalars, scratch, scratchSlot, block } = this.kernel;
    const slots = [...buffers, ...scalars].map((x) => x.slot);
    if (scratch.length > 0) slots.push(scratchSlot);
    this.require(slots.every(isIndex), "declared", () => `a slot is missing: ${slots.join(", ")}`);
    this.require(new Set(slots).size === slots.length, "declared", () => `a slot is used twice: ${slots.join(", ")}`);
    for (const b of scratch) {
      this.require(b.slot === -1 && isIndex(b.scratchLength), "declared", () => `${b.name} is not scratch memory`);
    }
    for (const a of scalars) this.require(!isMask(a.type), "declared", () => `argument ${a.name} is a mask`);
    this.require(block.type === "i32" && block.lanes === 1, "blocks", () => "the block number is a scalar i32");
  }

  private blocks(): void {
    const { blocks } = this.kernel;
    this.require(blocks.type === "i32" && blocks.lanes === 1, "blocks", () => "the number of blocks is a scalar i32");
    this.visit(blocks, new Set(), (e) => {
      const fixed = e.op !== "var" && e.op !== "load" && e.op !== "gather";
      this.require(fixed, "blocks", () => `the number of blocks depends on a ${e.op}`);
    });
  }

  private declare(v: Var): void {
    this.require(!this.declared.has(v), "scope", () => `${v.name} is declared twice`);
    this.require(isIndex(v.lanes) && v.lanes > 0, "lanes", () => `${v.name} has ${v.lanes} lanes`);
    this.declared.add(v);
    this.visible.add(v);
  }

  private block(block: readonly Stmt[], ...own: Var[]): void {
    const here = [...own];
    for (const v of own) this.declare(v);
    for (const stmt of block) {
      this.statement = stmt;
      const seen = new Set<Expr>();
      for (const e of expressions(stmt)) this.visit(e, seen, (x) => this.inScope(x));
      this.check(stmt);
      if (stmt.s === "let") here.push(stmt.v);
    }
    for (const v of here) this.visible.delete(v);
  }

  private inScope(e: Expr): void {
    if (e.op !== "var") return;
    const v = e.value as Var;
    this.require(this.visible.has(v), "scope", () => `${v.name} is not declared here`);
  }

  private check(stmt: Stmt): void {
    switch (stmt.s) {
      case "for":
        this.loop(stmt);
        return;
      case "if":
        this.condition(stmt.cond);
        this.block(stmt.then);
        this.block(stmt.else);
        return;
      case "while":
        this.condition(stmt.cond);
        this.block(stmt.body);
        return;
      case "let":
        this.declare(stmt.v);
        if (stmt.mutable) this.mutable.add(stmt.v);
        this.assigned(stmt.v, stmt.value);
        return;
      case "set":
      case "accumulate":
        this.require(this.visible.has(stmt.v), "scope", () => `${stmt.v.name} is not declared here`);
        this.require(this.mutable.has(stmt.v), "mutable", () => `${stmt.v.name} is not mutable`);
        if (stmt.s === "accumulate") this.require(!isMask(stmt.v.type), "types", () => "a mask does not accumulate");
        this.assigned(stmt.v, stmt.value);
        return;
      case "store":
        this.store(stmt);
        return;
    }
  }

  private loop(stmt: Extract<Stmt, { s: "for" }>): void {
    const { v, from, to, step, kind } = stmt;
    const counts = v.type === "i32" || v.type === "i64";
    this.require(counts && v.lanes === 1, "loop", () => `${v.name} is no scalar integer`);
    for (const e of [from, to]) {
      this.require(e.type === v.type && e.lanes === 1, "loop", () => `a bound is ${show(e)}, ${v.name} ${v.type}`);
    }
    this.require(isIndex(step) && step > 0, "loop", () => `the step is ${step}`);
    const final = this.stage === "scheduled";
    this.require(!final || kind === "serial", "loop", () => `a loop of kind ${kind} is left after scheduling`);
    this.block(stmt.body, v);
  }

  private condition(cond: Expr): void {
    this.require(isMask(cond.type) && cond.lanes === 1, "types", () => `the condition is ${show(cond)}`);
  }

  private assigned(v: Var, value: Expr): void {
    const same = v.type === value.type && v.lanes === value.lanes;
    this.require(same, "types", () => `${v.name} is ${v.type} of ${v.lanes} lanes, its value ${show(value)}`);
  }

  private store({ buf, index, value }: Extract<Stmt, { s: "store" }>): void {
    this.require(this.known.has(buf), "declared", () => `buffer ${buf.name} is not the kernel's`);
    this.require(index.type === "i32", "index", () => `the index is ${show(index)}`);
    const fits = index.lanes === 1 || index.lanes === value.lanes;
    this.require(fits, "lanes", () => `${value.lanes} values at ${index.lanes} indices`);
    this.require(value.type === loadType(buf.mem), "types", () => `${show(value)} goes into ${buf.mem} memory`);
  }

  /** Visits each node below `e` once a statement; ops are checked once a kernel. */
  private visit(e: Expr, seen: Set<Expr>, rule: (e: Expr) => void): void {
    if (seen.has(e)) return;
    seen.add(e);
    for (const a of e.args) this.visit(a, seen, rule);
    rule(e);
    if (this.checked.has(e)) return;
    this.checked.add(e);
    const fault = opFault(e) ?? this.undeclared(e);
    this.require(
      fault === undefined,
      fault?.[0] ?? "",
      () => `${fault?.[1]} (${e.op}: ${e.args.map(show).join(", ")})`,
    );
  }

  private undeclared(e: Expr): Fault {
    if (!(e.value instanceof Buf || e.value instanceof Arg) || this.known.has(e.value)) return undefined;
    return ["declared", `${e.value.name} is not the kernel's`];
  }
}
