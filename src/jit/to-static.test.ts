// toStatic: values and gradients as in eager mode, dropout and batch norm done once, settings of layers, errors.

import { expect, test } from "vitest";
import { BatchNorm1D } from "../nn/layers/batch-norm.js";
import { Dropout } from "../nn/layers/dropout.js";
import { Layer } from "../nn/layer.js";
import { Linear } from "../nn/layers/linear.js";
import { Constant } from "../nn/initializer/constant.js";
import { LBFGS } from "../optimizer/lbfgs.js";
import { SGD } from "../optimizer/sgd.js";
import { mean, multiply, sum, tanh } from "../tensor/index.js";
import type { Tensor } from "../tensor/tensor.js";
import { toTensor } from "../tensor/to-tensor.js";
import { InputSpec } from "../static/input-spec.js";
import { compile, toStatic } from "./index.js";

class Net extends Layer {
  fc = new Linear(3, 4, { weightAttr: new Constant(0.1) });
  bn = new BatchNorm1D(4);
  drop = new Dropout(0.5);
  out = new Linear(4, 2, { weightAttr: new Constant(0.3) });

  override forward(x: Tensor): Tensor {
    return this.out(tanh(this.bn(this.fc(x)) as Tensor)) as Tensor;
  }
}

const x = [
  [1, 2, 3],
  [3, 1, -1],
  [0, 1, 0],
];

test("training through a captured layer is training", () => {
  const run = (net: Net) => {
    const opt = new SGD({ learningRate: 0.1, parameters: net.parameters() });
    const losses: number[] = [];
    const input = toTensor(x, { stopGradient: false });
    for (let i = 0; i < 4; i++) {
      const y = net(input) as Tensor;
      const loss = mean(multiply(y, y));
      loss.backward();
      opt.step();
      opt.clearGrad();
      losses.push(loss.dataSync("float32")[0]!);
    }
    return { losses, mean: [...net.bn._mean.dataSync("float32")], dx: [...input.grad!.dataSync("float32")] };
  };
  const want = run(new Net());
  const got = run(toStatic(new Net()));
  got.losses.forEach((v, i) => expect(v).toBeCloseTo(want.losses[i]!, 6));
  got.mean.forEach((v, i) => expect(v).toBeCloseTo(want.mean[i]!, 6));
  got.dx.forEach((v, i) => expect(v).toBeCloseTo(want.dx[i]!, 6));
});

test("the backward part has the mask that the forward part drew", () => {
  const f = toStatic((t: Tensor) => new Dropout(0.5)(t) as Tensor);
  const t = toTensor(new Float32Array(64).fill(1), { stopGradient: false });
  for (let i = 0; i < 3; i++) {
    const y = f(t);
    sum(y).backward();
    expect([...t.grad!.dataSync("float32")]).toEqual([...y.dataSync("float32")]);
    t.clearGrad();
  }
  expect(f.variants()).toBe(1);
});

test("one variant for each signature and mode of the layer", () => {
  const net = toStatic(new Net());
  const forward = net.forward as unknown as { variants(): number };
  net(toTensor(x));
  net(toTensor(x));
  net(toTensor(x.slice(1)));
  expect(forward.variants()).toBe(2);
  net.eval();
  const a = (net(toTensor(x)) as Tensor).dataSync();
  expect(forward.variants()).toBe(3);
  expect((net(toTensor(x)) as Tensor).dataSync()).toEqual(a);
});

test("an InputSpec is made of tensors and arrays, with and without a batch", () => {
  const array = { dtype: "int64" as const, shape: [2, 3], data: new BigInt64Array(6) };
  const spec = InputSpec.fromNumpy(array, "ids");
  expect(String(spec)).toBe("InputSpec(shape=[2, 3], dtype=int64, name=ids)");
  expect(spec.unbatch().shape).toEqual([3]);
  expect(spec.batch(null).shape).toEqual([-1, 3]);
  expect(InputSpec.fromTensor(toTensor([1, 2])).shape).toEqual([2]);
  expect(() => spec.batch(0)).toThrow(/positive integer/);
  expect(() => new InputSpec([]).unbatch()).toThrow(/no axis/);
});

test("a value read in the middle names the line; InputSpec is checked", () => {
  const f = toStatic((t: Tensor) => (t.dataSync()[0]! > 0 ? t : t.multiply(2)));
  expect(() => f(toTensor([1, 2]))).toThrow(/value was read inside a captured function, at .*to-static\.test\.ts/);
  // A captured function cannot await, so asynchronous readers refuse at once, too.
  const late = compile((t: Tensor) => {
    void t.multiply(2).item();
    return t;
  });
  expect(() => late(toTensor([1]))).toThrow(/\[jit\.compile\] a tensor's value was read .*to-static\.test\.ts/);
  const lbfgs = new LBFGS({ parameters: [...new Net().parameters()] });
  const searched = compile((t: Tensor) => lbfgs.step(() => t.sum()));
  expect(() => searched(toTensor([1]))).toThrow(/a tensor's value was read .*to-static\.test\.ts/);
  const g = toStatic((t: Tensor) => t.multiply(2), { inputSpec: [new InputSpec([-1, 3], { name: "image" })] });
  expect(g(toTensor(x)).shape).toEqual([3, 3]);
  expect(() => g(toTensor([[1, 2]]))).toThrow(/argument 0 \("image"\) must be float32\[-1, 3\], got float32\[1, 2\]/);
});
