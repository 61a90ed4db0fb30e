// Fused multiply-add: the fast path against the exact one, and doubles against the definition of rounding.

import { describe, expect, it } from "vitest";
import { bigToF32, fmaF32, fmaF64, nearestEven } from "./rounding.js";

/** The same numbers every time, from -1 to 1 (a multiplicative generator modulo 2^31 - 1). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return (state / 2147483647) * 2 - 1;
  };
}

/** A double below 1e20 as an integer times 2^-200. */
const fixed = (x: number): bigint => BigInt(x * 2 ** 200);

describe("fma", () => {
  it("of doubles: the fast path gives what exact integers give", () => {
    const next = generator(5);
    for (let i = 0; i < 5000; i++) {
      const [x, y] = [next(), next()];
      const z = i % 2 ? next() * 2 ** Math.round(next() * 60) : -x * y * (1 + next() * 2 ** -50);
      // Scaled by 2^450 the operands leave the range of the fast path.
      expect(fmaF64(x, y, z)).toBe(fmaF64(x * 2 ** 450, y, z * 2 ** 450) / 2 ** 450);
    }
  });

  it("of floats: no float lies nearer to the exact value", () => {
    const next = generator(6);
    for (let i = 0; i < 5000; i++) {
      const [x, y] = [Math.fround(next()), Math.fround(next())];
      const z = Math.fround(i % 2 ? next() * 2 ** Math.round(next() * 30) : -x * y * (1 + next() * 2 ** -20));
      const got = fmaF32(x, y, z);
      const exact = fixed(x) * fixed(y) + (fixed(z) << 200n);
      const distance = (v: number): bigint => {
        const d = (fixed(v) << 200n) - exact;
        return d < 0n ? -d : d;
      };
      const step = Math.abs(got) * 2 ** -23;
      for (const other of [Math.fround(got + step), Math.fround(got - step)])
        expect(distance(got) <= distance(other)).toBe(true);
    }
  });
});

it("rounds integers to floats once, ties to even", () => {
  expect(bigToF32(2n ** 24n + 1n)).toBe(2 ** 24);
  expect(bigToF32(2n ** 24n + 3n)).toBe(2 ** 24 + 4);
  expect(bigToF32(-(2n ** 62n) - 2n ** 38n - 1n)).toBe(-(2 ** 62) - 2 ** 39);
  expect([0.5, 1.5, -2.5, -0.2].map(nearestEven)).toEqual([0, 2, -2, -0]);
});
