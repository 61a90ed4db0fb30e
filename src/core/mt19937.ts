// The 32-bit Mersenne twister behind NumPy's legacy generator and Python's `random`: seeding, words, 53-bit uniforms.
// Source: Matsumoto and Nishimura, "Mersenne Twister" (1998), and their init_by_array of 2002.

import { InvalidArgumentError } from "./errors.js";

const N = 624;
const M = 397;

/** A twister's state, as plain data: 624 words and how many of them are used up. */
export interface Mt19937State {
  readonly key: Uint32Array;
  readonly position: number;
}

/** MT19937 with 32-bit words. Unseeded it holds zeros: seed it first. */
export class Mt19937 {
  private readonly key = new Uint32Array(N);
  private position = N;

  /** Seeds with one 32-bit number (Knuth's multiplier), as `np.random.seed(s)` does. */
  seedValue(seed: number): void {
    let previous = seed >>> 0;
    this.key[0] = previous;
    for (let i = 1; i < N; i++) {
      previous = (Math.imul(1812433253, previous ^ (previous >>> 30)) + i) >>> 0;
      this.key[i] = previous;
    }
    this.position = N;
  }

  /** Seeds with a list of 32-bit words (init_by_array), as Python's `random.seed` and `np.random.seed(list)` do. */
  seedWords(words: ArrayLike<number>): void {
    this.seedValue(19650218);
    const { key } = this;
    let i = 1;
    const advance = () => {
      i++;
      if (i < N) return;
      key[0] = key[N - 1]!;
      i = 1;
    };
    for (let k = 0, j = 0; k < Math.max(N, words.length); k++, j = (j + 1) % words.length) {
      const mixed = Math.imul(key[i - 1]! ^ (key[i - 1]! >>> 30), 1664525);
      key[i] = (key[i]! ^ mixed) + words[j]! + j;
      advance();
    }
    for (let k = 1; k < N; k++) {
      const mixed = Math.imul(key[i - 1]! ^ (key[i - 1]! >>> 30), 1566083941);
      key[i] = (key[i]! ^ mixed) - i;
      advance();
    }
    key[0] = 0x80000000;
  }

  /** The next word, in [0, 2^32). */
  next(): number {
    if (this.position === N) this.refill();
    let x = this.key[this.position++]!;
    x ^= x >>> 11;
    x ^= (x << 7) & 0x9d2c5680;
    x ^= (x << 15) & 0xefc60000;
    return (x ^ (x >>> 18)) >>> 0;
  }

  /** A uniform double in [0, 1) with 53 random bits, from two words. */
  random(): number {
    const a = this.next() >>> 5;
    const b = this.next() >>> 6;
    return (a * 2 ** 26 + b) / 2 ** 53;
  }

  /** A copy of the state. */
  state(): Mt19937State {
    return { key: this.key.slice(), position: this.position };
  }

  /** Puts back what {@link Mt19937.state} gave. Throws InvalidArgument when it has another form. */
  restore(state: Mt19937State): void {
    const fits =
      state.key.length === N && Number.isInteger(state.position) && state.position >= 0 && state.position <= N;
    if (!fits) throw new InvalidArgumentError(`a twister's state is ${N} words and a position from 0 to ${N}.`);
    this.key.set(state.key);
    this.position = state.position;
  }

  private refill(): void {
    const { key } = this;
    for (let i = 0; i < N; i++) {
      const y = (key[i]! & 0x80000000) | (key[(i + 1) % N]! & 0x7fffffff);
      key[i] = key[(i + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.position = 0;
  }
}

/** Words of randomness from the platform, for generators that nobody seeded. */
export const entropyWords = (): Uint32Array => globalThis.crypto.getRandomValues(new Uint32Array(8));
