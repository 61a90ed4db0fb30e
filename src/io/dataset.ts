// Datasets: what a loader reads samples from, by index or as a stream, and rows of arrays as samples.

import { InvalidArgumentError, OutOfRangeError, PreconditionNotMetError } from "../core/errors.js";
import { type NdArray, entriesOf, isNdArray } from "../core/nd-array.js";
import { type Shape, sizeOf } from "../core/shape.js";

/** Something that knows how many samples it has. */
export interface Sized {
  readonly length: number;
}

/**
 * Samples by index. Extend it with `getitem` and `length`; a sample may come as a promise.
 *
 * @example
 * class Squares extends Dataset<number> {
 *   readonly length = 10;
 *   getitem(i: number) { return i * i; }
 * }
 */
export abstract class Dataset<T = unknown> {
  /** Number of samples. */
  abstract readonly length: number;
  /** The sample at `index`, counted from 0. */
  abstract getitem(index: number): T | Promise<T>;
}

/**
 * Samples as a stream. Extend it with `*[Symbol.iterator]()` or `async *[Symbol.asyncIterator]()`; each epoch iterates anew.
 *
 * @example
 * class Lines extends IterableDataset<string> {
 *   *[Symbol.iterator]() { yield* ["a", "b"]; }
 * }
 */
export abstract class IterableDataset<T = unknown> extends Dataset<T> {
  [Symbol.iterator]?(): Iterator<T>;
  [Symbol.asyncIterator]?(): AsyncIterator<T>;

  /** @throws PreconditionNotMetError: a stream has no length. */
  get length(): number {
    throw new PreconditionNotMetError("an IterableDataset has no length.", { op: "IterableDataset.length" });
  }

  /** @throws PreconditionNotMetError: a stream has no index. */
  getitem(index: number): never {
    throw new PreconditionNotMetError("an IterableDataset cannot be read by index.", {
      op: "IterableDataset.getitem",
      index,
    });
  }
}

/** The samples of a stream, whichever way it gives them. Throws PreconditionNotMet when it gives none. */
export function streamOf<T>(dataset: IterableDataset<T>): Iterable<T> | AsyncIterable<T> {
  const asynchronous = dataset[Symbol.asyncIterator]?.bind(dataset);
  if (asynchronous !== undefined) return { [Symbol.asyncIterator]: asynchronous };
  const synchronous = dataset[Symbol.iterator]?.bind(dataset);
  if (synchronous !== undefined) return { [Symbol.iterator]: synchronous };
  throw new PreconditionNotMetError("the dataset has no iterator.", {
    op: "IterableDataset",
    hint: "Define *[Symbol.iterator]() or async *[Symbol.asyncIterator]().",
  });
}

/** Something whose rows can be taken by index: a tensor. */
export interface Rows<Row> {
  readonly shape: Shape;
  at(index: number): Row;
}

type RowOf<A> = A extends NdArray ? NdArray : A extends Rows<infer Row> ? Row : never;
type RowsOf<Arrays extends readonly unknown[]> = { [K in keyof Arrays]: RowOf<Arrays[K]> };

/**
 * Sample i is row i of each array: tensors or NdArrays of equal first extent.
 *
 * @throws InvalidArgumentError when there is no array, or their first extents differ.
 * @example
 * const dataset = new TensorDataset([images, labels]);
 * const [image, label] = dataset.getitem(3);
 */
export class TensorDataset<
  const Arrays extends readonly (NdArray | Rows<unknown>)[] = readonly Rows<unknown>[],
> extends Dataset<RowsOf<Arrays>> {
  readonly tensors: Arrays;
  readonly length: number;

  constructor(tensors: Arrays) {
    super();
    const lengths = tensors.map((tensor) => tensor.shape[0]);
    const [length] = lengths;
    if (length === undefined || lengths.some((n) => n !== length)) {
      throw new InvalidArgumentError(`tensors must have the same first extent, got ${lengths.join(", ")}.`, {
        op: "TensorDataset",
        lengths,
      });
    }
    this.tensors = tensors;
    this.length = length;
  }

  override getitem(index: number): RowsOf<Arrays> {
    checkIndex("TensorDataset", index, this.length);
    return this.tensors.map((tensor) =>
      isNdArray(tensor) ? rowOf(tensor, index) : tensor.at(index),
    ) as RowsOf<Arrays>;
  }
}

/** Throws OutOfRange unless `0 <= index < length`. */
export function checkIndex(api: string, index: number, length: number): void {
  if (Number.isInteger(index) && index >= 0 && index < length) return;
  throw new OutOfRangeError(`index ${index} is outside [0, ${length}).`, { op: api, index, length });
}

/** One row of an array, sharing its memory. */
function rowOf({ dtype, shape, data }: NdArray, index: number): NdArray {
  const row = shape.slice(1);
  const entries = entriesOf(dtype, sizeOf(row));
  return { dtype, shape: row, data: data.subarray(index * entries, (index + 1) * entries) };
}
