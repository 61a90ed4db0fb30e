// Tests of the schedules' base class: users' subclasses, first step, printing, state, and how arguments are passed.

import { afterEach, describe, expect, it, vi } from "vitest";
import {
  CosineAnnealingDecay,
  ExponentialDecay,
  LRScheduler,
  LinearWarmup,
  PiecewiseDecay,
  ReduceOnPlateau,
  StepDecay,
} from "./index.js";

class Halving extends LRScheduler {
  readonly factor = 0.5; // set after the base constructor has run
  override getLr(): number {
    return this.baseLr * this.factor ** this.lastEpoch;
  }
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("a user's subclass", () => {
  it("may use its own fields in getLr", () => {
    const schedule = new Halving({ learningRate: 0.8 });
    expect([schedule.lastEpoch, schedule.lastLr]).toEqual([0, 0.8]);
    schedule.step();
    expect([schedule.lastEpoch, schedule.lastLr]).toEqual([1, 0.4]);
  });

  it("steps right when step() is the first use", () => {
    const schedule = new Halving({ learningRate: 0.8 });
    schedule.step();
    expect(schedule.stateDict()).toEqual({ last_epoch: 1, last_lr: 0.4 });
  });

  it("goes on after lastEpoch", () => {
    expect(new Halving({ learningRate: 0.8, lastEpoch: 1 }).lastLr).toBe(0.8 / 4);
  });

  it("may save more", () => {
    class Counting extends Halving {
      restarts = 3;
      protected override stateKeys() {
        return [...super.stateKeys(), "restarts"];
      }
    }
    const saved = new Counting().stateDict();
    expect(saved).toEqual({ last_epoch: 0, last_lr: 0.1, restarts: 3 });
    const other = new Counting();
    other.setStateDict({ ...saved, restarts: 5 });
    expect(other.restarts).toBe(5);
  });
});

describe("printing", () => {
  it("uses Paddle's words", () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    new StepDecay(0.1, 1, { gamma: 0.5, verbose: true }).step();
    expect(log.mock.calls.flat()).toEqual([
      "Epoch 0: StepDecay set learning rate to 0.1.",
      "Epoch 1: StepDecay set learning rate to 0.05.",
    ]);
  });

  it("ReduceOnPlateau prints drops only", () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    const schedule = new ReduceOnPlateau(0.5, { factor: 0.5, patience: 0, verbose: true });
    schedule.step(1);
    schedule.step(1);
    schedule.step(2, 7);
    expect(log.mock.calls.flat()).toEqual([
      "Epoch 2: ReduceOnPlateau set learning rate to 0.25.",
      "Epoch 7: ReduceOnPlateau set learning rate to 0.125.",
    ]);
  });
});

describe("setStateDict", () => {
  it("takes arrays of one number, as a checkpoint gives them", () => {
    const schedule = new StepDecay(0.1, 2);
    const last_lr = { dtype: "float64", shape: [], data: new Float64Array([0.25]) };
    schedule.setStateDict({ last_epoch: 3n, last_lr });
    expect([schedule.lastEpoch, schedule.lastLr]).toEqual([3, 0.25]);
  });

  it("reports entries that it does not know", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    new StepDecay(0.1, 2).setStateDict({ last_epoch: 3, last_lr: 0.2, x: 2 });
    expect(warn).toHaveBeenCalledWith("StepDecay.setStateDict: unused entries x");
  });

  it("does not report a nested schedule's", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const make = () => new LinearWarmup(new ExponentialDecay(0.1, 0.5), 2, 0, 0.1);
    const before = make();
    for (let i = 0; i < 4; i++) before.step();
    const after = make();
    after.setStateDict(before.stateDict());
    expect(warn).not.toHaveBeenCalled();
    expect(after.stateDict()).toEqual(before.stateDict());
  });

  it("refuses what is no number, and leaves a plateau's best open", () => {
    expect(() => new StepDecay(0.1, 2).setStateDict({ last_epoch: 1, last_lr: "a" })).toThrow(
      /last_lr must be a number/,
    );
    const plateau = new ReduceOnPlateau(0.1);
    plateau.setStateDict(plateau.stateDict());
    expect(plateau.best).toBeNull();
  });
});

describe("arguments", () => {
  it("may be named or positional", () => {
    for (const schedule of [
      new StepDecay({ learningRate: 1, stepSize: 2, gamma: 0.5 }),
      new StepDecay(1, 2, 0.5),
      new StepDecay(1, 2, { gamma: 0.5 }),
    ]) {
      schedule.step(5);
      expect(schedule.lastLr).toBe(0.25);
    }
  });

  it("keep their capitals", () => {
    const schedule = new CosineAnnealingDecay({ learningRate: 1, T_max: 2, etaMin: 0.5 });
    schedule.step(2);
    expect(schedule.lastLr).toBe(0.5);
  });

  it("are refused by name with a suggestion", () => {
    const call = () => Reflect.construct(StepDecay, [{ learningRate: 1, step_size: 2 }]);
    expect(call).toThrow(/\[StepDecay\] there is no option "step_size"[\s\S]*Did you mean "stepSize"/);
    expect(() => Reflect.construct(StepDecay, [1])).toThrow(/stepSize is required/);
    expect(() => new PiecewiseDecay([1, 2], [1])).toThrow(/values must have 3 entries/);
    expect(() => new StepDecay(-1, 2)).toThrow(/must not be negative/);
  });
});
