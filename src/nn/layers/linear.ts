// Linear: the fully connected layer.

import { InvalidArgumentError } from "../../core/errors.js";
import { checkOptions } from "../../core/options.js";
import { add } from "../../ops/arithmetic.js";
import { matmul } from "../../ops/matmul.js";
import { type AttrLike, aliasedAttr } from "../../param/param-attr.js";
import type { Parameter } from "../../param/parameter.js";
import type { Tensor } from "../../tensor/tensor.js";
import { Layer } from "../layer.js";

/** Options of {@link Linear}. */
export interface LinearOptions {
  readonly weightAttr?: AttrLike;
  /** Alias of weightAttr. */
  readonly paramAttr?: AttrLike;
  /** False: no bias. */
  readonly biasAttr?: AttrLike;
  /** Accepted for Paddle's sake; it names nothing. */
  readonly name?: string | null | undefined;
}

/**
 * `x weight + bias`, with weight `[inFeatures, outFeatures]` and bias `[outFeatures]`; x is `[…, inFeatures]`.
 *
 * @throws InvalidArgumentError for features below 0, and when the input's last axis is not inFeatures.
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * const fc = new nn.Linear(4, 2);
 * console.log(fc(ones([3, 4])).shape); // [3, 2]
 * ```
 */
export class Linear extends Layer {
  readonly inFeatures: number;
  readonly outFeatures: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(inFeatures: number, outFeatures: number, options?: LinearOptions) {
    super(new.target === Linear ? "linear" : null);
    const o = checkOptions<LinearOptions>("Linear", options, ["weightAttr", "paramAttr", "biasAttr", "name"]);
    for (const [name, n] of Object.entries({ inFeatures, outFeatures })) {
      if (!Number.isInteger(n) || n < 0)
        throw new InvalidArgumentError(`${name} must be a non-negative integer, got ${n}.`, { op: "Linear" });
    }
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    const weightAttr = aliasedAttr(o.weightAttr, o.paramAttr, "Linear");
    this.weight = this.requireParameter([inFeatures, outFeatures], { attr: weightAttr });
    this.bias = this.createParameter([outFeatures], { attr: o.biasAttr, isBias: true });
  }

  override forward(x: Tensor): Tensor {
    const product = matmul<Tensor>(x, this.weight);
    return this.bias ? add<Tensor>(product, this.bias) : product;
  }

  override extraRepr(): string {
    return `in_features=${this.inFeatures}, out_features=${this.outFeatures}, dtype=${this.weight.dtype}`;
  }
}
