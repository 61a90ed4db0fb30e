// Pooling layers whose windows follow from the size of the result, and layers that put maxima back.

import { splitOptions, type Trailing } from "../../core/options.js";
import type { Tensor } from "../../tensor/tensor.js";
import {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  type AdaptiveAvgPoolOptions,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
  type AdaptiveSize,
  fractionalMaxPool2d,
  fractionalMaxPool3d,
  type FractionalMaxPoolOptions,
  maxUnpool1d,
  maxUnpool2d,
  maxUnpool3d,
  type MaxUnpoolOptions,
} from "../functional/pooling-adaptive.js";
import type { Padding, PerAxis, SpatialFormat } from "../functional/spatial.js";
import { Layer } from "../layer.js";
import type { Maxima } from "./pooling.js";
import { inPython } from "./repr.js";

/** Accepted for Paddle's sake; it names nothing. */
interface Named {
  readonly name?: string | null | undefined;
}

/** Options of adaptive averages. */
export interface AdaptiveAvgPoolLayerOptions extends AdaptiveAvgPoolOptions, Named {}
/** Options of adaptive maxima; with `returnMask: true` the result is `[maxima, positions]`. */
export interface AdaptiveMaxPoolLayerOptions<M extends boolean = boolean> extends Named {
  readonly returnMask?: M | undefined;
}
/** Options of fractional maxima; with `returnMask: true` the result is `[maxima, positions]`. */
export interface FractionalMaxPoolLayerOptions<M extends boolean = boolean> extends FractionalMaxPoolOptions, Named {
  readonly returnMask?: M | undefined;
}
/** Options of layers that put maxima back. */
export interface MaxUnPoolLayerOptions extends MaxUnpoolOptions, Named {}

const fractionalKeys = ["kernelSize", "randomU", "returnMask", "name"] as const;
const unpoolKeys = ["stride", "padding", "dataFormat", "outputSize", "name"] as const;

/** What these layers have in common: the size of the result. */
class SizedPool extends Layer {
  readonly outputSize: AdaptiveSize;

  constructor(scope: string | null, outputSize: AdaptiveSize) {
    super(scope);
    this.outputSize = outputSize;
  }

  override extraRepr(): string {
    return `output_size=${inPython(this.outputSize)}`;
  }
}

/** Means of as many parts of `[n, channels, length]` as `outputSize` says: {@link adaptiveAvgPool1d}. */
export class AdaptiveAvgPool1D extends SizedPool {
  readonly dataFormat: SpatialFormat | undefined;

  constructor(outputSize: AdaptiveSize, ...rest: Trailing<SpatialFormat, AdaptiveAvgPoolLayerOptions>) {
    super(new.target === AdaptiveAvgPool1D ? "adaptive_avg_pool1d" : null, outputSize);
    const keys = ["dataFormat", "name"] as const;
    this.dataFormat = splitOptions<AdaptiveAvgPoolLayerOptions>("AdaptiveAvgPool1D", rest, keys).dataFormat;
  }

  override forward(x: Tensor): Tensor {
    return adaptiveAvgPool1d(x, this.outputSize, { dataFormat: this.dataFormat });
  }
}

/** Means of as many parts of `[n, channels, height, width]` as `outputSize` says: {@link adaptiveAvgPool2d}. */
export class AdaptiveAvgPool2D extends SizedPool {
  readonly dataFormat: SpatialFormat | undefined;

  constructor(outputSize: AdaptiveSize, ...rest: Trailing<SpatialFormat, AdaptiveAvgPoolLayerOptions>) {
    super(new.target === AdaptiveAvgPool2D ? "adaptive_avg_pool2d" : null, outputSize);
    const keys = ["dataFormat", "name"] as const;
    this.dataFormat = splitOptions<AdaptiveAvgPoolLayerOptions>("AdaptiveAvgPool2D", rest, keys).dataFormat;
  }

  override forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.outputSize, { dataFormat: this.dataFormat });
  }
}

/** Means of as many parts of `[n, channels, depth, height, width]` as `outputSize` says: {@link adaptiveAvgPool3d}. */
export class AdaptiveAvgPool3D extends SizedPool {
  readonly dataFormat: SpatialFormat | undefined;

  constructor(outputSize: AdaptiveSize, ...rest: Trailing<SpatialFormat, AdaptiveAvgPoolLayerOptions>) {
    super(new.target === AdaptiveAvgPool3D ? "adaptive_avg_pool3d" : null, outputSize);
    const keys = ["dataFormat", "name"] as const;
    this.dataFormat = splitOptions<AdaptiveAvgPoolLayerOptions>("AdaptiveAvgPool3D", rest, keys).dataFormat;
  }

  override forward(x: Tensor): Tensor {
    return adaptiveAvgPool3d(x, this.outputSize, { dataFormat: this.dataFormat });
  }
}

/** Maxima of as many parts of `[n, channels, length]` as `outputSize` says: {@link adaptiveMaxPool1d}. */
export class AdaptiveMaxPool1D<M extends boolean = false> extends SizedPool {
  readonly returnMask: boolean;

  constructor(outputSize: AdaptiveSize, ...rest: Trailing<M, AdaptiveMaxPoolLayerOptions<M>>) {
    super(new.target === AdaptiveMaxPool1D ? "adaptive_max_pool1d" : null, outputSize);
    const keys = ["returnMask", "name"] as const;
    this.returnMask = splitOptions<AdaptiveMaxPoolLayerOptions>("AdaptiveMaxPool1D", rest, keys).returnMask ?? false;
  }

  override forward(x: Tensor): Maxima<M> {
    return adaptiveMaxPool1d(x, this.outputSize, { returnMask: this.returnMask }) as Maxima<M>;
  }

  override extraRepr(): string {
    return `${super.extraRepr()}, return_mask=${inPython(this.returnMask)}`;
  }
}

/** Maxima of as many parts of `[n, channels, height, width]` as `outputSize` says: {@link adaptiveMaxPool2d}. */
export class AdaptiveMaxPool2D<M extends boolean = false> extends SizedPool {
  readonly returnMask: boolean;

  constructor(outputSize: AdaptiveSize, ...rest: Trailing<M, AdaptiveMaxPoolLayerOptions<M>>) {
    super(new.target === AdaptiveMaxPool2D ? "adaptive_max_pool2d" : null, outputSize);
    const keys = ["returnMask", "name"] as const;
    this.returnMask = splitOptions<AdaptiveMaxPoolLayerOptions>("AdaptiveMaxPool2D", rest, keys).returnMask ?? false;
  }

  override forward(x: Tensor): Maxima<M> {
    return adaptiveMaxPool2d(x, this.outputSize, { returnMask: this.returnMask }) as Maxima<M>;
  }

  override extraRepr(): string {
    return `${super.extraRepr()}, return_mask=${inPython(this.returnMask)}`;
  }
}

/** Maxima of as many parts of `[n, channels, depth, height, width]` as `outputSize` says: {@link adaptiveMaxPool3d}. */
export class AdaptiveMaxPool3D<M extends boolean = false> extends SizedPool {
  readonly returnMask: boolean;

  constructor(outputSize: AdaptiveSize, ...rest: Trailing<M, AdaptiveMaxPoolLayerOptions<M>>) {
    super(new.target === AdaptiveMaxPool3D ? "adaptive_max_pool3d" : null, outputSize);
    const keys = ["returnMask", "name"] as const;
    this.returnMask = splitOptions<AdaptiveMaxPoolLayerOptions>("AdaptiveMaxPool3D", rest, keys).returnMask ?? false;
  }

  override forward(x: Tensor): Maxima<M> {
    return adaptiveMaxPool3d(x, this.outputSize, { returnMask: this.returnMask }) as Maxima<M>;
  }

  override extraRepr(): string {
    return `${super.extraRepr()}, return_mask=${inPython(this.returnMask)}`;
  }
}

/** Maxima of windows of `[n, channels, height, width]` at irregular distances: {@link fractionalMaxPool2d}. */
export class FractionalMaxPool2D<M extends boolean = false> extends SizedPool {
  readonly kernelSize: PerAxis | null;
  readonly randomU: number | null;
  readonly returnMask: boolean;

  constructor(outputSize: AdaptiveSize, ...rest: Trailing<PerAxis | null, FractionalMaxPoolLayerOptions<M>>) {
    super(new.target === FractionalMaxPool2D ? "fractional_max_pool2d" : null, outputSize);
    const o = splitOptions<FractionalMaxPoolLayerOptions<M>>("FractionalMaxPool2D", rest, fractionalKeys);
    this.kernelSize = o.kernelSize ?? null;
    this.randomU = o.randomU ?? null;
    this.returnMask = o.returnMask ?? false;
  }

  override forward(x: Tensor): Maxima<M> {
    const { kernelSize, randomU, returnMask } = this;
    return fractionalMaxPool2d(x, this.outputSize, { kernelSize, randomU, returnMask }) as Maxima<M>;
  }

  override extraRepr(): string {
    return `${super.extraRepr()}, return_mask=${inPython(this.returnMask)}`;
  }
}

/** Maxima of windows of `[n, channels, depth, height, width]` at irregular distances: {@link fractionalMaxPool3d}. */
export class FractionalMaxPool3D<M extends boolean = false> extends SizedPool {
  readonly kernelSize: PerAxis | null;
  readonly randomU: number | null;
  readonly returnMask: boolean;

  constructor(outputSize: AdaptiveSize, ...rest: Trailing<PerAxis | null, FractionalMaxPoolLayerOptions<M>>) {
    super(new.target === FractionalMaxPool3D ? "fractional_max_pool3d" : null, outputSize);
    const o = splitOptions<FractionalMaxPoolLayerOptions<M>>("FractionalMaxPool3D", rest, fractionalKeys);
    this.kernelSize = o.kernelSize ?? null;
    this.randomU = o.randomU ?? null;
    this.returnMask = o.returnMask ?? false;
  }

  override forward(x: Tensor): Maxima<M> {
    const { kernelSize, randomU, returnMask } = this;
    return fractionalMaxPool3d(x, this.outputSize, { kernelSize, randomU, returnMask }) as Maxima<M>;
  }

  override extraRepr(): string {
    return `${super.extraRepr()}, return_mask=${inPython(this.returnMask)}`;
  }
}

type SizeRest = Trailing<PerAxis | null, Pick<MaxUnpoolOptions, "outputSize">>;
type UnpoolRest =
  | Trailing<PerAxis | null, MaxUnPoolLayerOptions>
  | [PerAxis | null | undefined, Padding | undefined, MaxUnPoolLayerOptions?];

/** What layers that put maxima back have in common. */
class UnpoolLayer extends Layer {
  readonly kernelSize: PerAxis;
  /** What the function takes beside inputs and kernel size. */
  protected readonly options: MaxUnpoolOptions;

  constructor(scope: string | null, api: string, kernelSize: PerAxis, rest: UnpoolRest) {
    super(scope);
    const { name: _, ...options } = splitOptions<MaxUnPoolLayerOptions>(api, rest, unpoolKeys, 2);
    this.kernelSize = kernelSize;
    this.options = options;
  }

  /** The settings, with the extents that `forward` was given. */
  protected sized(rest: SizeRest): MaxUnpoolOptions {
    const { outputSize } = splitOptions<Pick<MaxUnpoolOptions, "outputSize">>("forward", rest, ["outputSize"]);
    return { ...this.options, outputSize: outputSize ?? this.options.outputSize };
  }

  override extraRepr(): string {
    return `output_size=${inPython(this.options.outputSize)}`;
  }
}

/** Puts maxima of `[n, channels, length]` back to their positions: {@link maxUnpool1d}. */
export class MaxUnPool1D extends UnpoolLayer {
  constructor(kernelSize: PerAxis, ...rest: UnpoolRest) {
    super(new.target === MaxUnPool1D ? "max_un_pool1d" : null, "MaxUnPool1D", kernelSize, rest);
  }

  /** `outputSize` beats the layer's own. */
  override forward(x: Tensor, indices: Tensor, ...rest: SizeRest): Tensor {
    return maxUnpool1d(x, indices, this.kernelSize, this.sized(rest));
  }
}

/** Puts maxima of `[n, channels, height, width]` back to their positions: {@link maxUnpool2d}. */
export class MaxUnPool2D extends UnpoolLayer {
  constructor(kernelSize: PerAxis, ...rest: UnpoolRest) {
    super(new.target === MaxUnPool2D ? "max_un_pool2d" : null, "MaxUnPool2D", kernelSize, rest);
  }

  /** `outputSize` beats the layer's own. */
  override forward(x: Tensor, indices: Tensor, ...rest: SizeRest): Tensor {
    return maxUnpool2d(x, indices, this.kernelSize, this.sized(rest));
  }
}

/** Puts maxima of `[n, channels, depth, height, width]` back to their positions: {@link maxUnpool3d}. */
export class MaxUnPool3D extends UnpoolLayer {
  constructor(kernelSize: PerAxis, ...rest: UnpoolRest) {
    super(new.target === MaxUnPool3D ? "max_un_pool3d" : null, "MaxUnPool3D", kernelSize, rest);
  }

  /** `outputSize` beats the layer's own. */
  override forward(x: Tensor, indices: Tensor, ...rest: SizeRest): Tensor {
    return maxUnpool3d(x, indices, this.kernelSize, this.sized(rest));
  }
}
