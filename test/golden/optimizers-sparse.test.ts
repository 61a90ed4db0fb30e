// Sparse gradients: recorded runs of an embedding under each optimizer; Adam by the textbook, since Paddle's CPU kernel corrects its bias one step ahead.

import { jit, mean, nn, type Tensor, toTensor, utils } from "oarjs";
import { describe, expect, test } from "vitest";
import { atStep, excess, fixtureArrays } from "./arrays-node.js";
import { fixtureJson } from "./fixtures-node.js";
import { meanSquare } from "./network.js";
import { type Args, argumentsOf, makeOptimizer } from "./recorded.js";

interface Case {
  readonly id: string;
  readonly optimizer: string;
  readonly args: Args;
  readonly sparse?: boolean;
  readonly prefix: string;
  readonly lr: number;
  readonly losses: readonly number[];
  readonly state: readonly (readonly [string, readonly number[]])[];
}

const manifest = fixtureJson<{ readonly steps: number; readonly cases: readonly Case[] }>("optimizers/manifest.json");
const data = fixtureArrays("optimizers/data.npz");
const recorded = fixtureArrays("optimizers/sparse.npz");
const cases = manifest.cases.filter((c) => c.sparse);
const [rows, columns] = [9, 4];

const first = Float32Array.from(data.get("sparse.weight")!.data as Float32Array);
const idsAt = (t: number): BigInt64Array => atStep(data.get("sparse.ids")!, t) as BigInt64Array;
const targetAt = (t: number): Float32Array => atStep(data.get("sparse.target")!, t) as Float32Array;

/** Weights after each step, losses and state; `compiled`: each step in one call. */
function train(c: Case, compiled: boolean, sparse = true) {
  return utils.uniqueName.guard(() => {
    const initializer = new nn.initializer.Assign({ dtype: "float32", shape: [rows, columns], data: first });
    const words = new nn.Embedding(rows, columns, { sparse, weightAttr: { initializer } });
    const opt = makeOptimizer(c.optimizer, {
      ...argumentsOf(c.args),
      learningRate: c.lr,
      parameters: words.parameters(),
    });
    const eager = (ids: Tensor, target: Tensor): Tensor => {
      const loss = meanSquare(mean(words(ids), 1), target);
      loss.backward();
      opt.step();
      opt.clearGrad();
      return loss;
    };
    const step = compiled ? jit.compile(eager) : eager;
    const weights = [words.weight.dataSync("float32")];
    const losses: number[] = [];
    for (let t = 0; t < manifest.steps; t++) {
      const ids = toTensor({ dtype: "int64", shape: [3, 2], data: idsAt(t) });
      const target = toTensor({ dtype: "float32", shape: [3, columns], data: targetAt(t) });
      losses.push(step(ids, target).dataSync("float32")[0]!);
      weights.push(words.weight.dataSync("float32"));
    }
    return { weights, losses, state: opt.stateDict() as Record<string, Tensor> };
  });
}

/** The gradient of the loss in float64: rows that occur, each with its sum. */
function gradientOf(w: Float64Array, t: number): ReadonlyMap<number, Float64Array> {
  const out = new Map<number, Float64Array>();
  const ids = [...idsAt(t)].map(Number);
  const target = targetAt(t);
  ids.forEach((id, i) => {
    const pair = [ids[i - (i % 2)]!, ids[i - (i % 2) + 1]!] as const;
    const sum = out.get(id) ?? new Float64Array(columns);
    out.set(id, sum);
    for (let k = 0; k < columns; k++) {
      const error = (w[pair[0] * columns + k]! + w[pair[1] * columns + k]!) / 2 - target[(i >> 1) * columns + k]!;
      sum[k]! += (2 * error) / target.length / 2;
    }
  });
  return out;
}

/** Adam in float64; `ahead` is how many steps too far its bias is corrected: 1 in Paddle's kernel. */
function textbookAdam(lr: number, lazy: boolean, ahead: number): Float64Array[] {
  const w = Float64Array.from(first);
  const [m, v] = [new Float64Array(w.length), new Float64Array(w.length)];
  const out = [w.slice()];
  for (let t = 0; t < manifest.steps; t++) {
    const gradient = gradientOf(w, t);
    const [c1, c2] = [1 - 0.9 ** (t + 1 + ahead), 1 - 0.999 ** (t + 1 + ahead)];
    for (let row = 0; row < rows; row++) {
      if (lazy && !gradient.has(row)) continue;
      for (let k = 0; k < columns; k++) {
        const at = row * columns + k;
        const g = gradient.get(row)?.[k] ?? 0;
        m[at] = 0.9 * m[at]! + 0.1 * g;
        v[at] = 0.999 * v[at]! + 0.001 * g * g;
        w[at]! -= (lr * (m[at]! / c1)) / (Math.sqrt(v[at]! / c2) + 1e-8);
      }
    }
    out.push(w.slice());
  }
  return out;
}

const worst = (got: readonly ArrayLike<number>[], want: readonly ArrayLike<number>[]): number =>
  Math.max(...got.map((x, t) => excess(x, want[t]!, 2e-5, 2e-6)));

describe.each([
  ["eager", false],
  ["compiled", true],
] as const)("%s", (_, compiled) => {
  test.each(cases.filter((c) => c.optimizer !== "Adam").map((c) => [c.id, c] as const))("%s", (_id, c) => {
    const { weights, losses, state } = train(c, compiled);
    const want = recorded.get(`${c.prefix}w/weight`)!;
    expect(
      worst(
        weights,
        weights.map((_w, t) => atStep(want, t) as Float32Array),
      ),
    ).toBeLessThanOrEqual(0);
    expect(excess(losses, c.losses, 2e-5, 1e-6)).toBeLessThanOrEqual(0);
    for (const [name, shape] of c.state) {
      expect(state[name]!.shape).toEqual(shape);
      const value = recorded.get(`${c.prefix}state/${name}`)!.data;
      expect(excess(state[name]!.dataSync("float32"), value, 5e-5, 1e-6), name).toBeLessThanOrEqual(0);
    }
  });

  test.each(cases.filter((c) => c.optimizer === "Adam").map((c) => [c.id, c] as const))("%s", (_id, c) => {
    const lazy = c.args["lazy_mode"] === true;
    const { weights } = train(c, compiled);
    expect(worst(weights, textbookAdam(c.lr, lazy, 0))).toBeLessThanOrEqual(0);
    // The textbook is the rule Paddle recorded, but for the step its correction is ahead.
    const want = recorded.get(`${c.prefix}w/weight`)!;
    const paddles = textbookAdam(c.lr, lazy, 1);
    expect(
      worst(
        paddles,
        paddles.map((_w, t) => atStep(want, t) as Float32Array),
      ),
    ).toBeLessThanOrEqual(0);
  });
});

test("Adam that is not lazy takes a sparse gradient as a dense one", () => {
  const c = cases.find((x) => x.id === "sparse_Adam_lazy_modeFalse")!;
  expect(worst(train(c, false).weights, train(c, false, false).weights)).toBeLessThanOrEqual(0);
});
