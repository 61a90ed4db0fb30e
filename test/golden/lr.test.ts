// Golden: every schedule against values, states, resumes, jumps and refusals recorded from Paddle 3.3.1.

import * as lr from "oarjs/optimizer/lr";
import { describe, expect, it } from "vitest";
import { fixtureJson } from "./fixtures-node.js";

type Args = Readonly<Record<string, unknown>>;
interface Case {
  readonly id: string;
  readonly scheduler: string;
  readonly args: Args;
  readonly initialState?: lr.LRStateDict;
  readonly finalState: lr.LRStateDict;
  readonly values: readonly number[];
  readonly resumeAt8?: { readonly state: lr.LRStateDict; readonly values: readonly number[] };
  readonly jumps?: readonly (readonly [number | null, number])[];
  readonly metrics?: readonly number[];
  readonly badCooldownBest?: readonly (readonly [number, number, number])[];
}
interface Manifest {
  readonly cases: readonly Case[];
  readonly errors: Readonly<Record<string, readonly [string, string] | null>>;
}

const manifest = fixtureJson<Manifest>("lr/manifest.json");

/** The recorded functions, which the manifest gives as Python expressions of t. */
const functions: Readonly<Record<string, lr.EpochFunction>> = {
  "0.95 ** t": (t) => 0.95 ** t,
  "1 / (1 + t)": (t) => 1 / (1 + t),
  "0.95": () => 0.95,
  "1 - 1 / (2 + t)": (t) => 1 - 1 / (2 + t),
};

type SchedulerClass = new (options: Args) => lr.LRScheduler;
const classes: Readonly<Record<string, unknown>> = { ...lr };

function make(name: string, args: Args): lr.LRScheduler {
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(args))
    options[/[A-Z]/.test(key) ? key : camelCase(key)] = converted(key, value);
  return new (classes[name] as SchedulerClass)(options);
}

function converted(key: string, value: unknown): unknown {
  if (key === "lr_lambda" || key === "scale_fn") {
    const f = functions[String(value)];
    if (f === undefined) throw new Error(`no function for ${String(value)}`);
    return f;
  }
  if (key === "learning_rate" && Array.isArray(value)) return make(value[0] as string, value[1] as Args);
  return value;
}

const camelCase = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

/** Equal within rtol 1e-12 and atol 1e-16 (a cosine's rounded zero). */
function expectClose(actual: number, expected: number, what: string): void {
  const bound = 1e-12 * Math.abs(expected) + 1e-16;
  expect(Math.abs(actual - expected), `${what}: ${actual} for ${expected}`).toBeLessThanOrEqual(bound);
}

function expectState(actual: unknown, expected: unknown, what: string): void {
  if (typeof expected !== "object" || expected === null) {
    expectClose(actual as number, expected as number, what);
    return;
  }
  const got = actual as Record<string, unknown>;
  expect(Object.keys(got), what).toEqual(Object.keys(expected));
  for (const [key, value] of Object.entries(expected)) expectState(got[key], value, `${what} ${key}`);
}

for (const c of manifest.cases.filter((c) => c.metrics === undefined)) {
  describe(c.id, () => {
    it("gives the recorded values and states", () => {
      const schedule = make(c.scheduler, c.args);
      expectState(schedule.stateDict(), c.initialState, "initial state");
      c.values.forEach((value, i) => {
        if (i > 0) schedule.step();
        expectClose(schedule.lastLr, value, `step ${i}`);
      });
      expectState(schedule.stateDict(), c.finalState, "final state");
    });

    it("goes on from a saved state as Paddle does", () => {
      const { state, values } = c.resumeAt8!;
      const before = make(c.scheduler, c.args);
      for (let i = 0; i < 8; i++) before.step();
      expectState(before.stateDict(), state, "state at 8");
      const schedule = make(c.scheduler, c.args);
      schedule.setStateDict(JSON.parse(JSON.stringify(before.stateDict())) as lr.LRStateDict);
      values.forEach((value, i) => {
        if (i > 0) schedule.step();
        expectClose(schedule.lastLr, value, `resumed ${i}`);
      });
    });

    if (c.jumps === undefined) return;
    it("jumps by step(epoch)", () => {
      const schedule = make(c.scheduler, c.args);
      for (const [epoch, value] of c.jumps!) {
        schedule.step(epoch ?? undefined);
        expectClose(schedule.lastLr, value, `epoch ${epoch}`);
      }
    });
  });
}

for (const c of manifest.cases.filter((c) => c.metrics !== undefined)) {
  it(`${c.id} follows the recorded metrics`, () => {
    const schedule = make(c.scheduler, c.args) as lr.ReduceOnPlateau;
    expectClose(schedule.lastLr, c.values[0]!, "start");
    c.metrics!.forEach((metric, i) => {
      schedule.step(metric);
      expectClose(schedule.lastLr, c.values[i + 1]!, `step ${i}`);
      expect([schedule.numBadEpochs, schedule.cooldownCounter, schedule.best]).toEqual(c.badCooldownBest![i]);
    });
    expectState(schedule.stateDict(), c.finalState, "final state");
  });
}

/** Arguments whose types TypeScript refuses already, as a JavaScript caller may pass them. */
const loose = (name: string, ...args: unknown[]) =>
  new (classes[name] as new (...args: unknown[]) => lr.LRScheduler)(...args);

/** Python's check and its counterpart here: for a float where Python wants an int a fraction, since 5.0 is 5, and likewise. */
const refusals: Readonly<Record<string, () => unknown>> = {
  "NoamDecay(0, 10)": () => new lr.NoamDecay(0, 10),
  'StepDecay("a", 2)': () => loose("StepDecay", "a", 2),
  "StepDecay(0.1, 0)": () => new lr.StepDecay(0.1, 0),
  "StepDecay(0.1, 2, 1.5)": () => new lr.StepDecay(0.1, 2, 1.5),
  "StepDecay(0.1, 2.0)": () => new lr.StepDecay(0.1, 2.5),
  "MultiStepDecay(0.1, [5, 3])": () => new lr.MultiStepDecay(0.1, [5, 3]),
  "MultiStepDecay(0.1, [3, 5], 1.0)": () => new lr.MultiStepDecay(0.1, [3, 5], 1),
  "LinearWarmup(0.1, 3, 0.1, 0.05)": () => new lr.LinearWarmup(0.1, 3, 0.1, 0.05),
  "ExponentialDecay(0.1, 1.0)": () => new lr.ExponentialDecay(0.1, 1),
  "ExponentialDecay(0.1, 0)": () => new lr.ExponentialDecay(0.1, 0),
  "NaturalExpDecay(0.1, 0)": () => new lr.NaturalExpDecay(0.1, 0),
  "PolynomialDecay(0.1, 0)": () => new lr.PolynomialDecay(0.1, 0),
  "PolynomialDecay(0.1, 5.0)": () => new lr.PolynomialDecay(0.1, 5.5),
  "CosineAnnealingDecay(0.1, 0)": () => new lr.CosineAnnealingDecay(0.1, 0),
  "CosineAnnealingDecay(0.1, 5.0)": () => new lr.CosineAnnealingDecay(0.1, 5.5),
  'ReduceOnPlateau(0.1, mode="x")': () => loose("ReduceOnPlateau", 0.1, { mode: "x" }),
  "ReduceOnPlateau(0.1, factor=1.0)": () => new lr.ReduceOnPlateau(0.1, { factor: 1 }),
  'ReduceOnPlateau(0.1, threshold_mode="x")': () => loose("ReduceOnPlateau", 0.1, { thresholdMode: "x" }),
  'ReduceOnPlateau(0.1).step("a")': () =>
    Reflect.apply(lr.ReduceOnPlateau.prototype.step, new lr.ReduceOnPlateau(0.1), ["a"]),
  "OneCycleLR(0.1, 5) stepped 6 times": () => stepped(new lr.OneCycleLR(0.1, 5), 6),
  "OneCycleLR(0.1, 0)": () => new lr.OneCycleLR(0.1, 0),
  "OneCycleLR(0.1, 10, phase_pct=1.5)": () => new lr.OneCycleLR(0.1, 10, { phasePct: 1.5 }),
  "CyclicLR(0.1, 0.2, 3, exp_gamma=1)": () => loose("CyclicLR", 0.1, 0.2, 3, { expGamma: "1" }),
  "CyclicLR(0.1, 0.2, 0)": () => new lr.CyclicLR(0.1, 0.2, 0),
  "LinearLR(0.1, 0)": () => new lr.LinearLR(0.1, 0),
  "LinearLR(0.1, 5, start_factor=0)": () => new lr.LinearLR(0.1, 5, { startFactor: 0 }),
  "LinearLR(0.1, 5, end_factor=2.0)": () => new lr.LinearLR(0.1, 5, { endFactor: 2 }),
  "LambdaDecay(0.1, 3)": () => loose("LambdaDecay", 0.1, 3),
  "CosineAnnealingWarmRestarts(0.1, 0)": () => new lr.CosineAnnealingWarmRestarts(0.1, 0),
  "set_state_dict({})": () => new lr.StepDecay(0.1, 2).setStateDict({}),
  "LRScheduler().get_lr": () => loose("LRScheduler"),
};

function stepped(schedule: lr.LRScheduler, times: number): void {
  for (let i = 0; i < times; i++) schedule.step();
}

/** Our class for each of Python's; stepping past the end is an index out of range, a missing entry is not found. */
function errorNameFor(call: string, [type]: readonly [string, string]): string {
  if (call.includes("stepped")) return "OutOfRangeError";
  if (type === "RuntimeError") return "NotFoundError";
  return type === "NotImplementedError" ? "UnimplementedError" : "InvalidArgumentError";
}

describe("constructor checks", () => {
  for (const [call, recorded] of Object.entries(manifest.errors)) {
    it(call, () => {
      const attempt = refusals[call];
      if (attempt === undefined) throw new Error(`no counterpart of ${call}`);
      if (recorded === null) expect(attempt).not.toThrow();
      else expect(attempt).toThrow(expect.objectContaining({ name: errorNameFor(call, recorded) }));
    });
  }
});
