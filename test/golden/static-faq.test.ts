// Golden: every answer of the parameter FAQ in static mode over ten steps against Paddle 2.6.2: weights, losses, state in the Scope.

import { ParamAttr, nn, type optimizer, seed, static as static_, utils, disableStatic, enableStatic } from "oarjs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { atStep, excess, fixtureArrays } from "./arrays-node.js";
import { type Builder, type FaqCase, faqData, recipes, weight } from "./faq-recipes.js";
import { fixtureJson } from "./fixtures-node.js";
import { faqDifference } from "./relaxed.js";

const manifest = fixtureJson<{ readonly steps: number; readonly cases: readonly FaqCase[] }>(
  "faq/manifest_static_2.6.2.json",
);
const recorded = fixtureArrays("faq/static_2.6.2.npz");

beforeEach(enableStatic);
afterEach(disableStatic);

const shapes: Readonly<Record<string, readonly [number[], "int64" | "float32"]>> = {
  ids: [[-1, 3], "int64"],
  ids2: [[-1, 3], "int64"],
  x: [[-1, 4], "float32"],
  t: [[-1, 3], "float32"],
  td: [[-1, 4], "float32"],
};

/** Calls static helpers; sharing is by name. */
const helpers: Builder = {
  byName: true,
  fc: (_, outputs, weightAttr, biasAttr) => (x) => static_.nn.fc(x, outputs, { weightAttr, biasAttr }),
  embedding: (rows, columns, paramAttr, paddingIdx) => (ids) =>
    static_.nn.embedding(ids, [rows, columns], { paramAttr, paddingIdx }),
  batchNorm: (_, useGlobalStats, paramAttr, biasAttr) => (x) =>
    static_.nn.batchNorm(x, {
      paramAttr,
      biasAttr,
      useGlobalStats: useGlobalStats ?? false,
      movingMeanName: "bn_mean",
      movingVarianceName: "bn_variance",
    }),
};

async function train(c: FaqCase) {
  const [main, startup] = [new static_.Program(), new static_.Program()];
  const scope = new static_.Scope();
  const recipe = recipes()[c.id]!;
  if (recipe.seed !== undefined) seed(recipe.seed);
  const built = utils.uniqueName.guard(() =>
    static_.programGuard(main, startup, () => {
      const loss = recipe.model(helpers)(
        Object.fromEntries(c.feeds.map((n) => [n, static_.data(n, shapes[n]![0], { dtype: shapes[n]![1] })])),
      );
      const opt = recipe.opt(undefined);
      const [, pairs] = opt.minimize(loss);
      return { loss, opt, pairs };
    }),
  );
  const exe = new static_.Executor();
  await exe.run(startup, { scope });
  if (c.params.includes("bn_mean")) {
    scope.findVar("bn_mean")!.getTensor().set(weight("mean"));
    scope.findVar("bn_variance")!.getTensor().set(weight("var"));
  }
  const value = (name: string): Float32Array => scope.findVar(name)!.getTensor().numpy().data as Float32Array;
  const snapshot = () => new Map(c.params.map((name) => [name, value(name)] as const));
  const weights = [snapshot()];
  const losses: number[] = [];
  for (let t = 0; t < manifest.steps; t++) {
    const feed = Object.fromEntries(
      c.feeds.map((n) => {
        const all = faqData.get(n)!;
        return [n, { dtype: all.dtype, shape: all.shape.slice(1), data: atStep(all, t) } as never];
      }),
    );
    const [loss] = await exe.run(main, { feed, fetchList: [built.loss], scope });
    losses.push(loss!.data[0] as number);
    if (c.sched?.includes(t)) (built.opt.learningRate as optimizer.lr.LRScheduler).step();
    weights.push(snapshot());
  }
  return { ...built, main, scope, weights, losses, value };
}

describe("static 2.6.2", () => {
  test.each(manifest.cases.map((c) => [c.id, c] as const))("%s", async (_, c) => {
    const { weights, losses, main, scope, pairs, opt, value } = await train(c);
    const worst = c.params.flatMap((name) =>
      weights.map((at, t) => excess(at.get(name)!, atStep(recorded.get(`${c.id}/w/${name}`)!, t), 2e-5, 2e-6)),
    );
    expect(Math.max(...worst)).toBeLessThanOrEqual(0);
    expect(excess(losses, c.losses, 2e-5, 1e-6)).toBeLessThanOrEqual(0);
    expect(main.stepCount).toBe(manifest.steps);
    expect(opt.stepCount).toBe(manifest.steps);
    const sameParameters = pairs.map(([p]) => p.name);
    expect(new Set(sameParameters)).toEqual(new Set(c.paramsWithGrad));
    expect(Object.keys(main.stateDict("opt", scope)).sort()).toEqual(c.state.map(([name]) => name).sort());
    if (faqDifference(c.id) !== undefined) return;
    for (const [name] of c.state)
      expect(excess(value(name), recorded.get(`${c.id}/state/${name}`)!.data, 2e-4, 1e-6)).toBeLessThanOrEqual(0);
  });

  test("one name, another shape", () => {
    static_.programGuard(new static_.Program(), new static_.Program(), () => {
      const x = static_.data("x", [-1, 2]);
      const attr = new ParamAttr({ name: "dup_name", initializer: new nn.initializer.Constant(1) });
      static_.nn.fc(x, 2, { weightAttr: attr });
      expect(() => static_.nn.fc(x, 3, { weightAttr: attr })).toThrow(/"dup_name" is shared by name.*fc_\d.*fc_\d/);
    });
  });

  test("one name, another dtype", () => {
    static_.programGuard(new static_.Program(), new static_.Program(), () => {
      const attr = new ParamAttr({ name: "dup_name", initializer: new nn.initializer.Constant(1) });
      static_.nn.fc(static_.data("x", [-1, 2]), 2, { weightAttr: attr });
      const wide = static_.data("wide", [-1, 2], "float64");
      expect(() => static_.nn.fc(wide, 2, { weightAttr: attr })).toThrow(
        expect.objectContaining({
          name: "InvalidArgumentError",
          message: expect.stringMatching(/float32\[2, 2\].*float64/),
        }),
      );
    });
  });
});
