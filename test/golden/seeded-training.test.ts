// Golden: twenty seeded steps of a network with dropout, against Paddle 3.3.1: start, masks, losses and end; eagerly and compiled.

import type { Tensor } from "oarjs";
import * as oar from "oarjs";
import { describe, expect, test } from "vitest";
import { compile } from "oarjs/jit";
import { excess, fixtureArray } from "./arrays-node.js";
import { fixtureJson } from "./fixtures-node.js";

interface Training {
  readonly name: string;
  readonly seed: number;
  readonly x: string;
  readonly y: string;
  readonly init: string;
  readonly final: string;
  readonly masks: string;
  readonly losses: readonly number[];
  /** Indices of each batch, where the data came in shuffled batches. */
  readonly orders?: readonly (readonly number[])[];
}

const { training } = fixtureJson<{ training: Training[] }>("random/manifest.json");
const { nn, optimizer } = oar;
const recorded = (file: string) => fixtureArray(`random/${file}`);
const tensorOf = (file: string): Tensor =>
  oar.toTensor(recorded(file) as unknown as Parameters<typeof oar.toTensor>[0]);

class Net extends nn.Layer {
  fc1 = new nn.Linear(12, 24);
  dropout = new nn.Dropout(0.5);
  fc2 = new nn.Linear(24, 4);
  override forward(x: Tensor): [logits: Tensor, dropped: Tensor] {
    const dropped = this.dropout(this.fc1(x));
    return [this.fc2(oar.maximum(dropped, 0)), dropped];
  }
}

/** All parameters one after the other, as they were recorded. */
const flat = (net: Net): number[] => net.parameters().flatMap((p) => Array.from(p.dataSync("float32")));

describe.each(training.filter((t) => !t.orders).map((t) => [t.name, t] as const))("%s", (name, t) => {
  const run = (wrap: (step: (x: Tensor, y: Tensor) => [Tensor, Tensor]) => typeof step): void => {
    oar.seed(t.seed);
    const net = new Net();
    expect(flat(net)).toEqual(Array.from(recorded(t.init).data, Number));
    const parameters = net.parameters();
    const opt = name.endsWith("SGD")
      ? new optimizer.SGD({ learningRate: 0.1, parameters })
      : new optimizer.Adam({ learningRate: 0.01, parameters });
    const step = wrap((x, y) => {
      const [logits, dropped] = net(x);
      const loss = nn.functional.crossEntropy(logits, y);
      loss.backward();
      opt.step();
      opt.clearGrad();
      return [loss, dropped];
    });
    const [x, y] = [tensorOf(t.x), tensorOf(t.y)];
    const masks: number[] = [];
    const losses = t.losses.map(() => {
      const [loss, dropped] = step(x, y);
      masks.push(...Array.from(dropped.dataSync("float32"), (v) => (v === 0 ? 0 : 1)));
      return loss.dataSync("float32")[0]!;
    });
    expect(masks).toEqual(Array.from(recorded(t.masks).data, Number));
    expect(excess(losses, t.losses, 2e-5, 1e-6)).toBeLessThanOrEqual(0);
    expect(excess(flat(net), recorded(t.final).data, 2e-5, 1e-6)).toBeLessThanOrEqual(0);
  };

  test("eagerly", () => run((step) => step));
  test("compiled", () => run((step) => compile(step)));
});

test("shuffled batches", () => {
  const t = training.find((c) => c.orders)!;
  oar.seed(t.seed);
  const net = new Net();
  const opt = new optimizer.SGD({ learningRate: 0.1, parameters: net.parameters() });
  const [x, y] = [tensorOf(t.x), tensorOf(t.y)];
  const losses = t.orders!.map((order) => {
    const rows = oar.toTensor(BigInt64Array.from(order, BigInt));
    const loss = nn.functional.crossEntropy(net(oar.gather(x, rows))[0], oar.gather(y, rows));
    loss.backward();
    opt.step();
    opt.clearGrad();
    return loss.dataSync("float32")[0]!;
  });
  expect(excess(losses, t.losses, 2e-5, 1e-6)).toBeLessThanOrEqual(0);
});
