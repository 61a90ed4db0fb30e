// Keys of attributes tell all numbers apart.

import { expect, test } from "vitest";
import { keyOf } from "./key.js";

test("numbers that JSON writes alike have keys of their own", () => {
  const keys = [null, Infinity, -Infinity, NaN, 0, -0, 1].map((p) => keyOf({ p, axes: [p] }));
  expect(new Set(keys).size).toBe(keys.length);
  expect(keyOf({ p: 2, axes: [0, 1] })).toBe(keyOf({ p: 2, axes: [0, 1] }));
});
