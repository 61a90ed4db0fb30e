// Tests of Paddle's generator: the check values of its description, and streams recorded from Paddle 3.3.1.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { readNpy } from "../checkpoint/npy.js";
import { Mt64, seedMt64, seedMt64FromSequence } from "./mt19937-64.js";

const folder = process.env.OAR_FIXTURES ?? fileURLToPath(new URL("../../test/fixtures", import.meta.url));

interface Manifest {
  readonly cases: readonly {
    readonly name: string;
    readonly seeds: readonly number[];
    readonly calls: readonly {
      readonly result: { readonly sha256?: readonly string[]; readonly shape: readonly number[] };
    }[];
  }[];
}
const manifest = JSON.parse(readFileSync(`${folder}/random/manifest.json`, "utf8")) as Manifest;

/** The recorded values of one call for each seed. */
function recorded(file: string): { seed: number; values: (number | bigint)[] }[] {
  const { seeds } = manifest.cases.find((c) => c.name === file.replace(/\.\d$/, ""))!;
  const { shape, data } = readNpy(new Uint8Array(readFileSync(`${folder}/random/${file}.npy`)));
  const size = data.length / shape[0]!;
  return seeds.map((seed, i) => ({
    seed,
    values: Array.from<number | bigint>(data.subarray(i * size, (i + 1) * size)),
  }));
}

const paddleSeed = (seed: number | bigint) => new Mt64(seedMt64FromSequence(seed));
const times = <T>(n: number, draw: () => T) => Array.from({ length: n }, draw);
const f = Math.fround;

describe("seeding", () => {
  it("gives the check values", () => {
    const { high, low } = seedMt64FromSequence(1);
    const word = (i: number) => (BigInt(high[i]!) << 32n) | BigInt(low[i]!);
    expect([word(0), word(1)]).toEqual([1460713395671910065n, 6915662099467694492n]);
    expect(paddleSeed(5).bits()).toBe(0xeb88aa54b914ddf7n);
  });

  it("by value gives the 10000th word that the C++ standard names", () => {
    const engine = new Mt64(seedMt64(5489)); // the default seed, [rand.predef]
    for (let i = 1; i < 10000; i++) engine.next();
    expect(engine.bits()).toBe(9981545732273789042n);
  });

  it("by value stays the same when the optimizer compiles it", () => {
    // Node 20 aborted the process here while the recurrence was computed with BigInt.
    const first = seedMt64(-7);
    for (let i = 0; i < 3000; i++) seedMt64(i);
    expect(seedMt64(-7)).toEqual(first);
  });

  it("sees the low 32 bits of a seed only", () => {
    expect(paddleSeed(2 ** 32).bits()).toBe(paddleSeed(0).bits());
    expect(paddleSeed(2n ** 64n - 1n).bits()).toBe(paddleSeed(2 ** 32 - 1).bits());
  });

  it("refuses what paddle.seed refuses", () => {
    for (const seed of [-1, 2n ** 64n, 1.5, Number.NaN])
      expect(() => seedMt64FromSequence(seed)).toThrow(/a seed must be/);
  });

  it("extends the sign of a negative value", () => {
    expect(new Mt64(seedMt64(-1)).bits()).toBe(new Mt64(seedMt64(2n ** 64n - 1n)).bits());
  });
});

describe("streams recorded from Paddle", () => {
  it("rand, float32", () => {
    for (const { seed, values } of recorded("rand_v3")) {
      const engine = paddleSeed(seed);
      expect(times(values.length, () => engine.canonicalFloat32())).toEqual(values);
    }
  });

  it("uniform, float32 and float64, the bounds rounded to float32", () => {
    const [a, b] = [f(-0.75), f(1.3)];
    for (const { seed, values } of recorded("uniform_f32_v3")) {
      const engine = paddleSeed(seed);
      expect(times(values.length, () => f(f(engine.canonicalFloat32() * f(b - a)) + a))).toEqual(values);
    }
    for (const { seed, values } of recorded("uniform_f64")) {
      const engine = paddleSeed(seed);
      expect(times(values.length, () => engine.canonicalFloat64() * (b - a) + a)).toEqual(values);
    }
  });

  it("an op's own seed", () => {
    const [a, b] = [f(-0.75), f(1.3)];
    for (const { values } of recorded("uniform_opseed.0")) {
      const engine = new Mt64(seedMt64(7));
      expect(times(values.length, () => f(f(engine.canonicalFloat32() * f(b - a)) + a))).toEqual(values);
    }
  });

  it("randint", () => {
    for (const [file, low, high] of [
      ["randint_0", -5n, 11n],
      ["randint_1", 0n, 2147483646n],
    ] as const) {
      for (const { seed, values } of recorded(file)) {
        const engine = paddleSeed(seed);
        expect(times(values.length, () => engine.uniformInt(low, high))).toEqual(values);
      }
    }
  });

  it("randperm, and the draw after it", () => {
    for (const n of [1, 2, 9, 100]) {
      const after = recorded(`randperm_${n}.1`);
      recorded(`randperm_${n}.0`).forEach(({ seed, values }, i) => {
        const engine = paddleSeed(seed);
        expect(engine.randperm(n).map(BigInt)).toEqual(values);
        expect(engine.canonicalFloat32()).toBe(after[i]!.values[0]);
      });
    }
  });

  it("a long randperm, by its digest", () => {
    const { seeds, calls } = manifest.cases.find((c) => c.name === "randperm_big")!;
    const { sha256, shape } = calls[0]!.result;
    seeds.forEach((seed, i) => {
      const order = BigInt64Array.from(paddleSeed(seed).randperm(shape[0]!), BigInt);
      expect(createHash("sha256").update(new Uint8Array(order.buffer)).digest("hex")).toBe(sha256![i]);
    });
  });
});

describe("the engine", () => {
  it("goes on from a saved state, also in the middle of a block", () => {
    const engine = paddleSeed(3);
    for (let i = 0; i < 500; i++) engine.next();
    const copy = new Mt64(engine.state());
    expect(times(400, () => copy.bits())).toEqual(times(400, () => engine.bits()));
  });

  it("rounds words to float32 once", () => {
    // Words around a float32's half-way points, set as the first word: tempering is undone by trying both roundings exactly.
    const engine = paddleSeed(11);
    for (let i = 0; i < 2000; i++) {
      const before = new Mt64(engine.state());
      const word = before.bits();
      const shift = BigInt(Math.max(0, word.toString(2).length - 24));
      const [kept, rest, half] = [word >> shift, word & ((1n << shift) - 1n), (1n << shift) >> 1n];
      const up = rest > half || (rest === half && shift > 0n && (kept & 1n) === 1n);
      const rounded = Number((kept + (up ? 1n : 0n)) << shift) * 2 ** -64;
      expect(engine.canonicalFloat32()).toBe(Math.min(rounded, 1 - 2 ** -24));
    }
  });

  it("draws every integer of the full 64-bit range as it is", () => {
    expect(paddleSeed(5).uniformInt(-(2n ** 63n), 2n ** 63n - 1n)).toBe(0xeb88aa54b914ddf7n - 2n ** 63n);
  });
});
