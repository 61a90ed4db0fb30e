// Optimizer: precedence, groups, state, gradients, rates, and steps inside compiled functions.

import { afterEach, describe, expect, test } from "vitest";
import { setFlags } from "../core/flags.js";
import { compile } from "../jit/compile.js";
import { ClipGradByGlobalNorm, ClipGradByNorm, ClipGradByValue } from "../nn/clip.js";
import { Sequential } from "../nn/containers.js";
import { createParameter } from "../nn/create-parameter.js";
import { Constant } from "../nn/initializer/constant.js";
import { Linear } from "../nn/layers/linear.js";
import { add, multiply } from "../ops/arithmetic.js";
import { sum } from "../ops/broadcast.js";
import type { Parameter } from "../param/parameter.js";
import { L1Decay, L2Decay, WeightDecayRegularizer } from "../param/regularizer.js";
import { uniqueName } from "../param/unique-name.js";
import type { Value } from "../program/value.js";
import { grad, type Tensor, toTensor } from "../tensor/index.js";
import { Adam } from "./adam.js";
import { AdamW } from "./adamw.js";
import { LinearWarmup, StepDecay } from "./lr/index.js";
import { Momentum } from "./momentum.js";
import type { OptimizerOptions } from "./optimizer.js";
import { RMSProp } from "./rmsprop.js";
import { SGD } from "./sgd.js";

afterEach(() => setFlags({ strictPaddle: false }));

const inScope = <R>(fn: () => R): R => uniqueName.guard(fn as () => R extends PromiseLike<unknown> ? never : R) as R;
const firstOf = (p: Tensor): number => p.dataSync()[0] as number;
const make = (attr: object = {}, value = 2): Parameter =>
  createParameter([1], "float32", { attr: { initializer: new Constant(value), ...attr } })!;
/** Gives a parameter gradient `g`. */
const push = (p: Parameter, g: number): void => sum(multiply<Tensor>(p, g)).backward();

/** One SGD step with rate 0.5 on a parameter of value 2 and gradient 3. */
function stepped(attr: object, options: Partial<OptimizerOptions>, group?: object): number {
  const p = make(attr);
  const opt = new SGD({ learningRate: 0.5, parameters: group ? [{ params: [p], ...group }] : [p], ...options });
  push(p, 3);
  opt.step();
  return firstOf(p);
}

describe("precedence", () => {
  const l2 = (c: number) => new L2Decay(c);
  test.each<[string, object, Partial<OptimizerOptions>, object | undefined, number]>([
    ["optimizer's decay", {}, { weightDecay: 0.5 }, undefined, 2 - 0.5 * (3 + 1)],
    ["ParamAttr beats it", { regularizer: new L1Decay(0.25) }, { weightDecay: 0.5 }, undefined, 2 - 0.5 * 3.25],
    ["ParamAttr's 0 is none", { regularizer: l2(0) }, { weightDecay: 0.5 }, undefined, 2 - 0.5 * 3],
    ["group beats ParamAttr", { regularizer: l2(1) }, { weightDecay: 0.5 }, { weightDecay: 0.25 }, 2 - 0.5 * 3.5],
    ["group's 0 is none", { regularizer: l2(1) }, { weightDecay: 0.5 }, { weightDecay: 0 }, 2 - 0.5 * 3],
    ["group's null is not set", { regularizer: l2(1) }, {}, { weightDecay: null }, 2 - 0.5 * 5],
    ["silent group keeps ParamAttr", { regularizer: l2(1), learningRate: 0.5 }, {}, {}, 2 - 0.25 * 5],
    ["rates multiply", { learningRate: 3 }, {}, undefined, 2 - 1.5 * 3],
    ["group's rate beats ParamAttr's", { learningRate: 3 }, {}, { learningRate: 0.1 }, 2 - 0.05 * 3],
    ["a rate may be a schedule", { learningRate: new StepDecay(0.1, 5) }, {}, undefined, 2 - 0.05 * 3],
    [
      "clipping comes before decay",
      {},
      { weightDecay: 0.5, gradClip: new ClipGradByGlobalNorm(1) },
      undefined,
      2 - 0.5 * 2,
    ],
    ["needClip false is left alone", { needClip: false }, { gradClip: new ClipGradByNorm(1) }, undefined, 2 - 0.5 * 3],
    ["group's clip", {}, { gradClip: new ClipGradByNorm(1) }, { gradClip: new ClipGradByValue(2) }, 2 - 0.5 * 2],
  ])("%s", (_, attr, options, group, expected) => {
    expect(stepped(attr, options, group)).toBeCloseTo(expected, 5);
  });

  test("a regularizer of one's own", () => {
    class Cubic extends WeightDecayRegularizer {
      override term(p: Value): Value {
        return multiply(multiply(p, p), p);
      }
    }
    expect(stepped({ regularizer: new Cubic() }, { gradClip: new ClipGradByNorm(1) })).toBeCloseTo(
      2 - 0.5 * (1 + 8),
      5,
    );
  });

  test("settings changed on a parameter count from the next step", () => {
    const p = make();
    const opt = new SGD({ learningRate: 1, parameters: [p] });
    p.learningRate = 0.5;
    p.regularizer = new L2Decay(1);
    push(p, 3);
    opt.step();
    expect(firstOf(p)).toBeCloseTo(2 - 0.5 * 5, 6);
  });
});

describe("what is not updated", () => {
  test("no gradient, no update: clearGrad releases, setToZero is Paddle's way", () => {
    const p = make();
    const opt = new Momentum({ learningRate: 0.1, parameters: [p] });
    push(p, 3);
    opt.step();
    opt.clearGrad();
    const after = firstOf(p);
    opt.step();
    expect([firstOf(p), opt.stepCount]).toEqual([after, 1]);
    push(p, 0);
    opt.clearGrad({ setToZero: true });
    expect(firstOf(p.grad!)).toBe(0);
    opt.step();
    expect(firstOf(p)).toBeLessThan(after);
  });

  test("a constant rate of 0 keeps parameter and moments, which are saved at their first values", () => {
    const [held, moved] = [make({ name: "held", learningRate: 0 }), make({ name: "moved" })];
    const opt = new Adam({ learningRate: 0.1, parameters: [held, moved], weightDecay: 0.5 });
    sum(add<Tensor>(held, moved)).backward();
    opt.step();
    const state = opt.stateDict() as Record<string, Tensor>;
    expect([firstOf(held), firstOf(state["held_moment1_0"]!), firstOf(state["held_beta1_pow_acc_0"]!)]).toEqual([
      2,
      0,
      Math.fround(0.9),
    ]);
    expect(firstOf(moved)).toBeLessThan(2);
  });

  test("the gradient of a held parameter is computed only where something needs it", () => {
    const gradientOf = (
      attr: object,
      options: Partial<OptimizerOptions>,
      prepare: (p: Parameter) => void = () => {},
    ): number | null => {
      const [held, moved] = [make({ learningRate: 0, ...attr }), make()];
      const opt = new SGD({ learningRate: 0.1, parameters: [held, moved], ...options });
      prepare(held);
      sum(multiply(add<Tensor>(held, moved), 3)).backward();
      expect(firstOf(moved.grad!)).toBe(3);
      opt.step();
      return held.grad && firstOf(held.grad);
    };
    const unfreeze = (p: Parameter): void => {
      p.learningRate = 1;
    };
    const gradClip = new ClipGradByGlobalNorm(1);
    expect(gradientOf({}, {})).toBeNull();
    expect(gradientOf({}, { gradClip: new ClipGradByNorm(1) })).toBeNull();
    expect(gradientOf({ needClip: false }, { gradClip })).toBeNull();
    expect(gradientOf({}, { gradClip })).toBe(3);
    expect(gradientOf({}, {}, (p) => p.registerHook(() => undefined))).toBe(3);
    expect(gradientOf({}, {}, unfreeze)).toBe(3);
    const [held, moved] = [make({ learningRate: 0 }), make()];
    new SGD({ parameters: [held, moved] });
    expect(firstOf(grad(sum(multiply<Tensor>(held, moved)), held)[0]!)).toBe(2);
    let seen = 0;
    const inner = multiply<Tensor>(held, 5);
    inner.registerHook((g) => {
      seen = firstOf(g);
    });
    sum(add<Tensor>(inner, moved)).backward();
    expect([seen, held.grad]).toEqual([1, null]);
  });

  test("strictPaddle lets the moments go on", () => {
    setFlags({ strictPaddle: true });
    const p = make({ name: "strictly_held", learningRate: 0 });
    const opt = new Adam({ learningRate: 0.1, parameters: [p] });
    push(p, 1);
    opt.step();
    expect(firstOf((opt.stateDict() as Record<string, Tensor>)["strictly_held_moment1_0"]!)).toBeCloseTo(0.1, 6);
  });
});

describe("state", () => {
  const train = (opt: Adam, fc: Linear, steps: number): void => {
    for (let i = 0; i < steps; i++) {
      sum(fc(toTensor([[1, 2 + i]]))).backward();
      opt.step();
      opt.clearGrad();
    }
  };
  const build = () =>
    inScope(() => {
      const fc = new Linear(2, 1, { weightAttr: new Constant(1) });
      const schedule = new StepDecay(0.1, 2, 0.5);
      const opt = new Adam({ learningRate: schedule, parameters: fc.parameters() });
      train(opt, fc, 0);
      return { fc, opt, schedule };
    });

  test("resumes exactly, from tensors and from plain arrays", async () => {
    const a = build();
    inScope(() => train(a.opt, a.fc, 3));
    a.schedule.step();
    const saved = a.opt.stateDict();
    const plain: Record<string, unknown> = {};
    for (const [k, v] of Object.entries(saved))
      plain[k] = typeof v === "object" && v !== null && "numpy" in v ? await (v as Tensor).numpy() : v;
    for (const state of [saved, plain]) {
      const b = build();
      b.fc.setStateDict(a.fc.stateDict());
      b.opt.setStateDict(state);
      expect([b.opt.stepCount, b.opt.getLr()]).toEqual([3, a.opt.getLr()]);
      inScope(() => train(b.opt, b.fc, 2));
      const c = build();
      inScope(() => train(c.opt, c.fc, 3));
      c.schedule.step();
      inScope(() => train(c.opt, c.fc, 2));
      expect(b.fc.weight.dataSync()).toEqual(c.fc.weight.dataSync());
    }
  });

  test("the number of updates comes from the powers where the state does not say", () => {
    const a = build();
    inScope(() => train(a.opt, a.fc, 7));
    const { "StepCount@@": _, ...rest } = a.opt.stateDict();
    const b = build();
    b.opt.setStateDict(rest);
    expect(b.opt.stepCount).toBe(7);
  });

  test("another counter at the end of a name will do, under strictPaddle not", () => {
    const a = build();
    inScope(() => train(a.opt, a.fc, 1));
    const again = new Adam({ learningRate: 0.1, parameters: a.fc.parameters() });
    again.setStateDict(a.opt.stateDict());
    uniqueName.guard(() => {
      ["moment1", "moment2"].map((k) => uniqueName.generate(`linear_0.w_0_${k}`));
      train(again, a.fc, 1);
    });
    expect(Object.keys(again.stateDict())).toContain("linear_0.w_0_moment1_1");
    setFlags({ strictPaddle: true });
    const strict = new Adam({ learningRate: 0.1, parameters: a.fc.parameters() });
    strict.setStateDict(a.opt.stateDict());
    uniqueName.guard(() => {
      uniqueName.generate("linear_0.w_0_moment1");
      expect(() => train(strict, a.fc, 1)).toThrow('no "linear_0.w_0_moment1_1"');
    });
  });

  test("missing and misshapen state is refused by name", () => {
    const a = build();
    inScope(() => train(a.opt, a.fc, 1));
    const { "linear_0.w_0_moment1_0": _, ...rest } = a.opt.stateDict();
    expect(() => a.opt.setStateDict(rest)).toThrow('no "linear_0.w_0_moment1_0"');
    expect(() => a.opt.setStateDict({ ...rest, "linear_0.w_0_moment1_0": toTensor([1]) })).toThrow("[2, 1]");
  });

  test("an optimizer's name stands in the names of its state", () => {
    inScope(() => {
      const p = make({ name: "p" });
      const opt = new Momentum({ learningRate: 0.1, parameters: [p], name: "opt" });
      push(p, 1);
      opt.step();
      expect(Object.keys(opt.stateDict())).toContain("p_opt_velocity_0");
    });
  });
});

describe("arguments", () => {
  const p = make();
  test.each<[string, () => unknown]>([
    ["parameters must be given", () => new SGD({ learningRate: 0.1 })],
    ["must be a list", () => new SGD({ learningRate: 0.1, parameters: p as never })],
    ["must be Parameters", () => new SGD({ learningRate: 0.1, parameters: [toTensor([1])] as never })],
    ["do not mix", () => new SGD({ learningRate: 0.1, parameters: [{ params: [p] }, p] as never })],
    [
      "more than one parameter group",
      () => new SGD({ learningRate: 0.1, parameters: [{ params: [p] }, { params: [p] }] }),
    ],
    ['"beta1"', () => new SGD({ learningRate: 0.1, parameters: [{ params: [p], beta1: 1 }] })],
    ["beta1 must be in [0, 1)", () => new Adam({ parameters: [p], beta1: 1 })],
    ["learningRate is required", () => new RMSProp({ parameters: [p] })],
    ["gradClip", () => new SGD({ parameters: [p], gradClip: 1 as never })],
    [
      "weightDecay of a group must be a number",
      () => new AdamW({ parameters: [{ params: [p], weightDecay: new L2Decay(1) }] }),
    ],
    ['Did you mean "learningRate"', () => new SGD({ learningrate: 1, parameters: [p] } as never)],
  ])("%s", (message, attempt) => {
    expect(attempt).toThrow(message);
  });

  test("rates: setLr, schedules", () => {
    const opt = new SGD({ learningRate: 0.1, parameters: [p] });
    opt.setLr(0.2);
    expect(opt.getLr()).toBe(0.2);
    opt.setLrScheduler(new LinearWarmup({ learningRate: 1, warmupSteps: 2, startLr: 0.5, endLr: 1 }));
    expect(opt.getLr()).toBe(0.5);
    expect(() => opt.setLr(1)).toThrow("schedule decides");
  });

  test("groups have settings of their own", () => {
    const [a, b] = [make(), make()];
    const opt = new Momentum({
      learningRate: 1,
      momentum: 0.9,
      parameters: [{ params: [a], momentum: 0 }, { params: [b] }],
    });
    for (let i = 0; i < 2; i++) {
      push(a, 1);
      push(b, 1);
      opt.step();
      opt.clearGrad();
    }
    expect([firstOf(a), firstOf(b)]).toEqual([0, expect.closeTo(2 - 1 - 1.9, 5)]);
  });
});

describe("half precision", () => {
  test("multiPrecision adds up steps that bfloat16 would lose, and saves its copies", () => {
    const run = (multiPrecision: boolean) =>
      inScope(() => {
        const p = createParameter([1], "bfloat16", { attr: { name: "half", initializer: new Constant(1) } })!;
        const opt = new Adam({ learningRate: 1e-4, parameters: [p], multiPrecision });
        for (let i = 0; i < 50; i++) {
          sum(p).backward();
          opt.step();
          opt.clearGrad();
        }
        return { value: firstOf(p.astype("float32")), state: opt.stateDict(), p };
      });
    expect(run(false).value).toBe(1);
    const { value, state, p } = run(true);
    // 50 steps of 1e-4 each; bfloat16 has 8 bits.
    expect(Math.abs(value - 0.995)).toBeLessThan(0.004);
    expect(p.dtype).toBe("bfloat16");
    expect(firstOf((state["master_weights"] as Record<string, Tensor>)["half"]!)).toBeCloseTo(0.995, 5);
    expect(Object.keys(state)).toContain("half_fp32_master_0_moment1_0");
    expect((state["half_fp32_master_0_moment1_0"] as Tensor).dtype).toBe("float32");
    const again = inScope(() => {
      const q = createParameter([1], "bfloat16", { attr: { name: "half", initializer: new Constant(1) } })!;
      const opt = new Adam({ learningRate: 0, parameters: [q], multiPrecision: true });
      opt.setStateDict(state);
      sum(q).backward();
      opt.step();
      return firstOf(q.astype("float32"));
    });
    expect(again).toBe(value);
  });
});

describe("compiled", () => {
  test("a step with schedule, clipping and decay equals the eager one and compiles once", () => {
    const build = (run: (fn: (x: Tensor) => Tensor) => (x: Tensor) => Tensor) =>
      inScope(() => {
        const net = new Sequential(
          new Linear(3, 4, { weightAttr: new Constant(0.3) }),
          new Linear(4, 1, { weightAttr: new Constant(0.2) }),
        );
        const schedule = new StepDecay(0.1, 1, 0.5);
        const opt = new AdamW({
          learningRate: schedule,
          parameters: [{ params: net.at(0).parameters() }, { params: net.at(1).parameters(), learningRate: 0.5 }],
          gradClip: new ClipGradByGlobalNorm(0.5),
        });
        const step = run((x) => {
          const y = net(x);
          const loss = sum(multiply(y, y));
          loss.backward();
          opt.step();
          opt.clearGrad();
          return loss;
        });
        for (let i = 0; i < 5; i++) {
          step(toTensor([[1, -2, i]]));
          schedule.step();
        }
        return { weights: net.parameters().map((p) => [...(p.dataSync() as Float32Array)]), steps: opt.stepCount };
      });
    const eager = build((fn) => fn);
    let variants = (): number => 0;
    const compiled = build((fn) => {
      const c = compile(fn);
      variants = c.variants;
      return c;
    });
    expect(compiled.steps).toBe(eager.steps);
    expect(variants()).toBe(1);
    compiled.weights.flat().forEach((w, i) => expect(w).toBeCloseTo(eager.weights.flat()[i]!, 5));
  });
});
