// Tests of the simplify pass: what it must find, and that random index arithmetic keeps its values.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Buf, type Expr, Var, binary, compare, constant, load, read, select } from "./expr.js";
import { printStatement } from "./print.js";
import { simplify } from "./simplify.js";
import type { Kernel, Stmt } from "./stmt.js";

const i32 = (n: number): Expr => constant("i32", n);
const add = (x: Expr, y: Expr): Expr => binary("add", x, y);
const mul = (x: Expr, n: number): Expr => binary("mul", x, i32(n));
const div = (x: Expr, n: number): Expr => binary("div", x, i32(n));
const rem = (x: Expr, n: number): Expr => binary("rem", x, i32(n));

const names = ["i", "j", "l"];

interface Nest {
  readonly kernel: Kernel;
  readonly vars: readonly Var[];
}

/** A kernel that stores 1 at an index, under loops of the given extents, each by its step. */
function nest(extents: readonly number[], steps: readonly number[], index: (vars: readonly Expr[]) => Expr): Nest {
  const out = new Buf("out", "i32", 0);
  const vars = extents.map((_, a) => new Var(names[a]!, "i32"));
  let body: Stmt[] = [{ s: "store", buf: out, index: index(vars.map(read)), value: i32(1), stream: false }];
  for (let a = extents.length - 1; a >= 0; a--) {
    const loop: Stmt = {
      s: "for",
      v: vars[a]!,
      from: i32(0),
      to: i32(extents[a]!),
      step: steps[a]!,
      kind: "serial",
      body,
    };
    body = [loop];
  }
  const block = new Var("block", "i32");
  const head = { name: "k", buffers: [out], scalars: [], scratch: [], scratchSlot: -1, block, blocks: i32(1) };
  return { kernel: { ...head, body }, vars };
}

/** The innermost statements. */
function inner(body: readonly Stmt[]): Stmt {
  const [first] = body;
  return first!.s === "for" ? inner(first!.body) : first!;
}

const simplified = (extents: readonly number[], index: (...vars: Expr[]) => Expr): string => {
  const { kernel } = nest(
    extents,
    extents.map(() => 1),
    (vars) => index(...vars),
  );
  return printStatement(inner(simplify(kernel))).replace(/^out\[(.*)\] = 1i$/, "$1");
};

/** What an index expression is for values of its variables, by its meaning on numbers. */
function numberOf(e: Expr, values: ReadonlyMap<Var, number>): number {
  if (e.op === "const") return Number(e.value);
  if (e.op === "var") return values.get(e.value as Var)!;
  const [x = 0, y = 0, z = 0] = e.args.map((a) => numberOf(a, values));
  switch (e.op) {
    case "add":
      return x + y;
    case "sub":
      return x - y;
    case "mul":
      return x * y;
    case "div":
      return Math.trunc(x / y);
    case "rem":
      return x % y;
    case "min":
      return Math.min(x, y);
    case "max":
      return Math.max(x, y);
    case "lt":
      return Number(x < y);
    case "eq":
      return Number(x === y);
    case "select":
      return x ? y : z;
    default:
      throw new Error(e.op);
  }
}

describe("simplify", () => {
  it("sees through reshapes", () => {
    const row = (i: Expr, j: Expr): Expr => add(mul(i, 8000), j);
    expect(simplified([1024, 8000], (i, j) => div(row(i, j), 8000))).toBe("i");
    expect(simplified([1024, 8000], (i, j) => rem(row(i, j), 8000))).toBe("j");
    // [16, 64, 8000] read as [1024, 8000].
    const flat = (i: Expr): Expr => add(mul(div(i, 64), 64), rem(i, 64));
    expect(simplified([1024, 8000], (i, j) => row(flat(i), j))).toBe("((i * 8000i) + j)");
    expect(simplified([1024, 8000], (i, j) => div(row(i, j), 64 * 8000))).toBe("(i / 64i)");
  });

  it("drops limits that loops keep, and keeps those they do not", () => {
    expect(simplified([8], (i) => binary("min", i, i32(7)))).toBe("i");
    expect(simplified([9], (i) => binary("min", i, i32(7)))).toBe("min(i, 7i)");
    expect(simplified([8], (i) => select(compare("lt", i, i32(8)), i, i32(0)))).toBe("i");
    expect(simplified([8], (i) => select(compare("eq", i, i32(8)), i32(0), i))).toBe("i");
  });

  it("takes branches that are decided, and loops that never run, out", () => {
    const out = new Buf("out", "i32", 0);
    const store = (n: number): Stmt => ({ s: "store", buf: out, index: i32(n), value: i32(1), stream: false });
    const n = new Var("n", "i32");
    const { kernel } = nest([], [], () => i32(0));
    const cond = compare("eq", binary("min", read(n), i32(8)), i32(8));
    const body: Stmt[] = [
      { s: "let", v: n, value: i32(32), mutable: false },
      { s: "if", cond, then: [store(1)], else: [store(2)] },
      { s: "for", v: new Var("i", "i32"), from: read(n), to: i32(32), step: 1, kind: "serial", body: [store(3)] },
    ];
    expect(simplify({ ...kernel, body }).map(printStatement)).toEqual(["out[1i] = 1i"]);
  });

  it("reads no memory a second time", () => {
    const table = new Buf("table", "i32", 1);
    const { kernel } = nest([], [], () => i32(0));
    const v = new Var("v", "i32");
    const index = div(add(mul(read(v), 4), i32(1)), 4);
    const body: Stmt[] = [
      { s: "let", v, value: load(table, i32(0)), mutable: false },
      { s: "store", buf: kernel.buffers[0]!, index, value: i32(1), stream: false },
    ];
    expect(simplify({ ...kernel, body }).map(printStatement)[1]).toBe("out[(((v * 4i) + 1i) / 4i)] = 1i");
  });

  it("is fast on values shared many times", () => {
    const start = i32(1);
    const { kernel } = nest([4], [1], ([i]) => {
      let e = add(i!, start);
      for (let n = 0; n < 200; n++) e = div(add(e, e), 2);
      return e;
    });
    expect(simplify(kernel)).toHaveLength(1);
  });

  const leaf = fc.oneof(
    fc.integer({ min: 0, max: 2 }).map(
      (a) =>
        (vars: readonly Expr[]): Expr =>
          vars[a]!,
    ),
    fc.integer({ min: -5, max: 40 }).map((n) => (): Expr => i32(n)),
  );
  type Make = (vars: readonly Expr[]) => Expr;
  const make = fc.letrec<{ index: Make }>((tie) => ({
    index: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      leaf,
      fc.tuple(fc.constantFrom("add", "sub", "min", "max"), tie("index"), tie("index")).map(
        ([op, x, y]): Make =>
          (v) =>
            binary(op as "add", x(v), y(v)),
      ),
      fc.tuple(fc.constantFrom("div", "rem", "mul", "div", "rem"), tie("index"), fc.integer({ min: 1, max: 24 })).map(
        ([op, x, n]): Make =>
          (v) =>
            binary(op as "div", x(v), i32(n)),
      ),
      fc.tuple(tie("index"), fc.integer({ min: 2, max: 12 })).map(
        ([x, n]): Make =>
          (v) =>
            add(mul(div(x(v), n), n), rem(x(v), n)),
      ),
      fc.tuple(fc.constantFrom("lt", "eq"), tie("index"), tie("index")).map(
        ([op, x, y]): Make =>
          (v) =>
            select(compare(op as "lt", x(v), y(v)), x(v), i32(3)),
      ),
    ),
  })).index;

  it("keeps the value of every index, for all values of the loops", () => {
    const extents = fc.tuple(...[1, 1, 1].map((min) => fc.integer({ min, max: 12 })));
    const steps = fc.tuple(...[1, 1, 1].map((min) => fc.integer({ min, max: 3 })));
    fc.assert(
      fc.property(extents, steps, make, (sizes, by, index) => {
        const { kernel, vars } = nest(sizes, by, index);
        const before = inner(kernel.body) as Extract<Stmt, { s: "store" }>;
        const after = inner(simplify(kernel)) as Extract<Stmt, { s: "store" }>;
        const at = new Map<Var, number>();
        for (let i = 0; i < sizes[0]!; i += by[0]!)
          for (let j = 0; j < sizes[1]!; j += by[1]!)
            for (let l = 0; l < sizes[2]!; l += by[2]!) {
              [i, j, l].forEach((n, a) => at.set(vars[a]!, n));
              // As 32-bit integers, which have no -0.
              expect(numberOf(after.index, at) | 0).toBe(numberOf(before.index, at) | 0);
            }
      }),
      { numRuns: 400 },
    );
  });
});
