// Tests of values kept for a row: softmax computes each exponential once when sizes are known, and keeps its values.

import { expect, test } from "vitest";
import { kernelText } from "../kernel/print.js";
import { jit, nn, toTensor } from "../index.js";
import { softmaxOp } from "../ops/softmax.js";
import { GraphBuilder } from "../trace/lower.js";
import { fuse } from "./fuse.js";
import { targetFactsOf } from "./target-facts.js";

/** The kernels of a softmax over the last axis. */
function softmaxText(cols: number): string {
  const b = new GraphBuilder();
  const x = b.input({ shape: [4, cols], dtype: "float32" });
  const steps = fuse(b.graph(b.add(softmaxOp, [x], { axis: 1 })), {
    target: targetFactsOf({ name: "wasm" }),
    generic: false,
  });
  return steps
    .flatMap((s) => (s.kind === "nest" ? s.nest.kernels : []))
    .map(kernelText)
    .join("\n");
}

/** How often a text holds the polynomial of `exp`, by the constant ln 2 that its argument is divided by. */
const exponentials = (text: string): number => text.split("1.442695").length - 1;

test("softmax of rows computes each exponential once, and again only when a row is too long to keep", () => {
  expect(exponentials(softmaxText(96))).toBe(1);
  expect(exponentials(softmaxText(100_000))).toBe(2);
});

test("its values are those of the formula, at lengths with and without a rest", async () => {
  const step = jit.compile((x: Parameters<typeof nn.functional.softmax>[0]) => nn.functional.softmax(x));
  for (const cols of [16, 37, 100]) {
    const rows = [0, 1, 2].map((r) => Array.from({ length: cols }, (_, c) => Math.sin(r * 31 + c) * 5));
    const expected = rows.map((row) => {
      const e = row.map((v) => Math.exp(v));
      const sum = e.reduce((a, v) => a + v, 0);
      return e.map((v) => v / sum);
    });
    const got = (await step(toTensor(rows)).tolist()) as number[][];
    got.forEach((row, r) => row.forEach((v, c) => expect(Math.abs(v - expected[r]![c]!)).toBeLessThan(1e-6)));
  }
});
