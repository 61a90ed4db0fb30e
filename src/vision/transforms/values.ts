// From images to what a network reads: tensors, normalized values, erased rectangles.

import { InvalidArgumentError, UnimplementedError } from "../../core/errors.js";
import { isNdArray, type NdArray, ndArray } from "../../core/nd-array.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape } from "../../core/shape.js";
import { divide, subtract } from "../../tensor/index.js";
import { Tensor } from "../../tensor/tensor.js";
import { toTensor as tensorOf } from "../../tensor/to-tensor.js";
import { type Image, newImage, type Pixels, pixelsOf } from "./image.js";

/** Where channels stand. */
export type ImageLayout = "CHW" | "HWC";

/** Options of {@link toTensor}. */
export interface ImageToTensorOptions {
  /** "CHW" by default. */
  readonly dataFormat?: ImageLayout | undefined;
}

/** Options of {@link normalize}. */
export interface NormalizeImageOptions extends ImageToTensorOptions {
  /** Reads the last axis backwards first, as in Paddle. */
  readonly toRgb?: boolean | undefined;
}

/** Throws InvalidArgument for other layouts. */
function requireLayout(api: string, layout: string): boolean {
  if (layout === "CHW" || layout === "HWC") return layout === "CHW";
  throw new InvalidArgumentError(`dataFormat must be "CHW" or "HWC", got ${JSON.stringify(layout)}.`, { op: api });
}

/**
 * An image as a tensor, channels first: uint8 becomes float32 from 0 to 1, other dtypes keep dtype and values.
 *
 * @throws InvalidArgumentError for what is no image, and for other layouts.
 * @example
 * ```ts
 * import { ndArray, vision } from "oarjs";
 * const image = ndArray("uint8", [1, 2], Uint8Array.of(0, 255));
 * const x = vision.transforms.toTensor(image);
 * console.log(x.shape, await x.tolist()); // [ 1, 1, 2 ] [ [ [ 0, 1 ] ] ]
 * ```
 */
export function toTensor(pic: Image, ...rest: Trailing<ImageLayout, ImageToTensorOptions>): Tensor {
  const { dataFormat = "CHW" } = splitOptions<ImageToTensorOptions>("toTensor", rest, ["dataFormat"]);
  const first = requireLayout("toTensor", dataFormat);
  // A tensor image has its channels first already.
  if (pic instanceof Tensor) return first ? pic : pic.transpose([1, 2, 0]);
  const x = pixelsOf("toTensor", pic);
  const { dtype, height, width, channels, data } = x;
  const unit = dtype === "uint8";
  const shape = first ? [channels, height, width] : [height, width, channels];
  const out = newImage(unit ? "float32" : dtype, shape);
  const size = height * width;
  for (let i = 0, from = 0; i < size; i++) {
    for (let c = 0; c < channels; c++) {
      const value = data[from++]!;
      out.data[first ? c * size + i : from - 1] = unit ? value / 255 : value;
    }
  }
  return tensorOf(out);
}

/**
 * `(img - mean) / std`, a mean and a deviation for each channel (or one for all). Array images become float32; with "CHW" they have
 * their channels first already, or none: `[height, width]` becomes `[1, height, width]`.
 *
 * @throws InvalidArgumentError when there are neither as many numbers as channels nor one, and for other layouts.
 * @example
 * ```ts
 * import { ndArray, vision } from "oarjs";
 * const image = ndArray("uint8", [1, 2], Uint8Array.of(0, 255));
 * console.log(vision.transforms.normalize(image, [127.5], [127.5]).data); // Float32Array [ -1, 1 ]
 * ```
 */
export function normalize<T extends Image>(
  img: T,
  mean: number | readonly number[],
  std: number | readonly number[],
  ...rest: Trailing<ImageLayout, NormalizeImageOptions>
): T extends Tensor ? Tensor : NdArray<"float32"> {
  const options = splitOptions<NormalizeImageOptions>("normalize", rest, ["dataFormat", "toRgb"]);
  const { dataFormat = "CHW", toRgb = false } = options;
  const first = requireLayout("normalize", dataFormat);
  const [means, deviations] = [mean, std].map((x) => (typeof x === "number" ? [x] : x)) as [number[], number[]];
  const out = isNdArray(img)
    ? normalizeArray(img, means, deviations, first, toRgb)
    : normalizeTensor(img as Tensor, means, deviations, first);
  return out as T extends Tensor ? Tensor : NdArray<"float32">;
}

function normalizeTensor(img: Tensor, mean: readonly number[], std: readonly number[], first: boolean): Tensor {
  const shape = first ? [-1, 1, 1] : [1, 1, -1];
  const row = (values: readonly number[]): Tensor => tensorOf([...values], { dtype: img.dtype }).reshape(shape);
  return divide(subtract(img, row(mean)), row(std));
}

function normalizeArray(
  img: NdArray,
  mean: readonly number[],
  std: readonly number[],
  first: boolean,
  backwards: boolean,
): NdArray {
  const { data } = pixelsOf("normalize", img);
  const lone = img.shape.length === 2;
  // Without an axis of channels broadcasting makes one: in front, or, with channels last, of the columns, as in Paddle.
  const shape = lone ? (first ? [1, ...img.shape] : [1, img.shape[0]!, img.shape[1]!]) : [...img.shape];
  const [a, b, c] = shape as [number, number, number];
  const channels = first ? a : c;
  for (const values of [mean, std]) {
    if (values.length === 1 || values.length === channels) continue;
    throw new InvalidArgumentError(
      `${values.length} numbers do not fit ${channels} channels of an image ${formatShape(img.shape)}.`,
      { op: "normalize", hint: `dataFormat is "${first ? "CHW" : "HWC"}"; give one number, or one for each channel.` },
    );
  }
  const out = newImage("float32", shape);
  // Of one row: with channels last each element has numbers of its own, with channels first all of a row share theirs.
  const [m, s] = [new Float32Array(c), new Float32Array(c)];
  const pick = (values: readonly number[], channel: number): number => values[values.length === 1 ? 0 : channel]!;
  for (let i = 0; i < a; i++) {
    for (let k = 0; k < c; k++) [m[k], s[k]] = [pick(mean, first ? i : k), pick(std, first ? i : k)];
    for (let j = 0; j < b; j++) normalizeRow(data, out.data, (i * b + j) * c, { mean: m, std: s, backwards });
  }
  return out;
}

/** NumPy rounds the difference to float32 before it divides. */
function normalizeRow(
  data: Pixels["data"],
  out: Float32Array | Uint8Array,
  at: number,
  { mean, std, backwards }: { mean: Float32Array; std: Float32Array; backwards: boolean },
): void {
  const n = mean.length;
  for (let k = 0; k < n; k++) {
    const from = backwards ? n - 1 - k : k;
    out[at + k] = Math.fround(data[at + from]! - mean[k]!) / std[k]!;
  }
}

/** Options of {@link erase}. */
export interface EraseOptions {
  /** Writes into the array that was given. */
  readonly inplace?: boolean | undefined;
}

/**
 * An array image with a rectangle overwritten: by one number, one for each channel, or `height * width * channels` of them.
 *
 * @throws InvalidArgumentError for another count of numbers; UnimplementedError for tensors.
 */
export function erase(
  img: NdArray,
  i: number,
  j: number,
  h: number,
  w: number,
  v: number | ArrayLike<number>,
  ...rest: Trailing<boolean, EraseOptions>
): NdArray {
  const { inplace = false } = splitOptions<EraseOptions>("erase", rest, ["inplace"]);
  const x = pixelsOf("erase", img);
  const values = typeof v === "number" ? [v] : v;
  const { channels } = x;
  if (![1, channels, h * w * channels].includes(values.length)) {
    throw new InvalidArgumentError(`${values.length} numbers do not fill ${h} x ${w} pixels of ${channels} channels.`, {
      op: "erase",
      parameter: "v",
    });
  }
  const out = inplace ? img : ndArray(img.dtype, img.shape, img.data.slice() as typeof img.data);
  const data = out.data as Float32Array;
  fill(data, x, { i, j, h, w }, values);
  return out;
}

function fill(
  data: Float32Array,
  { height, width, channels, dtype }: Pixels,
  { i, j, h, w }: { i: number; j: number; h: number; w: number },
  values: ArrayLike<number>,
): void {
  if (dtype === "float16" || dtype === "bfloat16") {
    throw new UnimplementedError("16-bit floats are not computed with here.", { op: "erase", dtype });
  }
  for (let row = 0; row < h; row++) {
    for (let column = 0; column < w; column++) {
      if (i + row >= height || j + column >= width) continue;
      for (let c = 0; c < channels; c++) {
        const place = values.length > channels ? (row * w + column) * channels + c : c;
        data[((i + row) * width + j + column) * channels + c] = values.length === 1 ? values[0]! : values[place]!;
      }
    }
  }
}
