// The generated page of features, on a small surface; and the rules that say which recorded APIs the core counts.
import { describe, expect, it } from "vitest";
import { scopeOf } from "./conformance-scope.mjs";
import { camelCase, coverage, page } from "./features.mjs";

class Tensor {
  abs() {}
}
const facts = {
  names: {
    paddle: ["abs", "add_n", "Tensor"],
    "paddle.Tensor": ["abs", "cos_"],
    "paddle.nn": ["Conv2D"],
    "paddle.hub": ["load"],
  },
  version: "3.3.1",
  surface: { Tensor, abs: Math.abs, nn: { Conv2D: Tensor } },
  ops: 12,
  areas: { paddle: { values: 4, valuesPassed: 3, gradients: 0, gradientsPassed: 0 } },
  failing: { "paddle.cos": [1, 2], "paddle.sin": [0, 1] },
  scope: ["paddle.abs", "paddle.cos", "paddle.sin"],
  known: { "cos#1": "because", "sin#1": "because" },
} as const;

describe("features", () => {
  it("spells names as Oar does", () => {
    expect(["add_n", "atleast_1d", "T_max", "conv2d_transpose", "cos_", "__x__"].map(camelCase)).toEqual([
      ...["addN", "atleast1d", "T_max", "conv2dTranspose", "cos_", "__x__"],
    ]);
  });

  it("tells done from missing, methods by the prototype", () => {
    expect(coverage(facts, "paddle")).toEqual({ done: ["abs", "Tensor"], missing: ["addN"] });
    expect(coverage(facts, "paddle.Tensor")).toEqual({ done: ["abs"], missing: ["cos_"] });
    expect(coverage(facts, "paddle.hub")).toEqual({ done: [], missing: ["load"] });
  });

  it("shows shares, counts and reasons", () => {
    const text = page(facts);
    expect(text).toContain("| `paddle` | 2 | 3 | 66.7 % |");
    expect(text).toContain("Not begun: `paddle.hub` (1).");
    expect(text).toContain("| paddle | 3 | 4 | 75.0 % | 0 | 0 | – |");
    expect(text).toContain("1 (33.3 %) pass every");
    expect(text).toContain("1 pass some, and 1 pass none");
    expect(text).toContain("- because: `cos#1`, `sin#1`");
  });
});

describe("the core's scope", () => {
  it.each([
    ["paddle.unfold", true],
    ["paddle.nn.functional.unfold", false],
    ["paddle.nn.functional.max_unpool2d", false],
    ["paddle.nn.AdaptiveAvgPool1D", false],
    ["paddle.nn.LSTMCell", false],
    ["paddle.nn.RNNTLoss", true],
    ["paddle.Tensor.stft", false],
    ["paddle.fft.rfft", false],
    ["paddle.nn.functional.pixel_shuffle", true],
  ])("%s: %s", (api, inScope) => expect(scopeOf([api]).counted).toEqual(inScope ? [api] : []));
});
