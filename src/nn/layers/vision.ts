// Layers that resample images, and layers of windows as columns.

import { splitOptions, type Trailing } from "../../core/options.js";
import type { Tensor } from "../../tensor/tensor.js";
import { fold, type FoldOptions, unfold } from "../functional/fold.js";
import type { PerAxis } from "../functional/spatial.js";
import { interpolate, type InterpolateOptions } from "../functional/vision.js";
import { Layer } from "../layer.js";
import { inPython } from "./repr.js";

/** Accepted for Paddle's sake; it names nothing. */
interface Named {
  readonly name?: string | null | undefined;
}

/** Options of {@link Upsample}. */
export interface UpsampleOptions extends InterpolateOptions, Named {}
/** Options of {@link UpsamplingNearest2D} and {@link UpsamplingBilinear2D}. */
export interface UpsamplingOptions extends Pick<InterpolateOptions, "size" | "scaleFactor" | "dataFormat">, Named {}

const keys = ["size", "scaleFactor", "mode", "alignCorners", "alignMode", "dataFormat", "name"] as const;
const fewKeys = ["size", "scaleFactor", "dataFormat", "name"] as const;

/** What resampling layers have in common. */
class Resampling extends Layer {
  readonly size: PerAxis | null;
  readonly scaleFactor: InterpolateOptions["scaleFactor"] | null;
  /** What the function takes beside the input. */
  protected readonly options: InterpolateOptions;

  constructor(scope: string | null, { name: _, ...options }: UpsampleOptions) {
    super(scope);
    this.size = options.size ?? null;
    this.scaleFactor = options.scaleFactor ?? null;
    this.options = options;
  }

  override forward(x: Tensor): Tensor {
    return interpolate(x, this.options);
  }

  protected get sizeRepr(): string {
    return this.scaleFactor === null ? `size=${inPython(this.size)}` : `scale_factor=${inPython(this.scaleFactor)}`;
  }

  override extraRepr(): string {
    return `${this.sizeRepr}, data_format=${this.options.dataFormat ?? "NCHW"}`;
  }
}

/**
 * A tensor `[n, channels, …]` with other extents of space: {@link interpolate}.
 *
 * @throws InvalidArgumentError for a mode that the input's rank has not, and unless exactly one of size and scaleFactor is given.
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * console.log(new nn.Upsample({ scaleFactor: 2 })(ones([1, 3, 4, 4])).shape); // [1, 3, 8, 8]
 * ```
 */
export class Upsample extends Resampling {
  constructor(...rest: Trailing<PerAxis | null, UpsampleOptions>) {
    const o = splitOptions<UpsampleOptions>("Upsample", rest, keys);
    super(new.target === Upsample ? "upsample" : null, o);
  }

  override extraRepr(): string {
    const { mode = "nearest", alignCorners = false, alignMode = 0, dataFormat } = this.options;
    return `${this.sizeRepr}, mode=${mode}, align_corners=${inPython(alignCorners)}, align_mode=${alignMode}, data_format=${inPython(dataFormat)}`;
  }
}

/** Images with other extents, each element the nearest one. */
export class UpsamplingNearest2D extends Resampling {
  constructor(...rest: Trailing<PerAxis | null, UpsamplingOptions>) {
    const o = splitOptions<UpsamplingOptions>("UpsamplingNearest2D", rest, fewKeys);
    super(new.target === UpsamplingNearest2D ? "upsampling_nearest2d" : null, { ...o, mode: "nearest" });
  }
}

/** Images with other extents, each element mixed of its four neighbours; corners stay where they are. */
export class UpsamplingBilinear2D extends Resampling {
  constructor(...rest: Trailing<PerAxis | null, UpsamplingOptions>) {
    const o = splitOptions<UpsamplingOptions>("UpsamplingBilinear2D", rest, fewKeys);
    const scope = new.target === UpsamplingBilinear2D ? "upsampling_bilinear2d" : null;
    super(scope, { ...o, mode: "bilinear", alignCorners: true });
  }
}

/** Options of {@link Unfold} and {@link Fold}. */
export interface FoldLayerOptions extends FoldOptions, Named {}

const foldKeys = ["strides", "paddings", "dilations", "name"] as const;

/** What {@link Unfold} and {@link Fold} have in common. */
class Windows extends Layer {
  readonly kernelSizes: PerAxis;
  readonly strides: PerAxis;
  readonly paddings: PerAxis;
  readonly dilations: PerAxis;

  constructor(
    scope: string | null,
    api: string,
    kernelSizes: PerAxis,
    rest: Trailing<PerAxis, FoldLayerOptions>,
    first: string,
  ) {
    super(scope);
    const order = [first as "strides", ...foldKeys.filter((key) => key !== first)];
    const o = splitOptions<FoldLayerOptions>(api, rest, order);
    this.kernelSizes = kernelSizes;
    this.strides = o.strides ?? 1;
    this.paddings = o.paddings ?? 0;
    this.dilations = o.dilations ?? 1;
  }

  protected get settings(): FoldOptions {
    return { strides: this.strides, paddings: this.paddings, dilations: this.dilations };
  }

  override extraRepr(): string {
    const [kernel, dilation, padding, stride] = [this.kernelSizes, this.dilations, this.paddings, this.strides].map(
      inPython,
    );
    return `kernel_size=${kernel}, dilation=${dilation}, padding=${padding}, stride=${stride}`;
  }
}

/** The elements of every window of images as columns: {@link unfold}. The bare option is `dilations`, as in Paddle. */
export class Unfold extends Windows {
  constructor(kernelSizes: PerAxis, ...rest: Trailing<PerAxis, FoldLayerOptions>) {
    super(new.target === Unfold ? "unfold" : null, "Unfold", kernelSizes, rest, "dilations");
  }

  override forward(x: Tensor): Tensor {
    return unfold(x, this.kernelSizes, this.settings);
  }
}

/** Columns added back into images `[height, width]`: {@link fold}. The bare option is `dilations`, as in Paddle. */
export class Fold extends Windows {
  readonly outputSizes: PerAxis;

  constructor(outputSizes: PerAxis, kernelSizes: PerAxis, ...rest: Trailing<PerAxis, FoldLayerOptions>) {
    super(new.target === Fold ? "fold" : null, "Fold", kernelSizes, rest, "dilations");
    this.outputSizes = outputSizes;
  }

  override forward(x: Tensor): Tensor {
    return fold(x, this.outputSizes, this.kernelSizes, this.settings);
  }
}
