// Golden: every random function against the streams recorded from Paddle 3.3.1, bit for bit where its numbers are reproducible.

import { createHash } from "node:crypto";
import * as oar from "oarjs";
import type { Tensor } from "oarjs";
import { nn } from "oarjs";
import { describe, expect, test } from "vitest";
import { fixtureArray } from "./arrays-node.js";
import { fixtureJson } from "./fixtures-node.js";

type DType = Tensor["dtype"];
type Args = Record<string, unknown>;
interface Call {
  readonly api: string;
  readonly input?: string;
  readonly input_shape?: readonly number[];
  readonly input_dtype?: DType;
  readonly args: Args;
  readonly result: {
    readonly dtype: DType;
    readonly shape: readonly number[];
    readonly file?: string;
    readonly sha256?: string[];
  };
}
interface Case {
  readonly name: string;
  readonly seeds: readonly number[];
  readonly close: "exact" | "logf" | "log" | "eigen" | "qr" | "matmul";
  readonly calls: readonly Call[];
}
interface Initializer {
  make(shape: readonly number[], dtype: DType): Tensor;
}

const { cases } = fixtureJson<{ cases: Case[] }>("random/manifest.json");

/** The inputs that the manifest names, by its formulas. */
const inputs: Readonly<Record<string, (i: number) => number>> = {
  ramp: (i) => i + 1,
  alt: (i) => ((i % 2 === 1 ? -1 : 1) * (i + 1)) / 8,
  probs: (i) => ((i * 7) % 11) / 10,
  pos: (i) => (i % 9) / 2 + 0.5,
  counts: (i) => (i % 7) * 8,
};

function inputOf(call: Call): Tensor {
  const shape = [...call.input_shape!];
  const data = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => inputs[call.input!]!(i));
  return oar.toTensor({ dtype: "float64", shape, data }, { dtype: call.input_dtype ?? "float32" });
}

const camel = (name: string): string => name.replace(/(?<=\w)_(\w)/g, (_, c: string) => c.toUpperCase());
const named = (args: Args): Args =>
  Object.fromEntries(Object.entries(args).map(([key, value]) => [key === "from_" ? key : camel(key), value]));

const initializers = nn.initializer as unknown as Readonly<Record<string, new (args: Args) => Initializer>>;

type Function = (...args: unknown[]) => Tensor;

function run(call: Call): Tensor {
  const { shape, dtype, ...rest } = named(call.args);
  const [group, name] = call.api.includes(":") ? (call.api.split(":") as [string, string]) : ["", call.api];
  if (group === "initializer") return new initializers[name]!(rest).make(shape as number[], dtype as DType);
  if (group === "inplace")
    return (inputOf(call) as unknown as Record<string, Function>)[camel(name)]!(named(call.args));
  if (name.startsWith("functional."))
    return (nn.functional as unknown as Record<string, Function>)[camel(name.slice(11))]!(
      inputOf(call),
      named(call.args),
    );
  const fn = (oar as unknown as Record<string, Function>)[camel(name.replace("tensor.", ""))]!;
  if (name === "binomial") return fn(inputOf(call), oar.toTensor(call.args["prob"] as number));
  if (name === "randint" || name === "normal") return fn(named(call.args));
  if (name === "randperm") return fn(call.args["n"], dtype === undefined ? {} : { dtype });
  if (call.input !== undefined) return fn(inputOf(call), named(call.args));
  return fn(shape, { ...rest, ...(dtype === undefined ? {} : { dtype }) });
}

const bytesOf = (x: { buffer: ArrayBufferLike; byteOffset: number; byteLength: number }): Uint8Array =>
  new Uint8Array(x.buffer, x.byteOffset, x.byteLength);

/** Largest difference relative to 1 and to the number, and how many of the elements differ at all. */
function difference(
  got: ArrayLike<number | bigint>,
  want: ArrayLike<number | bigint>,
): { most: number; count: number } {
  let [most, count] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    if (got[i] === want[i]) continue;
    count++;
    most = Math.max(most, Math.abs(Number(got[i]) - Number(want[i])) / Math.max(1e-3, Math.abs(Number(want[i]))));
  }
  return { most, count };
}

/**
 * What may differ, and by how much: Eigen's logarithms, LAPACK's rotations (absolute), powf in gamma numbers of shapes below 1, and
 * doubles whose logarithm the C library fuses.
 */
const tolerance = (c: Case): { most: number; share: number } => {
  if (c.close === "eigen") return { most: 1e-5, share: 1 };
  if (c.close === "qr") return { most: 2e-3, share: 1 };
  if (c.name === "standard_gamma") return { most: 2.5e-7, share: 0.01 };
  return c.close === "log" ? { most: 1e-12, share: 0.001 } : { most: 0, share: 0 };
};

async function check(c: Case, call: Call, at: number, got: Tensor): Promise<void> {
  const { result } = call;
  expect(got.shape).toEqual(result.shape);
  expect(got.dtype).toBe(result.dtype);
  const data = await got.data();
  if (result.sha256) {
    expect(createHash("sha256").update(bytesOf(data)).digest("hex")).toBe(result.sha256[at]);
    return;
  }
  const recorded = fixtureArray(`random/${result.file!}`).data;
  const want = recorded.subarray(at * data.length, (at + 1) * data.length);
  const { most, count } = difference(data, want);
  const limit = tolerance(c);
  expect(most, `${count} of ${want.length} differ`).toBeLessThanOrEqual(limit.most);
  expect(count).toBeLessThanOrEqual(Math.ceil(limit.share * want.length));
}

describe("random streams", () => {
  test.each(cases.map((c) => [c.name, c] as const))("%s", async (_, c) => {
    for (const [at, seed] of c.seeds.entries()) {
      oar.seed(seed);
      for (const call of c.calls) await check(c, call, at, run(call));
    }
  });
});
