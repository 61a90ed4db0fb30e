// Tests of datasets: by index, as streams, combined, split.

import { describe, expect, it } from "vitest";
import { ndArray } from "../core/nd-array.js";
import {
  ChainDataset,
  ComposeDataset,
  ConcatDataset,
  Dataset,
  IterableDataset,
  Subset,
  TensorDataset,
  randomSplit,
} from "./index.js";

class Times extends Dataset<number> {
  constructor(
    readonly length: number,
    readonly factor = 1,
  ) {
    super();
  }
  override getitem(index: number): number {
    return index * this.factor;
  }
}
class Count extends IterableDataset<number> {
  constructor(readonly to: number) {
    super();
  }
  override *[Symbol.iterator]() {
    for (let i = 0; i < this.to; i++) yield i;
  }
}
class SlowCount extends IterableDataset<number> {
  override async *[Symbol.asyncIterator]() {
    yield* [10, 11];
  }
}
const inOrder = (n: number) => Array.from({ length: n }, (_, i) => i);
async function collected<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const item of stream) out.push(item);
  return out;
}

describe("TensorDataset", () => {
  const x = ndArray("float32", [3, 2], Float32Array.of(1, 2, 3, 4, 5, 6));
  const y = ndArray("int64", [3], BigInt64Array.of(7n, 8n, 9n));

  it("gives rows of NdArrays", () => {
    const dataset = new TensorDataset([x, y]);
    expect(dataset.length).toBe(3);
    expect(dataset.getitem(1)).toEqual([
      ndArray("float32", [2], Float32Array.of(3, 4)),
      ndArray("int64", [], BigInt64Array.of(8n)),
    ]);
  });

  it("gives rows of anything with shape and at()", () => {
    const rows = { shape: [3, 1], at: (i: number) => `row ${i}` };
    const [row, label] = new TensorDataset([rows, y]).getitem(2);
    expect(row satisfies string).toBe("row 2");
    expect(label.data[0]).toBe(9n);
  });

  it("takes complex rows whole", () => {
    const z = ndArray("complex64", [2], Float32Array.of(1, 2, 3, 4));
    expect(new TensorDataset([z]).getitem(1)).toEqual([ndArray("complex64", [], Float32Array.of(3, 4))]);
  });

  it("refuses unequal first extents, none, and indices outside", () => {
    const four = ndArray("float32", [4], new Float32Array(4));
    expect(() => new TensorDataset([x, four])).toThrow(/same first extent, got 3, 4/);
    expect(() => new TensorDataset([])).toThrow(/same first extent/);
    expect(() => new TensorDataset([x]).getitem(3)).toThrow(expect.objectContaining({ name: "OutOfRangeError" }));
  });
});

describe("combined datasets", () => {
  it("ComposeDataset joins the fields, also of promised samples", async () => {
    class Pairs extends Dataset<[number, string]> {
      readonly length = 3;
      override getitem(index: number): Promise<[number, string]> {
        return Promise.resolve([index, "b"]);
      }
    }
    expect(new ComposeDataset([new Times(3), new Times(3, 10)]).getitem(2)).toEqual([2, 20]);
    expect(await new ComposeDataset([new Times(3), new Pairs()]).getitem(2)).toEqual([2, 2, "b"]);
    expect(() => new ComposeDataset([new Times(3), new Times(4)])).toThrow(/lengths differ: 3, 4/);
    expect(() => new ComposeDataset([])).toThrow(/at least one/);
    expect(() => new ComposeDataset([new Count(3)])).toThrow(/Datasets read by index, got a Count/);
  });

  it("ConcatDataset counts through, from either end", () => {
    const dataset = new ConcatDataset([new Times(10), new Times(3, 100)]);
    expect([0, 9, 10, 12, -1, -13].map((i) => dataset.getitem(i))).toEqual([0, 9, 0, 200, 200, 0]);
    expect([dataset.length, dataset.cumulativeSizes]).toEqual([13, [10, 13]]);
    for (const i of [13, -14, 0.5]) expect(() => dataset.getitem(i)).toThrow(/outside \[-13, 13\)/);
    expect(() => new ConcatDataset([])).toThrow(/at least one/);
  });

  it("ChainDataset runs streams one after the other", async () => {
    const chain = new ChainDataset([new Count(2), new Count(3)]);
    expect([...chain]).toEqual([0, 1, 0, 1, 2]);
    expect(await collected(chain)).toEqual([0, 1, 0, 1, 2]);
    const mixed = new ChainDataset([new Count(2), new SlowCount()]);
    expect(await collected(mixed)).toEqual([0, 1, 10, 11]);
    expect(() => [...mixed]).toThrow(/for await/);
    expect(() => Reflect.construct(ChainDataset, [[new Times(3)]])).toThrow(/must be IterableDatasets, got a Times/);
  });

  it("Subset maps indices", () => {
    const subset = new Subset(new Times(5), [4, 2]);
    expect([subset.length, subset.getitem(0), subset.getitem(1)]).toEqual([2, 4, 2]);
    expect(() => subset.getitem(2)).toThrow(/outside \[0, 2\)/);
  });

  it("a stream has neither index nor length, and needs an iterator", () => {
    const stream = new Count(2);
    expect(() => stream.getitem(0)).toThrow(/cannot be read by index/);
    expect(() => stream.length).toThrow(/has no length/);
    class Nothing extends IterableDataset {}
    expect(() => [...new ChainDataset([new Nothing()])]).toThrow(/has no iterator/);
  });
});

describe("randomSplit", () => {
  const sizes = (lengths: number[], n = 10) => randomSplit(new Times(n), lengths, inOrder).map((part) => part.length);

  it("takes lengths and shares as Paddle does", () => {
    expect(sizes([7, 3])).toEqual([7, 3]);
    expect(sizes([0.35, 0.35, 0.3])).toEqual([4, 3, 3]); // recorded from paddle.io.random_split
    expect(sizes([0.3, 0.3, 0.4], 11)).toEqual([4, 3, 4]);
    expect(sizes([1], 1)).toEqual([1]);
  });

  it("hands out the drawn order", () => {
    const reversed = (n: number) => BigInt64Array.from(inOrder(n).reverse(), BigInt);
    const parts = randomSplit(new Times(5), [2, 3], reversed);
    expect(parts.map((part) => part.indices)).toEqual([
      [4, 3],
      [2, 1, 0],
    ]);
  });

  it("refuses lengths that do not sum up", () => {
    for (const lengths of [
      [5, 6],
      [0.5, 0.6],
      [0.5, 0.2],
      [12, -2],
    ])
      expect(() => sizes(lengths)).toThrow(/must sum to/);
  });
});
