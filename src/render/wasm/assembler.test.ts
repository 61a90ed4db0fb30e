// The assembler: numbers at the limits of their encodings, jumps out of nested blocks, and runs of locals, as an engine reads them.

import { describe, expect, it } from "vitest";
import { Bytes, Code, Module, type ValType } from "./assembler.js";
import { block, get, i32, loop, op, set, when } from "./tree.js";

/** Runs a function of one i32 that returns `result`. */
function run(fill: (code: Code) => void, result: ValType, x = 0): unknown {
  const code = new Code(["i32"]);
  fill(code);
  const module = new Module(false);
  module.func("f", code, [result]);
  const memory = new WebAssembly.Memory({ initial: 0, maximum: 65536 });
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.build()), { env: { memory } });
  return (exports["f"] as (x: number) => unknown)(x);
}

describe("literals", () => {
  it("i32 around every power of two", () => {
    const powers = Array.from({ length: 32 }, (_, n) => 2 ** n);
    for (const x of powers.flatMap((p) => [p - 1, p, -p, -p - 1]).map((v) => v | 0)) {
      expect(run((code) => code.i32(x), "i32")).toBe(x);
    }
  });

  it("i64 around every power of two", () => {
    for (let n = 0n; n < 64n; n++) {
      for (const x of [2n ** n, 2n ** n - 1n, -(2n ** n), -(2n ** n) - 1n].map((v) => BigInt.asIntN(64, v))) {
        expect(run((code) => code.i64(x), "i64")).toBe(x);
      }
    }
  });

  it.each([0, -0, 0.1, -Infinity, NaN, 5e-324])("f64 %d", (x) => {
    expect(run((code) => code.f64(x), "f64")).toBe(x);
    expect(run((code) => code.f32(x), "f32")).toBe(Math.fround(x));
  });

  it("unsigned numbers of one to five bytes", () => {
    for (const [x, length] of [
      [127, 1],
      [128, 2],
      [16383, 2],
      [16384, 3],
      [2 ** 32 - 1, 5],
    ] as const) {
      const bytes = new Bytes();
      bytes.u32(x);
      expect(bytes.length).toBe(length);
      const decoded = bytes.take().reduce((sum, byte, i) => sum + (byte & 0x7f) * 2 ** (7 * i), 0);
      expect(decoded).toBe(x);
    }
  });
});

describe("control", () => {
  it("jumps out of nested blocks and loops", () => {
    // Adds 1, 2, 3, … until the sum is above x.
    const sums = (code: Code): void => {
      const [sum, n] = [code.local("i32"), code.local("i32")];
      block((done) => [
        loop((again) => [
          set(n, op("i32.add", get(n), i32(1))),
          set(sum, op("i32.add", get(sum), get(n))),
          when(op("i32.gt_s", get(sum), get(0)), done.always),
          again.always,
        ]),
      ])(code);
      code.get(sum);
    };
    expect([0, 1, 5, 10, 99].map((x) => run(sums, "i32", x))).toEqual([1, 3, 6, 15, 105]);
  });

  it("keeps locals of different types apart", () => {
    const code = (c: Code): void => {
      const [a, b, d] = [c.local("i32"), c.local("f64"), c.local("i32")];
      set(a, i32(3))(c);
      c.f64(0.5);
      c.set(b);
      set(d, i32(4))(c);
      op("i32.add", get(a), get(d))(c);
    };
    expect(run(code, "i32")).toBe(7);
  });
});
