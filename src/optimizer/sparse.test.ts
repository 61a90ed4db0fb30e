// Sparse gradients: how rows pass hooks, sums, clips, decay and compiled steps, and what stays untouched.

import { afterEach, describe, expect, test } from "vitest";
import { setFlags } from "../core/flags.js";
import { compile } from "../jit/compile.js";
import { ClipGradByGlobalNorm, ClipGradByNorm, ClipGradByValue } from "../nn/clip.js";
import { embedding } from "../nn/functional/embedding.js";
import { Embedding } from "../nn/layers/embedding.js";
import { Assign } from "../nn/initializer/assign.js";
import { add, multiply } from "../ops/arithmetic.js";
import { sum } from "../ops/broadcast.js";
import { L2Decay } from "../param/regularizer.js";
import { grad, type Tensor, toTensor } from "../tensor/index.js";
import { rowsOf } from "../trace/rows.js";
import { Adam } from "./adam.js";
import { AdamW } from "./adamw.js";
import { Momentum } from "./momentum.js";
import type { Optimizer, OptimizerOptions } from "./optimizer.js";
import { SGD } from "./sgd.js";

afterEach(() => setFlags({ strictPaddle: false }));

const [height, width] = [7, 3];
const table = {
  dtype: "float32" as const,
  shape: [height, width],
  data: Float32Array.from({ length: 21 }, (_, i) => Math.sin(i)),
};
const make = (sparse: boolean, paddingIdx?: number): Embedding =>
  new Embedding(height, width, { sparse, paddingIdx, weightAttr: { initializer: new Assign(table) } });
const ids = (list: readonly (readonly number[])[]): Tensor => toTensor(list, { dtype: "int64" });
const factors = toTensor([
  [0.5, -1, 2],
  [1, 3, -2],
  [0.25, 1, 1],
]);
/** A loss whose gradient differs from place to place. */
const lossOf = (words: Embedding, batch: Tensor): Tensor =>
  sum(multiply(words(batch), multiply(words(batch), factors)));
const batches = [
  ids([
    [6, 1, 6],
    [0, 6, 1],
  ]),
  ids([
    [2, 6, 0],
    [0, 0, 5],
  ]),
];

/** Weights after steps on all batches. */
function trained(sparse: boolean, makeOptimizer: (words: Embedding) => Optimizer, compiled = false, padding?: number) {
  const words = make(sparse, padding);
  const opt = makeOptimizer(words);
  const eager = (batch: Tensor): Tensor => {
    const loss = lossOf(words, batch);
    loss.backward();
    opt.step();
    opt.clearGrad();
    return loss;
  };
  const step = compiled ? compile(eager) : eager;
  for (const batch of [...batches, ...batches]) step(batch);
  return words.weight.dataSync("float32");
}

const close = (got: ArrayLike<number>, want: ArrayLike<number>): void => {
  for (let i = 0; i < want.length; i++)
    expect(Math.abs(got[i]! - want[i]!)).toBeLessThanOrEqual(1e-6 + 1e-5 * Math.abs(want[i]!));
};

describe("a sparse gradient and a dense one move the table alike", () => {
  const sgd = (more: Partial<OptimizerOptions>) => (w: Embedding) =>
    new SGD({ learningRate: 0.1, parameters: w.parameters(), ...more });
  test.each<[string, (w: Embedding) => Optimizer, number?]>([
    ["SGD", sgd({})],
    ["a padding row", sgd({}), 6],
    ["weight decay", sgd({ weightDecay: 0.1 })],
    ["clip by value", sgd({ gradClip: new ClipGradByValue(0.5) })],
    ["clip by norm", sgd({ gradClip: new ClipGradByNorm(0.5) })],
    ["clip by global norm", sgd({ gradClip: new ClipGradByGlobalNorm(0.5) })],
    ["Adam", (w) => new Adam({ learningRate: 0.1, parameters: w.parameters() })],
    [
      "a parameter's own decay in lazy Adam",
      (w) => {
        w.weight.regularizer = new L2Decay(0.1);
        return new Adam({ learningRate: 0.1, parameters: w.parameters(), lazyMode: true });
      },
    ],
    ["AdamW", (w) => new AdamW({ learningRate: 0.1, parameters: w.parameters() })],
    ["Momentum", (w) => new Momentum({ learningRate: 0.1, parameters: w.parameters(), useNesterov: true })],
  ])("%s", (_, makeOptimizer, padding) => {
    const dense = trained(false, makeOptimizer, false, padding);
    close(trained(true, makeOptimizer, false, padding), dense);
    close(trained(true, makeOptimizer, true, padding), dense);
  });
});

describe("lazy", () => {
  const makers: [string, (w: Embedding) => Optimizer][] = [
    ["Adam", (w) => new Adam({ learningRate: 0.1, parameters: w.parameters(), lazyMode: true })],
    ["AMSGrad", (w) => new Adam({ learningRate: 0.1, parameters: w.parameters(), lazyMode: true, amsgrad: true })],
    ["AdamW", (w) => new AdamW({ learningRate: 0.1, parameters: w.parameters(), lazyMode: true })],
  ];
  test.each(makers)("%s leaves rows alone that are not named, whatever their means", (_, makeOptimizer) => {
    for (const compiled of [false, true]) {
      const words = make(true);
      const opt = makeOptimizer(words);
      const eager = (batch: Tensor): Tensor => {
        const loss = lossOf(words, batch);
        loss.backward();
        opt.step();
        opt.clearGrad();
        return loss;
      };
      const step = compiled ? compile(eager) : eager;
      step(batches[0]!);
      const before = words.weight.dataSync("float32");
      step(batches[1]!);
      const after = words.weight.dataSync("float32");
      // Row 1 occurs in the first batch, 3 and 4 in none.
      const moved = [0, 1, 2, 3, 4, 5, 6].filter((r) => before[r * width + 1] !== after[r * width + 1]);
      expect(moved).toEqual([0, 2, 5, 6]);
    }
  });

  test("compiled equals eager", () => {
    for (const [, makeOptimizer] of makers) close(trained(true, makeOptimizer, true), trained(true, makeOptimizer));
  });
});

describe("what users see of it", () => {
  const one = () => {
    const words = make(true);
    const other = make(false);
    for (const w of [words, other]) lossOf(w, batches[0]!).backward();
    return { p: words.weight, want: other.weight.grad!.dataSync("float32") };
  };

  test("grad reads as a dense tensor and stays sparse", () => {
    const { p, want } = one();
    expect(p.grad!.shape).toEqual([height, width]);
    close(p.grad!.dataSync("float32"), want);
    close(
      add<Tensor>(p.grad!, p.grad!).dataSync("float32"),
      want.map((x) => 2 * x),
    );
    expect(rowsOf(p.gradient!)).toBeDefined();
  });

  test("changed in place it counts as the dense tensor it now is", () => {
    const { p, want } = one();
    p.grad!.multiply_(0);
    expect(rowsOf(p.gradient!)).toBeUndefined();
    const before = p.dataSync("float32");
    new SGD({ learningRate: 1, parameters: [p] }).step();
    expect(p.dataSync("float32")).toEqual(before);
    expect(want.some((x) => x !== 0)).toBe(true);
  });

  test("gradients add up over backwards, sparse with sparse and with dense", () => {
    const { p, want } = one();
    const words = make(true);
    for (let i = 0; i < 2; i++) lossOf(words, batches[0]!).backward();
    expect(rowsOf(words.weight.gradient!)!.ids.shape).toEqual([24]);
    close(
      words.weight.grad!.dataSync("float32"),
      want.map((x) => 2 * x),
    );
    sum(p).backward();
    close(
      p.grad!.dataSync("float32"),
      want.map((x) => x + 1),
    );
  });

  test("hooks see it, and may replace it", () => {
    const words = make(true);
    const seen: Float32Array[] = [];
    words.weight.registerHook((g) => {
      seen.push(g.dataSync("float32"));
      return multiply<Tensor>(g, 3);
    });
    lossOf(words, batches[0]!).backward();
    close(seen[0]!, one().want);
    close(
      words.weight.grad!.dataSync("float32"),
      one().want.map((x) => 3 * x),
    );
  });

  test("grad(), and gradients of gradients", () => {
    const words = make(true);
    const [g] = grad(lossOf(words, batches[0]!), words.weight as Tensor, { createGraph: true });
    close(g!.dataSync("float32"), one().want);
    const dense = make(false);
    const [h] = grad(lossOf(dense, batches[0]!), dense.weight as Tensor, { createGraph: true });
    const second = [g!, h!].map((x, i) => grad(sum(multiply<Tensor>(x, x)), (i ? dense : words).weight as Tensor)[0]!);
    close(second[0]!.dataSync("float32"), second[1]!.dataSync("float32"));
  });

  test("a table that an op made gets an ordinary gradient", () => {
    const [base, dense] = [make(true).weight, make(true).weight];
    sum(multiply(embedding(batches[0]!, multiply<Tensor>(base, 2), { sparse: true }), factors)).backward();
    sum(multiply(embedding(batches[0]!, multiply<Tensor>(dense, 2)), factors)).backward();
    expect(base.gradient!.rows).toBeUndefined();
    close(base.grad!.dataSync("float32"), dense.grad!.dataSync("float32"));
  });

  test("a compiled function leaves it behind sparse", () => {
    const words = make(true);
    const run = compile((batch: Tensor) => {
      const loss = lossOf(words, batch);
      loss.backward();
      return loss;
    });
    run(batches[1]!);
    run(batches[0]!);
    expect(rowsOf(words.weight.gradient!)).toBeDefined();
    close(words.weight.grad!.dataSync("float32"), one().want);
  });

  test("clearGrad that fills with zeros leaves no row, so that nothing is updated", () => {
    const { p } = one();
    const opt = new Momentum({ learningRate: 1, parameters: [p] });
    opt.clearGrad({ setToZero: true });
    expect(p.grad).toBeNull();
  });

  test("Paddle's refusals", () => {
    const { p } = one();
    const decayed = new Adam({ parameters: [p], weightDecay: 0.1 });
    expect(() => decayed.step()).toThrow('weightDecay does not go with the sparse gradient of "');
    const strict = new AdamW({ parameters: [p] });
    setFlags({ strictPaddle: true });
    expect(() => strict.step()).toThrow("has no update for the sparse gradient");
  });
});
