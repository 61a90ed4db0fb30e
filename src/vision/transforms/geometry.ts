// Moving pixels: crops, flips, padding, axes in another order.

import { InvalidArgumentError, UnimplementedError } from "../../core/errors.js";
import type { NdArray } from "../../core/nd-array.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { pad as padTensor } from "../../nn/functional/padding.js";
import { flip } from "../../tensor/index.js";
import { Tensor } from "../../tensor/tensor.js";
import { extentsOf, type Image, newImage, pixelsOf, roundHalfEven, type Size, sizeOfBoth } from "./image.js";

/** How borders are filled: a constant, the border's pixels, or a reflection without or with them. */
export type PaddingMode = "constant" | "edge" | "reflect" | "symmetric";

/** Pixels at each side: one number for all, `[horizontal, vertical]` or `[left, top, right, bottom]`. */
export type ImagePadding = number | readonly [number, number] | readonly [number, number, number, number];

/** What fills a border: one number for all channels, or one for each. */
export type Fill = number | readonly number[];

/** Options of {@link pad}. */
export interface PadOptions {
  /** With mode "constant"; 0 by default. */
  readonly fill?: Fill | undefined;
  /** "constant" by default. */
  readonly paddingMode?: PaddingMode | undefined;
}

/** For each pixel of the result the one of the image it comes from; -1: none. */
function moved<T extends Image>(api: string, image: T, height: number, width: number, from: Source, fill: Fill = 0): T {
  const x = pixelsOf(api, image);
  const out = newImage(x.dtype, x.shaped(height, width));
  const { channels } = x;
  const border = Array.from({ length: channels }, (_, c) => (typeof fill === "number" ? fill : (fill[c] ?? 0)));
  const columns = Int32Array.from({ length: width }, (_, j) => from.column(j, x.width));
  for (let i = 0; i < height; i++) {
    const row = from.row(i, x.height);
    for (let j = 0; j < width; j++) {
      const to = (i * width + j) * channels;
      const inside = row >= 0 && columns[j]! >= 0;
      const at = (row * x.width + columns[j]!) * channels;
      for (let c = 0; c < channels; c++) out.data[to + c] = inside ? x.data[at + c]! : border[c]!;
    }
  }
  return out as NdArray as T;
}

interface Source {
  row(i: number, height: number): number;
  column(j: number, width: number): number;
}

/**
 * The rectangle of `height` x `width` pixels whose corner is at `top`, `left`; what lies outside an array image is 0.
 *
 * @throws InvalidArgumentError for what is no image, and for a rectangle that leaves a tensor.
 */
export function crop<T extends Image>(img: T, top: number, left: number, height: number, width: number): T {
  if (img instanceof Tensor) {
    const [h, w] = extentsOf("crop", img);
    if (top < 0 || left < 0 || top + height > h || left + width > w) {
      throw new InvalidArgumentError(`the rectangle leaves the image of ${h} x ${w} pixels.`, { op: "crop" });
    }
    return img.at("...", `${top}:${top + height}`, `${left}:${left + width}`) as T;
  }
  const within = (i: number, n: number): number => (i >= 0 && i < n ? i : -1);
  return moved("crop", img, height, width, {
    row: (i, n) => within(top + i, n),
    column: (j, n) => within(left + j, n),
  });
}

/**
 * The middle of an image.
 *
 * @param outputSize height and width, or one number for both
 * @throws InvalidArgumentError for what is no image.
 */
export function centerCrop<T extends Image>(img: T, outputSize: Size): T {
  const [height, width] = sizeOfBoth("centerCrop", outputSize);
  const [h, w] = extentsOf("centerCrop", img);
  return crop(img, roundHalfEven((h - height) / 2), roundHalfEven((w - width) / 2), height, width);
}

/** Left and right exchanged. */
export function hflip<T extends Image>(img: T): T {
  if (img instanceof Tensor) return flip(img, -1) as T;
  const [h, w] = extentsOf("hflip", img);
  return moved("hflip", img, h, w, { row: (i) => i, column: (j, n) => n - 1 - j });
}

/** Top and bottom exchanged. */
export function vflip<T extends Image>(img: T): T {
  if (img instanceof Tensor) return flip(img, -2) as T;
  const [h, w] = extentsOf("vflip", img);
  return moved("vflip", img, h, w, { row: (i, n) => n - 1 - i, column: (j) => j });
}

/** The pixel that stands at a place beyond the border. */
const reflections: Record<PaddingMode, (i: number, n: number) => number> = {
  constant: (i, n) => (i >= 0 && i < n ? i : -1),
  edge: (i, n) => Math.min(Math.max(i, 0), n - 1),
  // A wave of period 2n - 2 (the border once) or 2n (twice).
  reflect: (i, n) => (n === 1 ? 0 : n - 1 - Math.abs(n - 1 - positiveModulo(i, 2 * n - 2))),
  symmetric: (i, n) => {
    const at = positiveModulo(i, 2 * n);
    return at < n ? at : 2 * n - 1 - at;
  },
};

const positiveModulo = (i: number, n: number): number => ((i % n) + n) % n;

/** Left, top, right, bottom. */
export function sidesOf(api: string, padding: ImagePadding): [number, number, number, number] {
  const sides = typeof padding === "number" ? [padding, padding, padding, padding] : [...padding];
  if (sides.length === 2) sides.push(...sides);
  if (sides.length === 4 && sides.every((n) => Number.isInteger(n) && n >= 0)) {
    return sides as [number, number, number, number];
  }
  throw new InvalidArgumentError(`padding must be 1, 2 or 4 numbers of pixels, got ${JSON.stringify(padding)}.`, {
    op: api,
    parameter: "padding",
  });
}

/**
 * A border around an image.
 *
 * @throws InvalidArgumentError for other paddings and modes; UnimplementedError for tensors with mode "symmetric", as in Paddle.
 */
export function pad<T extends Image>(img: T, padding: ImagePadding, ...rest: Trailing<Fill, PadOptions>): T {
  const { fill = 0, paddingMode = "constant" } = splitOptions<PadOptions>("pad", rest, ["fill", "paddingMode"]);
  const [left, top, right, bottom] = sidesOf("pad", padding);
  const source = reflections[paddingMode];
  if (source === undefined) {
    throw new InvalidArgumentError(`paddingMode must be ${Object.keys(reflections).join(", ")}, got ${paddingMode}.`, {
      op: "pad",
      parameter: "paddingMode",
    });
  }
  if (img instanceof Tensor) return padded(img, [left, right, top, bottom], fill, paddingMode) as T;
  const [h, w] = extentsOf("pad", img);
  const from: Source = { row: (i, n) => source(i - top, n), column: (j, n) => source(j - left, n) };
  return moved("pad", img, h + top + bottom, w + left + right, from, fill);
}

function padded(img: Tensor, sides: number[], fill: Fill, mode: PaddingMode): Tensor {
  if (mode === "symmetric" || typeof fill !== "number") {
    throw new UnimplementedError('tensors are padded by one number and not with "symmetric".', { op: "pad", mode });
  }
  const named = mode === "edge" ? "replicate" : mode;
  return padTensor(img.unsqueeze(0), sides, { mode: named, value: fill, dataFormat: "NCHW" }).squeeze(0);
}

/**
 * The image's axes in another order: `[2, 0, 1]` puts channels first. An array without channels gets one.
 *
 * @throws InvalidArgumentError for what is no image, and when the order is not one of its axes.
 */
export function transposed<T extends Image>(img: T, order: readonly number[]): T {
  if (img instanceof Tensor) return img.transpose([...order]) as T;
  const { dtype, height, width, channels, data } = pixelsOf("Transpose", img);
  if ([...order].sort().join() !== "0,1,2") {
    throw new InvalidArgumentError(`order must be 0, 1 and 2 in some order, got ${order.join(", ")}.`, {
      op: "Transpose",
      parameter: "order",
    });
  }
  const shape = [height, width, channels];
  const strides = [width * channels, channels, 1];
  const [a, b, c] = order.map((axis) => shape[axis]!) as [number, number, number];
  const [sa, sb, sc] = order.map((axis) => strides[axis]!) as [number, number, number];
  const out = newImage(dtype, [a, b, c]);
  let to = 0;
  for (let i = 0; i < a; i++)
    for (let j = 0; j < b; j++) for (let k = 0; k < c; k++) out.data[to++] = data[i * sa + j * sb + k * sc]!;
  return out as NdArray as T;
}
