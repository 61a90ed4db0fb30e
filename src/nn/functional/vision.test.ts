// Resampling and folding by what they must keep: ramps stay ramps, identity maps give images back, folds count windows.

import { describe, expect, test } from "vitest";
import { assemble } from "../../tensor/assemble.js";
import type { Tensor } from "../../tensor/tensor.js";
import { toTensor } from "../../tensor/to-tensor.js";
import { fromArray, toArray } from "../../trace/eager.js";
import { fold, unfold } from "./fold.js";
import { affineGrid, gridSample, interpolate } from "./vision.js";

assemble();

const values = (x: Tensor): number[] => Array.from(toArray(x).data as Float64Array);
const image = (h: number, w: number, f: (y: number, x: number) => number): Tensor =>
  fromArray({
    dtype: "float64",
    shape: [1, 1, h, w],
    data: Float64Array.from({ length: h * w }, (_, i) => f(Math.floor(i / w), i % w)),
  }) as Tensor;
const bumpy = (y: number, x: number): number => Math.sin(3 * y + 1) + Math.cos(2 * x);

describe("interpolate", () => {
  test("a ramp between fixed corners stays a ramp", () => {
    const ramp = image(3, 5, (y, x) => 4 * y + x);
    const got = values(interpolate(ramp, { size: [5, 9], mode: "bilinear", alignCorners: true }));
    got.forEach((v, i) => expect(v).toBeCloseTo(2 * Math.floor(i / 9) + (i % 9) / 2, 6));
  });

  test("the nearest of a doubled image repeats elements", () => {
    const got = values(interpolate(image(2, 3, bumpy), { scaleFactor: 2 }));
    got.forEach((v, i) => expect(v).toBe(bumpy(Math.floor(i / 6 / 2), Math.floor((i % 6) / 2))));
  });

  test("equal extents change nothing, whatever the mode", () => {
    const x = image(4, 4, bumpy);
    for (const mode of ["nearest", "bilinear", "bicubic", "area"] as const)
      values(interpolate(x, { size: 4, mode })).forEach((v, i) =>
        expect(v).toBeCloseTo(bumpy(Math.floor(i / 4), i % 4), 6),
      );
  });

  test("cubic values recorded from Paddle 3.3.1", () => {
    const planes = [0, 1].map((c) => [0, 1, 2].map((y) => [0, 1, 2, 3].map((i) => (c * 12 + y * 4 + i) % 7)));
    const batch = toTensor([planes]);
    const want = [
      0.92491364, 1.41796875, 2.25648761, 2.9577868, 2.68945312, 2.10746312, 1.73350787, 2.2265625, 3.0650816,
      3.76638079, 3.49804688, 2.91605687, 4.07152176, 5.21655273, 4.88308954, 1.5800482, 1.09790039, 2.09852433,
      5.37144852, 2.66442871, 0.35253087, 1.47803855, 2.43713379, 2.90711808,
    ];
    const got = Array.from(toArray(interpolate(batch, { size: [2, 6], mode: "bicubic" })).data as Float32Array);
    got.forEach((v, i) => expect(v).toBeCloseTo(want[i]!, 4));
  });

  test("refuses what the rank has not, and size with scaleFactor", () => {
    const x = image(2, 2, bumpy);
    expect(() => interpolate(x, { size: [4, 4], mode: "linear" })).toThrow(/rank 3/);
    expect(() => interpolate(x, { size: [4, 4], scaleFactor: 2 })).toThrow(/one of size and scaleFactor/);
    expect(() => interpolate(x, { size: [4, 4], alignCorners: true })).toThrow(/alignCorners/);
  });
});

describe("gridSample", () => {
  test("the identity map gives the image back", () => {
    const x = image(4, 5, bumpy);
    const identity = fromArray({
      dtype: "float64",
      shape: [1, 2, 3],
      data: Float64Array.from([1, 0, 0, 0, 1, 0]),
    }) as Tensor;
    for (const alignCorners of [true, false]) {
      const grid = affineGrid(identity, [1, 1, 4, 5], { alignCorners });
      expect(grid.shape).toEqual([1, 4, 5, 2]);
      values(gridSample(x, grid, { alignCorners })).forEach((v, i) =>
        expect(v).toBeCloseTo(bumpy(Math.floor(i / 5), i % 5), 10),
      );
    }
  });

  test("what lies outside: zeros, the border, the mirror image", () => {
    const x = image(1, 3, (_, i) => i + 1);
    const at = fromArray({ dtype: "float64", shape: [1, 1, 2, 2], data: Float64Array.from([2, 0, -2.5, 0]) }) as Tensor;
    const sample = (paddingMode: "zeros" | "border" | "reflection"): number[] =>
      values(gridSample(x, at, { paddingMode }));
    // Elements stand at -1, 0 and 1: 2 is one element behind the last, -2.5 one and a half before the first.
    expect(sample("zeros")).toEqual([0, 0]);
    expect(sample("border")).toEqual([3, 1]);
    expect(sample("reflection")).toEqual([2, 2.5]);
  });
});

describe("fold", () => {
  test("folded windows count how often each element was in one", () => {
    const x = image(4, 5, bumpy);
    const back = values(fold(unfold(x, [2, 3]), [4, 5], [2, 3]));
    const times = (i: number, n: number, size: number): number => {
      let count = 0;
      for (let o = 0; o + size <= n; o++) if (i >= o && i < o + size) count++;
      return count;
    };
    back.forEach((v, i) => {
      const [y, c] = [Math.floor(i / 5), i % 5];
      expect(v).toBeCloseTo(bumpy(y, c) * times(y, 4, 2) * times(c, 5, 3), 10);
    });
  });

  test("a size with another number of windows is refused", () => {
    expect(() => fold(unfold(image(4, 5, bumpy), 2), [4, 4], 2)).toThrow(/windows/);
  });
});
