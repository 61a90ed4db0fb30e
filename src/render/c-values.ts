// Renders expressions as C: scalars as one expression, vectors as one for each register they fill.

import { BugError } from "../core/errors.js";
import { type Arg, Buf, type Expr, loadType, type Var } from "../kernel/expr.js";
import { Helpers, spell, spellRamp, spellSplat, spellZip } from "./c-ops.js";
import { literal, memoryType } from "./c-types.js";

/** Chains of operands longer than this are cut by temporaries: compilers bound the depth of brackets. */
const MAX_DEPTH = 24;

/** Ops that an index is widened through; see {@link Values.address}. */
export const widening: ReadonlySet<string> = new Set(["add", "sub", "mul"]);

/** Spells expressions of one kernel. What a statement uses twice becomes a temporary, written before the statement through `line`. */
export class Values {
  readonly helpers = new Helpers();
  private names = 0;
  private readonly variables = new Map<Var, string>();
  private readonly scalars = new Map<Arg, string>();
  private readonly buffers = new Map<Buf, string>();
  /** Loop indices: 64-bit in C, so that compilers see addresses that grow evenly. */
  private readonly indices = new Set<Var>();
  private uses = new Map<Expr, number>();
  private temporaries = new Map<Expr, readonly string[]>();
  private wideTemporaries = new Map<Expr, string>();

  constructor(
    private readonly kernelName: string,
    /** Lanes of a register: vectors of more lanes are several. */
    readonly registerLanes: number,
    /** i32 variables that addresses are computed from; each has a 64-bit twin. */
    readonly wide: ReadonlySet<Var>,
    private readonly line: (text: string) => void,
  ) {}

  /** A name of its own in the function. */
  fresh(name: string): string {
    return `${name.replace(/\W/g, "_").replace(/^(?=\d)/, "_")}_${this.names++}`;
  }

  declare(v: Var): string {
    const name = this.fresh(v.name);
    this.variables.set(v, name);
    return name;
  }

  declareIndex(v: Var): string {
    this.indices.add(v);
    return this.declare(v);
  }

  declareScalar(a: Arg): string {
    const name = this.fresh(a.name);
    this.scalars.set(a, name);
    return name;
  }

  declareBuffer(buf: Buf): string {
    const name = this.fresh(buf.name);
    this.buffers.set(buf, name);
    return name;
  }

  /** Begins a statement: counts how often it uses each expression. */
  prepare(roots: readonly Expr[]): void {
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

  /** Registers that a value of so many lanes fills, and lanes of each. */
  split(lanes: number): { readonly parts: number; readonly lanes: number } {
    const parts = Math.max(1, lanes / this.registerLanes);
    return { parts, lanes: lanes / parts };
  }

  /** The C type of each register of a value. */
  partType(e: { readonly type: Expr["type"]; readonly lanes: number }): string {
    return this.helpers.type(e.type, this.split(e.lanes).lanes);
  }

  /** The names of a variable's registers. */
  namesOf(v: Var): readonly string[] {
    const name = this.variables.get(v);
    if (name === undefined) throw new BugError(`kernel ${this.kernelName}: variable ${v.name} is not declared`);
    return this.partNames(name, v.lanes);
  }

  partNames(name: string, lanes: number): readonly string[] {
    const { parts } = this.split(lanes);
    return parts === 1 ? [name] : Array.from({ length: parts }, (_, p) => `${name}_${"abcdefghijklmnop"[p]}`);
  }

  pointerOf(buf: unknown): string {
    const name = buf instanceof Buf ? this.buffers.get(buf) : undefined;
    if (name === undefined) throw new BugError(`kernel ${this.kernelName} uses an undeclared buffer`);
    return name;
  }

  /** A scalar expression. */
  scalar(e: Expr): string {
    return this.value(e)[0]!;
  }

  /** The expression in temporaries of its own, so that it is evaluated here and now. */
  hold(e: Expr, depth = 0): readonly string[] {
    const known = this.temporaries.get(e);
    if (known !== undefined) return known;
    const texts = this.compute(e, depth);
    const names = this.partNames(this.fresh("t"), e.lanes);
    names.forEach((name, p) => {
      this.line(`const ${this.partType(e)} ${name} = ${texts[p]};`);
    });
    this.temporaries.set(e, names);
    return names;
  }

  /** The expressions of the value's registers. */
  value(e: Expr, depth = 0): readonly string[] {
    const shared = e.args.length > 0 && (this.uses.get(e) ?? 0) > 1;
    return shared || depth > MAX_DEPTH ? this.hold(e) : this.compute(e, depth);
  }

  private compute(e: Expr, depth: number): readonly string[] {
    const { parts, lanes } = this.split(e.lanes);
    const each = (text: (p: number) => string): string[] => Array.from({ length: parts }, (_, p) => text(p));
    const operand = (): readonly string[] => this.value(e.args[0]!, depth + 1);
    switch (e.op) {
      case "const": {
        const text = literal(e.type, e.value as number | bigint | boolean);
        return each(() => (e.lanes > 1 ? spellSplat(e.type, lanes, text, this.helpers) : text));
      }
      case "var": {
        const v = e.value as Var;
        const names = this.namesOf(v);
        return this.indices.has(v) && v.type === "i32" ? [`(i32)${names[0]!}`] : names;
      }
      case "arg": {
        const name = this.scalars.get(e.value as Arg);
        if (name === undefined) throw new BugError(`kernel ${this.kernelName} uses an undeclared argument`);
        return [name];
      }
      case "load":
        return this.load(e, each, lanes);
      case "gather":
        return this.gather(e, operand(), lanes);
      case "splat": {
        const [x] = operand();
        return this.once(e, parts, spellSplat(e.type, lanes, x!, this.helpers));
      }
      case "ramp": {
        const x = parts > 1 ? this.hold(e.args[0]!) : operand();
        return each((p) => spellRamp(e.type, lanes, x[0]!, p * lanes, this.helpers));
      }
      case "lane": {
        const k = e.value as number;
        const inner = this.split(e.args[0]!.lanes).lanes;
        const text = `(${operand()[Math.floor(k / inner)]!})[${k % inner}]`;
        return [e.type === "m32" || e.type === "m64" ? `(i32)(${text} & 1)` : text];
      }
      case "zipLow":
      case "zipHigh": {
        // Part p of the result comes from one half of one part of each operand.
        const [x, y] = e.args.map((a) => this.hold(a)) as [readonly string[], readonly string[]];
        const first = e.op === "zipHigh" ? parts : 0;
        return each((p) => {
          const from = (first + p) >> 1;
          return spellZip(e.type, lanes, (first + p) % 2 === 1, x[from]!, y[from]!, this.helpers);
        });
      }
      default: {
        const args = e.args.map((a) => this.value(a, depth + 1));
        return each((p) =>
          spell(
            e,
            lanes,
            args.map((a) => a[p] ?? a[0]!),
            this.helpers,
          ),
        );
      }
    }
  }

  /** The same register several times. */
  private once(e: Expr, parts: number, text: string): readonly string[] {
    if (parts === 1) return [text];
    const name = this.fresh("t");
    this.line(`const ${this.partType(e)} ${name} = ${text};`);
    return new Array<string>(parts).fill(name);
  }

  private load(e: Expr, each: (text: (p: number) => string) => string[], lanes: number): readonly string[] {
    const buf = e.value as Buf;
    const pointer = this.pointerOf(buf);
    const plain = loadType(buf.mem) === buf.mem;
    const at = this.address(e.args[0]!);
    if (e.lanes === 1) return [`${plain ? "" : "(i32)"}${pointer}[${at}]`];
    const memory = this.helpers.vector(buf.mem, lanes);
    const type = this.helpers.type(e.type, lanes);
    return each((p) => {
      const element = `*(const ${memory}_m *)&${pointer}[${at}${p > 0 ? ` + ${p * lanes}` : ""}]`;
      return plain ? `(${type})${element}` : `__builtin_convertvector(${element}, ${type})`;
    });
  }

  private gather(e: Expr, index: readonly string[], lanes: number): readonly string[] {
    const buf = e.value as Buf;
    const types = [`const ${memoryType(buf.mem)} *`, this.helpers.type("i32", lanes)];
    const result = this.helpers.type(e.type, lanes);
    const fn = this.helpers.lanewise(`gather_${buf.mem}x${lanes}`, result, lanes, types, "x[(i64)y[k]]");
    return index.map((part) => `${fn}(${this.pointerOf(buf)}, ${part})`);
  }

  /**
   * An index in 64 bits. Indices lie within their buffers, so the sums and products they are made of do not wrap, and computing them in
   * 64 bits from the start gives the same number and spares a sign extension an access.
   */
  address(e: Expr): string {
    if (e.op === "const") return `${e.value as number}`;
    if (e.op === "var" && e.lanes === 1) {
      const v = e.value as Var;
      const [name] = this.namesOf(v);
      if (this.indices.has(v)) return name!;
      if (this.wide.has(v)) return `${name}_w`;
    }
    if (!widening.has(e.op)) return `(i64)${this.scalar(e)}`;
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
