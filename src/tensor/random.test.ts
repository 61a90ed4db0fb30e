// Random functions: how arguments are read, what is refused, moments of the distributions, and the generator's own methods.

import { describe, expect, test } from "vitest";
import { InvalidArgumentError, OutOfRangeError } from "../core/errors.js";
import { Mt64, seedMt64FromSequence } from "../core/mt19937-64.js";
import * as oar from "./index.js";
import { gaussian, truncatedGaussianRandom } from "./random.js";
import { Generator, getRngState, seed, setRngState, type Tensor, toTensor } from "./index.js";

const list = (x: Tensor): number[] => Array.from(x.dataSync() as Float32Array, Number);
const seeded = <R>(s: number, draw: () => R): R => {
  seed(s);
  return draw();
};
const mean = (v: readonly number[]): number => v.reduce((a, b) => a + b, 0) / v.length;
const variance = (v: readonly number[]): number => {
  const m = mean(v);
  return mean(v.map((x) => (x - m) ** 2));
};

describe("arguments", () => {
  test("bare, by name and defaults mean the same", () => {
    const same: readonly (readonly [() => Tensor, () => Tensor])[] = [
      [() => oar.uniform([5], -1, 2), () => oar.uniform([5], { min: -1, max: 2 })],
      [() => oar.uniform([5], "float64"), () => oar.uniform([5], { dtype: "float64" })],
      [() => oar.uniform([5]), () => oar.rand([5])],
      [() => gaussian([5], 1, 2), () => oar.normal({ mean: 1, std: 2, shape: [5] })],
      [() => oar.standardNormal([5]), () => oar.randn(5)],
      [() => oar.randn([2, 2], "float64"), () => oar.randn([2, 2], { dtype: "float64" })],
      [() => oar.randint(7), () => oar.randint(0, 7, [1])],
      [() => oar.randint(-3, 4, { shape: [2, 3] }), () => oar.randint({ low: -3, high: 4, shape: [2, 3] })],
      [() => oar.randLike(toTensor([[1, 2]])), () => oar.rand(toTensor(Int32Array.of(1, 2)))],
      [() => toTensor([0, 0]).uniform_(-1, 1), () => oar.uniform([2], -1, 1)],
      [() => toTensor([0, 0]).random_(9), () => toTensor([0, 0]).random_({ from_: 0, to: 9 })],
    ];
    for (const [a, b] of same) expect(list(seeded(3, a))).toEqual(list(seeded(3, b)));
  });

  test("means and deviations may be tensors, which get gradients", () => {
    const m = toTensor([1, 2], { stopGradient: false });
    const s = toTensor([[3, 4]], { stopGradient: false });
    const x = seeded(5, () => oar.normal(m, { std: s }));
    const standard = list(seeded(5, () => oar.randn([2])));
    list(x).forEach((v, i) => expect(v).toBeCloseTo(standard[i]! * [3, 4][i]! + [1, 2][i]!, 5));
    x.sum().backward();
    expect(list(m.grad!)).toEqual([1, 1]);
    expect(list(s.grad!)).toEqual(standard);
  });

  test("seeds of their own leave the common stream alone", () => {
    seed(1);
    const before = getRngState();
    const [a, b] = [oar.uniform([3], { seed: 9 }), oar.uniform([3], { seed: 9 })];
    expect(list(a)).toEqual(list(b));
    expect(getRngState()).toEqual(before);
  });

  test("refusals", () => {
    expect(() => oar.rand([-1])).toThrow(InvalidArgumentError);
    expect(() => oar.rand([2], "int32")).toThrow(/int32/);
    expect(() => oar.normal()).toThrow(/shape/);
    expect(() => oar.randint(5, 2)).toThrow(/less than/);
    expect(() => oar.randint(0)).toThrow(/greater than 0/);
    expect(() => oar.randint(0, 1, { dtype: "float32" })).toThrow(/int32 or int64/);
    expect(() => oar.randperm(-1)).toThrow(InvalidArgumentError);
    expect(() => oar.randperm(3, "bool")).toThrow(/dtype/);
    expect(() => oar.uniform([2], { seed: 2 ** 40 })).toThrow(/32 bits/);
    expect(() => oar.bernoulli(toTensor([0.5, 2]))).toThrow(OutOfRangeError);
    expect(() => oar.multinomial(toTensor([0, 0, 1]), 2)).toThrow(/replacement/);
    expect(() => oar.multinomial(toTensor([0, 0]), { replacement: true })).toThrow(/positive/);
    expect(() => oar.multinomial(toTensor([1, 1]), 3)).toThrow(/without replacement/);
    expect(() => oar.binomial(toTensor([3]), toTensor(Int32Array.of(1)))).toThrow(InvalidArgumentError);
    expect(() => toTensor([1]).random_({ from_: 4, to: 3 })).toThrow(/less than/);
    expect(() => truncatedGaussianRandom([2], 0, 1, -2, 2, { dtype: "float16" })).toThrow(/float16/);
    for (const bad of [-1, 2n ** 64n, Number.NaN]) expect(() => seed(bad)).toThrow(InvalidArgumentError);
  });
});

/** Sample moments within five standard errors, for 20 000 draws of a fixed seed. */
describe("moments", () => {
  const n = 20000;
  const filled = (value: number): Tensor => toTensor(new Float32Array(n).fill(value));
  const cases: readonly (readonly [string, () => Tensor, mean: number, variance: number])[] = [
    ["uniform", () => oar.uniform([n], -1, 3), 1, 16 / 12],
    ["normal", () => gaussian([n], 2, 3), 2, 9],
    ["truncated normal", () => truncatedGaussianRandom([n], 0, 1, -2, 2), 0, 0.7737],
    ["exponential", () => filled(0).exponential_(2), 0.5, 0.25],
    ["Bernoulli", () => oar.bernoulli(filled(0.3)), 0.3, 0.21],
    ["Bernoulli in place", () => filled(0).bernoulli_(0.7), 0.7, 0.21],
    ["Poisson, small mean", () => oar.poisson(filled(3.5)), 3.5, 3.5],
    ["Poisson, large mean", () => oar.poisson(filled(200)), 200, 200],
    ["gamma", () => oar.standardGamma(filled(2.5)), 2.5, 2.5],
    ["gamma of a small shape", () => oar.standardGamma(filled(0.4)), 0.4, 0.4],
    ["binomial, few", () => oar.binomial(filled(20), filled(0.2)), 4, 3.2],
    ["binomial, many", () => oar.binomial(filled(300), filled(0.8)), 240, 48],
    ["integers", () => oar.randint(0, 12, [n]), 5.5, 143 / 12],
    [
      "log normal",
      () => oar.logNormal({ mean: 0, std: 0.25, shape: [n] }),
      Math.exp(1 / 32),
      Math.expm1(1 / 16) * Math.exp(1 / 16),
    ],
    ["geometric", () => filled(0).geometric_(0.25), -1 / Math.log(0.75), Math.log(0.75) ** -2],
  ];
  test.each(cases)("%s", (_, draw, m, v) => {
    const x = list(seeded(11, draw));
    expect(Math.abs(mean(x) - m)).toBeLessThan(5 * Math.sqrt(v / n));
    // The fourth moments here are below 12 v².
    expect(Math.abs(variance(x) / v - 1)).toBeLessThan(5 * Math.sqrt(12 / n));
  });

  test("without replacement every category comes once", () => {
    const x = list(seeded(2, () => oar.multinomial(toTensor([0.1, 0.2, 0.3, 0.4]), 4)));
    expect([...x].sort()).toEqual([0, 1, 2, 3]);
  });

  test("odd parameters give 0 and no endless loop", () => {
    const odd = toTensor([Number.NaN, -1, 0]);
    expect(list(oar.poisson(odd))).toEqual([0, 0, 0]);
    expect(list(oar.standardGamma(odd))).toEqual([0, 0, 0]);
    expect(list(oar.binomial(toTensor([5, 5, 5]), odd))).toEqual([0, 0, 0]);
    expect(list(oar.binomial(toTensor([5, 0, -2]), toTensor([1, 0.5, 0.5])))).toEqual([5, 0, 0]);
  });
});

describe("Generator", () => {
  test("draws raw words from the common stream, which ops go on with", () => {
    const oracle = new Mt64(seedMt64FromSequence(5));
    const generator = seed(5);
    expect(generator.random()).toBe(oracle.bits());
    expect(list(oar.rand([2]))).toEqual([oracle.canonicalFloat32(), oracle.canonicalFloat32()]);
    expect(generator.initialSeed()).toBe(5n);
  });

  test("is seeded, saved and put back", () => {
    const mine = new Generator().manualSeed(8);
    const state = structuredClone(mine.getState());
    const first = mine.random();
    expect(mine.setState(state).random()).toBe(first);
    expect(mine.seed()).toBe(mine.initialSeed());
    expect(() => mine.setState({ ...state, position: 400 })).toThrow(InvalidArgumentError);
    expect(() => setRngState([])).toThrow(InvalidArgumentError);
  });

  test("2^32 and 0, and a fraction and its integer part, are one seed", () => {
    expect(list(seeded(2 ** 32, () => oar.rand([3])))).toEqual(list(seeded(0, () => oar.rand([3]))));
    expect(list(seeded(1.7, () => oar.rand([3])))).toEqual(list(seeded(1, () => oar.rand([3]))));
  });
});
