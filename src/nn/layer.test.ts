// Layers: calls and their types, names, members, state dicts, hooks, freezing.

import { describe, expect, test } from "vitest";
import { Parameter } from "../param/parameter.js";
import { uniqueName } from "../param/unique-name.js";
import { SGD } from "../optimizer/sgd.js";
import { sum } from "../ops/broadcast.js";
import { multiply } from "../ops/arithmetic.js";
import { type Tensor, toTensor } from "../tensor/index.js";
import { LayerList, ParameterList, Sequential } from "./containers.js";
import { covers } from "./freeze.js";
import { Constant } from "./initializer/constant.js";
import { Layer } from "./layer.js";
import { Linear } from "./layers/linear.js";

class Net extends Layer {
  override name = "a field of one's own";
  fc1 = new Linear(2, 3, { weightAttr: new Constant(1), biasAttr: new Constant(0.5) });
  inner = new Sequential(new Linear(3, 2), ["last", new Linear(2, 1)]);
  scale = 2;
  override forward(x: Tensor, factor = 1): Tensor {
    return multiply(this.inner(this.fc1(x)), factor * this.scale);
  }
}

const make = (): Net => uniqueName.guard(() => new Net());

describe("Layer", () => {
  test("is called like its forward, and is an object with fields", () => {
    const net = make();
    expect(typeof net).toBe("function");
    expect(net).toBeInstanceOf(Layer);
    const y: Tensor = net(toTensor([[1, 2]]), 3);
    expect(y.shape).toEqual([1, 1]);
    expect(net.name).toBe("a field of one's own");
    expect(net.fc1(toTensor([[1, 2]])).dataSync()).toEqual(Float32Array.of(3.5, 3.5, 3.5));
  });

  test("names follow the order of construction and reset in a guard", () => {
    const net = make();
    expect(net.fullName()).toBe("net_0");
    expect(net.namedParameters().map(([key, p]) => [key, p.name])).toEqual([
      ["fc1.weight", "linear_0.w_0"],
      ["fc1.bias", "linear_0.b_0"],
      ["inner.0.weight", "linear_1.w_0"],
      ["inner.0.bias", "linear_1.b_0"],
      ["inner.last.weight", "linear_2.w_0"],
      ["inner.last.bias", "linear_2.b_0"],
    ]);
    expect(make().fc1.weight.name).toBe("linear_0.w_0");
  });

  test("prints as Paddle does", () => {
    expect(String(make())).toBe(
      "Net(\n  (fc1): Linear(in_features=2, out_features=3, dtype=float32)\n  (inner): Sequential(\n" +
        "    (0): Linear(in_features=3, out_features=2, dtype=float32)\n    (last): Linear(in_features=2, out_features=1, dtype=float32)\n  )\n)",
    );
  });

  test("hooks see and replace inputs and outputs until they are removed", () => {
    const net = make();
    const x = toTensor([[1, 2]]);
    const plain = net(x).dataSync()[0] as number;
    const pre = net.registerForwardPreHook((_, [given]) => [multiply(given as Tensor, 0)]);
    const zero = net(x).dataSync()[0] as number;
    expect(zero).not.toBe(plain);
    const post = net.registerForwardPostHook((_, __, out) => multiply(out as Tensor, 10));
    expect(net(x).dataSync()[0]).toBeCloseTo(10 * zero, 5);
    pre.remove();
    post.remove();
    expect(net(x).dataSync()[0]).toBe(plain);
  });

  test("train, eval, apply and buffers", () => {
    const net = make();
    net.eval();
    expect(net.sublayers(true).map((l) => l.training)).toEqual(new Array(5).fill(false));
    net.train();
    const seen: string[] = [];
    net.apply((l) => void seen.push(l.fullName()));
    expect(seen).toEqual(["linear_0", "linear_1", "linear_2", "sequential_0", "net_0"]);
    net.registerBuffer("steps", toTensor([3]));
    net.registerBuffer("cache", toTensor([4]), { persistable: false });
    expect(net.namedBuffers().map(([k]) => k)).toEqual(["steps", "cache"]);
    expect(Object.keys(net.stateDict())).toContain("steps");
    expect(Object.keys(net.stateDict())).not.toContain("cache");
    expect(Object.keys(net.toStaticStateDict())).toContain("cache");
    expect(() => net.registerBuffer("fc1", toTensor([1]))).toThrow("fc1");
  });

  test("containers keep order, index from the end, and hold parameters", () => {
    const list = new LayerList([new Linear(1, 1), new Linear(1, 2)]);
    list.insert(0, new Linear(1, 3)).append(new Linear(1, 4));
    expect([...list].map((l) => l.outFeatures)).toEqual([3, 1, 2, 4]);
    expect(list.at(-1).outFeatures).toBe(4);
    expect(list.pop().outFeatures).toBe(4);
    expect(() => list.at(3)).toThrow("outside");
    const p = new ParameterList([new Linear(1, 1).weight]);
    expect(p.parameters()).toHaveLength(1);
    expect(Object.keys(p.stateDict())).toEqual(["0"]);
  });

  test("to another dtype changes parameters in place", () => {
    const fc = new Linear(2, 2, { weightAttr: new Constant(0.5) });
    const { weight } = fc;
    fc.to("float64");
    expect(fc.weight).toBe(weight);
    expect(weight.dtype).toBe("float64");
    expect(fc(toTensor([[1, 1]], { dtype: "float64" })).dataSync()).toEqual(Float64Array.of(1, 1));
  });
});

describe("setStateDict", () => {
  test("reports what is missing, unexpected and mismatched, and sets the rest", () => {
    const [from, to] = [make(), make()];
    const state: Record<string, unknown> = { ...from.stateDict() };
    delete state["fc1.bias"];
    state["inner.0.weight"] = [[1]];
    state["extra"] = [1];
    const report = to.setStateDict(state);
    expect(report.missing).toEqual(["fc1.bias"]);
    expect(report.unexpected).toEqual(["extra"]);
    expect(report.mismatched).toEqual([{ key: "inner.0.weight", expected: [3, 2], received: [1, 1] }]);
    expect(to.inner.at(1).parameters()[0]!.dataSync()).toEqual(from.inner.at(1).parameters()[0]!.dataSync());
    expect(() => to.setStateDict(state, { strict: true })).toThrow("inner.0.weight is [3, 2]");
  });

  test("prefix, rename and parameter names", () => {
    class Camel extends Layer {
      outProj = new Linear(1, 1);
    }
    const net = uniqueName.guard(() => new Camel());
    const snake = net.setStateDict(
      { "m.out_proj.weight": [[5]], "m.out_proj.bias": [6] },
      { prefix: "m.", rename: "snake" },
    );
    expect(snake).toEqual({ missing: [], unexpected: [], mismatched: [] });
    expect(net.outProj.weight.dataSync()[0]).toBe(5);
    net.setStateDict({ "linear_0.w_0": [[7]], "linear_0.b_0": [8] }, { useStructuredName: false });
    expect(net.outProj.bias!.dataSync()[0]).toBe(8);
  });

  test("a shared parameter stands under each of its names", () => {
    const [a, b] = [new Linear(2, 2), new Linear(2, 2)];
    b.weight = a.weight;
    const net = new LayerList([a, b]);
    expect(Object.keys(net.stateDict())).toEqual(["0.weight", "0.bias", "1.weight", "1.bias"]);
    expect(net.parameters()).toHaveLength(3);
  });
});

describe("freeze", () => {
  test.each([
    ["backbone.**", "backbone.fc.weight", true],
    ["backbone.**", "backbone", true],
    ["backbone", "backbone.fc.weight", true],
    ["backbone.**", "backbone2.fc.weight", false],
    ["**.weight", "a.b.weight", true],
    ["*.weight", "a.b.weight", false],
    ["layers.*.fc", "layers.3.fc.bias", true],
    ["**", "", true],
  ])("%s on %s", (pattern, path, expected) => expect(covers(pattern, path)).toBe(expected));

  test("stops updates, survives train() and is undone by unfreeze", () => {
    const net = make();
    net.inner.at(0).parameters()[1]!.trainable = false;
    const step = (): void => {
      sum(net(toTensor([[1, 2]]))).backward();
      const opt = new SGD({ learningRate: 0.1, parameters: net.parameters(), weightDecay: 0.1 });
      opt.step();
      opt.clearGrad();
    };
    expect(net.freeze("inner.**").parameters.length).toBe(4);
    net.train();
    const before = net.parameters().map((p) => [...(p.dataSync() as Float32Array)]);
    step();
    const changed = net.parameters().map((p, i) => p.dataSync().some((v, j) => v !== before[i]![j]));
    expect(changed).toEqual([true, true, false, false, false, false]);
    expect(net.inner.isFrozen).toBe(true);
    expect(net.isFrozen).toBe(false);
    net.unfreeze();
    expect(net.parameters().map((p) => p.trainable)).toEqual([true, true, true, false, true, true]);
    expect(() => net.freeze("nothing")).toThrow("nothing");
  });
});

test("parameters survive as instances", () => expect(new Linear(1, 1).weight).toBeInstanceOf(Parameter));
