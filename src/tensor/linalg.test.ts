// Gradients of factorisations against central differences, on functions of them that signs and phases do not touch.

import { expect, test } from "vitest";
import { add, multiply } from "../ops/arithmetic.js";
import { abs } from "../ops/rounding.js";
import { linalg, sum, type Tensor, toTensor } from "./index.js";

const general = [
  [1, 2, 0.5],
  [-0.3, 0.7, 2],
  [1.5, -1, 0.2],
];
const tall = [...general, [2, 1, 1]];
const cubes = (x: Tensor): Tensor => {
  const size = abs(x);
  return sum(multiply(multiply(size, size), size));
};
const symmetric = (x: Tensor): Tensor => add(x, x.matrixTranspose());
const positive = (x: Tensor): Tensor => x.matmul(x, { transposeX: true });

const cases: readonly [string, number[][], (x: Tensor) => Tensor][] = [
  ["eigvals", general, (x) => sum(abs(linalg.eigvals(x)))],
  ["eig", general, (x) => cubes(linalg.eig(x)[1])],
  ["eigh", general, (x) => add(cubes(linalg.eigh(symmetric(x))[1]), cubes(linalg.eigvalsh(symmetric(x))))],
  ["svd", tall, (x) => linalg.svd(x).reduce((s, part) => add(s, cubes(part)), toTensor(0, { dtype: "float64" }))],
  ["qr", tall, (x) => (linalg.qr(x) as Tensor[]).reduce((s, f) => add(s, cubes(f)), toTensor(0, { dtype: "float64" }))],
  ["lu", general, (x) => cubes(linalg.lu(x)[0]!)],
  ["cholesky", tall, (x) => cubes(linalg.cholesky(positive(x)))],
  ["det", general, (x) => linalg.det(x)],
  ["slogdet", general, (x) => sum(linalg.slogdet(x))],
  ["inv", general, (x) => cubes(linalg.inv(x))],
  ["pinv", tall, (x) => cubes(linalg.pinv(x))],
  ["matrixExp", general, (x) => cubes(linalg.matrixExp(x))],
  ["cond", general, (x) => linalg.cond(x)],
  ["nuclear norm", tall, (x) => linalg.matrixNorm(x, "nuc")],
];

test.each(cases)("%s", async (_, data, f) => {
  const x = toTensor(data, { dtype: "float64", stopGradient: false });
  f(x).backward();
  const gradient = (await x.grad!.tolist()) as number[][];
  const h = 1e-6;
  for (let i = 0; i < data.length; i++)
    for (let j = 0; j < 3; j++) {
      const at = (sign: number): number =>
        f(
          toTensor(
            data.map((row, r) => row.map((v, c) => (r === i && c === j ? v + sign * h : v))),
            { dtype: "float64" },
          ),
        ).dataSync("float64")[0]!;
      const numeric = (at(1) - at(-1)) / (2 * h);
      expect(Math.abs(gradient[i]![j]! - numeric)).toBeLessThan(1e-6 * (1 + Math.abs(numeric)));
    }
});
