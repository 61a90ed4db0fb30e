// float16 and bfloat16: every pattern, and random floats against rounding done with exact arithmetic.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluator } from "./evaluate.test-util.js";
import { Heap } from "../device/heap.js";
import { interpTarget } from "../device/interp-target.js";
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from "./half.js";

const heap = new Heap(false);
const options = { heap, target: interpTarget(heap) };

const patterns = Int32Array.from({ length: 65536 }, (_, i) => i);

/** The value of a 16-bit pattern with `e` exponent bits, by its definition. */
function patternValue(bits: number, e: number): number {
  const m = 15 - e;
  const bias = 2 ** (e - 1) - 1;
  const [exponent, fraction] = [(bits >> m) & (2 ** e - 1), bits & (2 ** m - 1)];
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 2 ** e - 1) return fraction ? NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias - m);
  return sign * (1 + fraction / 2 ** m) * 2 ** (exponent - bias);
}

/** The pattern nearest to a finite float by search over the ordered positive patterns. */
function nearestPattern(x: number, e: number): number {
  const infinite = (2 ** e - 1) << (15 - e);
  const a = Math.abs(x);
  let [low, high] = [0, infinite];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (patternValue(middle, e) <= a) low = middle;
    else high = middle;
  }
  // Beyond the largest finite value the next one would be the next power of two.
  const above = high === infinite ? 2 ** (2 ** (e - 1)) : patternValue(high, e);
  const [down, up] = [a - patternValue(low, e), above - a];
  const chosen = down < up || (down === up && low % 2 === 0) ? low : high;
  return chosen | (x < 0 || Object.is(x, -0) ? 0x8000 : 0);
}

const cases = [
  ["float16", 5, f16ToF32, f32ToF16, 0x7e00],
  ["bfloat16", 8, bf16ToF32, f32ToBf16, 0x7fc0],
] as const;

describe.each(cases)("%s", (_, exponentBits, toFloat, fromFloat, nan) => {
  const widen = evaluator(toFloat, ["i32"], "f32", options);
  const narrow = evaluator(fromFloat, ["f32"], "i32", options);

  it("widens all 65536 patterns exactly and takes them back", () => {
    const floats = widen(patterns);
    const back = narrow(floats);
    let wrong = 0;
    for (const bits of patterns) {
      const value = patternValue(bits, exponentBits);
      if (!Object.is(floats[bits], value)) wrong++;
      if (back[bits] !== (Number.isNaN(value) ? nan : bits)) wrong++;
    }
    expect(wrong).toBe(0);
  });

  it("rounds floats to nearest even", () => {
    const middles = Array.from(
      patterns.filter((p) => (p & 0x7fff) < 0x7b00),
      (p) => {
        return Math.fround((patternValue(p, exponentBits) + patternValue(p + 1, exponentBits)) / 2);
      },
    );
    const sample = fc.sample(fc.float({ noNaN: true, noDefaultInfinity: true }), 20000);
    const floats = Float32Array.from([
      ...middles,
      ...sample,
      65519.99,
      65520,
      3.4028234663852886e38,
      0,
      -0,
      2 ** -25,
      1e-40,
    ]);
    const got = narrow(floats);
    const wrong = Array.from(floats).filter((x, i) => got[i] !== nearestPattern(x, exponentBits));
    expect(wrong).toEqual([]);
    expect(Array.from(narrow(Float32Array.of(Infinity, -Infinity, NaN)))).toEqual([
      nearestPattern(Infinity, exponentBits),
      nearestPattern(-Infinity, exponentBits),
      nan,
    ]);
  });
});
