// std::mt19937_64, Paddle's CPU generator: its seedings, and a plain engine that is the oracle of the kernels which draw in bulk.
// Source: libstdc++'s <random>; Lemire, "Fast Random Integer Generation in an Interval" (2019).

import { InvalidArgumentError } from "./errors.js";

const N = 312;
const M = 156;
const two64 = 1n << 64n;

/** 312 words of 64 bits as halves, and how many of them are used up (312: the next draw refills). */
export interface Mt64State {
  readonly high: Uint32Array;
  readonly low: Uint32Array;
  readonly position: number;
}

/**
 * State after `engine.seed(value)`: an op's own seed. `s[i] = 6364136223846793005 * (s[i-1] ^ s[i-1] >> 62) + i`.
 *
 * @param value taken modulo 2^64: Paddle's negative int32 seeds are sign-extended
 */
export function seedMt64(value: number | bigint): Mt64State {
  const { high, low, position } = emptyState();
  const start = BigInt.asUintN(64, BigInt(value));
  high[0] = Number(start >> 32n);
  low[0] = Number(start & 0xffffffffn);
  // In halves, not with BigInt: Node 20's optimizer aborts the process on a loop that carries a 64-bit BigInt.
  for (let i = 1; i < N; i++) {
    const xHigh = high[i - 1]!;
    const xLow = low[i - 1]! ^ (xHigh >>> 30);
    const sum = (Math.imul(xLow, 0x4c957f2d) >>> 0) + i;
    const carry = sum >= 2 ** 32 ? 1 : 0;
    low[i] = sum;
    high[i] = highProduct(xLow >>> 0, 0x4c957f2d) + Math.imul(xLow, 0x5851f42d) + Math.imul(xHigh, 0x4c957f2d) + carry;
  }
  return { high, low, position };
}

/** The upper 32 bits of the 64-bit product of two 32-bit words. */
function highProduct(a: number, b: number): number {
  const [aHigh, aLow, bHigh, bLow] = [a >>> 16, a & 0xffff, b >>> 16, b & 0xffff];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  return aHigh * bHigh + (middle >>> 16) + (((middle & 0xffff) + aLow * bHigh) >>> 16);
}

/**
 * State after `paddle.seed(seed)`: `std::seed_seq{seed}`, which sees the low 32 bits only, so `2^32` gives the stream of 0.
 *
 * @throws InvalidArgumentError unless the seed is an integer in [0, 2^64).
 */
export function seedMt64FromSequence(seed: number | bigint): Mt64State {
  if (typeof seed === "number" && !Number.isSafeInteger(seed)) {
    throw new InvalidArgumentError(`a seed must be an integer, got ${seed}.`, {
      op: "seed",
      hint: "Beyond 2^53 pass a bigint.",
    });
  }
  const value = BigInt(seed);
  if (value < 0n || value >= two64) {
    throw new InvalidArgumentError(`a seed must be from 0 to 2^64 - 1, got ${value}.`, { op: "seed" });
  }
  const words = seedSequence(Number(value & 0xffffffffn));
  const state = emptyState();
  for (let i = 0; i < N; i++) {
    state.low[i] = words[2 * i]!;
    state.high[i] = words[2 * i + 1]!;
  }
  // The standard's guard against the one state that only repeats itself: all zero but the 31 bits that are never read.
  const dead = state.high[0] === 0 && state.low[0]! >>> 31 === 0;
  if (dead && state.high.every((w) => w === 0) && state.low.every((w, i) => i === 0 || w === 0)) {
    state.high[0] = 0x80000000;
    state.low[0] = 0;
  }
  return state;
}

/** The 624 words of `std::seed_seq{v}.generate`, by the standard's formula for one seed word. */
function seedSequence(v: number): Uint32Array {
  const n = 2 * N;
  const [p, q] = [306, 317];
  const b = new Uint32Array(n).fill(0x8b8b8b8b);
  const mixed = (x: number) => x ^ (x >>> 27);
  const at = (k: number) => (k + n) % n;
  for (let k = 0; k < n; k++) {
    const r1 = Math.imul(1664525, mixed(b[k]! ^ b[at(k + p)]! ^ b[at(k - 1)]!));
    const r2 = r1 + (k === 0 ? 1 : k === 1 ? k + v : k);
    b[at(k + p)] = b[at(k + p)]! + r1;
    b[at(k + q)] = b[at(k + q)]! + r2;
    b[k] = r2;
  }
  for (let k = 0; k < n; k++) {
    const r3 = Math.imul(1566083941, mixed((b[k]! + b[at(k + p)]! + b[at(k - 1)]!) | 0));
    const r4 = r3 - k;
    b[at(k + p)] = b[at(k + p)]! ^ r3;
    b[at(k + q)] = b[at(k + q)]! ^ r4;
    b[k] = r4;
  }
  return b;
}

const emptyState = (): Mt64State => ({ high: new Uint32Array(N), low: new Uint32Array(N), position: N });

/**
 * The engine in plain TypeScript. Each draw leaves its word in `high` and `low`.
 *
 * @example
 * const engine = new Mt64(seedMt64FromSequence(5));
 * engine.bits(); // 0xeb88aa54b914ddf7n
 */
export class Mt64 {
  /** Halves of the word drawn last. */
  high = 0;
  low = 0;
  private readonly stateHigh: Uint32Array;
  private readonly stateLow: Uint32Array;
  private position: number;

  /** @param state is copied. */
  constructor(state: Mt64State) {
    this.stateHigh = state.high.slice();
    this.stateLow = state.low.slice();
    this.position = state.position;
  }

  /** A copy of the state. */
  state(): Mt64State {
    return { high: this.stateHigh.slice(), low: this.stateLow.slice(), position: this.position };
  }

  /** Draws one word into `high` and `low`. */
  next(): void {
    if (this.position === N) this.refill();
    let hi = this.stateHigh[this.position]!;
    let lo = this.stateLow[this.position]!;
    this.position++;
    // Tempering: x ^= x >> 29 & 5555…; x ^= x << 17 & 71D67FFFEDA60000; x ^= x << 37 & FFF7EEE000000000; x ^= x >> 43.
    lo ^= ((lo >>> 29) | (hi << 3)) & 0x55555555;
    hi ^= (hi >>> 29) & 0x55555555;
    hi ^= ((hi << 17) | (lo >>> 15)) & 0x71d67fff;
    lo ^= (lo << 17) & 0xeda60000;
    hi ^= (lo << 5) & 0xfff7eee0;
    lo ^= hi >>> 11;
    this.high = hi >>> 0;
    this.low = lo >>> 0;
  }

  /** The next word as it is. */
  bits(): bigint {
    this.next();
    return (BigInt(this.high) << 32n) | BigInt(this.low);
  }

  /** Uniform float32 in [0, 1): the word rounded once to float32, times 2^-64, at most 1 - 2^-24. */
  canonicalFloat32(): number {
    this.next();
    let low = this.low;
    // Beyond 53 bits the sum would round twice: fold the lowest 11 bits into one sticky bit.
    if (this.high >= 2 ** 21) low = ((low & ~0x7ff) | (low & 0x7ff ? 0x800 : 0)) >>> 0;
    return Math.min(Math.fround(this.high * 2 ** 32 + low) * 2 ** -64, 1 - 2 ** -24);
  }

  /** Uniform double in [0, 1): the word rounded to double, times 2^-64, at most 1 - 2^-53. */
  canonicalFloat64(): number {
    this.next();
    return Math.min((this.high * 2 ** 32 + this.low) * 2 ** -64, 1 - 2 ** -53);
  }

  /** Uniform integer in [low, high], both included, by Lemire's multiplication. */
  uniformInt(low: bigint, high: bigint): bigint {
    const range = high - low + 1n;
    if (range === two64) return low + this.bits();
    for (;;) {
      const product = this.bits() * range;
      const rest = product & (two64 - 1n);
      // The remainder is worked out only where it may matter, as in the original.
      if (rest >= range || rest >= (two64 - range) % range) return low + (product >> 64n);
    }
  }

  /** Puts a list in random order as libstdc++ does: two swaps for each draw. */
  shuffle(items: { [index: number]: unknown; readonly length: number }): void {
    const n = items.length;
    const swap = (i: number, j: number) => {
      const item = items[i];
      items[i] = items[j];
      items[j] = item;
    };
    let i = 1;
    if (n > 1 && n % 2 === 0) swap(i++, Number(this.uniformInt(0n, 1n)));
    while (i < n) {
      const r = BigInt(i + 1);
      const draw = this.uniformInt(0n, r * (r + 1n) - 1n);
      swap(i++, Number(draw / (r + 1n)));
      swap(i++, Number(draw % (r + 1n)));
    }
  }

  /** The numbers from 0 to n - 1 in random order: `paddle.randperm`. */
  randperm(n: number): number[] {
    const out = Array.from({ length: n }, (_, i) => i);
    this.shuffle(out);
    return out;
  }

  private refill(): void {
    const { stateHigh: hi, stateLow: lo } = this;
    for (let i = 0; i < N; i++) {
      const next = (i + 1) % N;
      const from = (i + M) % N;
      const xHigh = hi[i]!;
      const xLow = (lo[i]! & 0x80000000) | (lo[next]! & 0x7fffffff);
      const odd = xLow & 1;
      hi[i] = hi[from]! ^ (xHigh >>> 1) ^ (odd ? 0xb5026f5a : 0);
      lo[i] = lo[from]! ^ ((xLow >>> 1) | (xHigh << 31)) ^ (odd ? 0xa96619e9 : 0);
    }
    this.position = 0;
  }
}
