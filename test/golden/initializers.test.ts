// Golden: every initializer against parameters recorded from Paddle 3.3.1, in all float dtypes, and the draws of layers and functions.

import type { Tensor } from "oarjs";
import * as oar from "oarjs";
import { describe, expect, test } from "vitest";
import { excess, fixtureArrays } from "./arrays-node.js";
import { fixtureJson } from "./fixtures-node.js";
import { initializerOf } from "./initializer-of.js";

type DType = Tensor["dtype"];
interface Case {
  readonly id: string;
  readonly initializer: string;
  readonly args: Readonly<Record<string, unknown>> & readonly unknown[];
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly seed: number;
  readonly layer: string;
  readonly keys?: readonly string[];
  readonly error?: string;
}
interface Manifest {
  readonly calculate_gain: Readonly<Record<string, number>>;
  readonly cases: readonly Case[];
}

const { cases, calculate_gain: gains } = fixtureJson<Manifest>("initializers/manifest_dygraph_3.3.1.json");
const arrays = fixtureArrays("initializers/dygraph_3.3.1.npz");
const { nn } = oar;
const ofKind = (kind: string) =>
  cases.filter((c) => c.id.startsWith(`${kind}/`) && !c.error).map((c) => [c.id, c] as const);

const maker = (c: Case) => initializerOf(c.initializer, c.args);

/** Bit for bit, but for LAPACK's rotations and the doubles whose logarithm the C library fuses. */
function compare(id: string, got: ArrayLike<number | bigint>, name: string): void {
  const want = arrays.get(`${id}/${name}`)!.data;
  expect(got.length).toBe(want.length);
  if (id.includes("Orthogonal")) expect(excess(got, want, 0, 2e-6)).toBeLessThanOrEqual(0);
  else if (id.endsWith("float64")) expect(excess(got, want, 1e-13, 0)).toBeLessThanOrEqual(0);
  else expect(Array.from(got)).toEqual(Array.from(want as ArrayLike<number>));
}

describe("initializers", () => {
  test.each(ofKind("exact"))("%s", async (id, c) => {
    const made = maker(c).make(c.shape, c.dtype);
    expect(made.shape).toEqual(c.shape);
    expect(made.dtype).toBe(c.dtype);
    compare(id, await made.data(), "value");
  });

  test.each(ofKind("random"))("%s", async (id, c) => {
    oar.seed(c.seed);
    const [first, second] = [maker(c).make(c.shape, c.dtype), maker(c).make(c.shape, c.dtype)];
    expect(first.dtype).toBe(c.dtype);
    compare(id, await first.data(), "first");
    compare(id, await second.data(), "second");
  });

  test.each(cases.filter((c) => c.error).map((c) => [c.id, c] as const))(
    "%s: strictPaddle refuses what Paddle has no kernel for; it is drawn without",
    (_, c) => {
      oar.setFlags({ strictPaddle: true });
      try {
        expect(() => maker(c).make(c.shape, c.dtype)).toThrow(oar.UnimplementedError);
      } finally {
        oar.setFlags({ strictPaddle: false });
      }
      expect(maker(c).make(c.shape, c.dtype)).toMatchObject({ shape: c.shape, dtype: c.dtype });
    },
  );

  test.each(Object.entries(gains))("gain of %s", (name, want) => {
    const [nonlinearity, param] = name.split(",") as [string, string?];
    const got = nn.initializer.calculateGain(nonlinearity, param === undefined ? undefined : Number(param));
    expect(got).toBeCloseTo(want, 14);
  });
});

describe("layers draw their parameters in Paddle's order", () => {
  const layers = nn as unknown as Readonly<Record<string, new (...args: unknown[]) => oar.nn.Layer>>;
  for (const [id, c] of ofKind("layer").filter(([, each]) => each.keys)) {
    test.skipIf(!layers[c.layer])(id, async () => {
      oar.seed(c.seed);
      const layer = new layers[c.layer]!(...c.args);
      for (const key of c.keys!) compare(id, await layer.stateDict()[key]!.data(), key);
    });
  }
});

test.each(ofKind("fn"))("functions in a row: %s", async (id, c) => {
  oar.seed(c.seed);
  const { randn, rand, uniform, normal, randint, randperm, bernoulli, toTensor } = oar;
  const results: Readonly<Record<string, () => Tensor>> = {
    rand: () => rand([5]),
    randn: () => randn([5]),
    uniform: () => uniform([4], -2, 2),
    normal: () => normal(1, { std: 2, shape: [4] }),
    randint: () => randint(0, 100, [6]),
    randperm: () => randperm(9),
    bernoulli: () => bernoulli(toTensor(new Float32Array(12).fill(0.5))),
    dropout: () => nn.functional.dropout(toTensor(new Float32Array(12).fill(1)), 0.5),
  };
  for (const [name, make] of Object.entries(results)) compare(id, await make().data(), name);
});
