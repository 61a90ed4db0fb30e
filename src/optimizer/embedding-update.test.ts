// Updates of embedding tables that ride along with the gradient in compiled steps: the same bits as one op after the other.

import { expect, test } from "vitest";
import { compile } from "../jit/compile.js";
import { ClipGradByGlobalNorm } from "../nn/clip.js";
import { Embedding } from "../nn/layers/embedding.js";
import { Assign } from "../nn/initializer/assign.js";
import { multiply } from "../ops/arithmetic.js";
import { sum } from "../ops/broadcast.js";
import { mean } from "../ops/reduction.js";
import { type Tensor, toTensor } from "../tensor/index.js";
import { Adam } from "./adam.js";
import { AdamW } from "./adamw.js";
import { Momentum } from "./momentum.js";
import type { Optimizer } from "./optimizer.js";
import { SGD } from "./sgd.js";

const [height, width] = [70, 37];
const table = {
  dtype: "float32" as const,
  shape: [height, width],
  data: Float32Array.from({ length: height * width }, (_, i) => Math.sin(i)),
};
/** Ids with many repetitions; row 69 never occurs. */
const batchOf = (seed: number): Tensor =>
  toTensor(
    Array.from({ length: 4 }, (_, i) => Array.from({ length: 9 }, (_, j) => (seed * 13 + i * i * 7 + j * 5) % 23)),
    { dtype: "int64" },
  );
const factor = toTensor(Array.from({ length: width }, (_, i) => Math.cos(i)));

interface Trained {
  readonly weight: Float32Array;
  readonly state: Record<string, Float32Array>;
  readonly gradient: Float32Array | undefined;
}

/** Weights and state after four steps. */
function trained(make: (words: Embedding) => Optimizer, compiled: boolean, keepsGradient: boolean): Trained {
  const words = new Embedding(height, width, { weightAttr: { initializer: new Assign(table) } });
  const opt = make(words);
  const eager = (batch: Tensor): Tensor => {
    if (keepsGradient) opt.clearGrad();
    const pooled = mean<Tensor>(words(batch), [1], false);
    const loss = sum(multiply<Tensor>(multiply<Tensor>(pooled, pooled), factor)) as Tensor;
    loss.backward();
    opt.step();
    if (!keepsGradient) opt.clearGrad();
    return loss;
  };
  const step = compiled ? compile(eager) : eager;
  for (let i = 0; i < 4; i++) step(batchOf(i));
  const state = Object.entries(opt.stateDict()).filter(
    (entry): entry is [string, Tensor] => typeof entry[1] === "object",
  );
  return {
    weight: words.weight.dataSync("float32"),
    // Names count on from one training to the next.
    state: Object.fromEntries(state.map(([name, t]) => [name.replace(/^embedding_\d+/, ""), t.dataSync("float32")])),
    gradient: words.weight.grad?.dataSync("float32"),
  };
}

test.each<[string, (words: Embedding) => Optimizer]>([
  ["SGD", (w) => new SGD({ learningRate: 0.1, parameters: w.parameters() })],
  ["Momentum", (w) => new Momentum({ learningRate: 0.1, parameters: w.parameters(), useNesterov: true })],
  ["Adam", (w) => new Adam({ learningRate: 0.1, parameters: w.parameters() })],
  ["AMSGrad", (w) => new Adam({ learningRate: 0.1, parameters: w.parameters(), amsgrad: true, weightDecay: 0.01 })],
  ["AdamW", (w) => new AdamW({ learningRate: 0.1, parameters: w.parameters() })],
  [
    "Adam with clipping",
    (w) => new Adam({ learningRate: 0.1, parameters: w.parameters(), gradClip: new ClipGradByGlobalNorm(0.5) }),
  ],
])("%s", (_, make) => {
  for (const keepsGradient of [false, true]) {
    const got = trained(make, true, keepsGradient);
    expect(got).toEqual(trained(make, false, keepsGradient));
    expect(got.gradient === undefined).toBe(!keepsGradient);
  }
});
