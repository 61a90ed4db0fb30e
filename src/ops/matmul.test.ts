// Matrix products against the definition: routes, broadcasting, vectors, dtypes, complex parts, epilogues.

import { describe, expect, test } from "vitest";
import type { DType } from "../core/dtype.js";
import { fromNested, type Nested } from "../core/nested.js";
import type { Shape } from "../core/shape.js";
import { assemble } from "../tensor/assemble.js";
import { fromArray, toArray } from "../trace/eager.js";
import { walk } from "../trace/tape.js";
import type { Value } from "../program/value.js";
import { InvalidArgumentError } from "../core/errors.js";
import { linear, matmul } from "./matmul.js";
import { reshape } from "./views.js";
import { cast } from "./cast.js";

assemble();

const wave = (n: number, seed: number): number[] =>
  Array.from({ length: n }, (_, i) => Math.round(8 * Math.sin(1.3 * i + seed)) / 4);
const make = (shape: Shape, seed: number, dtype: DType = "float32"): Value =>
  cast(
    reshape(
      fromArray(
        fromNested(
          wave(
            shape.reduce((a, b) => a * b, 1),
            seed,
          ) as Nested,
          "float32",
        ),
      ),
      shape,
    ),
    dtype,
  );
const numbers = (v: Value): number[] => Array.from(toArray(cast(v, "float64")).data as Float64Array);

/** `Σ_d x[b][i][d] y[b][d][j]` with plain loops, batches broadcast from one. */
function plain(x: Value, y: Value, m: number, k: number, n: number, batches: number): number[] {
  const [a, b] = [numbers(x), numbers(y)];
  const out: number[] = [];
  for (let t = 0; t < batches; t++)
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let d = 0; d < k; d++) sum += a[((t * m + i) * k + d) % a.length]! * b[((t * k + d) * n + j) % b.length]!;
        out.push(sum);
      }
  return out;
}

const near = (got: readonly number[], want: readonly number[], tolerance = 1e-5): void => {
  expect(got.length).toBe(want.length);
  got.forEach((v, i) => {
    expect(Math.abs(v - want[i]!)).toBeLessThanOrEqual(tolerance * (1 + Math.abs(want[i]!)));
  });
};

describe("matmul", () => {
  test.each([
    [1, 1, 1],
    [3, 4, 5],
    [2, 300, 70],
    [65, 33, 129],
    [40, 0, 3],
  ])("%i × %i × %i", (m, k, n) => {
    const [x, y] = [make([m, k], 1), make([k, n], 2)];
    near(numbers(matmul(x, y)), plain(x, y, m, k, n, 1), 1e-4);
  });

  test("a batch of rows times one matrix, and one matrix times a batch", () => {
    const x = make([2, 3, 4], 1);
    const w = make([4, 5], 2);
    near(numbers(matmul(x, w)), plain(x, w, 3, 4, 5, 2));
    const a = make([3, 4], 3);
    const b = make([2, 4, 5], 4);
    near(numbers(matmul(a, b)), plain(a, b, 3, 4, 5, 2));
    expect(matmul(make([2, 1, 3, 4], 1), make([5, 4, 2], 2)).shape).toEqual([2, 5, 3, 2]);
  });

  test("transposed operands equal transposed data", () => {
    const x = make([2, 4, 3], 1);
    const y = make([2, 5, 4], 2);
    const got = numbers(matmul(x, y, true, true));
    const [a, b] = [numbers(x), numbers(y)];
    const want: number[] = [];
    for (let t = 0; t < 2; t++)
      for (let i = 0; i < 3; i++)
        for (let j = 0; j < 5; j++) {
          let sum = 0;
          for (let d = 0; d < 4; d++) sum += a[t * 12 + d * 3 + i]! * b[t * 20 + j * 4 + d]!;
          want.push(sum);
        }
    near(got, want);
  });

  test("vectors are rows on the left, columns on the right", () => {
    expect(matmul(make([3], 1), make([3], 2)).shape).toEqual([]);
    expect(matmul(make([2, 5, 3], 1), make([3], 2)).shape).toEqual([2, 5]);
    expect(matmul(make([3], 1), make([2, 3, 4], 2)).shape).toEqual([2, 4]);
  });

  test.each<DType>(["float64", "float16", "bfloat16", "int32", "int64"])("%s keeps its dtype", (dtype) => {
    const [x, y] = [make([3, 4], 1, dtype), make([4, 2], 2, dtype)];
    const out = matmul(x, y);
    expect(out.dtype).toBe(dtype);
    near(numbers(out), plain(x, y, 3, 4, 2, 1), dtype === "bfloat16" ? 1e-2 : dtype === "float16" ? 1e-3 : 1e-12);
  });

  test("complex matrices are multiplied by parts", () => {
    const entries = fromArray({
      dtype: "complex64",
      shape: [2, 2],
      data: Float32Array.from([0, 1, 1, 0, 2, 0, 0, -1]),
    });
    // [[i, 1], [2, -i]]² = [[i² + 2, i - i], [2i - 2i, 2 + i²]] = identity
    const square = toArray(matmul(entries, entries)).data as Float32Array;
    near([...square], [1, 0, 0, 0, 0, 0, 1, 0]);
  });

  test("inner dimensions that differ are named", () => {
    expect(() => matmul(make([2, 3], 1), make([4, 3], 2))).toThrow(InvalidArgumentError);
    expect(() => matmul(make([2, 3], 1), make([4, 3], 2))).toThrow(/transposeY: true/);
  });
});

test("linear is x · w + bias, and its gradients are those of the definition", () => {
  const [x, w, bias] = [make([2, 3, 4], 1), make([4, 5], 2), make([5], 3)];
  for (const v of [x, w, bias]) v.stopGradient = false;
  const out = linear(x, w, bias);
  const b = numbers(bias);
  near(
    numbers(out),
    plain(x, w, 3, 4, 5, 2).map((v, i) => v + b[i % 5]!),
  );
  const grads = walk([out], [undefined], { retainGraph: false, createGraph: false });
  const [a, m] = [numbers(x), numbers(w)];
  near(
    numbers(grads.get(x)!),
    a.map((_, i) => m.slice((i % 4) * 5, (i % 4) * 5 + 5).reduce((s, v) => s + v, 0)),
  );
  near(
    numbers(grads.get(w)!),
    m.map((_, i) => a.filter((_, j) => j % 4 === Math.floor(i / 5)).reduce((s, v) => s + v, 0)),
  );
  near(numbers(grads.get(bias)!), [6, 6, 6, 6, 6]);
});
