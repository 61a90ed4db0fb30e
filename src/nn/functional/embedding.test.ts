// Embedding: rows, padding, the gradient's sums for many repeated ids, renormalisation, frequency; one-hot and masks.

import { describe, expect, test } from "vitest";
import { InvalidArgumentError, OutOfRangeError } from "../../core/errors.js";
import type { Tensor } from "../../tensor/tensor.js";
import { toTensor } from "../../tensor/to-tensor.js";
import { sum } from "../../tensor/reduction.js";
import { multiply } from "../../tensor/math.js";
import { embedding, labelSmooth, oneHot, sequenceMask } from "./embedding.js";

const ints = (data: readonly number[], shape: readonly number[] = [data.length]): Tensor =>
  toTensor({ dtype: "int64", shape, data: BigInt64Array.from(data, BigInt) });

/** Small whole numbers: sums of them are exact in float32, whatever their order. */
const whole = (n: number, seed: number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => ((i * seed) % 17) - 8);

describe("embedding", () => {
  test.each([
    [50, 3, 400],
    [1000, 100, 5000],
    [7, 70, 2000],
  ])("gradient of a table [%i, %i] with %i ids", (rows, columns, n) => {
    const weight = toTensor(
      { dtype: "float32", shape: [rows, columns], data: whole(rows * columns, 5) },
      { stopGradient: false },
    );
    const ids = Array.from({ length: n }, (_, i) => (i * i + 3 * i) % rows);
    const factor = whole(n * columns, 7);
    const out = embedding(ints(ids), weight, { paddingIdx: 1 });
    sum(multiply(out, toTensor({ dtype: "float32", shape: [n, columns], data: factor }))).backward();
    const want = new Float32Array(rows * columns);
    ids.forEach((id, i) => {
      for (let c = 0; c < columns; c++) if (id !== 1) want[id * columns + c]! += factor[i * columns + c]!;
    });
    expect(weight.grad!.dataSync("float32")).toEqual(want);
    const taken = out.dataSync("float32");
    const table = weight.dataSync("float32");
    ids.forEach((id, i) => {
      const row = taken.subarray(i * columns, (i + 1) * columns);
      expect(row).toEqual(id === 1 ? new Float32Array(columns) : table.slice(id * columns, (id + 1) * columns));
    });
  });

  test("half types sum in float32", async () => {
    const weight = toTensor([[1], [2]]).astype("float16");
    weight.stopGradient = false;
    sum(embedding(ints(new Array<number>(3000).fill(1)), weight)).backward();
    // One by one in float16 the sum would stop at 2048.
    expect(await weight.grad!.astype("float32").tolist()).toEqual([[0], [3000]]);
  });

  test("maxNorm scales the used rows in place, scaleGradByFreq divides", async () => {
    const table = toTensor(
      [
        [3, 4],
        [30, 40],
      ],
      { stopGradient: false },
    );
    embedding(ints([0]), table, { maxNorm: 1 });
    expect(table.dataSync("float32")[0]).toBeCloseTo(0.6, 5);
    expect(table.dataSync("float32")[3]).toBe(40);
    sum(embedding(ints([0, 1, 0]), table, { scaleGradByFreq: true })).backward();
    expect(await table.grad!.tolist()).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  test("bad ids", () => {
    const table = toTensor([[1], [2]]);
    expect(() => embedding(ints([2]), table)).toThrow(OutOfRangeError);
    expect(() => embedding(ints([-1]), table)).toThrow(OutOfRangeError);
    expect(() => embedding(ints([0]), table, { paddingIdx: 2 })).toThrow(OutOfRangeError);
    expect(() => embedding(toTensor([0.5]), table)).toThrow(InvalidArgumentError);
  });
});

test("oneHot, labelSmooth, sequenceMask", async () => {
  expect(await oneHot(ints([1, 0]), 2).tolist()).toEqual([
    [0, 1],
    [1, 0],
  ]);
  expect(await oneHot(ints([2])).tolist()).toEqual([[0, 0, 1]]);
  expect(() => oneHot(ints([3]), 3)).toThrow(OutOfRangeError);
  expect(await labelSmooth(toTensor([[0, 1]]), { epsilon: 0.5 }).tolist()).toEqual([[0.25, 0.75]]);
  expect(await sequenceMask(ints([2, 0]), 3).tolist()).toEqual([
    [1, 1, 0],
    [0, 0, 0],
  ]);
});
