// Where the random generator's state lives: one tensor of 312 words and a position on each engine's heap, and states from op seeds.

import { InvalidArgumentError } from "../core/errors.js";
import { type Mt64State, seedMt64FromSequence } from "../core/mt19937-64.js";
import { type Engine, engine } from "../device/engine.js";
import { k } from "../kernel/ops.js";
import { defineOp } from "../program/define-op.js";
import { integers } from "../program/op.js";
import type { Value } from "../program/value.js";
import { bind1 } from "../trace/bind.js";
import { fromArray, storageOf } from "../trace/eager.js";
import { unscoped } from "../trace/handles.js";

/** 64-bit words of the engine's state. */
export const stateWords = 312;

/** Shape of a state tensor: the words, then how many of them are used up. */
export const stateShape: readonly number[] = [stateWords + 1];

/** A generator: its state, and the seed it started from. */
export interface GeneratorState {
  readonly value: Value;
  initialSeed: bigint;
}

const generators = new WeakMap<Engine, GeneratorState>();

/** A new state tensor holding `state`. */
export function stateValue(state: Mt64State): Value {
  const data = new BigInt64Array(stateWords + 1);
  writeWords(data, 0, state);
  return unscoped(() => fromArray({ dtype: "int64", shape: stateShape, data }));
}

/** The generator every op without its own seed draws from; seeded from the operating system at first. */
export function defaultGenerator(): GeneratorState {
  const on = engine();
  let generator = generators.get(on);
  if (!generator) {
    const initialSeed = entropy();
    generator = { value: stateValue(seedMt64FromSequence(initialSeed)), initialSeed };
    generators.set(on, generator);
  }
  return generator;
}

/** 53 random bits of the operating system. */
export function entropy(): bigint {
  const words = crypto.getRandomValues(new Uint32Array(2));
  return (BigInt(words[0]! & 0x1fffff) << 32n) | BigInt(words[1]!);
}

/** Copies a generator's state out of the heap. */
export function readState(value: Value): Mt64State {
  const at = storageOf(value, "getRngState").address / 8;
  const words = engine().heap.views.i64.slice(at, at + stateWords + 1);
  const low = Uint32Array.from(words.subarray(0, stateWords), (w) => Number(w & 0xffffffffn));
  const high = Uint32Array.from(words.subarray(0, stateWords), (w) => Number((w >> 32n) & 0xffffffffn));
  return { high, low, position: Number(words[stateWords]) };
}

/** Puts a state in a generator's place on the heap, where compiled code finds it too. */
export function writeState(value: Value, state: Mt64State): void {
  writeWords(engine().heap.views.i64, storageOf(value, "setRngState").address / 8, state);
}

function writeWords(words: BigInt64Array, at: number, { high, low, position }: Mt64State): void {
  for (let i = 0; i < stateWords; i++) words[at + i] = BigInt.asIntN(64, (BigInt(high[i]!) << 32n) | BigInt(low[i]!));
  words[at + stateWords] = BigInt(position);
}

/**
 * A state from an op's own seed: `s[0] = seed, s[i] = 6364136223846793005 (s[i-1] ^ s[i-1] >> 62) + i`, as std::mt19937_64's value seeding.
 * Marked random although it is not: the op that draws from the result changes it in place, so two must never become one.
 */
export const seedStateOp = defineOp({
  name: "seed_state",
  inputs: [],
  outputs: ["state"],
  attrs: { seed: integers() },
  infer: () => ({ outs: { state: { shape: stateShape, dtype: "int64" } } }),
  kernel: (b, _, { state }, { seed }) => {
    b.parallel(1, () => {
      const word = b.variable(k.cast(seed[0]!, "i64"), "word");
      state.setFlat(k.const("i32", 0), word.value);
      b.for(1, stateWords, (i) => {
        const mixed = k.xor(word.value, k.ushr(word.value, 62));
        b.set(word, k.add(k.mul(mixed, k.const("i64", 6364136223846793005n)), k.cast(i, "i64")));
        state.setFlat(i, word.value);
      });
      state.setFlat(k.const("i32", stateWords), k.const("i64", stateWords));
    });
  },
  grad: null,
  random: true,
  check: { samples: [], noGradCheck: "integers" },
});

/** Seeds in force for ops without one of their own; 0: none. */
const ambient = { all: 0, dropout: (): number => 0 };

/** Says where dropout finds the main Program's `randomSeed`, which it follows in dynamic mode too. */
export function setDropoutSeed(read: () => number): void {
  ambient.dropout = read;
}

/** Runs `fn` with a seed for every op in it that has none: initializers of a startup Program with a `randomSeed`. */
export function withOpSeed<R>(seed: number, fn: () => R): R {
  const before = ambient.all;
  ambient.all = seed;
  try {
    return fn();
  } finally {
    ambient.all = before;
  }
}

/** The state an op draws from: the default generator's, or for a seed other than 0 a fresh one of its own. */
export function generatorFor(seed: number, op: string): Value {
  const used = seed === 0 ? ambient.all : seed;
  if (!Number.isInteger(used) || used < -(2 ** 31) || used >= 2 ** 31)
    throw new InvalidArgumentError(`seed must be an integer of 32 bits, got ${used}.`, { op });
  return used === 0 ? defaultGenerator().value : bind1(seedStateOp, [], { seed: [used] });
}

/** {@link generatorFor} of dropout. */
export const dropoutGenerator = (op: string): Value => generatorFor(ambient.dropout(), op);
