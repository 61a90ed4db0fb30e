// The legality check: a legal kernel of every statement passes, and each broken rule is named.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BugError } from "../core/errors.js";
import { Arg, argument, binary, Buf, compare, constant, Expr, load, ramp, read, select, splat, Var } from "./expr.js";
import { kernelText, printKernel, printStatement } from "./print.js";
import { verifyKernel } from "./spec.js";
import type { Kernel, Stmt } from "./stmt.js";

const i32 = (v: number): Expr => constant("i32", v);
const f32 = (v: number): Expr => constant("f32", v);

/** A kernel with every kind of statement; its parts are made anew by each call. */
function sample(rename = ""): { kernel: Kernel; x: Buf; out: Buf; n: Arg; block: Var } {
  const [x, out] = [new Buf(`x${rename}`, "f32", 0), new Buf(`out${rename}`, "f32", 1)];
  const n = new Arg(`n${rename}`, "i32", 2);
  const [block, i, j, v, w] = ["block", "i", "j", "v", "w"].map((name) => new Var(name + rename, "i32"));
  const acc = new Var(`acc${rename}`, "f32");
  const wide = new Var("wide", "f32", 4);
  const shared = binary("mul", load(x, read(i!)), f32(0.1));
  const body: Stmt[] = [
    { s: "let", v: acc, value: f32(-0), mutable: true },
    {
      s: "for",
      v: i!,
      from: i32(0),
      to: argument(n),
      step: 1,
      kind: "serial",
      body: [{ s: "accumulate", v: acc, combine: "add", value: binary("add", shared, shared) }],
    },
    { s: "let", v: w!, value: read(block!), mutable: true },
    {
      s: "while",
      cond: compare("lt", read(w!), i32(9)),
      body: [{ s: "set", v: w!, value: binary("add", read(w!), i32(2)) }],
    },
    {
      s: "if",
      cond: compare("gt", read(acc), f32(1)),
      then: [{ s: "store", buf: out, index: read(w!), value: read(acc), stream: false }],
      else: [
        {
          s: "for",
          v: j!,
          from: i32(0),
          to: i32(8),
          step: 4,
          kind: "lanes",
          body: [
            { s: "let", v: wide, value: load(x, read(j!), 4), mutable: false },
            {
              s: "store",
              buf: out,
              index: read(j!),
              value: select(compare("lt", read(wide), splat(f32(0), 4)), splat(f32(1), 4), read(wide)),
              stream: true,
            },
          ],
        },
      ],
    },
    { s: "let", v: v!, value: i32(1), mutable: false },
  ];
  const kernel = {
    name: `k${rename}`,
    buffers: [x, out],
    scalars: [n],
    scratch: [],
    scratchSlot: -1,
    block: block!,
    blocks: argument(n),
    body,
  };
  return { kernel, x, out, n, block: block! };
}

/** The rule that a changed copy of the sample breaks. */
function broken(change: (s: ReturnType<typeof sample>) => Stmt | Partial<Kernel>): unknown {
  const s = sample();
  const changed = change(s);
  const kernel = "s" in changed ? { ...s.kernel, body: [changed] } : { ...s.kernel, ...changed };
  try {
    verifyKernel(kernel, "built");
  } catch (error) {
    return error instanceof BugError ? error.fields.rule : error;
  }
  return undefined;
}

const storeOf = (buf: Buf, value: Expr, index: Expr = i32(0)): Stmt => ({
  s: "store",
  buf,
  index,
  value,
  stream: false,
});

describe("verifyKernel", () => {
  it("passes a legal kernel and refuses lanes loops after scheduling", () => {
    const { kernel } = sample();
    verifyKernel(kernel, "built");
    expect(() => verifyKernel(kernel, "scheduled")).toThrow(/a loop of kind lanes/);
  });

  it("names the broken rule", () => {
    const stranger = new Buf("y", "f32", 5);
    const v = new Var("v", "f32");
    const raw = (op: "add" | "shl" | "bitcast" | "gather", type: "f32" | "i32", lanes: number, args: Expr[]): Expr =>
      new Expr(op, type, lanes, args);
    expect(broken((s) => storeOf(s.out, raw("add", "f32", 1, [f32(1), i32(1)])))).toBe("types");
    expect(broken((s) => storeOf(s.out, raw("add", "f32", 4, [splat(f32(1), 4), f32(1)])))).toBe("lanes");
    expect(broken((s) => storeOf(s.out, i32(1)))).toBe("types");
    expect(broken((s) => storeOf(s.out, read(v)))).toBe("scope");
    expect(broken((s) => storeOf(s.out, f32(1), constant("i64", 1)))).toBe("index");
    expect(broken((s) => storeOf(s.out, splat(f32(1), 2), ramp(i32(0), 4)))).toBe("lanes");
    expect(broken(() => storeOf(stranger, f32(1)))).toBe("declared");
    expect(broken((s) => storeOf(s.out, load(stranger, i32(1))))).toBe("declared");
    expect(broken((s) => storeOf(s.out, argument(new Arg("m", "f32", 2))))).toBe("declared");
    expect(broken((s) => storeOf(s.out, raw("gather", "f32", 4, [ramp(i32(0), 4)])))).toBe("types");
    expect(broken((s) => storeOf(s.out, raw("bitcast", "f32", 1, [compare("lt", i32(1), i32(2))])))).toBe("types");
    expect(broken((s) => storeOf(s.out, raw("shl", "f32", 1, [f32(1), i32(2)])))).toBe("types");
    expect(broken((s) => storeOf(s.out, f32(1), raw("shl", "i32", 1, [i32(1), f32(2)])))).toBe("index");
    expect(broken((s) => storeOf(s.out, new Expr("const", "f32", 1, [], 0.1)))).toBe("literal");
    expect(broken((s) => storeOf(s.out, new Expr("lane", "f32", 1, [splat(f32(1), 4)], 4)))).toBe("lanes");
    expect(broken(() => ({ s: "set", v, value: f32(1) }))).toBe("scope");
    expect(broken((s) => ({ s: "set", v: s.block, value: i32(1) }))).toBe("mutable");
    expect(broken((s) => ({ s: "let", v: s.block, value: i32(1), mutable: true }))).toBe("scope");
    expect(broken(() => ({ s: "if", cond: i32(1), then: [], else: [] }))).toBe("types");
    expect(broken(() => ({ s: "for", v, from: i32(0), to: i32(1), step: 1, kind: "serial", body: [] }))).toBe("loop");
    const i = new Var("i", "i32");
    expect(broken(() => ({ s: "for", v: i, from: i32(0), to: i32(1), step: 0, kind: "serial", body: [] }))).toBe(
      "loop",
    );
    expect(broken((s) => ({ blocks: load(s.x, i32(0)) }))).toBe("blocks");
    expect(broken((s) => ({ blocks: read(s.block) }))).toBe("blocks");
    expect(broken((s) => ({ scalars: [new Arg("n", "i32", 0), s.n] }))).toBe("declared");
    expect(broken((s) => ({ scratch: [s.x], scratchSlot: 7 }))).toBe("declared");
  });

  it("ends a variable's scope with its block", () => {
    const v = new Var("v", "f32");
    const body = (s: ReturnType<typeof sample>): Stmt[] => [
      {
        s: "if",
        cond: compare("lt", i32(0), i32(1)),
        then: [{ s: "let", v, value: f32(1), mutable: false }],
        else: [],
      },
      storeOf(s.out, read(v)),
    ];
    expect(broken((s) => ({ body: body(s) }))).toBe("scope");
  });

  it("is fast on values shared many times", () => {
    const double = (e: Expr): Expr => binary("add", e, e);
    const value = Array.from({ length: 200 }).reduce<Expr>(double, f32(1));
    expect(broken((s) => storeOf(s.out, value))).toBeUndefined();
    expect(kernelText({ ...sample().kernel, body: [storeOf(sample().out, value)] }).length).toBeLessThan(8000);
  });
});

describe("printing", () => {
  it("reads well", () => {
    expect(printKernel(sample().kernel)).toMatchInlineSnapshot(`
      "kernel k(b0: f32, b1: f32, s2: i32) for v0 in 0..s2 {
        var v1: f32 = -0f
        for serial v2: i32 in 0i..s2 step 1 {
          %0 = (b0[v2] * 0.10000000149011612f)
          v1 add= (%0 + %0)
        }
        var v3: i32 = v0
        while (v3 < 9i) {
          v3 = (v3 + 2i)
        }
        if (v1 > 1f) {
          b1[v3] = v1
        }
        else {
          for lanes v4: i32 in 0i..8i step 4 {
            let v5: f32x4 = b0[v4]x4
            stream b1[v4] = select((v5 < splat4(0f)), splat4(1f), v5)
          }
        }
        let v6: i32 = 1i
      }
      "
    `);
    expect(printStatement(sample().kernel.body[1]!)).toBe("for serial i: i32 in 0i..n step 1");
  });

  it("gives kernels made alike equal text, whatever their names", () => {
    const [a, b] = [sample().kernel, sample("_other").kernel];
    expect(kernelText(a)).toBe(kernelText(b));
  });

  it("tells different literals, types and hints apart", () => {
    const x = new Buf("x", "f32", 0);
    const text = (stmt: Stmt): string => kernelText({ ...sample().kernel, buffers: [x], body: [stmt] });
    const literals = fc.float({ noDefaultInfinity: false });
    fc.assert(
      fc.property(literals, literals, (p, q) => {
        expect(text(storeOf(x, f32(p))) === text(storeOf(x, f32(q)))).toBe(Object.is(p, q));
      }),
    );
    expect(text(storeOf(x, f32(1)))).not.toBe(text({ ...storeOf(x, f32(1)), stream: true } as Stmt));
    expect(text(storeOf(x, load(x, i32(0))))).not.toBe(text(storeOf(x, load(x, i32(0), 4))));
  });
});
