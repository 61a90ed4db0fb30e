// Convolution and pooling layers: names, shapes, first weights recorded from Paddle 3.3.1, gradients through a small network.

import { describe, expect, test } from "vitest";
import { uniqueName } from "../../param/unique-name.js";
import { assemble } from "../../tensor/assemble.js";
import { seed } from "../../tensor/generator.js";
import { toArray } from "../../trace/eager.js";
import { toTensor } from "../../tensor/to-tensor.js";
import { sum } from "../../ops/broadcast.js";
import type { Tensor } from "../../tensor/tensor.js";
import { Conv1D, Conv2D, Conv2DTranspose, Conv3D } from "./conv.js";
import { AvgPool2D, LPPool1D, MaxPool2D } from "./pooling.js";
import { AdaptiveAvgPool2D, AdaptiveMaxPool2D, FractionalMaxPool2D, MaxUnPool2D } from "./pooling-adaptive.js";
import { Unfold, Upsample } from "./vision.js";

assemble();

const zeros = (shape: readonly number[]): Tensor =>
  toTensor({ dtype: "float32", shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) });

describe("convolution layers", () => {
  test("names and first weights as Paddle's", () => {
    uniqueName.guard(() => {
      seed(2026);
      const layers = [new Conv2D(4, 6, [2, 3], { groups: 2 }), new Conv2DTranspose(3, 2, 2), new Conv1D(2, 2, 2)];
      const recorded = [
        ["conv2d_0.w_0", [6, 2, 2, 3], [-0.0688549131155014, -0.15001213550567627], 0.07530925422906876],
        ["conv2d_transpose_0.w_0", [3, 2, 2, 2], [-0.05129685997962952, 0.23028689622879028], 0.3784402012825012],
        ["conv1d_0.w_0", [2, 2, 2], [0.7228385210037231, -0.771298885345459], 0.18987645208835602],
      ] as const;
      layers.forEach((layer, i) => {
        const [name, shape, first, last] = recorded[i]!;
        const data = toArray(layer.weight).data as Float32Array;
        expect(layer.weight.name).toBe(name);
        expect(layer.weight.shape).toEqual(shape);
        expect([data[0], data[1], data.at(-1)]).toEqual([...first, last]);
        expect(Object.keys(layer.stateDict())).toEqual(["weight", "bias"]);
      });
      expect(layers.map((l) => l.extraRepr())).toEqual([
        "4, 6, kernel_size=[2, 3], groups=2, data_format=NCHW",
        "3, 2, kernel_size=[2, 2], data_format=NCHW",
        "2, 2, kernel_size=[2], data_format=NCL",
      ]);
    });
  });

  test("shapes, no bias, channels last, padding modes", () => {
    expect(
      new Conv2D(3, 8, 3, { stride: 2, padding: [1, 1, 0, 2], biasAttr: false })(zeros([2, 3, 9, 9])).shape,
    ).toEqual([2, 8, 5, 5]);
    expect(new Conv3D(2, 4, 2, { dataFormat: "NDHWC", padding: "SAME" })(zeros([1, 3, 4, 5, 2])).shape).toEqual([
      1, 3, 4, 5, 4,
    ]);
    expect(new Conv1D(2, 3, 3, { padding: 2, paddingMode: "circular" })(zeros([1, 2, 6])).shape).toEqual([1, 3, 8]);
    expect(new Conv2DTranspose(3, 2, 3, { stride: 2 }).forward(zeros([1, 3, 4, 4]), [10, 9]).shape).toEqual([
      1, 2, 10, 9,
    ]);
  });

  test("bad settings say what is wrong", () => {
    expect(() => new Conv2D(3, 4, 3, { groups: 2 })).toThrow(/groups/);
    expect(() => new Conv2D(3, 4, [3, 3, 3])).toThrow(/kernelSize/);
    expect(() => new Conv2D(4, 4, 3, { padding: "SAME", paddingMode: "reflect" })).toThrow(/one number/);
    expect(() => new Conv2D(3, 4, 3)(zeros([1, 2, 5, 5]))).toThrow(/3 channels/);
    expect(() => new Conv2D(3, 4, 7)(zeros([1, 3, 5, 5]))).toThrow(/leaves nothing/);
  });

  test("a small network gives every parameter a gradient", () => {
    const [first, second, pool] = [new Conv2D(1, 6, 5, { padding: 2 }), new Conv2D(6, 20, 3), new MaxPool2D(2)];
    const x = zeros([2, 1, 12, 12]);
    sum(pool(second(pool(first(x))))).backward();
    for (const p of [first.weight, first.bias!, second.weight, second.bias!]) expect(p.grad?.shape).toEqual(p.shape);
    // Each of 2 · 2 · 2 maxima hands 1 on to its channel's bias.
    expect(Array.from(toArray(second.bias!.grad!).data as Float32Array)).toEqual(new Array<number>(20).fill(8));
  });
});

describe("pooling and resampling layers", () => {
  test("shapes and masks", () => {
    const [out, mask] = new MaxPool2D(2, { returnMask: true })(zeros([1, 2, 6, 7]));
    expect([out.shape, mask.shape, mask.dtype]).toEqual([[1, 2, 3, 3], [1, 2, 3, 3], "int32"]);
    expect(new MaxUnPool2D(2)(out, mask).shape).toEqual([1, 2, 6, 6]);
    expect(new AvgPool2D(3, 2, 1)(zeros([1, 2, 6, 7])).shape).toEqual([1, 2, 3, 4]);
    expect(new AdaptiveAvgPool2D([null, 2])(zeros([1, 2, 6, 7])).shape).toEqual([1, 2, 6, 2]);
    expect(new FractionalMaxPool2D(3, { randomU: 0.4 })(zeros([1, 2, 6, 7])).shape).toEqual([1, 2, 3, 3]);
    expect(new Upsample({ scaleFactor: 2, mode: "bilinear" })(zeros([1, 2, 3, 3])).shape).toEqual([1, 2, 6, 6]);
  });

  test("print as Paddle's", () => {
    expect(new MaxPool2D(2).extraRepr()).toBe("kernel_size=2, stride=None, padding=0");
    expect(new LPPool1D(2, 3).extraRepr()).toBe("norm_type=2, kernel_size=3, stride=None, padding=0");
    expect(new AdaptiveMaxPool2D(2).extraRepr()).toBe("output_size=2, return_mask=False");
    expect(new Unfold(3).extraRepr()).toBe("kernel_size=3, dilation=1, padding=0, stride=1");
  });
});
