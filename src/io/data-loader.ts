// DataLoader: batches of a dataset as an asynchronous iterator, in Paddle's orders.

import { InvalidArgumentError, PreconditionNotMetError } from "../core/errors.js";
import { describe, splitOptions, type Trailing } from "../core/options.js";
import { numpyRandom } from "../core/random-numpy.js";
import type { Tensor } from "../tensor/tensor.js";
import { noteReading } from "../trace/observe.js";
import { BatchSampler } from "./batch-sampler.js";
import { type AsTensors, asTensors, type Collated, collateArrays } from "./collate.js";
import { type Dataset, IterableDataset, streamOf } from "./dataset.js";
import { pauseIfDue } from "./pause.js";
import { type RowSource, rowSourceOf, takeRows } from "./rows.js";
import { boolean, positive } from "./sampler.js";
import { WorkerPool } from "./worker-pool.js";

/** Options of {@link DataLoader}. */
export interface DataLoaderOptions<T = unknown, B = Collated<T>> {
  /** Variables that a static Program is fed with; with `returnList: false` a batch is a record by their names. */
  readonly feedList?: readonly Tensor[] | null | undefined;
  /** Accepted for Paddle's sake; there is one CPU device. */
  readonly places?: unknown;
  /** False: batches are records by the names of `feedList`, ready for `exe.run`. True by default. */
  readonly returnList?: boolean | undefined;
  /** Gives the indices of each batch, in place of batchSize, shuffle and dropLast. */
  readonly batchSampler?: (Iterable<readonly number[]> & { readonly length?: number }) | null | undefined;
  /** Samples in a batch, 1 by default; null: samples one by one, without a new axis. */
  readonly batchSize?: number | null | undefined;
  /** A new random order each epoch, NumPy's `permutation`; false by default. */
  readonly shuffle?: boolean | undefined;
  /** Leaves out a last batch that is not full; false by default. */
  readonly dropLast?: boolean | undefined;
  /** Makes a batch of samples in place of the default collation; arrays in it become tensors. */
  readonly collateFn?: ((samples: T[]) => B) | null | undefined;
  /** Workers that fetch samples; 0, the default: this thread does. Needs `workerModule`. */
  readonly numWorkers?: number | undefined;
  /**
   * The module that workers take the dataset from, since functions cannot be sent to them: its default export is a Dataset, its class,
   * or a function of `{ id, numWorkers, seed }` that makes one. An exported `workerInit` is called with the same before.
   */
  readonly workerModule?: URL | string | undefined;
  /** Accepted for Paddle's sake; asynchronous samples are always fetched ahead. */
  readonly useBufferReader?: boolean | undefined;
  /** Batches fetched ahead, for each worker; 2 by default. */
  readonly prefetchFactor?: number | undefined;
  /** Accepted for Paddle's sake. */
  readonly useSharedMemory?: boolean | undefined;
  /** Seconds to wait for a worker's batch; 0, the default: no limit. */
  readonly timeout?: number | undefined;
  /** Keeps the workers for the next epoch; false by default. */
  readonly persistentWorkers?: boolean | undefined;
}

const keys = [
  "feedList",
  "places",
  "returnList",
  "batchSampler",
  "batchSize",
  "shuffle",
  "dropLast",
  "collateFn",
  "numWorkers",
  "workerModule",
  "useBufferReader",
  "prefetchFactor",
  "useSharedMemory",
  "timeout",
  "persistentWorkers",
] as const;

/**
 * Batches of a dataset. Each `for await` is an epoch; samples of a batch are joined field by field into tensors with a new first axis
 * (see `collateFn`). Between batches other tasks of the event loop get their turn every few milliseconds.
 *
 * A plain number of a sample becomes the default float dtype; give labels as integers of a typed array, as `bigint`, or cast.
 *
 * @throws InvalidArgumentError for options that do not go together, and while iterating for samples that make no batch;
 * UnavailableError while iterating when a worker fails.
 * @example
 * ```ts
 * import { io } from "oarjs";
 * const x = { dtype: "float32" as const, shape: [4, 2], data: new Float32Array(8) };
 * const loader = new io.DataLoader(new io.TensorDataset([x]), { batchSize: 2, shuffle: true });
 * let batches = 0;
 * for await (const [batch] of loader) batches += batch.shape[0] === 2 ? 1 : 0;
 * console.log(batches); // 2
 * ```
 */
export class DataLoader<T = unknown, B = Collated<T>> {
  readonly dataset: Dataset<T>;
  /** Null when samples come one by one, or the dataset is a stream. */
  readonly batchSampler: (Iterable<readonly number[]> & { readonly length?: number }) | null;
  readonly batchSize: number | null;
  readonly dropLast: boolean;
  readonly numWorkers: number;
  readonly #options: DataLoaderOptions<T, B>;
  readonly #rows: RowSource | undefined;
  #pool: WorkerPool | undefined;

  constructor(dataset: Dataset<T>, ...rest: Trailing<readonly Tensor[] | null, DataLoaderOptions<T, B>>) {
    const o = splitOptions<DataLoaderOptions<T, B>>("DataLoader", rest, keys);
    checkDataset(dataset);
    this.dataset = dataset;
    this.numWorkers = workersOf(o);
    this.dropLast = boolean("DataLoader", "dropLast", o.dropLast ?? false);
    positive("DataLoader", "prefetchFactor", o.prefetchFactor ?? 2);
    this.#options = o;
    const given = o.batchSampler ?? null;
    if (given !== null && (o.batchSize !== undefined || o.shuffle || o.dropLast))
      throw refuse("batchSize, shuffle and dropLast are the batchSampler's when there is one.");
    const { batchSize = 1 } = o;
    this.batchSize = given !== null || batchSize === null ? null : positive("DataLoader", "batchSize", batchSize);
    if (dataset instanceof IterableDataset) {
      if (o.shuffle) throw refuse("a stream (IterableDataset) cannot be shuffled.");
      if (given !== null) throw refuse("a stream (IterableDataset) cannot be sampled.");
      this.batchSampler = null;
    } else if (this.batchSize === null) this.batchSampler = given;
    else {
      const { batchSize: size, dropLast } = this;
      this.batchSampler = new BatchSampler({ dataset, batchSize: size, dropLast, shuffle: o.shuffle ?? false });
    }
    this.#rows = o.collateFn || this.batchSampler === null ? undefined : rowSourceOf(dataset);
  }

  /** Number of batches. @throws PreconditionNotMetError for a stream, or when the batch sampler does not know. */
  get length(): number {
    if (this.dataset instanceof IterableDataset || this.batchSampler === null) return this.dataset.length;
    const { length } = this.batchSampler;
    if (length !== undefined) return length;
    throw new PreconditionNotMetError("the batch sampler does not define its length.", { op: "DataLoader.length" });
  }

  /** One epoch. */
  async *[Symbol.asyncIterator](): AsyncGenerator<AsTensors<B>, void, undefined> {
    const batches = this.numWorkers > 0 ? this.#fromWorkers() : this.#fromHere();
    let asked = performance.now();
    for await (const batch of batches) {
      await pauseIfDue();
      const fed = this.#asFed(asTensors(batch)) as AsTensors<B>;
      noteReading(asked);
      yield fed;
      asked = performance.now();
    }
  }

  /** Ends workers that were kept for the next epoch. */
  close(): void {
    this.#pool?.close();
    this.#pool = undefined;
  }

  #asFed(batch: unknown): unknown {
    const { feedList, returnList = true } = this.#options;
    if (returnList || !feedList) return batch;
    const fields = Array.isArray(batch) ? batch : [batch];
    if (fields.length !== feedList.length)
      throw refuse(`feedList names ${feedList.length} variables, a batch has ${fields.length} fields.`);
    return Object.fromEntries(feedList.map((variable, i) => [variable.name ?? variable.symbol?.name, fields[i]]));
  }

  #collate(samples: unknown[]): unknown {
    const { collateFn } = this.#options;
    return collateFn ? collateFn(samples as T[]) : collateArrays(samples);
  }

  /** What is fetched: indices of a batch, or one index. */
  #requests(): Iterable<readonly number[] | number> {
    return this.batchSampler ?? Array.from({ length: this.dataset.length }, (_, i) => i);
  }

  #finish(samples: unknown[], request: readonly number[] | number): unknown {
    return typeof request === "number" ? samples[0] : this.#collate(samples);
  }

  async *#fromHere(): AsyncGenerator<unknown> {
    if (this.dataset instanceof IterableDataset) {
      yield* this.#fromStream(this.dataset);
      return;
    }
    const fetch = (request: readonly number[] | number): unknown => {
      if (this.#rows && typeof request !== "number") return takeRows(this.#rows, request);
      const samples = [request].flat().map((index) => this.dataset.getitem(index));
      if (!samples.some((s) => s instanceof Promise)) return this.#finish(samples, request);
      return Promise.all(samples).then((all) => this.#finish(all, request));
    };
    const { prefetchFactor = 2 } = this.#options;
    const ahead: Promise<unknown>[] = [];
    for (const request of this.#requests()) {
      const batch = fetch(request);
      if (!(batch instanceof Promise)) yield batch;
      else if (ahead.push(expected(batch)) > prefetchFactor) yield await ahead.shift();
    }
    for (const batch of ahead) yield await batch;
  }

  async *#fromStream(dataset: IterableDataset): AsyncGenerator<unknown> {
    let samples: unknown[] = [];
    for await (const sample of streamOf(dataset)) {
      if (this.batchSize === null) {
        yield sample;
        continue;
      }
      if (samples.push(sample) < this.batchSize) continue;
      yield this.#collate(samples);
      samples = [];
    }
    if (samples.length > 0 && !this.dropLast) yield this.#collate(samples);
  }

  /** Batch i is worker i mod n's; each has prefetchFactor of them under way. */
  async *#fromWorkers(): AsyncGenerator<unknown> {
    // Paddle draws the workers' seed from NumPy's generator before the epoch's order.
    const seed = numpyRandom.randint(0n, 2n ** 63n - 1n);
    const { workerModule, prefetchFactor = 2, timeout = 0, persistentWorkers = false } = this.#options;
    const pool = this.#pool ?? new WorkerPool(String(workerModule), this.numWorkers, seed);
    this.#pool = persistentWorkers ? pool : undefined;
    try {
      if (this.dataset instanceof IterableDataset) yield* this.#fromWorkerStreams(pool, timeout);
      else {
        const ahead: Promise<unknown>[] = [];
        let i = 0;
        for (const request of this.#requests()) {
          const reply = pool.fetch(i++ % pool.size, [request].flat(), timeout);
          ahead.push(expected(reply.then(({ samples }) => this.#finish([...samples!], request))));
          if (ahead.length > pool.size * prefetchFactor) yield await ahead.shift();
        }
        for (const batch of ahead) yield await batch;
      }
    } finally {
      if (!persistentWorkers) pool.close();
    }
  }

  /** Each worker has a stream of its own; a batch from each in turn until all have ended. */
  async *#fromWorkerStreams(pool: WorkerPool, timeout: number): AsyncGenerator<unknown> {
    const size = this.batchSize ?? 1;
    let open = Array.from({ length: pool.size }, (_, id) => ({ id, next: expected(pool.take(id, size, timeout)) }));
    while (open.length > 0) {
      for (const worker of open) {
        const { samples = [], done } = await worker.next;
        if (done) open = open.filter((w) => w !== worker);
        else worker.next = expected(pool.take(worker.id, size, timeout));
        if (samples.length === 0 || (samples.length < size && this.dropLast)) continue;
        yield this.batchSize === null ? samples[0] : this.#collate([...samples]);
      }
    }
  }
}

/** A promise that is awaited later: its failure is thrown there, and is not unhandled until then. */
function expected<P>(promise: Promise<P>): Promise<P> {
  promise.catch(() => undefined);
  return promise;
}

function checkDataset(dataset: unknown): void {
  if (dataset instanceof IterableDataset) return;
  const { getitem, length } = (dataset ?? {}) as { getitem?: unknown; length?: unknown };
  if (typeof getitem === "function" && typeof length === "number") return;
  throw refuse(`a Dataset was expected, got ${describe(dataset)}.`);
}

type Workers = Pick<DataLoaderOptions, "numWorkers" | "workerModule" | "timeout">;

function workersOf({ numWorkers = 0, workerModule, timeout = 0 }: Workers): number {
  if (!Number.isInteger(numWorkers) || numWorkers < 0)
    throw refuse(`numWorkers must be an integer from 0 up, got ${describe(numWorkers)}.`);
  if (!(timeout >= 0)) throw refuse(`timeout must be a number from 0 up, got ${describe(timeout)}.`);
  if (numWorkers === 0 || workerModule !== undefined) return numWorkers;
  throw new InvalidArgumentError("workers need a module to take the dataset from.", {
    op: "DataLoader",
    hint: 'Pass workerModule: new URL("./dataset.js", import.meta.url), whose default export is the dataset.',
  });
}

const refuse = (message: string): InvalidArgumentError => new InvalidArgumentError(message, { op: "DataLoader" });
