// Golden: every answer of the parameter FAQ (dynamic mode) over ten steps against Paddle 3.3.1: rates, weights after each step, state.

import { nn, type optimizer, type Parameter, seed, setFlags, type Tensor, toTensor, utils } from "oarjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { atStep, excess, fixtureArrays } from "./arrays-node.js";
import { type Builder, type FaqCase, faqData, type Feeds, recipes, sharedFc, weight } from "./faq-recipes.js";
import { fixtureJson } from "./fixtures-node.js";
import { faqDifference } from "./relaxed.js";

const manifest = fixtureJson<{ readonly steps: number; readonly cases: readonly FaqCase[] }>(
  "faq/manifest_dygraph_3.3.1.json",
);
const recorded = fixtureArrays("faq/dygraph_3.3.1.npz");

/** Makes layer objects, and notes their parameters. */
class Layers implements Builder {
  private readonly made: nn.Layer[] = [];

  constructor(readonly byName: boolean) {}

  private keep<L extends nn.Layer>(layer: L): L {
    this.made.push(layer);
    return layer;
  }

  /** All parameters by name. */
  get parameters(): Map<string, Parameter> {
    return new Map(this.made.flatMap((l) => l.parameters()).map((p) => [p.name, p] as const));
  }

  fc: Builder["fc"] = (i, o, weightAttr, biasAttr, like) => {
    const layer = this.keep(new nn.Linear(i, o, { weightAttr, biasAttr }));
    if (like) layer.weight = (like as unknown as nn.Linear).weight;
    return layer;
  };

  embedding: Builder["embedding"] = (rows, columns, weightAttr, paddingIdx) =>
    this.keep(new nn.Embedding(rows, columns, { paddingIdx, weightAttr }));

  batchNorm: Builder["batchNorm"] = (channels, useGlobalStats, weightAttr, biasAttr) => {
    const bn = this.keep(new nn.BatchNorm1D(channels, { weightAttr, biasAttr, useGlobalStats, name: "bn" }));
    bn.setStateDict({ _mean: weight("mean"), _variance: weight("var") });
    return bn;
  };
}

function feedsAt(c: FaqCase, t: number): Feeds {
  return Object.fromEntries(
    c.feeds.map((name) => {
      const all = faqData.get(name)!;
      const array = { dtype: all.dtype as "float32", shape: all.shape.slice(1), data: atStep(all, t) as Float32Array };
      return [name, toTensor(array)];
    }),
  );
}

function train(c: FaqCase, byName: boolean) {
  return utils.uniqueName.guard(() => {
    const recipe = recipes()[c.id]!;
    if (recipe.seed !== undefined) seed(recipe.seed);
    const layers = new Layers(byName);
    const loss = recipe.model(layers);
    const named = layers.parameters;
    const opt = recipe.opt([...named.values()]);
    const snapshots = () => new Map([...named].map(([name, p]) => [name, p.dataSync("float32")] as const));
    const weights = [snapshots()];
    const losses: number[] = [];
    const rates: number[] = [];
    for (let t = 0; t < manifest.steps; t++) {
      rates.push(opt.getLr());
      const l = loss(feedsAt(c, t));
      l.backward();
      opt.step();
      opt.clearGrad();
      losses.push(l.dataSync("float32")[0]!);
      if (c.sched?.includes(t)) (opt.learningRate as optimizer.lr.LRScheduler).step();
      weights.push(snapshots());
    }
    return { weights, losses, rates, state: opt.stateDict(), stepCount: opt.stepCount };
  });
}

/** Largest excess of all weights over rtol 2e-5, atol 2e-6. */
function worst(c: FaqCase, weights: readonly ReadonlyMap<string, Float32Array>[]): number {
  return Math.max(
    ...c.params.flatMap((name) => {
      const want = recorded.get(`${c.id}/w/${name}`)!;
      return weights.map((at, t) => excess(at.get(name)!, atStep(want, t), 2e-5, 2e-6));
    }),
  );
}

function worstState(c: FaqCase, state: Readonly<Record<string, unknown>>): number {
  return Math.max(
    -Infinity,
    ...c.state.map(([name]) =>
      excess(
        (state[name] as Tensor).dataSync() as Float32Array,
        recorded.get(`${c.id}/state/${name}`)!.data,
        2e-4,
        1e-6,
      ),
    ),
  );
}

const cases = manifest.cases.map((c) => [c.id, c] as const);

describe("strictPaddle", () => {
  beforeAll(() => setFlags({ strictPaddle: true }));
  afterAll(() => setFlags({ strictPaddle: false }));

  test.each(cases)("%s", (_, c) => {
    const { weights, losses, rates, state } = train(c, false);
    expect(excess(rates, c.lrs, 1e-12, 1e-16)).toBeLessThanOrEqual(0);
    expect(worst(c, weights)).toBeLessThanOrEqual(0);
    expect(excess(losses, c.losses, 2e-5, 1e-6)).toBeLessThanOrEqual(0);
    const tensors = Object.keys(state).filter((key) => key !== "LR_Scheduler");
    expect(tensors.sort()).toEqual(c.state.map(([name]) => name).sort());
    expect(worstState(c, state)).toBeLessThanOrEqual(0);
  });

  test("a second layer of the same parameter name is refused", () => {
    expect(() => utils.uniqueName.guard(() => sharedFc(new Layers(true)))).toThrow(
      expect.objectContaining({ name: "AlreadyExistsError" }),
    );
  });
});

describe("relaxed: sharing by name is the same run, and state differs only where it is listed", () => {
  test.each(cases)("%s", (_, c) => {
    const { weights, state, stepCount } = train(c, true);
    expect(stepCount).toBe(manifest.steps);
    expect(worst(c, weights)).toBeLessThanOrEqual(0);
    const same = worstState(c, state) <= 0;
    expect(same ? "as Paddle" : "differs").toBe(faqDifference(c.id) === undefined ? "as Paddle" : "differs");
  });
});
