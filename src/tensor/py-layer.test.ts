// PyLayer: values, gradients, several outputs, constants, mistakes.

import { describe, expect, test } from "vitest";
import { add, exp, grad, multiply, sum, type Tensor, toTensor } from "./index.js";
import { PyLayer, type PyLayerContext } from "./py-layer.js";

class Cube extends PyLayer {
  static override forward(ctx: PyLayerContext, x: Tensor, factor: number): Tensor {
    ctx.saveForBackward(x);
    ctx["factor"] = factor;
    return multiply(multiply(x, multiply(x, x)), factor);
  }
  static override backward(ctx: PyLayerContext, dy: Tensor): Tensor {
    const [x] = ctx.savedTensor();
    return multiply(dy, multiply(multiply(x!, x!), 3 * (ctx["factor"] as number)));
  }
}

/** e^x and x unchanged. */
class Pair extends PyLayer {
  static override forward(ctx: PyLayerContext, x: Tensor, y: Tensor): [Tensor, Tensor] {
    const e = exp(x);
    ctx.saveForBackward(e);
    ctx.markNonDifferentiable(y);
    return [e, y];
  }
  static override backward(ctx: PyLayerContext, de: Tensor): [Tensor, null] {
    return [multiply(de, ctx.savedTensor()[0]!), null];
  }
}

const values = (x: Tensor): number[] => [...(x.dataSync("float32") as Float32Array)];

describe("PyLayer", () => {
  test("x^3 with its gradient, inside a larger graph", () => {
    const x = toTensor([1, 2, -3], { stopGradient: false });
    const y = Cube.apply(multiply(x, 2), 0.5);
    expect(values(y)).toEqual([4, 32, -108]);
    sum(y).backward();
    // d/dx 0.5 (2x)^3 = 12 x^2
    expect(values(x.grad!)).toEqual([12, 48, 108]);
  });

  test("gradients of gradients follow backward's own ops", () => {
    const x = toTensor([2], { stopGradient: false });
    const [first] = grad(sum(Cube.apply(x, 1)), x, { createGraph: true });
    const [second] = grad(sum(first!), x);
    expect(values(second!)).toEqual([12]);
  });

  test("several outputs; a constant one passes no gradient", () => {
    const x = toTensor([0, 1], { stopGradient: false });
    const y = toTensor([5, 6], { stopGradient: false });
    const [e, same] = Pair.apply(x, y);
    expect([e.stopGradient, same.stopGradient]).toEqual([false, true]);
    sum(add(e, same)).backward();
    expect(values(x.grad!)[1]).toBeCloseTo(Math.E, 5);
    expect(y.grad).toBeNull();
  });

  test("without inputs that need a gradient nothing is recorded", () => {
    expect(Cube.apply(toTensor([1]), 1).stopGradient).toBe(true);
  });

  test("a wrong number of gradients names the class", () => {
    class Wrong extends Cube {
      static override backward(): Tensor {
        return [] as unknown as Tensor;
      }
    }
    const y = Wrong.apply(toTensor([1], { stopGradient: false }), 1);
    expect(() => y.backward()).toThrow("[Wrong] backward gave 0 gradients for 1 tensor arguments");
  });
});
