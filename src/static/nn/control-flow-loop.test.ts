// whileLoop: iterations counted when it runs, gradients over all of them, nesting, refusals, and the same in all modes.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { InvalidArgumentError, UnimplementedError } from "../../core/errors.js";
import { engine } from "../../device/engine.js";
import { compile } from "../../jit/compile.js";
import { toStatic } from "../../jit/to-static.js";
import * as F from "../../nn/functional/index.js";
import { Constant } from "../../nn/initializer/constant.js";
import { SGD } from "../../optimizer/sgd.js";
import { concat, full, matmul, mean, ones, sin, sum, tanh, toTensor, zerosLike } from "../../tensor/index.js";
import type { Tensor } from "../../tensor/tensor.js";
import * as static_ from "../index.js";
import { build, checkGradients, f64, i64, list } from "./control-flow.test-util.js";

const { cond, whileLoop } = static_.nn;

beforeEach(static_.enableStatic);
afterEach(static_.disableStatic);

const zero = (): Tensor => full([1], 0, { dtype: "int64" });

describe("in a Program", () => {
  test("a recurrence: loop variables, captured values, and what starts without a gradient", async () => {
    const b = await build({ x: [[-1, 2]], w: [[2, 2]], n: [[1], "int64"] }, (v) => {
      const [x, w, n] = [v["x"]!, v["w"]!, v["n"]!];
      const first = [zero(), x.multiply(2), zerosLike(x)] as const;
      const [, h, c] = whileLoop(
        (i) => i.lessThan(n),
        (i, h, c) => {
          const t = tanh(matmul(h, w).add(x));
          return [i.add(1), t, c.add(t.multiply(h)).multiply(0.9)];
        },
        first,
      );
      return sum(h.multiply(c).add(h));
    });
    const feed = { x: f64([2, 2], [0.3, -0.2, 0.5, 0.1]), w: f64([2, 2], [0.4, -0.3, 0.2, 0.6]) };
    for (const n of [0, 1, 2, 5]) await checkGradients(b, { ...feed, n: i64([1], [n]) });
    expect(b.main.segments.map((s) => s.host)).toEqual(["while", "while_grad", null]);
    expect(b.main.toString()).toMatch(/while\(.*\{region: block 1\}/);
  });

  test("a thousand iterations; memory of the records is used again", async () => {
    const b = await build({ x: [[16]], n: [[1], "int64"] }, (v) => {
      const [, h] = whileLoop(
        (i) => i.lessThan(v["n"]!),
        (i, h) => [i.add(1), sin(h).multiply(1.01)],
        [zero(), v["x"]!],
      );
      return sum(h);
    });
    const x = Array.from({ length: 16 }, (_, i) => (i + 1) / 16);
    const run = () => b.run({ x: f64([16], x), n: i64([1], [1000]) }, [b.loss, b.gradients["x"]!]);
    const [loss, dx] = await run();
    const want = x.map((v) => {
      let [h, d] = [v, 1];
      for (let i = 0; i < 1000; i++) [h, d] = [Math.sin(h) * 1.01, d * Math.cos(h) * 1.01];
      return [h, d] as const;
    });
    expect(list(loss)[0]).toBeCloseTo(
      want.reduce((s, [h]) => s + h, 0),
      9,
    );
    list(dx).forEach((g, i) => expect(g).toBeCloseTo(want[i]![1], 9));
    const live = engine().heap.liveBytes;
    for (let i = 0; i < 5; i++) await run();
    expect(engine().heap.liveBytes).toBe(live);
  });

  test("cond in a loop, and a loop in a branch", async () => {
    const b = await build({ x: [[3]], a: [[1]], n: [[1], "int64"] }, (v) => {
      const [x, a, n] = [v["x"]!, v["a"]!, v["n"]!];
      const loop = (first: Tensor): Tensor =>
        whileLoop(
          (i) => i.lessThan(n),
          (i, h) => {
            const even = i.mod(2).equal(0);
            const t = h.multiply(a);
            return [
              i.add(1),
              cond(
                even,
                () => sin(t).add(x),
                () => t.multiply(t.exp()),
              ),
            ];
          },
          [zero(), first],
        )[1];
      return sum(
        cond(
          a.greaterThan(0),
          () => loop(x).multiply(loop(x.multiply(0.5))),
          () => loop(a.multiply(x)).exp(),
        ),
      );
    });
    const x = f64([3], [0.3, -0.4, 0.2]);
    for (const a of [0.6, -0.6])
      for (const n of [0, 1, 4]) await checkGradients(b, { x, a: f64([1], [a]), n: i64([1], [n]) });
  });

  test("a loop in a loop", async () => {
    const b = await build({ x: [[2]], w: [[1]], n: [[1], "int64"] }, (v) => {
      const [x, w, n] = [v["x"]!, v["w"]!, v["n"]!];
      const [, h] = whileLoop(
        (i) => i.lessThan(n),
        (i, h) => {
          const [, inner] = whileLoop(
            (j) => j.lessEqual(i),
            (j, g) => [j.add(1), sin(g.multiply(w)).add(h.multiply(0.1))],
            [zero(), h],
          );
          return [i.add(1), inner.multiply(x)];
        },
        [zero(), x],
      );
      return sum(h);
    });
    for (const n of [0, 1, 3])
      await checkGradients(b, { x: f64([2], [0.7, -1.1]), w: f64([1], [1.3]), n: i64([1], [n]) });
  });

  test("variables that swap places, and ones that pass unchanged", async () => {
    const b = await build({ p: [[2]], q: [[2]], n: [[1], "int64"] }, (v) => {
      const vars = { pair: [v["p"]!, v["q"]!] as const, kept: v["q"]! };
      const [, r] = whileLoop(
        (i) => i.lessThan(v["n"]!),
        (i, r) => [i.add(1), { pair: [r.pair[1], r.pair[0]] as const, kept: r.kept }],
        [zero(), vars],
      );
      return sum(r.pair[0].multiply(r.pair[0]).multiply(r.kept));
    });
    for (const n of [0, 1, 2]) await checkGradients(b, { p: f64([2], [1, 2]), q: f64([2], [3, -4]), n: i64([1], [n]) });
  });

  test("parameters of the body are trained by all iterations", async () => {
    const [main, startup] = [new static_.Program(), new static_.Program()];
    static_.programGuard(main, startup, () => {
      const x = static_.data("x", [-1, 1]);
      const weightAttr = { name: "w", initializer: new Constant(2) };
      const body = (i: Tensor, h: Tensor) =>
        [i.add(1), static_.nn.fc(h, 1, { weightAttr, biasAttr: false })] as [Tensor, Tensor];
      const [, h] = whileLoop(
        (i) => i.lessThan(3),
        (i, h) => body(i, h),
        [zero(), x],
      );
      new SGD({ learningRate: 0.01 }).minimize(mean(h));
    });
    const exe = new static_.Executor();
    const scope = new static_.Scope();
    await exe.run(startup, { scope });
    await exe.run(main, { scope, feed: { x: [[1], [3]] } });
    // loss = w³ mean(x): 2 - 0.01 · 3 · 2² · 2
    expect(list(scope.findVar("w")!.getTensor().numpy())[0]).toBeCloseTo(1.76, 6);
  });

  test("random draws of the body are those that its gradient sees", async () => {
    const b = await build({ x: [[64]] }, (v) => {
      const [, h] = whileLoop(
        (i) => i.lessThan(3),
        (i, h) => [i.add(1), F.dropout(h, 0.3)],
        [zero(), v["x"]!],
      );
      return sum(h);
    });
    const [loss, dx] = await b.run({ x: f64([64], new Array(64).fill(1)) }, [b.loss, b.gradients["x"]!]);
    const kept = list(dx);
    expect(kept.every((g) => g === 0 || Math.abs(g - 0.7 ** -3) < 1e-6)).toBe(true);
    expect(kept.reduce((s, g) => s + g, 0)).toBeCloseTo(list(loss)[0]!, 6);
    expect(kept.some((g) => g === 0) && kept.some((g) => g > 0)).toBe(true);
  });

  test("isTest: no gradient, and nothing recorded", async () => {
    const main = new static_.Program();
    static_.programGuard(main, new static_.Program(), () => {
      const x = static_.data("x", [1]);
      x.stopGradient = false;
      const [y] = whileLoop(
        (y) => y.lessThan(100),
        (y) => y.multiply(2),
        [x],
        true,
      );
      expect(y.stopGradient).toBe(true);
    });
  });
});

describe("refusals", () => {
  const inProgram =
    (f: () => unknown): (() => unknown) =>
    () =>
      static_.programGuard(new static_.Program(), new static_.Program(), () => void f());
  const few = (i: Tensor): Tensor => i.lessThan(3);

  test.each<[string, RegExp, () => unknown]>([
    [
      "no variables",
      /at least one/,
      () =>
        whileLoop(
          () => ones([1]),
          () => [],
          [],
        ),
    ],
    ["no array", /must be an array/, () => whileLoop(few, (i: Tensor) => i, zero() as unknown as [Tensor])],
    [
      "a condition of floats",
      /what cond returns must be bool/,
      () =>
        whileLoop(
          (i) => i,
          (i) => i,
          [ones([1])],
        ),
    ],
    ["a condition of two", /one element/, () => whileLoop(few, (i) => i, [full([2], 0, { dtype: "int64" })])],
    ["no function", /body must be a function/, () => whileLoop(few, 3 as unknown as (i: Tensor) => Tensor, [zero()])],
    [
      "another number",
      /returns \[·\] for loop variables \[·, ·\]/,
      () => whileLoop(few, (i) => [i] as unknown as [Tensor, Tensor], [zero(), zero()]),
    ],
    [
      "another shape",
      /float32\[1\], and the body makes float32\[2\]/,
      () => whileLoop(few, (i, x) => [i.add(1), concat([x, x])], [zero(), ones([1])]),
    ],
    [
      "another dtype",
      /makes float64\[1\]/,
      () => whileLoop(few, (i, x) => [i.add(1), x.astype("float64")], [zero(), ones([1])]),
    ],
    [
      "a number that changes",
      /make it a tensor/,
      () => whileLoop(few, (i, n) => [i.add(1), n + 1], [zero(), 5 as number]),
    ],
  ])("%s", (_, message, f) => {
    expect(inProgram(f)).toThrow(InvalidArgumentError);
    expect(inProgram(f)).toThrow(message);
    expect(inProgram(f)).toThrow(/Called at .*control-flow-loop\.test\.ts:\d+:\d+/);
  });
});

describe("outside of Programs", () => {
  beforeEach(static_.disableStatic);

  const powers = (x: Tensor, n: Tensor): Tensor =>
    whileLoop(
      (i) => i.lessThan(n),
      (i, p) => [i.add(1), p.multiply(x)],
      [zero(), x],
    )[1];

  test("dynamic: a loop of JavaScript; what it starts with stays as it is", async () => {
    const x = toTensor([2], { stopGradient: false });
    const first = zero();
    const [i, grown] = whileLoop(
      (i) => i.lessThan(3),
      (i, p) => [i.add(1), concat([p, p])],
      [first, x],
    );
    expect([await i.tolist(), await first.tolist(), grown.shape]).toEqual([[3], [0], [8]]);
    powers(x, full([1], 3, { dtype: "int64" })).backward();
    expect(await x.grad!.tolist()).toEqual([32]);
  });

  test("jit.compile: forward, backward and update in one step", async () => {
    const w = toTensor([2], { stopGradient: false });
    const step = compile((n: Tensor) => {
      const y = powers(w, n);
      y.backward();
      const g = w.grad!;
      w.clearGrad();
      return [y, g];
    });
    const at = async (n: number): Promise<unknown> =>
      Promise.all(step(toTensor([n], { dtype: "int64" })).map((t) => t.tolist()));
    expect(await at(3)).toEqual([[16], [32]]);
    expect(await at(0)).toEqual([[2], [1]]);
    expect(await at(6)).toEqual([[128], [448]]);
    expect(step.variants()).toBe(1);
  });

  test("jit.toStatic: forward; a gradient is refused by name of the line", async () => {
    const w = toTensor([2], { stopGradient: false });
    const f = toStatic((n: Tensor) => powers(w, n));
    const y = f(toTensor([3], { dtype: "int64" }));
    expect(await y.tolist()).toEqual([16]);
    expect(() => y.backward()).toThrow(UnimplementedError);
    expect(() => f(toTensor([3], { dtype: "int64" })).backward()).toThrow(
      /whileLoop \(.*control-flow-loop\.test\.ts:\d+/,
    );
  });
});
