// Tests of MNIST's reader: files made here byte by byte, and the npm package's digits.

import { gzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import "../../tensor/index.js";
import { DataLoader } from "../../io/data-loader.js";
import { Normalize } from "../transforms/index.js";
import { FashionMNIST, MNIST } from "./mnist.js";

/** An IDX file of bytes: two zeros, 8 for bytes, the rank, extents of four bytes, elements. */
function idx(shape: number[], elements: number[]): Uint8Array {
  const extents = shape.flatMap((n) => [0, 0, n >> 8, n & 255]);
  return Uint8Array.from([0, 0, 8, shape.length, ...extents, ...elements]);
}

const images = idx([3, 2, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]);
const labels = idx([3], [7, 0, 9]);

describe("MNIST", () => {
  it("reads bytes: images of uint8, labels of int64", () => {
    const set = new MNIST({ imagePath: images, labelPath: labels });
    expect(set.length).toBe(3);
    expect(set.getitem(2)).toEqual([
      { dtype: "uint8", shape: [2, 2], data: Uint8Array.of(8, 9, 10, 255) },
      { dtype: "int64", shape: [1], data: BigInt64Array.of(9n) },
    ]);
  });

  it("reads gzipped bytes, for FashionMNIST as well", () => {
    const set = new FashionMNIST({ imagePath: gzipSync(images), labelPath: gzipSync(labels), backend: "cv2" });
    expect(set.getitem(0)[0]).toEqual({ dtype: "float32", shape: [2, 2], data: Float32Array.of(0, 1, 2, 3) });
  });

  it("applies the transform, and a loader makes batches", async () => {
    const set = new MNIST({ imagePath: images, labelPath: labels, transform: new Normalize([127.5], [127.5]) });
    for await (const [image, label] of new DataLoader(set, { batchSize: 3 })) {
      expect([image.shape, label.shape, label.dtype]).toEqual([[3, 1, 2, 2], [3, 1], "int64"]);
      expect(image.dataSync("float32")[11]).toBe(1);
    }
  });

  // The first test digit is a 7, of 784 pixels that add up to 18 454 (counted with NumPy).
  it("finds the digits of the npm package", () => {
    const set = new MNIST({ mode: "test" });
    expect([set.length, set.labels.data[0]]).toEqual([10_000, 7n]);
    const [image] = set.getitem(0);
    expect((image.data as Uint8Array).reduce((a, b) => a + b, 0)).toBe(18_454);
  });

  it.each([
    ["missing files", () => new FashionMNIST(), /imagePath is not given/],
    [
      "a missing file",
      () => new MNIST({ imagePath: "no/such/file", labelPath: labels }),
      /there is no file "no\/such\/file"/,
    ],
    [
      "a file that is none",
      () => new MNIST({ imagePath: Uint8Array.of(1, 2, 3, 4), labelPath: labels }),
      /is no IDX file/,
    ],
    [
      "a file that ends early",
      () => new MNIST({ imagePath: images.slice(0, -1), labelPath: labels }),
      /11 elements where/,
    ],
    ["damaged gzip", () => new MNIST({ imagePath: gzipSync(images).slice(0, 20), labelPath: labels }), /damaged/],
    ["files exchanged", () => new MNIST({ imagePath: labels, labelPath: images }), /1 axes, 3 were expected/],
    ["other counts", () => new MNIST({ imagePath: images, labelPath: idx([2], [1, 2]) }), /3 images and 2 labels/],
    ["another mode", () => new MNIST({ mode: "validation" as never }), /train or test/],
  ])("refuses %s", (_, call, message) => expect(call).toThrow(message));
});
