// Transforms without chance, as classes.

import { splitOptions, type Trailing } from "../../core/options.js";
import type { Tensor } from "../../tensor/tensor.js";
import { BaseTransform, type TransformOptions } from "./base.js";
import { type GrayscaleOptions, toGrayscale } from "./color.js";
import {
  centerCrop,
  type Fill,
  type ImagePadding,
  pad,
  type PaddingMode,
  type PadOptions,
  sidesOf,
  transposed,
} from "./geometry.js";
import { type Image, type Size, sizeOfBoth } from "./image.js";
import { type Interpolation, resize, type ResizeOptions } from "./resize.js";
import { type ImageLayout, type ImageToTensorOptions, normalize, toTensor } from "./values.js";
import type { NdArray } from "../../core/nd-array.js";

/** An image as a tensor, channels first, bytes from 0 to 1: {@link toTensor}. */
export class ToTensor extends BaseTransform<Tensor> {
  readonly dataFormat: ImageLayout;

  constructor(...rest: Trailing<ImageLayout, ImageToTensorOptions & TransformOptions>) {
    const o = splitOptions<ImageToTensorOptions & TransformOptions>("ToTensor", rest, ["dataFormat", "keys"]);
    super({ keys: o.keys });
    this.dataFormat = o.dataFormat ?? "CHW";
  }

  override _applyImage(image: Image): Tensor {
    return toTensor(image, this.dataFormat);
  }
}

/** Another size: {@link resize}. */
export class Resize extends BaseTransform {
  readonly size: Size;
  readonly interpolation: Interpolation;

  constructor(size: Size, ...rest: Trailing<Interpolation, ResizeOptions & TransformOptions>) {
    const o = splitOptions<ResizeOptions & TransformOptions>("Resize", rest, ["interpolation", "keys"]);
    super({ keys: o.keys });
    sizeOfBoth("Resize", size);
    this.size = size;
    this.interpolation = o.interpolation ?? "bilinear";
  }

  override _applyImage(image: Image): Image {
    return resize(image, this.size, this.interpolation);
  }
}

/** The middle: {@link centerCrop}. */
export class CenterCrop extends BaseTransform {
  readonly size: readonly [height: number, width: number];

  constructor(size: Size, options?: TransformOptions) {
    super(options);
    this.size = sizeOfBoth("CenterCrop", size);
  }

  override _applyImage(image: Image): Image {
    return centerCrop(image, this.size);
  }
}

/** A border: {@link pad}. */
export class Pad extends BaseTransform {
  readonly padding: ImagePadding;
  readonly fill: Fill;
  readonly paddingMode: PaddingMode;

  constructor(padding: ImagePadding, ...rest: Trailing<Fill, PadOptions & TransformOptions>) {
    const o = splitOptions<PadOptions & TransformOptions>("Pad", rest, ["fill", "paddingMode", "keys"]);
    super({ keys: o.keys });
    sidesOf("Pad", padding);
    this.padding = padding;
    this.fill = o.fill ?? 0;
    this.paddingMode = o.paddingMode ?? "constant";
  }

  override _applyImage(image: Image): Image {
    return pad(image, this.padding, { fill: this.fill, paddingMode: this.paddingMode });
  }
}

/** Options of {@link Transpose}. */
export interface TransposeOptions extends TransformOptions {
  /** `[2, 0, 1]` by default: channels first. */
  readonly order?: readonly number[] | undefined;
}

/** The image's axes in another order; an array without channels gets one. */
export class Transpose extends BaseTransform {
  readonly order: readonly number[];

  constructor(...rest: Trailing<readonly number[], TransposeOptions>) {
    const { order = [2, 0, 1], keys } = splitOptions<TransposeOptions>("Transpose", rest, ["order", "keys"]);
    super({ keys });
    this.order = order;
  }

  override _applyImage(image: Image): Image {
    return transposed(image, this.order);
  }
}

/** Grey: {@link toGrayscale}. */
export class Grayscale extends BaseTransform<NdArray> {
  readonly numOutputChannels: number;

  constructor(...rest: Trailing<number, GrayscaleOptions & TransformOptions>) {
    const o = splitOptions<GrayscaleOptions & TransformOptions>("Grayscale", rest, ["numOutputChannels", "keys"]);
    super({ keys: o.keys });
    this.numOutputChannels = o.numOutputChannels ?? 1;
  }

  override _applyImage(image: NdArray): NdArray {
    return toGrayscale(image, this.numOutputChannels);
  }
}

/** Options of {@link Normalize}. */
export interface NormalizeOptions extends TransformOptions {
  /** One for all channels, or one for each; 0 by default. */
  readonly mean?: number | readonly number[] | undefined;
  /** As `mean`; 1 by default. */
  readonly std?: number | readonly number[] | undefined;
  /** "CHW" by default. */
  readonly dataFormat?: ImageLayout | undefined;
  /** Reads the last axis backwards first; false by default. */
  readonly toRgb?: boolean | undefined;
}

/** `(image - mean) / std`: {@link normalize}. */
export class Normalize extends BaseTransform {
  readonly mean: number | readonly number[];
  readonly std: number | readonly number[];
  readonly dataFormat: ImageLayout;
  readonly toRgb: boolean;

  constructor(
    ...rest:
      | Trailing<number | readonly number[], NormalizeOptions>
      | [
          mean: number | readonly number[] | undefined,
          std: number | readonly number[] | undefined,
          options?: NormalizeOptions,
        ]
  ) {
    const names = ["mean", "std", "dataFormat", "toRgb", "keys"] as const;
    const o = splitOptions<NormalizeOptions>("Normalize", rest, names, 2);
    super({ keys: o.keys });
    this.mean = o.mean ?? 0;
    this.std = o.std ?? 1;
    this.dataFormat = o.dataFormat ?? "CHW";
    this.toRgb = o.toRgb ?? false;
  }

  override _applyImage(image: Image): Image {
    const { mean, std, dataFormat, toRgb } = this;
    return normalize(image, mean, std, { dataFormat, toRgb });
  }
}
