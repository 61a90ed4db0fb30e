// Batch samplers: groups of indices, for one process or for this process's part among several.

import { InvalidArgumentError, PreconditionNotMetError } from "../core/errors.js";
import { type Trailing, splitOptions } from "../core/options.js";
import { RandomState } from "../core/random-numpy.js";
import { IterableDataset, type Sized } from "./dataset.js";
import { RandomSampler, Sampler, SequenceSampler, boolean, positive } from "./sampler.js";

/** Options of {@link BatchSampler}. */
export interface BatchSamplerOptions {
  /** What is sampled; give this or `sampler`. */
  dataset?: Sized | null | undefined;
  /** The order of indices. */
  sampler?: Iterable<number> | null | undefined;
  /** Takes the dataset in random order; false by default. */
  shuffle?: boolean | undefined;
  /** Indices in a batch; 1 by default. */
  batchSize?: number | undefined;
  /** Leaves out a last batch that is not full; false by default. */
  dropLast?: boolean | undefined;
}

const keys = ["dataset", "sampler", "shuffle", "batchSize", "dropLast"] as const;

/**
 * Batches of indices.
 *
 * @throws InvalidArgumentError unless either a dataset or a sampler is given (shuffle goes with a dataset only).
 * @example
 * for (const indices of new BatchSampler(dataset, { batchSize: 32, shuffle: true })) { … }
 */
export class BatchSampler extends Sampler<number[]> {
  readonly sampler: Iterable<number>;
  readonly batchSize: number;
  shuffle: boolean;
  readonly dropLast: boolean;

  constructor(...args: Trailing<Sized, BatchSamplerOptions>) {
    super();
    const o = splitOptions<BatchSamplerOptions>("BatchSampler", args, keys);
    this.batchSize = positive("BatchSampler", "batchSize", o.batchSize ?? 1);
    this.shuffle = boolean("BatchSampler", "shuffle", o.shuffle ?? false);
    this.dropLast = boolean("BatchSampler", "dropLast", o.dropLast ?? false);
    this.sampler = samplerOf(o, this.shuffle);
  }

  override *[Symbol.iterator](): Iterator<number[]> {
    let batch: number[] = [];
    for (const index of this.indices()) {
      batch.push(index);
      if (batch.length < this.batchSize) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0 && !this.dropLast) yield batch;
  }

  /** Number of batches. @throws PreconditionNotMetError when the sampler does not know its length. */
  override get length(): number {
    const batches = this.indexCount() / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** One epoch's indices, to be cut into batches. */
  protected indices(): Iterable<number> {
    return this.sampler;
  }

  /** How many they are. */
  protected indexCount(): number {
    if ("length" in this.sampler) return Number(this.sampler.length);
    throw new PreconditionNotMetError("the sampler does not define its length.", { op: "BatchSampler.length" });
  }
}

/** Options of {@link DistributedBatchSampler}. */
export interface DistributedBatchSamplerOptions {
  /** Number of processes; 1 by default. */
  numReplicas?: number | null | undefined;
  /** Which of them this is, from 0; 0 by default. */
  rank?: number | null | undefined;
  /** Takes the dataset in an order drawn from the epoch's number, the same in all processes; false by default. */
  shuffle?: boolean | undefined;
  /** Leaves out a last batch that is not full; false by default. */
  dropLast?: boolean | undefined;
}

const distributedKeys = ["numReplicas", "rank", "shuffle", "dropLast"] as const;

/**
 * This process's batches: the dataset is padded from its start to equal shares, ordered by `RandomState(epoch)`, and dealt out a
 * batch to each process in turn; the rest is dealt in equal parts.
 *
 * @throws InvalidArgumentError on a size that is no positive integer or a rank that is not among the processes.
 * @example
 * const sampler = new DistributedBatchSampler(dataset, 32, { numReplicas: 4, rank: 1, shuffle: true });
 */
export class DistributedBatchSampler extends BatchSampler {
  readonly dataset: Sized;
  readonly nranks: number;
  readonly localRank: number;
  /** Seeds the next shuffle; counts up with each epoch begun. */
  epoch = 0;
  /** Samples of one process. */
  readonly numSamples: number;
  /** Samples of all processes, padding included. */
  readonly totalSize: number;

  constructor(dataset: Sized, batchSize: number, ...rest: Trailing<number, DistributedBatchSamplerOptions>) {
    const api = "DistributedBatchSampler";
    const o = splitOptions<DistributedBatchSamplerOptions>(api, rest, distributedKeys);
    super({ sampler: new SequenceSampler(dataset), batchSize, dropLast: o.dropLast });
    this.dataset = dataset;
    this.shuffle = boolean(api, "shuffle", o.shuffle ?? false);
    this.nranks = positive(api, "numReplicas", o.numReplicas ?? 1);
    this.localRank = o.rank ?? 0;
    if (!Number.isInteger(this.localRank) || this.localRank < 0 || this.localRank >= this.nranks) {
      throw new InvalidArgumentError(`rank ${this.localRank} is not among ${this.nranks} processes.`, { op: api });
    }
    this.numSamples = Math.ceil(dataset.length / this.nranks);
    this.totalSize = this.numSamples * this.nranks;
  }

  /** Sets the number that seeds the next shuffle. */
  setEpoch(epoch: number): void {
    this.epoch = epoch;
  }

  protected override indices(): number[] {
    const all = Array.from({ length: this.totalSize }, (_, i) => i % this.dataset.length);
    if (this.shuffle) new RandomState(this.epoch++).shuffle(all);
    const { batchSize, nranks, localRank } = this;
    const block = batchSize * nranks;
    const whole = this.totalSize - (this.totalSize % block);
    const part = (this.totalSize - whole) / nranks;
    const from = whole + localRank * part;
    return all.filter((_, i) =>
      i < whole ? Math.floor((i % block) / batchSize) === localRank : i >= from && i < from + part,
    );
  }

  protected override indexCount(): number {
    return this.numSamples;
  }
}

function samplerOf({ dataset, sampler }: BatchSamplerOptions, shuffle: boolean): Iterable<number> {
  const refuse = (message: string) => new InvalidArgumentError(message, { op: "BatchSampler" });
  if (dataset !== undefined && dataset !== null) {
    if (sampler !== undefined && sampler !== null) throw refuse("give a dataset or a sampler, not both.");
    if (dataset instanceof IterableDataset) throw refuse("an IterableDataset cannot be sampled.");
    return shuffle ? new RandomSampler(dataset) : new SequenceSampler(dataset);
  }
  if (sampler === undefined || sampler === null) throw refuse("a dataset or a sampler is needed.");
  if (shuffle) throw refuse("shuffle goes with a dataset; a sampler has its own order.");
  return sampler;
}
