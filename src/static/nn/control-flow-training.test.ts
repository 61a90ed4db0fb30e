// Control flow and training: updates inside branches, settings that change later, gradients that are clipped and stopped.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PreconditionNotMetError, UnimplementedError } from "../../core/errors.js";
import { compile } from "../../jit/compile.js";
import { Constant } from "../../nn/initializer/constant.js";
import { Linear } from "../../nn/layers/linear.js";
import { Momentum } from "../../optimizer/momentum.js";
import { SGD } from "../../optimizer/sgd.js";
import { full, isfinite, mean, sum, toTensor } from "../../tensor/index.js";
import type { Tensor } from "../../tensor/tensor.js";
import * as static_ from "../index.js";
import { list } from "./control-flow.test-util.js";

const { cond, whileLoop } = static_.nn;

beforeEach(static_.enableStatic);
afterEach(static_.disableStatic);

const x = [[1, 2]];

/** A Program with a loop over `w` and a branch that uses `w` or `v`, and what `train` appends to it. */
function program(train: (loss: Tensor) => void) {
  const [main, startup] = [new static_.Program(), new static_.Program()];
  const weight = (name: string) => ({ weightAttr: { name, initializer: new Constant(0.5) }, biasAttr: false as const });
  const loss = static_.programGuard(main, startup, () => {
    const input = static_.data("x", [-1, 2]);
    const first = [full([1], 0, { dtype: "int64" }), input] as const;
    const [, h] = whileLoop(
      (i) => i.lessThan(2),
      (i, h) => [i.add(1), static_.nn.fc(h, 2, weight("w"))],
      first,
    );
    const on = static_.data("on", [1], "bool");
    const out = mean(
      cond(
        on,
        () => static_.nn.fc(h, 1, weight("v")),
        () => sum(h, { axis: 1, keepdim: true }),
      ),
    );
    train(out);
    return out;
  });
  const exe = new static_.Executor();
  const scope = new static_.Scope();
  const value = (name: string): number[] => list(scope.findVar(name)!.getTensor().numpy());
  const run = (on: boolean) => exe.run(main, { scope, feed: { x, on: [on] }, fetchList: [loss] });
  return { main, value, run, start: () => exe.run(startup, { scope }) };
}

describe("settings that change after minimize", () => {
  test("freezing and thawing a weight of a loop", async () => {
    const p = program((loss) => new SGD({ learningRate: 0.1 }).minimize(loss));
    await p.start();
    const w = p.main.parameters.get("w")!;
    await p.run(true);
    const [once, v] = [p.value("w"), p.value("v")];
    expect(once[0]).not.toBe(0.5);
    w.trainable = false;
    await p.run(true);
    expect(p.value("w")).toEqual(once);
    expect(p.value("v")).not.toEqual(v);
    w.trainable = true;
    await p.run(true);
    expect(p.value("w")).not.toEqual(once);
  });

  test("a rate of one parameter", async () => {
    const p = program((loss) => new Momentum({ learningRate: 0.1, momentum: 0.9 }).minimize(loss));
    await p.start();
    p.main.parameters.get("v")!.learningRate = 0;
    await p.run(true);
    expect(p.value("v")).toEqual([0.5, 0.5]);
    expect(p.value("w")[0]).not.toBe(0.5);
  });
});

test("updates inside a branch: gradients count every second run", async () => {
  const p = program((loss) => {
    const opt = new SGD({ learningRate: 1 });
    const pairs = static_.appendBackward(loss);
    const on = static_.defaultMainProgram().globalBlock().var("on");
    cond(
      on,
      () => null,
      () => {
        opt.applyGradients(pairs);
        return null;
      },
    );
  });
  await p.start();
  await p.run(true);
  expect(p.value("w")).toEqual([0.5, 0.5, 0.5, 0.5]);
  await p.run(false);
  // loss = Σ_j (x w w)_j: dw = xᵀ (1 wᵀ) + (x w)ᵀ 1 = [1, 2]ᵀ [1, 1] + [1.5, 1.5]ᵀ [1, 1]
  expect(p.value("w")).toEqual([-2, -2, -3, -3]);
});

test("minimize inside a branch is refused", () => {
  const inside = () =>
    program((loss) => {
      const on = static_.defaultMainProgram().globalBlock().var("on");
      cond(
        on,
        () => {
          new SGD({ learningRate: 1 }).minimize(loss.multiply(2));
          return null;
        },
        () => null,
      );
    });
  expect(inside).toThrow(PreconditionNotMetError);
});

test("a parameter frozen when the Program was built, thawed later, is refused by name", async () => {
  const [main, startup] = [new static_.Program(), new static_.Program()];
  static_.programGuard(main, startup, () => {
    const input = static_.data("x", [-1, 2]);
    const frozen = { name: "w", initializer: new Constant(0.5), trainable: false };
    const h = cond(
      sum(input).greaterThan(0),
      () => static_.nn.fc(input, 2, { weightAttr: frozen }),
      () => input,
    );
    new SGD({ learningRate: 0.1 }).minimize(mean(static_.nn.fc(h, 1)), { parameters: main.allParameters() });
  });
  const exe = new static_.Executor();
  const scope = new static_.Scope();
  await exe.run(startup, { scope });
  await exe.run(main, { scope, feed: { x } });
  main.parameters.get("w")!.trainable = true;
  await expect(exe.run(main, { scope, feed: { x } })).rejects.toThrow(UnimplementedError);
});

test("jit.compile: a step that is skipped where the loss is not finite", async () => {
  static_.disableStatic();
  const net = new Linear(1, 1, { weightAttr: new Constant(1), biasAttr: false });
  const opt = new Momentum({ learningRate: 0.5, momentum: 0.5, parameters: net.parameters() });
  const step = compile((input: Tensor) => {
    const loss = mean(net(input));
    loss.backward();
    cond(
      isfinite(loss),
      () => {
        opt.step();
        return null;
      },
      () => null,
    );
    opt.clearGrad();
    return loss;
  });
  const w = async (): Promise<number> => Number(await net.weight.item());
  step(toTensor([[2]]));
  expect(await w()).toBe(0);
  step(toTensor([[Number.POSITIVE_INFINITY]]));
  expect(await w()).toBe(0);
  step(toTensor([[2]]));
  // velocity 0.5 · 2 + 2
  expect(await w()).toBe(-1.5);
  expect(step.variants()).toBe(1);
});
