// Samplers: the orders in which a loader takes samples, drawn as Paddle draws them from NumPy's global generator.

import { InvalidArgumentError, PreconditionNotMetError } from "../core/errors.js";
import { type NdArray, isNdArray } from "../core/nd-array.js";
import { type Trailing, describe, splitOptions } from "../core/options.js";
import { numpyRandom } from "../core/random-numpy.js";
import { defaultRandperm, type Randperm } from "./combined-dataset.js";
import type { Sized } from "./dataset.js";

/**
 * An order of indices, iterated anew each epoch. Extend it with `*[Symbol.iterator]()`, and `length` where it is known.
 */
export abstract class Sampler<T = number> implements Iterable<T> {
  readonly dataSource: Sized | undefined;

  constructor(dataSource?: Sized) {
    this.dataSource = dataSource;
  }

  abstract [Symbol.iterator](): Iterator<T>;

  /** How many indices an epoch has. @throws PreconditionNotMetError unless a subclass knows. */
  get length(): number {
    throw new PreconditionNotMetError("the sampler does not define its length.", { op: "Sampler.length" });
  }
}

/** 0, 1, … to the end. */
export class SequenceSampler extends Sampler {
  declare readonly dataSource: Sized;

  constructor(dataSource: Sized) {
    super(dataSource);
  }

  override *[Symbol.iterator](): Iterator<number> {
    for (let i = 0; i < this.length; i++) yield i;
  }

  override get length(): number {
    return this.dataSource.length;
  }
}

/** Options of {@link RandomSampler}. */
export interface RandomSamplerOptions {
  /** Whether an index may come again; false by default. */
  replacement?: boolean | undefined;
  /** Indices in an epoch; all by default. */
  numSamples?: number | null | undefined;
  /** Gives the indices instead of the generator; it is not started anew each epoch. */
  generator?: Iterator<number> | null | undefined;
}

/**
 * A random order, from NumPy's global generator: `permutation(n)`, or `randint(0, n, numSamples)` with replacement.
 *
 * @throws InvalidArgumentError when numSamples is no positive integer, or without replacement more than there are.
 * @example
 * const sampler = new RandomSampler(dataset, { replacement: true, numSamples: 100 });
 */
export class RandomSampler extends Sampler {
  declare readonly dataSource: Sized;
  readonly replacement: boolean;
  readonly generator: Iterator<number> | undefined;
  readonly #numSamples: number | undefined;

  constructor(dataSource: Sized, ...rest: Trailing<boolean, RandomSamplerOptions>) {
    super(dataSource);
    const keys = ["replacement", "numSamples", "generator"] as const;
    const o = splitOptions<RandomSamplerOptions>("RandomSampler", rest, keys);
    this.replacement = boolean("RandomSampler", "replacement", o.replacement ?? false);
    this.#numSamples = o.numSamples ?? undefined;
    this.generator = o.generator ?? undefined;
    positive("RandomSampler", "numSamples", this.numSamples);
    if (!this.replacement && this.numSamples > dataSource.length) {
      throw new InvalidArgumentError(`cannot draw ${this.numSamples} of ${dataSource.length} without replacement.`, {
        op: "RandomSampler",
        hint: "Pass replacement: true.",
      });
    }
  }

  get numSamples(): number {
    return this.#numSamples ?? this.dataSource.length;
  }

  override *[Symbol.iterator](): Iterator<number> {
    if (this.generator === undefined) {
      yield* numpyRandom.choice(this.dataSource.length, this.numSamples, { replace: this.replacement });
      return;
    }
    for (let i = 0; i < this.numSamples; i++) {
      const next = this.generator.next();
      if (next.done) return;
      yield next.value;
    }
  }

  override get length(): number {
    return this.numSamples;
  }
}

/** Weights as numbers, an NdArray, or a tensor whose data can be read at once. */
export type Weights =
  | ArrayLike<number>
  | NdArray
  | { readonly shape: readonly number[]; dataSync(): ArrayLike<number | bigint> };

/** Options of {@link WeightedRandomSampler}. */
export interface WeightedRandomSamplerOptions {
  /** Whether an index may come again; true by default. */
  replacement?: boolean | undefined;
}

/**
 * `numSamples` indices drawn by weight (of any sum) from NumPy's global generator; for a matrix so many for each row in turn.
 *
 * @throws InvalidArgumentError when a weight is negative or not finite, or fewer are above 0 than are to be drawn.
 * @example
 * const sampler = new WeightedRandomSampler([1, 1, 8], 100);
 */
export class WeightedRandomSampler extends Sampler {
  readonly weights: Weights;
  readonly numSamples: number;
  readonly replacement: boolean;
  readonly #rows: readonly (Float64Array | Float32Array)[];

  constructor(weights: Weights, numSamples: number, ...rest: Trailing<boolean, WeightedRandomSamplerOptions>) {
    super();
    const api = "WeightedRandomSampler";
    const o = splitOptions<WeightedRandomSamplerOptions>(api, rest, ["replacement"]);
    positive(api, "numSamples", numSamples);
    this.weights = weights;
    this.numSamples = numSamples;
    this.replacement = boolean(api, "replacement", o.replacement ?? true);
    this.#rows = rowsOf(weights);
    for (const row of this.#rows) {
      const possible = row.filter((w) => w > 0).length;
      if (!row.every((w) => w >= 0 && w < Number.POSITIVE_INFINITY) || possible === 0) {
        throw new InvalidArgumentError("weights must be finite, from 0 up, and one at least above 0.", { op: api });
      }
      if (!this.replacement && possible < numSamples) {
        throw new InvalidArgumentError(
          `cannot draw ${numSamples} different indices: ${possible} weights are above 0.`,
          { op: api },
        );
      }
    }
  }

  override *[Symbol.iterator](): Iterator<number> {
    for (const row of this.#rows) {
      // Float32Array's map rounds to float32, as NumPy's division does for float32 weights.
      const sum = pairwiseSum(row, 0, row.length);
      yield* numpyRandom.choice(row.length, this.numSamples, { replace: this.replacement, p: row.map((w) => w / sum) });
    }
  }

  override get length(): number {
    return this.numSamples * this.#rows.length;
  }
}

/**
 * The given indices in random order, each once.
 *
 * @param generator draws the order; Paddle's `randperm` by default, so that it is Paddle's for the same `seed()`
 * @throws InvalidArgumentError when there are none.
 */
export class SubsetRandomSampler extends Sampler {
  readonly indices: readonly number[];
  readonly #randperm: Randperm;

  constructor(
    indices: readonly number[],
    ...rest: Trailing<Randperm | null, { readonly generator?: Randperm | null | undefined }>
  ) {
    super();
    if (indices.length === 0)
      throw new InvalidArgumentError("indices must not be empty.", { op: "SubsetRandomSampler" });
    this.indices = indices;
    const { generator } = splitOptions<{ generator?: Randperm | null }>("SubsetRandomSampler", rest, ["generator"]);
    this.#randperm = generator ?? defaultRandperm;
  }

  override *[Symbol.iterator](): Iterator<number> {
    for (const i of Array.from(this.#randperm(this.length), Number)) yield this.indices[i]!;
  }

  override get length(): number {
    return this.indices.length;
  }
}

/** Refuses what is not a whole number above zero. */
export function positive(api: string, name: string, value: unknown): number {
  if (Number.isInteger(value) && (value as number) > 0) return value as number;
  throw new InvalidArgumentError(`${name} must be a positive integer, got ${describe(value)}.`, {
    op: api,
    parameter: name,
  });
}

/** Refuses what is not a boolean. */
export function boolean(api: string, name: string, value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new InvalidArgumentError(`${name} must be true or false, got ${describe(value)}.`, {
    op: api,
    parameter: name,
  });
}

function rowsOf(weights: Weights): (Float64Array | Float32Array)[] {
  const data = "dataSync" in weights ? weights.dataSync() : isNdArray(weights) ? weights.data : weights;
  const values = data instanceof Float32Array ? data : Float64Array.from(data as ArrayLike<number>, Number);
  const shape = "shape" in weights ? weights.shape : [values.length];
  if (shape.length < 1 || shape.length > 2) {
    throw new InvalidArgumentError(`weights must have one or two axes, got ${shape.length}.`, {
      op: "WeightedRandomSampler",
      shape,
    });
  }
  const width = shape.at(-1)!;
  return Array.from({ length: shape.length === 1 ? 1 : shape[0]! }, (_, i) => values.slice(i * width, (i + 1) * width));
}

/**
 * The sum in the order of NumPy's `sum`, so that the weights are divided by the very same number: eight running sums in blocks
 * of up to 128, halves added recursively.
 */
function pairwiseSum(values: Float64Array | Float32Array, start: number, n: number): number {
  const round = values instanceof Float32Array ? Math.fround : (x: number) => x;
  if (n > 128) {
    const half = (n >> 1) - ((n >> 1) % 8);
    return round(pairwiseSum(values, start, half) + pairwiseSum(values, start + half, n - half));
  }
  let sum = 0;
  let done = 0;
  if (n >= 8) {
    const r = Array.from(values.subarray(start, start + 8));
    for (done = 8; done + 8 <= n; done += 8) {
      for (let k = 0; k < 8; k++) r[k] = round(r[k]! + values[start + done + k]!);
    }
    const add = (a: number, b: number) => round(a + b);
    sum = add(add(add(r[0]!, r[1]!), add(r[2]!, r[3]!)), add(add(r[4]!, r[5]!), add(r[6]!, r[7]!)));
  }
  for (; done < n; done++) sum = round(sum + values[start + done]!);
  return sum;
}
