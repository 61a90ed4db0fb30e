// NumPy's legacy random generator, draw for draw: the order of Paddle's shuffled loaders and samplers comes from it.

import { InvalidArgumentError, OutOfRangeError } from "./errors.js";
import { Mt19937, type Mt19937State, entropyWords } from "./mt19937.js";

/** Everything that decides the next draws of a {@link RandomState}. */
export interface RandomStateData extends Mt19937State {
  /** The second normal of a pair, kept for the next call. */
  readonly gauss: number | undefined;
}

/** What `choice` may be told beside the items and the count. */
export interface ChoiceOptions {
  /** Whether an item may be drawn again; true by default. */
  replace?: boolean | undefined;
  /** Probability of each item; all equal by default. */
  p?: ArrayLike<number> | undefined;
}

/**
 * `np.random.RandomState`: the same draws for the same seed and order of calls (normals to the last bit but one, where the
 * platform's logarithm differs).
 *
 * @example
 * new RandomState(0).permutation(10); // [2, 8, 4, 9, 1, 6, 7, 3, 0, 5]
 */
export class RandomState {
  private readonly engine = new Mt19937();
  private gauss: number | undefined;

  /** @param seed see {@link RandomState.seed} */
  constructor(seed?: number | ArrayLike<number>) {
    this.seed(seed);
  }

  /**
   * Starts the stream of `seed`; without one, an unpredictable stream.
   *
   * @param seed an integer in [0, 2^32), or a list of such
   * @throws InvalidArgumentError otherwise.
   */
  seed(seed?: number | ArrayLike<number>): void {
    this.gauss = undefined;
    if (seed === undefined) {
      this.engine.seedWords(entropyWords());
      return;
    }
    const words = typeof seed === "number" ? [seed] : Array.from(seed);
    const valid = words.length > 0 && words.every((w) => Number.isInteger(w) && w >= 0 && w < 2 ** 32);
    if (!valid) throw new InvalidArgumentError(`a seed must be an integer from 0 to 2^32 - 1, got ${String(seed)}.`);
    if (typeof seed === "number") this.engine.seedValue(seed);
    else this.engine.seedWords(words);
  }

  /** The state, to be put back by {@link RandomState.setState}. */
  getState(): RandomStateData {
    return { ...this.engine.state(), gauss: this.gauss };
  }

  /** Puts back a state; the draws after it repeat. */
  setState(state: RandomStateData): void {
    this.engine.restore(state);
    this.gauss = state.gauss;
  }

  /** Uniform in [0, 1); with `size`, that many. NumPy's `random_sample`, `rand`. */
  random(): number;
  random(size: number): Float64Array;
  random(size?: number): number | Float64Array {
    return this.fill(size, () => this.engine.random());
  }

  /** Uniform in [low, high). */
  uniform(low?: number, high?: number): number;
  uniform(low: number, high: number, size: number): Float64Array;
  uniform(low = 0, high = 1, size?: number): number | Float64Array {
    return this.fill(size, () => low + (high - low) * this.engine.random());
  }

  /** Standard normal, by the polar method; every second one is kept from the call before. */
  randn(): number;
  randn(size: number): Float64Array;
  randn(size?: number): number | Float64Array {
    return this.fill(size, () => this.nextGauss());
  }

  /** Normal with mean `loc` and standard deviation `scale`. */
  normal(loc?: number, scale?: number): number;
  normal(loc: number, scale: number, size: number): Float64Array;
  normal(loc = 0, scale = 1, size?: number): number | Float64Array {
    return this.fill(size, () => loc + scale * this.nextGauss());
  }

  /**
   * Integers in [low, high), or in [0, low) without `high`; bigints for ranges beyond 2^53.
   *
   * @throws InvalidArgumentError when the range is empty or a bound is no safe integer.
   */
  randint(low: number, high?: number): number;
  randint(low: bigint, high?: bigint): bigint;
  randint(low: number, high: number | undefined, size: number): number[];
  randint(low: number | bigint, high?: number | bigint, size?: number): number | bigint | number[] {
    const [from, to] = high === undefined ? [typeof low === "bigint" ? 0n : 0, low] : [low, high];
    if (typeof from === "bigint" || typeof to === "bigint") return this.bigInteger(BigInt(from), BigInt(to));
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || to <= from || to - from > Number.MAX_SAFE_INTEGER) {
      throw new InvalidArgumentError(`the range from ${from} up to ${to} is empty or beyond safe integers.`, {
        op: "randint",
      });
    }
    const draw = () => from + this.interval(to - 1 - from);
    return size === undefined ? draw() : Array.from({ length: checkSize(size) }, draw);
  }

  /** Puts a list in random order, in place. */
  shuffle(items: { [index: number]: unknown; readonly length: number }): void {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.interval(i);
      const item = items[i];
      items[i] = items[j];
      items[j] = item;
    }
  }

  /** The numbers from 0 to n - 1, or a copy of a list, in random order. */
  permutation(n: number): number[];
  permutation<T>(items: readonly T[]): T[];
  permutation<T>(items: number | readonly T[]): number[] | T[] {
    const out = typeof items === "number" ? Array.from({ length: checkSize(items) }, (_, i) => i) : [...items];
    this.shuffle(out);
    return out;
  }

  /**
   * Draws `size` of the numbers from 0 to n - 1.
   *
   * @throws InvalidArgumentError when `p` is no distribution over n items, or more distinct items are asked for than there are.
   */
  choice(n: number, size: number, options: ChoiceOptions = {}): number[] {
    const { replace = true, p } = options;
    if (n <= 0 && size > 0) throw new InvalidArgumentError("there is nothing to choose from.", { op: "choice" });
    if (p !== undefined) checkDistribution(p, n);
    if (replace) return p === undefined ? this.randint(0, n, size) : this.weighted(cumulative(p), checkSize(size));
    if (size > n) {
      throw new InvalidArgumentError(`cannot draw ${size} of ${n} without replacement.`, { op: "choice", n, size });
    }
    if (p === undefined) return this.permutation(n).slice(0, size);
    const possible = Array.from(p).filter((v) => v > 0).length;
    if (possible >= size) return this.weightedDistinct(p, checkSize(size));
    throw new InvalidArgumentError(`cannot draw ${size} different items: ${possible} have a probability above 0.`, {
      op: "choice",
      size,
    });
  }

  /** Uniform integer in [0, max] by masking and rejection; max < 2^53. */
  private interval(max: number): number {
    if (max === 0) return 0;
    if (max >= 2 ** 32) return Number(this.interval64(BigInt(max)));
    const mask = 0xffffffff >>> Math.clz32(max);
    for (;;) {
      const value = (this.engine.next() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  /** The same for max >= 2^32: two words a try, the high one first. */
  private interval64(max: bigint): bigint {
    const mask = (1n << BigInt(max.toString(2).length)) - 1n;
    for (;;) {
      const high = BigInt(this.engine.next());
      const value = ((high << 32n) | BigInt(this.engine.next())) & mask;
      if (value <= max) return value;
    }
  }

  private bigInteger(low: bigint, high: bigint): bigint {
    if (high <= low || high - low > 1n << 64n) {
      throw new InvalidArgumentError(`the range from ${low} up to ${high} is empty or beyond 64 bits.`, {
        op: "randint",
      });
    }
    const max = high - 1n - low;
    return low + (max < 1n << 32n ? BigInt(this.interval(Number(max))) : this.interval64(max));
  }

  private nextGauss(): number {
    if (this.gauss !== undefined) {
      const kept = this.gauss;
      this.gauss = undefined;
      return kept;
    }
    for (;;) {
      const x = 2 * this.engine.random() - 1;
      const y = 2 * this.engine.random() - 1;
      const r = x * x + y * y;
      if (r >= 1 || r === 0) continue;
      const f = Math.sqrt((-2 * Math.log(r)) / r);
      this.gauss = f * x;
      return f * y;
    }
  }

  private weighted(cdf: Float64Array, size: number): number[] {
    return Array.from({ length: size }, () => firstAbove(cdf, this.engine.random()));
  }

  /** Draws what is missing, keeps first occurrences in order, takes their probability away, and repeats. */
  private weightedDistinct(p: ArrayLike<number>, size: number): number[] {
    const rest = Float64Array.from(p);
    const found = new Set<number>();
    while (found.size < size) {
      for (const index of found) rest[index] = 0;
      for (const index of this.weighted(cumulative(rest), size - found.size)) found.add(index);
    }
    return [...found];
  }

  private fill(size: number | undefined, draw: () => number): number | Float64Array {
    if (size === undefined) return draw();
    const out = new Float64Array(checkSize(size));
    for (let i = 0; i < out.length; i++) out[i] = draw();
    return out;
  }
}

/** The generator behind `np.random.*`, shared by all samplers and loaders; unpredictable until it is seeded. */
export const numpyRandom = new RandomState();

function checkSize(size: number): number {
  if (Number.isInteger(size) && size >= 0) return size;
  throw new OutOfRangeError(`a count must be an integer from 0 up, got ${size}.`, { size });
}

function checkDistribution(p: ArrayLike<number>, n: number): void {
  const values = Array.from(p);
  if (values.length !== n)
    throw new InvalidArgumentError(`p has ${values.length} entries for ${n} items.`, { op: "choice" });
  if (!values.every((v) => v >= 0))
    throw new InvalidArgumentError("probabilities must not be negative.", { op: "choice" });
  const sum = values.reduce((a, b) => a + b, 0);
  // NumPy's tolerance: the root of the type's rounding step.
  if (Math.abs(sum - 1) > Math.sqrt(p instanceof Float32Array ? 2 ** -23 : 2 ** -52))
    throw new InvalidArgumentError(`probabilities sum to ${sum}, not to 1.`, { op: "choice" });
}

/** Running sums divided by the last one. */
function cumulative(p: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(p.length);
  let sum = 0;
  for (let i = 0; i < sums.length; i++) {
    sum += p[i]!;
    sums[i] = sum;
  }
  return sums.map((s) => s / sum);
}

/** Index of the first entry above `x` in a growing list. */
function firstAbove(sorted: Float64Array, x: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= x) low = middle + 1;
    else high = middle;
  }
  return low;
}
