// What one launch does, counted from its kernel before it runs: floating-point operations, and bytes loaded and stored a buffer.

import { type Arg, type Buf, type Expr, laneBytes, memBytes, type Var } from "../kernel/expr.js";
import { bodies, expressions, type Kernel, type Stmt } from "../kernel/stmt.js";
import { binaryNumbers } from "./launch-size.js";

/** What a kernel does when all its blocks run. */
export interface KernelCount {
  /**
   * Floating-point operations executed: additions, subtractions, multiplications, divisions, minima, maxima and square roots of f32 and
   * f64 count 1 a lane, `fma` 2. Comparisons, selections, conversions, changes of sign and integer arithmetic count nothing.
   */
  readonly flops: number;
  /** Those of `flops` that are in `fma`. */
  readonly fused: number;
  /** Bytes loaded from and stored to each buffer of the kernel, in its order; scratch is left out. */
  readonly loaded: readonly number[];
  readonly stored: readonly number[];
  /** Whether loops and branches depend on sizes alone; if not, each loop that depends on data counts once. */
  readonly exact: boolean;
}

/** Rounds of a loop that are looked at one by one, by how many such loops stand around it; of longer loops as many, spread evenly. */
const looked = [64, 32, 12, 5];

/** Ops that count as one floating-point operation a lane. */
const arithmetic = new Set<string>(["add", "sub", "mul", "div", "min", "max", "sqrt"]);

/**
 * Counts a scheduled kernel. Loops whose bodies do the same in every round are multiplied out; others (edges, triangles) are walked, long
 * ones at evenly spread rounds between the first and the last, which is exact for edges and for linear growth.
 *
 * @param scalar the value of a scalar argument
 */
export function countKernel(kernel: Kernel, scalar: (arg: Arg) => number): KernelCount {
  return new Counter(kernel, scalar).run();
}

/** Totals: flops, fused, then bytes loaded of each buffer, then bytes stored. */
type Totals = Float64Array;

class Counter {
  private readonly totals: Totals;
  private readonly values = new Map<Var, number | undefined>();
  private readonly own = new Map<Stmt, Totals>();
  private readonly varies = new Map<Stmt, boolean>();
  /** Variables that bounds and conditions are made of. */
  private readonly control: ReadonlySet<Var>;
  private readonly slots: ReadonlyMap<unknown, number>;
  private exact = true;

  constructor(
    private readonly kernel: Kernel,
    private readonly scalar: (arg: Arg) => number,
  ) {
    this.totals = new Float64Array(2 + 2 * kernel.buffers.length);
    this.slots = new Map(kernel.buffers.map((b, i) => [b, i]));
    this.control = controlVariables(kernel.body);
  }

  run(): KernelCount {
    const { kernel, totals } = this;
    const blocks = this.value(kernel.blocks) ?? 1;
    const varies = dependsOn(kernel.body, kernel.block, this.control);
    this.rounds(kernel.block, 0, blocks, 1, varies, kernel.body, 1, 0);
    const n = kernel.buffers.length;
    return {
      flops: Math.round(totals[0]!),
      fused: Math.round(totals[1]!),
      loaded: [...totals.subarray(2, 2 + n)].map(Math.round),
      stored: [...totals.subarray(2 + n)].map(Math.round),
      exact: this.exact,
    };
  }

  private block(block: readonly Stmt[], weight: number, depth: number): void {
    for (const stmt of block) {
      this.add(stmt, weight);
      if (stmt.s === "let" || stmt.s === "set") {
        if (this.control.has(stmt.v)) this.values.set(stmt.v, this.value(stmt.value));
      } else if (stmt.s === "accumulate") this.values.delete(stmt.v);
      else if (stmt.s === "for") this.loop(stmt, weight, depth);
      else if (stmt.s === "while") {
        this.exact = false;
        this.forget(stmt.body);
        this.block(stmt.body, weight, depth);
      } else if (stmt.s === "if") this.branch(stmt, weight, depth);
    }
  }

  /** A condition on data: both sides count half. */
  private branch(stmt: Extract<Stmt, { s: "if" }>, weight: number, depth: number): void {
    const cond = this.value(stmt.cond);
    if (cond !== undefined) return this.block(cond ? stmt.then : stmt.else, weight, depth);
    this.exact = false;
    this.block(stmt.then, weight / 2, depth);
    this.block(stmt.else, weight / 2, depth);
  }

  private loop(stmt: Extract<Stmt, { s: "for" }>, weight: number, depth: number): void {
    const [from, to] = [this.value(stmt.from), this.value(stmt.to)];
    this.forget(stmt.body);
    if (from === undefined || to === undefined) {
      this.exact = false;
      this.values.delete(stmt.v);
      return this.block(stmt.body, weight, depth);
    }
    let varies = this.varies.get(stmt);
    if (varies === undefined) {
      varies = dependsOn(stmt.body, stmt.v, this.control);
      this.varies.set(stmt, varies);
    }
    this.rounds(
      stmt.v,
      from,
      Math.max(0, Math.ceil((to - from) / stmt.step)),
      stmt.step,
      varies,
      stmt.body,
      weight,
      depth,
    );
  }

  private rounds(
    v: Var,
    from: number,
    count: number,
    step: number,
    varies: boolean,
    body: readonly Stmt[],
    weight: number,
    depth: number,
  ): void {
    if (count <= 0) return;
    const at = (round: number, times: number): void => {
      this.values.set(v, from + round * step);
      this.block(body, weight * times, depth + (varies ? 1 : 0));
    };
    const most = looked[Math.min(depth, looked.length - 1)]!;
    if (!varies) at(0, count);
    else if (count <= most) for (let i = 0; i < count; i++) at(i, 1);
    else {
      const inner = most - 2;
      at(0, 1);
      for (let i = 0; i < inner; i++) at(1 + Math.floor(((i + 0.5) * (count - 2)) / inner), (count - 2) / inner);
      at(count - 1, 1);
    }
    this.values.delete(v);
  }

  /** What a loop's body changes is not known in its first round, when that stands for all. */
  private forget(body: readonly Stmt[]): void {
    for (const stmt of body) {
      if (stmt.s === "set" || stmt.s === "accumulate") this.values.delete(stmt.v);
      bodies(stmt).forEach((b) => this.forget(b));
    }
  }

  private add(stmt: Stmt, weight: number): void {
    let own = this.own.get(stmt);
    if (!own) {
      own = this.measure(stmt);
      this.own.set(stmt, own);
    }
    for (let i = 0; i < own.length; i++) this.totals[i]! += weight * own[i]!;
  }

  /** What a statement does by itself. Values used twice are computed once. */
  private measure(stmt: Stmt): Totals {
    const own = new Float64Array(this.totals.length);
    const n = this.kernel.buffers.length;
    const seen = new Set<Expr>();
    const visit = (e: Expr): void => {
      if (seen.has(e)) return;
      seen.add(e);
      if (e.type === "f32" || e.type === "f64") {
        if (e.op === "fma") {
          own[0]! += 2 * e.lanes;
          own[1]! += 2 * e.lanes;
        } else if (arithmetic.has(e.op)) own[0]! += e.lanes;
      }
      const slot = e.op === "load" || e.op === "gather" ? this.slots.get(e.value) : undefined;
      if (slot !== undefined) own[2 + slot]! += e.lanes * memBytes[(e.value as Buf).mem];
      e.args.forEach(visit);
    };
    expressions(stmt).forEach(visit);
    if (stmt.s === "accumulate" && (stmt.v.type === "f32" || stmt.v.type === "f64")) own[0]! += stmt.v.lanes;
    if (stmt.s === "store") {
      const slot = this.slots.get(stmt.buf);
      const lanes = Math.max(stmt.value.lanes, stmt.index.lanes);
      if (slot !== undefined) own[2 + n + slot]! += lanes * memBytes[stmt.buf.mem];
    }
    return own;
  }

  /** A scalar of sizes, if it is one. */
  private value(e: Expr): number | undefined {
    if (e.lanes !== 1) return undefined;
    if (e.op === "const") return Number(e.value);
    if (e.op === "arg") return this.scalar(e.value as Arg);
    if (e.op === "var") return this.values.get(e.value as Var);
    if (e.type === "f32" || e.type === "f64") return undefined;
    const [x, y, z] = e.args.map((a) => this.value(a));
    if (x === undefined) return undefined;
    if (e.op === "cast" && !["f32", "f64"].includes(e.args[0]!.type)) return x;
    if (e.op === "maskcast") return x;
    if (e.op === "neg") return -x;
    if (e.op === "abs") return Math.abs(x);
    if (e.op === "not") return e.type === "m32" || e.type === "m64" ? 1 - x : ~x;
    if (e.op === "select") return x ? y : z;
    const f = laneBytes(e.args[0]!.type) === 4 ? binaryNumbers[e.op] : undefined;
    return f && y !== undefined ? f(x, y) : undefined;
  }
}

/** Calls `visit` for every statement, and for the expressions that decide how often others run. */
function walk(block: readonly Stmt[], visit: (stmt: Stmt, deciding: readonly Expr[]) => void): void {
  for (const stmt of block) {
    visit(stmt, stmt.s === "for" || stmt.s === "if" || stmt.s === "while" ? expressions(stmt) : []);
    for (const body of bodies(stmt)) walk(body, visit);
  }
}

const variablesOf = new WeakMap<Expr, ReadonlySet<Var>>();

function variables(e: Expr): ReadonlySet<Var> {
  let found = variablesOf.get(e);
  if (!found) {
    const all = e.op === "var" ? [e.value as Var] : e.args.flatMap((a) => [...variables(a)]);
    found = new Set(all);
    variablesOf.set(e, found);
  }
  return found;
}

/** The variables that bounds and conditions are computed from, through other variables too. */
function controlVariables(body: readonly Stmt[]): ReadonlySet<Var> {
  const control = new Set<Var>();
  for (let before = -1; before < control.size; ) {
    before = control.size;
    walk(body, (stmt, deciding) => {
      for (const e of deciding) for (const v of variables(e)) control.add(v);
      if ((stmt.s === "let" || stmt.s === "set" || stmt.s === "accumulate") && control.has(stmt.v))
        for (const v of variables(stmt.value)) control.add(v);
    });
  }
  return control;
}

/** Whether how often something runs in `body` depends on `v`. */
function dependsOn(body: readonly Stmt[], v: Var, control: ReadonlySet<Var>): boolean {
  if (!control.has(v)) return false;
  const from = new Set([v]);
  const uses = (e: Expr): boolean => [...variables(e)].some((x) => from.has(x));
  let found = false;
  walk(body, (stmt, deciding) => {
    found ||= deciding.some(uses);
    if ((stmt.s === "let" || stmt.s === "set") && control.has(stmt.v) && uses(stmt.value)) from.add(stmt.v);
  });
  return found;
}
