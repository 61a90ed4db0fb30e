// Tests of the metrics against values recorded from Paddle 3.3.1, and of what they refuse.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type NdArray, emptyData, ndArray } from "../core/nd-array.js";
import { sizeOf } from "../core/shape.js";
import { Accuracy, Auc, Metric, Precision, Recall } from "./index.js";

interface Stored {
  readonly dtype: "float32" | "float64" | "int32" | "int64";
  readonly shape: number[];
  readonly data: number[];
}
interface AccuracyCase {
  readonly topk: number[];
  readonly pred: Stored[];
  readonly label: Stored[];
  readonly correct: { readonly shape: number[]; readonly data: number[] }[];
  readonly steps: unknown[];
  readonly accumulate: unknown;
  readonly name: string[];
}
interface BinaryCase {
  readonly preds: Stored[];
  readonly labels: Stored[];
  readonly accumulate: number[];
  readonly name: string;
  readonly num_thresholds?: number;
}
const path = fileURLToPath(new URL("../../test/fixtures/metric/expected.json", import.meta.url));
const recorded = JSON.parse(readFileSync(path, "utf8")) as {
  accuracy: AccuracyCase[];
  precision: BinaryCase[];
  recall: BinaryCase[];
  auc: BinaryCase[];
};

function stored({ dtype, shape, data }: Stored): NdArray {
  if (dtype === "int64") return ndArray(dtype, shape, BigInt64Array.from(data, BigInt));
  const array = emptyData(dtype, sizeOf(shape)) as Float32Array | Float64Array | Int32Array;
  array.set(data);
  return ndArray(dtype, shape, array);
}

describe("Accuracy", () => {
  recorded.accuracy.forEach((c, i) => {
    it(`recorded case ${i}, topk ${c.topk}`, () => {
      const metric = new Accuracy({ topk: c.topk });
      c.pred.forEach((pred, k) => {
        const correct = metric.compute(stored(pred), stored(c.label[k]!));
        expect(correct).toEqual(ndArray("float32", c.correct[k]!.shape, Float32Array.from(c.correct[k]!.data)));
        expect(metric.update(correct)).toEqual(c.steps[k]);
      });
      expect(metric.accumulate()).toEqual(c.accumulate);
      expect(metric.name()).toEqual(c.name);
    });
  });

  it("ranks equal scores by class and NaN highest, as Paddle's sort", () => {
    const mask = (scores: number[], label: number, k: number) => [
      ...new Accuracy([k]).compute({ shape: [1, scores.length], data: scores }, [label]).data,
    ];
    expect(mask([0.5, 0.5, 0.5, 0.1], 1, 2)).toEqual([0, 1]);
    expect(mask([0.5, 0.5, 0.5, 0.1], 0, 1)).toEqual([1]);
    expect(mask([0.5, Number.NaN, 0.7, 0.1], 1, 1)).toEqual([1]);
    expect(mask([0.5, Number.NaN, 0.7, 0.1], 2, 2)).toEqual([0, 1]);
    expect(mask([0.5, 0.2], 7, 2)).toEqual([0, 0]);
    expect(mask([0.5, 0.2, 0.3], 1, 9)).toEqual([0, 0, 1]);
  });

  it("reads tensors by dataSync", () => {
    const tensor = { shape: [2, 2], dtype: "float32", dataSync: () => Float32Array.of(0.1, 0.9, 0.8, 0.2) };
    const metric = new Accuracy();
    expect(metric.update(metric.compute(tensor, [1, 1]))).toBe(0.5);
  });

  it("names what it counts, resets, and starts at 0", () => {
    expect(new Accuracy({ name: "x" }).name()).toEqual(["x"]);
    expect(new Accuracy([1, 5], { name: "x" }).name()).toEqual(["x_top1", "x_top5"]);
    const metric = new Accuracy([1, 2]);
    expect(metric.accumulate()).toEqual([0, 0]);
    metric.update({ shape: [3, 2], data: [1, 0, 0, 1, 0, 0] });
    expect(metric.accumulate()).toEqual([1 / 3, 2 / 3]);
    metric.reset();
    expect(metric.accumulate()).toEqual([0, 0]);
  });

  it("refuses labels that do not fit, bits, and a topk of nothing", () => {
    const metric = new Accuracy();
    expect(() => metric.compute({ shape: [3, 4], data: new Float32Array(12) }, [1, 2])).toThrow(
      /pred is \[3, 4\], label \[2\]/,
    );
    const half = ndArray("float16", [1, 2], new Uint16Array(2));
    expect(() => metric.compute(half, [1])).toThrow(/got float16[\s\S]*Cast it/);
    for (const topk of [[], [0], [1.5]]) expect(() => new Accuracy(topk)).toThrow(/positive integers/);
  });
});

const binary = {
  precision: (name: string) => new Precision({ name }),
  recall: (name: string) => new Recall(name),
  auc: (name: string, numThresholds?: number) => new Auc({ name, numThresholds }),
};
for (const kind of ["precision", "recall", "auc"] as const) {
  describe(kind, () => {
    recorded[kind].forEach((c, i) => {
      it(`recorded case ${i}`, () => {
        const metric = binary[kind](c.name, c.num_thresholds);
        c.preds.forEach((preds, k) => {
          metric.update(stored(preds), stored(c.labels[k]!));
          expect(metric.accumulate()).toBeCloseTo(c.accumulate[k]!, 14);
        });
        expect(metric.name()).toBe(c.name);
        metric.reset();
        expect(metric.accumulate()).toBe(0);
      });
    });
  });
}

describe("Precision, Recall and Auc", () => {
  it("have Paddle's names", () => {
    expect([new Precision(), new Recall(), new Auc()].map((m) => m.name())).toEqual(["precision", "recall", "auc"]);
  });

  it("take plain numbers", () => {
    const [precision, recall] = [new Precision(), new Recall()];
    precision.update([0.1, 0.5, 0.6, 0.7], [0, 1, 1, 1]);
    recall.update([0.1, 0.5, 0.6, 0.7], [1, 0, 1, 1]);
    expect([precision.accumulate(), recall.accumulate()]).toEqual([1, 2 / 3]); // Paddle's documented examples
  });

  it("refuse what does not fit", () => {
    expect(() => new Precision().update([0.5], [1, 1])).toThrow(
      /one label for each score: preds is \[1\], labels \[2\]/,
    );
    expect(() => new Auc().update([0.5], [1])).toThrow(/preds must be \[n, 2\]/);
    for (const score of [1.5, -0.5, Number.NaN]) {
      expect(() => new Auc().update({ shape: [1, 2], data: [0, score] }, [1])).toThrow(/outside \[0, 1\]/);
    }
    expect(() => Reflect.construct(Auc, ["PR"])).toThrow(expect.objectContaining({ name: "UnimplementedError" }));
    expect(() => Reflect.apply(Precision.prototype.update, new Precision(), ["a", [1]])).toThrow(
      /preds must be an array or a tensor/,
    );
  });
});

it("a user's metric hands on what it is given", () => {
  class Count extends Metric {
    n = 0;
    override reset() {
      this.n = 0;
    }
    override update(...batch: number[]) {
      this.n += batch.length;
    }
    override accumulate() {
      return this.n;
    }
    override name() {
      return "count";
    }
  }
  expect(new Count().compute(1, 2)).toEqual([1, 2]);
});
