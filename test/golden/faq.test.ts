// Golden: every answer of the parameter FAQ (dynamic mode) over ten steps against Paddle 3.3.1: rates, weights after each step, state.

import {
  multiply,
  mean,
  nn,
  optimizer,
  ParamAttr,
  type Parameter,
  regularizer,
  seed,
  setFlags,
  subtract,
  type Tensor,
  toTensor,
  utils,
} from "oarjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { atStep, excess, fixtureArrays } from "./arrays-node.js";
import { fixtureJson } from "./fixtures-node.js";
import { meanSquare, tanh } from "./network.js";
import { faqDifference } from "./relaxed.js";

interface Case {
  readonly id: string;
  readonly feeds: readonly string[];
  readonly sched: readonly number[] | null;
  readonly losses: readonly number[];
  readonly lrs: readonly number[];
  readonly params: readonly string[];
  readonly state: readonly (readonly [string, readonly number[]])[];
}

const manifest = fixtureJson<{ readonly steps: number; readonly cases: readonly Case[] }>(
  "faq/manifest_dygraph_3.3.1.json",
);
const data = fixtureArrays("faq/data.npz");
const recorded = fixtureArrays("faq/dygraph_3.3.1.npz");
const [D, H, OUT, V] = [4, 5, 3, 11];

type Attr = Partial<{ learningRate: number; trainable: boolean; regularizer: regularizer.WeightDecayRegularizer }>;
type Feeds = Readonly<Record<string, Tensor>>;
type Loss = (d: Feeds) => Tensor;

/** One recorded initial weight, or its first columns. */
function weight(name: string, columns?: number) {
  const { shape, data: all } = data.get(`w.${name}`)!;
  const values = all as Float32Array;
  if (columns === undefined) return { dtype: "float32" as const, shape, data: values };
  const [rows, width] = shape as [number, number];
  const cut = Float32Array.from(
    { length: rows * columns },
    (_, i) => values[Math.floor(i / columns) * width + (i % columns)]!,
  );
  return { dtype: "float32" as const, shape: [rows, columns], data: cut };
}

const attrOf = (
  name: string,
  value: nn.initializer.Initializer | ReturnType<typeof weight>,
  given: Attr = {},
): ParamAttr =>
  new ParamAttr({
    name,
    initializer: value instanceof nn.initializer.Initializer ? value : new nn.initializer.Assign(value),
    ...given,
  });

const fc = (i: number, o: number, w: ParamAttr, b: ParamAttr): nn.Linear =>
  new nn.Linear(i, o, { weightAttr: w, biasAttr: b });

/** A built case: what belongs to the model, and its loss. */
interface Model {
  readonly layers: readonly nn.Layer[];
  readonly loss: Loss;
}

function embeddingModel(attr: Attr, paddingIdx: number | null = null): Model {
  const e = new nn.Embedding(V, D, { paddingIdx, weightAttr: attrOf("emb_w", weight("vec"), attr) });
  const f = fc(D, OUT, attrOf("fc_w", weight("w1", OUT)), attrOf("fc_b", weight("b2")));
  return { layers: [e, f], loss: (d) => meanSquare(f(mean(e(d["ids"]!), 1)), d["t"]!) };
}

/** Two features read one embedding: one Layer used twice, or (outside strictPaddle) two layers of one name. */
function sharedEmbedding(byName: boolean): Model {
  const make = () => new nn.Embedding(V, D, { weightAttr: attrOf("word_embedding", weight("vec")) });
  const e1 = make();
  const e2 = byName ? make() : e1;
  const f = fc(D, OUT, attrOf("fc_w", weight("w1", OUT)), attrOf("fc_b", weight("b2")));
  const loss: Loss = (d) =>
    meanSquare(f(subtract(mean(e1(d["ids"]!), 1), multiply(mean(e2(d["ids2"]!), 1), 0.5))), d["t"]!);
  return { layers: [e1, e2, f], loss };
}

function sharedFc(byName: boolean): Model {
  const doubled = { ...weight("bsq2"), data: weight("bsq2").data.map((v) => 2 * v) };
  const f1 = fc(D, D, attrOf("shared_w", weight("wsq")), attrOf("f1_b", weight("bsq2")));
  const bias = attrOf("f2_b", doubled);
  const f2 = byName ? fc(D, D, attrOf("shared_w", weight("wsq")), bias) : new nn.Linear(D, D, { biasAttr: bias });
  if (!byName) f2.weight = f1.weight;
  return { layers: [f1, f2], loss: (d) => meanSquare(f2(tanh(f1(d["x"]!))), d["td"]!) };
}

function twoLayers(first: Attr, second: Attr): Model {
  const f1 = fc(D, H, attrOf("f1_w", weight("w1"), first), attrOf("f1_b", weight("b1")));
  const f2 = fc(H, OUT, attrOf("f2_w", weight("w2"), second), attrOf("f2_b", weight("b2")));
  return { layers: [f1, f2], loss: (d) => meanSquare(f2(tanh(f1(d["x"]!))), d["t"]!) };
}

function stages(stop: boolean, withNorm = false): Model {
  const f1 = fc(D, H, attrOf("s1_w", weight("w1")), attrOf("s1_b", weight("b1")));
  const f2 = fc(H, OUT, attrOf("s2_w", weight("w2")), attrOf("s2_b", weight("b2")));
  const f3 = fc(OUT, OUT, attrOf("s3_w", weight("w3")), attrOf("s3_b", weight("b3")));
  const bn = withNorm ? [batchNorm(null)] : [];
  const loss: Loss = (d) => {
    const y = f2(tanh(bn.reduce((x, layer) => layer(x), f1(d["x"]!))));
    if (stop) y.stopGradient = true;
    return meanSquare(f3(tanh(y)), d["t"]!);
  };
  return { layers: [f1, ...bn, f2, f3], loss };
}

/** The batch norm of the FAQ's answer on freezing, with recorded statistics. */
function batchNorm(useGlobalStats: boolean | null, attr: Attr = {}): nn.BatchNorm1D {
  const bn = new nn.BatchNorm1D(H, {
    weightAttr: attrOf("bn_w", weight("gam"), attr),
    biasAttr: attrOf("bn_b", weight("bet"), attr),
    useGlobalStats,
    name: "bn",
  });
  bn.setStateDict({ _mean: weight("mean"), _variance: weight("var") });
  return bn;
}

function normalized(useGlobalStats: boolean | null, attr: Attr = {}): Model {
  const f1 = fc(D, H, attrOf("f1_w", weight("w1")), attrOf("f1_b", weight("b1")));
  const bn = batchNorm(useGlobalStats, attr);
  const f2 = fc(H, OUT, attrOf("f2_w", weight("w2")), attrOf("f2_b", weight("b2")));
  return { layers: [f1, bn, f2], loss: (d) => meanSquare(f2(tanh(bn(f1(d["x"]!)))), d["t"]!) };
}

function normalStart(): Model {
  const { Normal, Constant } = nn.initializer;
  const f1 = fc(D, H, attrOf("f1_w", new Normal(0, 0.02), { learningRate: 2 }), attrOf("f1_b", new Constant(0.5)));
  const f2 = fc(H, OUT, attrOf("f2_w", weight("w2")), attrOf("f2_b", weight("b2")));
  return { layers: [f1, f2], loss: (d) => meanSquare(f2(tanh(f1(d["x"]!))), d["t"]!) };
}

type MakeOptimizer = (parameters: Parameter[]) => optimizer.Optimizer;
interface Recipe {
  readonly model: (byName: boolean) => Model;
  readonly opt: MakeOptimizer;
  readonly seed?: number;
}

const { SGD, Momentum, Adam, AdamW, lr } = optimizer;
const { L1Decay, L2Decay } = regularizer;

const sgd =
  (learningRate: number | optimizer.lr.LRScheduler, weightDecay: regularizer.L2Decay | null = null): MakeOptimizer =>
  (parameters) =>
    new SGD({ learningRate, parameters, weightDecay });
const momentum =
  (
    learningRate: number | optimizer.lr.LRScheduler,
    weightDecay: regularizer.L2Decay | number | null = null,
  ): MakeOptimizer =>
  (parameters) =>
    new Momentum({ learningRate, momentum: 0.9, parameters, weightDecay });
const adam =
  (
    learningRate: number | optimizer.lr.LRScheduler,
    weightDecay: regularizer.L2Decay | number | null = null,
  ): MakeOptimizer =>
  (parameters) =>
    new Adam({ learningRate, parameters, weightDecay });
const adamw: MakeOptimizer = (parameters) => new AdamW({ learningRate: 0.02, parameters, weightDecay: 0.1 });

const [c1, c2] = [0.3, 0.2];

function precedence(name: string, make: (decay: regularizer.L2Decay | null) => MakeOptimizer): Record<string, Recipe> {
  const l1 = (): Attr => ({ regularizer: new L1Decay(c2) });
  const one = (opt: MakeOptimizer, first: Attr, second: Attr = {}): Recipe => ({
    model: () => twoLayers(first, second),
    opt,
  });
  const decay = new L2Decay(c1);
  return {
    [`q3/${name}_optimizer_only`]: one(make(decay), {}),
    [`q3/${name}_param_wins`]: one(make(decay), l1()),
    [`q3/${name}_param_zero`]: one(make(decay), { regularizer: new L2Decay(0) }),
    [`q3/${name}_param_only`]: one(make(null), { regularizer: new L2Decay(c1) }, l1()),
    [`q3/${name}_lr_product`]: one(make(null), { learningRate: 2 }, { learningRate: 0.25 }),
    [`q3/${name}_both`]: one(make(decay), { learningRate: 2, ...l1() }, { learningRate: 0.5 }),
  };
}

const decays: Readonly<Record<string, MakeOptimizer>> = {
  momentum_decay: momentum(0.05, 0.01),
  adam: adam(0.02, 0.1),
  adamw,
};
const sharers: Readonly<Record<string, MakeOptimizer>> = {
  sgd: sgd(0.2),
  adam: adam(0.02),
  momentum: momentum(0.1, 0.1),
};

/** The FAQ's cases. Schedules are made anew for each run. */
const recipes = (): Record<string, Recipe> => ({
  "q1/assign": { model: () => embeddingModel({}), opt: adam(0.05) },
  "q1/assign_frozen": { model: () => embeddingModel({ trainable: false }), opt: sgd(0.1) },
  "q1/assign_padding": { model: () => embeddingModel({}, 1), opt: sgd(0.2) },
  "q1/assign_lr": { model: () => embeddingModel({ learningRate: 0.1 }), opt: momentum(0.1) },
  ...Object.fromEntries(
    Object.entries(sharers).flatMap(([name, opt]) => [
      [`q2/share_embedding_${name}`, { model: sharedEmbedding, opt }],
      [`q2/share_fc_${name}`, { model: sharedFc, opt }],
    ]),
  ),
  ...precedence("sgd", (decay) => sgd(0.1, decay)),
  ...precedence("momentum", (decay) => momentum(0.05, decay)),
  ...precedence("adam", (decay) => adam(0.02, decay)),
  "q4/train_then_export": { model: () => twoLayers({}, {}), opt: sgd(0.1) },
  ...Object.fromEntries(
    Object.entries(decays).flatMap(([name, opt]) => [
      [`q5/stages_free_${name}`, { model: () => stages(false), opt }],
      [`q5/stages_stop_gradient_${name}`, { model: () => stages(true), opt }],
    ]),
  ),
  "q5/bn_normal": { model: () => normalized(null), opt: momentum(0.05, 0.01) },
  "q5/bn_use_global_stats": { model: () => normalized(true), opt: momentum(0.05, 0.01) },
  "q5/bn_all_fixed": { model: () => normalized(true, { trainable: false }), opt: momentum(0.05, 0.01) },
  "q5/bn_lr0": { model: () => normalized(true, { learningRate: 0 }), opt: momentum(0.05, 0.01) },
  "q5/stages_stop_gradient_bn": { model: () => stages(true, true), opt: momentum(0.05, 0.01) },
  "q6/adam_no_scheduler_step": { model: () => twoLayers({}, {}), opt: adam(new lr.StepDecay(0.05, 2, 0.5)) },
  "q6/adam_step_each_batch": { model: () => twoLayers({}, {}), opt: adam(new lr.StepDecay(0.05, 3, 0.5)) },
  "q6/momentum_step_each_epoch": {
    model: () => twoLayers({ learningRate: 2 }, {}),
    opt: momentum(new lr.ExponentialDecay(0.05, 0.5)),
  },
  "q6/warmup": {
    model: () => twoLayers({}, {}),
    opt: sgd(
      new lr.LinearWarmup({
        learningRate: new lr.CosineAnnealingDecay(0.1, 6),
        warmupSteps: 4,
        startLr: 0,
        endLr: 0.1,
      }),
    ),
  },
  "q7/lr2": { model: () => twoLayers({ learningRate: 2 }, {}), opt: sgd(0.1) },
  "q7/lr0": { model: () => twoLayers({ learningRate: 0 }, {}), opt: adam(0.05, 0.1) },
  "q7/normal": { model: normalStart, opt: sgd(0.1), seed: 2026 },
});

function feedsAt(c: Case, t: number): Feeds {
  return Object.fromEntries(
    c.feeds.map((name) => {
      const all = data.get(name)!;
      const array = { dtype: all.dtype as "float32", shape: all.shape.slice(1), data: atStep(all, t) as Float32Array };
      return [name, toTensor(array)];
    }),
  );
}

function train(c: Case, byName: boolean) {
  return utils.uniqueName.guard(() => {
    const recipe = recipes()[c.id]!;
    if (recipe.seed !== undefined) seed(recipe.seed);
    const { layers, loss } = recipe.model(byName);
    const named = new Map(layers.flatMap((l) => l.parameters()).map((p) => [p.name, p] as const));
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
function worst(c: Case, weights: readonly ReadonlyMap<string, Float32Array>[]): number {
  return Math.max(
    ...c.params.flatMap((name) => {
      const want = recorded.get(`${c.id}/w/${name}`)!;
      return weights.map((at, t) => excess(at.get(name)!, atStep(want, t), 2e-5, 2e-6));
    }),
  );
}

function worstState(c: Case, state: Readonly<Record<string, unknown>>): number {
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
    expect(() => utils.uniqueName.guard(() => sharedFc(true))).toThrow(
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
