// Assert in Programs, in branches, and in dynamic mode.

import { afterEach, beforeEach, expect, test } from "vitest";
import { InvalidArgumentError } from "../core/errors.js";
import { max, ones, toTensor } from "../tensor/index.js";
import * as static_ from "./index.js";

beforeEach(static_.enableStatic);
afterEach(static_.disableStatic);

test("stops a run with the values and the line", async () => {
  const main = new static_.Program();
  const y = static_.programGuard(main, new static_.Program(), () => {
    const x = static_.data("x", [2]);
    static_.Assert(max(x).lessThan(1), [x], { summarize: 1 });
    return x.multiply(2);
  });
  const exe = new static_.Executor();
  const run = (...x: number[]) => exe.run(main, { feed: { x }, fetchList: [y] });
  expect([...((await run(0.25, 0.5))[0]!.data as Float32Array)]).toEqual([0.5, 1]);
  await expect(run(0.25, 2)).rejects.toThrow(InvalidArgumentError);
  await expect(run(0.25, 2)).rejects.toThrow(
    /asserted at .*control-flow-assert\.test\.ts:\d+:\d+\.\n {2}x: float32\[2\] 0\.25 …/,
  );
});

test("in a branch: when that runs", async () => {
  const main = new static_.Program();
  const y = static_.programGuard(main, new static_.Program(), () => {
    const x = static_.data("x", [1]);
    const refused = () => {
      static_.Assert(x.greaterThan(0));
      return x;
    };
    return static_.nn.cond(x.lessThan(0), refused, () => x.multiply(3));
  });
  const exe = new static_.Executor();
  expect((await exe.run(main, { feed: { x: [2] }, fetchList: [y] }))[0]!.data[0]).toBe(6);
  await expect(exe.run(main, { feed: { x: [-2] }, fetchList: [y] })).rejects.toThrow(/does not hold/);
});

test("dynamic: at once; only for booleans", () => {
  static_.disableStatic();
  static_.Assert(toTensor([true]));
  expect(() => static_.Assert(toTensor([false]))).toThrow(InvalidArgumentError);
  expect(() => static_.Assert(ones([1]))).toThrow(/must be bool/);
});
