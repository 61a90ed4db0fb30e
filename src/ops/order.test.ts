// Sorting, selecting, running and counting against JavaScript's own sort and plain loops, NaN and ties included.

import { describe, expect, test } from "vitest";
import { ndArray } from "../core/nd-array.js";
import { assemble } from "../tensor/assemble.js";
import { fromArray, toArray } from "../trace/eager.js";
import type { Value } from "../program/value.js";
import { bincount, histogram, rowOrder, rowRuns } from "./count.js";
import { cummax, cumprod, cumsum, logcumsumexp } from "./cumulative.js";
import { argmax, argmin, searchsorted } from "./search.js";
import { argsort, mode, topk } from "./sort.js";
import { reshape } from "./views.js";

assemble();

const line = (...x: number[]): Value => fromArray(ndArray("float32", [x.length], Float32Array.from(x)));
const data = (v: Value): number[] => Array.from(toArray(v).data as ArrayLike<number | bigint>, Number);

/** Numbers with many ties. */
const ties = (n: number): number[] => Array.from({ length: n }, (_, i) => Math.round(4 * Math.sin(i * 2.1)));

describe("sorting", () => {
  test.each([1, 2, 7, 64, 1000])("%i elements, stable both ways", (n) => {
    const x = ties(n);
    for (const descending of [false, true]) {
      const order = x.map((_, i) => i).sort((i, j) => (descending ? x[j]! - x[i]! : x[i]! - x[j]!));
      const [values, indices] = argsort(line(...x), 0, descending);
      expect(data(indices)).toEqual(order);
      expect(data(values)).toEqual(order.map((i) => x[i]!));
    }
  });

  test("NaN counts as the largest", () => {
    const x = line(3, NaN, 1, NaN, 2);
    expect(data(argsort(x, 0)[1])).toEqual([2, 4, 0, 1, 3]);
    expect(data(argsort(x, 0, true)[1])).toEqual([1, 3, 0, 4, 2]);
    expect(data(topk(x, 3, 0)[0])).toEqual([NaN, NaN, 3]);
    expect(data(topk(x, 2, 0, false)[0])).toEqual([1, 2]);
  });

  test("along an axis that is not the last", () => {
    const x = reshape(line(3, 1, 2, 5, 0, 4), [3, 2]);
    expect(data(argsort(x, 0)[0])).toEqual([0, 1, 2, 4, 3, 5]);
  });

  test.each([1, 5, 64, 65, 300])("the best %i of 300 are the first of the sorted", (k) => {
    const x = ties(300).map((v, i) => v + i / 1000);
    const sorted = x.map(Math.fround).sort((a, b) => b - a);
    expect(data(topk(line(...x), k, 0)[0])).toEqual(sorted.slice(0, k));
  });

  test("the smallest of the most frequent, at its last place", () => {
    const [values, indices] = mode(line(3, 1, 1, 3, 2), 0);
    expect([data(values), data(indices)]).toEqual([[1], [2]]);
  });
});

describe("running", () => {
  test("sums, products, maxima and log-sums", () => {
    const x = line(1, 3, 2, 3);
    expect(data(cumsum(x, 0))).toEqual([1, 4, 6, 9]);
    expect(data(cumsum(x, 0, true, true))).toEqual([8, 5, 3, 0]);
    expect(data(cumprod(x, 0))).toEqual([1, 3, 6, 18]);
    expect(cummax(x, 0, "int64").map(data)).toEqual([
      [1, 3, 3, 3],
      [0, 1, 1, 3],
    ]);
    let sum = 0;
    data(logcumsumexp(line(1, 1000, -5), 0)).forEach((v, i) => {
      sum = i === 0 ? 1 : 1000;
      expect(v).toBeCloseTo(sum, 4);
    });
  });
});

describe("searching and counting", () => {
  test("first of equal extremes", () => {
    expect(data(argmax(line(1, 5, 5, 0), 0))).toEqual([1]);
    expect(data(argmin(line(1, 0, 5, 0), 0))).toEqual([1]);
  });

  test("insertion points on both sides of equal elements", () => {
    const sorted = line(1, 3, 3, 9);
    expect(data(searchsorted(sorted, line(0, 3, 10, NaN)))).toEqual([0, 1, 4, 4]);
    expect(data(searchsorted(sorted, line(1, 3, 9), true))).toEqual([1, 3, 4]);
  });

  test("bins are half open, the last one closed", () => {
    const scalar = (x: number): Value => reshape(line(x), []);
    const counts = histogram(line(0, 1, 1.5, 4, 5), scalar(0), scalar(4), 4, { dtype: "int64" });
    expect(data(counts)).toEqual([1, 2, 0, 1]);
    const integers = fromArray(ndArray("int64", [4], BigInt64Array.from([1n, 3n, 1n, 0n])));
    expect(data(bincount(integers, undefined, 5))).toEqual([1, 2, 0, 1, 0]);
  });

  test("rows in order, and their runs", () => {
    const rows = reshape(line(2, 1, 1, 5, 2, 0, 1, 5), [4, 2]);
    expect(data(rowOrder(rows))).toEqual([1, 3, 2, 0]);
    const [first, counts, group, total] = rowRuns(reshape(line(1, 5, 1, 5, 2, 0), [3, 2]));
    expect([first, counts, group, total].map(data)).toEqual([[0, 2, 0], [2, 1, 0], [0, 0, 1], [2]]);
  });
});
