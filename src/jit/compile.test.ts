// A compiled training step equals the eager one, and allocates nothing but its result.

import { describe, expect, test } from "vitest";
import { engine } from "../device/engine.js";
import { subtract } from "../ops/arithmetic.js";
import { bind } from "../trace/bind.js";
import { defineOp } from "../program/define-op.js";
import { scalar } from "../program/op.js";
import { matmul } from "../ops/matmul.js";
import { multiply } from "../ops/arithmetic.js";
import { sum } from "../ops/broadcast.js";
import { exp } from "../ops/exponential.js";
import { type Tensor, toTensor, noGrad } from "../tensor/index.js";
import { compile } from "./compile.js";

/** A plain gradient step in place, enough to test that state carries over. */
const descendOp = defineOp({
  name: "descend",
  inputs: ["param", "grad"],
  outputs: ["param_out"],
  attrs: { rate: scalar(0.1) },
  infer: ({ param }) => ({ outs: { param_out: { shape: param.shape, dtype: param.dtype } } }),
  lower: (k, { param, grad }, { rate }) => ({ param_out: k.sub(param, k.mul(rate, grad)) }),
  inplace: { param_out: "param" },
  grad: null,
  check: {},
});

const wave = (shape: number[], f: number): Tensor =>
  toTensor({
    dtype: "float32",
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i * f) * 0.3),
  });

function model() {
  const w1 = wave([20, 30], 0.7);
  const w2 = wave([30, 5], 1.3);
  w1.stopGradient = w2.stopGradient = false;
  const step = (x: Tensor, y: Tensor): Tensor => {
    const h = exp(matmul(x, w1));
    const e = subtract(matmul(h, w2), y);
    const loss = sum(multiply(e, e));
    loss.backward();
    noGrad(() => {
      for (const w of [w1, w2]) bind(descendOp, [w, w.grad!], { rate: 0.001 });
    });
    for (const w of [w1, w2]) w.clearGrad();
    return loss;
  };
  return { w1, w2, step };
}

describe("jit.compile", () => {
  test("a step of forward, backward and update equals the eager step", async () => {
    const a = model();
    const b = model();
    const compiled = compile(b.step);
    for (let i = 0; i < 5; i++) {
      const x = wave([16, 20], 0.1 + i);
      const y = wave([16, 5], 0.2 + i);
      const want = (await a.step(x, y).item()) as number;
      const got = (await compiled(x, y).item()) as number;
      expect(Math.abs(got - want) / want).toBeLessThan(1e-5);
    }
    const [wa, wb] = [a.w1.dataSync("float32"), b.w1.dataSync("float32")];
    wa.forEach((v, i) => expect(Math.abs(v - wb[i]!)).toBeLessThan(1e-6));
    expect(compiled.variants()).toBe(1);
  });

  test("steady state: no kernel is compiled and no memory stays", () => {
    const m = model();
    const compiled = compile(m.step);
    const x = wave([16, 20], 0.1);
    const y = wave([16, 5], 0.2);
    for (let i = 0; i < 3; i++) compiled(x, y).dispose();
    const { compiledKernels, heap, launches } = engine();
    const before = { blocks: heap.liveBlocks, bytes: heap.liveBytes };
    for (let i = 0; i < 100; i++) compiled(x, y).dispose();
    expect(engine().compiledKernels).toBe(compiledKernels);
    expect({ blocks: heap.liveBlocks, bytes: heap.liveBytes }).toEqual(before);
    expect(engine().launches - launches).toBe(100);
  });
});
