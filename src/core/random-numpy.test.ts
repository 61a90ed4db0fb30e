// Tests of NumPy's and Python's generators against draws recorded from both.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { RandomState } from "./random-numpy.js";
import { PythonRandom } from "./random-python.js";

const folder = process.env.OAR_FIXTURES ?? fileURLToPath(new URL("../../test/fixtures", import.meta.url));
const own = fileURLToPath(new URL("../../test/fixtures", import.meta.url));
const json = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"));

interface Sampling<Row> {
  readonly name: string;
  readonly np_seeds: readonly number[];
  readonly values: readonly Row[];
}
interface NumpyRow {
  permutation_10: number[];
  random_sample_3: number[];
  randint_0_1000_5: number[];
  choice_20_5_noreplace: number[];
  shuffle_list_9: number[];
  randn_3: number[];
  "uniform_-2_5_3": number[];
  randint_0_maxsize: string;
}
interface PythonRow {
  random_3: number[];
  "uniform_-2_5_2": number[];
  randint_3_1000_5: number[];
  shuffle_9: number[];
}
const { sampling } = json(`${folder}/random/manifest.json`) as { sampling: readonly Sampling<NumpyRow & PythonRow>[] };
const rowsOf = (name: string) => {
  const found = sampling.find((s) => s.name === name)!;
  return found.np_seeds.map((seed, i) => ({ seed, row: found.values[i]! }));
};
const draws = json(`${own}/generators/draws.json`) as {
  numpy: Record<string, never>;
  python: Record<string, PythonDraws>;
};
interface PythonDraws {
  random: number;
  bits: number[];
  randrange: number[];
  choice: string[];
  sample_pool: number[];
  sample_set: number[];
  sample_mid: number[];
  randint: number;
}

const times = <T>(n: number, draw: () => T) => Array.from({ length: n }, draw);
const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** Equal to 1 part in 1e14: the logarithms of two platforms differ in the last bit. */
function expectClose(actual: ArrayLike<number>, expected: readonly number[]): void {
  expected.forEach((e, i) => {
    expect(Math.abs(actual[i]! - e), `entry ${i}`).toBeLessThanOrEqual(1e-14 * Math.abs(e));
  });
}

describe("NumPy's generator", () => {
  for (const { seed, row } of rowsOf("numpy_legacy")) {
    it(`gives the recorded draws for seed ${seed}`, () => {
      const random = new RandomState(seed);
      expect(random.permutation(10)).toEqual(row.permutation_10);
      expect([...random.random(3)]).toEqual(row.random_sample_3);
      expect(random.randint(0, 1000, 5)).toEqual(row.randint_0_1000_5);
      expect(random.choice(20, 5, { replace: false })).toEqual(row.choice_20_5_noreplace);
      const list = range(9);
      random.shuffle(list);
      expect(list).toEqual(row.shuffle_list_9);
      expectClose(random.randn(3), row.randn_3);
      expect([...random.uniform(-2, 5, 3)]).toEqual(row["uniform_-2_5_3"]);
      expect(random.randint(0n, 2n ** 63n - 1n)).toBe(BigInt(row.randint_0_maxsize));
    });
  }

  it("gives the draws of lists as seeds, wide ranges, weights and kept normals", () => {
    const d: Record<string, unknown> = draws.numpy;
    expect(new RandomState([1, 2, 3]).randint(0, 2 ** 32, 3)).toEqual(d.seed_list);
    const random = new RandomState(123456789);
    const p = [0.1, 0.2, 0.3, 0.1, 0.2, 0.1];
    expectClose(random.randn(5), d.randn_5 as number[]);
    expectClose(random.normal(2, 3, 4), d.normal_2_3_4 as number[]);
    expect(random.randint(0, 1, 3)).toEqual(d.randint_0_1_3);
    expect(times(3, () => random.randint(-(2 ** 40), 2 ** 50))).toEqual(d.randint_wide);
    expect(String(random.randint(-(2n ** 63n), 2n ** 63n - 1n))).toBe(d.randint_widest);
    expect(random.randint(0, 2 ** 32, 3)).toEqual(d.randint_2_32);
    expect(random.choice(6, 8, { p })).toEqual(d.choice_p);
    expect(random.choice(6, 6, { p, replace: false })).toEqual(d.choice_p_distinct);
    expect(random.permutation([5, 4, 3, 2, 1])).toEqual(d.permutation_list);
    expect(random.permutation(1000)).toEqual(d.permutation_1000);
    expect(random.random()).toBe(d.random);
  });

  it("repeats from a saved state, the kept normal included", () => {
    const random = new RandomState(4);
    random.randn();
    const state = random.getState();
    const first = [random.randn(), random.randn(), random.random()];
    random.setState(state);
    expect([random.randn(), random.randn(), random.random()]).toEqual(first);
  });

  it("is unpredictable without a seed", () => {
    expect(new RandomState().randint(0, 2 ** 50)).not.toBe(new RandomState().randint(0, 2 ** 50));
  });

  it("refuses what NumPy refuses", () => {
    const random = new RandomState(0);
    for (const seed of [-1, 2 ** 32, 0.5, []]) expect(() => random.seed(seed)).toThrow(/a seed must be/);
    expect(() => random.randint(3, 3)).toThrow(/empty/);
    expect(() => random.choice(3, 4, { replace: false })).toThrow(/cannot draw 4 of 3/);
    expect(() => random.choice(3, 1, { p: [0.5, 0.5] })).toThrow(/2 entries for 3 items/);
    expect(() => random.choice(2, 1, { p: [0.5, 0.6] })).toThrow(/sum to/);
    expect(() => random.choice(2, 1, { p: [-0.5, 1.5] })).toThrow(/negative/);
    expect(() => random.choice(2, 2, { p: [1, 0], replace: false })).toThrow(/cannot draw 2 different items: 1/);
    expect(() => random.random(-1)).toThrow(/count/);
  });
});

describe("Python's generator", () => {
  for (const { seed, row } of rowsOf("python_random")) {
    it(`gives the recorded draws for seed ${seed}`, () => {
      const random = new PythonRandom(seed);
      expect(times(3, () => random.random())).toEqual(row.random_3);
      expect(times(2, () => random.uniform(-2, 5))).toEqual(row["uniform_-2_5_2"]);
      expect(times(5, () => random.randint(3, 1000))).toEqual(row.randint_3_1000_5);
      const list = range(9);
      random.shuffle(list);
      expect(list).toEqual(row.shuffle_9);
    });
  }

  for (const [seed, d] of Object.entries(draws.python)) {
    it(`gives the draws of seed ${seed}: bits, ranges, choices, samples`, () => {
      const random = new PythonRandom(BigInt(seed));
      expect(random.random()).toBe(d.random);
      expect([1, 7, 32, 33, 53].map((bits) => random.getrandbits(bits))).toEqual(d.bits);
      expect([random.randrange(10), random.randrange(5, 50, 7), random.randrange(2 ** 40)]).toEqual(d.randrange);
      expect(times(5, () => random.choice([..."abcdefg"]))).toEqual(d.choice);
      expect(random.sample(range(10), 4)).toEqual(d.sample_pool);
      expect(random.sample(range(1000), 5)).toEqual(d.sample_set);
      expect(random.sample(range(200), 20)).toEqual(d.sample_mid);
      expect(random.randint(-3, 3)).toBe(d.randint);
    });
  }

  it("repeats from a saved state and refuses empty ranges", () => {
    const random = new PythonRandom(4);
    const state = random.getState();
    const first = times(5, () => random.random());
    random.setState(state);
    expect(times(5, () => random.random())).toEqual(first);
    expect(() => random.choice([])).toThrow(/empty/);
    expect(() => random.randint(3, 2)).toThrow(/empty/);
    expect(() => random.sample([1], 2)).toThrow(/cannot take 2 of 1/);
    expect(() => random.seed(0.5)).toThrow(/integer/);
  });
});
