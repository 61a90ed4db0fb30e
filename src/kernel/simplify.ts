// Pass: shortens index arithmetic by what is known of loop bounds, so that views of views cost no divisions and stay contiguous.

import { type Expr, type Var, binary, constant, isMask, select } from "./expr.js";
import { gcd } from "./extent.js";
import { Interner } from "./intern.js";
import { type Linear, expressionOf, joinedDivision, linearOf } from "./linear.js";
import { type Range, Ranges, within } from "./range.js";
import { rebuild } from "./substitute.js";
import { type Kernel, type Stmt, mapStmt } from "./stmt.js";

/**
 * A kernel whose quotients, remainders, limits and comparisons of indices are replaced where the bounds of its loops decide them:
 * `(i * 8000 + j) / 8000` is `i` for `j` in 0 … 7999, and `x / d * d + x % d` is `x`. It changes no value that is stored.
 */
export const simplify = (kernel: Kernel): readonly Stmt[] => new Simplifier(kernel).block(kernel.body);

const shortened = new Set(["div", "rem", "min", "max", "lt", "le", "gt", "ge", "eq", "ne"]);

class Simplifier {
  private readonly ranges = new Ranges();
  private readonly done = new Map<Expr, Expr>();
  private readonly worth = new Map<Expr, boolean>();
  private readonly interner = new Interner();
  private readonly depthMemo = new Map<Expr, number>();
  /** Values of variables that never change and can be computed again anywhere. */
  private readonly values = new Map<Var, Expr>();
  private readonly depths = new Map<Var, number>();
  private depth = 0;

  constructor(kernel: Kernel) {
    this.declare(kernel.block, { lo: 0, hi: Math.max(0, this.ranges.of(kernel.blocks).hi - 1) });
  }

  block(block: readonly Stmt[]): readonly Stmt[] {
    return block.flatMap((stmt) => this.stmt(stmt));
  }

  private stmt(stmt: Stmt): readonly Stmt[] {
    if (stmt.s === "for") return this.loop(stmt);
    if (stmt.s === "if") return this.branch(stmt);
    const out = mapStmt(
      stmt,
      (e) => this.expr(e),
      (b) => this.block(b),
    );
    if (out.s === "let" && !out.mutable && out.v.type === "i32" && out.v.lanes === 1) {
      this.declare(out.v, this.ranges.of(out.value));
      if (isIndex(out.value)) this.values.set(out.v, out.value);
      if (out.value.op === "const") return [];
    }
    return [out];
  }

  /** A branch; one that is known to be taken, or not, is none. Variables of its arms stay theirs: no name is declared twice. */
  private branch(stmt: Extract<Stmt, { s: "if" }>): readonly Stmt[] {
    const cond = this.expr(stmt.cond);
    if (cond.op === "const") return this.block(cond.value ? stmt.then : stmt.else);
    return [{ ...stmt, cond, then: this.block(stmt.then), else: this.block(stmt.else) }];
  }

  private loop(stmt: Extract<Stmt, { s: "for" }>): readonly Stmt[] {
    const [from, to] = [this.expr(stmt.from), this.expr(stmt.to)];
    const [first, end] = [this.ranges.of(from), this.ranges.of(to)];
    if (first.lo >= end.hi) return [];
    const last = end.hi - 1 - (first.lo === first.hi ? (end.hi - 1 - first.lo) % stmt.step : 0);
    this.depth++;
    this.declare(stmt.v, { lo: first.lo, hi: end.lo === end.hi ? last : end.hi - 1 });
    const body = this.block(stmt.body);
    this.depth--;
    return [{ ...stmt, from, to, body }];
  }

  private declare(v: Var, range: Range): void {
    this.ranges.declare(v, range);
    this.depths.set(v, this.depth);
  }

  private expr(e: Expr): Expr {
    if (!this.isWorth(e)) return e;
    if (e.op === "var") return this.literalOf(e)!;
    const known = this.done.get(e);
    if (known) return known;
    const args = e.args.map((a) => this.expr(a));
    const out = this.shorten(args.every((a, i) => a === e.args[i]) ? e : remake(e, args));
    this.done.set(e, out);
    return out;
  }

  /** Whether an expression has anything in it that could become shorter. */
  private isWorth(e: Expr): boolean {
    let worth = this.worth.get(e);
    if (worth === undefined) {
      worth =
        (shortened.has(e.op) && isIndexType(e.args[0]!)) ||
        this.literalOf(e) !== undefined ||
        e.args.some((a) => this.isWorth(a));
      this.worth.set(e, worth);
    }
    return worth;
  }

  /** The literal that a variable is. */
  private literalOf(e: Expr): Expr | undefined {
    const value = e.op === "var" ? this.values.get(e.value as Var) : undefined;
    return value?.op === "const" ? value : undefined;
  }

  private shorten(e: Expr): Expr {
    const [a, b] = e.args;
    if (!a || !b || !isIndexType(a)) return e;
    if (e.op === "div" || e.op === "rem") return this.division(e);
    if (e.op === "add" || e.op === "sub") return this.joined(e);
    if (e.op === "min" || e.op === "max") {
      const [x, y] = [this.ranges.of(a), this.ranges.of(b)];
      if (x.hi <= y.lo) return e.op === "min" ? a : b;
      return y.hi <= x.lo ? (e.op === "min" ? b : a) : e;
    }
    const truth = decided(e.op, this.ranges.of(a), this.ranges.of(b));
    return truth === undefined ? e : constant(e.type, truth);
  }

  /** Quotients and remainders of sums whose parts are multiples of the divisor, or of a factor of it. */
  private division(e: Expr): Expr {
    const [x, d] = e.args as [Expr, Expr];
    const by = d.op === "const" ? (d.value as number) : 0;
    const range = this.ranges.of(x);
    if (by <= 0 || range.lo < 0) return e;
    if (range.hi < by) return e.op === "div" ? constant("i32", 0) : x;
    const form = this.linear(x);
    if (!form) return e;
    const factors = form.terms.map((t) => gcd(Math.abs(t.factor), by)).filter((g) => g > 1);
    for (const g of [...new Set([by, ...factors])].sort((p, q) => q - p)) {
      const parts = this.split(form, g);
      if (!parts) continue;
      const whole = this.write(parts.whole);
      const rest = constant("i32", by / g);
      if (e.op === "div") return this.expr(binary("div", whole, rest));
      const left = binary("mul", this.expr(binary("rem", whole, rest)), constant("i32", g));
      return binary("add", left, this.write(parts.left));
    }
    return e;
  }

  /** A non-negative form as `g * whole + left` with `left` in 0 … g-1, when its terms say so. */
  private split({ terms, offset }: Linear, g: number): { whole: Linear; left: Linear } | undefined {
    const whole = terms.filter((t) => t.factor % g === 0);
    if (whole.length === 0) return undefined;
    const offsetLeft = ((offset % g) + g) % g;
    const left = { terms: terms.filter((t) => t.factor % g !== 0), offset: offsetLeft };
    const { lo, hi } = this.rangeOf(left);
    if (lo < 0 || hi >= g) return undefined;
    const divided = whole.map((t) => ({ atom: t.atom, factor: t.factor / g }));
    return { whole: { terms: divided, offset: (offset - offsetLeft) / g }, left };
  }

  private rangeOf({ terms, offset }: Linear): Range {
    let [lo, hi] = [offset, offset];
    for (const { atom, factor } of terms) {
      const range = this.ranges.of(atom);
      lo += factor * (factor > 0 ? range.lo : range.hi);
      hi += factor * (factor > 0 ? range.hi : range.lo);
    }
    return within(lo, hi);
  }

  /** A sum in which a quotient meets its remainder. */
  private joined(e: Expr): Expr {
    let form = this.linear(e);
    let found = form && joinedDivision(form);
    if (!found) return e;
    while (found) {
      const { rest, x, k } = found;
      const sum = binary("add", this.write(rest), binary("mul", x, constant("i32", k)));
      form = this.linear(sum);
      if (!form) return sum;
      found = joinedDivision(form);
    }
    return this.write(form!);
  }

  private linear(e: Expr): Linear | undefined {
    return linearOf(
      e,
      (x) => this.interner.of(x),
      (x) => (x.op === "var" ? this.values.get(x.value as Var) : undefined),
    );
  }

  private write(form: Linear): Expr {
    return expressionOf(form, (atom) => this.depthOf(atom));
  }

  private depthOf(e: Expr): number {
    if (e.op === "var") return this.depths.get(e.value as Var) ?? this.depth;
    let depth = this.depthMemo.get(e);
    if (depth === undefined) {
      depth = e.args.reduce((most, a) => Math.max(most, this.depthOf(a)), 0);
      this.depthMemo.set(e, depth);
    }
    return depth;
  }
}

const isIndexType = (e: Expr): boolean => e.type === "i32" && e.lanes === 1;

const indexOps = new Set(["const", "var", "arg", "add", "sub", "mul", "div", "rem", "min", "max"]);

/** Whether an expression is short arithmetic of variables and arguments alone that may be computed again elsewhere. */
function isIndex(e: Expr): boolean {
  let budget = 64;
  const visit = (x: Expr): boolean => budget-- > 0 && isIndexType(x) && indexOps.has(x.op) && x.args.every(visit);
  return visit(e);
}

/** What a comparison comes out as for all values of two ranges; undefined when it depends. */
function decided(op: string, x: Range, y: Range): boolean | undefined {
  if (op === "lt") return x.hi < y.lo ? true : x.lo >= y.hi ? false : undefined;
  if (op === "le") return x.hi <= y.lo ? true : x.lo > y.hi ? false : undefined;
  if (op === "gt") return decided("lt", y, x);
  if (op === "ge") return decided("le", y, x);
  const apart = x.hi < y.lo || y.hi < x.lo;
  const same = x.lo === x.hi && y.lo === y.hi && x.lo === y.lo;
  if (op === "eq") return apart ? false : same ? true : undefined;
  if (op === "ne") return apart ? true : same ? false : undefined;
  return undefined;
}

/** The same op on simpler operands; what literals decide is decided. */
function remake(e: Expr, args: readonly Expr[]): Expr {
  if (e.op === "select") return select(args[0]!, args[1]!, args[2]!);
  if (isMask(e.type) && (e.op === "and" || e.op === "or")) {
    const [a, b] = args as [Expr, Expr];
    for (const [literal, other] of [
      [a, b],
      [b, a],
    ] as const)
      if (literal.op === "const") return literal.value === (e.op === "and") ? other : literal;
  }
  if (e.op === "maskcast" && args[0]!.op === "const") return constant(e.type, args[0]!.value as boolean);
  if (["div", "rem", "min", "max", "and"].includes(e.op) && !isMask(e.type))
    return binary(e.op as "div", args[0]!, args[1]!);
  return rebuild(e, args, e.lanes);
}
