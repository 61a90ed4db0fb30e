// Copies of statements with variables replaced: what unrolling and the tails of vector loops are made of.

import { type Expr, Expr as ExprNode, Var, binary, read } from "./expr.js";
import { type Stmt, mapStmt } from "./stmt.js";

/** The same op on other operands. Integer sums and products fold as at construction. */
export function rebuild(e: Expr, args: readonly Expr[], lanes: number): Expr {
  if (e.op === "add" || e.op === "sub" || e.op === "mul") return binary(e.op, args[0]!, args[1]!);
  return new ExprNode(e.op, e.type, lanes, args, e.value);
}

/** Copies statements with one variable replaced by a value and every variable they declare made new. */
export class Substitution {
  private readonly vars = new Map<Var, Expr>();
  private readonly memo = new Map<Expr, Expr>();

  constructor(v: Var, value: Expr) {
    this.vars.set(v, value);
  }

  block(block: readonly Stmt[]): Stmt[] {
    return block.map((stmt) => this.stmt(stmt));
  }

  private stmt(stmt: Stmt): Stmt {
    if (stmt.s === "let") {
      const value = this.expr(stmt.value);
      return { ...stmt, value, v: this.fresh(stmt.v) };
    }
    if (stmt.s === "for") {
      const from = this.expr(stmt.from);
      const to = this.expr(stmt.to);
      const v = this.fresh(stmt.v);
      return { ...stmt, from, to, v, body: this.block(stmt.body) };
    }
    const copy = mapStmt(
      stmt,
      (e) => this.expr(e),
      (b) => this.block(b),
    );
    if (copy.s !== "set" && copy.s !== "accumulate") return copy;
    const to = this.vars.get(copy.v);
    return to ? { ...copy, v: to.value as Var } : copy;
  }

  private fresh(v: Var): Var {
    const copy = new Var(v.name, v.type, v.lanes);
    this.vars.set(v, read(copy));
    this.memo.clear();
    return copy;
  }

  private expr(e: Expr): Expr {
    if (e.op === "var") return this.vars.get(e.value as Var) ?? e;
    if (e.args.length === 0) return e;
    const known = this.memo.get(e);
    if (known) return known;
    const args = e.args.map((a) => this.expr(a));
    const same = args.every((a, i) => a === e.args[i]);
    const out = same ? e : rebuild(e, args, e.lanes);
    this.memo.set(e, out);
    return out;
  }
}
