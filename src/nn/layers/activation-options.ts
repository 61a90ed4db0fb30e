// Activation layers with options: each keeps them and calls the function of its name; PReLU has a parameter.

import { splitOptions, type Trailing } from "../../core/options.js";
import { type AttrLike, aliasedAttr } from "../../param/param-attr.js";
import type { Parameter } from "../../param/parameter.js";
import type { Tensor } from "../../tensor/tensor.js";
import * as F from "../functional/activation.js";
import type { DataFormat } from "../functional/norm.js";
import { Constant } from "../initializer/constant.js";
import { Layer } from "../layer.js";

/** A name, accepted for Paddle's sake; it names nothing. */
interface Named {
  readonly name?: string | null | undefined;
}

/** How Paddle prints an option: whole numbers with a decimal where they are floats there. */
function printed(x: unknown, whole: boolean): string {
  if (typeof x === "boolean") return x ? "True" : "False";
  return typeof x === "number" && Number.isInteger(x) && !whole ? x.toFixed(1) : String(x);
}

/** A layer that keeps the options of an activation. */
class OptionLayer<O extends object> extends Layer {
  /** What the function is called with. */
  readonly options: O;
  readonly #shown: string;

  constructor(scope: string | null, api: string, rest: readonly unknown[], defaults: O, whole = false) {
    super(scope);
    const keys = Object.keys(defaults) as (keyof O & string)[];
    const { name: _, ...given } = splitOptions<O & Named>(api, rest, [...keys, "name"]);
    this.options = { ...defaults, ...given };
    this.#shown = keys.map((key) => `${snake(key)}=${printed(this.options[key], whole)}`).join(", ");
  }

  override extraRepr(): string {
    return this.#shown;
  }
}

const snake = (key: string): string => key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

/** `x` above 0, `alpha (e^x - 1)` below. */
export class ELU extends OptionLayer<F.EluOptions> {
  constructor(...rest: Trailing<number, F.EluOptions & Named>) {
    super(new.target === ELU ? "elu" : null, "ELU", rest, { alpha: 1 });
  }

  override forward(x: Tensor): Tensor {
    return F.elu(x, this.options);
  }
}

/** `max(0, x) + min(0, alpha (e^(x / alpha) - 1))`. */
export class CELU extends OptionLayer<F.EluOptions> {
  constructor(...rest: Trailing<number, F.EluOptions & Named>) {
    super(new.target === CELU ? "celu" : null, "CELU", rest, { alpha: 1 });
  }

  override forward(x: Tensor): Tensor {
    return F.celu(x, this.options);
  }
}

/** `scale x` above 0, `scale alpha (e^x - 1)` below. */
export class SELU extends OptionLayer<F.SeluOptions> {
  constructor(...rest: Trailing<number, F.SeluOptions & Named>) {
    super(new.target === SELU ? "selu" : null, "SELU", rest, { scale: 1.0507009873554805, alpha: 1.6732632423543772 });
  }

  override forward(x: Tensor): Tensor {
    return F.selu(x, this.options);
  }
}

/** `x Φ(x)`, Φ the normal distribution; or its tanh approximation. */
export class GELU extends OptionLayer<F.GeluOptions> {
  constructor(...rest: Trailing<boolean | "tanh" | "none", F.GeluOptions & Named>) {
    super(new.target === GELU ? "gelu" : null, "GELU", rest, { approximate: false });
  }

  override forward(x: Tensor): Tensor {
    return F.gelu(x, this.options);
  }
}

/** `x` above 0, `negativeSlope x` below. */
export class LeakyReLU extends OptionLayer<F.LeakyReluOptions> {
  constructor(...rest: Trailing<number, F.LeakyReluOptions & Named>) {
    super(new.target === LeakyReLU ? "leaky_re_lu" : null, "LeakyReLU", rest, { negativeSlope: 0.01 });
  }

  override forward(x: Tensor): Tensor {
    return F.leakyRelu(x, this.options);
  }
}

/** `x` beyond ±threshold, 0 within. */
export class Hardshrink extends OptionLayer<F.ShrinkOptions> {
  constructor(...rest: Trailing<number, F.ShrinkOptions & Named>) {
    super(new.target === Hardshrink ? "hardshrink" : null, "Hardshrink", rest, { threshold: 0.5 });
  }

  override forward(x: Tensor): Tensor {
    return F.hardshrink(x, this.options);
  }
}

/** `x` moved towards 0 by threshold, 0 within ±threshold. */
export class Softshrink extends OptionLayer<F.ShrinkOptions> {
  constructor(...rest: Trailing<number, F.ShrinkOptions & Named>) {
    super(new.target === Softshrink ? "softshrink" : null, "Softshrink", rest, { threshold: 0.5 });
  }

  override forward(x: Tensor): Tensor {
    return F.softshrink(x, this.options);
  }
}

/** `min(max(x, min), max)`. */
export class Hardtanh extends OptionLayer<F.HardtanhOptions> {
  constructor(...rest: Trailing<number, F.HardtanhOptions & Named>) {
    super(new.target === Hardtanh ? "hardtanh" : null, "Hardtanh", rest, { min: -1, max: 1 });
  }

  override forward(x: Tensor): Tensor {
    return F.hardtanh(x, this.options);
  }
}

/** `log(1 + e^(beta x)) / beta`, x itself above threshold. */
export class Softplus extends OptionLayer<F.SoftplusOptions> {
  constructor(...rest: Trailing<number, F.SoftplusOptions & Named>) {
    super(new.target === Softplus ? "softplus" : null, "Softplus", rest, { beta: 1, threshold: 20 }, true);
  }

  override forward(x: Tensor): Tensor {
    return F.softplus(x, this.options);
  }
}

/** `x` above threshold, `value` below. */
export class ThresholdedReLU extends OptionLayer<F.ThresholdedReluOptions> {
  constructor(...rest: Trailing<number, F.ThresholdedReluOptions & Named>) {
    super(new.target === ThresholdedReLU ? "thresholded_re_lu" : null, "ThresholdedReLU", rest, {
      threshold: 1,
      value: 0,
    });
  }

  override forward(x: Tensor): Tensor {
    return F.thresholdedRelu(x, this.options);
  }
}

/** The first half of an axis times σ of the second. */
export class GLU extends OptionLayer<F.GluOptions> {
  constructor(...rest: Trailing<number, F.GluOptions & Named>) {
    super(new.target === GLU ? "glu" : null, "GLU", rest, { axis: -1 }, true);
  }

  override forward(x: Tensor): Tensor {
    return F.glu(x, this.options);
  }
}

/** `x σ(x)`. */
export class Silu extends OptionLayer<F.SiluOptions> {
  constructor(...rest: Trailing<boolean, F.SiluOptions & Named>) {
    super(new.target === Silu ? "silu" : null, "Silu", rest, { inplace: false });
  }

  override forward(x: Tensor): Tensor {
    return F.silu(x, this.options);
  }
}

/** The largest of each group of channels. */
export class Maxout extends OptionLayer<F.MaxoutOptions> {
  readonly groups: number;

  constructor(groups: number, ...rest: Trailing<number, F.MaxoutOptions & Named>) {
    super(new.target === Maxout ? "maxout" : null, "Maxout", rest, { axis: 1 });
    this.groups = groups;
  }

  override forward(x: Tensor): Tensor {
    return F.maxout(x, this.groups, this.options);
  }

  override extraRepr(): string {
    return `groups=${this.groups}, axis=${this.options.axis}`;
  }
}

/** Options of {@link PReLU}. */
export interface PReluLayerOptions extends Named {
  /** One slope for all (1, the default), or one for each channel. */
  readonly numParameters?: number | undefined;
  /** What slopes begin with. Default 0.25. */
  readonly init?: number | undefined;
  readonly weightAttr?: AttrLike;
  /** Alias of weightAttr. */
  readonly paramAttr?: AttrLike;
  /** Where channels stand. Default "NCHW". */
  readonly dataFormat?: DataFormat | undefined;
}

/** `x` above 0, `slope x` below, the slope trained. */
export class PReLU extends Layer {
  readonly numParameters: number;
  readonly init: number;
  readonly dataFormat: DataFormat;
  _weight: Parameter;

  constructor(...rest: Trailing<number, PReluLayerOptions>) {
    super(new.target === PReLU ? "p_re_lu" : null);
    const keys = ["numParameters", "init", "weightAttr", "paramAttr", "dataFormat", "name"] as const;
    const o = splitOptions<PReluLayerOptions>("PReLU", rest, keys);
    this.numParameters = o.numParameters ?? 1;
    this.init = o.init ?? 0.25;
    this.dataFormat = o.dataFormat ?? "NCHW";
    const attr = aliasedAttr(o.weightAttr, o.paramAttr, "PReLU");
    this._weight = this.requireParameter([this.numParameters], { attr, defaultInitializer: new Constant(this.init) });
  }

  override forward(x: Tensor): Tensor {
    return F.prelu(x, this._weight, { dataFormat: this.dataFormat });
  }

  override extraRepr(): string {
    const { numParameters, dataFormat, init } = this;
    return `num_parameters=${numParameters}, data_format=${dataFormat}, init=${init}, dtype=${this._weight.dtype}`;
  }
}
