// The mathematical functions: floats against double precision, doubles against recorded 60-digit values, special values against C's rules.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Heap } from "../device/heap.js";
import { interpTarget } from "../device/interp-target.js";
import { evaluator } from "./evaluate.test-util.js";
import type { Expr } from "./expr.js";
import * as math from "./math.js";

const heap = new Heap(false);
const interp = { heap, target: interpTarget(heap) };
type Unary = (x: Expr) => Expr;
const { polygamma, pow, atan2, fmod, remainder, floorDiv, copySign: _copySign, ...simple } = math;
const unary: { readonly [name: string]: Unary } = {
  ...simple,
  polygamma1: (x) => polygamma(x, 1),
  polygamma2: (x) => polygamma(x, 2),
  polygamma5: (x) => polygamma(x, 5),
};
const f32 = (fn: Unary) => evaluator(fn, ["f32"], "f32", interp);
const f64 = (fn: Unary) => evaluator(fn, ["f64"], "f64", interp);

/** Distance of `got` from `want` in units of the last place of a float of `bits` bits near `want`. */
function ulps(got: number, want: number, bits: 24 | 53): number {
  if (got === want || (Number.isNaN(got) && Number.isNaN(want))) return 0;
  if (bits === 24 && Math.fround(want) === got) return 0.5;
  if (!Number.isFinite(want) || !Number.isFinite(got)) return Infinity;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(want))), bits === 24 ? -126 : -1022);
  return Math.abs(got - want) / 2 ** Math.max(exponent - bits + 1, -1074);
}

/** The same numbers every time, from 0 to 1 (a multiplicative generator modulo 2^31 - 1). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

/** Floats in [lo, hi]: half uniform, half with uniform logarithms of their magnitudes. */
function floats(lo: number, hi: number, count: number): Float32Array<ArrayBuffer> {
  const next = generator(12345);
  const top = Math.log2(Math.max(Math.abs(lo), Math.abs(hi)));
  const out = new Float32Array(count);
  for (let i = 0; i < count; ) {
    const sign = lo < 0 && next() < 0.5 ? -1 : 1;
    const uniform = i % 2 === 1 || lo >= 1;
    const x = Math.fround(uniform ? lo + (hi - lo) * next() : sign * 2 ** (top - (top + 40) * next()));
    if (x >= lo && x <= hi) out[i++] = x;
  }
  return out;
}

// The largest error in ulps that is promised of floats; references are the engine's double functions.
const floatCases: readonly [name: string, reference: (x: number) => number, lo: number, hi: number, bound: number][] = [
  ["exp", Math.exp, -104, 89, 1.1],
  ["exp2", (x) => 2 ** x, -150, 128, 1.1],
  ["expm1", Math.expm1, -20, 89, 2],
  ["log", Math.log, 0, 3e38, 1],
  ["log2", Math.log2, 0, 3e38, 1],
  ["log10", Math.log10, 0, 3e38, 1],
  ["log1p", Math.log1p, -0.99999, 3e38, 2],
  ["sin", Math.sin, -1e6, 1e6, 1],
  ["cos", Math.cos, -1e6, 1e6, 1],
  ["tan", Math.tan, -1e6, 1e6, 1],
  ["asin", Math.asin, -1, 1, 1],
  ["acos", Math.acos, -1, 1, 1],
  ["atan", Math.atan, -1e30, 1e30, 1],
  ["sinh", Math.sinh, -89, 89, 3],
  ["cosh", Math.cosh, -89, 89, 2],
  ["tanh", Math.tanh, -12, 12, 2],
  ["asinh", Math.asinh, -1e30, 1e30, 1],
  ["acosh", Math.acosh, 1, 1e30, 1],
  ["atanh", Math.atanh, -0.999999, 0.999999, 3],
  ["sigmoid", (x) => 1 / (1 + Math.exp(-x)), -87, 100, 2.5],
  ["rsqrt", (x) => 1 / Math.sqrt(x), 0, 3e38, 1.5],
  ["roundAway", (x) => Math.sign(x) * Math.round(Math.abs(x)), -1e8, 1e8, 0],
];

describe("floats against double precision", () => {
  it.each(floatCases)("%s", (name, reference, lo, hi, bound) => {
    const xs = floats(lo, hi, 20000);
    const got = f32(unary[name]!)(xs);
    let worst = { error: 0, x: 0 };
    xs.forEach((x, i) => {
      const error = ulps(got[i]!, reference(x), 24);
      if (error > worst.error) worst = { error, x };
    });
    expect(worst.error, `at ${worst.x}`).toBeLessThanOrEqual(Math.max(bound, 0.5));
  });
});

const recorded = JSON.parse(readFileSync(new URL("fixtures/math-reference.json", import.meta.url), "utf8")) as {
  readonly [name: string]: readonly (readonly number[])[];
};

// Promised of doubles: ulps, and for special functions a relative or (near their zeros) absolute error.
const doubleBounds: { readonly [name: string]: number } = {
  exp: 1,
  exp2: 1,
  expm1: 2,
  log: 1,
  log2: 1,
  log10: 1,
  log1p: 2,
  sin: 1,
  cos: 1,
  tan: 3,
  asin: 3,
  acos: 3,
  atan: 2,
  sinh: 3,
  cosh: 2,
  tanh: 3,
  asinh: 3,
  acosh: 3,
  atanh: 3,
  sigmoid: 2.5,
  rsqrt: 1.5,
  erf: 3,
  erfc: 4,
  sinc: 3,
};
const relativeBounds: { readonly [name: string]: number } = {
  erfinv: 1e-15,
  lgamma: 1e-13,
  digamma: 1e-13,
  polygamma1: 1e-12,
  polygamma2: 1e-12,
  polygamma5: 1e-12,
  i0: 1e-13,
  i0e: 1e-13,
  i1: 1e-13,
  i1e: 1e-13,
};

describe("doubles against 60 digits", () => {
  it.each(Object.entries(doubleBounds))("%s within %d ulp", (name, bound) => {
    const rows = recorded[name]!;
    const got = f64(unary[name]!)(Float64Array.from(rows, (r) => r[0]!));
    // The recorded values are rounded themselves.
    rows.forEach(([x, want], i) => {
      expect(ulps(got[i]!, want!, 53), `${name}(${x}): ${got[i]}`).toBeLessThanOrEqual(bound + 0.5);
    });
  });

  it.each(Object.entries(relativeBounds))("%s within %d", (name, bound) => {
    const rows = recorded[name]!;
    const got = f64(unary[name]!)(Float64Array.from(rows, (r) => r[0]!));
    rows.forEach(([x, want], i) => {
      const floor = name === "lgamma" || name === "digamma" ? 1 : 0;
      const allowed = bound * Math.max(Math.abs(want!), floor);
      expect(Math.abs(got[i]! - want!), `${name}(${x}): ${got[i]}`).toBeLessThanOrEqual(allowed);
    });
    const single = f32(unary[name]!)(Float32Array.from(rows, (r) => r[0]!));
    const nearby = f64(unary[name]!)(Float64Array.from(rows, (r) => Math.fround(r[0]!)));
    rows.forEach(([x], i) => {
      expect(ulps(single[i]!, nearby[i]!, 24), `${name}(${x}) as float`).toBeLessThanOrEqual(0.5);
    });
  });

  it("erf and erfc of floats", () => {
    const xs = floats(-6, 10, 4000);
    const wide = Float64Array.from(xs);
    for (const [fn, bound] of [
      [math.erf, 2],
      [math.erfc, 1],
    ] as const) {
      const [got, want] = [f32(fn)(xs), f64(fn)(wide)];
      xs.forEach((x, i) => {
        expect(ulps(got[i]!, want[i]!, 24), `at ${x}`).toBeLessThanOrEqual(bound);
      });
    }
  });

  it.each([["pow", pow, 2] as const, ["atan2", atan2, 3] as const])("%s", (name, fn, bound) => {
    const rows = recorded[name]!;
    const [a, b] = [Float64Array.from(rows, (r) => r[0]!), Float64Array.from(rows, (r) => r[1]!)];
    const got = evaluator(fn, ["f64", "f64"], "f64", interp)(a, b);
    rows.forEach(([x, y, want], i) => {
      expect(ulps(got[i]!, want!, 53), `${name}(${x}, ${y}): ${got[i]}`).toBeLessThanOrEqual(bound + 0.5);
    });
    const single = evaluator(fn, ["f32", "f32"], "f32", interp)(Float32Array.from(a), Float32Array.from(b));
    const wide = evaluator(fn, ["f64", "f64"], "f64", interp)(a.map(Math.fround), b.map(Math.fround));
    rows.forEach((_, i) => {
      expect(ulps(single[i]!, wide[i]!, 24)).toBeLessThanOrEqual(1);
    });
  });
});

describe("special values", () => {
  const largest = 1.7976931348623157e308;
  const points = [0, -0, 1, -1, Infinity, -Infinity, NaN, 5e-324, largest, -largest, 0.5, -0.5, 2 ** -1030, 1e-40];
  const names = [
    "exp",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
  ] as const;

  it.each(names)("%s as Math does", (name) => {
    const reference = Math[name];
    const wide = f64(unary[name]!)(Float64Array.from(points));
    const floatsOf = Float32Array.from(points);
    const single = f32(unary[name]!)(floatsOf);
    points.forEach((x, i) => {
      const want = reference(x);
      if (want === 0 || !Number.isFinite(want)) expect(wide[i], `f64 ${name}(${x})`).toBe(want);
      else expect(ulps(wide[i]!, want, 53), `f64 ${name}(${x}) = ${wide[i]}`).toBeLessThanOrEqual(4);
      const short = Math.fround(reference(floatsOf[i]!));
      if (short === 0 || !Number.isFinite(short)) expect(single[i], `f32 ${name}(${floatsOf[i]})`).toBe(short);
      else expect(ulps(single[i]!, short, 24), `f32 ${name}(${floatsOf[i]}) = ${single[i]}`).toBeLessThanOrEqual(3);
    });
  });

  const values: readonly [name: string, xs: number[], wants: number[]][] = [
    ["sin", [0, -0, Infinity, NaN], [0, -0, NaN, NaN]],
    ["cos", [0, -Infinity, NaN], [1, NaN, NaN]],
    ["tan", [0, -0, Infinity], [0, -0, NaN]],
    ["exp2", [3, -3, 1024, -1100, Infinity, -Infinity, NaN], [8, 0.125, Infinity, 0, Infinity, 0, NaN]],
    ["sigmoid", [0, Infinity, -Infinity, NaN, 800, -800], [0.5, 1, 0, NaN, 1, 0]],
    ["rsqrt", [0, -0, Infinity, -1, 4], [Infinity, -Infinity, 0, NaN, 0.5]],
    ["erf", [0, -0, Infinity, -Infinity, NaN], [0, -0, 1, -1, NaN]],
    ["erfc", [0, Infinity, -Infinity, NaN], [1, 0, 2, NaN]],
    ["erfinv", [0, -0, 1, -1, 2, NaN], [0, -0, Infinity, -Infinity, NaN, NaN]],
    [
      "lgamma",
      [1, 2, 0, -0, -1, -2, Infinity, -Infinity, NaN],
      [0, 0, Infinity, Infinity, Infinity, Infinity, Infinity, Infinity, NaN],
    ],
    ["digamma", [0, -0, -1, -2, Infinity, NaN], [-Infinity, Infinity, NaN, NaN, Infinity, NaN]],
    ["i0", [0, Infinity, -Infinity, NaN], [1, Infinity, Infinity, NaN]],
    ["i0e", [0, Infinity, NaN], [1, 0, NaN]],
    ["i1", [0, -0, Infinity, -Infinity, NaN], [0, -0, Infinity, -Infinity, NaN]],
    ["i1e", [0, -0, Infinity, -Infinity, NaN], [0, -0, 0, -0, NaN]],
    ["sinc", [0, 1, -2, NaN], [1, 0, 0, NaN]],
    [
      "roundAway",
      [0.5, -0.5, 2.5, 0.49999997, -0.2, 8388609, Infinity, NaN],
      [1, -1, 3, 0, -0, 8388609, Infinity, NaN],
    ],
    ["polygamma1", [0, Infinity, NaN], [Infinity, 0, NaN]],
  ];
  it.each(values)("%s", (name, xs, wants) => {
    // The sign of sinc's zeros is nobody's business.
    const clean = (v: number): number => (v === 0 && name === "sinc" ? 0 : v);
    expect(Array.from(f64(unary[name]!)(Float64Array.from(xs)), clean)).toEqual(wants);
    expect(Array.from(f32(unary[name]!)(Float32Array.from(xs)), clean)).toEqual(wants);
  });

  const grid = [0, -0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 2.5, Infinity, -Infinity, NaN, 1e-40, 2 ** 53, -(2 ** 53) + 1];
  const [xs, ys] = [grid.flatMap((x) => grid.map(() => x)), grid.flatMap(() => grid)];
  const two = (fn: (x: Expr, y: Expr) => Expr): Float64Array =>
    evaluator(fn, ["f64", "f64"], "f64", interp)(Float64Array.from(xs), Float64Array.from(ys));

  it("pow by C's rules", () => {
    const wide = two(pow);
    xs.forEach((x, i) => {
      const y = ys[i]!;
      // JavaScript differs from C in 1^NaN and (±1)^(±inf).
      const want = x === 1 || (x === -1 && (y === Infinity || y === -Infinity)) ? 1 : x ** y;
      if (want === 0 || !Number.isFinite(want)) expect(wide[i], `${x}^${y}`).toBe(want);
      else expect(ulps(wide[i]!, want, 53), `${x}^${y}: ${wide[i]} for ${want}`).toBeLessThanOrEqual(3);
    });
  });

  it("atan2, fmod and remainder by C's and Python's rules", () => {
    const [angles, mods, remainders] = [two(atan2), two(fmod), two(remainder)];
    xs.forEach((x, i) => {
      const y = ys[i]!;
      const angle = Math.atan2(x, y);
      if (angle === 0) expect(angles[i], `atan2(${x}, ${y})`).toBe(angle);
      expect(ulps(angles[i]!, angle, 53), `atan2(${x}, ${y})`).toBeLessThanOrEqual(3);
      if (Math.abs(x / y) > 2 ** 53 && Number.isFinite(x)) return;
      const mod = x % y;
      expect(mods[i], `${x} % ${y}`).toBe(mod);
      if (!Number.isFinite(x) || !Number.isFinite(y)) return;
      expect(remainders[i], `remainder(${x}, ${y})`).toBe(mod !== 0 && mod < 0 !== y < 0 ? mod + y : mod);
    });
  });

  it("fmod of random floats is exact, floorDiv rounds down", () => {
    const next = generator(99);
    const a = Float32Array.from({ length: 5000 }, () => (next() - 0.5) * 2 ** (40 * next()));
    const b = Float32Array.from({ length: 5000 }, () => (next() - 0.5) * 2 ** (20 * next() - 5));
    const got = evaluator(fmod, ["f32", "f32"], "f32", interp)(a, b);
    expect(Array.from(got)).toEqual(Array.from(a, (x, i) => x % b[i]!));
    // The float 0.3 is a little more than three times the float 0.1.
    const [n, d] = [Float32Array.of(7, -7, 7, -7, 0.3, 1), Float32Array.of(2, 2, -2, -2, 0.1, 0)];
    expect(Array.from(evaluator(floorDiv, ["f32", "f32"], "f32", interp)(n, d))).toEqual([3, -4, -4, 3, 3, Infinity]);
  });
});
