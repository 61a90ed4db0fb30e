// L-BFGS: recorded runs with and without line search, with rates of parameters' own and a frozen one; its state saved and taken up again.

import { nn, optimizer, ParamAttr, setFlags, type Tensor, tanh, toTensor, utils } from "oarjs";
import { afterEach, describe, expect, test } from "vitest";
import { atStep, excess, fixtureArrays } from "./arrays-node.js";
import { fixtureJson } from "./fixtures-node.js";
import { meanSquare } from "./network.js";
import { type Args, argumentsOf } from "./recorded.js";

interface Case {
  readonly id: string;
  readonly optimizer: string;
  readonly args: Args;
  readonly attrs?: Readonly<Record<string, Args>>;
  readonly file: string;
  readonly prefix: string;
  readonly lr: number;
  readonly losses: readonly number[];
  readonly state: readonly (readonly [string, readonly string[]])[];
  readonly stableSteps: number;
}

const manifest = fixtureJson<{ readonly steps: number; readonly cases: readonly Case[] }>("optimizers/manifest.json");
const data = fixtureArrays("optimizers/data.npz");
const cases = manifest.cases.filter((c) => c.optimizer === "LBFGS");

afterEach(() => setFlags({ strictPaddle: false }));

function recordedTensor(name: string): Tensor {
  const whole = data.get(name)!;
  return toTensor({ dtype: "float32", shape: whole.shape.slice(1), data: atStep(whole, 0) as Float32Array });
}

const [x, y] = [recordedTensor("x"), recordedTensor("y")];

function build(c: Case) {
  const attr = (name: string): ParamAttr => {
    const { shape, data: values } = data.get(`init.${name}`)!;
    const initializer = new nn.initializer.Assign({ dtype: "float32", shape, data: values as Float32Array });
    return new ParamAttr({ initializer, ...argumentsOf(c.attrs?.[name]) });
  };
  const l1 = new nn.Linear(4, 5, { weightAttr: attr("l1.weight"), biasAttr: attr("l1.bias") });
  const l2 = new nn.Linear(5, 3, { weightAttr: attr("l2.weight"), biasAttr: attr("l2.bias") });
  const named = { "l1.weight": l1.weight, "l1.bias": l1.bias!, "l2.weight": l2.weight, "l2.bias": l2.bias! };
  const make = (): optimizer.LBFGS =>
    new optimizer.LBFGS({ ...argumentsOf(c.args), learningRate: c.lr, parameters: Object.values(named) });
  const stepOf = (opt: optimizer.LBFGS): number => {
    const loss = opt.step(() => {
      opt.clearGrad();
      const l = meanSquare(l2(tanh(l1(x))), y);
      l.backward();
      return l;
    });
    return loss.dataSync("float32")[0]!;
  };
  return { named, make, stepOf };
}

/** Largest excess over the recorded weights, and over the losses, in the steps that are stable. */
function differences(c: Case, swap: (opt: optimizer.LBFGS, make: () => optimizer.LBFGS) => optimizer.LBFGS): number {
  return utils.uniqueName.guard(() => {
    const { named, make, stepOf } = build(c);
    const arrays = fixtureArrays(`optimizers/${c.file}`);
    let opt = make();
    let worst = -Infinity;
    for (let t = 0; t < c.stableSteps; t++) {
      worst = Math.max(worst, excess([stepOf(opt)], [c.losses[t]!], 1e-4, 1e-6));
      for (const [name, p] of Object.entries(named)) {
        const want = atStep(arrays.get(`${c.prefix}w/${name}`)!, t + 1) as Float32Array;
        worst = Math.max(worst, excess(p.dataSync("float32"), want, 2e-5, 2e-5));
      }
      opt = swap(opt, make);
    }
    expect(Object.keys(opt.stateDict()["state"] as object).sort()).toEqual([...c.state[0]![1]].sort());
    return worst;
  });
}

describe("recorded runs", () => {
  test.each(cases.map((c) => [c.id, c] as const))("%s", (_, c) => {
    setFlags({ strictPaddle: true });
    expect(differences(c, (opt) => opt)).toBeLessThanOrEqual(0);
  });

  test.each(cases.filter((c) => c.id.endsWith("plain")).map((c) => [c.id, c] as const))(
    "%s, with another optimizer taking up the state after each step",
    (_, c) => {
      const swap = (opt: optimizer.LBFGS, make: () => optimizer.LBFGS): optimizer.LBFGS => {
        const next = make();
        next.setStateDict(opt.stateDict());
        expect(next.stepCount).toBe(opt.stepCount);
        return next;
      };
      expect(differences(c, swap)).toBeLessThanOrEqual(0);
    },
  );
});

test("a parameter held by a rate of 0 stays", () => {
  const c = cases.find((k) => k.id === "LBFGS/attr_lr")!;
  utils.uniqueName.guard(() => {
    const { named, make, stepOf } = build(c);
    const before = named["l2.weight"].dataSync("float32");
    const opt = make();
    const losses = [stepOf(opt), stepOf(opt)];
    expect(named["l2.weight"].dataSync("float32")).toEqual(before);
    expect(losses[1]).toBeLessThan(losses[0]!);
  });
});

describe("refusals", () => {
  const parameters = [new nn.Linear(1, 1).weight];
  test.each<[string, () => unknown]>([
    ["lineSearchFn must be", () => new optimizer.LBFGS({ parameters, lineSearchFn: "armijo" as never })],
    ["maxIter must be a positive integer", () => new optimizer.LBFGS({ parameters, maxIter: 0 })],
    ["step needs the function", () => new optimizer.LBFGS({ parameters }).step()],
    ["evaluates the loss several times", () => new optimizer.LBFGS({ parameters }).minimize()],
    ["state must be that of an LBFGS", () => new optimizer.LBFGS({ parameters }).setStateDict({})],
  ])("%s", (message, attempt) => {
    expect(attempt).toThrow(message);
  });
});
