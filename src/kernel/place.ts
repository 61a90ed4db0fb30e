// Pass: computes each value once and as far out as it can: common subexpressions and loop-invariant code become `let`s.

import { type Buf, Expr, Var, read } from "./expr.js";
import { Interner } from "./intern.js";
import { type Stmt, bodies, expressions } from "./stmt.js";

/**
 * Gives every value that is used twice, or that does not change within a loop, a variable in the outermost block where its operands
 * exist. Loads stay in their block and are shared only while no store comes between; integer division, which may trap, stays too.
 */
export function place(body: readonly Stmt[], blockVar: Var): readonly Stmt[] {
  return new Placer(body, blockVar).run();
}

interface Scope {
  readonly depth: number;
  readonly out: Stmt[];
  readonly values: Map<Expr, Expr>;
  /** Those of `values` that a store or a `set` may change. */
  readonly changing: Set<Expr>;
  /** Whether this block repeats, so that moving a value out of it saves work. */
  readonly loop: boolean;
}

class Placer {
  private readonly interner = new Interner();
  private readonly uses = new Map<Expr, number>();
  private readonly mutable = new Set<Var>();
  private readonly home = new Map<Var, number>();
  private readonly scopes: Scope[] = [];
  private readonly facts = new Map<Expr, Facts>();
  private readonly changes = new Map<Stmt, Changes>();

  constructor(
    private readonly root: readonly Stmt[],
    blockVar: Var,
  ) {
    this.home.set(blockVar, 0);
  }

  run(): readonly Stmt[] {
    this.count(this.root);
    return this.block(this.root, false);
  }

  private count(block: readonly Stmt[]): void {
    for (const stmt of block) {
      if ((stmt.s === "let" && stmt.mutable) || stmt.s === "set" || stmt.s === "accumulate") this.mutable.add(stmt.v);
      for (const e of expressions(stmt)) this.countUse(this.interner.of(e));
      for (const b of bodies(stmt)) this.count(b);
    }
  }

  private countUse(e: Expr): void {
    const n = this.uses.get(e) ?? 0;
    this.uses.set(e, n + 1);
    if (n === 0) for (const a of e.args) this.countUse(a);
  }

  private factsOf(e: Expr): Facts {
    const known = this.facts.get(e);
    if (known) return known;
    const f: Facts = {
      depth: 0,
      unstable: false,
      pinned: mayTrap(e),
      loads: false,
    };
    if (e.op === "load" || e.op === "gather") f.pinned = f.loads = true;
    if (e.op === "var") {
      const v = e.value as Var;
      f.depth = this.home.get(v) ?? 0;
      f.unstable = this.mutable.has(v);
    }
    for (const a of e.args) {
      const g = this.factsOf(a);
      f.depth = Math.max(f.depth, g.depth);
      f.unstable ||= g.unstable;
      f.pinned ||= g.pinned;
      f.loads ||= g.loads;
    }
    this.facts.set(e, f);
    return f;
  }

  private block(block: readonly Stmt[], loop: boolean, index?: Var): Stmt[] {
    const scope: Scope = { depth: this.scopes.length, out: [], values: new Map(), changing: new Set(), loop };
    if (index) this.home.set(index, scope.depth);
    this.scopes.push(scope);
    for (const stmt of block) this.statement(stmt, scope);
    this.scopes.pop();
    return scope.out;
  }

  private statement(stmt: Stmt, scope: Scope): void {
    switch (stmt.s) {
      case "let":
        this.home.set(stmt.v, scope.depth);
        scope.out.push({ ...stmt, value: this.value(stmt.value, true) });
        return;
      case "set":
        scope.out.push({ ...stmt, value: this.value(stmt.value, true) });
        this.forgetUnstable();
        return;
      case "accumulate":
        scope.out.push({ ...stmt, value: this.value(stmt.value) });
        this.forgetUnstable();
        return;
      case "store": {
        const value = this.value(stmt.value);
        scope.out.push({ ...stmt, index: this.value(stmt.index), value });
        this.forgetLoads(stmt.buf);
        return;
      }
      case "if": {
        const cond = this.value(stmt.cond);
        const then = this.block(stmt.then, false);
        const otherwise = this.block(stmt.else, false);
        scope.out.push({ ...stmt, cond, then, else: otherwise });
        this.forgetAfter(stmt);
        return;
      }
      case "for": {
        const from = this.value(stmt.from);
        const to = this.value(stmt.to);
        this.forgetAfter(stmt);
        scope.out.push({ ...stmt, from, to, body: this.block(stmt.body, true, stmt.v) });
        this.forgetAfter(stmt);
        return;
      }
      case "while":
        this.forgetAfter(stmt);
        scope.out.push({ ...stmt, body: this.block(stmt.body, true) });
        this.forgetAfter(stmt);
    }
  }

  /** Rewrites an expression; `root`: its own node is about to be bound by a `let`, so it needs no variable. */
  private value(e: Expr, root = false): Expr {
    return this.rewrite(this.interner.of(e), root);
  }

  private rewrite(e: Expr, root: boolean): Expr {
    if (e.args.length === 0) return e;
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const known = this.scopes[i]!.values.get(e);
      if (known) return known;
    }
    const f = this.factsOf(e);
    const here = this.scopes.length - 1;
    const depth = f.pinned || f.unstable ? here : Math.min(f.depth, here);
    const cheap = e.op === "splat" || (e.lanes > 1 && e.op === "ramp");
    const shared = (this.uses.get(e) ?? 0) > 1 && !cheap;
    const hoisted = !cheap && this.scopes.slice(depth + 1).some((s) => s.loop);
    if (!shared && !hoisted) return this.withArgs(e);
    const scope = this.scopes[depth]!;
    const value = this.withArgs(e);
    if (root && depth === here) return value;
    const v = new Var("t", e.type, e.lanes);
    this.home.set(v, depth);
    scope.out.push({ s: "let", v, value, mutable: false });
    const variable = read(v);
    scope.values.set(e, variable);
    if (f.unstable || f.loads) scope.changing.add(e);
    return variable;
  }

  private withArgs(e: Expr): Expr {
    const args = e.args.map((a) => this.rewrite(a, false));
    return args.every((a, i) => a === e.args[i]) ? e : new Expr(e.op, e.type, e.lanes, args, e.value);
  }

  private forgetAfter(stmt: Stmt): void {
    const { sets, stored } = this.changesOf(stmt);
    if (sets) this.forgetUnstable();
    for (const buf of stored) this.forgetLoads(buf);
  }

  /** What a statement and those nested in it change. */
  private changesOf(stmt: Stmt): Changes {
    let changes = this.changes.get(stmt);
    if (!changes) {
      changes = { sets: stmt.s === "set" || stmt.s === "accumulate", stored: new Set() };
      if (stmt.s === "store") changes.stored.add(stmt.buf);
      for (const block of bodies(stmt)) {
        for (const inner of block) {
          const { sets, stored } = this.changesOf(inner);
          changes.sets ||= sets;
          for (const buf of stored) changes.stored.add(buf);
        }
      }
      this.changes.set(stmt, changes);
    }
    return changes;
  }

  private forgetUnstable(): void {
    this.forget((e) => this.factsOf(e).unstable);
  }

  /** A store may change any argument buffer (two may be the same memory), but only its own scratch buffer. */
  private forgetLoads(buf: Buf): void {
    const clean = new Set<Expr>();
    const touches = (e: Expr): boolean => {
      if (!this.factsOf(e).loads || clean.has(e)) return false;
      if (e.op === "load" || e.op === "gather") {
        const b = e.value as Buf;
        if (b === buf || (b.slot >= 0 && buf.slot >= 0)) return true;
      }
      if (e.args.some(touches)) return true;
      clean.add(e);
      return false;
    };
    this.forget(touches);
  }

  private forget(changed: (e: Expr) => boolean): void {
    for (const { values, changing } of this.scopes) {
      for (const e of changing) {
        if (!changed(e)) continue;
        values.delete(e);
        changing.delete(e);
      }
    }
  }
}

interface Changes {
  /** Whether a variable changes. */
  sets: boolean;
  readonly stored: Set<Buf>;
}

interface Facts {
  depth: number;
  /** Depends on a variable that changes. */
  unstable: boolean;
  /** Must stay in its block: loads may be guarded, integer division may trap. */
  pinned: boolean;
  loads: boolean;
}

/** Integer division traps on 0 (and on the smallest integer by -1); a positive literal is safe anywhere. */
function mayTrap(e: Expr): boolean {
  if ((e.op !== "div" && e.op !== "rem") || e.type === "f32" || e.type === "f64") return false;
  const divisor = e.args[1]!.op === "splat" ? e.args[1]!.args[0]! : e.args[1]!;
  return divisor.op !== "const" || !(Number(divisor.value) > 0);
}
