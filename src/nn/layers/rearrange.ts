// Layers that rearrange images: pixels to channels and back, channels among themselves.

import { splitOptions, type Trailing } from "../../core/options.js";
import type { Tensor } from "../../tensor/tensor.js";
import { channelShuffle, type ImageFormatOptions, pixelShuffle, pixelUnshuffle } from "../functional/common.js";
import { Layer } from "../layer.js";

interface Named {
  /** Accepted for Paddle's sake; it names nothing. */
  readonly name?: string | null | undefined;
}

type Rearrangement = ImageFormatOptions & Named;

const formatOf = (api: string, rest: readonly unknown[]): ImageFormatOptions => ({
  dataFormat: splitOptions<Rearrangement>(api, rest, ["dataFormat", "name"]).dataFormat,
});

/** {@link pixelShuffle} as a layer. */
export class PixelShuffle extends Layer {
  readonly upscaleFactor: number;
  readonly #format: ImageFormatOptions;

  constructor(upscaleFactor: number, ...rest: Trailing<string, Rearrangement>) {
    super(new.target === PixelShuffle ? "pixel_shuffle" : null);
    this.upscaleFactor = upscaleFactor;
    this.#format = formatOf("PixelShuffle", rest);
  }

  override forward(x: Tensor): Tensor {
    return pixelShuffle(x, this.upscaleFactor, this.#format);
  }

  override extraRepr(): string {
    return `upscale_factor=${this.upscaleFactor}`;
  }
}

/** {@link pixelUnshuffle} as a layer. */
export class PixelUnshuffle extends Layer {
  readonly downscaleFactor: number;
  readonly #format: ImageFormatOptions;

  constructor(downscaleFactor: number, ...rest: Trailing<string, Rearrangement>) {
    super(new.target === PixelUnshuffle ? "pixel_unshuffle" : null);
    this.downscaleFactor = downscaleFactor;
    this.#format = formatOf("PixelUnshuffle", rest);
  }

  override forward(x: Tensor): Tensor {
    return pixelUnshuffle(x, this.downscaleFactor, this.#format);
  }

  override extraRepr(): string {
    return `downscale_factor=${this.downscaleFactor}`;
  }
}

/** {@link channelShuffle} as a layer. */
export class ChannelShuffle extends Layer {
  readonly groups: number;
  readonly #format: ImageFormatOptions;

  constructor(groups: number, ...rest: Trailing<string, Rearrangement>) {
    super(new.target === ChannelShuffle ? "channel_shuffle" : null);
    this.groups = groups;
    this.#format = formatOf("ChannelShuffle", rest);
  }

  override forward(x: Tensor): Tensor {
    return channelShuffle(x, this.groups, this.#format);
  }

  override extraRepr(): string {
    return `groups=${this.groups}`;
  }
}
