// Programs: several at once, clones for tests, pruning, text, live settings of parameters, scopes, errors.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ClipGradByGlobalNorm } from "../nn/clip.js";
import { createParameter } from "../nn/create-parameter.js";
import { Dropout } from "../nn/layers/dropout.js";
import { BatchNorm1D } from "../nn/layers/batch-norm.js";
import { Constant } from "../nn/initializer/constant.js";
import { Linear } from "../nn/layers/linear.js";
import { Adam } from "../optimizer/adam.js";
import { StepDecay } from "../optimizer/lr/step-decay.js";
import { Momentum } from "../optimizer/momentum.js";
import { SGD } from "../optimizer/sgd.js";
import type { Parameter } from "../param/parameter.js";
import { L1Decay, L2Decay } from "../param/regularizer.js";
import { uniqueName } from "../param/unique-name.js";
import { engine } from "../device/engine.js";
import { mean, multiply, subtract, sum } from "../tensor/index.js";
import type { Tensor } from "../tensor/tensor.js";
import * as static_ from "./index.js";

const { data, Executor, Program, programGuard, Scope } = static_;

beforeEach(static_.enableStatic);
afterEach(static_.disableStatic);

const x23 = [
  [1, 2, 3],
  [4, 5, 6],
];

/** A small net with its optimizer, in Programs of its own. */
function built(make: (loss: Tensor) => void = () => {}) {
  const [main, startup] = [new Program(), new Program()];
  return uniqueName.guard(() =>
    programGuard(main, startup, () => {
      const x = data("x", [-1, 3]);
      const weight = { initializer: new Constant(0.5) };
      const fc = new Linear(3, 2, { weightAttr: weight, biasAttr: { initializer: new Constant(0.1) } });
      const y = fc(x) as Tensor;
      const loss = mean(multiply(y, y));
      make(loss);
      return { main, startup, x, y, loss, fc };
    }),
  );
}

const readVar = (scope: static_.Scope, name: string): number[] => [
  ...(scope.findVar(name)!.getTensor().numpy().data as Float32Array),
];

describe("several Programs", () => {
  test("ops append to the Program of their variables, also outside of its guard", async () => {
    const { main, y, startup } = built();
    const before = static_.defaultMainProgram().block.ops.length;
    const z = sum(y);
    expect(static_.defaultMainProgram().block.ops.length).toBe(before);
    const scope = new Scope();
    const exe = new Executor();
    await exe.run(startup, { scope });
    const [got] = await exe.run(main, { scope, feed: { x: x23 }, fetchList: [z] });
    expect(got!.data[0]).toBeCloseTo(2 * (3.1 + 7.6), 5);
  });

  test("variables of two Programs do not mix", () => {
    const [a, b] = [built(), built()];
    expect(() => multiply(a.y, b.y)).toThrow(/belongs to another Program/);
  });

  test("a second Program reads the same parameter through the Scope", async () => {
    const a = built((loss) => new SGD({ learningRate: 0.1 }).minimize(loss));
    const other = new Program();
    const y = programGuard(other, a.startup, () => a.fc(data("x", [-1, 3])) as Tensor);
    const scope = new Scope();
    const exe = new Executor();
    await exe.run(a.startup, { scope });
    const first = (await exe.run(other, { scope, feed: { x: x23 }, fetchList: [y] }))[0]!.data as Float32Array;
    await exe.run(a.main, { scope, feed: { x: x23 } });
    const second = (await exe.run(other, { scope, feed: { x: x23 }, fetchList: [y] }))[0]!.data as Float32Array;
    expect(first[0]).toBeCloseTo(3.1, 5);
    expect(second[0]).toBeLessThan(first[0]!);
    expect(other.allParameters()).toEqual(a.main.allParameters());
  });

  test("two scopes do not touch; startup run again starts anew", async () => {
    const { main, startup, fc } = built((loss) => new Adam({ learningRate: 0.1 }).minimize(loss));
    const exe = new Executor();
    const [s, t] = [new Scope(), new Scope()];
    for (const scope of [s, t]) await exe.run(startup, { scope });
    for (let i = 0; i < 3; i++) await exe.run(main, { scope: s, feed: { x: x23 } });
    await exe.run(main, { scope: t, feed: { x: x23 } });
    const pow = `${fc.weight.name}_beta1_pow_acc_0`;
    expect(readVar(s, pow)[0]).toBeCloseTo(0.9 ** 4, 6);
    expect(readVar(t, pow)[0]).toBeCloseTo(0.9 ** 2, 6);
    await exe.run(startup, { scope: s });
    expect(readVar(s, pow)[0]).toBeCloseTo(0.9, 6);
    expect(readVar(s, fc.weight.name)[0]).toBe(0.5);
  });
});

describe("clone for tests", () => {
  test("dropout off, batch norm by its running statistics, nothing updated", async () => {
    const [main, startup] = [new Program(), new Program()];
    const built = programGuard(main, startup, () => {
      const x = data("x", [-1, 3]);
      const bn = new BatchNorm1D(3, { momentum: 0.5 });
      const y = new Dropout(0.5)(bn(x) as Tensor) as Tensor;
      const down = new Dropout(0.25, { mode: "downscale_in_infer" })(y) as Tensor;
      const loss = mean(down);
      const test = main.clone({ forTest: true });
      new SGD({ learningRate: 0.1 }).minimize(loss);
      return { down, bn, test, after: main.clone({ forTest: true }) };
    });
    const scope = new Scope();
    const exe = new Executor();
    await exe.run(startup, { scope });
    const fetchList = [built.down];
    const run = async (p: static_.Program) =>
      (await exe.run(p, { scope, feed: { x: x23 }, fetchList }))[0]!.data as Float32Array;
    const unscaled = 0.75 / Math.sqrt(1 + 1e-5);
    for (const p of [built.test, built.after]) {
      const got = await run(p);
      x23.flat().forEach((v, i) => expect(got[i]).toBeCloseTo(v * unscaled, 4));
    }
    expect(readVar(scope, built.bn._mean.name)).toEqual([0, 0, 0]);
    await run(main);
    expect(readVar(scope, built.bn._mean.name)).toEqual([1.25, 1.75, 2.25]);
    expect(built.test.block.ops.map((op) => op.record.name)).not.toContain("dropout");
    expect(built.after.block.ops.length).toBe(built.test.block.ops.length);
  });

  test("a clone can be changed on its own", async () => {
    const { main, startup, y } = built();
    const copy = main.clone();
    const z = programGuard(copy, startup, () => sum(y));
    expect(copy.block.ops.length).toBe(main.block.ops.length + 1);
    expect(copy.globalBlock().hasVar(z.name!)).toBe(true);
    expect(main.globalBlock().hasVar(z.name!)).toBe(false);
  });

  test("prune keeps what a target needs; fetching more is an error", async () => {
    const { main, startup, y, loss } = built((l) => new SGD({ learningRate: 0.1 }).minimize(l));
    const small = main.prune(y);
    expect(small.block.ops.length).toBeLessThan(main.block.ops.length);
    const exe = new Executor();
    const scope = new Scope();
    await exe.run(startup, { scope });
    const options = { scope, feed: { x: x23 } };
    expect((await exe.run(small, { ...options, fetchList: [y] }))[0]!.data[0]).toBeCloseTo(3.1, 5);
    await expect(exe.run(small, { ...options, fetchList: [loss] })).rejects.toThrow(/pruned/);
    const again = await exe.run(main, { ...options, fetchList: [y], usePrune: true });
    expect(again[0]!.data[0]).toBeCloseTo(3.1, 5);
    expect(main.stepCount).toBe(1);
  });
});

describe("reading a Program", () => {
  test("text shows inputs, parameters and unknown extents", () => {
    const { main } = built((loss) => new SGD({ learningRate: 0.1 }).minimize(loss));
    const text = main.toString();
    expect(text).toContain("input x: float32[-1, 3]");
    expect(text).toContain("parameter linear_0.w_0: float32[3, 2]");
    expect(text).toMatch(/float32\[-1, 2\] = matmul/);
    expect(text).toMatch(/\/\/ optimize/);
    expect(text).not.toContain("1000003");
  });

  test("gradients can be fetched by name, of variables in between too", async () => {
    const { main, startup, y } = built((loss) => new SGD({ learningRate: 0.1 }).minimize(loss));
    const scope = new Scope();
    const exe = new Executor();
    await exe.run(startup, { scope });
    const names = ["linear_0.b_0@GRAD", `${y.name}@GRAD`];
    const [db, dy] = await exe.run(main, { scope, feed: { x: x23 }, fetchList: names });
    // loss = mean(y²) over 2 x 2: dy = y / 2, db = its sum over the batch.
    expect(dy!.data[0]).toBeCloseTo(3.1 / 2, 5);
    expect(db!.data[0]).toBeCloseTo((3.1 + 7.6) / 2, 5);
  });

  test("noGradSet and parameters limit minimize; y.stopGradient counts as it is then", () => {
    const given = built();
    const [, pairs] = new SGD({ learningRate: 0.1 }).minimize(given.loss, { noGradSet: ["linear_0.w_0"] });
    expect(pairs.map(([p]) => p.name)).toEqual(["linear_0.b_0"]);
    const other = built();
    const only = new SGD({ learningRate: 0.1 }).minimize(other.loss, { parameters: [other.fc.weight] })[1];
    expect(only.map(([p]) => p.name)).toEqual(["linear_0.w_0"]);
    const cut = built();
    cut.y.stopGradient = true;
    expect(() => new SGD({ learningRate: 0.1 }).minimize(cut.loss)).toThrow(/no trainable parameter/);
  });
});

describe("settings of parameters in a Program that runs", () => {
  const run = async (b: ReturnType<typeof built>, exe: static_.Executor, scope: static_.Scope) => {
    const before = readVar(scope, b.fc.weight.name)[0]!;
    await exe.run(b.main, { scope, feed: { x: x23 } });
    return readVar(scope, b.fc.weight.name)[0]! - before;
  };

  test("rates, regularizers, freezing; numbers compile no kernel", async () => {
    const b = built((loss) => new SGD({ learningRate: 0.001 }).minimize(loss));
    const weight = b.main.globalBlock().var(b.fc.weight.name) as Parameter;
    expect(weight).toBe(b.fc.weight);
    const exe = new Executor();
    const scope = new Scope();
    await exe.run(b.startup, { scope });
    const plain = await run(b, exe, scope);
    const kernels = engine().compiledKernels;
    weight.learningRate = 2;
    expect((await run(b, exe, scope)) / plain).toBeGreaterThan(1.8);
    const factored = engine().compiledKernels;
    weight.learningRate = 3;
    expect((await run(b, exe, scope)) / plain).toBeGreaterThan(2.6);
    expect(engine().compiledKernels).toBe(factored);
    expect(factored).toBe(kernels);
    weight.trainable = false;
    expect(await run(b, exe, scope)).toBe(0);
    weight.trainable = true;
    weight.learningRate = 0;
    expect(await run(b, exe, scope)).toBe(0);
    weight.learningRate = 1;
    weight.regularizer = new L2Decay(100);
    expect(await run(b, exe, scope)).toBeLessThan(-0.03);
    weight.regularizer = new L1Decay(0);
    expect(Math.abs(await run(b, exe, scope))).toBeLessThan(0.02);
    expect(b.main.stepCount).toBe(7);
  });

  test("a parameter frozen at first is trained when thawed", async () => {
    const b = built((loss) => {
      const p = static_.defaultMainProgram().allParameters();
      new Momentum({ learningRate: 0.001 }).minimize(loss, { parameters: p });
    });
    const exe = new Executor();
    const scope = new Scope();
    await exe.run(b.startup, { scope });
    b.fc.weight.trainable = false;
    expect(await run(b, exe, scope)).toBe(0);
    b.fc.weight.trainable = true;
    expect(await run(b, exe, scope)).toBeLessThan(0);
  });

  test("setValue and initialize reach the Scope", async () => {
    const b = built();
    await expect(async () => b.fc.weight.setValue([[1]])).rejects.toThrow(/run the startup program first/);
    const exe = new Executor();
    const scope = new Scope();
    await exe.run(b.startup, { scope });
    static_.scopeGuard(scope, () => {
      b.fc.weight.setValue([
        [1, 2],
        [3, 4],
        [5, 6],
      ]);
      b.fc.bias!.initialize(new Constant(7));
    });
    expect(readVar(scope, b.fc.weight.name)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(readVar(scope, b.fc.bias!.name)).toEqual([7, 7]);
    await exe.run(b.startup, { scope });
    expect(readVar(scope, b.fc.weight.name)[0]).toBe(0.5);
  });
});

describe("the learning rate in the Scope", () => {
  const moved = async (b: ReturnType<typeof built>, exe: static_.Executor, scope: static_.Scope): Promise<number> => {
    const before = readVar(scope, b.fc.bias!.name)[0]!;
    const fetchList = ["linear_0.b_0@GRAD"];
    const [g] = await exe.run(b.main, { scope, feed: { x: x23 }, fetchList });
    return (before - readVar(scope, b.fc.bias!.name)[0]!) / (g!.data[0] as number);
  };

  test("may be written, in each scope on its own; setLr writes it, too", async () => {
    let opt!: SGD;
    const b = built((loss) => {
      opt = new SGD({ learningRate: 0.001 });
      opt.minimize(loss);
    });
    const exe = new Executor();
    const [s, t] = [new Scope(), new Scope()];
    for (const scope of [s, t]) await exe.run(b.startup, { scope });
    const rate = s.findVar("learning_rate_0")!.getTensor();
    expect(await moved(b, exe, s)).toBeCloseTo(0.001, 5);
    rate.set([0.01]);
    expect(await moved(b, exe, s)).toBeCloseTo(0.01, 5);
    expect(await moved(b, exe, s)).toBeCloseTo(0.01, 5);
    expect(await moved(b, exe, t)).toBeCloseTo(0.001, 5);
    expect(opt.getLr()).toBe(0.001);
    opt.setLr(0.02);
    expect(await moved(b, exe, s)).toBeCloseTo(0.02, 5);
    expect(rate.numpy().data[0]).toBe(Math.fround(0.02));
    rate.set([0.03]);
    expect(await moved(b, exe, s)).toBeCloseTo(0.03, 5);
    expect(b.main.variants).toBe(1);
  });

  test("before the first run; and a schedule decides at every run", async () => {
    const b = built((loss) => new SGD({ learningRate: 0.001 }).minimize(loss));
    const exe = new Executor();
    const scope = new Scope();
    await exe.run(b.startup, { scope });
    scope.findVar("learning_rate_0")!.getTensor().set([0.01]);
    expect(await moved(b, exe, scope)).toBeCloseTo(0.01, 5);
    const c = built((loss) => new SGD({ learningRate: new StepDecay(0.02, 1) }).minimize(loss));
    await exe.run(c.startup, { scope });
    scope.findVar("learning_rate_0")!.getTensor().set([0.5]);
    expect(await moved(c, exe, scope)).toBeCloseTo(0.02, 5);
  });
});

test("summary explains every parameter of a Program", () => {
  const [main, startup] = [new Program(), new Program()];
  const momentum = uniqueName.guard(() =>
    programGuard(main, startup, () => {
      const attr = { name: "shared", learningRate: 0.1, regularizer: new L1Decay(0.5), initializer: new Constant(1) };
      const one = static_.nn.fc(data("x", [-1, 3]), 3, { weightAttr: attr, biasAttr: { trainable: false } });
      const two = static_.nn.fc(one, 3, { weightAttr: attr, biasAttr: { needClip: false } });
      const last = static_.nn.fc(two, 1, { biasAttr: false });
      const opt = new Momentum({ learningRate: 0.5, weightDecay: 0.25, gradClip: new ClipGradByGlobalNorm(1) });
      opt.minimize(mean(last));
      return opt;
    }),
  );
  const { parameters, totalParams, trainableParams } = main.summary();
  expect([totalParams, trainableParams]).toEqual([9 + 3 + 3 + 3, 15]);
  expect(parameters[0]).toEqual({
    key: "shared",
    name: "shared",
    shape: [3, 3],
    learningRate: { value: 0.05, source: "ParamAttr" },
    regularizer: { value: "L1Decay, coeff=0.500000", source: "ParamAttr" },
    clip: { value: "Gradient Clip By GlobalNorm, global_norm=1", source: "optimizer" },
    trainable: { value: true, source: "default" },
    initializer: { value: "Constant(1)", source: "ParamAttr" },
    sharedBy: ["fc_0", "fc_1"],
  });
  expect(parameters[1]).toMatchObject({ name: "fc_0.b_0", trainable: { value: false, source: "ParamAttr" } });
  expect(parameters[2]).toMatchObject({
    clip: { value: "no", source: "ParamAttr" },
    regularizer: { value: "L2Decay, coeff=0.250000", source: "optimizer" },
    initializer: { value: "Constant(0)", source: "default" },
  });
  for (const { name } of parameters) Object.assign(main.globalBlock().var(name), { learningRate: 2 });
  expect(main.summary({ optimizer: momentum }).parameters[3]!.learningRate).toEqual({ value: 1, source: "assigned" });
  expect(main.summary().toString()).toMatch(/fc_2\.w_0 +fc_2\.w_0 +\[3, 1\] +1 \(assigned\)/);
  expect(() => main.summary({ optimiser: 1 } as never)).toThrow(/optimizer/);
});

describe("optimizer state", () => {
  test("multiPrecision keeps float32 copies of half-precision parameters, as in dynamic mode", async () => {
    const start = new Constant(1);
    const halves = (): Parameter => createParameter([4], "bfloat16", { attr: { name: "half", initializer: start } })!;
    const lossOf = (p: Parameter): Tensor => sum(multiply(p.astype("float32"), 0.5));
    static_.disableStatic();
    const dynamic = uniqueName.guard(() => {
      const p = halves();
      const opt = new Adam({ learningRate: 1e-4, parameters: [p], multiPrecision: true });
      for (let i = 0; i < 30; i++) {
        lossOf(p).backward();
        opt.step();
        opt.clearGrad();
      }
      const master = (opt.stateDict()["master_weights"] as Record<string, Tensor>)["half"]!;
      return { p: p.dataSync(), master: master.dataSync("float32") };
    });
    static_.enableStatic();
    const [main, startup, scope] = [new Program(), new Program(), new Scope()];
    const opt = uniqueName.guard(() =>
      programGuard(main, startup, () => {
        const made = new Adam({ learningRate: 1e-4, multiPrecision: true });
        made.minimize(lossOf(halves()));
        return made;
      }),
    );
    const exe = new Executor();
    await exe.run(startup, { scope });
    expect(readVar(scope, "half_fp32_master_0")).toEqual([1, 1, 1, 1]);
    for (let i = 0; i < 30; i++) await exe.run(main, { scope });
    expect(readVar(scope, "half")).toEqual([...dynamic.p]);
    const master = readVar(scope, "half_fp32_master_0");
    master.forEach((v, i) => expect(Math.abs(v - dynamic.master[i]!)).toBeLessThanOrEqual(1e-6));
    expect(master[0]).toBeLessThan(0.998);
    const state = static_.scopeGuard(scope, () => opt.stateDict());
    expect(Object.keys(state["master_weights"] as object)).toEqual(["half"]);
    expect(Object.keys(state)).toContain("half_fp32_master_0_moment1_0");
    static_.scopeGuard(scope, () => opt.setStateDict(state));
  });

  test("is saved and set by name, before and after minimize", async () => {
    let opt!: Adam;
    const a = built((loss) => {
      opt = new Adam({ learningRate: 0.1 });
      opt.minimize(loss);
    });
    const exe = new Executor();
    const scope = new Scope();
    await exe.run(a.startup, { scope });
    for (let i = 0; i < 2; i++) await exe.run(a.main, { scope, feed: { x: x23 } });
    const state = static_.scopeGuard(scope, () => opt.stateDict());
    expect(Object.keys(state)).toContain("linear_0.w_0_moment1_0");
    let fresh!: Adam;
    const b = built((loss) => {
      fresh = new Adam({ learningRate: 0.1 });
      fresh.setStateDict(state);
      fresh.minimize(loss);
    });
    const other = new Scope();
    await exe.run(b.startup, { scope: other });
    expect(readVar(other, "linear_0.w_0_moment1_0")).toEqual(readVar(scope, "linear_0.w_0_moment1_0"));
    expect(fresh.stepCount).toBe(2);
    const all = a.main.stateDict("all", scope);
    expect(b.main.setStateDict(all, other)).toEqual({ missing: [], unexpected: [] });
    expect(readVar(other, "linear_0.w_0")).toEqual(readVar(scope, "linear_0.w_0"));
  });
});

describe("errors", () => {
  test("sizes that only happen to stand on one axis", async () => {
    const main = new Program();
    const y = programGuard(main, new Program(), () => {
      const [a, b] = [data("a", [-1, -1]), data("b", [-1, -1])];
      return [sum(a).add(sum(b)), a.reshape([a.shape[1]!, -1])] as const;
    });
    const feed = { a: [[1, 2]], b: [[1, 2, 3]] };
    const exe = new Executor();
    expect((await exe.run(main, { feed, fetchList: [y[0]] }))[0]!.data[0]).toBe(9);
    await expect(exe.run(main, { feed, fetchList: [y[1]] })).rejects.toThrow(/unknown extent as a number/);
  });

  test("a dtype that is not declared, a closed executor, a Variable fed", async () => {
    const { main, x } = built();
    const exe = new Executor();
    const wrong = { dtype: "float64" as const, shape: [1, 3], data: new Float64Array(3) };
    await expect(exe.run(main, { feed: { x: wrong } })).rejects.toThrow(/declared float32 and was fed float64/);
    await expect(exe.run(main, { feed: { x } })).rejects.toThrow(/Variable, which has no data/);
    exe.close();
    await expect(exe.run(main)).rejects.toThrow(/closed/);
  });

  test("a loss of several elements", () => {
    const { y } = built();
    expect(() => static_.appendBackward(subtract(y, 1))).toThrow(/\[-1, 2\]/);
  });
});
