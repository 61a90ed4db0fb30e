// x.at and x.setAt against NumPy's results for the same indices, gradients of assignments, refused indices.

import { describe, expect, test } from "vitest";
import { InvalidArgumentError, OutOfRangeError, PreconditionNotMetError } from "../core/errors.js";
import type { IndexItem } from "./indexing.js";
import { grad, ones, type Tensor, toTensor } from "./index.js";

/** x[i, j, k] = 20 i + 5 j + k, of shape [3, 4, 5]. */
const cube = (): Tensor =>
  toTensor(
    Array.from({ length: 3 }, (_, i) =>
      Array.from({ length: 4 }, (_, j) => Array.from({ length: 5 }, (_, k) => 20 * i + 5 * j + k)),
    ),
  );
const int64 = (list: number[] | number[][]): Tensor => toTensor(list, { dtype: "int64" });

describe("at", () => {
  // Expectations: the formula of the cube at the indices NumPy's rules choose.
  const cases: [string, IndexItem[], number[], (...o: number[]) => number][] = [
    ["an integer", [1], [4, 5], (j, k) => 20 + 5 * j + k],
    ["a negative step", ["::-2"], [2, 4, 5], (i, j, k) => 20 * (2 - 2 * i) + 5 * j + k],
    ["ellipsis and a new axis", ["...", null, -1], [3, 4, 1], (i, j) => 20 * i + 5 * j + 4],
    ["an object slice", [{ start: 1 }, { stop: 2 }], [2, 2, 5], (i, j, k) => 20 * (i + 1) + 5 * j + k],
    ["indices together", [":", int64([0, 3]), int64([1, 2])], [3, 2], (i, n) => 20 * i + [1, 17][n]!],
    ["indices apart go first", [int64([0, 2]), ":", int64([1, 3])], [2, 4], (n, j) => [1, 43][n]! + 5 * j],
    ["an integer beside an index joins it", [0, ":", int64([1, 3])], [2, 4], (n, j) => [1, 3][n]! + 5 * j],
    ["indices broadcast", [int64([[0], [2]]), int64([1, 3])], [2, 2, 5], (a, n, k) => 40 * a + 5 * [1, 3][n]! + k],
    ["a mask of one axis", [":", [true, false, false, true]], [3, 2, 5], (i, n, k) => 20 * i + 15 * n + k],
    [
      "an index with a repeated and a negative place",
      [int64([-1, 0, -1])],
      [3, 4, 5],
      (n, j, k) => [40, 0, 40][n]! + 5 * j + k,
    ],
  ];

  test.each(cases)("%s", async (_, items, shape, value) => {
    const got = cube().at(...items);
    expect(got.shape).toEqual(shape);
    const flat = [...(await got.data("float32"))];
    const strides = shape.map((_, a) => shape.slice(a + 1).reduce((n, e) => n * e, 1));
    expect(flat).toEqual(flat.map((_, p) => value(...shape.map((n, a) => Math.floor(p / strides[a]!) % n))));
  });

  test("refuses what is no index", () => {
    const x = cube();
    expect(() => x.at(3)).toThrow(OutOfRangeError);
    expect(() => x.at(int64([0, 7]))).toThrow(OutOfRangeError);
    expect(() => x.at(0, 0, 0, 0)).toThrow(OutOfRangeError);
    expect(() => x.at("1-3")).toThrow(InvalidArgumentError);
    expect(() => x.at("...", "...")).toThrow(InvalidArgumentError);
    expect(() => x.at("::0")).toThrow(InvalidArgumentError);
    expect(() => x.at([true, false])).toThrow(InvalidArgumentError);
    expect(() => x.at(1.5)).toThrow(OutOfRangeError);
  });

  test("the gradient of repeated indices adds up", async () => {
    const x = cube();
    x.stopGradient = false;
    const [g] = grad([x.at(int64([1, 1, 0]), 0)], [x]);
    const want = new Array<number>(60).fill(0);
    for (let k = 0; k < 5; k++) {
      want[k] = 1;
      want[20 + k] = 2;
    }
    expect([...(await g!.data("float32"))]).toEqual(want);
  });
});

describe("setAt", () => {
  const changed = async (
    items: IndexItem[],
    value: Parameters<Tensor["setAt"]>[1],
    at: (i: number, j: number, k: number) => number | undefined,
  ) => {
    const x = cube();
    x.setAt(items, value);
    const got = [...(await x.data("float32"))];
    expect(got).toEqual(got.map((_, p) => at(Math.floor(p / 20), Math.floor(p / 5) % 4, p % 5) ?? p));
  };

  test("slices, integers, new axes", async () => {
    await changed([1], 7, (i) => (i === 1 ? 7 : undefined));
    await changed([":", "1:3"], [[0], [1]], (_, j) => (j === 1 || j === 2 ? j - 1 : undefined));
    await changed(["1:", "::-1", null, 0], [[[5], [6], [7], [8]]], (i, j, k) => (i > 0 && k === 0 ? 8 - j : undefined));
  });

  test("indices and masks", async () => {
    await changed(
      [int64([0, 2]), ":", int64([1, 3])],
      [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
      (i, j, k) => {
        if (i === 0 && k === 1) return 1 + j;
        return i === 2 && k === 3 ? 5 + j : undefined;
      },
    );
    await changed([1, int64([0, 3])], [1, 2, 3, 4, 5], (i, j, k) =>
      i === 1 && (j === 0 || j === 3) ? 1 + k : undefined,
    );
    await changed(["...", [true, false, false, false, true]], -1, (_, __, k) => (k === 0 || k === 4 ? -1 : undefined));
  });

  test("gradients flow to what stays and to the value", async () => {
    const x = cube();
    const value = toTensor([1, 2, 3, 4, 5]);
    x.stopGradient = value.stopGradient = false;
    const y = x.multiply(2);
    y.setAt([0, "1:3"], value);
    const [dx, dv] = grad([y], [x, value]);
    expect(await dv!.tolist()).toEqual([2, 2, 2, 2, 2]);
    const want = Array.from({ length: 60 }, (_, p) => (p >= 5 && p < 15 ? 0 : 2));
    expect([...(await dx!.data("float32"))]).toEqual(want);
  });

  test("a leaf that needs a gradient and a value that does not fit are refused", () => {
    const x = cube();
    expect(() => x.setAt([0], ones([3, 5]))).toThrow(InvalidArgumentError);
    x.stopGradient = false;
    expect(() => x.setAt([0], 1)).toThrow(PreconditionNotMetError);
  });
});
