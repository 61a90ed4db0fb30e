// Dropout: its gradient, its place in compiled steps, and its refusals.

import { compile } from "../../jit/compile.js";
import { describe, expect, test } from "vitest";
import { InvalidArgumentError, OutOfRangeError } from "../../core/errors.js";
import { getRngState, rand, seed, setRngState, type Tensor, toTensor } from "../../tensor/index.js";
import { alphaDropout, dropout, dropout2d, featureAlphaDropout, gumbelSoftmax, rrelu } from "./dropout.js";

const ramp = (...shape: number[]): Tensor => {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i + 1);
  return toTensor({ dtype: "float32", shape, data }, { stopGradient: false });
};
const list = (x: Tensor | null): number[] => Array.from(x!.dataSync("float32"));

describe("gradients", () => {
  test("flow through the kept elements only, scaled like them", () => {
    seed(1);
    const x = ramp(40);
    const y = dropout(x, 0.25);
    y.backward(toTensor(new Float32Array(40).fill(3)));
    const kept = list(y).map((v) => v !== 0);
    expect(kept.filter(Boolean).length).toBeGreaterThan(20);
    const scale = Math.fround(1 - 0.25);
    expect(list(x.grad)).toEqual(kept.map((k) => (k ? 3 / scale : 0)));
  });

  test("of slices, alpha and randomised leaky forms are the factors of their outputs", () => {
    seed(2);
    const x = ramp(2, 3, 2, 2);
    dropout2d(x, 0.5).sum().backward();
    const channels = list(x.grad);
    for (let c = 0; c < 6; c++) expect(new Set(channels.slice(4 * c, 4 * c + 4)).size).toBe(1);
    expect(new Set(channels)).toEqual(new Set([0, 2]));

    const [a, b] = [ramp(30), ramp(30)];
    seed(3);
    alphaDropout(a, 0.3).sum().backward();
    seed(3);
    const mask = list(dropout(b, { p: 0.3, axis: 0 })).map((v) => v !== 0);
    const factor = Math.fround((0.7 * (1 + 0.3 * 1.7580993408473766 ** 2)) ** -0.5);
    list(a.grad).forEach((g, i) => expect(g).toBeCloseTo(mask[i] ? factor : 0, 6));

    const negative = toTensor([-1, 2, -3, -4], { stopGradient: false });
    const slopes = rrelu(negative, { lower: 0.2, upper: 0.4 });
    slopes.sum().backward();
    list(negative.grad).forEach((g, i) => expect(g * [-1, 2, -3, -4][i]!).toBeCloseTo(list(slopes)[i]!, 6));
  });

  test("outside training nothing is drawn", () => {
    seed(4);
    const before = getRngState();
    const x = ramp(8);
    expect(dropout(x, { p: 0.5, training: false })).toBe(x);
    expect(dropout(x, 0)).toBe(x);
    expect(list(dropout(x, 1))).toEqual(new Array(8).fill(0));
    expect(list(dropout(x, { p: 0.5, training: false, mode: "downscale_in_infer" }))).toEqual(
      list(x).map((v) => v / 2),
    );
    expect(list(rrelu(toTensor([-1, 1]), { lower: 0.25, upper: 0.75, training: false }))).toEqual([-0.5, 1]);
    expect(getRngState()).toEqual(before);
  });
});

describe("compiled", () => {
  test("a step draws the same stream as the eager one, anew in every run", () => {
    const model = (x: Tensor): Tensor => dropout(dropout(x, 0.3).multiply(2), 0.5).add(rand([6, 50]));
    const step = compile((x: Tensor) => model(x));
    const x = toTensor({ dtype: "float32", shape: [6, 50], data: new Float32Array(300).fill(1) });
    seed(5);
    const eager = [0, 1, 2].map(() => list(model(x)));
    seed(5);
    expect([0, 1, 2].map(() => list(step(x)))).toEqual(eager);
    expect(eager[0]).not.toEqual(eager[1]);
    expect(step.variants()).toBe(1);
  });

  test("gradients inside a compiled step use the mask of their own run", () => {
    const w = ramp(64);
    const step = compile((x: Tensor) => {
      const y = dropout(w.add(x), 0.5);
      y.sum().backward();
      return y;
    });
    seed(6);
    const masks = [0, 1, 2].map(() => {
      w.clearGrad();
      const y = list(step(toTensor([0])));
      expect(list(w.grad)).toEqual(y.map((v) => (v === 0 ? 0 : 2)));
      return y.map((v) => v !== 0).join();
    });
    expect(new Set(masks).size).toBe(3);
  });

  test("an op nobody reads still draws", () => {
    const step = compile((x: Tensor) => {
      rand([3]);
      return rand([2]).add(x);
    });
    seed(7);
    const want = [...list(rand([3])), ...list(rand([2]))].slice(3);
    seed(7);
    expect(list(step(toTensor([0, 0])))).toEqual(want);
  });
});

test("a state that is put back repeats what followed it", () => {
  const state = getRngState();
  const first = list(rand([700]));
  setRngState(state);
  expect(list(rand([700]))).toEqual(first);
});

test("Gumbel-softmax: rows sum to 1, hard rows are one-hot", () => {
  seed(8);
  const x = ramp(5, 7);
  const soft = list(gumbelSoftmax(x, { temperature: 2 }));
  const hard = list(gumbelSoftmax(x, { hard: true, axis: 0 }));
  for (let r = 0; r < 5; r++) expect(soft.slice(7 * r, 7 * r + 7).reduce((a, b) => a + b)).toBeCloseTo(1, 5);
  for (let c = 0; c < 7; c++) {
    const column = hard.filter((_, i) => i % 7 === c);
    expect([...column].sort()).toEqual([0, 0, 0, 0, 1]);
  }
});

test("refusals", () => {
  const x = ramp(2, 3);
  for (const p of [-0.1, 1.5, Number.NaN]) expect(() => dropout(x, p)).toThrow(InvalidArgumentError);
  expect(() => dropout(x, { mode: "upscale" as never })).toThrow(/mode/);
  expect(() => dropout(x, { axis: 2 })).toThrow(InvalidArgumentError);
  expect(() => dropout(x, { axis: [-1] })).toThrow(InvalidArgumentError);
  expect(() => dropout2d(x)).toThrow(/4 axes/);
  expect(() => featureAlphaDropout(ramp(3))).toThrow(/two axes/);
  expect(() => rrelu(x, 0.5, { upper: 0.1 })).toThrow(InvalidArgumentError);
  expect(() => gumbelSoftmax(x, { axis: 3 })).toThrow(OutOfRangeError);
  expect(() => gumbelSoftmax(x, 0)).toThrow(/temperature/);
  expect(() => dropout(toTensor(new Int32Array(3)), 0.5)).toThrow(/floating-point/);
});
