// Tests of matrix multiplication against the triple loop in float64, on every target and route.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { Heap } from "../device/heap.js";
import { interpTarget } from "../device/interp-target.js";
import { createNativeTarget } from "../device/native-node.js";
import type { Target } from "../device/target.js";
import { createWasmTarget } from "../device/wasm-target.js";
import type { TargetFacts } from "../fuse/body.js";
import { targetFactsOf } from "../fuse/target-facts.js";
import { verifyKernel } from "../kernel/spec.js";
import { type GemmProblem, compileGemm, plainGemm } from "./gemm.test-util.js";

const cacheHome = mkdtempSync(join(tmpdir(), "oar-test-"));
const heap = new Heap();
const native = createNativeTarget(heap, { env: { ...process.env, OAR_CACHE: cacheHome }, threads: 3 }).target;
const targets: readonly Target[] = [interpTarget(heap), createWasmTarget(heap), ...(native ? [native] : [])];

afterAll(() => {
  for (const target of targets) target.close();
  rmSync(cacheHome, { recursive: true, force: true });
});

/** Multiplies pseudo-random operands and returns the result with the bound of its rounding errors. */
function multiply(p: GemmProblem, target: Target, facts: TargetFacts = targetFactsOf(target), threads = 1) {
  const run = compileGemm(p, heap, target, facts);
  for (const kernel of run.kernels) verifyKernel(kernel, "scheduled");
  let seed = 12345;
  const next = (): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return ((seed >>> 9) % 2001) / 100 - 10;
  };
  for (const x of [run.a, run.b]) {
    for (let i = 0; i < x.length; i++) {
      if (x instanceof BigInt64Array) x[i] = BigInt(Math.round(next() * 1e8));
      else x[i] = p.type === "i32" ? Math.round(next() * 1e4) : next();
    }
  }
  run.c.fill((p.type === "i64" ? -1n : -1) as never);
  run.run(threads);
  return { actual: run.c.slice(), expected: plainGemm(p, run.a, run.b) };
}

/** Each of the k roundings is off by at most half a unit of a partial sum, which is at most k · 100. */
function check(p: GemmProblem, target: Target, facts?: TargetFacts): void {
  const { actual, expected } = multiply(p, target, facts);
  const unit = p.type === "f32" ? 2 ** -24 : 2 ** -53;
  const bound = p.type === "f32" || p.type === "f64" ? unit * (p.k + 1) * p.k * 100 : 0;
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) {
    if (typeof expected[i] === "bigint") expect(actual[i]).toBe(expected[i]);
    else if (!(Math.abs(Number(actual[i]) - Number(expected[i])) <= bound)) {
      expect.fail(`element ${i} of ${JSON.stringify(p)} on ${target.name}: ${actual[i]}, not ${expected[i]}`);
    }
  }
}

const problems = fc.record({
  type: fc.constantFrom("f32", "f32", "f64", "i32", "i64"),
  batches: fc.constantFrom(1, 1, 2, 3),
  m: fc.nat(40),
  n: fc.nat(70),
  k: fc.nat(50),
  transposeA: fc.boolean(),
  transposeB: fc.boolean(),
  generic: fc.boolean(),
  opaque: fc.boolean(),
}) satisfies fc.Arbitrary<GemmProblem>;

/** Shapes of each route, with edges on all sides; the depth in one step and in several. */
const corners: readonly Omit<GemmProblem, "type" | "batches">[] = [
  { m: 17, n: 45, k: 300 },
  { m: 16, n: 64, k: 257, transposeA: true },
  { m: 33, n: 70, k: 513, transposeB: true },
  { m: 1, n: 200, k: 60 },
  { m: 3, n: 130, k: 37 },
  { m: 1, n: 90, k: 100, transposeB: true },
  { m: 4, n: 41, k: 67, transposeB: true, transposeA: true },
  { m: 150, n: 1, k: 70 },
  { m: 150, n: 3, k: 70, transposeA: true },
  { m: 20, n: 30, k: 0 },
  { m: 2, n: 3, k: 0 },
  { m: 0, n: 5, k: 7 },
  { m: 5, n: 0, k: 7 },
];

describe.each(targets.map((t) => [t.name, t] as const))("matrix multiplication on %s", (name, target) => {
  it.each(corners)("m $m, n $n, k $k", (corner) => {
    check({ ...corner, type: "f32", batches: 1 }, target);
    check({ ...corner, type: "f32", batches: 2, generic: true, opaque: true }, target);
    // The interpreter is slow, and the C compiler: kernels with run-time sizes serve many of these cases.
    for (const type of name === "interp" ? [] : (["f64", "i32"] as const)) {
      check({ ...corner, type, batches: 1, generic: true }, target);
      if (name === "wasm") check({ ...corner, type, batches: 1 }, target);
    }
  });

  it("agrees with the definition on any sizes", { timeout: 300_000 }, () => {
    // One compilation serves all sizes of a layout on the native target; all its types stand among the corners.
    const adapt = (p: GemmProblem): GemmProblem => (name === "native" ? { ...p, type: "f32", generic: true } : p);
    const numRuns = { interp: 15, wasm: 120, native: 40 }[name];
    fc.assert(
      fc.property(problems, (p) => check(adapt(p), target)),
      { numRuns },
    );
  });
});

describe("the rows and lanes of the register tile", () => {
  it("do not change results' meaning", () => {
    const target = targets[1]!;
    for (const gemm of [
      { rows: 3, lanes: 16, vectors: 1 },
      { rows: 4, lanes: 4, vectors: 2 },
      { rows: 8, lanes: 16, vectors: 2 },
    ]) {
      check({ type: "f32", batches: 1, m: 45, n: 71, k: 300 }, target, { name: "wasm", gemm, vectors: 2 });
    }
  });
});

describe.skipIf(!native)("results", () => {
  it.each([
    { m: 300, n: 200, k: 300 },
    { m: 2, n: 700, k: 300 },
    { m: 700, n: 1, k: 300 },
  ])("are the same bits for any number of threads, constant and run-time sizes, $m x $n x $k", (shape) => {
    const p: GemmProblem = { ...shape, type: "f32", batches: 1 };
    const one = multiply(p, native!).actual;
    expect(multiply(p, native!, undefined, 3).actual).toEqual(one);
    expect(multiply({ ...p, generic: true }, native!, undefined, 2).actual).toEqual(one);
    expect(multiply({ ...p, opaque: true }, native!).actual).toEqual(one);
  });
});
