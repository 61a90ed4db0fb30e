// Layer norm, instance norm, group norm and local response norm as layers.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape, type Shape, sizeOf } from "../../core/shape.js";
import { type AttrLike, aliasedAttr } from "../../param/param-attr.js";
import type { Parameter } from "../../param/parameter.js";
import type { Tensor } from "../../tensor/tensor.js";
import { localResponseNorm, type LocalResponseNormOptions } from "../functional/common.js";
import { type DataFormat, groupNorm, instanceNorm, layerNorm } from "../functional/norm.js";
import { Constant } from "../initializer/constant.js";
import { Layer } from "../layer.js";

/** Options that all normalising layers share. */
export interface NormLayerOptions {
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number | undefined;
  /** Scale; false: none. */
  readonly weightAttr?: AttrLike;
  /** Alias of weightAttr. */
  readonly paramAttr?: AttrLike;
  /** Shift; false: none. */
  readonly biasAttr?: AttrLike;
  /** Accepted for Paddle's sake; it names nothing. */
  readonly name?: string | null | undefined;
}

const keys = ["epsilon", "weightAttr", "paramAttr", "biasAttr", "name"] as const;

/**
 * {@link layerNorm} with a scale and a shift of its own, kept flat: `[product of normalizedShape]`.
 *
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * const norm = new nn.LayerNorm([2, 3]);
 * console.log(norm(ones([4, 2, 3])).shape, norm.weight?.shape); // [4, 2, 3] [6]
 * ```
 */
export class LayerNorm extends Layer {
  readonly normalizedShape: Shape;
  readonly epsilon: number;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(normalizedShape: number | Shape, ...rest: Trailing<number, NormLayerOptions>) {
    super(new.target === LayerNorm ? "layer_norm" : null);
    const o = splitOptions<NormLayerOptions>("LayerNorm", rest, keys);
    this.normalizedShape = typeof normalizedShape === "number" ? [normalizedShape] : [...normalizedShape];
    this.epsilon = o.epsilon ?? 1e-5;
    const size = [sizeOf(this.normalizedShape)];
    const attr = aliasedAttr(o.weightAttr, o.paramAttr, "LayerNorm");
    this.weight = this.createParameter(size, { attr, defaultInitializer: new Constant(1) });
    this.bias = this.createParameter(size, { attr: o.biasAttr, isBias: true });
  }

  override forward(x: Tensor): Tensor {
    const { weight, bias, epsilon } = this;
    return layerNorm(x, this.normalizedShape, { weight, bias, epsilon });
  }

  override extraRepr(): string {
    return `normalized_shape=[${this.normalizedShape.join(", ")}], epsilon=${this.epsilon}`;
  }
}

/** Options of {@link GroupNorm}. */
export interface GroupNormLayerOptions extends NormLayerOptions {
  /** Default "NCHW". */
  readonly dataFormat?: DataFormat | undefined;
}

/** {@link groupNorm} with a scale and a shift for each channel. */
export class GroupNorm extends Layer {
  readonly numGroups: number;
  readonly numChannels: number;
  readonly epsilon: number;
  readonly dataFormat: DataFormat;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(numGroups: number, numChannels: number, ...rest: Trailing<number, GroupNormLayerOptions>) {
    super(new.target === GroupNorm ? "group_norm" : null);
    const o = splitOptions<GroupNormLayerOptions>("GroupNorm", rest, [...keys, "dataFormat"]);
    this.numGroups = numGroups;
    this.numChannels = numChannels;
    this.epsilon = o.epsilon ?? 1e-5;
    this.dataFormat = o.dataFormat ?? "NCHW";
    const attr = aliasedAttr(o.weightAttr, o.paramAttr, "GroupNorm");
    this.weight = this.createParameter([numChannels], { attr, defaultInitializer: new Constant(1) });
    this.bias = this.createParameter([numChannels], { attr: o.biasAttr, isBias: true });
  }

  override forward(x: Tensor): Tensor {
    const { weight, bias, epsilon, dataFormat } = this;
    return groupNorm(x, this.numGroups, { weight, bias, epsilon, dataFormat });
  }

  override extraRepr(): string {
    return `num_groups=${this.numGroups}, num_channels=${this.numChannels}, epsilon=${this.epsilon}`;
  }
}

/** Options of the instance norm layers. */
export interface InstanceNormLayerOptions extends NormLayerOptions {
  /** Accepted for Paddle's sake: there are no running statistics. */
  readonly momentum?: number | undefined;
  /** Accepted for Paddle's sake: channels are axis 1. */
  readonly dataFormat?: DataFormat | undefined;
}

/** The common part: scale (Paddle calls it so) and shift for each channel, both or none. */
export class InstanceNormBase extends Layer {
  readonly numFeatures: number;
  readonly epsilon: number;
  scale: Parameter | null;
  bias: Parameter | null;
  readonly #ranks: readonly number[];

  constructor(
    scope: string | null,
    numFeatures: number,
    rest: Trailing<number, InstanceNormLayerOptions>,
    ranks: readonly number[],
  ) {
    super(scope);
    const o = splitOptions<InstanceNormLayerOptions>("InstanceNorm", rest, [...keys, "momentum", "dataFormat"]);
    this.numFeatures = numFeatures;
    this.epsilon = o.epsilon ?? 1e-5;
    const attr = aliasedAttr(o.weightAttr, o.paramAttr, "InstanceNorm");
    if ((attr === false) !== (o.biasAttr === false))
      throw new InvalidArgumentError("weightAttr and biasAttr must both be false, or neither.", {
        op: this.fullName(),
      });
    this.scale = this.createParameter([numFeatures], { attr, defaultInitializer: new Constant(1) });
    this.bias = this.createParameter([numFeatures], { attr: o.biasAttr, isBias: true });
    this.#ranks = ranks;
  }

  override forward(x: Tensor): Tensor {
    if (!this.#ranks.includes(x.shape.length))
      throw new InvalidArgumentError(
        `needs an input of ${this.#ranks.join(" or ")} axes, got ${formatShape(x.shape)}.`,
        { op: this.fullName(), x: x.shape },
      );
    return instanceNorm(x, { weight: this.scale, bias: this.bias, eps: this.epsilon });
  }

  override extraRepr(): string {
    return `num_features=${this.numFeatures}, epsilon=${this.epsilon}`;
  }
}

/** Instance norm of `[N, C]` or `[N, C, L]`. */
export class InstanceNorm1D extends InstanceNormBase {
  constructor(numFeatures: number, ...rest: Trailing<number, InstanceNormLayerOptions>) {
    super(new.target === InstanceNorm1D ? "instance_norm1d" : null, numFeatures, rest, [2, 3]);
  }
}

/** Instance norm of `[N, C, H, W]`. */
export class InstanceNorm2D extends InstanceNormBase {
  constructor(numFeatures: number, ...rest: Trailing<number, InstanceNormLayerOptions>) {
    super(new.target === InstanceNorm2D ? "instance_norm2d" : null, numFeatures, rest, [4]);
  }
}

/** Instance norm of `[N, C, D, H, W]`. */
export class InstanceNorm3D extends InstanceNormBase {
  constructor(numFeatures: number, ...rest: Trailing<number, InstanceNormLayerOptions>) {
    super(new.target === InstanceNorm3D ? "instance_norm3d" : null, numFeatures, rest, [5]);
  }
}

/** {@link localResponseNorm} as a layer. */
export class LocalResponseNorm extends Layer {
  readonly size: number;
  readonly #options: LocalResponseNormOptions;

  constructor(size: number, ...rest: Trailing<number, LocalResponseNormOptions & { readonly name?: string | null }>) {
    super(new.target === LocalResponseNorm ? "local_response_norm" : null);
    const all = ["alpha", "beta", "k", "dataFormat", "name"] as const;
    const o = splitOptions<LocalResponseNormOptions & { readonly name?: string | null }>(
      "LocalResponseNorm",
      rest,
      all,
    );
    this.size = size;
    this.#options = { alpha: o.alpha, beta: o.beta, k: o.k, dataFormat: o.dataFormat };
  }

  override forward(x: Tensor): Tensor {
    return localResponseNorm(x, this.size, this.#options);
  }

  override extraRepr(): string {
    const { alpha = 1e-4, beta = 0.75, k = 1 } = this.#options;
    return `size=${this.size}, alpha=${alpha}, beta=${beta}, k=${k.toFixed(1)}`;
  }
}
