// The interpreter: runs a kernel in plain TypeScript over the heap, op by op as the language defines it. The oracle of all targets.

import { assert } from "../core/errors.js";
import { type Arg, type Expr, isMask, memBytes, type Var } from "../kernel/expr.js";
import { type Combine, expressions, type Kernel, type Stmt } from "../kernel/stmt.js";
import { InterpBuffers, type InterpMemory } from "./interp-memory.js";
import { type LaneFn, laneFn, type Scalar } from "./interp-ops.js";

/** Runs blocks `begin` … `end`-1 of a kernel; `args` is the address of its argument table. */
export type InterpKernel = (args: number, begin: number, end: number, thread: number) => void;

type Value = Scalar | Scalar[];
type Thunk = () => Value;
type Action = () => void;

/** Accumulators where a NaN on either side wins and a tie keeps `v`. */
const combineExtreme: { readonly [op in Combine]?: LaneFn } = {
  min: (v, x) => (x < v || Number.isNaN(x) ? x : v),
  max: (v, x) => (x > v || Number.isNaN(x) ? x : v),
};

/**
 * Compiles a kernel to closures.
 *
 * Every load and store is checked against the block that its buffer starts (or the whole heap when its address lies inside a block); one
 * out of bounds throws BugError, as does an integer division by 0.
 */
export function compileInterp(kernel: Kernel, memory: InterpMemory): InterpKernel {
  return new Interp(kernel, memory).run;
}

class Interp {
  /** Values of variables and of expressions used more than once, by slot. */
  private readonly slots: Value[] = [];
  private readonly variables = new Map<Var, number>();
  private readonly scalars = new Map<Arg, number>();
  private readonly buffers: InterpBuffers;
  /** Expressions of the current statement that have a slot. */
  private shared = new Map<Expr, number>();
  private readonly blockSlot: number;
  private readonly body: Action;

  constructor(
    private readonly kernel: Kernel,
    private readonly memory: InterpMemory,
  ) {
    this.buffers = new InterpBuffers(kernel, memory);
    for (const arg of kernel.scalars) this.scalars.set(arg, this.slots.push(0) - 1);
    this.blockSlot = this.declare(kernel.block);
    this.body = this.block(kernel.body);
  }

  readonly run: InterpKernel = (args, begin, end, thread) => {
    this.buffers.bind(args, thread);
    for (const [arg, slot] of this.scalars) this.slots[slot] = this.scalarAt(args, arg);
    for (let b = begin; b < end; b++) {
      this.slots[this.blockSlot] = b;
      this.body();
    }
  };

  private scalarAt(args: number, arg: Arg): Scalar {
    assert(!isMask(arg.type), `argument ${arg.name} is a mask`);
    const type = arg.type as "f32" | "f64" | "i32" | "i64";
    return this.memory.views[type][args / memBytes[type] + arg.slot * (8 / memBytes[type])]!;
  }

  private declare(v: Var): number {
    const slot = this.slots.push(0) - 1;
    this.variables.set(v, slot);
    return slot;
  }

  private slotOf(v: Var): number {
    const slot = this.variables.get(v);
    assert(slot !== undefined, `kernel ${this.kernel.name}: variable ${v.name} is not declared`);
    return slot;
  }

  private block(stmts: readonly Stmt[]): Action {
    const actions = stmts.map((s) => this.statement(s));
    if (actions.length === 1) return actions[0]!;
    return () => {
      for (const action of actions) action();
    };
  }

  /** Gives every expression that the statement uses more than once a slot, computed before the statement's own roots. */
  private prepare(roots: readonly Expr[]): Action {
    this.shared = new Map();
    const seen = new Set<Expr>();
    const repeated = new Set<Expr>();
    const order: Expr[] = [];
    const visit = (e: Expr): void => {
      if (e.args.length === 0) return;
      if (seen.has(e)) return void repeated.add(e);
      seen.add(e);
      e.args.forEach(visit);
      order.push(e);
    };
    roots.forEach(visit);
    const steps = order
      .filter((e) => repeated.has(e))
      .map((e) => {
        const thunk = this.compute(e);
        const slot = this.slots.push(0) - 1;
        this.shared.set(e, slot);
        return () => {
          this.slots[slot] = thunk();
        };
      });
    return () => {
      for (const step of steps) step();
    };
  }

  private statement(s: Stmt): Action {
    const prepare = this.prepare(expressions(s));
    switch (s.s) {
      case "for":
        return this.loop(s, prepare);
      case "if": {
        const cond = this.value(s.cond);
        const [then, otherwise] = [this.block(s.then), this.block(s.else)];
        return () => {
          prepare();
          if (cond() !== 0) then();
          else otherwise();
        };
      }
      case "while": {
        const cond = this.value(s.cond);
        const body = this.block(s.body);
        return () => {
          for (prepare(); cond() !== 0; prepare()) body();
        };
      }
      case "store":
        return this.store(s, prepare);
      case "let":
      case "set": {
        const value = this.value(s.value);
        const slot = s.s === "let" ? this.declare(s.v) : this.slotOf(s.v);
        return () => {
          prepare();
          this.slots[slot] = value();
        };
      }
      case "accumulate":
        return this.accumulate(s, prepare);
    }
  }

  private loop(s: Stmt & { s: "for" }, prepare: Action): Action {
    const [from, to] = [this.value(s.from), this.value(s.to)];
    const slot = this.declare(s.v);
    const body = this.block(s.body);
    const step: Scalar = s.v.type === "i64" ? BigInt(s.step) : s.step;
    return () => {
      prepare();
      const end = to() as Scalar;
      for (let i = from() as Scalar; i < end; i = (i as number) + (step as number)) {
        this.slots[slot] = i;
        body();
      }
    };
  }

  private store(s: Stmt & { s: "store" }, prepare: Action): Action {
    const [index, value] = [this.value(s.index), this.value(s.value)];
    const place = this.buffers.placeOf(s.buf);
    const lanes = s.value.lanes;
    if (lanes === 1 && s.index.lanes === 1) {
      return () => {
        prepare();
        place.view[this.buffers.at(place, index() as number)] = value() as never;
      };
    }
    return () => {
      prepare();
      const i = index() as number | number[];
      const v = value() as Scalar[];
      for (let k = 0; k < lanes; k++)
        place.view[this.buffers.at(place, typeof i === "number" ? i + k : i[k]!)] = v[k] as never;
    };
  }

  /** `v = combine(v, value)` at once. */
  private accumulate(s: Stmt & { s: "accumulate" }, prepare: Action): Action {
    const value = this.value(s.value);
    const slot = this.slotOf(s.v);
    const plain = { type: s.v.type, lanes: 1, args: [s.value], value: undefined };
    const fn = combineExtreme[s.combine] ?? laneFn({ op: s.combine, ...plain });
    const lanes = s.v.lanes;
    return () => {
      prepare();
      const [v, x] = [this.slots[slot]!, value()];
      if (lanes === 1) this.slots[slot] = fn(v as Scalar, x as Scalar, 0);
      else this.slots[slot] = (v as Scalar[]).map((lane, k) => fn(lane, (x as Scalar[])[k]!, 0));
    };
  }

  private value(e: Expr): Thunk {
    const slot = this.shared.get(e);
    if (slot !== undefined) return () => this.slots[slot]!;
    return this.compute(e);
  }

  private compute(e: Expr): Thunk {
    switch (e.op) {
      case "const": {
        const v = typeof e.value === "boolean" ? (e.value ? 1 : 0) : (e.value as Scalar);
        return () => v;
      }
      case "var": {
        const slot = this.slotOf(e.value as Var);
        return () => this.slots[slot]!;
      }
      case "arg": {
        const slot = this.scalars.get(e.value as Arg);
        assert(slot !== undefined, `kernel ${this.kernel.name} uses an undeclared argument`);
        return () => this.slots[slot]!;
      }
      case "load":
      case "gather":
        return this.load(e);
      default:
        return this.lanewise(e);
    }
  }

  private load(e: Expr): Thunk {
    const index = this.value(e.args[0]!);
    const place = this.buffers.placeOf(e.value);
    const { lanes } = e;
    if (e.op === "gather") return () => (index() as number[]).map((i) => place.view[this.buffers.at(place, i)]!);
    if (lanes === 1) return () => place.view[this.buffers.at(place, index() as number)]!;
    return () => {
      const i = index() as number;
      return Array.from({ length: lanes }, (_, k) => place.view[this.buffers.at(place, i + k)]!);
    };
  }

  private lanewise(e: Expr): Thunk {
    const [x, y, z] = e.args.map((a) => this.value(a)) as [Thunk, Thunk, Thunk];
    const { lanes } = e;
    const mask = isMask(e.type);
    const laneOf = (v: Scalar[]): Scalar => (mask ? (v[e.value as number] as number) & 1 : v[e.value as number]!);
    if (e.op === "splat") return () => new Array<Scalar>(lanes).fill(mask ? -(x() as number) | 0 : (x() as Scalar));
    if (e.op === "lane") return () => laneOf(x() as Scalar[]);
    if (e.op === "ramp") return ramp(x, lanes);
    if (e.op === "zipLow" || e.op === "zipHigh") return zip(x, y, lanes, e.op === "zipHigh" ? lanes / 2 : 0);
    const fn = laneFn(e);
    if (lanes === 1) {
      if (e.args.length === 1) return () => fn(x() as Scalar, 0, 0);
      if (e.args.length === 2) return () => fn(x() as Scalar, y() as Scalar, 0);
      return () => fn(x() as Scalar, y() as Scalar, z() as Scalar);
    }
    const operands = e.args.map((a, k) => ({ thunk: [x, y, z][k]!, vector: a.lanes > 1 }));
    return () => {
      const v = operands.map((o) => o.thunk());
      const pick = (n: number, k: number): Scalar => (operands[n]?.vector ? (v[n] as Scalar[])[k]! : (v[n] as Scalar));
      return Array.from({ length: lanes }, (_, k) => fn(pick(0, k), pick(1, k), pick(2, k)));
    };
  }
}

function zip(x: Thunk, y: Thunk, lanes: number, from: number): Thunk {
  return () => {
    const both = [x() as Scalar[], y() as Scalar[]];
    return Array.from({ length: lanes }, (_, k) => both[k % 2]![from + (k >> 1)]!);
  };
}

function ramp(x: Thunk, lanes: number): Thunk {
  return () => {
    const start = x();
    if (typeof start === "bigint") return Array.from({ length: lanes }, (_, k) => BigInt.asIntN(64, start + BigInt(k)));
    return Array.from({ length: lanes }, (_, k) => ((start as number) + k) | 0);
  };
}
