// Print, pyFunc and moving averages in Programs.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Constant } from "../nn/initializer/constant.js";
import { SGD } from "../optimizer/sgd.js";
import type { NdArray } from "../core/nd-array.js";
import { multiply, sum } from "../tensor/index.js";
import type { Tensor } from "../tensor/tensor.js";
import * as static_ from "./index.js";

beforeEach(static_.enableStatic);
afterEach(static_.disableStatic);

const x = [[1, 2, 3]];

test("Print shows the value at each run and cuts the Program", async () => {
  const main = new static_.Program();
  const y = static_.programGuard(main, new static_.Program(), () => {
    const v = multiply(static_.data("x", [-1, 3]), 2);
    return sum(static_.Print(v, { message: "doubled", firstN: 1 }));
  });
  expect(main.segments.map((s) => s.host)).toEqual(["print", null]);
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  const exe = new static_.Executor();
  for (let i = 0; i < 2; i++) expect((await exe.run(main, { feed: { x }, fetchList: [y] }))[0]!.data[0]).toBe(12);
  expect(log).toHaveBeenCalledTimes(1);
  expect(log.mock.calls[0]![0]).toContain("data: [2 4 6]");
  log.mockRestore();
});

test("pyFunc computes forward and backward in JavaScript", async () => {
  const cube = (a: NdArray): NdArray => ({ ...a, data: (a.data as Float32Array).map((v) => v ** 3) });
  const grad = (a: NdArray, _: NdArray, d: NdArray): NdArray => ({
    ...a,
    data: (a.data as Float32Array).map((v, i) => 3 * v * v * (d.data[i] as number)),
  });
  const main = new static_.Program();
  const [y, dx] = static_.programGuard(main, new static_.Program(), () => {
    const v = static_.data("x", [-1, 3]);
    v.stopGradient = false;
    const out = static_.pyFunc(cube, v, { shape: [-1, 3], dtype: "float32" }, { backwardFunc: grad }) as Tensor;
    const loss = sum(out.multiply(2));
    return [loss, static_.gradients(loss, v)[0]!] as const;
  });
  const got = await new static_.Executor().run(main, { feed: { x }, fetchList: [y, dx] });
  expect(got[0]!.data[0]).toBe(72);
  expect([...(got[1]!.data as Float32Array)]).toEqual([6, 24, 54]);
});

test("moving averages are corrected, applied and taken back", async () => {
  const [main, startup] = [new static_.Program(), new static_.Program()];
  const ema = static_.programGuard(main, startup, () => {
    const weightAttr = { name: "w", initializer: new Constant(1) };
    const y = static_.nn.fc(static_.data("x", [-1, 3]), 1, { weightAttr, biasAttr: false });
    new SGD({ learningRate: 0.1 }).minimize(sum(y));
    const made = new static_.ExponentialMovingAverage(0.5);
    made.update();
    return made;
  });
  const exe = new static_.Executor();
  const scope = new static_.Scope();
  await exe.run(startup, { scope });
  const w = () => (scope.findVar("w")!.getTensor().numpy().data as Float32Array)[0]!;
  // Paddle 2.6.2 applies zeros before the first update.
  await ema.apply(exe, () => expect(w()).toBe(0), { scope });
  for (let i = 0; i < 2; i++) await exe.run(main, { scope, feed: { x } });
  // w: 0.9, 0.8; average: 0.5 · (0.5 · 0.9) + 0.5 · 0.8, over 1 - 0.25
  expect(w()).toBeCloseTo(0.8, 6);
  await ema.apply(exe, () => expect(w()).toBeCloseTo((0.225 + 0.4) / 0.75, 5), { scope });
  expect(w()).toBeCloseTo(0.8, 6);
  await ema.apply(exe, () => undefined, { scope, needRestore: false });
  expect(w()).toBeCloseTo((0.225 + 0.4) / 0.75, 5);
  await expect(ema.apply(exe, () => undefined, { scope })).rejects.toThrow(/in the parameters' place already/);
  ema.restore(exe);
  expect(w()).toBeCloseTo(0.8, 6);
});
