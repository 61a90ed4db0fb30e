// Golden: recurrent layers and attention with dropout against Paddle 3.3.1: same masks, outputs, gradients and state of the stream.

import * as oar from "oarjs";
import type { Tensor } from "oarjs";
import { compile } from "oarjs/jit";
import { describe, expect, test } from "vitest";
import { excess } from "./arrays-node.js";
import { fixtureJson } from "./fixtures-node.js";

const { nn } = oar;

interface Entry {
  readonly y: readonly number[];
  readonly dx: readonly number[];
  /** What `rand([2])` gives afterwards. */
  readonly next: readonly number[];
}

const recorded = fixtureJson<
  Record<"LSTM" | "GRU" | "TimeMajor" | "encoder" | "sdpa", Entry> & { cache: { y: number[] } }
>("sequence/dropout.json");

/** `(i mod period - period / 2) / divisor` in a shape. */
function ramp(shape: readonly number[], period: number, divisor: number): Tensor {
  const count = shape.reduce((n, e) => n * e, 1);
  const data = Float32Array.from({ length: count }, (_, i) => ((i % period) - Math.floor(period / 2)) / divisor);
  return oar.toTensor({ dtype: "float32", shape, data }, { stopGradient: false });
}

const near = (actual: ArrayLike<number>, expected: readonly number[], what: string): void =>
  expect(excess(actual, expected, 2e-5, 2e-6), `${what}: ${Array.from(actual)}`).toBeLessThanOrEqual(0);

function compare(entry: Entry, x: Tensor, run: (x: Tensor) => [y: Tensor, loss: Tensor], wrap: boolean): void {
  const step = (input: Tensor): [Tensor, Tensor] => {
    const [y, loss] = run(input);
    loss.backward();
    const dx = input.grad!;
    input.clearGrad();
    return [y, dx];
  };
  const [y, dx] = (wrap ? compile(step) : step)(x);
  near(y.dataSync("float32"), entry.y, "y");
  near(dx.dataSync("float32"), entry.dx, "dx");
  near(oar.rand([2]).dataSync("float32"), entry.next, "next draw");
}

describe.each([false, true])("compiled: %s", (wrap) => {
  test.each(["LSTM", "GRU", "TimeMajor"] as const)("%s of three layers", (name) => {
    oar.seed(7);
    const make = {
      LSTM: () => new nn.LSTM(3, 4, { numLayers: 3, dropout: 0.4 }),
      GRU: () => new nn.GRU(3, 4, { numLayers: 3, dropout: 0.4, direction: "bidirect" }),
      TimeMajor: () => new nn.SimpleRNN(3, 4, { numLayers: 3, dropout: 0.4, timeMajor: true }),
    };
    const layer = make[name]() as oar.nn.SimpleRNN;
    const run = (x: Tensor): [Tensor, Tensor] => {
      const [y] = layer(x);
      return [y, y.multiply(y).sum()];
    };
    compare(recorded[name], ramp([2, 5, 3], 7, 4), run, wrap);
  });

  test("TransformerEncoderLayer", () => {
    oar.seed(9);
    const layer = new nn.TransformerEncoderLayer(8, 2, 16, { dropout: 0.3 });
    const run = (x: Tensor): [Tensor, Tensor] => {
      const y: Tensor = layer(x);
      return [y, y.multiply(y).multiply(y).sum()];
    };
    compare(recorded.encoder, ramp([2, 3, 8], 11, 8), run, wrap);
  });

  test("scaledDotProductAttention", () => {
    oar.seed(10);
    const run = (x: Tensor): [Tensor, Tensor] => {
      const y = nn.functional.scaledDotProductAttention(x, x, x, { dropoutP: 0.5 });
      return [y, y.multiply(y).sum()];
    };
    compare(recorded.sdpa, ramp([2, 3, 2, 4], 13, 8), run, wrap);
  });
});

test("a decoder with caches, token by token", () => {
  oar.seed(11);
  const layer = new nn.TransformerDecoderLayer(8, 2, 16, { dropout: 0 });
  layer.eval();
  const [memory, target] = [ramp([2, 3, 8], 11, 8), ramp([2, 2, 8], 9, 8)];
  let cache = layer.genCache(memory);
  const outs = ["0:1", "1:2"].map((at) => {
    const [out, next] = layer.forward(target.at(":", at), memory, { cache });
    cache = next;
    return out;
  });
  near(oar.concat(outs, { axis: 1 }).dataSync("float32"), recorded.cache.y, "y");
  expect(cache[0].k.shape).toEqual([2, 2, 2, 4]);
});
