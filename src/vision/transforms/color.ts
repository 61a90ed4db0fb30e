// Brightness, contrast, saturation, hue and grey: uint8 arrays as Pillow computes them, other arrays without rounding.

import { InvalidArgumentError, OutOfRangeError } from "../../core/errors.js";
import type { NdArray } from "../../core/nd-array.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape } from "../../core/shape.js";
import { newImage, type Pixels, pixelsOf } from "./image.js";

const { fround } = Math;

/** Options of {@link toGrayscale}. */
export interface GrayscaleOptions {
  /** 1 by default, or 3 equal ones. */
  readonly numOutputChannels?: number | undefined;
}

/** Luma of ITU-R BT.601, of 8-bit pixels with weights of 16 bits. */
function lumaOf({ dtype, channels, data }: Pixels, i: number): number {
  if (channels === 1) return data[i]!;
  const [r, g, b] = [data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!];
  if (dtype !== "uint8") return 0.299 * r + 0.587 * g + 0.114 * b;
  return (19595 * r + 38470 * g + 7471 * b + 0x8000) >> 16;
}

/** An image of one or three channels. Throws InvalidArgument for others. */
function colored(api: string, img: NdArray): Pixels {
  const x = pixelsOf(api, img);
  if (x.channels === 1 || x.channels === 3) return x;
  throw new InvalidArgumentError(`one or three channels are needed, the image is ${formatShape(img.shape)}.`, {
    op: api,
    shape: img.shape,
  });
}

/**
 * An image in grey, `[height, width, numOutputChannels]`.
 *
 * @throws InvalidArgumentError unless the image has 1 or 3 channels and the result 1 or 3.
 */
export function toGrayscale(img: NdArray, ...rest: Trailing<number, GrayscaleOptions>): NdArray {
  const { numOutputChannels = 1 } = splitOptions<GrayscaleOptions>("toGrayscale", rest, ["numOutputChannels"]);
  const x = colored("toGrayscale", img);
  if (numOutputChannels !== 1 && numOutputChannels !== 3) {
    throw new InvalidArgumentError(`numOutputChannels must be 1 or 3, got ${numOutputChannels}.`, {
      op: "toGrayscale",
    });
  }
  const out = newImage(x.dtype, [x.height, x.width, numOutputChannels]);
  for (let i = 0; i < x.height * x.width; i++) {
    out.data.fill(lumaOf(x, i), i * numOutputChannels, (i + 1) * numOutputChannels);
  }
  return out;
}

/** `other + factor (img - other)`, cut to a byte's range; the fraction is dropped. */
function blend(img: NdArray, x: Pixels, factor: number, other: (pixel: number, channel: number) => number): NdArray {
  const out = newImage(x.dtype, img.shape);
  const eight = x.dtype === "uint8";
  const f = fround(factor);
  for (let i = 0; i < x.data.length; i++) {
    const from = other(Math.trunc(i / x.channels), i % x.channels);
    const value = fround(from + fround(f * (x.data[i]! - from)));
    out.data[i] = eight ? Math.min(255, Math.max(0, Math.trunc(value))) : value;
  }
  return out;
}

function requireFactor(api: string, factor: number): void {
  if (factor >= 0) return;
  throw new OutOfRangeError(`the factor must not be negative, got ${factor}.`, { op: api });
}

/** Towards black below 1, brighter above. @throws OutOfRangeError for a negative factor. */
export function adjustBrightness(img: NdArray, brightnessFactor: number): NdArray {
  requireFactor("adjustBrightness", brightnessFactor);
  return blend(img, colored("adjustBrightness", img), brightnessFactor, () => 0);
}

/** Towards the image's mean grey below 1, away from it above. @throws OutOfRangeError for a negative factor. */
export function adjustContrast(img: NdArray, contrastFactor: number): NdArray {
  requireFactor("adjustContrast", contrastFactor);
  const x = colored("adjustContrast", img);
  const size = x.height * x.width;
  let sum = 0;
  for (let i = 0; i < size; i++) sum += lumaOf(x, i);
  const mean = x.dtype === "uint8" ? Math.trunc(sum / size + 0.5) : sum / size;
  return blend(img, x, contrastFactor, () => mean);
}

/** Towards grey below 1, more colourful above. @throws OutOfRangeError for a negative factor. */
export function adjustSaturation(img: NdArray, saturationFactor: number): NdArray {
  requireFactor("adjustSaturation", saturationFactor);
  const x = colored("adjustSaturation", img);
  return blend(img, x, saturationFactor, (pixel) => lumaOf(x, pixel));
}

/**
 * Turns the hues of a uint8 image by a part of the circle, through HSV of 8 bits as Pillow does; grey images stay.
 *
 * @param hueFactor from -0.5 to 0.5
 * @throws OutOfRangeError outside that; InvalidArgumentError for other dtypes.
 */
export function adjustHue(img: NdArray, hueFactor: number): NdArray {
  const x = colored("adjustHue", img);
  if (!(hueFactor >= -0.5 && hueFactor <= 0.5)) {
    throw new OutOfRangeError(`hueFactor must be from -0.5 to 0.5, got ${hueFactor}.`, { op: "adjustHue" });
  }
  if (x.channels === 1) return img;
  if (x.dtype !== "uint8")
    throw new InvalidArgumentError(`a uint8 image is needed, got ${x.dtype}.`, { op: "adjustHue" });
  const out = newImage("uint8", img.shape);
  const turn = Math.trunc(hueFactor * 255);
  for (let i = 0; i < x.data.length; i += 3) {
    const [h, s, v] = hsvOf(x.data[i]!, x.data[i + 1]!, x.data[i + 2]!);
    out.data.set(rgbOf((h + turn + 256) % 256, s, v), i);
  }
  return out;
}

/** Hue, saturation and value in bytes; the circle is cut at red. */
function hsvOf(r: number, g: number, b: number): [number, number, number] {
  const [top, low] = [Math.max(r, g, b), Math.min(r, g, b)];
  if (top === low) return [0, 0, top];
  const range = top - low;
  const part = (c: number): number => fround(fround(top - c) / fround(range));
  let sector: number;
  if (r === top) sector = fround(part(b) - part(g));
  else if (g === top) sector = fround(2 + part(r) - part(b));
  else sector = fround(4 + part(g) - part(r));
  const h = fround((sector / 6 + 1) % 1);
  return [Math.trunc(h * 255), Math.trunc(fround(range / top) * 255), top];
}

function rgbOf(h: number, s: number, v: number): [number, number, number] {
  if (s === 0) return [v, v, v];
  const place = fround((h * 6) / 255);
  const sector = Math.floor(place);
  const f = fround(place - sector);
  const fs = fround(s / 255);
  const byte = (x: number): number => Math.min(255, Math.max(0, Math.round(fround(x))));
  const p = byte(v * (1 - fs));
  const q = byte(v * (1 - fs * f));
  const t = byte(v * (1 - fs * (1 - f)));
  const table: [number, number, number][] = [
    [v, t, p],
    [q, v, p],
    [p, v, t],
    [p, q, v],
    [t, p, v],
    [v, p, q],
  ];
  return table[sector % 6]!;
}
