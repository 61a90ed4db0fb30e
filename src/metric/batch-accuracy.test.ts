// metric.accuracy against values that Paddle 3.3.1 gave.

import { describe, expect, it } from "vitest";
import { InvalidArgumentError } from "../core/errors.js";
import { compile } from "../jit/compile.js";
import { toTensor } from "../tensor/to-tensor.js";
import { accuracy } from "./batch-accuracy.js";

const scores = toTensor([
  [0.1, 0.9, 0.3],
  [0.4, 0.3, 0.3],
  [0.2, 0.2, 0.6],
  [0.5, 0.1, 0.4],
]);
const labels = toTensor([[1n], [2n], [2n], [2n]]);

describe("metric.accuracy", () => {
  it.each([
    [1, 0.5],
    [2, 0.75],
    [3, 1],
  ])("of the %i highest", async (k, expected) => {
    const result = accuracy(scores, labels, k);
    expect([result.shape, result.dtype, result.stopGradient]).toEqual([[], "float32", true]);
    expect(await result.item()).toBe(expected);
  });

  it("fills correct and total", async () => {
    const [correct, total] = [toTensor(Int32Array.of(0)), toTensor(Int32Array.of(0))];
    accuracy(scores, labels, { k: 2, correct, total });
    expect([await correct.item(), await total.item()]).toEqual([3, 4]);
  });

  it("is the same in a compiled step", async () => {
    expect(await compile(() => accuracy(scores, labels))().item()).toBe(0.5);
  });

  it("refuses labels that are not one a row, and k beyond the classes", () => {
    expect(() => accuracy(scores, toTensor([1n, 2n, 2n, 2n]))).toThrow(InvalidArgumentError);
    expect(() => accuracy(scores, toTensor([[1n], [2n]]))).toThrow("label [2, 1]");
    expect(() => accuracy(scores, labels, 4)).toThrow("from 1 to 3");
  });
});
