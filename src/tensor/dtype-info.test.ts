// finfo and iinfo against what Paddle 3.3.1 prints.

import { describe, expect, test } from "vitest";
import { finfo, iinfo } from "./dtype-info.js";

describe("finfo", () => {
  test.each([
    ["float16", 16, 0.0009765625, 65504, 6.103515625e-5, 0.001],
    ["bfloat16", 16, 0.0078125, 3.3895313892515355e38, 1.1754943508222875e-38, 0.01],
    ["float32", 32, 1.1920928955078125e-7, 3.4028234663852886e38, 1.1754943508222875e-38, 1e-6],
    ["float64", 64, 2.220446049250313e-16, 1.7976931348623157e308, 2.2250738585072014e-308, 1e-15],
  ] as const)("%s", (dtype, bits, eps, max, tiny, resolution) => {
    expect(finfo(dtype)).toEqual({ dtype, bits, eps, min: -max, max, tiny, smallestNormal: tiny, resolution });
  });

  test("of complex numbers is that of their parts", () => expect(finfo("complex64")).toEqual(finfo("float32")));

  test("refuses integers", () => expect(() => finfo("int32")).toThrow(/int32 is no floating-point dtype/));
});

describe("iinfo", () => {
  test.each([
    ["int8", 8, -128, 127],
    ["uint8", 8, 0, 255],
    ["int16", 16, -32768, 32767],
    ["int32", 32, -2147483648, 2147483647],
    ["int64", 64, -9223372036854775808n, 9223372036854775807n],
  ] as const)("%s", (dtype, bits, min, max) => expect(iinfo(dtype)).toEqual({ dtype, bits, min, max }));

  test("refuses other dtypes", () => {
    expect(() => iinfo("float32")).toThrow(/no integer dtype/);
    expect(() => iinfo("bool")).toThrow(/no integer dtype/);
  });
});
