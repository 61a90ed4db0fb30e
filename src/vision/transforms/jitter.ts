// Random colours: brightness, contrast, saturation and hue, each alone or all in random order.

import { InvalidArgumentError } from "../../core/errors.js";
import type { NdArray } from "../../core/nd-array.js";
import { checkOptions, splitOptions, type Trailing } from "../../core/options.js";
import { pythonRandom } from "../../core/random-python.js";
import { BaseTransform, type TransformOptions } from "./base.js";
import { adjustBrightness, adjustContrast, adjustHue, adjustSaturation } from "./color.js";

/** How far a colour may move: a distance from the middle, or the least and the most. */
export type Jitter = number | readonly [from: number, to: number];

/** The interval that factors are drawn from; null where nothing changes. */
function intervalOf(api: string, value: Jitter, middle: number, least: number, most: number): [number, number] | null {
  const [from, to] = typeof value === "number" ? [middle - value, middle + value] : value;
  const single = typeof value === "number";
  const low = single && middle === 1 ? Math.max(0, from) : from;
  if ((single && value < 0) || !(low >= least && low <= to && to <= most)) {
    throw new InvalidArgumentError(`the range must lie in [${least}, ${most}], got ${JSON.stringify(value)}.`, {
      op: api,
      parameter: "value",
    });
  }
  return low === middle && to === middle ? null : [low, to];
}

/** A colour moved by a factor drawn anew for each image. */
abstract class ColorTransform extends BaseTransform<NdArray> {
  /** The interval of factors, null where nothing changes. */
  readonly value: readonly [number, number] | null;

  constructor(value: [number, number] | null, options?: TransformOptions) {
    super(checkOptions<TransformOptions>("transform", options, ["keys"]));
    this.value = value;
  }

  protected abstract adjust(image: NdArray, factor: number): NdArray;

  override _applyImage(image: NdArray): NdArray {
    return this.value === null ? image : this.adjust(image, pythonRandom.uniform(...this.value));
  }
}

/** A brightness from `1 - value` to `1 + value`. */
export class BrightnessTransform extends ColorTransform {
  constructor(value: Jitter, options?: TransformOptions) {
    super(intervalOf("BrightnessTransform", value, 1, 0, Number.POSITIVE_INFINITY), options);
  }

  protected override adjust(image: NdArray, factor: number): NdArray {
    return adjustBrightness(image, factor);
  }
}

/** A contrast from `1 - value` to `1 + value`. */
export class ContrastTransform extends ColorTransform {
  constructor(value: Jitter, options?: TransformOptions) {
    super(intervalOf("ContrastTransform", value, 1, 0, Number.POSITIVE_INFINITY), options);
  }

  protected override adjust(image: NdArray, factor: number): NdArray {
    return adjustContrast(image, factor);
  }
}

/** A saturation from `1 - value` to `1 + value`. */
export class SaturationTransform extends ColorTransform {
  constructor(value: Jitter, options?: TransformOptions) {
    super(intervalOf("SaturationTransform", value, 1, 0, Number.POSITIVE_INFINITY), options);
  }

  protected override adjust(image: NdArray, factor: number): NdArray {
    return adjustSaturation(image, factor);
  }
}

/** A hue turned by a part of the circle from `-value` to `value`. */
export class HueTransform extends ColorTransform {
  constructor(value: Jitter, options?: TransformOptions) {
    super(intervalOf("HueTransform", value, 0, -0.5, 0.5), options);
  }

  protected override adjust(image: NdArray, factor: number): NdArray {
    return adjustHue(image, factor);
  }
}

/** Options of {@link ColorJitter}; each is 0 by default: no change. */
export interface ColorJitterOptions extends TransformOptions {
  readonly brightness?: Jitter | undefined;
  readonly contrast?: Jitter | undefined;
  readonly saturation?: Jitter | undefined;
  readonly hue?: Jitter | undefined;
}

/** All four in an order drawn anew for each image. */
export class ColorJitter extends BaseTransform<NdArray> {
  readonly brightness: Jitter;
  readonly contrast: Jitter;
  readonly saturation: Jitter;
  readonly hue: Jitter;
  readonly #parts: readonly ColorTransform[];

  constructor(...rest: Trailing<Jitter, ColorJitterOptions>) {
    const names = ["brightness", "contrast", "saturation", "hue", "keys"] as const;
    const o = splitOptions<ColorJitterOptions>("ColorJitter", rest, names);
    super({ keys: o.keys });
    const { brightness = 0, contrast = 0, saturation = 0, hue = 0 } = o;
    [this.brightness, this.contrast, this.saturation, this.hue] = [brightness, contrast, saturation, hue];
    this.#parts = [
      new BrightnessTransform(brightness),
      new ContrastTransform(contrast),
      new SaturationTransform(saturation),
      new HueTransform(hue),
    ];
  }

  override _applyImage(image: NdArray): NdArray {
    const parts = [...this.#parts];
    pythonRandom.shuffle(parts);
    return parts.reduce((x, part) => part._applyImage(x), image);
  }
}
