// The C library's logarithms: equal bits on recorded values; the quantile of the normal distribution against known values.

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Heap } from "../device/heap.js";
import { interpTarget } from "../device/interp-target.js";
import { evaluator } from "./evaluate.test-util.js";
import { constant, type Expr, select, compare } from "./expr.js";
import { erfinvAs241, logDouble, logFloat } from "./math-libm.js";
import { logDoubleTable, logFloatTable } from "./math-libm-tables.js";

const heap = new Heap(false);
const interp = { heap, target: interpTarget(heap) };
const recorded = JSON.parse(readFileSync(new URL("fixtures/math-reference.json", import.meta.url), "utf8")) as {
  readonly [name: string]: readonly (readonly [number, number])[];
};

/** A table as a tree of selects: what a buffer's load would give. */
function lookup(table: readonly number[]): (index: Expr) => Expr {
  const pick = (index: Expr, from: number, to: number): Expr => {
    if (to - from === 1) return constant("f64", table[from]!);
    const middle = (from + to) >> 1;
    return select(compare("lt", index, constant("i32", middle)), pick(index, from, middle), pick(index, middle, to));
  };
  return (index) => pick(index, 0, table.length);
}

describe("logarithms of the C library", () => {
  it("float, bit for bit", () => {
    const rows = recorded["libmLogf"]!;
    const got = evaluator(
      (x) => logFloat(x, lookup(logFloatTable)),
      ["f32"],
      "f32",
      interp,
    )(Float32Array.from(rows, (r) => r[0]));
    rows.forEach(([x, want], i) => {
      expect(got[i], `logf(${x})`).toBe(want);
    });
  });

  it("double, bit for bit", () => {
    const rows = recorded["libmLog"]!;
    const got = evaluator(
      (x) => logDouble(x, lookup(logDoubleTable)),
      ["f64"],
      "f64",
      interp,
    )(Float64Array.from(rows, (r) => r[0]));
    rows.forEach(([x, want], i) => {
      expect(got[i], `log(${x})`).toBe(want);
    });
  });
});

describe("erfinv with the C library's logarithm", () => {
  it("inverts erf at known points", () => {
    // erf(0.5), erf(1), erf(2), erf(3), as in the tables of Abramowitz and Stegun, chapter 7.
    const xs = [0.5204998778130465, 0.8427007929497149, 0.9953222650189527, 0.9999779095030014];
    const fn = (x: Expr): Expr => erfinvAs241(x, (v) => logDouble(v, lookup(logDoubleTable)));
    const got = evaluator(fn, ["f64"], "f64", interp)(Float64Array.from(xs));
    [0.5, 1, 2, 3].forEach((want, i) => {
      // The table's last digit, magnified by the slope of the inverse.
      const slope = (Math.sqrt(Math.PI) / 2) * Math.exp(want * want);
      expect(Math.abs(got[i]! - want)).toBeLessThan(1e-15 * want + 1.2e-16 * slope);
    });
    const single = evaluator(fn, ["f32"], "f32", interp)(Float32Array.of(0.5, -0.5, 0.95, -0.99999));
    const wide = evaluator(
      fn,
      ["f64"],
      "f64",
      interp,
    )(Float64Array.of(0.5, -0.5, Math.fround(0.95), Math.fround(-0.99999)));
    wide.forEach((want, i) => {
      expect(Math.abs(single[i]! - want)).toBeLessThan(Math.abs(want) * 1e-6);
    });
  });
});
