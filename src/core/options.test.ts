// Tests of the options reader: what is an options object, bare arguments, unknown keys and their suggestion.

import { describe, expect, it } from "vitest";
import { InvalidArgumentError } from "./errors.js";
import { checkOptions, isOptions, namedOptions, splitOptions } from "./options.js";

const sumKeys = ["axis", "dtype", "keepdim"] as const;
interface SumOptions {
  axis?: number;
  dtype?: string;
  keepdim?: boolean;
}
interface StepOptions {
  learningRate: number;
  stepSize: number;
  gamma?: number;
}
const stepKeys = ["learningRate", "stepSize", "gamma"] as const;

describe("isOptions", () => {
  it("takes plain objects and objects without a prototype only", () => {
    expect(isOptions({})).toBe(true);
    expect(isOptions(Object.create(null))).toBe(true);
    class Point {}
    for (const x of [null, undefined, 1, "a", [], new Point(), new Float32Array(1), () => 0])
      expect(isOptions(x)).toBe(false);
  });

  it("does not take an NdArray", () => {
    expect(isOptions({ dtype: "float32", shape: [1], data: new Float32Array(1) })).toBe(false);
  });
});

describe("checkOptions", () => {
  it("returns what was given", () => {
    const given = { axis: 1 };
    expect(checkOptions("sum", given, sumKeys)).toBe(given);
    expect(checkOptions("sum", undefined, sumKeys)).toEqual({});
  });

  it("suggests the nearest key", () => {
    const call = () => checkOptions("sum", { keepdims: true }, sumKeys);
    expect(call).toThrow(InvalidArgumentError);
    expect(call).toThrow(/\[sum\].*"keepdims"[\s\S]*Did you mean "keepdim"\?/);
  });

  it("lists the keys where none is near", () => {
    expect(() => checkOptions("sum", { banana: true }, sumKeys)).toThrow(/The options are axis, dtype, keepdim/);
  });
});

describe("splitOptions", () => {
  const split = (...rest: unknown[]) => splitOptions<SumOptions>("sum", rest, sumKeys);

  it("reads a bare value, options, both and neither", () => {
    expect(split()).toEqual({});
    expect(split(1)).toEqual({ axis: 1 });
    expect(split(undefined)).toEqual({});
    expect(split({ keepdim: true })).toEqual({ keepdim: true });
    expect(split(1, { keepdim: true })).toEqual({ axis: 1, keepdim: true });
    expect(split(undefined, { keepdim: true })).toEqual({ keepdim: true });
    expect(split(null)).toEqual({ axis: null });
  });

  it("refuses a parameter given twice and too many arguments", () => {
    expect(() => split(1, { axis: 0 })).toThrow(/axis is given twice/);
    expect(() => split(1, "float64")).toThrow(/too many arguments[\s\S]*dtype, keepdim/);
  });

  it("lets a table allow more bare values", () => {
    expect(splitOptions<SumOptions>("clip", [1, 2], ["axis", "dtype"], 2)).toEqual({ axis: 1, dtype: 2 });
  });
});

describe("namedOptions", () => {
  const named = (...args: unknown[]) => namedOptions<StepOptions>("StepDecay", args, stepKeys, 2);

  it("takes one object, positional required ones, and the first default bare", () => {
    const all = { learningRate: 1, stepSize: 2, gamma: 0.5 };
    expect(named(all)).toEqual(all);
    expect(named(1, 2)).toEqual({ learningRate: 1, stepSize: 2 });
    expect(named(1, 2, 0.5)).toEqual(all);
    expect(named(1, { stepSize: 2, gamma: 0.5 })).toEqual(all);
  });

  it("names what is missing", () => {
    expect(() => named(1)).toThrow(/stepSize is required/);
    expect(() => named()).toThrow(/learningRate is required/);
  });
});
