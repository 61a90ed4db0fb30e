// Reshaping rules: 0 and -1, unknown extents of Programs, what is refused.

import { describe, expect, test } from "vitest";
import { InvalidArgumentError } from "../core/errors.js";
import { inferCall } from "../trace/bind.js";
import { expandedShape } from "./broadcast.js";
import { concatOp, sliceOp, sliceRange } from "./concat.js";
import { flattenOp, resolveShape, squeezeOp, unsqueezeOp } from "./views.js";

describe("resolveShape", () => {
  test.each([
    [
      [2, 3, 4],
      [0, -1],
      [2, 12],
    ],
    [[2, 3, 4], [-1], [24]],
    [[], [-1], [1]],
    [
      [0, 4],
      [4, 0],
      [4, 0],
    ],
    [
      [0, 4],
      [-1, 4],
      [0, 4],
    ],
    [
      [-1, 28, 28],
      [0, -1],
      [-1, 784],
    ],
    [
      [-1, 28, 28],
      [-1, 784],
      [-1, 784],
    ],
    [
      [-1, 6],
      [0, 2, -1],
      [-1, 2, 3],
    ],
  ])("%j as %j is %j", (x, shape, want) => {
    expect(resolveShape(x, shape)).toEqual(want);
  });

  test.each([
    [
      [2, 3],
      [4, -1],
    ],
    [
      [2, 3],
      [-1, -1],
    ],
    [
      [2, 3],
      [-2, 3],
    ],
    [
      [2, 3],
      [2, 4],
    ],
    [[6], [2, 3, 0]],
  ])("%j as %j is refused", (x, shape) => {
    expect(() => resolveShape(x, shape)).toThrow(InvalidArgumentError);
  });
});

describe("unknown extents pass through inference", () => {
  const shapeOf = (op: Parameters<typeof inferCall>[0], x: number[], attrs: object): readonly number[] =>
    inferCall(op, [{ shape: x, dtype: "float32" }], attrs as Record<string, unknown>).outs["out"]!.shape;

  test("views, slices, concatenation, expansion", () => {
    expect(shapeOf(squeezeOp, [-1, 1, 3], { axes: [1] })).toEqual([-1, 3]);
    expect(shapeOf(unsqueezeOp, [-1, 3], { axes: [0, 3] })).toEqual([1, -1, 3, 1]);
    expect(shapeOf(flattenOp, [-1, 2, 3], { start: 1, stop: 2 })).toEqual([-1, 6]);
    expect(shapeOf(flattenOp, [-1, 2, 3], { start: 0, stop: 1 })).toEqual([-1, 3]);
    expect(shapeOf(sliceOp, [-1, 5], { axes: [1], starts: [-2], ends: [9], strides: [1] })).toEqual([-1, 2]);
    expect(shapeOf(concatOp, [-1, 5], { axis: 1 })).toEqual([-1, 5]);
    expect(expandedShape([-1, 1], [-1, 4], "expand")).toEqual([-1, 4]);
  });
});

describe("sliceRange follows Python", () => {
  // Reference: the length of range(*slice(start, stop, step).indices(n)), counted by stepping.
  const counted = (n: number, start: number, stop: number, step: number): number[] => {
    const wrap = (i: number): number => (i < 0 ? i + n : i);
    const [low, high] = step > 0 ? [0, n] : [-1, n - 1];
    const from = Math.min(Math.max(wrap(start), low), high);
    const to = Math.min(Math.max(wrap(stop), low), high);
    const out: number[] = [];
    for (let i = from; step > 0 ? i < to : i > to; i += step) out.push(i);
    return out;
  };

  test("all small slices", () => {
    for (const n of [0, 1, 5])
      for (let start = -7; start <= 7; start++)
        for (let stop = -7; stop <= 7; stop++)
          for (const step of [-3, -1, 1, 2]) {
            const want = counted(n, start, stop, step);
            const got = sliceRange(n, start, stop, step);
            expect(got.count).toBe(want.length);
            if (want.length > 0) expect(got.first).toBe(want[0]);
          }
  });
});
