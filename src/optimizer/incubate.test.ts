// LARS and LookAhead: five steps recorded from Paddle 3.3.1, eager and compiled, on a quadratic loss.

import { describe, expect, test } from "vitest";
import { compile } from "../jit/compile.js";
import { createParameter } from "../nn/create-parameter.js";
import { Assign } from "../nn/initializer/assign.js";
import { add, multiply } from "../ops/arithmetic.js";
import { sum } from "../ops/broadcast.js";
import type { Parameter } from "../param/parameter.js";
import { uniqueName } from "../param/unique-name.js";
import { type Tensor, toTensor } from "../tensor/index.js";
import { LarsMomentumOptimizer } from "./lars-momentum.js";
import { LookAhead } from "./lookahead.js";
import { Momentum } from "./momentum.js";
import type { Optimizer } from "./optimizer.js";
import { SGD } from "./sgd.js";

const factors = toTensor([1, 0.5, 0.25]);

/** Parameter values after each step of the loss `sum(p^2 factors) + t sum(p)`. */
function trained(make: (parameters: Parameter[]) => Optimizer, compiled: boolean): number[][] {
  const start = { dtype: "float32" as const, shape: [3], data: Float32Array.of(0.5, -1, 2) };
  const p = createParameter([3], "float32", { attr: { name: "w_0", initializer: new Assign(start) } })!;
  const opt = make([p]);
  const eager = (t: Tensor): Tensor => {
    const loss = add<Tensor>(sum(multiply<Tensor>(multiply<Tensor>(p, p), factors)), multiply<Tensor>(sum(p), t));
    loss.backward();
    opt.step();
    opt.clearGrad();
    return loss;
  };
  const step = compiled ? compile(eager) : eager;
  return [0, 1, 2, 3, 4].map((t) => {
    step(toTensor(t, { dtype: "float32" }));
    return [...p.dataSync("float32")];
  });
}

const lars = { larsCoeff: 0.1, larsWeightDecay: 0.01 };

const cases: [string, (parameters: Parameter[]) => Optimizer, number[][]][] = [
  [
    "LARS",
    (parameterList) => new LarsMomentumOptimizer(0.5, 0.9, { ...lars, parameterList }),
    [
      [0.43439337611198425, -0.9340670108795166, 1.9334142208099365],
      [0.3003480136394501, -0.8769932389259338, 1.7939666509628296],
      [0.11514832079410553, -0.8532543778419495, 1.5961881875991821],
      [-0.10533073544502258, -0.8674878478050232, 1.3546886444091797],
      [-0.34865278005599976, -0.9173151850700378, 1.0817523002624512],
    ],
  ],
  [
    "LARS with epsilon and a factor",
    (parameterList) => new LarsMomentumOptimizer(0.5, 0.9, { ...lars, parameterList, epsilon: 0.5, rescaleGrad: 0.5 }),
    [
      [0.45834586024284363, -0.9579334259033203, 1.9571086168289185],
      [0.36442655324935913, -0.920744776725769, 1.8593847751617432],
      [0.22435569763183594, -0.9088099598884583, 1.7112059593200684],
      [0.04740914702415466, -0.9286144375801086, 1.5205284357070923],
      [-0.15732073783874512, -0.9803358316421509, 1.295724630355835],
    ],
  ],
  [
    "LARS, excluded",
    (parameterList) =>
      new LarsMomentumOptimizer(0.05, 0.9, { ...lars, parameterList, excludeFromWeightDecay: ["w_0"] }),
    [
      [0.44999998807907104, -0.949999988079071, 1.9500000476837158],
      [0.3100000023841858, -0.9074999690055847, 1.8062500953674316],
      [0.05300000309944153, -0.9238749742507935, 1.5317188501358032],
      [-0.3336000144481659, -1.0424187183380127, 1.0963478088378906],
      [-0.8481800556182861, -1.2969871759414673, 0.47710514068603516],
    ],
  ],
  [
    "LookAhead around SGD",
    (parameters) => new LookAhead(new SGD({ learningRate: 0.1, parameters }), { alpha: 0.25, k: 2 }),
    [
      [0.4000000059604645, -0.8999999761581421, 1.899999976158142],
      [0.35500001907348633, -0.9024999141693115, 1.8512499332427979],
      [0.08400002121925354, -1.0122499465942383, 1.558687448501587],
      [0.20805001258850098, -0.9796311855316162, 1.6836258172988892],
      [-0.23355993628501892, -1.2816680669784546, 1.1994445323944092],
    ],
  ],
  [
    "LookAhead around Momentum",
    (parameters) => new LookAhead(new Momentum({ learningRate: 0.1, parameters }), { alpha: 0.8, k: 3 }),
    [
      [0.4000000059604645, -0.8999999761581421, 1.899999976158142],
      [0.1300000250339508, -0.8199999928474426, 1.6150000095367432],
      [-0.19119998812675476, -0.8727999925613403, 1.2421998977661133],
      [-0.875059962272644, -1.1269199848175049, 0.39656496047973633],
      [-1.7155218124389648, -1.6429359912872314, -0.784334659576416],
    ],
  ],
];

describe.each([
  ["eager", false],
  ["compiled", true],
] as const)("%s", (_, compiled) => {
  test.each(cases)("%s", (_name, make, want) => {
    const got = uniqueName.guard(() => trained(make, compiled));
    got.forEach((row, t) =>
      row.forEach((x, i) => {
        const y = want[t]![i]!;
        expect(Math.abs(x - y)).toBeLessThanOrEqual(1e-6 + 1e-5 * Math.abs(y));
      }),
    );
  });
});

test("refusals", () => {
  const p = createParameter([1], "float32")!;
  const inner = new SGD({ parameters: [p] });
  expect(() => new LookAhead(inner, { alpha: 2 })).toThrow("alpha must be in [0, 1]");
  expect(() => new LookAhead(inner, { k: 0 })).toThrow("k must be a positive integer");
  expect(() => new LookAhead({} as never)).toThrow("innerOptimizer is required");
  expect(() => new LarsMomentumOptimizer({ learningRate: 0.1, parameterList: [p] })).toThrow("momentum is required");
});
