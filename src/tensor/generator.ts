// The random generator as users see it: seed, Generator, and saving and restoring its state.

import { InvalidArgumentError, PreconditionNotMetError } from "../core/errors.js";
import { describe } from "../core/options.js";
import { Mt64, type Mt64State, seedMt64FromSequence } from "../core/mt19937-64.js";
import {
  defaultGenerator,
  entropy,
  type GeneratorState,
  readState,
  stateValue,
  stateWords,
  writeState,
} from "../ops/random-state.js";
import { isCapturing } from "../trace/bind.js";

/** A generator's whole state, as plain data: it can be cloned, saved and put back. */
export interface RngState {
  /** The 312 words of std::mt19937_64. */
  readonly words: BigUint64Array;
  /** How many of them are used up. */
  readonly position: number;
  /** The seed the generator started from. */
  readonly initialSeed: bigint;
}

/** A seed as Paddle reads it: the integer part of a number, or a bigint. */
function seedOf(seed: number | bigint, op: string): bigint {
  if (typeof seed === "bigint") return seed;
  if (typeof seed !== "number" || !Number.isSafeInteger(Math.trunc(seed))) {
    throw new InvalidArgumentError(`a seed must be an integer, got ${describe(seed)}.`, {
      op,
      hint: "Beyond 2^53 pass a bigint.",
    });
  }
  return BigInt(Math.trunc(seed));
}

function toRngState({ high, low, position }: Mt64State, initialSeed: bigint): RngState {
  const words = BigUint64Array.from(high, (h, i) => (BigInt(h) << 32n) | BigInt(low[i]!));
  return { words, position, initialSeed };
}

function fromRngState({ words, position }: RngState): Mt64State {
  if (!(words instanceof BigUint64Array) || words.length !== stateWords)
    throw new InvalidArgumentError(`a state has ${stateWords} words.`, {
      op: "setState",
      hint: "pass what getState gave.",
    });
  if (!Number.isInteger(position) || position < 0 || position > stateWords)
    throw new InvalidArgumentError(`a position is from 0 to ${stateWords}, got ${position}.`, { op: "setState" });
  return {
    high: Uint32Array.from(words, (w) => Number(w >> 32n)),
    low: Uint32Array.from(words, (w) => Number(w & 0xffffffffn)),
    position,
  };
}

/**
 * A random generator: std::mt19937_64, as Paddle's on CPU. `seed` and `defaultGenerator` give the one that ops draw from; `new
 * Generator()` makes another, seeded from the operating system.
 *
 * @example
 * ```ts
 * import { seed } from "oarjs";
 * console.log(seed(5).random().toString(16)); // eb88aa54b914ddf7
 * ```
 */
export class Generator {
  private readonly own: GeneratorState | undefined;

  /** @param own the state it stands for; by default a new one */
  constructor(own?: GeneratorState | "default") {
    if (own === "default") this.own = undefined;
    else this.own = own ?? newState(entropy());
  }

  private get state(): GeneratorState {
    return this.own ?? defaultGenerator();
  }

  /** The seed it started from. */
  initialSeed(): bigint {
    return this.state.initialSeed;
  }

  /** Starts it anew from a seed. Returns itself. */
  manualSeed(seed: number | bigint): this {
    if (isCapturing()) {
      throw new PreconditionNotMetError("a compiled function cannot set the seed: it would do so once, while traced.", {
        op: "seed",
        hint: "call seed before the compiled function.",
      });
    }
    const { state } = this;
    const initialSeed = seedOf(seed, "seed");
    writeState(state.value, seedMt64FromSequence(initialSeed));
    state.initialSeed = initialSeed;
    return this;
  }

  /** Starts it anew from the operating system. Returns the seed, of 53 bits. */
  seed(): bigint {
    const fresh = entropy();
    this.manualSeed(fresh);
    return fresh;
  }

  /** Draws the next 64 bits. */
  random(): bigint {
    const { value } = this.state;
    const engine = new Mt64(readState(value));
    const bits = engine.bits();
    writeState(value, engine.state());
    return bits;
  }

  /** A copy of the state. */
  getState(): RngState {
    const { value, initialSeed } = this.state;
    return toRngState(readState(value), initialSeed);
  }

  /** Puts a state back: what was drawn after `getState` is drawn again. */
  setState(state: RngState): this {
    const own = this.state;
    writeState(own.value, fromRngState(state));
    own.initialSeed = state.initialSeed;
    return this;
  }
}

const newState = (initialSeed: bigint): GeneratorState => ({
  value: stateValue(seedMt64FromSequence(initialSeed)),
  initialSeed,
});

const shared = new Generator("default");

/** The generator that every op without a seed of its own draws from. */
export const defaultCpuGenerator = (): Generator => shared;

/**
 * Seeds the random stream: initial weights, dropout masks and permutations then repeat, and equal Python Paddle's on CPU. Only the low 32
 * bits count. Without it the stream starts from the operating system. Orders of a DataLoader come from elsewhere (`io`).
 *
 * @returns the generator.
 * @throws InvalidArgumentError unless the seed is an integer in [0, 2^64); a number's fraction is dropped.
 * @example
 * ```ts
 * import { rand, seed } from "oarjs";
 * seed(0);
 * console.log(await rand([2]).tolist()); // [0.3123345971107483, 0.1266777664422989]
 * ```
 */
export const seed = (value: number | bigint): Generator => shared.manualSeed(value);

/** The states of all generators: one, in a list. */
export const getRngState = (): RngState[] => [shared.getState()];

/** Puts back what {@link getRngState} gave. Throws InvalidArgument for anything else. */
export function setRngState(states: readonly RngState[]): void {
  if (!Array.isArray(states) || states.length !== 1) {
    throw new InvalidArgumentError("there is one generator: pass the list that getRngState gave.", {
      op: "setRngState",
    });
  }
  shared.setState(states[0] as RngState);
}
