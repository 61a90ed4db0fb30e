// Interner: one node for all structurally equal expressions, so that they can be compared and counted by identity.

import { Expr } from "./expr.js";

/** Remembers expressions by their structure. Operands are shared too. */
export class Interner {
  private readonly table = new Map<string, Expr>();
  private readonly ids = new Map<unknown, number>();
  private readonly interned = new Map<Expr, Expr>();

  /** The node that stands for all expressions equal to this one. */
  of(e: Expr): Expr {
    const known = this.interned.get(e);
    if (known) return known;
    const args = e.args.map((a) => this.of(a));
    const value = typeof e.value === "object" ? `#${this.idOf(e.value)}` : literalKey(e.value);
    const key = `${e.op},${e.type},${e.lanes},${value},${args.map((a) => this.idOf(a)).join()}`;
    let node = this.table.get(key);
    if (!node) {
      node = args.every((a, i) => a === e.args[i]) ? e : new Expr(e.op, e.type, e.lanes, args, e.value);
      this.table.set(key, node);
    }
    this.interned.set(e, node);
    return node;
  }

  private idOf(x: unknown): number {
    let id = this.ids.get(x);
    if (id === undefined) {
      id = this.ids.size;
      this.ids.set(x, id);
    }
    return id;
  }
}

function literalKey(v: unknown): string {
  return Object.is(v, -0) ? "-0" : `${typeof v}${String(v)}`;
}
