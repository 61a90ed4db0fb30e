// shape and numel of a Program's variables: the sizes that are fed, as values and as sizes of what is made by them.

import { afterAll, beforeAll, expect, test } from "vitest";
import * as static_ from "../static/index.js";
import {
  add,
  cast,
  concat,
  matmul,
  multiply,
  numel,
  ones,
  pdist,
  reshape,
  shape,
  tensorSplit,
  tile,
  unbind,
  unstack,
} from "./index.js";
import type { Tensor } from "./tensor.js";

beforeAll(() => static_.enableStatic());
afterAll(() => static_.disableStatic());

const rows = (n: number): number[][] => Array.from({ length: n }, (_, i) => [i, 1, 2, 3]);

/** Results of a Program of x `[-1, 4]` and y `[-1, 4]` for batches of two sizes. */
async function run(build: (x: Tensor, y: Tensor) => Tensor[], sizes: readonly (readonly [number, number])[]) {
  const main = new static_.Program();
  const outs = static_.programGuard(main, new static_.Program(), () =>
    build(static_.data("x", [-1, 4]), static_.data("y", [-1, 4])),
  );
  const exe = new static_.Executor();
  const results = [];
  for (const [n, m] of sizes) {
    const got = await exe.run(main, { feed: { x: rows(n), y: rows(m) }, fetchList: outs });
    results.push(got.map((a) => [a.shape, Array.from(a.data as ArrayLike<number | bigint>, Number)]));
  }
  return { main, results };
}

test("shape and numel are what was fed, also in arithmetic and for two inputs of different sizes", async () => {
  const { results } = await run(
    (x, y) => [shape(x), numel(x), shape(y).at(0).add(1), numel(x).subtract(numel(y))],
    [
      [1, 1],
      [3, 2],
    ],
  );
  expect(results).toEqual([
    [
      [[2], [1, 4]],
      [[], [4]],
      [[], [2]],
      [[], [0]],
    ],
    [
      [[2], [3, 4]],
      [[], [12]],
      [[], [3]],
      [[], [4]],
    ],
  ]);
});

test("what would make an operator for each element of an unknown axis is refused", () => {
  static_.programGuard(new static_.Program(), () => {
    const x = static_.data("x", [-1, 4]);
    for (const f of [() => unbind(x), () => unstack(x), () => tensorSplit(x, 2), () => pdist(x)])
      expect(f).toThrow(/the extent of axis 0 of \[-1, 4\] must be known here/);
    expect(unbind(x, 1)).toHaveLength(4);
  });
});

test("a number made of extents is the fed one where it meets floats", async () => {
  const { results } = await run(
    (x) => [multiply(cast(shape(x).at(0), "float32"), ones([2]))],
    [
      [3, 3],
      [5, 5],
    ],
  );
  expect(results).toEqual([[[[2], [3, 3]]], [[[2], [5, 5]]]]);
});

test("sizes that only rearrange extents cut nothing, and meet the input's own", async () => {
  const { main, results } = await run(
    (x) => {
      const n = shape(x).at(0);
      const folded = reshape(matmul(x, ones([4, 4])), [n, 2, 2]);
      const tiled = tile(ones([1, 4]), [n, 1]);
      const whole = reshape(x, concat([shape(x).at("0:1"), shape(ones([2, 2]))], { axis: 0 }));
      return [folded, add(tiled, x), whole];
    },
    [
      [1, 1],
      [3, 3],
    ],
  );
  expect(main.segments).toHaveLength(1);
  expect(results.map((r) => r.map(([s]) => s))).toEqual([
    [
      [1, 2, 2],
      [1, 4],
      [1, 2, 2],
    ],
    [
      [3, 2, 2],
      [3, 4],
      [3, 2, 2],
    ],
  ]);
  expect(results[1]![1]![1]).toEqual([1, 2, 3, 4, 2, 2, 3, 4, 3, 2, 3, 4]);
});
