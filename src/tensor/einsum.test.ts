// Einsum and reductions as users call them, against plain loops and closed forms.

import { describe, expect, test } from "vitest";
import { einsum, linalg, max, median, nanmean, std, sum, type Tensor, toTensor, unique } from "./index.js";

const matrix = toTensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const vector = toTensor([1, 0, -1]);

describe("einsum", () => {
  test.each<[string, Tensor[], unknown]>([
    ["ij,j->i", [matrix, vector], [-2, -2]],
    [
      "ij->ji",
      [matrix],
      [
        [1, 4],
        [2, 5],
        [3, 6],
      ],
    ],
    ["ij->", [matrix], 21],
    [
      "i,j",
      [toTensor([1, 2]), toTensor([3, 4])],
      [
        [3, 4],
        [6, 8],
      ],
    ],
    [
      "ii->i",
      [
        toTensor([
          [1, 2],
          [3, 4],
        ]),
      ],
      [1, 4],
    ],
    [
      "ii",
      [
        toTensor([
          [1, 2],
          [3, 4],
        ]),
      ],
      5,
    ],
    ["...i,i->...", [matrix, vector], [-2, -2]],
    [
      "ij,jk,k->i",
      [
        matrix,
        toTensor([
          [1, 0],
          [0, 1],
          [1, 1],
        ]),
        toTensor([1, 2]),
      ],
      [14, 32],
    ],
  ])("%s", async (equation, operands, want) => {
    expect(await einsum(equation, ...operands).tolist()).toEqual(want);
  });

  test("the gradient of a bilinear form is the other two factors", async () => {
    const [x, a, y] = [
      toTensor([1, 2]),
      toTensor([
        [1, 2, 3],
        [4, 5, 6],
      ]),
      toTensor([1, 1, 1]),
    ];
    for (const t of [x, a, y]) t.stopGradient = false;
    einsum("i,ij,j->", x, a, y).backward();
    expect(await x.grad!.tolist()).toEqual([6, 15]);
    expect(await a.grad!.tolist()).toEqual([
      [1, 1, 1],
      [2, 2, 2],
    ]);
    expect(await y.grad!.tolist()).toEqual([9, 12, 15]);
  });

  test("an equation that does not fit is refused by name", () => {
    expect(() => einsum("ijk->i", matrix)).toThrow(/names 3 axes, the operand has 2/);
    expect(() => einsum("ij,jk->ik", matrix, matrix)).toThrow(/"j" is 3/);
  });
});

describe("reductions", () => {
  test("ties share the gradient of a maximum", async () => {
    const x = toTensor(
      [
        [1, 3, 3],
        [2, 1, 0],
      ],
      { stopGradient: false },
    );
    max(x, 1).backward(toTensor([1, 1]));
    expect(await x.grad!.tolist()).toEqual([
      [0, 0.5, 0.5],
      [1, 0, 0],
    ]);
  });

  test("a product with zeros has its gradient where it should", async () => {
    const x = toTensor(
      [
        [2, 0, 3],
        [0, 0, 1],
        [1, 2, 3],
      ],
      { stopGradient: false },
    );
    x.prod(1).backward(toTensor([1, 1, 1]));
    expect(await x.grad!.tolist()).toEqual([
      [0, 6, 0],
      [0, 0, 0],
      [6, 3, 2],
    ]);
  });

  test("integers sum in int64, NaN is left out on request", async () => {
    expect(sum(toTensor([1, 2], { dtype: "int32" })).dtype).toBe("int64");
    expect(await nanmean(toTensor([1, Number.NaN, 5])).item()).toBe(3);
    expect(await (std(toTensor([1, 2, 3, 4])).item() as Promise<number>)).toBeCloseTo(Math.sqrt(5 / 3), 6);
    expect(await (median(toTensor([3, 1, 2, 4])) as Tensor).item()).toBe(2.5);
  });

  test("unique with everything it can say", async () => {
    const outs = unique(toTensor([2, 1, 2, 3, 1]), {
      returnIndex: true,
      returnInverse: true,
      returnCounts: true,
    }) as Tensor[];
    expect(await Promise.all(outs.map((t) => t.tolist()))).toEqual([
      [1, 2, 3],
      [1, 0, 3],
      [1, 0, 1, 2, 0],
      [2, 2, 1],
    ]);
  });
});

describe("linalg", () => {
  test("a solution, its inverse and its determinant agree", async () => {
    const a = toTensor(
      [
        [4, 1],
        [2, 3],
      ],
      { dtype: "float64" },
    );
    const b = toTensor([1, 2], { dtype: "float64" });
    const solved = (await linalg.solve(a, b).tolist()) as number[];
    solved.forEach((v, i) => {
      expect(v).toBeCloseTo([0.1, 0.6][i]!, 12);
    });
    expect(await (linalg.det(a).item() as Promise<number>)).toBeCloseTo(10, 12);
    const [q, r] = linalg.qr(a) as [Tensor, Tensor];
    const back = (await q.matmul(r).tolist()) as number[][];
    back.flat().forEach((v, i) => {
      expect(v).toBeCloseTo([4, 1, 2, 3][i]!, 12);
    });
  });

  test("a singular matrix is refused with a cure", () => {
    expect(() =>
      linalg.inv(
        toTensor([
          [1, 2],
          [2, 4],
        ]),
      ),
    ).toThrow(/singular[\s\S]*pinv/);
  });

  test("norms of a 3-4-5 triangle", async () => {
    const x = toTensor([
      [3, 4],
      [0, 0],
    ]);
    expect(await linalg.norm(x).item()).toBe(5);
    expect(await linalg.norm(x, { p: 1, axis: [0, 1] }).item()).toBe(4);
    expect(await linalg.norm(x, { p: Number.POSITIVE_INFINITY, axis: 1 }).tolist()).toEqual([4, 0]);
    expect(await linalg.norm(x, { p: Number.NEGATIVE_INFINITY, axis: 1 }).tolist()).toEqual([3, 0]);
    expect(await (linalg.matrixNorm(x, "nuc").item() as Promise<number>)).toBeCloseTo(5, 5);
  });
});
