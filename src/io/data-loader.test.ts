// The loader: batches, orders, collation, refusals, workers.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InvalidArgumentError, OutOfRangeError, UnavailableError } from "../core/errors.js";
import { ndArray } from "../core/nd-array.js";
import { numpyRandom } from "../core/random-numpy.js";
import { seed } from "../tensor/generator.js";
import { Tensor } from "../tensor/tensor.js";
import { toTensor } from "../tensor/to-tensor.js";
import { BatchSampler, DataLoader, Dataset, IterableDataset, randomSplit, SubsetRandomSampler } from "./index.js";
import { Subset, TensorDataset } from "./index.js";

class Of<T> extends Dataset<T> {
  constructor(
    readonly length: number,
    readonly make: (i: number) => T | Promise<T>,
  ) {
    super();
  }
  override getitem(i: number) {
    return this.make(i);
  }
}

class Stream extends IterableDataset<bigint> {
  override *[Symbol.iterator]() {
    for (let i = 0n; i < 5n; i++) yield i;
  }
}

/** Tensors as nested arrays. */
function plain(x: unknown): unknown {
  if (x instanceof Tensor) return Array.from(x.dataSync() as ArrayLike<number | bigint>, Number);
  if (Array.isArray(x)) return x.map(plain);
  if (typeof x === "object" && x !== null) return Object.fromEntries(Object.entries(x).map(([k, v]) => [k, plain(v)]));
  return x;
}

async function all(loader: AsyncIterable<unknown>): Promise<unknown[]> {
  const out: unknown[] = [];
  for await (const batch of loader) out.push(plain(batch));
  return out;
}

const five = new Of(5, (i) => BigInt(i));
const order = new Of(7, (i) => BigInt(i));

describe("orders, as recorded from Paddle 3.3.1", () => {
  it("shuffles by NumPy's generator, anew each epoch", async () => {
    const loader = new DataLoader(order, { batchSize: 2, shuffle: true });
    numpyRandom.seed(3);
    expect(await all(loader)).toEqual([[4, 6], [5, 3], [1, 0], [2]]);
    expect(await all(loader)).toEqual([[6, 4], [1, 2], [3, 5], [0]]);
    expect(numpyRandom.randint(0, 1000)).toBe(650);
  });

  it("splits and subsets by Paddle's randperm", () => {
    seed(7);
    expect(randomSplit(order, [3, 4]).map((s) => [...s.indices])).toEqual([
      [2, 0, 3],
      [4, 5, 6, 1],
    ]);
    expect([...new SubsetRandomSampler([5, 6, 7, 8])]).toEqual([8, 5, 7, 6]);
  });
});

describe("batches", () => {
  it("has the last one shorter, or drops it", async () => {
    const loader = new DataLoader(five, { batchSize: 2 });
    expect(loader.length).toBe(3);
    expect(await all(loader)).toEqual([[0, 1], [2, 3], [4]]);
    const dropping = new DataLoader(five, { batchSize: 2, dropLast: true });
    expect(dropping.length).toBe(2);
    expect(await all(dropping)).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  it("takes a batch sampler", async () => {
    const batchSampler = new BatchSampler({ dataset: five, batchSize: 4 });
    expect(await all(new DataLoader(five, { batchSampler }))).toEqual([[0, 1, 2, 3], [4]]);
    expect(await all(new DataLoader(five, { batchSampler: [[4, 0], [2]] }))).toEqual([[4, 0], [2]]);
  });

  it("gives samples one by one with batchSize null", async () => {
    const pairs = new Of(2, (i) => [Float32Array.of(i, i), i] as const);
    expect(await all(new DataLoader(pairs, { batchSize: null }))).toEqual([
      [[0, 0], 0],
      [[1, 1], 1],
    ]);
  });

  it("streams", async () => {
    expect(await all(new DataLoader(new Stream(), { batchSize: 2 }))).toEqual([[0, 1], [2, 3], [4]]);
    expect(await all(new DataLoader(new Stream(), { batchSize: 2, dropLast: true }))).toHaveLength(2);
    expect(() => new DataLoader(new Stream()).length).toThrow("no length");
  });

  it("fetches asynchronous samples ahead, in order", async () => {
    let running = 0;
    let most = 0;
    const slow = new Of(6, async (i) => {
      most = Math.max(most, ++running);
      await new Promise((done) => setTimeout(done, 6 - i));
      running--;
      return BigInt(i);
    });
    expect(await all(new DataLoader(slow, { batchSize: 1, prefetchFactor: 3 }))).toEqual([
      [0],
      [1],
      [2],
      [3],
      [4],
      [5],
    ]);
    expect(most).toBe(4);
  });

  it("lets timers run in a long loop", async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    const busy = new Of(40, (i) => {
      const end = performance.now() + 2;
      while (performance.now() < end);
      return BigInt(i);
    });
    await all(new DataLoader(busy));
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
  });
});

describe("collation", () => {
  it("joins records, arrays, strings and every kind of array", async () => {
    const dataset = new Of(2, (i) => ({
      x: Float32Array.of(i, i + 1),
      nested: [toTensor([i]), { a: ndArray("int16", [1, 2], Int16Array.of(i, i)) }] as const,
      word: "ab"[i]!,
      flag: i === 0,
      number: i / 2,
    }));
    for await (const batch of new DataLoader(dataset, { batchSize: 2 })) {
      expect(plain(batch)).toEqual({
        x: [0, 1, 1, 2],
        nested: [[0, 1], { a: [0, 0, 1, 1] }],
        word: ["a", "b"],
        flag: [1, 0],
        number: [0, 0.5],
      });
      const { x, nested, flag, number } = batch;
      expect([x, nested[0], nested[1].a, flag, number].map((t) => `${t.dtype} ${t.shape}`)).toEqual([
        "float32 2,2",
        "float32 2,1",
        "int16 2,1,2",
        "bool 2",
        "float32 2",
      ]);
    }
  });

  it("takes rows of a TensorDataset, of tensors and NdArrays, through subsets", async () => {
    const x = ndArray("int64", [4, 2], BigInt64Array.from([0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n]));
    const y = toTensor([[0.5], [1.5], [2.5], [3.5]]);
    const part = new Subset(new TensorDataset([x, y]), [3, 0, 2]);
    expect(await all(new DataLoader(part, { batchSize: 2 }))).toEqual([
      [
        [6, 7, 0, 1],
        [3.5, 0.5],
      ],
      [[4, 5], [2.5]],
    ]);
    await expect(all(new DataLoader(part, { batchSampler: [[3]] }))).rejects.toThrow(OutOfRangeError);
  });

  it("lets collateFn make the batch", async () => {
    const collateFn = (samples: bigint[]) => ({
      sum: Float32Array.of(Number(samples.reduce((a, b) => a + b))),
      samples,
    });
    for await (const { sum, samples } of new DataLoader(five, { batchSize: 5, collateFn })) {
      expect(plain(sum)).toEqual([10]);
      expect(samples).toEqual([0n, 1n, 2n, 3n, 4n]);
    }
  });

  it.each([
    ["sample[1] differs in shapes", (i: number) => [0, new Float32Array(i + 1)]],
    ["sample differs in lengths", (i: number) => Array(i + 1).fill(0)],
    ["sample.a differs in types", (i: number) => ({ a: i ? 1 : "x" })],
    ["sample is null, which makes no batch", () => null],
    ["sample.d is a Date", () => ({ d: new Date() })],
  ])("refuses: %s", async (message, make) => {
    const loader = new DataLoader(new Of<unknown>(2, make), { batchSize: 2 });
    await expect(all(loader)).rejects.toThrow(message);
    await expect(all(loader)).rejects.toThrow(InvalidArgumentError);
  });
});

describe("refusals", () => {
  it.each([
    { batchSize: 0 },
    { batchSampler: [[0]], batchSize: 2 },
    { batchSampler: [[0]], shuffle: true },
    { numWorkers: -1 },
    { numWorkers: 1 },
    { prefetchFactor: 0 },
    { timeout: -1 },
    { shufle: true },
  ])("%j", (options) => {
    expect(() => new DataLoader(five, options as object)).toThrow(InvalidArgumentError);
  });

  it("of a stream that would be shuffled, and of no dataset", () => {
    expect(() => new DataLoader(new Stream(), { shuffle: true })).toThrow("cannot be shuffled");
    expect(() => new DataLoader([1] as never)).toThrow("a Dataset was expected");
  });
});

describe("workers", () => {
  let folder: string;
  const moduleOf = (name: string, text: string): URL => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return pathToFileURL(file);
  };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "oar-loader-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("fetch batches, in order, shuffled as Paddle's with workers", async () => {
    const workerModule = moduleOf(
      "a.mjs",
      "const big = new Float32Array(1000).map((_, i) => i); export default { length: 7, getitem: (i) => [BigInt(i), big.subarray(i, i + 1)] };",
    );
    const dataset = new Of(7, (i) => [BigInt(i), Float32Array.of(i)] as const);
    const loader = new DataLoader(dataset, { batchSize: 2, numWorkers: 2, workerModule, persistentWorkers: true });
    const want = [[0, 1], [2, 3], [4, 5], [6]].map((b) => [b, b]);
    expect(await all(loader)).toEqual(want);
    expect(await all(loader)).toEqual(want);
    loader.close();
    // The workers' seed is drawn first.
    numpyRandom.seed(3);
    numpyRandom.randint(0n, 2n ** 63n - 1n);
    const then = numpyRandom.permutation(7);
    numpyRandom.seed(3);
    const shuffled = new DataLoader(dataset, { batchSize: 7, shuffle: true, numWorkers: 1, workerModule });
    expect(await all(shuffled)).toEqual([[then, then]]);
  });

  it("have streams of their own, told apart by their info", async () => {
    const workerModule = moduleOf(
      "b.mjs",
      "export default ({ id, numWorkers }) => ({ getitem() {}, *[Symbol.iterator]() { for (let i = id; i < 5; i += numWorkers) yield BigInt(i); } });",
    );
    const loader = new DataLoader(new Stream(), { batchSize: 2, numWorkers: 2, workerModule, timeout: 20 });
    expect(await all(loader)).toEqual([[0, 2], [1, 3], [4]]);
  });

  it.each([
    ["no such sample", "export default { length: 7, getitem() { throw new Error('no such sample'); } };"],
    ["no dataset as its default export", "export default 3;"],
    ["a sample holds a Date", "export default { length: 7, getitem: () => new Date() };"],
    ["within 0.2 s", "export default { length: 7, getitem: () => new Promise(() => {}) };"],
  ])("fail with a typed error: %s", async (message, text) => {
    const workerModule = moduleOf(`${message.length}.mjs`, text);
    const loader = new DataLoader(five, {
      numWorkers: 1,
      workerModule,
      timeout: message.startsWith("within") ? 0.2 : 0,
    });
    const failing = all(loader);
    await expect(failing).rejects.toThrow(message);
    await expect(failing).rejects.toThrow(UnavailableError);
  });
});
