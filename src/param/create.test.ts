// Parameters: accepted attributes, sharing by name, sources of settings, values.

import { afterEach, describe, expect, test } from "vitest";
import { setFlags } from "../core/flags.js";
import { createParameter } from "../nn/create-parameter.js";
import { Embedding } from "../nn/layers/embedding.js";
import { Assign } from "../nn/initializer/assign.js";
import { Constant } from "../nn/initializer/constant.js";
import { setGlobalInitializer } from "../nn/initializer/global.js";
import { Linear } from "../nn/layers/linear.js";
import { SGD } from "../optimizer/sgd.js";
import { Adam } from "../optimizer/adam.js";
import { sum } from "../ops/broadcast.js";
import { add } from "../ops/arithmetic.js";
import { type Tensor, toTensor } from "../tensor/index.js";
import { ParamAttr, toParamAttr, toParamAttrs } from "./param-attr.js";
import type { Parameter } from "./parameter.js";
import { L1Decay, L2Decay } from "./regularizer.js";
import { uniqueName } from "./unique-name.js";

afterEach(() => setFlags({ strictPaddle: false }));

const inScope = <R>(fn: () => R): R => uniqueName.guard(fn as () => R extends PromiseLike<unknown> ? never : R) as R;
const valuesOf = (p: Tensor): number[] => [...(p.dataSync("float32") as Float32Array)];

describe("ParamAttr", () => {
  test("every accepted form", () => {
    const attr = new ParamAttr("w", { learningRate: 2 });
    expect(toParamAttr(attr, "t")).toBe(attr);
    expect([attr.name, attr.learningRate, [...attr.given]]).toEqual(["w", 2, ["name", "learningRate"]]);
    expect((toParamAttr("w", "t") as ParamAttr).name).toBe("w");
    expect((toParamAttr(new Constant(1), "t") as ParamAttr).initializer).toBeInstanceOf(Constant);
    expect((toParamAttr(new L1Decay(1), "t") as ParamAttr).regularizer).toBeInstanceOf(L1Decay);
    expect((toParamAttr({ name: "w", trainable: false }, "t") as ParamAttr).trainable).toBe(false);
    expect(toParamAttr(false, "t")).toBe(false);
    for (const nothing of [null, undefined, true] as const)
      expect((toParamAttr(nothing, "t") as ParamAttr).given.size).toBe(0);
    expect(toParamAttrs(["a", false], 2, "t").map((a) => (a === false ? a : a.name))).toEqual(["a", false]);
    expect(() => toParamAttrs(["a", "b"], 3, "t")).toThrow("2 attributes for 3");
  });

  test.each([
    [{ name: "" }, "name"],
    [{ initializer: 1 }, "initializer"],
    [{ learningRate: "fast" }, "learningRate"],
    [{ regularizer: 0.1 }, "regularizer"],
    [{ trainable: 1 }, "trainable"],
    [{ lr: 1 }, "lr"],
  ])("refuses %o", (given, what) => {
    expect(() => new ParamAttr(given as object)).toThrow(what);
  });

  test("a number is no attribute", () => {
    expect(() => new Linear(1, 1, { weightAttr: 3 as unknown as string })).toThrow("no parameter attribute");
  });

  test("paramAttr is weightAttr; both are refused", () => {
    inScope(() => {
      expect(new Linear(1, 1, { paramAttr: "same" }).weight.name).toBe("same");
      expect(() => new Linear(1, 1, { paramAttr: "a", weightAttr: "b" })).toThrow("same setting");
    });
  });
});

describe("sharing by name", () => {
  const named = (name: string, fill: number, more: object = {}) =>
    new Linear(2, 2, { weightAttr: new ParamAttr({ name, initializer: new Constant(fill), ...more }) });

  test("one parameter: the first initializer wins, of other settings the last", () => {
    inScope(() => {
      const a = named("w", 1, { learningRate: 1, regularizer: new L2Decay(0.5) });
      const b = named("w", 7, { learningRate: 3 });
      expect(b.weight).toBe(a.weight);
      expect(valuesOf(b.weight)).toEqual([1, 1, 1, 1]);
      expect([a.weight.learningRate, a.weight.regularizer]).toEqual([3, null]);
      expect(a.weight.creators).toEqual(["linear_0", "linear_1"]);
    });
  });

  test("another shape names both creators", () => {
    inScope(() => {
      named("w", 1);
      expect(() => new Linear(2, 3, { weightAttr: "w" })).toThrow(
        /linear_0 made it float32\[2, 2\] and linear_1 asks for float32\[2, 3\]/,
      );
    });
  });

  test("another dtype names both creators", () => {
    const make = (dtype: "float32" | "float64") => createParameter([2], dtype, { attr: { name: "typed" } });
    make("float32");
    expect(() => make("float64")).toThrow(
      /"typed" .* createParameter made it float32\[2\] and createParameter asks for float64\[2\]/,
    );
  });

  test("gradients of all uses are summed and one step is made", () => {
    inScope(() => {
      const [a, b] = [named("w", 1), named("w", 1)];
      const opt = new Adam({ learningRate: 0.1, parameters: [a.weight, b.weight] });
      expect(opt.parameters).toHaveLength(1);
      sum(add(a(toTensor([[1, 2]])), b(toTensor([[10, 20]])))).backward();
      expect(valuesOf(a.weight.grad!)).toEqual([11, 11, 22, 22]);
      opt.step();
      expect((opt.stateDict()["w_beta1_pow_acc_0"] as Tensor).dataSync()[0]).toBeCloseTo(0.81, 6);
    });
  });

  test("after an update the name cannot be joined; both creators and the cure are named", () => {
    inScope(() => {
      const a = named("w", 1);
      sum(a(toTensor([[1, 2]]))).backward();
      new SGD({ learningRate: 0.1, parameters: a.parameters() }).step();
      expect(() => named("w", 1)).toThrow(
        /"w" belongs to linear_0, and it was updated.*linear_1 asks.*\n.*uniqueName\.guard/,
      );
      expect(inScope(() => named("w", 5).weight)).not.toBe(a.weight);
    });
  });

  test("after a loaded value, too", () => {
    inScope(() => {
      named("w", 1).setStateDict({
        weight: [
          [1, 2],
          [3, 4],
        ],
        bias: [0, 0],
      });
      expect(() => named("w", 1)).toThrow(expect.objectContaining({ name: "AlreadyExistsError" }));
    });
  });

  test("a generated name is never joined", () => {
    inScope(() => {
      new Linear(2, 2);
      expect(() => new Linear(2, 2, { weightAttr: "linear_0.w_0" })).toThrow("generated it");
    });
  });

  test("strictPaddle refuses the second creation", () => {
    setFlags({ strictPaddle: true });
    inScope(() => {
      named("w", 1);
      expect(() => named("w", 1)).toThrow("strictPaddle allows a name once");
    });
  });

  test("an Embedding with paddingIdx zeroes the row and stays joinable", () => {
    inScope(() => {
      const attr = new ParamAttr({ name: "e", initializer: new Constant(1) });
      const [a, b] = [new Embedding(3, 2, 1, { weightAttr: attr }), new Embedding(3, 2, { weightAttr: attr })];
      expect(b.weight).toBe(a.weight);
      expect(valuesOf(a.weight)).toEqual([1, 1, 0, 0, 1, 1]);
    });
  });
});

describe("Parameter", () => {
  const make = (attr: object = {}): Parameter => inScope(() => createParameter([2, 2], "float32", { attr }))!;

  test("settings are read and written, and know their source", () => {
    const p = make({ learningRate: 2 });
    expect(p.sourceOf("learningRate")).toBe("ParamAttr");
    expect(p.sourceOf("regularizer")).toBe("default");
    p.optimizeAttr.learningRate = 3;
    p.regularizer = new L2Decay(0.1);
    p.trainable = false;
    expect([p.learningRate, p.sourceOf("learningRate"), p.sourceOf("regularizer")]).toEqual([
      3,
      "assigned",
      "assigned",
    ]);
    expect([p.stopGradient, p.sourceOf("trainable")]).toEqual([true, "assigned"]);
    expect(() => (p.learningRate = "a" as unknown as number)).toThrow("learningRate");
    expect(() => (p.trainable = 1 as unknown as boolean)).toThrow("boolean");
  });

  test("setValue takes arrays, typed arrays and tensors, and checks the shape", () => {
    const p = make();
    expect(
      valuesOf(
        p.setValue([
          [1, 2],
          [3, 4],
        ]),
      ),
    ).toEqual([1, 2, 3, 4]);
    expect(valuesOf(p.setValue(Float64Array.of(5, 6, 7, 8)))).toEqual([5, 6, 7, 8]);
    expect(
      valuesOf(
        p.setValue(
          toTensor(
            [
              [9, 9],
              [9, 9],
            ],
            { dtype: "int32" },
          ),
        ),
      ),
    ).toEqual([9, 9, 9, 9]);
    expect(() => p.setValue([1, 2])).toThrow("is [2, 2], the value [2]");
    setFlags({ strictPaddle: true });
    expect(() =>
      p.setValue([
        [1, 2],
        [3, 4],
      ]),
    ).toThrow("strictPaddle");
    expect(() => p.setValue(Float64Array.of(5, 6, 7, 8))).toThrow("float64");
  });

  test("a value that a gradient was computed from must not change before backward", () => {
    const fc = new Linear(2, 2);
    const x = toTensor([[1, 2]], { stopGradient: false });
    const y = sum(fc(x));
    fc.weight.setValue([
      [1, 2],
      [3, 4],
    ]);
    expect(() => y.backward()).toThrow("changed in place");
  });

  test("initialize gives a new first value", () => {
    const p = make();
    p.initialize(new Constant(4));
    expect(valuesOf(p)).toEqual([4, 4, 4, 4]);
    expect([String(p.initializer), p.sourceOf("initializer")]).toEqual(["Constant(4)", "assigned"]);
  });

  test("initializers: ParamAttr over global over the layer's over the framework's", () => {
    setGlobalInitializer(new Constant(3), new Constant(4));
    const fc = new Linear(1, 2);
    const own = new Linear(1, 2, { weightAttr: new Constant(5) });
    setGlobalInitializer(null);
    expect([valuesOf(fc.weight), valuesOf(fc.bias!), valuesOf(own.weight)]).toEqual([
      [3, 3],
      [4, 4],
      [5, 5],
    ]);
    expect(fc.weight.sourceOf("initializer")).toBe("global initializer");
    expect(new Linear(1, 1).weight.sourceOf("initializer")).toBe("default");
    expect(valuesOf(new Linear(1, 2).bias!)).toEqual([0, 0]);
  });

  test("Assign of another shape is refused; an int64 parameter cannot be assigned", () => {
    expect(() => new Linear(2, 2, { weightAttr: new Assign([2, 2]) })).toThrow(
      "the parameter is [2, 2], the assigned values are [2]",
    );
    expect(() => createParameter([1], "int64", { attr: new Assign([1]) })).toThrow("int64");
    expect(() => createParameter([1], "int64")).toThrow("no default initializer");
    const source = toTensor([[1, 2]]);
    const fc = new Linear(1, 2, { weightAttr: new Assign(source), biasAttr: false });
    fc.weight.setValue([[5, 6]]);
    expect(valuesOf(source)).toEqual([1, 2]);
    expect(fc.bias).toBeNull();
  });

  test("names of createParameter", () => {
    inScope(() => {
      expect(createParameter([1])!.name).toBe("create_parameter_0.w_0");
      expect(createParameter([1], "float32", { isBias: true })!.name).toBe("create_parameter_1.b_0");
      expect(createParameter([1], "float32", { name: "given" })!.name).toBe("given");
      expect(createParameter([1], "float32", { name: "nm", attr: new Constant(1) })!.name).toBe("nm.w_0");
      expect(createParameter([1], "float32", { attr: false })).toBeNull();
    });
  });
});
