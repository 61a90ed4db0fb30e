// Tests of transforms: Paddle's own results for the same images and seeds, bytes to the bit.

import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import type { DType } from "../../core/dtype.js";
import { emptyData, type NdArray, ndArray } from "../../core/nd-array.js";
import { numpyRandom } from "../../core/random-numpy.js";
import { pythonRandom } from "../../core/random-python.js";
import "../../tensor/index.js";
import { Tensor } from "../../tensor/tensor.js";
import * as transforms from "./index.js";

interface Recorded {
  readonly dtype: DType;
  readonly shape: number[];
  readonly data: number[];
}

const recorded: {
  images: Record<string, Recorded>;
  cases: { name: string; args: unknown[]; options: object; image: string; outs: Recorded[] }[];
} = JSON.parse(readFileSync(new URL("../../../test/fixtures/vision/transforms.json", import.meta.url), "utf8"));

function arrayOf({ dtype, shape, data }: Recorded): NdArray {
  const array = emptyData(dtype, data.length) as Float32Array;
  array.set(data);
  return ndArray(dtype, shape, array);
}

const plain = (x: unknown): Recorded => {
  const array = x instanceof Tensor ? { dtype: x.dtype, shape: [...x.shape], data: x.dataSync() } : (x as NdArray);
  return { dtype: array.dtype, shape: [...array.shape], data: Array.from(array.data as Float32Array) };
};

type Made = (image: NdArray) => unknown;
const classes = transforms as unknown as Record<string, new (...args: unknown[]) => Made>;

beforeEach(() => {
  pythonRandom.seed(5);
  numpyRandom.seed(5);
});

describe("as Paddle's", () => {
  const named = recorded.cases.map(
    (c) => [`${c.name}(${JSON.stringify([...c.args, c.options])}) of ${c.image}`, c] as const,
  );

  it.each(named)("%s", (_, { name, args, options, image, outs }) => {
    const transform = new classes[name]!(...args, options);
    for (const want of outs) {
      const got = plain(transform(arrayOf(recorded.images[image]!)));
      expect([got.dtype, got.shape]).toEqual([want.dtype, want.shape]);
      // float32 quotients may differ in the last bit where the engine multiplies; bytes may not differ.
      if (want.dtype === "uint8") expect(got.data).toEqual(want.data);
      else
        got.data.forEach((x, i) =>
          expect(Math.abs(x - want.data[i]!)).toBeLessThanOrEqual(1e-6 * Math.abs(want.data[i]!) + 1e-7),
        );
    }
  });
});

describe("images", () => {
  const image = ndArray("uint8", [2, 3], Uint8Array.of(1, 2, 3, 4, 5, 6));
  const tensor = transforms.toTensor(ndArray("float32", [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6)));

  it("may be tensors, channels first", () => {
    expect(plain(transforms.hflip(tensor)).data).toEqual([3, 2, 1, 6, 5, 4]);
    expect(plain(transforms.vflip(tensor)).data).toEqual([4, 5, 6, 1, 2, 3]);
    expect(plain(transforms.crop(tensor, 0, 1, 2, 2)).data).toEqual([2, 3, 5, 6]);
    expect(plain(transforms.pad(tensor, [1, 0], { paddingMode: "edge" })).data).toEqual([1, 1, 2, 3, 3, 4, 4, 5, 6, 6]);
    expect(plain(transforms.normalize(tensor, [1], [2])).data).toEqual([0, 0.5, 1, 1.5, 2, 2.5]);
    expect(plain(transforms.resize(tensor, [1, 3], "nearest"))).toEqual({
      dtype: "float32",
      shape: [1, 1, 3],
      data: [1, 2, 3],
    });
  });

  it("of floats keep their range", () => {
    const x = ndArray("float32", [1, 2], Float32Array.of(-1, 3));
    expect(plain(transforms.resize(x, [1, 1])).data).toEqual([1]);
    expect(plain(transforms.adjustBrightness(x, 2)).data).toEqual([-2, 6]);
  });

  it("come in lists with what belongs to them", () => {
    const flip = new transforms.RandomHorizontalFlip(1);
    expect(flip([image, "label"])).toEqual([transforms.hflip(image), "label"]);
  });

  it("go through chains of transforms and functions", () => {
    const chain = new transforms.Compose([new transforms.CenterCrop([2, 1]), (x: NdArray) => x.data[1]]);
    expect(chain(image)).toBe(5);
  });

  it("leave what was given as it was", () => {
    transforms.erase(image, 0, 0, 1, 1, 9);
    expect(image.data[0]).toBe(1);
    expect(transforms.erase(image, 0, 0, 1, 1, 9).data[0]).toBe(9);
  });
});

describe("wrong use is refused", () => {
  const image = ndArray("uint8", [2, 3], new Uint8Array(6));
  it.each([
    ["a crop that does not fit", () => new transforms.RandomCrop(4)(image), /does not fit.*padIfNeeded/s],
    ["an array of rank 1", () => transforms.hflip(ndArray("uint8", [6], new Uint8Array(6))), /\[height, width\]/],
    ["numbers for other channels", () => transforms.normalize(image, [1, 2], [1]), /2 numbers do not fit 1 channels/],
    [
      "a tensor where arrays are needed",
      () => transforms.toGrayscale(transforms.toTensor(image) as never),
      /before ToTensor/,
    ],
    ["a chance beyond 1", () => new transforms.RandomVerticalFlip(2), /from 0 to 1/],
    ["a hue beyond half the circle", () => new transforms.HueTransform(0.7), /\[-0.5, 0.5\]/],
    ["an unknown option", () => new transforms.Pad(1, { mode: "edge" } as never), /there is no option "mode"/],
    ["a key without a method", () => new transforms.CenterCrop(1, { keys: ["boxes"] }), /_applyBoxes/],
    ["a size of nothing", () => transforms.resize(image, 0), /positive/],
  ])("%s", (_, call, message) => expect(call).toThrow(message));
});
