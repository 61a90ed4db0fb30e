// Updates in compiled steps, where they may share a nest with what gives their gradient and with what reads their result.

import { expect, test } from "vitest";
import { compile } from "../jit/compile.js";
import { Linear } from "../nn/layers/linear.js";
import { Constant } from "../nn/initializer/constant.js";
import { add, multiply } from "../ops/arithmetic.js";
import { sum } from "../ops/broadcast.js";
import { full } from "../ops/creation.js";
import { uniqueName } from "../param/unique-name.js";
import { type Tensor, toTensor } from "../tensor/index.js";
import { assignInto } from "../trace/inplace.js";
import { withGrad } from "../trace/tape.js";
import { Adam } from "./adam.js";
import { Adamax } from "./adamax.js";
import { Lamb } from "./lamb.js";
import { Momentum } from "./momentum.js";
import type { Optimizer } from "./optimizer.js";
import { SGD } from "./sgd.js";

const x = toTensor(Array.from({ length: 6 }, (_, i) => Array.from({ length: 21 }, (_, j) => Math.sin(3 * i + j))));

/** Weights, and means of them that each step updates with the weights it has just made, after four steps. */
function trained(make: (net: Linear) => Optimizer, compiled: boolean): Float32Array[] {
  return uniqueName.guard(() => {
    const net = new Linear(21, 37, { weightAttr: new Constant(0.1) });
    const opt = make(net);
    const means = net.parameters().map((p) => full(p.shape, 0, "float32"));
    const eager = (batch: Tensor): Tensor => {
      const out = net(batch);
      const loss = sum(multiply<Tensor>(out, out));
      loss.backward();
      opt.step();
      opt.clearGrad();
      withGrad(false, () =>
        net.parameters().forEach((p, i) => assignInto(means[i]!, add(multiply(means[i]!, 0.5), multiply(p, 0.5)))),
      );
      return loss;
    };
    const step = compiled ? compile(eager) : eager;
    for (let i = 0; i < 4; i++) step(x);
    return [...net.parameters(), ...(means as Tensor[])].map((t) => t.dataSync("float32"));
  });
}

test.each<[string, (net: Linear) => Optimizer]>([
  ["SGD", (net) => new SGD({ learningRate: 1e-3, parameters: net.parameters(), weightDecay: 0.1 })],
  ["Momentum", (net) => new Momentum({ learningRate: 1e-3, parameters: net.parameters() })],
  ["Adam", (net) => new Adam({ learningRate: 1e-2, parameters: net.parameters() })],
  ["Adamax", (net) => new Adamax({ learningRate: 1e-2, parameters: net.parameters() })],
  ["Lamb", (net) => new Lamb({ learningRate: 1e-2, parameters: net.parameters() })],
])("%s: a compiled step equals the eager one, and later ops see the new weights", (_, make) => {
  const want = trained(make, false);
  trained(make, true).forEach((got, n) =>
    got.forEach((value, i) => {
      expect(Math.abs(value - want[n]![i]!)).toBeLessThanOrEqual(1e-6 + 1e-5 * Math.abs(want[n]![i]!));
    }),
  );
});
