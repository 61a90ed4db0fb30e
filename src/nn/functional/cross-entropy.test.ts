// Cross entropy: every option against the formula on plain numbers, with gradients; bad labels.

import { describe, expect, test } from "vitest";
import { InvalidArgumentError, OutOfRangeError, UnimplementedError } from "../../core/errors.js";
import { grad } from "../../tensor/autograd.js";
import type { Tensor } from "../../tensor/tensor.js";
import { toTensor } from "../../tensor/to-tensor.js";
import { crossEntropy, type CrossEntropyOptions, nllLoss, softmaxWithCrossEntropy } from "./cross-entropy.js";

const rows = [
  [0.5, -1, 2],
  [1, 3, -0.5],
  [0, 0.25, -2],
  [-1, 1, 1.5],
];
const labels = [2, 0, 1, 1];
const weights = [0.5, 2, 1];

const logShares = (row: readonly number[]): number[] => {
  const total = Math.log(row.reduce((s, v) => s + Math.exp(v), 0));
  return row.map((v) => v - total);
};
const each = rows.map((row, i) => -logShares(row)[labels[i]!]!);
const ints = (data: readonly number[], shape = [data.length]): Tensor =>
  toTensor({ dtype: "int64", shape, data: BigInt64Array.from(data, BigInt) });
const total = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

async function loss(options: CrossEntropyOptions, label: Tensor = ints(labels)): Promise<number[]> {
  const out = crossEntropy(toTensor(rows), label, options);
  return Array.from(out.dataSync("float32"));
}

const near = (got: ArrayLike<number>, want: readonly number[]): void => {
  expect(got.length).toBe(want.length);
  want.forEach((w, i) => expect(got[i]).toBeCloseTo(w, 5));
};

describe("crossEntropy of class numbers", () => {
  test("none, sum, mean, labels [N] and [N, 1]", async () => {
    near(await loss({ reduction: "none" }), each);
    near(await loss({ reduction: "sum" }), [total(each)]);
    near(await loss({}), [total(each) / 4]);
    const kept = crossEntropy(toTensor(rows), ints(labels, [4, 1]), { reduction: "none" });
    expect(kept.shape).toEqual([4, 1]);
    near(kept.dataSync("float32"), each);
  });

  test("weights divide the mean", async () => {
    const w = labels.map((l) => weights[l]!);
    const weighted = each.map((l, i) => l * w[i]!);
    near(await loss({ weight: toTensor(weights), reduction: "none" }), weighted);
    near(await loss({ weight: toTensor(weights) }), [total(weighted) / total(w)]);
  });

  test("ignored places: counted out from index 0 on, counted in below, as Paddle does", async () => {
    const kept = [each[0]!, each[1]!];
    near(await loss({ ignoreIndex: 1 }), [total(kept) / 2]);
    near(await loss({}, ints([2, 0, -100, -100])), [total(kept) / 4]);
    near(await loss({ ignoreIndex: 2 }, ints([2, 2, 2, 2])), [0]);
    const w = toTensor(weights);
    near(await loss({ ignoreIndex: 1, weight: w }), [(each[0]! * 1 + each[1]! * 0.5) / 1.5]);
  });

  test("another axis of classes", async () => {
    const turned = rows[0]!.map((_, c) => rows.map((row) => row[c]!));
    const out = crossEntropy(toTensor([turned]), ints(labels, [1, 4]), { axis: 1, reduction: "none" });
    expect(out.shape).toEqual([1, 4]);
    near(out.dataSync("float32"), each);
  });

  test("label smoothing and probabilities", async () => {
    const smooth = rows.map((row, i) => {
      const logs = logShares(row);
      return -total(logs.map((l, c) => l * (0.1 / 3 + (c === labels[i] ? 0.9 : 0))));
    });
    near(await loss({ labelSmoothing: 0.1, reduction: "none" }), smooth);
    const shares = rows.map((row) => logShares(row).map(Math.exp));
    const out = crossEntropy(toTensor(shares), ints([2, 0, -100, 1]), { useSoftmax: false, reduction: "none" });
    near(out.dataSync("float32"), [each[0]!, each[1]!, 0, each[3]!]);
  });

  test("gradient: shares minus one at the label, over the count", async () => {
    const x = toTensor(rows, { stopGradient: false });
    crossEntropy(x, ints([2, 0, 1, -100]), { ignoreIndex: -100, reduction: "sum" }).backward();
    const want = rows.flatMap((row, i) =>
      logShares(row).map((l, c) => (i === 3 ? 0 : Math.exp(l) - (c === labels[i] ? 1 : 0))),
    );
    near(x.grad!.dataSync("float32"), want);
  });
});

describe("crossEntropy of distributions", () => {
  const soft = [
    [0.2, 0.3, 0.5],
    [1, 0, 0],
    [0, 0.5, 0.5],
    [0.1, 0.1, 0.8],
  ];

  test("values and gradient", async () => {
    const x = toTensor(rows, { stopGradient: false });
    const out = crossEntropy(x, toTensor(soft), { softLabel: true, reduction: "sum" });
    near(
      [(await out.item()) as number],
      [total(rows.map((row, i) => -total(logShares(row).map((l, c) => l * soft[i]![c]!))))],
    );
    out.backward();
    near(
      x.grad!.dataSync("float32"),
      rows.flatMap((row, i) => logShares(row).map((l, c) => Math.exp(l) - soft[i]![c]!)),
    );
  });

  test("softmaxWithCrossEntropy gives both", async () => {
    const [out, shares] = softmaxWithCrossEntropy(toTensor(rows), toTensor(soft), {
      softLabel: true,
      returnSoftmax: true,
    });
    expect(out.shape).toEqual([4, 1]);
    near(
      shares.dataSync("float32"),
      rows.flatMap((row) => logShares(row).map(Math.exp)),
    );
  });
});

describe("nllLoss", () => {
  test("weights and ignored labels", async () => {
    const logs = toTensor(rows.map(logShares));
    const o = { weight: toTensor(weights), ignoreIndex: 1 };
    near(nllLoss(logs, ints(labels), o).dataSync("float32"), [(each[0]! * 1 + each[1]! * 0.5) / 1.5]);
  });
});

describe("refused", () => {
  test.each([7, -1])("label %i", (label) => {
    expect(() => crossEntropy(toTensor(rows), ints([0, 1, 2, label]))).toThrow(OutOfRangeError);
  });

  test("shapes, reductions, dtypes", () => {
    expect(() => crossEntropy(toTensor(rows), ints([0, 1, 2]))).toThrow(InvalidArgumentError);
    expect(() => crossEntropy(toTensor(rows), toTensor([0, 1, 2, 0]))).toThrow(InvalidArgumentError);
    // @ts-expect-error there is no such reduction
    expect(() => crossEntropy(toTensor(rows), ints(labels), { reduction: "avg" })).toThrow(InvalidArgumentError);
    expect(() => crossEntropy(toTensor(rows), toTensor(rows), { softLabel: true, ignoreIndex: 1 })).toThrow(
      InvalidArgumentError,
    );
    expect(() => crossEntropy(toTensor(rows), ints(labels), { weight: toTensor([1, 2]) })).toThrow(
      InvalidArgumentError,
    );
  });

  test("gradients of its gradient, as in Paddle: an error, not a silent zero", () => {
    const x = toTensor(rows, { stopGradient: false });
    const [first] = grad(crossEntropy(x, ints(labels)), x, { createGraph: true });
    expect(() => grad(first!.multiply(first!).sum(), x)).toThrow(UnimplementedError);
  });
});
