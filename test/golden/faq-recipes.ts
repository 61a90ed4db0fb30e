// The recorded runs of the parameter FAQ: each case's network, optimizer and seed, for layers and for static helpers alike.

import { mean, multiply, nn, optimizer, ParamAttr, type Parameter, regularizer, subtract, type Tensor } from "oarjs";
import { fixtureArrays } from "./arrays-node.js";
import { meanSquare, tanh } from "./network.js";

/** One recorded case. */
export interface FaqCase {
  readonly id: string;
  readonly feeds: readonly string[];
  readonly sched: readonly number[] | null;
  readonly losses: readonly number[];
  readonly lrs: readonly number[];
  readonly params: readonly string[];
  readonly paramsWithGrad?: readonly string[];
  readonly state: readonly (readonly [string, readonly number[]])[];
}

/** Inputs by step, and first weights under `w.NAME`. */
export const faqData = fixtureArrays("faq/data.npz");
const [D, H, OUT, V] = [4, 5, 3, 11];

type Map1 = (x: Tensor) => Tensor;

/** Makes the layers of a case: objects in dynamic mode, calls of static helpers in static mode. */
export interface Builder {
  /** Fully connected; `like` is a layer whose weight it takes. */
  fc(inputs: number, outputs: number, weight: ParamAttr | undefined, bias: ParamAttr, like?: Map1): Map1;
  embedding(rows: number, columns: number, weight: ParamAttr, paddingIdx?: number | null): Map1;
  /** Its statistics are named bn_mean and bn_variance and start as recorded. */
  batchNorm(channels: number, useGlobalStats: boolean | null, weight: ParamAttr, bias: ParamAttr): Map1;
  /** Two layers of one parameter name instead of one layer used twice. */
  readonly byName: boolean;
}

type Attr = Partial<{ learningRate: number; trainable: boolean; regularizer: regularizer.WeightDecayRegularizer }>;
export type Feeds = Readonly<Record<string, Tensor>>;
export type Loss = (d: Feeds) => Tensor;

/** One recorded initial weight, or its first columns. */
export function weight(name: string, columns?: number) {
  const { shape, data: all } = faqData.get(`w.${name}`)!;
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

type Model = (b: Builder) => Loss;

const embeddingModel =
  (attr: Attr, paddingIdx: number | null = null): Model =>
  (b) => {
    const e = b.embedding(V, D, attrOf("emb_w", weight("vec"), attr), paddingIdx);
    const f = b.fc(D, OUT, attrOf("fc_w", weight("w1", OUT)), attrOf("fc_b", weight("b2")));
    return (d) => meanSquare(f(mean(e(d["ids"]!), 1)), d["t"]!);
  };

/** Two features read one embedding: one Layer used twice, or two of one name. */
const sharedEmbedding: Model = (b) => {
  const make = (): Map1 => b.embedding(V, D, attrOf("word_embedding", weight("vec")));
  const e1 = make();
  const e2 = b.byName ? make() : e1;
  const f = b.fc(D, OUT, attrOf("fc_w", weight("w1", OUT)), attrOf("fc_b", weight("b2")));
  return (d) => meanSquare(f(subtract(mean(e1(d["ids"]!), 1), multiply(mean(e2(d["ids2"]!), 1), 0.5))), d["t"]!);
};

export const sharedFc: Model = (b) => {
  const doubled = { ...weight("bsq2"), data: weight("bsq2").data.map((v) => 2 * v) };
  const f1 = b.fc(D, D, attrOf("shared_w", weight("wsq")), attrOf("f1_b", weight("bsq2")));
  const bias = attrOf("f2_b", doubled);
  const f2 = b.byName ? b.fc(D, D, attrOf("shared_w", weight("wsq")), bias) : b.fc(D, D, undefined, bias, f1);
  return (d) => meanSquare(f2(tanh(f1(d["x"]!))), d["td"]!);
};

const twoLayers =
  (first: Attr, second: Attr): Model =>
  (b) => {
    const f1 = b.fc(D, H, attrOf("f1_w", weight("w1"), first), attrOf("f1_b", weight("b1")));
    const f2 = b.fc(H, OUT, attrOf("f2_w", weight("w2"), second), attrOf("f2_b", weight("b2")));
    return (d) => meanSquare(f2(tanh(f1(d["x"]!))), d["t"]!);
  };

const recordedNorm = (b: Builder, useGlobalStats: boolean | null, attr: Attr = {}): Map1 =>
  b.batchNorm(H, useGlobalStats, attrOf("bn_w", weight("gam"), attr), attrOf("bn_b", weight("bet"), attr));

const stages =
  (stop: boolean, withNorm = false): Model =>
  (b) => {
    const f1 = b.fc(D, H, attrOf("s1_w", weight("w1")), attrOf("s1_b", weight("b1")));
    const f2 = b.fc(H, OUT, attrOf("s2_w", weight("w2")), attrOf("s2_b", weight("b2")));
    const f3 = b.fc(OUT, OUT, attrOf("s3_w", weight("w3")), attrOf("s3_b", weight("b3")));
    const bn = withNorm ? recordedNorm(b, null) : (x: Tensor) => x;
    return (d) => {
      const y = f2(tanh(bn(f1(d["x"]!))));
      if (stop) y.stopGradient = true;
      return meanSquare(f3(tanh(y)), d["t"]!);
    };
  };

const normalized =
  (useGlobalStats: boolean | null, attr: Attr = {}): Model =>
  (b) => {
    const f1 = b.fc(D, H, attrOf("f1_w", weight("w1")), attrOf("f1_b", weight("b1")));
    const bn = recordedNorm(b, useGlobalStats, attr);
    const f2 = b.fc(H, OUT, attrOf("f2_w", weight("w2")), attrOf("f2_b", weight("b2")));
    return (d) => meanSquare(f2(tanh(bn(f1(d["x"]!)))), d["t"]!);
  };

const normalStart: Model = (b) => {
  const { Normal, Constant } = nn.initializer;
  const f1 = b.fc(D, H, attrOf("f1_w", new Normal(0, 0.02), { learningRate: 2 }), attrOf("f1_b", new Constant(0.5)));
  const f2 = b.fc(H, OUT, attrOf("f2_w", weight("w2")), attrOf("f2_b", weight("b2")));
  return (d) => meanSquare(f2(tanh(f1(d["x"]!))), d["t"]!);
};

type MakeOptimizer = (parameters: Parameter[] | undefined) => optimizer.Optimizer;
export interface Recipe {
  readonly model: Model;
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
    model: twoLayers(first, second),
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
export const recipes = (): Record<string, Recipe> => ({
  "q1/assign": { model: embeddingModel({}), opt: adam(0.05) },
  "q1/assign_frozen": { model: embeddingModel({ trainable: false }), opt: sgd(0.1) },
  "q1/assign_padding": { model: embeddingModel({}, 1), opt: sgd(0.2) },
  "q1/assign_lr": { model: embeddingModel({ learningRate: 0.1 }), opt: momentum(0.1) },
  ...Object.fromEntries(
    Object.entries(sharers).flatMap(([name, opt]) => [
      [`q2/share_embedding_${name}`, { model: sharedEmbedding, opt }],
      [`q2/share_fc_${name}`, { model: sharedFc, opt }],
    ]),
  ),
  ...precedence("sgd", (decay) => sgd(0.1, decay)),
  ...precedence("momentum", (decay) => momentum(0.05, decay)),
  ...precedence("adam", (decay) => adam(0.02, decay)),
  "q4/train_then_export": { model: twoLayers({}, {}), opt: sgd(0.1) },
  ...Object.fromEntries(
    Object.entries(decays).flatMap(([name, opt]) => [
      [`q5/stages_free_${name}`, { model: stages(false), opt }],
      [`q5/stages_stop_gradient_${name}`, { model: stages(true), opt }],
    ]),
  ),
  "q5/bn_normal": { model: normalized(null), opt: momentum(0.05, 0.01) },
  "q5/bn_use_global_stats": { model: normalized(true), opt: momentum(0.05, 0.01) },
  "q5/bn_all_fixed": { model: normalized(true, { trainable: false }), opt: momentum(0.05, 0.01) },
  "q5/bn_lr0": { model: normalized(true, { learningRate: 0 }), opt: momentum(0.05, 0.01) },
  "q5/stages_stop_gradient_bn": { model: stages(true, true), opt: momentum(0.05, 0.01) },
  "q6/adam_no_scheduler_step": { model: twoLayers({}, {}), opt: adam(new lr.StepDecay(0.05, 2, 0.5)) },
  "q6/adam_step_each_batch": { model: twoLayers({}, {}), opt: adam(new lr.StepDecay(0.05, 3, 0.5)) },
  "q6/momentum_step_each_epoch": {
    model: twoLayers({ learningRate: 2 }, {}),
    opt: momentum(new lr.ExponentialDecay(0.05, 0.5)),
  },
  "q6/warmup": {
    model: twoLayers({}, {}),
    opt: sgd(
      new lr.LinearWarmup({
        learningRate: new lr.CosineAnnealingDecay(0.1, 6),
        warmupSteps: 4,
        startLr: 0,
        endLr: 0.1,
      }),
    ),
  },
  "q7/lr2": { model: twoLayers({ learningRate: 2 }, {}), opt: sgd(0.1) },
  "q7/lr0": { model: twoLayers({ learningRate: 0 }, {}), opt: adam(0.05, 0.1) },
  "q7/normal": { model: normalStart, opt: sgd(0.1), seed: 2026 },
});
