// What truth values, integers and complex numbers have no meaning for is refused by name; sums count, all and any answer.

import { expect, test } from "vitest";
import { InvalidArgumentError } from "../core/errors.js";
import { all, amax, any, complex, cross, cumprod, max, min, prod, sum, toTensor, trace, zeros } from "./index.js";

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

test("so are their running products, traces and cross products", () => {
  const x = toTensor([[true, false, true]]);
  expect(() => cumprod(x, 1)).toThrow(InvalidArgumentError);
  expect(() => trace(x)).toThrow(InvalidArgumentError);
  expect(() => cross(x, x)).toThrow(InvalidArgumentError);
});

test("random fills of integers are refused; only normal numbers are complex", () => {
  const whole = zeros([3], "int64");
  for (const fill of ["uniform_", "normal_", "bernoulli_", "cauchy_", "exponential_", "logNormal_"] as const)
    expect(() => whole[fill]()).toThrow(InvalidArgumentError);
  const z = complex(zeros([3]), zeros([3]));
  expect(() => z.bernoulli_()).toThrow(InvalidArgumentError);
  expect(z.normal_().dtype).toBe("complex64");
});
