// Images in another size: each pixel of the result is a weighted mean of those it covers, as Pillow does it.

import { InvalidArgumentError } from "../../core/errors.js";
import type { NdArray } from "../../core/nd-array.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { interpolate } from "../../nn/functional/vision.js";
import { Tensor } from "../../tensor/tensor.js";
import { extentsOf, type Image, newImage, type Pixels, pixelsOf, type Size, sizeOfBoth } from "./image.js";

/** How pixels are weighted. */
export type Interpolation = "nearest" | "box" | "bilinear" | "hamming" | "bicubic" | "lanczos";

/** Options of {@link resize}. */
export interface ResizeOptions {
  /** "bilinear" by default. */
  readonly interpolation?: Interpolation | undefined;
}

/** A weight for each distance from the middle, and how far it reaches. */
interface Filter {
  readonly support: number;
  weight(x: number): number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** Keys' cubic convolution with a = -1/2. */
function cubic(x: number): number {
  const d = Math.abs(x);
  if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
  return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
}

const filters: Record<Exclude<Interpolation, "nearest">, Filter> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, weight: (x) => (Math.abs(x) >= 1 ? 0 : sinc(x) * (0.54 + 0.46 * Math.cos(Math.PI * x))) },
  bicubic: { support: 2, weight: cubic },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** For each pixel of the result: the first one of the image it takes from, and the weights. */
interface Window {
  readonly first: number;
  readonly weights: readonly number[];
}

function windowsOf(filter: Filter, from: number, to: number): Window[] {
  const scale = from / to;
  // Shrinking widens the filter, so that every pixel counts.
  const stretch = Math.max(scale, 1);
  const support = filter.support * stretch;
  return Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(from, Math.trunc(center + support + 0.5));
    const inverse = 1 / stretch;
    const weights = Array.from({ length: end - first }, (_, k) => filter.weight((k + first - center + 0.5) * inverse));
    let sum = 0;
    for (const w of weights) sum += w;
    return { first, weights: sum === 0 ? weights : weights.map((w) => w / sum) };
  });
}

/** Bits after the point in sums of 8-bit pixels: 32 less 8 of the pixel and 2 for overshoot. */
const BITS = 22;

const fixed = (w: number): number => Math.trunc(w * 2 ** BITS + (w < 0 ? -0.5 : 0.5));

/** One axis: `count` lines of pixels `step` apart, the lines starting `line` apart. */
function alongAxis(x: Pixels, windows: readonly Window[], horizontal: boolean): Pixels {
  const { channels: c } = x;
  const [height, width] = horizontal ? [x.height, windows.length] : [windows.length, x.width];
  const eight = x.dtype === "uint8";
  const out = newImage(x.dtype, [height, width, c]).data;
  const step = (horizontal ? 1 : x.width) * c;
  for (let i = 0; i < windows.length; i++) {
    const { first, weights } = windows[i]!;
    const k = eight ? weights.map(fixed) : weights;
    const lines = horizontal ? x.height : x.width;
    for (let line = 0; line < lines; line++) {
      const from = (horizontal ? line * x.width + first : first * x.width + line) * c;
      const to = (horizontal ? line * width + i : i * width + line) * c;
      for (let channel = 0; channel < c; channel++) {
        let sum = eight ? 2 ** (BITS - 1) : 0;
        for (let n = 0; n < k.length; n++) sum += x.data[from + n * step + channel]! * k[n]!;
        out[to + channel] = eight ? Math.min(255, Math.max(0, Math.floor(sum / 2 ** BITS))) : sum;
      }
    }
  }
  return { ...x, height, width, data: out };
}

/** The nearest pixel: where the middle of the result's pixel falls. */
function nearest(x: Pixels, height: number, width: number): Pixels {
  const out = newImage(x.dtype, [height, width, x.channels]).data;
  const places = (from: number, to: number): number[] => {
    // Added up step by step, as Pillow does, for the same roundings.
    let at = (from / to) * 0.5;
    return Array.from({ length: to }, () => {
      const here = Math.min(from - 1, Math.trunc(at));
      at += from / to;
      return here;
    });
  };
  const columns = places(x.width, width);
  let to = 0;
  for (const row of places(x.height, height)) {
    for (const column of columns) {
      const from = (row * x.width + column) * x.channels;
      for (let c = 0; c < x.channels; c++) out[to++] = x.data[from + c]!;
    }
  }
  return { ...x, height, width, data: out };
}

/** Height and width of the result: one number is the shorter side's, the other keeps the form. */
function targetOf(size: Size, height: number, width: number): [height: number, width: number] {
  if (typeof size !== "number") return sizeOfBoth("resize", size);
  sizeOfBoth("resize", size);
  return width < height ? [Math.trunc((size * height) / width), size] : [size, Math.trunc((size * width) / height)];
}

/**
 * An image in another size.
 *
 * uint8 arrays come out as Pillow's, bit for bit; shrinking takes the mean of all covered pixels. (Rows are resized first. Pillow 13 starts
 * with columns where that is less work, which rounds differently by a step or two.) Tensors are interpolated by
 * `nn.functional.interpolate`, as in Paddle.
 *
 * @param size height and width, or the length of the shorter side
 * @throws InvalidArgumentError for other sizes and interpolations.
 * @example
 * ```ts
 * import { ndArray, vision } from "oarjs";
 * const image = ndArray("uint8", [2, 2], Uint8Array.of(0, 100, 100, 200));
 * console.log(vision.transforms.resize(image, [1, 1]).data); // Uint8Array [ 100 ]
 * ```
 */
export function resize<T extends Image>(img: T, size: Size, ...rest: Trailing<Interpolation, ResizeOptions>): T {
  const { interpolation = "bilinear" } = splitOptions<ResizeOptions>("resize", rest, ["interpolation"]);
  const known = ["nearest", ...Object.keys(filters)];
  if (!known.includes(interpolation)) {
    throw new InvalidArgumentError(`interpolation must be ${known.join(", ")}, got ${String(interpolation)}.`, {
      op: "resize",
      parameter: "interpolation",
    });
  }
  const [h, w] = extentsOf("resize", img);
  const [height, width] = targetOf(size, h, w);
  if (h === height && w === width) return img;
  if (img instanceof Tensor) {
    if (interpolation !== "nearest" && interpolation !== "bilinear" && interpolation !== "bicubic") {
      throw new InvalidArgumentError(`tensors have no interpolation "${interpolation}".`, { op: "resize" });
    }
    return interpolate(img.unsqueeze(0), { size: [height, width], mode: interpolation }).squeeze(0) as T;
  }
  const x = pixelsOf("resize", img);
  const { dtype, data } =
    interpolation === "nearest" ? nearest(x, height, width) : filtered(x, height, width, filters[interpolation]);
  return { dtype, shape: x.shaped(height, width), data } as NdArray as T;
}

function filtered(x: Pixels, height: number, width: number, filter: Filter): Pixels {
  const wide = x.width === width ? x : alongAxis(x, windowsOf(filter, x.width, width), true);
  return x.height === height ? wide : alongAxis(wide, windowsOf(filter, x.height, height), false);
}
