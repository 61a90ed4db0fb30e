// Tests of samplers and batch samplers against orders recorded from Paddle 3.3.1.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { Mt64, seedMt64FromSequence } from "../core/mt19937-64.js";
import { numpyRandom } from "../core/random-numpy.js";
import {
  BatchSampler,
  Dataset,
  DistributedBatchSampler,
  IterableDataset,
  RandomSampler,
  Sampler,
  SequenceSampler,
  SubsetRandomSampler,
  WeightedRandomSampler,
  randomSplit,
} from "./index.js";

class Numbers extends Dataset<number> {
  constructor(readonly length: number) {
    super();
  }
  override getitem(index: number): number {
    return index;
  }
}

interface Recorded {
  readonly name: string;
  readonly n: number;
  readonly np_seeds: readonly number[];
  readonly epochs: number;
  readonly orders: readonly (readonly unknown[])[];
}
const folder = process.env.OAR_FIXTURES ?? fileURLToPath(new URL("../../test/fixtures", import.meta.url));
const { sampling } = JSON.parse(readFileSync(`${folder}/random/manifest.json`, "utf8")) as {
  sampling: readonly Recorded[];
};
const weights = Array.from({ length: 11 }, (_, i) => ((i * 7) % 11) / 10);

/** `paddle.randperm` after `paddle.seed(seed)`. */
const randpermOf = (seed: number) => {
  const engine = new Mt64(seedMt64FromSequence(seed));
  return (n: number) => engine.randperm(n);
};

const makers: Readonly<Record<string, (data: Numbers, seed: number) => Iterable<unknown>>> = {
  DataLoader: (data) => new BatchSampler(data, { batchSize: 8, shuffle: true }),
  DataLoader_drop_last: (data) => new BatchSampler(data, { batchSize: 8, shuffle: true, dropLast: true }),
  BatchSampler: (data) => new BatchSampler({ dataset: data, batchSize: 8, shuffle: true }),
  RandomSampler: (data) => new RandomSampler(data),
  RandomSampler_replacement: (data) => new RandomSampler(data, { replacement: true, numSamples: 20 }),
  WeightedRandomSampler: () => new WeightedRandomSampler(weights, 15, true),
  WeightedRandomSampler_noreplace: () => new WeightedRandomSampler(weights, 6, { replacement: false }),
  SubsetRandomSampler: (_, seed) => new SubsetRandomSampler([2, 3, 5, 7, 11, 13, 17], randpermOf(seed)),
  DistributedBatchSampler_0_of_2: (data) =>
    new DistributedBatchSampler(data, 8, { numReplicas: 2, rank: 0, shuffle: true }),
  random_split: (data, seed) =>
    randomSplit(data, [data.length - 10, 7, 3], randpermOf(seed)).map((part) => part.indices),
};

describe("recorded orders", () => {
  for (const [name, make] of Object.entries(makers)) {
    const { n, np_seeds, epochs, orders } = sampling.find((s) => s.name === name)!;
    np_seeds.forEach((seed, i) => {
      it(`${name}, seed ${seed}`, () => {
        numpyRandom.seed(seed);
        const sampler = make(new Numbers(n), seed);
        expect(Array.from({ length: epochs }, () => [...sampler])).toEqual(orders[i]);
      });
    });
  }
});

describe("samplers", () => {
  beforeEach(() => {
    numpyRandom.seed(1);
  });
  const five = new Numbers(5);

  it("RandomSampler draws part of the data, or more with replacement", () => {
    // np.random.seed(1): paddle.io.RandomSampler(data of 5, …)
    expect([...new RandomSampler(five, { numSamples: 3 })]).toEqual([2, 1, 4]);
    numpyRandom.seed(1);
    expect([...new RandomSampler(five, true)].length).toBe(5);
    numpyRandom.seed(1);
    expect([...new RandomSampler(five, { replacement: true, numSamples: 8 })]).toEqual([3, 4, 0, 1, 3, 0, 0, 1]);
  });

  it("RandomSampler takes its indices from a generator until that ends", () => {
    expect([...new RandomSampler(five, { generator: [3, 1, 1, 9].values() })]).toEqual([3, 1, 1, 9]);
  });

  it("refuses sizes that Paddle refuses", () => {
    expect(() => new RandomSampler(five, { numSamples: 6 })).toThrow(/cannot draw 6 of 5/);
    expect(() => new RandomSampler(new Numbers(0))).toThrow(/numSamples must be a positive integer, got 0/);
    expect(() => new SubsetRandomSampler([], randpermOf(0))).toThrow(/must not be empty/);
    expect(() => Reflect.construct(RandomSampler, [five, { num_samples: 2 }])).toThrow(/Did you mean "numSamples"/);
  });

  it("WeightedRandomSampler divides by NumPy's sum", () => {
    // np.random.seed(3); w = np.random.rand(200) * 10; np.random.seed(5); np.random.choice(200, 10, True, w / w.sum())
    numpyRandom.seed(3);
    const w = numpyRandom.random(200).map((x) => x * 10);
    numpyRandom.seed(5);
    expect([...new WeightedRandomSampler(w, 10)]).toEqual(recordedWeighted);
  });

  it("WeightedRandomSampler takes float32 arrays and draws for each row of a matrix", () => {
    const data = Float32Array.of(0, 1, 0, 0, 0, 1);
    const sampler = new WeightedRandomSampler({ dtype: "float32", shape: [2, 3], data }, 2);
    expect([...sampler]).toEqual([1, 1, 2, 2]);
    expect(sampler.length).toBe(4);
    expect([...new WeightedRandomSampler(Float32Array.of(0.1, 0.2, 0.7), 3)].length).toBe(3);
  });

  it("WeightedRandomSampler refuses weights that it cannot draw by", () => {
    for (const w of [[0, 0], [-1, 1], [Number.NaN, 1], [Number.POSITIVE_INFINITY, 1], []]) {
      expect(() => new WeightedRandomSampler(w, 1), String(w)).toThrow(/weights must be finite/);
    }
    expect(() => new WeightedRandomSampler([0, 1], 2, false)).toThrow(/1 weights are above 0/);
  });

  it("a user's sampler has no length unless it says so", () => {
    class Odd extends Sampler {
      override *[Symbol.iterator]() {
        yield* [1, 3, 5];
      }
    }
    const batches = new BatchSampler({ sampler: new Odd(), batchSize: 2 });
    expect([...batches]).toEqual([[1, 3], [5]]);
    expect(() => batches.length).toThrow(/does not define its length/);
  });
});

describe("BatchSampler", () => {
  it("cuts an order into batches", () => {
    const data = new Numbers(5);
    const sampler = new SequenceSampler(data);
    expect([...new BatchSampler({ sampler, batchSize: 2 })]).toEqual([[0, 1], [2, 3], [4]]);
    expect(new BatchSampler(data, { batchSize: 2 }).length).toBe(3);
    expect(new BatchSampler(data, { batchSize: 2, dropLast: true }).length).toBe(2);
    expect([...new BatchSampler({ sampler: [7, 8], batchSize: 2 })]).toEqual([[7, 8]]);
  });

  it("refuses what Paddle refuses", () => {
    const data = new Numbers(5);
    const sampler = new SequenceSampler(data);
    class Stream extends IterableDataset<number> {}
    expect(() => new BatchSampler(data, { sampler })).toThrow(/not both/);
    expect(() => new BatchSampler()).toThrow(/is needed/);
    expect(() => new BatchSampler({ sampler, shuffle: true })).toThrow(/shuffle goes with a dataset/);
    expect(() => new BatchSampler({ dataset: new Stream() })).toThrow(/IterableDataset cannot be sampled/);
    expect(() => new BatchSampler(data, { batchSize: 0 })).toThrow(/batchSize must be a positive integer/);
  });
});

describe("DistributedBatchSampler", () => {
  // [samples, batch, processes, dropLast, shuffle]: each process's batches, from paddle.io.DistributedBatchSampler.
  const cases: [number, number, number, boolean, boolean, number[][][]][] = [
    [
      10,
      3,
      2,
      false,
      false,
      [
        [
          [0, 1, 2],
          [6, 7],
        ],
        [
          [3, 4, 5],
          [8, 9],
        ],
      ],
    ],
    [
      10,
      3,
      2,
      false,
      true,
      [
        [
          [2, 8, 4],
          [7, 3],
        ],
        [
          [9, 1, 6],
          [0, 5],
        ],
      ],
    ],
    [10, 3, 2, true, false, [[[0, 1, 2]], [[3, 4, 5]]]],
    [10, 4, 3, false, true, [[[6, 1, 4, 0]], [[2, 8, 1, 7]], [[9, 3, 0, 5]]]],
    [3, 2, 4, false, false, [[[0]], [[1]], [[2]], [[0]]]],
    [1, 2, 4, false, false, [[[0]], [[0]], [[0]], [[0]]]],
    [1, 2, 4, true, true, [[], [], [], []]],
    [
      7,
      2,
      2,
      true,
      true,
      [
        [
          [6, 2],
          [3, 0],
        ],
        [
          [1, 0],
          [5, 4],
        ],
      ],
    ],
    [5, 5, 1, false, true, [[[2, 0, 1, 3, 4]]]],
  ];
  for (const [n, batch, numReplicas, dropLast, shuffle, expected] of cases) {
    it(`${n} samples in batches of ${batch} for ${numReplicas}, dropLast ${dropLast}, shuffle ${shuffle}`, () => {
      expected.forEach((batches, rank) => {
        const sampler = new DistributedBatchSampler(new Numbers(n), batch, { numReplicas, rank, dropLast, shuffle });
        expect(sampler.length).toBe(batches.length);
        expect([...sampler]).toEqual(batches);
        expect(sampler).toBeInstanceOf(BatchSampler);
      });
    });
  }

  it("repeats an epoch's order by setEpoch", () => {
    const sampler = new DistributedBatchSampler(new Numbers(20), 4, { shuffle: true });
    const [first, second] = [[...sampler], [...sampler]];
    expect(first).not.toEqual(second);
    sampler.setEpoch(0);
    expect([...sampler]).toEqual(first);
  });

  it("refuses a rank outside", () => {
    expect(() => new DistributedBatchSampler(new Numbers(3), 1, { numReplicas: 2, rank: 2 })).toThrow(
      /rank 2 is not among 2/,
    );
  });
});

/** Recorded with numpy 2.4.6. */
const recordedWeighted = [46, 176, 44, 183, 101, 126, 156, 105, 63, 38];
