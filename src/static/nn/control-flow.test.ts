// cond, case and switchCase: which branch runs, what it captures, gradients, state, refusals, and the same in all modes.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { NdArray } from "../../core/nd-array.js";
import { InvalidArgumentError, PreconditionNotMetError, UnimplementedError } from "../../core/errors.js";
import { compile } from "../../jit/compile.js";
import { toStatic } from "../../jit/to-static.js";
import * as F from "../../nn/functional/index.js";
import { Constant } from "../../nn/initializer/constant.js";
import { SGD } from "../../optimizer/sgd.js";
import { full, matmul, mean, ones, sin, sum, tanh, toTensor, zeros } from "../../tensor/index.js";
import type { Tensor } from "../../tensor/tensor.js";
import { recordCustom } from "../../trace/tape.js";
import * as static_ from "../index.js";
import { build, checkGradients, f64, i64, list } from "./control-flow.test-util.js";

const { cond, case: caseOf, switchCase } = static_.nn;

beforeEach(static_.enableStatic);
afterEach(static_.disableStatic);

describe("in a Program", () => {
  test("only the chosen branch runs, for each fed size", async () => {
    const ran: string[] = [];
    const seen = (name: string, x: Tensor): Tensor => {
      const note = (a: NdArray): NdArray => {
        ran.push(name);
        return a;
      };
      const backwardFunc = (_x: NdArray, _y: NdArray, dy: NdArray): NdArray => dy;
      return static_.pyFunc(note, x, { shape: [-1], dtype: "float64" }, { backwardFunc }) as Tensor;
    };
    const b = await build({ x: [[-1]] }, (v) => {
      const x = v["x"]!;
      return sum(
        cond(
          sum(x).greaterThan(0),
          () => seen("true", x).multiply(2),
          () => seen("false", x).subtract(1),
        ),
      );
    });
    expect(list((await b.run({ x: [1, 2] }))[0])).toEqual([6]);
    expect(list((await b.run({ x: [-1, -2, -3] }))[0])).toEqual([-9]);
    expect(ran).toEqual(["true", "false"]);
    expect(b.main.segments.map((s) => s.host)).toContain("cond");
    expect(b.main.numBlocks).toBe(5);
    expect(b.main.toString()).toMatch(/cond\(.*\{region: block 1, block 2\}[\s\S]*block 1 \{\n {2}input x\.block1/);
  });

  test("gradients: captured, shared, used in one branch only, and returned as they are", async () => {
    const b = await build({ x: [[-1, 3]], y: [[-1, 3]] }, (v) => {
      const [x, y] = [v["x"]!, v["y"]!];
      const h = tanh(x.multiply(3));
      const [p, q] = cond(
        sum(y).greaterThan(0),
        () => [h.multiply(y).add(sin(x)), x] as [Tensor, Tensor],
        () => [h.multiply(h), y.multiply(y)] as [Tensor, Tensor],
      );
      return sum(p.multiply(q).add(h));
    });
    for (const sign of [1, -1])
      await checkGradients(b, {
        x: f64([2, 3], [0.1, -0.2, 0.3, 0.4, -0.5, 0.6]),
        y: f64(
          [2, 3],
          [0.5, 0.2, 0.3, 0.1, 0.7, 0.9].map((n) => sign * n),
        ),
      });
  });

  test("cond in cond, with a gradient through both", async () => {
    const b = await build({ x: [[-1]], a: [[1]], c: [[1]] }, (v) => {
      const [x, a, c] = [v["x"]!, v["a"]!, v["c"]!];
      const y = cond(
        a.greaterThan(0),
        () => {
          const t = sin(x).multiply(a);
          return cond(
            c.greaterThan(0),
            () => t.multiply(x.exp()),
            () => t.multiply(c).add(t.multiply(t)),
          );
        },
        () =>
          cond(
            c.greaterThan(0),
            () => x.multiply(c),
            () => x.multiply(x).multiply(a),
          ),
      );
      return sum(y.multiply(x));
    });
    const x = f64([3], [0.3, -0.8, 1.2]);
    for (const a of [0.7, -0.7])
      for (const c of [0.4, -0.4]) await checkGradients(b, { x, a: f64([1], [a]), c: f64([1], [c]) });
  });

  test("switchCase and case choose among many", async () => {
    const b = await build({ x: [[2]], i: [[1], "int64"] }, (v) => {
      const [x, i] = [v["x"]!, v["i"]!];
      const y = switchCase(i, { 1: () => x.multiply(2), 4: () => x.multiply(x) }, () => x.exp());
      const z = caseOf([
        [i.lessThan(1), () => y.multiply(y)],
        [i.lessThan(4), () => y.multiply(3)],
        [i.lessThan(4), () => y],
      ]);
      return sum(z);
    });
    const x = [0.5, -1.5];
    const want: Record<number, (x: number) => number> = {
      ...{ 0: (x) => Math.exp(x) ** 2, 1: (x) => 6 * x, 2: (x) => 3 * Math.exp(x), 4: (x) => x * x, 9: Math.exp },
    };
    for (const [i, f] of Object.entries(want)) {
      const feed = { x: f64([2], x), i: i64([1], [Number(i)]) };
      expect(list((await b.run(feed))[0])[0]).toBeCloseTo(f(x[0]!) + f(x[1]!), 12);
      await checkGradients(b, feed);
    }
  });

  test("parameters made in branches train, the other branch's stay", async () => {
    const [main, startup] = [new static_.Program(), new static_.Program()];
    const attr = (name: string) => ({ name, initializer: new Constant(1) });
    const loss = static_.programGuard(main, startup, () => {
      const x = static_.data("x", [-1, 2]);
      const branch = (name: string) => () => static_.nn.fc(x, 1, { weightAttr: attr(name), biasAttr: false });
      const out = mean(cond(mean(x).greaterThan(0), branch("up"), branch("down")));
      new SGD({ learningRate: 0.5 }).minimize(out);
      return out;
    });
    expect(main.allParameters().map((p) => p.name)).toEqual(["up", "down"]);
    const exe = new static_.Executor();
    const scope = new static_.Scope();
    await exe.run(startup, { scope });
    const value = (name: string): number[] => list(scope.findVar(name)!.getTensor().numpy());
    await exe.run(main, { scope, feed: { x: [[1, 2]] }, fetchList: [loss] });
    expect([value("up"), value("down")]).toEqual([
      [0.5, 0],
      [1, 1],
    ]);
    await exe.run(main, { scope, feed: { x: [[-1, -2]] }, fetchList: [loss] });
    expect([value("up"), value("down")]).toEqual([
      [0.5, 0],
      [1.5, 2],
    ]);
  });

  test("statistics and generators change only where their branch runs; the test form has none of it", async () => {
    const [main, startup] = [new static_.Program(), new static_.Program()];
    const y = static_.programGuard(main, startup, () => {
      const x = static_.data("x", [-1, 2]);
      const branch = () =>
        static_.nn.batchNorm(F.dropout(x, 0.5), { movingMeanName: "mean", movingVarianceName: "var" });
      return cond(static_.data("on", [1], "bool"), branch, () => x);
    });
    const exe = new static_.Executor();
    const scope = new static_.Scope();
    await exe.run(startup, { scope });
    const x = [
      [1, 2],
      [3, 6],
    ];
    const moved = (): number[] => list(scope.findVar("mean")!.getTensor().numpy());
    expect(list((await exe.run(main, { scope, feed: { x, on: [false] }, fetchList: [y] }))[0])).toEqual([1, 2, 3, 6]);
    expect(moved()).toEqual([0, 0]);
    for (let i = 0; i < 8; i++) await exe.run(main, { scope, feed: { x, on: [true] }, fetchList: [y] });
    expect(moved().every((m) => m > 0)).toBe(true);
    scope.findVar("mean")!.getTensor().set([1, 2]);
    scope.findVar("var")!.getTensor().set([4, 4]);
    const test = main.clone({ forTest: true });
    const got = list((await exe.run(test, { scope, feed: { x, on: [true] }, fetchList: [y] }))[0]);
    const want = [0, 0, 1, 2].map((n) => n / Math.sqrt(1 + 1e-5 / 4));
    got.forEach((g, i) => expect(g).toBeCloseTo(want[i]!, 5));
    expect(moved()).toEqual([1, 2]);
  });

  test("numbers: equal ones stay, others become tensors; records and nothing", async () => {
    const main = new static_.Program();
    const r = static_.programGuard(main, new static_.Program(), () => {
      const p = static_.data("p", [1], "bool");
      expect(
        cond(
          p,
          () => null,
          () => undefined as unknown as null,
        ),
      ).toBe(null);
      return cond(
        p,
        () => ({ same: 3, whole: 1 as number, half: 0.5, yes: true as boolean, list: [ones([2])] }),
        () => ({ same: 3, whole: 2, half: 1, yes: false, list: [zeros([2])] }),
      );
    });
    expect(r.same).toBe(3);
    const fetchList = [r.whole, r.half, r.yes, r.list[0]!] as unknown as Tensor[];
    const got = await new static_.Executor().run(main, { feed: { p: [false] }, fetchList });
    expect(got.map((a) => a.dtype)).toEqual(["int64", "float64", "bool", "float32"]);
    expect(got.map((a) => Number(a.data[0]))).toEqual([2, 1, 0, 0]);
  });

  test("inputs fed in different sizes on one axis", async () => {
    const main = new static_.Program();
    const [y, z] = static_.programGuard(main, new static_.Program(), () => {
      const [a, b] = [static_.data("a", [-1]), static_.data("b", [-1, 2])];
      const p = static_.data("p", [1], "bool");
      const one = cond(
        p,
        () => b.multiply(sum(a)),
        () => b.subtract(sum(a)),
      );
      const [, two] = static_.nn.whileLoop(
        (i) => i.lessThan(2),
        (i, h) => [i.add(1), h.add(sum(a))],
        [full([1], 0, { dtype: "int64" }), b],
      );
      return [one, two];
    });
    const feed = { a: [1, 2, 3], b: [[1, 2]], p: [false] };
    const got = await new static_.Executor().run(main, { feed, fetchList: [y, z] });
    expect(got.map(list)).toEqual([
      [-5, -4],
      [13, 14],
    ]);
    const clash = new static_.Program();
    const c = static_.programGuard(clash, new static_.Program(), () => {
      const [a, b] = [static_.data("a", [-1]), static_.data("b", [-1])];
      return cond(
        static_.data("p", [1], "bool"),
        () => a,
        () => b,
      );
    });
    const clashing = new static_.Executor().run(clash, { feed: { a: [1], b: [1, 2], p: [true] }, fetchList: [c] });
    await expect(clashing).rejects.toThrow(/gives \[2\] where \[1\] is needed/);
  });

  test("clones and pruned copies run; a branch's own variables are listed and not fetched", async () => {
    const b = await build({ x: [[2]] }, (v) =>
      sum(
        cond(
          sum(v["x"]!).greaterThan(0),
          () => v["x"]!.multiply(2),
          () => v["x"]!.multiply(4),
        ),
      ),
    );
    const exe = new static_.Executor();
    for (const program of [b.main.clone(), b.main.clone({ forTest: true }), b.main.prune(b.loss)])
      expect(list((await exe.run(program, { feed: { x: f64([2], [-1, -2]) }, fetchList: [b.loss] }))[0])).toEqual([
        -12,
      ]);
    const inner = b.main.blocks[1]!.ops[0]!.outputs[0]!.name;
    expect(b.main.listVars().map((x) => x.name)).toContain(inner);
    await expect(b.run({ x: [1, 2] }, [inner])).rejects.toThrow(/return it from there/);
  });
});

describe("refusals", () => {
  const p = () => static_.data("p", [1], "bool");
  const inProgram =
    (f: () => unknown): (() => unknown) =>
    () =>
      static_.programGuard(new static_.Program(), new static_.Program(), () => void f());

  test.each<[string, RegExp, () => unknown]>([
    [
      "shapes",
      /float32\[3\] in trueFn and float32\[2\] in falseFn/,
      () =>
        cond(
          p(),
          () => ones([3]),
          () => ones([2]),
        ),
    ],
    [
      "dtypes",
      /int64\[2\] in falseFn/,
      () =>
        cond(
          p(),
          () => ones([2]),
          () => ones([2], { dtype: "int64" }),
        ),
    ],
    [
      "numbers and tensors",
      /4 in falseFn/,
      () =>
        cond<unknown>(
          p(),
          () => ones([1]),
          () => 4,
        ),
    ],
    [
      "structures",
      /trueFn returns \[·, ·\] and falseFn returns ·/,
      () =>
        cond<unknown>(
          p(),
          () => [ones([1]), ones([1])],
          () => ones([1]),
        ),
    ],
    ["nothing", /falseFn returns nothing/, () => cond(p(), () => ones([1]))],
    [
      "a predicate of floats",
      /must be bool, it is float32\[1\]/,
      () =>
        cond(
          ones([1]),
          () => 1,
          () => 2,
        ),
    ],
    [
      "a predicate of two",
      /one element/,
      () =>
        cond(
          static_.data("q", [2], "bool"),
          () => 1,
          () => 2,
        ),
    ],
    [
      "JavaScript's booleans",
      /an if of JavaScript/,
      () =>
        cond(
          true as unknown as Tensor,
          () => 1,
          () => 2,
        ),
    ],
    ["no function", /trueFn must be a function/, () => cond(p(), 3 as unknown as () => number, () => 2)],
    ["no pairs", /array of pairs/, () => caseOf([])],
    ["no pair", /element 0 must be a pair/, () => caseOf([p()] as unknown as [[Tensor, () => number]])],
    [
      "shapes of a case",
      /\[static\.nn\.case\].* in pair 0 and float32\[2\] in pair 1/,
      () =>
        caseOf([
          [p(), () => ones([3])],
          [static_.data("q", [1], "bool"), () => ones([2])],
        ]),
    ],
    ["a float index", /int32 or int64 or uint8/, () => switchCase(ones([1]), [() => 1])],
    [
      "an index twice",
      /4 is given twice/,
      () =>
        switchCase(full([1], 4, { dtype: "int32" }), [
          [4, () => 1],
          [4, () => 2],
        ]),
    ],
  ])("%s", (_, message, f) => {
    expect(inProgram(f)).toThrow(InvalidArgumentError);
    expect(inProgram(f)).toThrow(message);
    expect(inProgram(f)).toThrow(/Called at .*control-flow\.test\.ts:\d+:\d+/);
  });

  test("a variable of a branch outside of it; an outer variable changed in place", () => {
    let leak: Tensor | undefined;
    const body = (): unknown => {
      const x = static_.data("x", [2]);
      cond(
        p(),
        () => (leak = x.multiply(2)),
        () => x,
      );
      return leak!.add(1);
    };
    expect(inProgram(body)).toThrow(PreconditionNotMetError);
    const change = (): unknown => {
      const x = static_.data("x", [2]).multiply(1);
      return cond(
        p(),
        () => x.add_(ones([2])),
        () => x,
      );
    };
    expect(inProgram(change)).toThrow(UnimplementedError);
  });

  test("a gradient of a gradient", () => {
    const twice = (): unknown => {
      const x = static_.data("x", [2]);
      x.stopGradient = false;
      const y = sum(
        cond(
          p(),
          () => x.multiply(x),
          () => x,
        ),
      );
      const [dx] = static_.gradients(y, x);
      return static_.gradients(sum(dx!.multiply(dx!)), x);
    };
    expect(inProgram(twice)).toThrow(UnimplementedError);
  });
});

describe("outside of Programs", () => {
  beforeEach(static_.disableStatic);

  test("dynamic: one branch runs, with its gradient", async () => {
    const x = toTensor([2, 3], { stopGradient: false });
    const y = cond(
      sum(x).greaterThan(0),
      () => x.multiply(x),
      () => expect.unreachable() as Tensor,
    );
    y.sum().backward();
    expect(await x.grad!.tolist()).toEqual([4, 6]);
    expect(cond(toTensor(0), () => 1)).toBe(null);
    expect(switchCase(toTensor(7, { dtype: "int32" }), [() => "a", () => "b"])).toBe("b");
  });

  test("jit.compile: both branches are in the step, and the optimizer's in the one that runs", async () => {
    const w = toTensor([1, 1], { stopGradient: false });
    const step = compile((x: Tensor) => {
      const y = sum(
        cond(
          sum(x).greaterThan(0),
          () => x.multiply(w),
          () => x.multiply(w).multiply(w),
        ),
      );
      y.backward();
      const g = w.grad!;
      w.clearGrad();
      return [y, g];
    });
    const at = async (...v: number[]): Promise<unknown> => Promise.all(step(toTensor(v)).map((t) => t.tolist()));
    expect(await at(1, 2)).toEqual([3, [1, 2]]);
    expect(await at(-1, -2)).toEqual([-3, [-2, -4]]);
    expect(step.variants()).toBe(1);
  });

  test("jit.toStatic: forward and backward", async () => {
    const w = toTensor([[1], [2]], { stopGradient: false });
    const f = toStatic((x: Tensor) => {
      const h = matmul(x, w);
      return cond(
        sum(h).greaterThan(0),
        () => h.multiply(h.exp()),
        () => h.multiply(h),
      );
    });
    for (const sign of [1, -1]) {
      f(toTensor([[sign, sign]]))
        .sum()
        .backward();
      const h = 3 * sign;
      const d = sign > 0 ? Math.exp(h) * (1 + h) : 2 * h;
      const got = (await w.grad!.tolist()) as number[][];
      for (const [g] of got) expect(g).toBeCloseTo(d * sign, 4);
      w.clearGrad();
    }
  });

  test("a custom gradient inside a branch is used", async () => {
    const step = compile((x: Tensor) => {
      x.stopGradient = false;
      const y = cond(
        sum(x).greaterThan(0),
        () => {
          const out = x.multiply(2).detach();
          recordCustom("ten", [x], [out], ([g]) => [(g as Tensor).multiply(10)]);
          return out;
        },
        () => x,
      );
      sum(y).backward();
      return x.grad!;
    });
    expect(await step(toTensor([1, 2])).tolist()).toEqual([10, 10]);
    expect(await step(toTensor([-1, -2])).tolist()).toEqual([1, 1]);
  });
});
