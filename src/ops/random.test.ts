// Random ops on every target against the plain engine of core/ and the formulas of the streams.

import { describe, expect, test } from "vitest";
import { Mt64, seedMt64, seedMt64FromSequence } from "../core/mt19937-64.js";
import { Engine, withEngine } from "../device/engine.js";
import { Heap } from "../device/heap.js";
import { interpTarget } from "../device/interp-target.js";
import { createNativeTarget } from "../device/native-node.js";
import { platform } from "../device/platform-node.js";
import type { Target } from "../device/target.js";
import { createWasmTarget } from "../device/wasm-target.js";
import { assemble } from "../tensor/assemble.js";
import { toArray } from "../trace/eager.js";
import { gaussian, randint, randperm, uniform } from "./random.js";
import { defaultGenerator, generatorFor, readState, writeState } from "./random-state.js";

assemble();

const targets: Record<string, (heap: Heap) => Target> = {
  interp: interpTarget,
  wasm: (heap) => createWasmTarget(heap),
  native: (heap) => {
    const { target, reason } = createNativeTarget(heap);
    if (!target) throw new Error(reason.message);
    return target;
  },
};

const f32 = Math.fround;
const numbers = (v: Parameters<typeof toArray>[0]): number[] => Array.from(toArray(v).data as Float32Array, Number);

describe.each(Object.keys(targets))("%s", (name) => {
  const engine = new Engine(platform, new Heap(), targets[name]);
  const seeded = (seed: number, run: (state: ReturnType<typeof defaultGenerator>["value"]) => void): void =>
    withEngine(engine, () => {
      const { value } = defaultGenerator();
      writeState(value, seedMt64FromSequence(seed));
      run(value);
    });

  test("uniform numbers of both widths in one stream, across refills", () => {
    const oracle = new Mt64(seedMt64FromSequence(42));
    seeded(42, (state) => {
      for (const n of [0, 1, 7, 311, 312, 313, 1000]) {
        const want = Array.from({ length: n }, () => f32(f32(oracle.canonicalFloat32() * f32(2.5)) + f32(-0.5)));
        expect(numbers(uniform([n], -0.5, 2, "float32", state))).toEqual(want);
        const wide = Array.from({ length: n }, () => oracle.canonicalFloat64() * (f32(0.3) - f32(0.1)) + f32(0.1));
        expect(numbers(uniform([n], 0.1, 0.3, "float64", state))).toEqual(wide);
      }
      expect(readState(state)).toEqual(oracle.state());
    });
  });

  test("an op seed makes a stream of its own, also a negative one", () => {
    for (const seed of [7, -3]) {
      const oracle = new Mt64(seedMt64(seed));
      const want = Array.from({ length: 400 }, () => oracle.canonicalFloat32());
      seeded(1, (state) => {
        const before = readState(state);
        expect(numbers(uniform([400], 0, 1, "float32", generatorFor(seed, "uniform")))).toEqual(want);
        expect(readState(state)).toEqual(before);
      });
    }
  });

  test("integers of small and large ranges", () => {
    const oracle = new Mt64(seedMt64FromSequence(3));
    seeded(3, (state) => {
      for (const [low, high] of [
        [-5, 12],
        [0, 2 ** 31 - 1],
        [-(2 ** 52), 2 ** 52],
      ] as const) {
        const want = Array.from({ length: 700 }, () => Number(oracle.uniformInt(BigInt(low), BigInt(high) - 1n)));
        expect(numbers(randint([7, 100], low, high, "int64", state))).toEqual(want);
      }
    });
  });

  test("permutations", () => {
    const oracle = new Mt64(seedMt64FromSequence(9));
    seeded(9, (state) => {
      for (const n of [0, 1, 2, 9, 100, 1001]) {
        expect(numbers(randperm(n, "int64", state))).toEqual(oracle.randperm(n));
      }
    });
  });

  test("normal numbers of float64 by the polar method", () => {
    const oracle = new Mt64(seedMt64FromSequence(11));
    const polar = (n: number): number[] => {
      const out: number[] = [];
      while (out.length < n) {
        const x = 2 * oracle.canonicalFloat64() - 1;
        const y = 2 * oracle.canonicalFloat64() - 1;
        const q = x * x + y * y;
        if (q > 1 || q === 0) continue;
        const factor = Math.sqrt((-2 * Math.log(q)) / q);
        out.push(y * factor * 3 + 1, x * factor * 3 + 1);
      }
      return out.slice(0, n);
    };
    seeded(11, (state) => {
      for (const n of [1, 2, 5, 257, 1000]) {
        const want = polar(n);
        numbers(gaussian([n], 1, 3, "float64", state)).forEach((v, i) =>
          expect(Math.abs(v - want[i]!)).toBeLessThan(1e-14 + 1e-13 * Math.abs(want[i]!)),
        );
      }
      expect(readState(state).position).toBe(oracle.state().position);
    });
  });
});
