// Layers of maps and distances: identity, flatten, bilinear, softmax, similarities.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import type { Shape } from "../../core/shape.js";
import { type AttrLike, aliasedAttr } from "../../param/param-attr.js";
import type { Parameter } from "../../param/parameter.js";
import { flatten, unflatten } from "../../tensor/manipulation.js";
import type { Tensor } from "../../tensor/tensor.js";
import { bilinear } from "../functional/common.js";
import {
  cosineSimilarity,
  type CosineSimilarityOptions,
  pairwiseDistance,
  type PairwiseDistanceOptions,
} from "../functional/distance.js";
import { logSoftmax, softmax } from "../functional/softmax.js";
import { Layer } from "../layer.js";

interface Named {
  /** Accepted for Paddle's sake; it names nothing. */
  readonly name?: string | null | undefined;
}

/** Gives its input back; takes any arguments and keeps none of them. */
export class Identity extends Layer {
  constructor(..._ignored: unknown[]) {
    super(new.target === Identity ? "identity" : null);
  }

  override forward<T>(input: T): T {
    return input;
  }
}

/** Options of {@link Flatten}. */
export interface FlattenLayerOptions {
  /** The first axis that is joined. Default 1. */
  readonly startAxis?: number | undefined;
  /** The last axis that is joined. Default -1. */
  readonly stopAxis?: number | undefined;
}

/**
 * Joins all axes but the first, or those from `startAxis` to `stopAxis`.
 *
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * console.log(new nn.Flatten()(ones([2, 3, 4])).shape); // [2, 12]
 * ```
 */
export class Flatten extends Layer {
  readonly startAxis: number;
  readonly stopAxis: number;

  constructor(startAxis?: number | FlattenLayerOptions, stopAxis?: number | FlattenLayerOptions, ...rest: unknown[]) {
    super(new.target === Flatten ? "flatten" : null);
    const given = [startAxis, stopAxis, ...rest];
    const o = splitOptions<FlattenLayerOptions>(
      "Flatten",
      given.filter((x) => x !== undefined),
      ["startAxis", "stopAxis"],
      2,
    );
    this.startAxis = o.startAxis ?? 1;
    this.stopAxis = o.stopAxis ?? -1;
  }

  override forward(input: Tensor): Tensor {
    return flatten(input, this.startAxis, this.stopAxis);
  }
}

/** Splits an axis into several; one extent may be -1. */
export class Unflatten extends Layer {
  readonly axis: number;
  readonly shape: Shape;

  constructor(axis: number, shape: Shape, options?: Named) {
    super(new.target === Unflatten ? "unflatten" : null);
    splitOptions<Named>("Unflatten", options === undefined ? [] : [options], ["name"]);
    this.axis = axis;
    this.shape = shape;
  }

  override forward(x: Tensor): Tensor {
    return unflatten(x, this.axis, this.shape);
  }

  override extraRepr(): string {
    return `axis=${this.axis}, shape=[${this.shape.join(", ")}]`;
  }
}

/** Options of {@link Bilinear}. */
export interface BilinearOptions extends Named {
  readonly weightAttr?: AttrLike;
  /** Alias of weightAttr. */
  readonly paramAttr?: AttrLike;
  /** False: no bias. */
  readonly biasAttr?: AttrLike;
}

/** {@link bilinear} with weight `[outFeatures, in1Features, in2Features]` and bias `[1, outFeatures]`. */
export class Bilinear extends Layer {
  readonly in1Features: number;
  readonly in2Features: number;
  readonly outFeatures: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(
    in1Features: number,
    in2Features: number,
    outFeatures: number,
    ...rest: Trailing<AttrLike, BilinearOptions>
  ) {
    super(new.target === Bilinear ? "bilinear" : null);
    const o = splitOptions<BilinearOptions>("Bilinear", rest, ["weightAttr", "biasAttr", "name", "paramAttr"]);
    this.in1Features = in1Features;
    this.in2Features = in2Features;
    this.outFeatures = outFeatures;
    const attr = aliasedAttr(o.weightAttr, o.paramAttr, "Bilinear");
    this.weight = this.requireParameter([outFeatures, in1Features, in2Features], { attr });
    this.bias = this.createParameter([1, outFeatures], { attr: o.biasAttr, isBias: true });
  }

  override forward(x1: Tensor, x2: Tensor): Tensor {
    return bilinear(x1, x2, this.weight, this.bias);
  }

  override extraRepr(): string {
    const { in1Features, in2Features, outFeatures } = this;
    return `in1_features=${in1Features}, in2_features=${in2Features}, out_features=${outFeatures}, dtype=${this.weight.dtype}`;
  }
}

/** Options of the softmax layers. */
export interface SoftmaxLayerOptions extends Named {
  /** Default -1. */
  readonly axis?: number | undefined;
}

/** {@link softmax} along an axis. */
export class Softmax extends Layer {
  readonly axis: number;

  constructor(...rest: Trailing<number, SoftmaxLayerOptions>) {
    super(new.target === Softmax ? "softmax" : null);
    this.axis = splitOptions<SoftmaxLayerOptions>("Softmax", rest, ["axis", "name"]).axis ?? -1;
  }

  override forward(x: Tensor): Tensor {
    return softmax(x, this.axis);
  }

  override extraRepr(): string {
    return `axis=${this.axis}`;
  }
}

/** {@link logSoftmax} along an axis. */
export class LogSoftmax extends Layer {
  readonly axis: number;

  constructor(...rest: Trailing<number, SoftmaxLayerOptions>) {
    super(new.target === LogSoftmax ? "log_softmax" : null);
    this.axis = splitOptions<SoftmaxLayerOptions>("LogSoftmax", rest, ["axis", "name"]).axis ?? -1;
  }

  override forward(x: Tensor): Tensor {
    return logSoftmax(x, this.axis);
  }

  override extraRepr(): string {
    return `axis=${this.axis}`;
  }
}

/** {@link softmax} of the channels of `[N, C, H, W]` or `[C, H, W]`. */
export class Softmax2D extends Layer {
  constructor(options?: Named) {
    super(new.target === Softmax2D ? "softmax2d" : null);
    splitOptions<Named>("Softmax2D", options === undefined ? [] : [options], ["name"]);
  }

  override forward(x: Tensor): Tensor {
    if (x.shape.length !== 3 && x.shape.length !== 4)
      throw new InvalidArgumentError(`needs 3 or 4 axes, got ${x.shape.length}.`, { op: "Softmax2D", x: x.shape });
    return softmax(x, -3);
  }
}

/** {@link cosineSimilarity} as a layer. */
export class CosineSimilarity extends Layer {
  readonly axis: number;
  readonly eps: number;

  constructor(...rest: Trailing<number, CosineSimilarityOptions>) {
    super(new.target === CosineSimilarity ? "cosine_similarity" : null);
    const o = splitOptions<CosineSimilarityOptions>("CosineSimilarity", rest, ["axis", "eps"]);
    this.axis = o.axis ?? 1;
    this.eps = o.eps ?? 1e-8;
  }

  override forward(x1: Tensor, x2: Tensor): Tensor {
    return cosineSimilarity(x1, x2, { axis: this.axis, eps: this.eps });
  }

  override extraRepr(): string {
    return `axis=${this.axis}, eps=${this.eps}`;
  }
}

/** {@link pairwiseDistance} as a layer. */
export class PairwiseDistance extends Layer {
  readonly p: number;
  readonly epsilon: number;
  readonly keepdim: boolean;

  constructor(...rest: Trailing<number, PairwiseDistanceOptions & Named>) {
    super(new.target === PairwiseDistance ? "pairwise_distance" : null);
    const keys = ["p", "epsilon", "keepdim", "name"] as const;
    const o = splitOptions<PairwiseDistanceOptions & Named>("PairwiseDistance", rest, keys);
    this.p = o.p ?? 2;
    this.epsilon = o.epsilon ?? 1e-6;
    this.keepdim = o.keepdim ?? false;
  }

  override forward(x: Tensor, y: Tensor): Tensor {
    return pairwiseDistance(x, y, this.p, { epsilon: this.epsilon, keepdim: this.keepdim });
  }

  override extraRepr(): string {
    return `p=${this.p}`;
  }
}
