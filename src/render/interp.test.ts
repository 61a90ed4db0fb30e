// The interpreter against hand-written expectations: ops, memory types, statements, and its checks.

import { describe, expect, it } from "vitest";
import { BugError } from "../core/errors.js";
import { Heap } from "../device/heap.js";
import { interpTarget } from "../device/interp-target.js";
import { launchEntry } from "../device/target.js";
import {
  Arg,
  argument,
  binary,
  Buf,
  bitcast,
  cast,
  compare,
  constant,
  type Expr,
  fma,
  type KType,
  lane,
  load,
  maskCast,
  type MemType,
  memBytes,
  ramp,
  read,
  select,
  shift,
  splat,
  unary,
  unsignedCast,
  Var,
} from "../kernel/expr.js";
import type { Combine, Kernel, Stmt } from "../kernel/stmt.js";

const i32 = (v: number): Expr => constant("i32", v);
const i64 = (v: bigint): Expr => constant("i64", v);
const f32 = (v: number): Expr => constant("f32", v);
const f64 = (v: number): Expr => constant("f64", v);
const memOf: Readonly<Record<KType, MemType>> = {
  f32: "f32",
  f64: "f64",
  i32: "i32",
  i64: "i64",
  m32: "i32",
  m64: "i32",
};

function kernelOf(buffers: Buf[], body: Stmt[], rest: Partial<Kernel> = {}): Kernel {
  const block = new Var("block", "i32");
  return { name: "k", buffers, scalars: [], scratch: [], scratchSlot: -1, block, blocks: i32(1), body, ...rest };
}

/** The lanes of an expression, computed by the interpreter and read back from memory. */
function evaluate(e: Expr): (number | bigint)[] {
  const heap = new Heap(false);
  const value = e.type === "m32" || e.type === "m64" ? cast(e, "i32") : e;
  const out = new Buf("out", memOf[e.type], 0);
  const kernel = kernelOf([out], [{ s: "store", buf: out, index: i32(0), value, stream: false }]);
  const [address, args] = [heap.alloc(64), heap.alloc(64)];
  heap.views.u32[args / 4] = address;
  interpTarget(heap).compile([kernel])[0]!.run(args, 0, 1, 0);
  const at = address / memBytes[out.mem];
  return Array.from<number | bigint>(heap.views[out.mem].subarray(at, at + e.lanes));
}
const one = (e: Expr): number | bigint => evaluate(e)[0]!;

describe("ops", () => {
  it("rounds float arithmetic to float", () => {
    expect(one(binary("add", f32(0.1), f32(0.2)))).toBe(Math.fround(Math.fround(0.1) + Math.fround(0.2)));
    expect(one(binary("mul", f32(1e30), f32(1e30)))).toBe(Infinity);
    expect(one(binary("add", f64(0.1), f64(0.2)))).toBe(0.1 + 0.2);
    expect(one(unary("sqrt", f32(2)))).toBe(Math.fround(Math.SQRT2));
  });

  it("keeps the first operand of min and max when either is NaN", () => {
    expect(one(binary("min", f32(NaN), f32(1)))).toBe(NaN);
    expect(one(binary("min", f32(1), f32(NaN)))).toBe(1);
    expect(one(binary("max", f32(0), f32(-0)))).toBe(0);
    expect(one(binary("max", f64(-0), f64(0)))).toBe(-0);
  });

  it("rounds to integers with ties to even and signed zeros", () => {
    const cases = [2.5, 3.5, -2.5, -0.3, 0.5, 1e300, -Infinity, 4503599627370495.5];
    expect(cases.map((v) => one(unary("nearest", f64(v))))).toEqual([
      2,
      4,
      -2,
      -0,
      0,
      1e300,
      -Infinity,
      4503599627370496,
    ]);
    expect(one(unary("nearest", f32(8388607.5)))).toBe(8388608);
  });

  it("wraps integers", () => {
    const [low, high] = [-2147483648, 2147483647];
    const v32 = (v: number): Expr => bitcast(bitcast(i32(v), "f32"), "i32");
    expect(one(binary("add", v32(high), v32(1)))).toBe(low);
    expect(one(binary("mul", v32(65537), v32(65537)))).toBe(131073);
    expect(one(unary("abs", v32(low)))).toBe(low);
    expect(one(binary("div", v32(low), v32(-1)))).toBe(low);
    expect(one(binary("rem", v32(-7), v32(3)))).toBe(-1);
    expect(one(unary("neg", i64(-(2n ** 63n))))).toBe(-(2n ** 63n));
    expect(one(shift("ushr", i32(-1), i32(28)))).toBe(15);
    expect(one(shift("shl", i32(1), i32(33)))).toBe(2);
    expect(one(shift("ushr", i64(-1n), i32(60)))).toBe(15n);
    expect(one(shift("shr", i64(-16n), i32(66)))).toBe(-4n);
  });

  it("compares, also as unsigned, and selects", () => {
    expect(one(compare("ult", i32(1), i32(-1)))).toBe(1);
    expect(one(compare("lt", i32(1), i32(-1)))).toBe(0);
    expect(one(compare("ult", i64(-1n), i64(1n)))).toBe(0);
    expect(one(compare("ne", f32(NaN), f32(NaN)))).toBe(1);
    expect(one(unary("not", compare("eq", f64(1), f64(1))))).toBe(0);
    const mask = compare("lt", ramp(i32(0), 4), splat(i32(2), 4));
    expect(evaluate(select(mask, ramp(i32(10), 4), ramp(i32(20), 4)))).toEqual([10, 11, 22, 23]);
    expect(evaluate(unary("not", mask))).toEqual([0, 0, 1, 1]);
    expect(one(lane(mask, 1))).toBe(1);
    expect(evaluate(select(maskCast(mask, "m64"), splat(f64(1), 4), splat(f64(2), 4)))).toEqual([1, 1, 2, 2]);
    expect(evaluate(splat(compare("lt", i32(0), i32(1)), 2))).toEqual([1, 1]);
  });

  it("converts with one rounding and saturation", () => {
    const runtime = (x: Expr): Expr => binary("add", x, zeroLike(x));
    expect(one(cast(runtime(f32(3e9)), "i32"))).toBe(2147483647);
    expect(one(cast(runtime(f64(NaN)), "i64"))).toBe(0n);
    expect(one(cast(runtime(f64(-1e300)), "i64"))).toBe(-(2n ** 63n));
    expect(one(cast(runtime(f64(-2.9)), "i32"))).toBe(-2);
    // 2^60 + 2^36 + 1 lies just above a tie of floats: rounding to double first would give the tie's even side.
    expect(one(cast(bitcast(bitcast(i64(2n ** 60n + 2n ** 36n + 1n), "f64"), "i64"), "f32"))).toBe(2 ** 60 + 2 ** 37);
    expect(one(unsignedCast(i64(-1n), "f64"))).toBe(2 ** 64);
    expect(one(unsignedCast(i64(-1n), "f32"))).toBe(2 ** 64);
    expect(one(unsignedCast(i32(-1), "i64"))).toBe(4294967295n);
    expect(one(bitcast(f32(1), "i32"))).toBe(0x3f800000);
    expect(one(bitcast(i64(0x3ff8000000000000n), "f64"))).toBe(1.5);
  });

  it("rounds fma once", () => {
    const x = 1 + 2 ** -12;
    expect(one(fma(f32(x), f32(x), f32(-1)))).toBe(Math.fround(x * x - 1));
    // Exact value 1 + 2^-24 + 2^-60: the double sum would be a tie and fall to 1.
    expect(one(fma(f32(2 ** -30), f32(2 ** -30), f32(1)))).toBe(1);
    expect(one(fma(f32(1 + 2 ** -23), f32(2 ** -24), f32(1)))).toBe(1 + 2 ** -23);
    const y = 1 + 2 ** -30;
    expect(one(fma(f64(y), f64(y), f64(-1 - 2 ** -29)))).toBe(2 ** -60);
    expect(one(fma(f64(1e300), f64(1e300), f64(-Infinity)))).toBe(-Infinity);
    expect(one(fma(f64(2 ** 600), f64(2 ** 600), f64(1)))).toBe(Infinity);
    expect(one(fma(f64(y * 2 ** -540), f64(y * 2 ** -500), f64(-(2 ** -1040))))).toBe(2 ** -1069);
    expect(one(fma(f64(y * 2 ** 500), f64(y * 2 ** 500), f64(-(2 ** 1000 * (1 + 2 ** -29)))))).toBe(2 ** 940);
  });
});

const zeroLike = (x: Expr): Expr => constant(x.type, 0);

describe("memory", () => {
  it.each<[MemType, number, number]>([
    ["i8", 300, 44],
    ["u8", -1, 255],
    ["i16", 40000, -25536],
    ["u16", -1, 65535],
    ["i32", -5, -5],
  ])("stores %s truncated and loads it widened", (mem, stored, loaded) => {
    const heap = new Heap(false);
    const [x, out] = [new Buf("x", mem, 0), new Buf("out", "i32", 1)];
    const index = ramp(i32(0), 4);
    const kernel = kernelOf(
      [x, out],
      [
        { s: "store", buf: x, index: i32(0), value: splat(i32(stored), 4), stream: false },
        { s: "store", buf: out, index, value: load(x, binary("sub", splat(i32(3), 4), index)), stream: false },
        { s: "store", buf: out, index: i32(4), value: load(x, i32(1), 2), stream: true },
      ],
    );
    const [a, b, args] = [heap.alloc(64), heap.alloc(64), heap.alloc(64)];
    heap.views.u32.set([a, 0, b, 0], args / 4);
    interpTarget(heap).compile([kernel])[0]!.run(args, 0, 1, 0);
    expect(Array.from(heap.views.i32.subarray(b / 4, b / 4 + 6))).toEqual(new Array(6).fill(loaded));
  });

  it("gives each thread its own scratch and reads scalar arguments of each type", () => {
    const heap = new Heap(false);
    const scalars = [new Arg("a", "f32", 1), new Arg("b", "f64", 2), new Arg("c", "i32", 3), new Arg("d", "i64", 4)];
    const out = new Buf("out", "f64", 0);
    const scratch = [new Buf("s", "i8", -1, 3), new Buf("t", "f64", -1, 1)];
    const arg = (a: Arg): Expr => argument(a);
    const sum = scalars.map((a) => cast(arg(a), "f64")).reduce((x, y) => binary("add", x, y));
    const body: Stmt[] = [
      { s: "store", buf: scratch[1]!, index: i32(0), value: sum, stream: false },
      { s: "store", buf: out, index: i32(0), value: load(scratch[1]!, i32(0)), stream: false },
    ];
    const kernel = kernelOf([out], body, { scalars, scratch, scratchSlot: 5 });
    const [a, s, args] = [heap.alloc(64), heap.alloc(384), heap.alloc(64)];
    const v = heap.views;
    v.u32[args / 4] = a;
    v.f32[args / 4 + 2] = 0.5;
    v.f64[args / 8 + 2] = 2.25;
    v.i32[args / 4 + 6] = -3;
    v.i64[args / 8 + 4] = 100n;
    v.u32[args / 4 + 10] = s;
    const compiled = interpTarget(heap).compile([kernel])[0]!;
    expect(compiled.scratchBytes).toBe(128);
    compiled.run(args, 0, 1, 2);
    expect(v.f64[a / 8]).toBe(99.75);
    expect(v.f64[(s + 2 * 128 + 64) / 8]).toBe(99.75);
  });

  it("refuses an element outside its block, a missing buffer and division by 0", () => {
    const heap = new Heap(false);
    const out = new Buf("out", "f32", 0);
    const run = (index: number, address: number): void => {
      const kernel = kernelOf([out], [{ s: "store", buf: out, index: i32(index), value: f32(1), stream: false }]);
      const args = heap.alloc(64);
      heap.views.u32[args / 4] = address;
      interpTarget(heap).compile([kernel])[0]!.run(args, 0, 1, 0);
    };
    const block = heap.alloc(64);
    run(15, block);
    expect(() => run(16, block)).toThrow(/outside 0 … 15/);
    expect(() => run(-1, block)).toThrow(BugError);
    expect(() => run(2 ** 30, block + 4)).toThrow(BugError);
    expect(() => run(0, 0)).toThrow(BugError);
    const zero = bitcast(f32(0), "i32");
    expect(() => one(binary("div", i32(1), zero))).toThrow(BugError);
  });
});

describe("statements", () => {
  const sumTo = (combine: Combine, values: number[]): number => {
    const heap = new Heap(false);
    const [x, out] = [new Buf("x", "f32", 0), new Buf("out", "f32", 1)];
    const [v, i] = [new Var("v", "f32"), new Var("i", "i32")];
    const kernel = kernelOf(
      [x, out],
      [
        { s: "let", v, value: load(x, i32(0)), mutable: true },
        {
          s: "for",
          v: i,
          from: i32(1),
          to: i32(values.length),
          step: 1,
          kind: "lanes",
          body: [{ s: "accumulate", v, combine, value: load(x, read(i)) }],
        },
        { s: "store", buf: out, index: i32(0), value: read(v), stream: false },
      ],
    );
    const [a, b, args] = [heap.alloc(64), heap.alloc(64), heap.alloc(64)];
    heap.views.u32.set([a, 0, b, 0], args / 4);
    heap.views.f32.set(values, a / 4);
    interpTarget(heap).compile([kernel])[0]!.run(args, 0, 1, 0);
    return heap.views.f32[b / 4]!;
  };

  it("accumulates, NaN winning", () => {
    expect(sumTo("add", [1, 2, 3])).toBe(6);
    expect(sumTo("mul", [2, 3, 4])).toBe(24);
    expect(sumTo("max", [1, 5, 2])).toBe(5);
    expect(sumTo("min", [NaN, 5, 2])).toBe(NaN);
    expect(sumTo("max", [1, NaN, 2])).toBe(NaN);
  });

  it("runs blocks, loops, branches and launch tables", () => {
    const heap = new Heap(false);
    const out = new Buf("out", "i32", 0);
    const block = new Var("block", "i32");
    const [n, r] = [new Var("n", "i32"), new Var("r", "i32")];
    // Steps of the Collatz sequence from block + 1.
    const step = select(
      compare("eq", binary("and", read(n), i32(1)), i32(0)),
      shift("shr", read(n), i32(1)),
      binary("add", binary("mul", read(n), i32(3)), i32(1)),
    );
    const body: Stmt[] = [
      { s: "let", v: n, value: binary("add", read(block), i32(1)), mutable: true },
      { s: "let", v: r, value: i32(0), mutable: true },
      {
        s: "while",
        cond: compare("gt", read(n), i32(1)),
        body: [
          { s: "set", v: n, value: step },
          { s: "set", v: r, value: binary("add", read(r), i32(1)) },
        ],
      },
      {
        s: "if",
        cond: compare("lt", read(r), i32(8)),
        then: [{ s: "store", buf: out, index: read(block), value: read(r), stream: false }],
        else: [{ s: "store", buf: out, index: read(block), value: i32(-1), stream: false }],
      },
    ];
    const target = interpTarget(heap);
    const compiled = target.compile([kernelOf([out], body, { block, blocks: i32(8) })])[0]!;
    const [a, args, table] = [heap.alloc(64), heap.alloc(64), heap.alloc(64)];
    heap.views.u32[args / 4] = a;
    heap.views.u32.set([Number(compiled.fn), 0, args, 8, 0], table / 4 + 8);
    heap.views.u32.set([Number(compiled.fn), 0, args, 1, 0], table / 4);
    expect(launchEntry.bytes).toBe(32);
    target.launch(table, 2, 1);
    expect(Array.from(heap.views.i32.subarray(a / 4, a / 4 + 8))).toEqual([0, 1, 7, 2, 5, -1, -1, 3]);
    heap.views.u32[table / 4] = 99;
    expect(() => target.launch(table, 1, 1)).toThrow(BugError);
  });

  it("computes an expression used many times once per statement", () => {
    let e: Expr = bitcast(f32(1), "i32");
    for (let k = 0; k < 60; k++) e = binary("add", e, e);
    expect(one(e)).toBe(0);
  });
});
