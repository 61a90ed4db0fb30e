// Datasets made of others: side by side, one after the other, a part of one, a random split.

import { InvalidArgumentError, OutOfRangeError } from "../core/errors.js";
import { describe, splitOptions, type Trailing } from "../core/options.js";
import { randperm } from "../tensor/random-discrete.js";
import { Dataset, IterableDataset, checkIndex, streamOf } from "./dataset.js";

/** A random order of the numbers from 0 to n - 1. */
export type Randperm = (n: number) => ArrayLike<number | bigint>;

/** Paddle's `randperm`, from the generator that `seed()` sets. */
export const defaultRandperm: Randperm = (n) => randperm(n).dataSync();

/**
 * Sample i is the fields of sample i of each dataset, joined to one list.
 *
 * @throws InvalidArgumentError when there is none, one is a stream, or the lengths differ.
 * @example
 * new ComposeDataset([dataset, dataset]).getitem(0); // the fields of the first sample, twice
 */
export class ComposeDataset extends Dataset<unknown[]> {
  readonly datasets: readonly Dataset[];
  readonly length: number;

  constructor(datasets: readonly Dataset[]) {
    super();
    checkDatasets("ComposeDataset", datasets, false);
    const lengths = datasets.map((dataset) => dataset.length);
    if (lengths.some((n) => n !== lengths[0])) {
      throw new InvalidArgumentError(`the datasets' lengths differ: ${lengths.join(", ")}.`, {
        op: "ComposeDataset",
        lengths,
      });
    }
    this.datasets = [...datasets];
    this.length = lengths[0]!;
  }

  override getitem(index: number): unknown[] | Promise<unknown[]> {
    checkIndex("ComposeDataset", index, this.length);
    const samples = this.datasets.map((dataset) => dataset.getitem(index));
    if (samples.some((sample) => sample instanceof Promise)) return Promise.all(samples).then((all) => all.flat());
    return samples.flat();
  }
}

/**
 * Streams one after the other.
 *
 * @throws InvalidArgumentError when there is none, or one is no IterableDataset.
 */
export class ChainDataset<T = unknown> extends IterableDataset<T> {
  readonly datasets: readonly IterableDataset<T>[];

  constructor(datasets: readonly IterableDataset<T>[]) {
    super();
    checkDatasets("ChainDataset", datasets, true);
    this.datasets = [...datasets];
  }

  override *[Symbol.iterator](): Iterator<T> {
    for (const dataset of this.datasets) {
      const stream = streamOf(dataset);
      if (!(Symbol.iterator in stream)) {
        throw new InvalidArgumentError("a dataset of the chain is asynchronous: iterate it with `for await`.", {
          op: "ChainDataset",
        });
      }
      yield* stream;
    }
  }

  override async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (const dataset of this.datasets) yield* streamOf(dataset);
  }
}

/**
 * Datasets one after the other, by index; negative indices count from the end.
 *
 * @throws InvalidArgumentError when there is none, or one is a stream.
 */
export class ConcatDataset<T = unknown> extends Dataset<T> {
  readonly datasets: readonly Dataset<T>[];
  /** Where each dataset ends. */
  readonly cumulativeSizes: readonly number[];

  constructor(datasets: readonly Dataset<T>[]) {
    super();
    checkDatasets("ConcatDataset", datasets, false);
    this.datasets = [...datasets];
    let end = 0;
    this.cumulativeSizes = datasets.map((dataset) => {
      end += dataset.length;
      return end;
    });
  }

  override get length(): number {
    return this.cumulativeSizes.at(-1)!;
  }

  /** @throws OutOfRangeError outside [-length, length). */
  override getitem(index: number): T | Promise<T> {
    const { length } = this;
    if (!Number.isInteger(index) || index < -length || index >= length) {
      throw new OutOfRangeError(`index ${index} is outside [${-length}, ${length}).`, {
        op: "ConcatDataset",
        index,
        length,
      });
    }
    const place = index < 0 ? index + length : index;
    const i = this.cumulativeSizes.findIndex((end) => place < end);
    return this.datasets[i]!.getitem(place - (this.cumulativeSizes[i - 1] ?? 0));
  }
}

/**
 * The samples of `dataset` at `indices`, in their order.
 *
 * @example
 * new Subset(dataset, [4, 2]).getitem(0); // dataset.getitem(4)
 */
export class Subset<T = unknown> extends Dataset<T> {
  readonly dataset: Dataset<T>;
  readonly indices: readonly number[];

  constructor(dataset: Dataset<T>, indices: readonly number[]) {
    super();
    this.dataset = dataset;
    this.indices = indices;
  }

  override get length(): number {
    return this.indices.length;
  }

  override getitem(index: number): T | Promise<T> {
    checkIndex("Subset", index, this.length);
    return this.dataset.getitem(this.indices[index]!);
  }
}

/**
 * Splits a dataset at random into parts of the given lengths, or of the given shares (which sum to 1; what rounding leaves
 * goes to the first parts, one each).
 *
 * @param generator draws the order; Paddle's `randperm` by default, so that the split is Paddle's for the same `seed()`
 * @throws InvalidArgumentError when the lengths do not sum to the dataset's.
 * @example
 * const [train, test] = randomSplit(dataset, [0.8, 0.2]);
 */
export function randomSplit<T>(
  dataset: Dataset<T>,
  lengths: readonly number[],
  ...rest: Trailing<Randperm | null, { readonly generator?: Randperm | null | undefined }>
): Subset<T>[] {
  const { generator } = splitOptions<{ generator?: Randperm | null }>("randomSplit", rest, ["generator"]);
  const sizes = isShares(lengths) ? sizesOfShares(lengths, dataset.length) : lengths;
  const total = sizes.reduce((a, b) => a + b, 0);
  if (total !== dataset.length || !sizes.every((n) => Number.isInteger(n) && n >= 0)) {
    throw new InvalidArgumentError(
      `lengths [${lengths.join(", ")}] must sum to the dataset's ${dataset.length}, or to 1.`,
      {
        op: "randomSplit",
        lengths,
        total: dataset.length,
      },
    );
  }
  const order = Array.from((generator ?? defaultRandperm)(total), Number);
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return new Subset(dataset, order.slice(start - size, start));
  });
}

/** Shares sum to 1, up to rounding downwards: 1e-9 as Python's `math.isclose`. */
function isShares(lengths: readonly number[]): boolean {
  const sum = lengths.reduce((a, b) => a + b, 0);
  return sum <= 1 && Math.abs(sum - 1) <= 1e-9;
}

function sizesOfShares(shares: readonly number[], total: number): number[] {
  if (!shares.every((share) => share >= 0 && share <= 1)) {
    throw new InvalidArgumentError(`shares must be between 0 and 1, got [${shares.join(", ")}].`, {
      op: "randomSplit",
    });
  }
  const sizes = shares.map((share) => Math.floor(total * share));
  const left = total - sizes.reduce((a, b) => a + b, 0);
  for (let i = 0; i < left; i++) sizes[i % sizes.length]! += 1;
  return sizes;
}

function checkDatasets(api: string, datasets: readonly unknown[], streams: boolean): void {
  if (datasets.length === 0) throw new InvalidArgumentError("at least one dataset is needed.", { op: api });
  for (const dataset of datasets) {
    if (dataset instanceof Dataset && dataset instanceof IterableDataset === streams) continue;
    const wanted = streams ? "IterableDatasets" : "Datasets read by index";
    throw new InvalidArgumentError(`the datasets must be ${wanted}, got ${describe(dataset)}.`, { op: api });
  }
}
