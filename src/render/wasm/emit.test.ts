// The WebAssembly renderer against the interpreter: random expressions and programs over all ops, types and statements, bit for bit.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Heap } from "../../device/heap.js";
import { interpTarget } from "../../device/interp-target.js";
import { createWasmTarget } from "../../device/wasm-target.js";
import { schedule } from "../../kernel/builder.js";
import { verifyKernel } from "../../kernel/spec.js";
import { type Kernel, mapStmt, type Stmt } from "../../kernel/stmt.js";
import { Maker, kernelOf, run } from "./random.test-util.js";

const numRuns = Number(process.env.OAR_FUZZ_RUNS ?? 1500);

/** All loops serial: what schedules start from, except for the order in which sums are formed. */
function asSerial(stmt: Stmt): Stmt {
  const inner = mapStmt(
    stmt,
    (e) => e,
    (b) => b.map(asSerial),
  );
  return inner.s === "for" ? { ...inner, kind: "serial" } : inner;
}

describe("WebAssembly = interpreter", () => {
  const heap = new Heap();
  const interp = interpTarget(heap);
  let wasm = createWasmTarget(heap);
  let compiled = 0;
  const check = (kernel: Kernel, data: number): void => {
    // A target keeps all of its modules, and an engine holds tens of thousands of them at most.
    if (++compiled % 2000 === 0) wasm = createWasmTarget(heap);
    verifyKernel(kernel, "scheduled");
    expect(run(wasm, heap, kernel, data)).toEqual(run(interp, heap, kernel, data));
  };

  it("for random expressions", () => {
    const property = fc.property(fc.integer(), fc.integer(), (shape, data) => {
      check(kernelOf(new Maker(shape).stores()), data);
    });
    fc.assert(property, { numRuns });
  });

  it("for random programs, as they are and scheduled", () => {
    const property = fc.property(fc.integer(), fc.integer(), (shape, data) => {
      const kernel = kernelOf(new Maker(shape).program());
      verifyKernel(kernel, "built");
      check({ ...kernel, body: kernel.body.map(asSerial) }, data);
      check(schedule(kernel), data);
    });
    fc.assert(property, { numRuns });
  });
});
