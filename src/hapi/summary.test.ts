// summary: counts, layers' shapes, and each parameter's settings with their sources.

import { expect, test } from "vitest";
import { ClipGradByGlobalNorm } from "../nn/clip.js";
import { Sequential } from "../nn/containers.js";
import { Constant } from "../nn/initializer/constant.js";
import { Linear } from "../nn/layers/linear.js";
import { AdamW } from "../optimizer/adamw.js";
import { SGD } from "../optimizer/sgd.js";
import { StepDecay } from "../optimizer/lr/step-decay.js";
import { L1Decay, L2Decay } from "../param/regularizer.js";
import { uniqueName } from "../param/unique-name.js";
import { summary } from "./summary.js";

const make = () =>
  uniqueName.guard(() => {
    const attr = { name: "w", learningRate: 0.1, regularizer: new L1Decay(0.5), initializer: new Constant(1) };
    const [a, b] = [
      new Linear(3, 3, { weightAttr: attr }),
      new Linear(3, 3, { weightAttr: attr, biasAttr: { needClip: false } }),
    ];
    return new Sequential(a, b, new Linear(3, 1, { biasAttr: false }));
  });

test("settings and where each came from", () => {
  const net = make();
  net.at(2).freeze();
  const opt = new SGD({
    learningRate: new StepDecay(0.5, 2),
    parameters: [
      { params: net.parameters().slice(0, 1) },
      { params: net.parameters().slice(1, 3), weightDecay: 0, learningRate: 2 },
    ],
    weightDecay: new L2Decay(0.25),
    gradClip: new ClipGradByGlobalNorm(1),
  });
  const { parameters, totalParams, trainableParams, layers } = summary(net, { optimizer: opt });
  expect([totalParams, trainableParams, layers]).toEqual([9 + 3 + 3 + 3, 15, undefined]);
  const [w, bias, bias2, last] = parameters;
  expect(w).toMatchObject({
    key: "0.weight",
    name: "w",
    shape: [3, 3],
    learningRate: { value: 0.05, source: "ParamAttr" },
    regularizer: { value: "L1Decay, coeff=0.500000", source: "ParamAttr" },
    clip: { value: "Gradient Clip By GlobalNorm, global_norm=1", source: "optimizer" },
    trainable: { value: true, source: "default" },
    initializer: { value: "Constant(1)", source: "ParamAttr" },
    sharedBy: ["0.weight", "1.weight"],
  });
  expect(bias).toMatchObject({
    learningRate: { value: 1, source: "group 1" },
    regularizer: { value: "L2Decay, coeff=0.000000", source: "group 1" },
    initializer: { value: "Constant(0)", source: "default" },
  });
  expect(bias2!.clip).toEqual({ value: "no", source: "ParamAttr" });
  expect(last).toMatchObject({
    trainable: { value: false, source: "frozen" },
    clip: { source: "not in the optimizer" },
  });
});

test("without an optimizer the parameters' own; decoupled decay is named", () => {
  const net = make();
  expect(summary(net).parameters[0]!.learningRate).toEqual({ value: 0.1, source: "ParamAttr" });
  const opt = new AdamW({
    learningRate: 0.1,
    parameters: net.parameters(),
    applyDecayParamFun: (name) => name !== "linear_0.b_0",
  });
  const rows = summary(net, { optimizer: opt }).parameters;
  expect(rows[0]!.regularizer).toEqual({ value: "L1Decay, coeff=0.500000 + decoupled 0.01", source: "ParamAttr" });
  expect(rows[1]!.regularizer).toEqual({ value: "none", source: "applyDecayParamFun" });
});

test("with an input size every layer's shapes, and modes stay as they were", () => {
  const net = make();
  const { layers } = summary(net, [2, 3]);
  expect(layers!.map((r) => [r.layer, r.outputShape, r.params])).toEqual([
    ["Linear-1", [[2, 3]], 12],
    ["Linear-2", [[2, 3]], 12],
    ["Linear-3", [[2, 1]], 3],
    ["Sequential-1", [[2, 1]], 0],
  ]);
  expect(net.training).toBe(true);
  const text = summary(net, [2, 3]).toString();
  expect(text).toContain("Total params: 18");
  expect(text).toMatch(/0\.weight +w +\[3, 3\] +0\.1 \(ParamAttr\)/);
});
