// Static mode end to end: a Program with parameters and an optimizer equals the dynamic run.

import { afterEach, beforeEach, expect, test } from "vitest";
import { Linear } from "../nn/layers/linear.js";
import { multiply, subtract } from "../ops/arithmetic.js";
import { sum } from "../ops/broadcast.js";
import { SGD } from "../optimizer/sgd.js";
import { uniqueName } from "../param/unique-name.js";
import type { Tensor } from "../tensor/tensor.js";
import { toTensor } from "../tensor/to-tensor.js";
import {
  data,
  disableStatic,
  enableStatic,
  Executor,
  globalScope,
  Program,
  programGuard,
  Scope,
  scopeGuard,
} from "./index.js";

const first = [0.1, -0.2, 0.3, 0.4, -0.5, 0.6, 0.7, -0.8];
const batch = (n: number): number[][] => Array.from({ length: n }, (_, i) => [1, 2 - i, 3 * i, 4].map((v) => v / 10));

/** Three steps eagerly: losses and the last weight. */
function dynamicRun(): { losses: number[]; weight: number[] } {
  return uniqueName.guard("dynamic_", () => {
    const fc = new Linear(4, 2);
    fc.weight.setValue({ dtype: "float32", shape: [4, 2], data: Float32Array.from(first) });
    const opt = new SGD({ learningRate: 0.1, parameters: fc.parameters() });
    const losses = [2, 3, 2].map((n) => {
      const e = subtract(fc(toTensor(batch(n))) as Tensor, 1);
      const loss = sum(multiply(e, e));
      loss.backward();
      opt.step();
      opt.clearGrad();
      return loss.dataSync("float32")[0]!;
    });
    return { losses, weight: [...fc.weight.dataSync("float32")] };
  });
}

beforeEach(enableStatic);
afterEach(disableStatic);

test("static = dynamic, with batches of changing size", async () => {
  disableStatic();
  const want = dynamicRun();
  enableStatic();
  const [main, startup] = [new Program(), new Program()];
  const built = programGuard(main, startup, () => {
    const x = data("x", [-1, 4]);
    const fc = new Linear(4, 2);
    const e = subtract(fc(x) as Tensor, 1);
    const loss = sum(multiply(e, e));
    new SGD({ learningRate: 0.1 }).minimize(loss);
    return { loss, fc };
  });
  const exe = new Executor();
  const scope = new Scope();
  await exe.run(startup, { scope });
  const name = built.fc.weight.name;
  scope.findVar(name)!.getTensor().set(first);
  const losses: number[] = [];
  for (const n of [2, 3, 2])
    losses.push((await exe.run(main, { scope, feed: { x: batch(n) }, fetchList: [built.loss] }))[0]!.data[0] as number);
  losses.forEach((l, i) => expect(Math.abs(l - want.losses[i]!)).toBeLessThan(1e-5));
  const weight = scope.findVar(name)!.getTensor().numpy().data as Float32Array;
  weight.forEach((v, i) => expect(Math.abs(v - want.weight[i]!)).toBeLessThan(1e-6));
  expect(main.stepCount).toBe(3);
});

test("errors name the variable and the cure", async () => {
  const [main, startup] = [new Program(), new Program()];
  const y = programGuard(main, startup, () => new Linear(4, 2)(data("x", [-1, 4])) as Tensor);
  const exe = new Executor();
  await scopeGuardAsync(async () => {
    await expect(exe.run(main, { feed: { x: batch(1) }, fetchList: [y] })).rejects.toThrow(
      /run the startup program first/,
    );
    await exe.run(startup);
    await expect(exe.run(main, { feed: { x: [[1, 2, 3]] }, fetchList: [y] })).rejects.toThrow(
      /declared \[-1, 4\] and was fed \[1, 3\]/,
    );
    await expect(exe.run(main, { feed: { z: [[1]] }, fetchList: [y] })).rejects.toThrow(/"z" is no input/);
    await expect(exe.run(main, { fetchList: [y] })).rejects.toThrow(/"x" is needed and was not fed/);
    await expect(exe.run(main, { feed: { x: batch(1) }, fetchList: ["nope"] })).rejects.toThrow(/no variable "nope"/);
  });
  expect(() => y.dataSync()).toThrow(/fetch it with exe.run/);
});

/** Runs with the executor's scope fixed at call time: a scope of its own for one test. */
async function scopeGuardAsync(fn: () => Promise<void>): Promise<void> {
  const scope = new Scope();
  expect(scopeGuard(scope, globalScope)).toBe(scope);
  await fn();
}
