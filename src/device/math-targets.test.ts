// Every mathematical function and the half conversions give equal bits on all targets, in vectors and in scalars.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { evaluate, evaluationKernel, type NumberType } from "../kernel/evaluate.test-util.js";
import type { Expr } from "../kernel/expr.js";
import * as half from "../kernel/half.js";
import * as math from "../kernel/math.js";
import { Heap } from "./heap.js";
import { interpTarget } from "./interp-target.js";
import { createNativeTarget } from "./native-node.js";
import type { Target } from "./target.js";
import { createWasmTarget } from "./wasm-target.js";

const heap = new Heap();
const cacheHome = mkdtempSync(join(tmpdir(), "oar-test-"));
const native = createNativeTarget(heap, { env: { ...process.env, OAR_CACHE: cacheHome }, threads: 1 });
const wasm = createWasmTarget(heap);
const interp = interpTarget(heap);
const targets: [name: string, target: Target, vectors: boolean][] = [
  ["the interpreter in vectors", interp, true],
  ["wasm in scalars", wasm, false],
  ["wasm in vectors", wasm, true],
];
if (native.target) targets.push(["native code", native.target, true]);

afterAll(() => {
  wasm.close();
  native.target?.close();
  rmSync(cacheHome, { recursive: true, force: true });
});

type AnyFn = (...x: Expr[]) => Expr;
const { polygamma, pow, atan2, fmod, remainder, floorDiv, copySign, ...unary } = math;
const binary = { pow, atan2, fmod, remainder, floorDiv, copySign };
const cases: [name: string, fn: AnyFn, types: NumberType[], result: NumberType][] = [];
for (const t of ["f32", "f64"] as const) {
  for (const [name, fn] of Object.entries(unary)) cases.push([`${name} ${t}`, fn as AnyFn, [t], t]);
  for (const [name, fn] of Object.entries(binary)) cases.push([`${name} ${t}`, fn as AnyFn, [t, t], t]);
  cases.push([`polygamma ${t}`, (x) => polygamma(x!, 2), [t], t]);
}
cases.push(["f16ToF32", half.f16ToF32 as AnyFn, ["i32"], "f32"], ["f32ToF16", half.f32ToF16 as AnyFn, ["f32"], "i32"]);
cases.push(
  ["bf16ToF32", half.bf16ToF32 as AnyFn, ["i32"], "f32"],
  ["f32ToBf16", half.f32ToBf16 as AnyFn, ["f32"], "i32"],
);

/** Special values, then numbers of all magnitudes (a multiplicative generator modulo 2^31 - 1). */
function sample(seed: number, count: number): number[] {
  const out = [
    0,
    -0,
    1,
    -1,
    Infinity,
    -Infinity,
    NaN,
    0.5,
    -0.5,
    2,
    -3,
    1e-40,
    1e-310,
    3e38,
    1e300,
    88.7,
    -104.5,
    709.7,
    0.99999,
  ];
  let state = seed;
  const next = (): number => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  while (out.length < count) out.push((next() < 0.5 ? -1 : 1) * 2 ** (next() * 30 - 20));
  return out;
}

const data = cases.map(([, , types]) =>
  types.map((t, i) => {
    const numbers = sample(7 + i, 301);
    // The second operand meets every special value of the first.
    const shifted = numbers.map((_v, k) => numbers[(k + i * Math.floor(k / 19)) % numbers.length]!);
    if (t === "f32") return Float32Array.from(shifted);
    if (t === "f64") return Float64Array.from(shifted);
    return Int32Array.from(shifted, (v) => Math.abs(Math.trunc(v * 977)) % 65536);
  }),
);

/** All cases on one target, compiled together; 301 elements leave a rest beside full vectors. */
function results(target: Target, vectors: boolean): (number | bigint)[][] {
  const compiled = target.compile(cases.map(([, fn, types, result]) => evaluationKernel(fn, types, result, vectors)));
  return cases.map(([, , types, result], i) =>
    Array.from<number | bigint>(evaluate(compiled[i]!, heap, types, result, data[i]!)),
  );
}

it.each(targets)("%s equals the interpreter", (_, target, vectors) => {
  const [want, got] = [results(interp, false), results(target, vectors)];
  cases.forEach(([name], i) => {
    expect(got[i], name).toEqual(want[i]);
  });
});
