// An optimizer of one's own, written in tensor functions: eager, compiled and in a Program it makes the same run.

import { afterEach, expect, test } from "vitest";
import { compile } from "../jit/index.js";
import { ClipGradByGlobalNorm } from "../nn/clip.js";
import { Constant } from "../nn/initializer/constant.js";
import { Linear } from "../nn/layers/linear.js";
import { L2Decay } from "../param/regularizer.js";
import { uniqueName } from "../param/unique-name.js";
import * as static_ from "../static/index.js";
import { mean, multiply, sign } from "../tensor/index.js";
import type { Tensor } from "../tensor/tensor.js";
import { toTensor } from "../tensor/to-tensor.js";
import { Optimizer, type OptimizerOptions, type Update } from "./optimizer.js";

/** Lion (Chen et al., 2023): the sign of a mean of gradients. */
class Lion extends Optimizer {
  constructor(options: OptimizerOptions) {
    super("Lion", options);
  }

  protected override accumulators() {
    return [{ name: "mean", fill: 0 }];
  }

  protected override update(u: Update): void {
    const m = u.state("mean");
    const g = u.gradient();
    u.parameter.subtract_(multiply(sign(m.multiply(0.9).add(g.multiply(0.1))), u.learningRate));
    m.multiply_(0.99).add_(g.multiply(0.01));
  }
}

afterEach(static_.disableStatic);

const x = [
  [1, -2],
  [0.5, 3],
];
const make = (parameters?: Iterable<never>) =>
  new Lion({ learningRate: 0.1, parameters, weightDecay: new L2Decay(0.1), gradClip: new ClipGradByGlobalNorm(0.5) });
const layer = () => new Linear(2, 2, { weightAttr: new Constant(0.3), biasAttr: new Constant(0.2) });
const lossOf = (fc: Linear, input: Tensor): Tensor => {
  const y = fc(input) as Tensor;
  return mean(multiply(y, y));
};

test("three modes", async () => {
  const eager = (compiled: boolean) =>
    uniqueName.guard(() => {
      const fc = layer();
      const opt = make(fc.parameters() as never);
      const step = (input: Tensor) => {
        const loss = lossOf(fc, input);
        loss.backward();
        opt.step();
        opt.clearGrad();
        return loss;
      };
      const run = compiled ? compile(step) : step;
      for (let i = 0; i < 4; i++) run(toTensor(x));
      return [...fc.weight.dataSync("float32")];
    });
  const want = eager(false);
  expect(want[0]).not.toBeCloseTo(0.3, 3);
  expect(eager(true)).toEqual(want);
  static_.enableStatic();
  const [main, startup] = [new static_.Program(), new static_.Program()];
  const fc = static_.programGuard(main, startup, () => {
    const made = layer();
    make().minimize(lossOf(made, static_.data("x", [-1, 2])));
    return made;
  });
  const scope = new static_.Scope();
  const exe = new static_.Executor();
  await exe.run(startup, { scope });
  for (let i = 0; i < 4; i++) await exe.run(main, { scope, feed: { x } });
  expect([...(scope.findVar(fc.weight.name)!.getTensor().numpy().data as Float32Array)]).toEqual(want);
});
