// Reductions of truth values: sums and means count, products and extrema are refused by name, all and any answer.

import { expect, test } from "vitest";
import { InvalidArgumentError } from "../core/errors.js";
import { all, amax, any, max, min, prod, sum, toTensor } from "./index.js";

test("products and extrema of truth values are refused, as in Paddle", () => {
  const x = toTensor([true, false, true]);
  for (const f of [prod, max, min, amax]) {
    expect(() => f(x)).toThrow(InvalidArgumentError);
    expect(() => f(x)).toThrow(/all\(\) or any\(\)/);
  }
  expect(sum(x).dataSync("int64")).toEqual(new BigInt64Array([2n]));
  expect(all(x).dataSync("bool")).toEqual(new Uint8Array([0]));
  expect(any(x).dataSync("bool")).toEqual(new Uint8Array([1]));
});
