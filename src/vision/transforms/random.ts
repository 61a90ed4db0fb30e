// Transforms that take chances, drawn from Python's generators in Paddle's order.

import { InvalidArgumentError } from "../../core/errors.js";
import type { NdArray } from "../../core/nd-array.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { numpyRandom } from "../../core/random-numpy.js";
import { pythonRandom } from "../../core/random-python.js";
import { BaseTransform, type TransformOptions } from "./base.js";
import { crop, type Fill, hflip, type ImagePadding, pad, type PaddingMode, vflip } from "./geometry.js";
import { extentsOf, type Image, pixelsOf, requireProbability, roundHalfEven, type Size, sizeOfBoth } from "./image.js";
import { type Interpolation, resize } from "./resize.js";
import { erase } from "./values.js";

/** Options of transforms that happen or not. */
export interface ChanceOptions extends TransformOptions {
  /** How likely the image is changed; 0.5 by default. */
  readonly prob?: number | undefined;
}

/** An interval. */
export type Range = readonly [from: number, to: number];

function requireRange(api: string, name: string, [from, to]: Range, limit = Number.POSITIVE_INFINITY): Range {
  if (from >= 0 && from <= to && to <= limit) return [from, to];
  throw new InvalidArgumentError(`${name} must be [least, most], got [${from}, ${to}].`, { op: api, parameter: name });
}

/** Left and right exchanged, or not. */
export class RandomHorizontalFlip extends BaseTransform {
  readonly prob: number;

  constructor(...rest: Trailing<number, ChanceOptions>) {
    const { prob = 0.5, keys } = splitOptions<ChanceOptions>("RandomHorizontalFlip", rest, ["prob", "keys"]);
    super({ keys });
    this.prob = requireProbability("RandomHorizontalFlip", prob);
  }

  override _applyImage(image: Image): Image {
    return pythonRandom.random() < this.prob ? hflip(image) : image;
  }
}

/** Top and bottom exchanged, or not. */
export class RandomVerticalFlip extends BaseTransform {
  readonly prob: number;

  constructor(...rest: Trailing<number, ChanceOptions>) {
    const { prob = 0.5, keys } = splitOptions<ChanceOptions>("RandomVerticalFlip", rest, ["prob", "keys"]);
    super({ keys });
    this.prob = requireProbability("RandomVerticalFlip", prob);
  }

  override _applyImage(image: Image): Image {
    return pythonRandom.random() < this.prob ? vflip(image) : image;
  }
}

/** Options of {@link RandomCrop}. */
export interface RandomCropOptions extends TransformOptions {
  /** A border before the crop; none by default. */
  readonly padding?: ImagePadding | null | undefined;
  /** Pads images that are smaller than the crop; false by default. */
  readonly padIfNeeded?: boolean | undefined;
  readonly fill?: Fill | undefined;
  readonly paddingMode?: PaddingMode | undefined;
}

/** A rectangle of a given size, anywhere in the image. */
export class RandomCrop extends BaseTransform {
  readonly size: readonly [height: number, width: number];
  readonly padding: ImagePadding | null;
  readonly padIfNeeded: boolean;
  readonly fill: Fill;
  readonly paddingMode: PaddingMode;

  constructor(size: Size, ...rest: Trailing<ImagePadding | null, RandomCropOptions>) {
    const names = ["padding", "padIfNeeded", "fill", "paddingMode", "keys"] as const;
    const o = splitOptions<RandomCropOptions>("RandomCrop", rest, names);
    super({ keys: o.keys });
    this.size = sizeOfBoth("RandomCrop", size);
    this.padding = o.padding ?? null;
    this.padIfNeeded = o.padIfNeeded ?? false;
    this.fill = o.fill ?? 0;
    this.paddingMode = o.paddingMode ?? "constant";
  }

  /** @throws InvalidArgumentError when the image is smaller than the crop. */
  override _applyImage(image: Image): Image {
    const [height, width] = this.size;
    const options = { fill: this.fill, paddingMode: this.paddingMode };
    let img = this.padding === null ? image : pad(image, this.padding, options);
    let [h, w] = extentsOf("RandomCrop", img);
    if (this.padIfNeeded && w < width) img = pad(img, [width - w, 0], options);
    if (this.padIfNeeded && h < height) img = pad(img, [0, height - h], options);
    [h, w] = extentsOf("RandomCrop", img);
    if (h === height && w === width) return img;
    if (h < height || w < width) {
      throw new InvalidArgumentError(`a crop of ${height} x ${width} pixels does not fit in ${h} x ${w}.`, {
        op: "RandomCrop",
        hint: "Pass padding, or padIfNeeded: true.",
      });
    }
    const top = pythonRandom.randint(0, h - height);
    return crop(img, top, pythonRandom.randint(0, w - width), height, width);
  }
}

/** Options of {@link RandomResizedCrop}. */
export interface RandomResizedCropOptions extends TransformOptions {
  /** The crop's part of the image's area; `[0.08, 1]` by default. */
  readonly scale?: Range | undefined;
  /** Width to height; `[3 / 4, 4 / 3]` by default. */
  readonly ratio?: Range | undefined;
  readonly interpolation?: Interpolation | undefined;
}

/** A rectangle of any size and form, brought to one size. */
export class RandomResizedCrop extends BaseTransform {
  readonly size: readonly [height: number, width: number];
  readonly scale: Range;
  readonly ratio: Range;
  readonly interpolation: Interpolation;

  constructor(size: Size, ...rest: Trailing<Range, RandomResizedCropOptions>) {
    const names = ["scale", "ratio", "interpolation", "keys"] as const;
    const o = splitOptions<RandomResizedCropOptions>("RandomResizedCrop", rest, names);
    super({ keys: o.keys });
    this.size = sizeOfBoth("RandomResizedCrop", size);
    this.scale = requireRange("RandomResizedCrop", "scale", o.scale ?? [0.08, 1]);
    this.ratio = requireRange("RandomResizedCrop", "ratio", o.ratio ?? [3 / 4, 4 / 3]);
    this.interpolation = o.interpolation ?? "bilinear";
  }

  override _applyImage(image: Image): Image {
    const [h, w] = extentsOf("RandomResizedCrop", image);
    const { top, left, height, width } = this.#draw(h, w) ?? this.#middle(h, w);
    return resize(crop(image, top, left, height, width), this.size, this.interpolation);
  }

  /** Ten tries to find a rectangle that fits. */
  #draw(h: number, w: number): Rectangle | undefined {
    for (let i = 0; i < 10; i++) {
      const area = numpyRandom.uniform(...this.scale) * h * w;
      const form = Math.exp(numpyRandom.uniform(Math.log(this.ratio[0]), Math.log(this.ratio[1])));
      const width = roundHalfEven(Math.sqrt(area * form));
      const height = roundHalfEven(Math.sqrt(area / form));
      if (width <= 0 || width > w || height <= 0 || height > h) continue;
      const top = pythonRandom.randint(0, h - height);
      return { top, left: pythonRandom.randint(0, w - width), height, width };
    }
    return undefined;
  }

  /** The largest rectangle in the middle whose form is allowed. */
  #middle(h: number, w: number): Rectangle {
    const [least, most] = this.ratio;
    const height = w / h < least ? roundHalfEven(w / least) : h;
    const width = w / h > most ? roundHalfEven(h * most) : w;
    return { top: Math.floor((h - height) / 2), left: Math.floor((w - width) / 2), height, width };
  }
}

interface Rectangle {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** Options of {@link RandomErasing}. */
export interface RandomErasingOptions extends ChanceOptions {
  /** The rectangle's part of the image's area; `[0.02, 0.33]` by default. */
  readonly scale?: Range | undefined;
  /** Height to width; `[0.3, 3.3]` by default. */
  readonly ratio?: Range | undefined;
  /** One number, one for each channel, or "random" for normal noise of deviation 255; 0 by default. */
  readonly value?: number | readonly number[] | "random" | undefined;
  /** Writes into the array that was given; false by default. */
  readonly inplace?: boolean | undefined;
}

/** A rectangle overwritten, or not. */
export class RandomErasing extends BaseTransform<NdArray> {
  readonly prob: number;
  readonly scale: Range;
  readonly ratio: Range;
  readonly value: number | readonly number[] | "random";
  readonly inplace: boolean;

  constructor(...rest: Trailing<number, RandomErasingOptions>) {
    const names = ["prob", "scale", "ratio", "value", "inplace", "keys"] as const;
    const o = splitOptions<RandomErasingOptions>("RandomErasing", rest, names);
    super({ keys: o.keys });
    this.prob = requireProbability("RandomErasing", o.prob ?? 0.5);
    this.scale = requireRange("RandomErasing", "scale", o.scale ?? [0.02, 0.33], 1);
    this.ratio = requireRange("RandomErasing", "ratio", o.ratio ?? [0.3, 3.3]);
    this.value = o.value ?? 0;
    this.inplace = o.inplace ?? false;
  }

  override _applyImage(image: NdArray): NdArray {
    if (pythonRandom.random() >= this.prob) return image;
    const { height, width, channels } = pixelsOf("RandomErasing", image);
    for (let i = 0; i < 10; i++) {
      const area = numpyRandom.uniform(...this.scale) * height * width;
      const form = Math.exp(numpyRandom.uniform(Math.log(this.ratio[0]), Math.log(this.ratio[1])));
      const h = roundHalfEven(Math.sqrt(area * form));
      const w = roundHalfEven(Math.sqrt(area / form));
      if (h >= height || w >= width) continue;
      const values = this.value === "random" ? noise(h * w * channels) : this.value;
      const top = numpyRandom.randint(0, height - h + 1);
      return erase(image, top, numpyRandom.randint(0, width - w + 1), h, w, values, { inplace: this.inplace });
    }
    return image;
  }
}

const noise = (count: number): Float64Array => numpyRandom.normal(0, 1, count).map((x) => x * 255);
