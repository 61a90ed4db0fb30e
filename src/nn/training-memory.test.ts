// A training loop keeps memory flat and, after its first steps, compiles nothing: with await, with macrotasks, and without either.

import { describe, expect, test } from "vitest";
import { engine } from "../device/engine.js";
import { Linear } from "./layers/linear.js";
import { multiply, subtract } from "../ops/arithmetic.js";
import { mean } from "../tensor/reduction.js";
import { relu } from "./functional/activation.js";
import { Adam } from "../optimizer/adam.js";
import type { Tensor } from "../tensor/tensor.js";
import { toTensor } from "../tensor/to-tensor.js";

/** A small MLP with Adam; each call is one step on a batch of the given size. */
function model(): (batch: number) => Tensor {
  const [fc1, fc2] = [new Linear(16, 32), new Linear(32, 4)];
  const opt = new Adam({ learningRate: 1e-3, parameters: [...fc1.parameters(), ...fc2.parameters()] });
  const wave = (shape: [number, number], f: number): Tensor =>
    toTensor({
      dtype: "float32",
      shape,
      data: Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => Math.sin(i * f)),
    });
  return (batch) => {
    const e = subtract(fc2(relu(fc1(wave([batch, 16], 0.3)) as Tensor)) as Tensor, wave([batch, 4], 0.7));
    const loss = mean(multiply(e, e));
    loss.backward();
    opt.step();
    opt.clearGrad();
    return loss;
  };
}

/** Live bytes after a sweep: what handles and parameters still hold. */
function settledBytes(): number {
  const on = engine();
  on.memory.sweep(true);
  on.memory.sweep(true);
  return on.heap.liveBytes;
}

const endings: [string, number, (loss: Tensor) => Promise<unknown> | undefined][] = [
  ["without any await", 2000, () => undefined],
  ["with await loss.item() only", 2000, (loss) => loss.item()],
  ["with a macrotask between steps", 2000, () => new Promise((done) => setImmediate(done))],
];

describe.each(endings)("%s", (_, steps, rest) => {
  test("bytes and handles are flat", async () => {
    const step = model();
    for (let i = 0; i < 50; i++) step(8);
    const before = settledBytes();
    let peak = 0;
    for (let i = 0; i < steps; i++) {
      const wait = rest(step(8));
      if (wait) await wait;
      peak = Math.max(peak, engine().heap.liveBytes);
    }
    expect(settledBytes() - before).toBeLessThan(64 * 1024);
    expect(peak - before).toBeLessThan(256 * 2 ** 20);
  }, 120_000);
});

test("batches of any size compile nothing after the fifth step", () => {
  const step = model();
  for (let i = 0; i < 5; i++) step(3 + i);
  const compiled = engine().compiledKernels;
  for (let i = 0; i < 300; i++) step(2 + ((i * 7) % 61));
  expect(engine().compiledKernels).toBe(compiled);
});
