// What compiles and what does not: numbers of settings never do, sets of frozen parts once each; in Programs and compiled steps.

import { afterEach, describe, expect, test } from "vitest";
import { engine } from "../device/engine.js";
import { compile } from "../jit/compile.js";
import { ClipGradByGlobalNorm, ClipGradByNorm, ClipGradByValue, type GradientClip } from "../nn/clip.js";
import { Sequential } from "../nn/containers.js";
import { BatchNorm1D } from "../nn/layers/batch-norm.js";
import { Linear } from "../nn/layers/linear.js";
import { Adam } from "../optimizer/adam.js";
import { StepDecay } from "../optimizer/lr/step-decay.js";
import { Momentum } from "../optimizer/momentum.js";
import type { Optimizer } from "../optimizer/optimizer.js";
import { L1Decay, L2Decay } from "../param/regularizer.js";
import { uniqueName } from "../param/unique-name.js";
import type { VarDesc } from "../program/program.js";
import { mean, multiply, toTensor } from "../tensor/index.js";
import type { Tensor } from "../tensor/tensor.js";
import * as static_ from "./index.js";
import { neededOps } from "./prune.js";

afterEach(static_.disableStatic);

const x = [
  [1, 2, 3],
  [4, -5, 6],
];

interface Running {
  readonly net: Sequential;
  readonly step: () => Promise<void>;
  readonly variants: () => number;
  readonly weight: () => number[];
}

type Make = (net: Sequential) => Optimizer;

const network = (): Sequential => new Sequential(new Linear(3, 3), new BatchNorm1D(3), new Linear(3, 2));
const lossOf = (y: Tensor): Tensor => mean(multiply(y, y));

function compiled(make: Make): Running {
  const net = uniqueName.guard(network);
  const opt = make(net);
  const step = compile((input: Tensor) => {
    const loss = lossOf(net(input));
    loss.backward();
    opt.step();
    opt.clearGrad();
    return loss;
  });
  const weight = () => [...net.parameters()[0]!.dataSync("float32")];
  return { net, step: async () => void step(toTensor(x)), variants: step.variants, weight };
}

async function program(make: Make): Promise<Running> {
  static_.enableStatic();
  const [main, startup] = [new static_.Program(), new static_.Program()];
  const net = uniqueName.guard(() =>
    static_.programGuard(main, startup, () => {
      const net = network();
      make(net).minimize(lossOf(net(static_.data("x", [-1, 3]))));
      return net;
    }),
  );
  const [exe, scope] = [new static_.Executor(), new static_.Scope()];
  await exe.run(startup, { scope });
  const read = (): number[] => [...(scope.findVar("linear_0.w_0")!.getTensor().numpy().data as Float32Array)];
  const step = async (): Promise<void> => void (await exe.run(main, { scope, feed: { x } }));
  return { net, step, variants: () => main.variants, weight: read };
}

const running: [string, (make: Make) => Running | Promise<Running>][] = [
  ["compiled", compiled],
  ["static", program],
];

describe.each(running)("%s", (_, start) => {
  const clips: [string, () => GradientClip, (clip: GradientClip) => void][] = [
    ["global norm", () => new ClipGradByGlobalNorm(0.5), (c) => Object.assign(c, { clipNorm: 0.01 })],
    ["norm", () => new ClipGradByNorm(0.5), (c) => Object.assign(c, { clipNorm: 0.01 })],
    ["value", () => new ClipGradByValue(0.5), (c) => void Object.assign(c, { max: 0.01, min: -0.01 })],
  ];

  test.each(clips)(
    "rates, decay coefficients and the limit of clipping by %s compile nothing",
    async (_name, made, tighten) => {
      const decay = new L2Decay(0.1);
      const clip = made();
      let opt!: Momentum;
      const run = await start((net) => {
        opt = new Momentum({ learningRate: 0.1, parameters: net.parameters(), weightDecay: decay, gradClip: clip });
        return opt;
      });
      const [w, b] = run.net.parameters() as [Linear["weight"], Linear["weight"]];
      b.regularizer = new L1Decay(0.1);
      await run.step();
      const kernels = engine().compiledKernels;
      const moved = async (): Promise<number> => {
        const before = run.weight();
        await run.step();
        return Math.hypot(...run.weight().map((v, i) => v - before[i]!));
      };
      const variants = run.variants();
      const plain = await moved();
      const changes: (() => unknown)[] = [
        () => opt.setLr(0.2),
        () => opt.setLrScheduler(new StepDecay(0.3, 1)),
        () => Object.assign(w, { learningRate: 2 }),
        () => Object.assign(w, { learningRate: new StepDecay(0.5, 1) }),
        () => Object.assign(w, { learningRate: 1 }),
        () => Object.assign(decay, { coeff: 0.2 }),
        () => Object.assign(w, { regularizer: new L2Decay(0.3) }),
        () => Object.assign(b, { regularizer: new L1Decay(0.4) }),
        () => tighten(clip),
      ];
      for (const change of changes) {
        change();
        expect(await moved()).not.toBe(plain);
      }
      expect(run.variants()).toBe(variants);
      expect(engine().compiledKernels).toBe(kernels);
      w.regularizer = new L1Decay(0.3);
      await run.step();
      expect(run.variants()).toBe(variants + 1);
    },
  );

  test("each set of frozen parts is captured once, and state is carried over", async () => {
    let opt!: Adam;
    const run = await start((net) => {
      opt = new Adam({ learningRate: 0.01, parameters: net.parameters() });
      return opt;
    });
    await run.step();
    const sets: (() => unknown)[] = [
      () => run.net.freeze("0"),
      () => run.net.freeze("1"),
      () => run.net.unfreeze("0"),
      () => run.net.unfreeze(),
    ];
    for (let round = 0; round < 3; round++)
      for (const change of sets) {
        change();
        await run.step();
      }
    expect(run.variants()).toBe(4);
    expect(opt.stepCount).toBe(13);
  });
});

test("steady state of a Program: one engine call a run, nothing compiled, no memory that stays", async () => {
  static_.enableStatic();
  const [main, startup] = [new static_.Program(), new static_.Program()];
  const loss = static_.programGuard(main, startup, () => {
    const loss = lossOf(network()(static_.data("x", [-1, 3])));
    new Adam({ learningRate: new StepDecay(0.01, 2), gradClip: new ClipGradByGlobalNorm(1) }).minimize(loss);
    return loss;
  });
  const [exe, scope] = [new static_.Executor(), new static_.Scope()];
  await exe.run(startup, { scope });
  const run = () => exe.run(main, { scope, feed: { x }, fetchList: [loss] });
  for (let i = 0; i < 3; i++) await run();
  const { compiledKernels, heap, launches } = engine();
  const before = { blocks: heap.liveBlocks, bytes: heap.liveBytes };
  for (let i = 0; i < 50; i++) await run();
  expect(engine().compiledKernels).toBe(compiledKernels);
  expect({ blocks: heap.liveBlocks, bytes: heap.liveBytes }).toEqual(before);
  expect(engine().launches - launches).toBe(50);
});

describe("a coefficient or limit that is no number", () => {
  test("is refused", () => {
    expect(() => Object.assign(new L2Decay(0.1), { coeff: Number.NaN })).toThrow(/coeff must be a number/);
    expect(() => Object.assign(new ClipGradByNorm(1), { clipNorm: "1" })).toThrow(/clipNorm must be a number/);
  });
});

test("a rate of 0: the gradient is computed when it is fetched or counted by clipping, and not otherwise", async () => {
  static_.enableStatic();
  const built = (gradClip: GradientClip | null) =>
    uniqueName.guard(() => {
      const [main, startup] = [new static_.Program(), new static_.Program()];
      const loss = static_.programGuard(main, startup, () => {
        const held = { learningRate: 0 };
        const h = static_.nn.fc(static_.data("x", [-1, 3]), 3, {
          weightAttr: held,
          biasAttr: held,
          activation: "tanh",
        });
        const loss = lossOf(static_.nn.fc(h, 2));
        new Momentum({ learningRate: 0.1, gradClip }).minimize(loss);
        return loss;
      });
      return { main, startup, loss };
    });
  const computes = ({ main, loss }: ReturnType<typeof built>): boolean => {
    const run = neededOps(main.block.ops, [loss.symbol as VarDesc], true);
    return run.some((op) => op.outputs.includes(main.gradients.get("fc_0.w_0@GRAD")!));
  };
  expect(computes(built(null))).toBe(false);
  expect(computes(built(new ClipGradByGlobalNorm(1)))).toBe(true);
  const { main, startup } = built(null);
  const [exe, scope] = [new static_.Executor(), new static_.Scope()];
  await exe.run(startup, { scope });
  const [gradient] = await exe.run(main, { scope, feed: { x }, fetchList: ["fc_0.w_0@GRAD"] });
  expect(Array.from(gradient!.data as Float32Array).some((v) => v !== 0)).toBe(true);
});
