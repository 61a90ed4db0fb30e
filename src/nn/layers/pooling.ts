// Pooling layers of even windows: maxima, averages and p-norms over one, two and three axes.

import { splitOptions, type Trailing } from "../../core/options.js";
import type { Tensor } from "../../tensor/tensor.js";
import {
  avgPool1d,
  avgPool2d,
  avgPool3d,
  type AvgPoolOptions,
  lpPool1d,
  lpPool2d,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  type PoolOptions,
} from "../functional/pooling.js";
import type { Padding, PerAxis } from "../functional/spatial.js";
import { Layer } from "../layer.js";
import { inPython } from "./repr.js";

/** Accepted for Paddle's sake; it names nothing. */
interface Named {
  readonly name?: string | null | undefined;
}

/** Options of layers of maxima; with `returnMask: true` the result is `[maxima, positions]`. */
export interface MaxPoolLayerOptions<M extends boolean = boolean> extends PoolOptions, Named {
  readonly returnMask?: M | undefined;
}
/** Options of layers of averages. */
export interface AvgPoolLayerOptions extends AvgPoolOptions, Named {}
/** Options of layers of p-norms. */
export interface LpPoolLayerOptions extends PoolOptions, Named {}

type Bare = PerAxis | null;
type Rest<O> = Trailing<Bare, O> | [stride: Bare | undefined, padding: Padding | undefined, options?: O];

/** What a layer of maxima gives. */
export type Maxima<M extends boolean> = M extends true ? [Tensor, Tensor] : Tensor;

const keys = ["stride", "padding", "ceilMode", "dataFormat", "name"] as const;
const maxKeys = [...keys, "returnMask"] as const;
const avgKeys = [...keys, "exclusive", "divisorOverride"] as const;

/** What pooling layers have in common: windows, and how they print. */
class PoolLayer<O extends PoolOptions & Named> extends Layer {
  readonly kernelSize: PerAxis;
  readonly stride: PerAxis | null;
  readonly padding: Padding;
  /** What the function takes beside input and kernel size. */
  protected readonly options: Omit<O, "name">;

  constructor(scope: string | null, kernelSize: PerAxis, { name: _, ...options }: O) {
    super(scope);
    this.kernelSize = kernelSize;
    this.stride = options.stride ?? null;
    this.padding = options.padding ?? 0;
    this.options = options;
  }

  override extraRepr(): string {
    return `kernel_size=${inPython(this.kernelSize)}, stride=${inPython(this.stride)}, padding=${inPython(this.padding)}`;
  }
}

/**
 * Maxima of windows of `[n, channels, length]`: {@link maxPool1d}.
 *
 * @throws InvalidArgumentError for inputs and windows that do not fit.
 */
export class MaxPool1D<M extends boolean = false> extends PoolLayer<MaxPoolLayerOptions<M>> {
  constructor(kernelSize: PerAxis, ...rest: Rest<MaxPoolLayerOptions<M>>) {
    const o = splitOptions<MaxPoolLayerOptions<M>>("MaxPool1D", rest, maxKeys, 2);
    super(new.target === MaxPool1D ? "max_pool1d" : null, kernelSize, o);
  }

  override forward(x: Tensor): Maxima<M> {
    return maxPool1d(x, this.kernelSize, this.options) as Maxima<M>;
  }
}

/**
 * Maxima of windows of `[n, channels, height, width]`: {@link maxPool2d}.
 *
 * @throws InvalidArgumentError for inputs and windows that do not fit.
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * console.log(new nn.MaxPool2D(2)(ones([1, 3, 8, 8])).shape); // [1, 3, 4, 4]
 * ```
 */
export class MaxPool2D<M extends boolean = false> extends PoolLayer<MaxPoolLayerOptions<M>> {
  constructor(kernelSize: PerAxis, ...rest: Rest<MaxPoolLayerOptions<M>>) {
    const o = splitOptions<MaxPoolLayerOptions<M>>("MaxPool2D", rest, maxKeys, 2);
    super(new.target === MaxPool2D ? "max_pool2d" : null, kernelSize, o);
  }

  override forward(x: Tensor): Maxima<M> {
    return maxPool2d(x, this.kernelSize, this.options) as Maxima<M>;
  }
}

/**
 * Maxima of windows of `[n, channels, depth, height, width]`: {@link maxPool3d}.
 *
 * @throws InvalidArgumentError for inputs and windows that do not fit.
 */
export class MaxPool3D<M extends boolean = false> extends PoolLayer<MaxPoolLayerOptions<M>> {
  constructor(kernelSize: PerAxis, ...rest: Rest<MaxPoolLayerOptions<M>>) {
    const o = splitOptions<MaxPoolLayerOptions<M>>("MaxPool3D", rest, maxKeys, 2);
    super(new.target === MaxPool3D ? "max_pool3d" : null, kernelSize, o);
  }

  override forward(x: Tensor): Maxima<M> {
    return maxPool3d(x, this.kernelSize, this.options) as Maxima<M>;
  }
}

/**
 * Means of windows of `[n, channels, length]`: {@link avgPool1d}.
 *
 * @throws InvalidArgumentError for inputs and windows that do not fit.
 */
export class AvgPool1D extends PoolLayer<AvgPoolLayerOptions> {
  constructor(kernelSize: PerAxis, ...rest: Rest<AvgPoolLayerOptions>) {
    const o = splitOptions<AvgPoolLayerOptions>("AvgPool1D", rest, avgKeys, 2);
    super(new.target === AvgPool1D ? "avg_pool1d" : null, kernelSize, o);
  }

  override forward(x: Tensor): Tensor {
    return avgPool1d(x, this.kernelSize, this.options);
  }
}

/**
 * Means of windows of `[n, channels, height, width]`: {@link avgPool2d}.
 *
 * @throws InvalidArgumentError for inputs and windows that do not fit.
 */
export class AvgPool2D extends PoolLayer<AvgPoolLayerOptions> {
  constructor(kernelSize: PerAxis, ...rest: Rest<AvgPoolLayerOptions>) {
    const o = splitOptions<AvgPoolLayerOptions>("AvgPool2D", rest, avgKeys, 2);
    super(new.target === AvgPool2D ? "avg_pool2d" : null, kernelSize, o);
  }

  override forward(x: Tensor): Tensor {
    return avgPool2d(x, this.kernelSize, this.options);
  }
}

/**
 * Means of windows of `[n, channels, depth, height, width]`: {@link avgPool3d}.
 *
 * @throws InvalidArgumentError for inputs and windows that do not fit.
 */
export class AvgPool3D extends PoolLayer<AvgPoolLayerOptions> {
  constructor(kernelSize: PerAxis, ...rest: Rest<AvgPoolLayerOptions>) {
    const o = splitOptions<AvgPoolLayerOptions>("AvgPool3D", rest, avgKeys, 2);
    super(new.target === AvgPool3D ? "avg_pool3d" : null, kernelSize, o);
  }

  override forward(x: Tensor): Tensor {
    return avgPool3d(x, this.kernelSize, this.options);
  }
}

/**
 * p-norms of windows of `[n, channels, length]`: {@link lpPool1d}.
 *
 * @throws InvalidArgumentError for a normType that is not positive, and inputs and windows that do not fit.
 */
export class LPPool1D extends PoolLayer<LpPoolLayerOptions> {
  readonly normType: number;

  constructor(normType: number, kernelSize: PerAxis, ...rest: Rest<LpPoolLayerOptions>) {
    const o = splitOptions<LpPoolLayerOptions>("LPPool1D", rest, keys, 2);
    super(new.target === LPPool1D ? "lp_pool1d" : null, kernelSize, o);
    this.normType = normType;
  }

  override forward(x: Tensor): Tensor {
    return lpPool1d(x, this.normType, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return `norm_type=${this.normType}, ${super.extraRepr()}`;
  }
}

/**
 * p-norms of windows of `[n, channels, height, width]`: {@link lpPool2d}.
 *
 * @throws InvalidArgumentError for a normType that is not positive, and inputs and windows that do not fit.
 */
export class LPPool2D extends PoolLayer<LpPoolLayerOptions> {
  readonly normType: number;

  constructor(normType: number, kernelSize: PerAxis, ...rest: Rest<LpPoolLayerOptions>) {
    const o = splitOptions<LpPoolLayerOptions>("LPPool2D", rest, keys, 2);
    super(new.target === LPPool2D ? "lp_pool2d" : null, kernelSize, o);
    this.normType = normType;
  }

  override forward(x: Tensor): Tensor {
    return lpPool2d(x, this.normType, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return `norm_type=${this.normType}, ${super.extraRepr()}`;
  }
}
