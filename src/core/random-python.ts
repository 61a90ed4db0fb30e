// Python's `random` module, draw for draw: Paddle's vision transforms take their chances from it.

import { InvalidArgumentError, OutOfRangeError } from "./errors.js";
import { Mt19937, type Mt19937State, entropyWords } from "./mt19937.js";

/**
 * Python's `random.Random`: the same draws for the same seed and order of calls.
 *
 * @example
 * new PythonRandom(0).random(); // 0.8444218515250481
 */
export class PythonRandom {
  private readonly engine = new Mt19937();

  /** @param seed see {@link PythonRandom.seed} */
  constructor(seed?: number | bigint) {
    this.seed(seed);
  }

  /**
   * Starts the stream of an integer of any size (its sign does not matter); without one, an unpredictable stream.
   *
   * @throws InvalidArgumentError when the seed is no integer.
   */
  seed(seed?: number | bigint): void {
    if (seed === undefined) {
      this.engine.seedWords(entropyWords());
      return;
    }
    if (typeof seed === "number" && !Number.isSafeInteger(seed)) {
      throw new InvalidArgumentError(`a seed must be an integer, got ${seed}.`);
    }
    let rest = BigInt(seed) < 0n ? -BigInt(seed) : BigInt(seed);
    const words: number[] = [];
    do {
      words.push(Number(rest & 0xffffffffn));
      rest >>= 32n;
    } while (rest > 0n);
    this.engine.seedWords(words);
  }

  /** The state, to be put back by {@link PythonRandom.setState}. */
  getState(): Mt19937State {
    return this.engine.state();
  }

  /** Puts back a state; the draws after it repeat. */
  setState(state: Mt19937State): void {
    this.engine.restore(state);
  }

  /** Uniform in [0, 1). */
  random(): number {
    return this.engine.random();
  }

  /** `a + (b - a) * random()`. */
  uniform(a: number, b: number): number {
    return a + (b - a) * this.engine.random();
  }

  /** An integer of `bits` random bits, from 1 to 53. */
  getrandbits(bits: number): number {
    if (!Number.isInteger(bits) || bits < 1 || bits > 53) {
      throw new OutOfRangeError(`the number of bits must be from 1 to 53, got ${bits}.`, { bits });
    }
    if (bits <= 32) return this.engine.next() >>> (32 - bits);
    const low = this.engine.next();
    return (this.engine.next() >>> (64 - bits)) * 2 ** 32 + low;
  }

  /** An integer from a to b, both included. */
  randint(a: number, b: number): number {
    return a + this.below(b - a + 1);
  }

  /** One of `start, start + step, …` below `stop`; with one argument from 0. */
  randrange(start: number, stop?: number, step = 1): number {
    const [from, to] = stop === undefined ? [0, start] : [start, stop];
    return from + step * this.below(Math.ceil((to - from) / step));
  }

  /** One item of a list. */
  choice<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** Puts a list in random order, in place. */
  shuffle(items: unknown[]): void {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [items[i], items[j]] = [items[j], items[i]];
    }
  }

  /**
   * k different items of a list, in random order. Small samples of long lists are drawn by rejection, others from a pool;
   * which of the two decides the draws, so Python's rule for it is kept.
   *
   * @throws OutOfRangeError when k is more than there are.
   */
  sample<T>(items: readonly T[], k: number): T[] {
    const n = items.length;
    if (!Number.isInteger(k) || k < 0 || k > n) throw new OutOfRangeError(`cannot take ${k} of ${n} items.`, { k, n });
    const setSize = 21 + (k > 5 ? 4 ** Math.ceil(Math.log(k * 3) / Math.log(4)) : 0);
    if (n <= setSize) return this.sampleFromPool([...items], k);
    const chosen = new Set<number>();
    while (chosen.size < k) chosen.add(this.below(n));
    return Array.from(chosen, (i) => items[i]!);
  }

  private sampleFromPool<T>(pool: T[], k: number): T[] {
    return Array.from({ length: k }, (_, i) => {
      const j = this.below(pool.length - i);
      const item = pool[j]!;
      pool[j] = pool[pool.length - i - 1]!;
      return item;
    });
  }

  /** Uniform integer in [0, n) by rejection. */
  private below(n: number): number {
    if (!Number.isSafeInteger(n) || n <= 0) {
      throw new InvalidArgumentError("the range to draw from is empty or beyond safe integers.", { n });
    }
    const bits = n < 2 ** 32 ? 32 - Math.clz32(n) : 64 - Math.clz32(Math.floor(n / 2 ** 32));
    let value = this.getrandbits(bits);
    while (value >= n) value = this.getrandbits(bits);
    return value;
  }
}

/** The generator behind Python's `random.*` functions; unpredictable until it is seeded. */
export const pythonRandom = new PythonRandom();
