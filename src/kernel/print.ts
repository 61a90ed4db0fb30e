// Text of a kernel: for reading, for snapshots, and as the canonical key under which compiled kernels are kept.

import { type Arg, Buf, type Expr, type KType, type Var } from "./expr.js";
import { expressions, type Kernel, type Stmt } from "./stmt.js";

const infix: Readonly<Record<string, string>> = {
  add: "+",
  sub: "-",
  mul: "*",
  div: "/",
  rem: "%",
  and: "&",
  or: "|",
  xor: "^",
  shl: "<<",
  shr: ">>",
  ushr: ">>>",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  eq: "==",
  ne: "!=",
};

const typeName = (type: KType, lanes: number): string => (lanes === 1 ? type : `${type}x${lanes}`);

/**
 * The kernel with its name, for people.
 *
 * @example
 * ```ts
 * import { printKernel } from "./print.js";
 * console.log(printKernel(kernel)); // kernel exp(b0: f32, b1: f32, s2: i32) blocks (s2 / 4096) { … }
 * ```
 */
export const printKernel = (kernel: Kernel): string => `kernel ${kernel.name}${kernelText(kernel)}`;

/**
 * The kernel without names: variables are numbered by appearance and buffers called by their slots, so that kernels made alike have the
 * same text, and those that mean different code never do. Serves as a cache key; every type, width and hint that a renderer sees is in it.
 */
export function kernelText(kernel: Kernel): string {
  const printer = new Printer();
  const buffers = kernel.buffers.map((b) => ({ slot: b.slot, text: `b${b.slot}: ${b.mem}` }));
  const scalars = kernel.scalars.map((a) => ({ slot: a.slot, text: `s${a.slot}: ${a.type}` }));
  const args: string[] = [...buffers, ...scalars].sort((a, b) => a.slot - b.slot).map((a) => a.text);
  const scratch = kernel.scratch.map((b) => `${printer.buffer(b)}: ${b.mem}[${b.scratchLength}]`);
  if (scratch.length > 0) args.push(`scratch s${kernel.scratchSlot} ${scratch.join(" ")}`);
  printer.statementRoots([kernel.blocks]);
  const head = `(${args.join(", ")}) for ${printer.variable(kernel.block)} in 0..${printer.expr(kernel.blocks)}`;
  printer.lines.unshift(`${head} {`);
  printer.block(kernel.body);
  return `${printer.lines.join("\n")}\n}\n`;
}

/** The first line of one statement, for error messages; variables and buffers keep their own names. */
export function printStatement(stmt: Stmt): string {
  const printer = new Printer(true);
  printer.statement(stmt, true);
  return printer.lines.map((line) => line.trim()).join("; ");
}

class Printer {
  readonly lines: string[] = [];
  private readonly names = new Map<Var | Buf, string>();
  private shared = new Map<Expr, string>();
  private temporaries = 0;
  private variables = 0;
  private scratches = 0;
  private indent = "  ";

  constructor(private readonly ownNames = false) {}

  variable(v: Var): string {
    return this.name(v, () => `v${this.variables++}`);
  }

  buffer(b: Buf): string {
    return this.name(b, () => (b.slot >= 0 ? `b${b.slot}` : `t${this.scratches++}`));
  }

  private name(x: Var | Buf, make: () => string): string {
    if (this.ownNames) return x.name;
    let name = this.names.get(x);
    if (name === undefined) {
      name = make();
      this.names.set(x, name);
    }
    return name;
  }

  block(block: readonly Stmt[]): void {
    for (const stmt of block) this.statement(stmt);
  }

  /** One statement with its nested blocks, or `headOnly` its first line. */
  statement(s: Stmt, headOnly = false): void {
    this.statementRoots(expressions(s));
    switch (s.s) {
      case "for": {
        const [from, to] = [this.expr(s.from), this.expr(s.to)];
        const head = `for ${s.kind} ${this.variable(s.v)}: ${typeName(s.v.type, s.v.lanes)} in ${from}..${to}`;
        this.nest(`${head} step ${s.step}`, s.body, headOnly);
        return;
      }
      case "if":
        this.nest(`if ${this.expr(s.cond)}`, s.then, headOnly);
        if (!headOnly && s.else.length > 0) this.nest("else", s.else, false);
        return;
      case "while":
        this.nest(`while ${this.expr(s.cond)}`, s.body, headOnly);
        return;
      case "let": {
        const value = this.expr(s.value);
        const type = typeName(s.v.type, s.v.lanes);
        this.line(`${s.mutable ? "var" : "let"} ${this.variable(s.v)}: ${type} = ${value}`);
        return;
      }
      case "set":
        this.line(`${this.variable(s.v)} = ${this.expr(s.value)}`);
        return;
      case "accumulate":
        this.line(`${this.variable(s.v)} ${s.combine}= ${this.expr(s.value)}`);
        return;
      case "store": {
        const target = `${this.buffer(s.buf)}[${this.expr(s.index)}]`;
        this.line(`${s.stream ? "stream " : ""}${target} = ${this.expr(s.value)}`);
        return;
      }
    }
  }

  private nest(head: string, body: readonly Stmt[], headOnly: boolean): void {
    this.line(headOnly ? head : `${head} {`);
    if (headOnly) return;
    const outer = this.indent;
    this.indent += "  ";
    this.block(body);
    this.indent = outer;
    this.line("}");
  }

  private line(text: string): void {
    this.lines.push(this.indent + text);
  }

  /** Writes a line for every value that the statement uses more than once: printing a shared value as a tree could take forever. */
  statementRoots(roots: readonly Expr[]): void {
    this.shared = new Map();
    const order: Expr[] = [];
    const uses = new Map<Expr, number>();
    const visit = (e: Expr): void => {
      const n = uses.get(e) ?? 0;
      uses.set(e, n + 1);
      if (n > 0 || e.args.length === 0) return;
      e.args.forEach(visit);
      order.push(e);
    };
    for (const root of roots) visit(root);
    for (const e of order) {
      if (uses.get(e) === 1) continue;
      const text = this.node(e);
      const name = `%${this.temporaries++}`;
      this.line(`${name} = ${text}`);
      this.shared.set(e, name);
    }
  }

  expr(e: Expr): string {
    return this.shared.get(e) ?? this.node(e);
  }

  /** What stands in `value`, as text. */
  private leaf(e: Expr): string {
    switch (e.op) {
      case "const":
        return literal(e);
      case "var":
        return this.variable(e.value as Var);
      case "arg":
        return this.ownNames ? (e.value as Arg).name : `s${(e.value as Arg).slot}`;
      case "load":
      case "gather":
        return e.value instanceof Buf ? this.buffer(e.value) : "nothing";
      default:
        return e.value === undefined ? "" : String(e.value);
    }
  }

  private node(e: Expr): string {
    if (e.args.length === 0) return this.leaf(e);
    const args = e.args.map((a) => this.expr(a));
    const sign = infix[e.op];
    if (sign) return `(${args.join(` ${sign} `)})`;
    switch (e.op) {
      case "load":
        return `${this.leaf(e)}[${args[0]}]${e.lanes > 1 ? `x${e.lanes}` : ""}`;
      case "gather":
        return `${this.leaf(e)}[${args[0]}]`;
      case "lane":
        return `${args[0]}.${this.leaf(e)}`;
      case "splat":
      case "ramp":
        return `${e.op}${e.lanes}(${args[0]})`;
      case "cast":
      case "ucast":
      case "bitcast":
      case "maskcast":
        return `${e.op}.${e.type}(${args[0]})`;
      default:
        return `${e.op}(${args.join(", ")})`;
    }
  }
}

/** A literal with a mark of its type: 1.5f, 1.5, 3i, 3n, true. */
function literal(e: Expr): string {
  const text = Object.is(e.value, -0) ? "-0" : String(e.value);
  if (e.type === "f32") return `${text}f`;
  if (e.type === "i64") return `${text}n`;
  return e.type === "i32" ? `${text}i` : e.type === "m64" ? `${text}64` : text;
}
