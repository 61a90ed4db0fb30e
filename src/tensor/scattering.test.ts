// Functions that put values at indices: sums in order, reductions, complex and half types, equal bits for any number of threads.

import { describe, expect, test } from "vitest";
import { InvalidArgumentError, OutOfRangeError } from "../core/errors.js";
import { concat, grad, type Tensor, toTensor, zeros } from "./index.js";

const int64 = (list: number[] | number[][]): Tensor => toTensor(list, { dtype: "int64" });

describe("adding rows at indices", () => {
  const indices = Array.from({ length: 300 }, (_, i) => (i * i * 7 + 3 * i) % 11);
  const value = (i: number, c: number): number => ((i * 31 + c * 17) % 23) / 8 - 1;

  test.each([1, 5, 700])("%d columns: sums in the order of the indices", async (columns) => {
    const updates = toTensor(indices.map((_, i) => Array.from({ length: columns }, (_, c) => value(i, c))));
    const got = await zeros([11, columns]).indexAdd(int64(indices), 0, updates).data("float32");
    const want = new Float32Array(11 * columns);
    indices.forEach((row, i) => {
      for (let c = 0; c < columns; c++) want[row * columns + c] = Math.fround(want[row * columns + c]! + value(i, c));
    });
    expect([...got]).toEqual([...want]);
  });

  test("the gradient of a gather is that sum; complex and half types too", async () => {
    for (const dtype of ["float64", "complex64", "bfloat16"] as const) {
      const x = toTensor(
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        { dtype, stopGradient: false },
      );
      const [g] = grad([x.gather(int64([2, 0, 2]))], [x]);
      expect(await g!.astype("float32").tolist()).toEqual([
        [1, 1],
        [0, 0],
        [2, 2],
      ]);
    }
  });

  test("both parts of complex numbers move and add", async () => {
    const data = Float32Array.of(1, -1, 2, -2, 3, -3);
    const x = toTensor({ dtype: "complex64", shape: [3], data });
    expect(await concat([x, x.gather(int64([2, 0]))]).tolist()).toEqual([1, 2, 3, 3, 1].map((n) => [n, -n]));
    expect(await x.indexAdd(int64([0, 0]), 0, x.gather(int64([1, 2]))).tolist()).toEqual([6, 2, 3].map((n) => [n, -n]));
  });
});

describe("putAlongAxis", () => {
  const x = (): Tensor =>
    toTensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  const index = int64([
    [0, 0],
    [2, 1],
  ]);
  const values = toTensor([
    [10, 20],
    [30, 40],
  ]);

  // By hand from the definition: each value meets what is at its place.
  test.each([
    [
      "assign",
      true,
      [
        [20, 2, 3],
        [4, 40, 30],
      ],
    ],
    [
      "add",
      true,
      [
        [31, 2, 3],
        [4, 45, 36],
      ],
    ],
    [
      "add",
      false,
      [
        [30, 2, 3],
        [4, 40, 30],
      ],
    ],
    [
      "multiply",
      true,
      [
        [200, 2, 3],
        [4, 200, 180],
      ],
    ],
    [
      "amax",
      true,
      [
        [20, 2, 3],
        [4, 40, 30],
      ],
    ],
    [
      "amin",
      true,
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ],
    [
      "amin",
      false,
      [
        [10, 2, 3],
        [4, 40, 30],
      ],
    ],
    [
      "mean",
      false,
      [
        [15, 2, 3],
        [4, 40, 30],
      ],
    ],
  ] as const)("%s, include self %s", async (reduce, includeSelf, want) => {
    const got = x().putAlongAxis(index, values, 1, { reduce, includeSelf, broadcast: false });
    expect(await got.tolist()).toEqual(want);
  });

  test("columns go in vectors", async () => {
    const wide = 40;
    const rows = Array.from({ length: 3 }, (_, r) => Array.from({ length: wide }, (_, c) => (r * 5 + c) % 4));
    const got = await zeros([4, wide]).putAlongAxis(int64(rows), 1, 0, { reduce: "add" }).tolist();
    const want = Array.from({ length: 4 }, (_, r) =>
      Array.from({ length: wide }, (_, c) => rows.filter((row) => row[c] === r).length),
    );
    expect(got).toEqual(want);
  });

  test("refuses bad indices and reductions", () => {
    expect(() => x().putAlongAxis(int64([[3], [0]]), 1, 1)).toThrow(OutOfRangeError);
    expect(() => x().putAlongAxis(int64([0]), 1, 1)).toThrow(InvalidArgumentError);
    expect(() => x().gather(int64([2]))).toThrow(OutOfRangeError);
    expect(() => x().scatter(int64([0]), zeros([1, 4]))).toThrow(InvalidArgumentError);
  });
});
