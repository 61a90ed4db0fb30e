// The listing of WebAssembly: a function by hand, and whole kernels without an instruction it does not know.

import { describe, expect, it } from "vitest";
import { Builder } from "../../kernel/builder.js";
import { constant } from "../../kernel/expr.js";
import { k } from "../../kernel/ops.js";
import { Code, Module } from "./assembler.js";
import { emitModule } from "./emit.js";
import { listModule } from "./listing.js";

describe("listModule", () => {
  it("writes a function instruction by instruction", () => {
    const module = new Module(false);
    const code = new Code(["i32", "f64"]);
    const local = code.local("v128");
    code.get(0);
    code.if();
    code.i32(-70000);
    code.mem("i32.load", 12);
    code.op("drop");
    code.else();
    code.f64(0.5);
    code.op("drop");
    code.end();
    code.get(local);
    code.lane("f32x4.extract_lane", 3);
    module.func("f", code, ["f32"]);
    expect(listModule(module.build()).trim().split("\n")).toEqual([
      "func $f (param i32 f64) (result f32)",
      "  (local v128 x1)",
      "  local.get 0",
      "  if",
      "    i32.const -70000",
      "    i32.load offset=12",
      "    drop",
      "  else",
      "    f64.const 0.5",
      "    drop",
      "  end",
      "  local.get 2",
      "  f32x4.extract_lane 3",
    ]);
  });

  it.each([false, true])("knows what kernels are made of (relaxed: %s)", (relaxed) => {
    const b = new Builder("kernel");
    const [x, y] = [b.buffer("x", "f32"), b.buffer("y", "u8")];
    b.parallel(4, (block) => {
      const acc = b.variable(constant("f32", 0));
      b.lanes(0, 100, (i) => b.accumulate(acc, "max", k.fma(b.load(x, i), b.load(x, i), constant("f32", 2))));
      b.if(k.lt(acc.value, constant("f32", 1)), () =>
        b.lanes(0, 37, (i) => b.store(y, k.add(i, block), k.cast(b.load(x, i), "i32"))),
      );
    });
    const text = listModule(emitModule(b.finish(), { shared: false, relaxed }));
    expect(text).not.toContain("unknown");
    expect(text).toContain(relaxed ? "relaxed_madd" : "f32x4.mul");
    const count = (word: string): number => text.split("\n").filter((line) => line.trim() === word).length;
    expect(count("end")).toBe(count("if") + count("loop") + count("block"));
  });
});
