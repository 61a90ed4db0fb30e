// OAR_DEBUG: what it tells of a small training step, and that its numbers are those of formulas.

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { setFlags } from "../core/flags.js";
import { engine } from "../device/engine.js";
import { compile } from "../jit/compile.js";
import { Linear } from "../nn/layers/linear.js";
import { crossEntropy } from "../nn/functional/cross-entropy.js";
import { SGD } from "../optimizer/sgd.js";
import { ones } from "../tensor/creation.js";
import type { Tensor } from "../tensor/tensor.js";
import { shortened } from "./profile-text.js";
import { setSourceWriter } from "./report.js";

const [BATCH, IN, OUT] = [32, 48, 64];
let lines: string[] = [];

beforeEach(() => {
  lines = [];
  vi.spyOn(console, "error").mockImplementation((text: string) => lines.push(...text.split("\n")));
});

afterEach(() => {
  setFlags({ debug: 0, deterministic: false });
  vi.restoreAllMocks();
});

/** A compiled training step of one layer; `level` holds while it is made and runs `runs` times. */
function trained(level: number, runs = 3) {
  const net = new Linear(IN, OUT);
  net.weight.setValue(ones([IN, OUT]).scale(0.01));
  const opt = new SGD({ learningRate: 0.1, parameters: net.parameters() });
  const step = compile((x: Tensor, y: Tensor) => {
    const loss = crossEntropy(net(x), y);
    loss.backward();
    opt.step();
    opt.clearGrad();
    return loss;
  });
  const [x, y] = [ones([BATCH, IN]), ones([BATCH, 1], "int64")];
  lines = [];
  // No native code, which would be told of, too.
  setFlags({ debug: level, deterministic: true });
  for (let i = 0; i < runs; i++) step(x, y);
  return { step, net, x, y };
}

const product = 2 * BATCH * IN * OUT;

describe("OAR_DEBUG", () => {
  it("0: tells nothing and launches a step at once", () => {
    const { step, x, y } = trained(0);
    const before = engine().launches;
    step(x, y);
    expect(engine().launches).toBe(before + 1);
    expect(lines).toEqual([]);
  });

  it("1: one line for each compiled step, with its work", () => {
    const { step } = trained(1);
    const told = lines.filter((line) => line.includes("jit.compile"));
    expect(told).toHaveLength(1);
    const [, flops] = /(\d+) kFLOP/.exec(told[0]!)!;
    const launches = step.profile()[0]!;
    const total = launches.reduce((n, l) => n + l.flops, 0);
    expect(Number(flops)).toBe(Math.round(total / 1000));
    expect(told[0]).toContain(`${launches.length} launches of`);
    expect(total).toBeGreaterThan(2 * product);
  });

  it("2: a row for each launch after the third run; matrix products count 2·m·n·k and what rides along", () => {
    const { step } = trained(2, 2);
    expect(lines.some((line) => line.includes("best of"))).toBe(false);
    const launches = trained(2).step.profile()[0]!;
    const rows = lines.slice(lines.findIndex((line) => line.includes("best of")) + 3);
    expect(rows.map((row) => row.trim().split(/ {2,}/)[0])).toEqual(
      expect.arrayContaining(launches.map((l) => shortened(l.name, 48))),
    );
    expect(rows.some((row) => row.startsWith("limit, 1 thread"))).toBe(true);
    const forward = launches.find((l) => l.ops[0] === "matmul" && l.ops.includes("add"))!;
    const gradient = launches.find((l) => l.ops.includes("matmul") && l.ops.includes("sgd_"))!;
    // The bias is one addition an element; the update a multiplication and a subtraction a weight.
    expect(forward).toMatchObject({ flops: product + BATCH * OUT, exact: true });
    expect(forward.bytes).toBe(4 * (BATCH * IN + IN * OUT + OUT + BATCH * OUT));
    expect(gradient.flops).toBeGreaterThanOrEqual(product + IN * OUT);
    expect(gradient.flops).toBeLessThanOrEqual(product + 4 * IN * OUT);
    expect(step.variants()).toBe(1);
  });

  it("3, 4, 5: schedules, the Program with its nests, and sources in files", () => {
    const files: string[] = [];
    setSourceWriter((name, text) => {
      expect(text.length).toBeGreaterThan(50);
      files.push(name);
      return name;
    });
    trained(5);
    setSourceWriter(undefined);
    const at = lines.findIndex((line) => line.includes("program of jit.compile"));
    const ops = lines.slice(at + 1).filter((line) => /^ {2}v\d+ \w+\[.*\] = \w+\(/.test(line));
    expect(ops.filter((line) => line.includes(" = matmul("))).toHaveLength(2);
    expect(ops.every((line) => /(?:nest \d+|view|gone|TypeScript)$/.test(line))).toBe(true);
    expect(lines.some((line) => /^ {2}nest 0: \d+ ops?, \d+ launch/.test(line))).toBe(true);
    expect(lines.some((line) => line.includes("schedule of"))).toBe(true);
    expect(lines.some((line) => line.includes("for v0 in 0.."))).toBe(true);
    expect(files.length).toBeGreaterThan(2);
    expect(files.every((name) => /\.(?:wat|c)$/.test(name))).toBe(true);
  });

  it("does not change results", async () => {
    const weights = (level: number) => trained(level, 4).net.weight.data();
    expect(await weights(2)).toEqual(await weights(0));
  });
});

describe("profile", () => {
  it("puts parameters back as they were, and takes a time for each launch", async () => {
    const { step, net, x, y } = trained(0);
    const before = await net.weight.data();
    const rows = step.profile()[0]!;
    expect(await net.weight.data()).toEqual(before);
    expect(rows.every((row) => row.ms > 0 && row.ms < 1000 && row.blocks > 0)).toBe(true);
    const loss = await step(x, y).item();
    expect(Number.isFinite(loss)).toBe(true);
    expect(await net.weight.data()).not.toEqual(before);
  });

  it("refuses when the inputs are gone", () => {
    const { step, x } = trained(0);
    x.storage!.release();
    expect(() => step.profile()).toThrow("disposed");
  });
});
