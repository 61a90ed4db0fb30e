// Softmax: values by the formula, extremes, in place with its gradient, second derivatives.

import { describe, expect, test } from "vitest";
import { PreconditionNotMetError } from "../../core/errors.js";
import { grad } from "../../tensor/autograd.js";
import { add, multiply } from "../../tensor/math.js";
import { sum } from "../../tensor/reduction.js";
import type { Tensor } from "../../tensor/tensor.js";
import { toTensor } from "../../tensor/to-tensor.js";
import { logSoftmax, softmax, softmax_ } from "./softmax.js";

const shares = (row: readonly number[]): number[] => {
  const e = row.map((v) => Math.exp(v - Math.max(...row)));
  return e.map((v) => v / e.reduce((a, b) => a + b, 0));
};

const near = (got: unknown, want: readonly number[], digits = 6): void => {
  const list = (got as number[]).flat(9);
  expect(list).toHaveLength(want.length);
  list.forEach((v, i) => expect(v).toBeCloseTo(want[i]!, digits));
};

describe("softmax", () => {
  test("rows, other axes, a scalar", async () => {
    const x = toTensor([
      [1, 2, 3],
      [0, -1, 4],
    ]);
    near(await softmax(x).tolist(), [...shares([1, 2, 3]), ...shares([0, -1, 4])]);
    const columns = [shares([1, 0]), shares([2, -1]), shares([3, 4])];
    near(await softmax(x, 0).tolist(), [...columns.map((c) => c[0]!), ...columns.map((c) => c[1]!)]);
    near([await softmax(toTensor(5)).item()], [1]);
  });

  test("log-softmax ends at -64 below the largest, as Paddle's", async () => {
    near(await logSoftmax(toTensor([0, -2000])).tolist(), [0, -64]);
  });

  test("in place: the gradient reads the new contents, and refuses them once they change again", async () => {
    const leaf = toTensor([1, 2, 4], { stopGradient: false });
    const weights = toTensor([1, -2, 3]);
    const run = (change: (x: Tensor) => Tensor): Tensor => sum(multiply(change(multiply(leaf, 1)), weights));
    const [inPlace] = grad([run((x) => softmax_(x))], [leaf]) as [Tensor];
    const [apart] = grad([run((x) => softmax(x))], [leaf]) as [Tensor];
    expect(await inPlace.tolist()).toEqual(await apart.tolist());
    const x = multiply(leaf, 1);
    softmax_(x);
    x.add_(1);
    expect(() => grad([sum(multiply(x, weights))], [leaf])).toThrow(PreconditionNotMetError);
  });

  test("second derivatives by central differences", async () => {
    const at = toTensor(
      { dtype: "float64", shape: [3], data: Float64Array.from([0.3, -0.2, 1]) },
      { stopGradient: false },
    );
    const w = toTensor({ dtype: "float64", shape: [3], data: Float64Array.from([1, -2, 0.5]) });
    const first = (x: Tensor): Tensor => {
      const y = sum(multiply(multiply(softmax(x), softmax(x)), w));
      return (grad([y], [x], { createGraph: true }) as [Tensor])[0];
    };
    const [second] = grad([sum(first(at))], [at]) as [Tensor];
    const h = 1e-5;
    for (let i = 0; i < 3; i++) {
      const shifted = async (sign: number): Promise<number> => {
        const step = Float64Array.from([0, 0, 0]);
        step[i] = sign * h;
        const x = add(at, toTensor({ dtype: "float64", shape: [3], data: step })).detach();
        x.stopGradient = false;
        return (await sum(first(x)).item()) as number;
      };
      const numeric = ((await shifted(1)) - (await shifted(-1))) / (2 * h);
      expect((second.dataSync("float64") as Float64Array)[i]).toBeCloseTo(numeric, 6);
    }
  });
});
