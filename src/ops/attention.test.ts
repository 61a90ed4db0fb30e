// Gradients of attention by central differences: several blocks of queries and keys, shared heads, causal, masks that train, dropout.

import { expect, test } from "vitest";
import { fromArray, toArray } from "../trace/eager.js";
import { attention } from "./attention.js";
import { checkDifferences, sampled } from "./differences.test-util.js";

const plain = { scale: 0.6, divisor: 1, causal: false };

test("shared heads, more keys than a block", () => {
  checkDifferences(
    [sampled([2, 5, 4, 3], 1), sampled([2, 67, 2, 3], 2), sampled([2, 67, 2, 6], 3)],
    (q, key, value) => [attention({ q: q!, key: key!, value: value! }, plain)],
  );
});

test("causal, more queries than a block", () => {
  checkDifferences(
    [1, 2, 3].map((seed) => sampled([1, 70, 2, 4], seed)),
    (q, key, value) => [attention({ q: q!, key: key!, value: value! }, { ...plain, causal: true })],
  );
});

test("a mask that trains, shared by batches, with dropout", () => {
  const kept = Uint8Array.from({ length: 2 * 2 * 3 * 5 }, (_, i) => (i % 4 === 0 ? 0 : 1));
  const keep = () => fromArray({ dtype: "uint8", shape: [2, 2, 3, 5], data: kept });
  const inputs = [
    sampled([2, 3, 2, 4], 1),
    sampled([2, 5, 1, 4], 2),
    sampled([2, 5, 1, 4], 3),
    sampled([1, 2, 3, 5], 4),
  ];
  checkDifferences(inputs, (q, key, value, mask) => [
    attention({ q: q!, key: key!, value: value!, mask, keep: keep() }, { ...plain, divisor: 0.7 }),
  ]);
});

test("hidden keys take no part, whole blocks of them neither", () => {
  const [q, key, value] = [sampled([1, 2, 1, 3], 1), sampled([1, 80, 1, 3], 2), sampled([1, 80, 1, 3], 3)];
  const hidden = Float64Array.from({ length: 160 }, (_, i) => (i % 80 < 70 ? -Infinity : 0));
  const mask = fromArray({ dtype: "float64", shape: [1, 1, 2, 80], data: hidden });
  const seen = (a: typeof key) => fromArray({ ...a, shape: [1, 10, 1, 3], data: (a.data as Float64Array).slice(210) });
  const got = attention({ q: fromArray(q), key: fromArray(key), value: fromArray(value), mask }, plain);
  const want = attention({ q: fromArray(q), key: seen(key), value: seen(value) }, plain);
  (toArray(got).data as Float64Array).forEach((v, i) => {
    expect(Math.abs(v - (toArray(want).data[i] as number))).toBeLessThan(1e-14);
  });
});
