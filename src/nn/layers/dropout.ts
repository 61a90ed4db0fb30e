// Dropout layers, and RReLU: the identity outside training, or nearly.

import { splitOptions, type Trailing } from "../../core/options.js";
import type { Tensor } from "../../tensor/tensor.js";
import {
  alphaDropout,
  type AlphaDropoutOptions,
  dropout,
  dropout2d,
  type Dropout2DOptions,
  dropout3d,
  type Dropout3DOptions,
  type DropoutMode,
  type DropoutOptions,
  featureAlphaDropout,
  rrelu,
  type RreluOptions,
} from "../functional/dropout.js";
import { Layer } from "../layer.js";

/** Options of {@link Dropout}. */
export type DropoutLayerOptions = Omit<DropoutOptions, "training">;

/**
 * {@link dropout} while training, the identity (or a scaling, by mode) in `eval()`.
 *
 * @throws InvalidArgumentError when called, for p outside [0, 1], an unknown mode or an axis outside the rank.
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * const drop = new nn.Dropout(0.5);
 * drop.eval();
 * console.log(await drop(ones([2])).tolist()); // [1, 1]
 * ```
 */
export class Dropout extends Layer {
  readonly p: number | Tensor;
  readonly axis: number | readonly number[] | null;
  readonly mode: DropoutMode;
  readonly inplace: boolean;

  constructor(...rest: Trailing<number | Tensor, DropoutLayerOptions>) {
    super(new.target === Dropout ? "dropout" : null);
    const keys = ["p", "inplace", "axis", "mode", "name"] as const;
    const o = splitOptions<DropoutLayerOptions>("Dropout", rest, keys);
    this.p = o.p ?? 0.5;
    this.axis = o.axis ?? null;
    this.mode = o.mode ?? "upscale_in_train";
    this.inplace = o.inplace ?? false;
  }

  override forward(x: Tensor): Tensor {
    return dropout(x, { p: this.p, axis: this.axis, training: this.training, mode: this.mode });
  }

  override extraRepr(): string {
    const axis = this.axis === null ? "None" : String(this.axis);
    return `p=${this.p}, axis=${axis}, mode=${this.mode}, inplace=${this.inplace ? "True" : "False"}`;
  }
}

/** {@link dropout2d} while training: whole channels of images. */
export class Dropout2D extends Layer {
  readonly p: number | Tensor;
  readonly dataFormat: "NCHW" | "NHWC";

  constructor(...rest: Trailing<number | Tensor, Omit<Dropout2DOptions, "training">>) {
    super(new.target === Dropout2D ? "dropout2d" : null);
    const o = splitOptions<Omit<Dropout2DOptions, "training">>("Dropout2D", rest, ["p", "dataFormat", "name"]);
    this.p = o.p ?? 0.5;
    this.dataFormat = o.dataFormat ?? "NCHW";
  }

  override forward(x: Tensor): Tensor {
    return dropout2d(x, { p: this.p, training: this.training, dataFormat: this.dataFormat });
  }

  override extraRepr(): string {
    return `p=${this.p}, data_format=${this.dataFormat}`;
  }
}

/** {@link dropout3d} while training: whole channels of volumes. */
export class Dropout3D extends Layer {
  readonly p: number | Tensor;
  readonly dataFormat: "NCDHW" | "NDHWC";

  constructor(...rest: Trailing<number | Tensor, Omit<Dropout3DOptions, "training">>) {
    super(new.target === Dropout3D ? "dropout3d" : null);
    const o = splitOptions<Omit<Dropout3DOptions, "training">>("Dropout3D", rest, ["p", "dataFormat", "name"]);
    this.p = o.p ?? 0.5;
    this.dataFormat = o.dataFormat ?? "NCDHW";
  }

  override forward(x: Tensor): Tensor {
    return dropout3d(x, { p: this.p, training: this.training, dataFormat: this.dataFormat });
  }

  override extraRepr(): string {
    return `p=${this.p}, data_format=${this.dataFormat}`;
  }
}

/** {@link alphaDropout} while training. */
export class AlphaDropout extends Layer {
  readonly p: number;

  constructor(...rest: Trailing<number, Omit<AlphaDropoutOptions, "training">>) {
    super(new.target === AlphaDropout ? "alpha_dropout" : null);
    this.p = splitOptions<Omit<AlphaDropoutOptions, "training">>("AlphaDropout", rest, ["p", "name"]).p ?? 0.5;
  }

  override forward(x: Tensor): Tensor {
    return alphaDropout(x, { p: this.p, training: this.training });
  }

  override extraRepr(): string {
    return `p=${this.p}`;
  }
}

/** {@link featureAlphaDropout} while training. */
export class FeatureAlphaDropout extends Layer {
  readonly p: number;

  constructor(...rest: Trailing<number, Omit<AlphaDropoutOptions, "training">>) {
    super(new.target === FeatureAlphaDropout ? "feature_alpha_dropout" : null);
    this.p = splitOptions<Omit<AlphaDropoutOptions, "training">>("FeatureAlphaDropout", rest, ["p", "name"]).p ?? 0.5;
  }

  override forward(x: Tensor): Tensor {
    return featureAlphaDropout(x, { p: this.p, training: this.training });
  }

  override extraRepr(): string {
    return `p=${this.p}`;
  }
}

/** {@link rrelu}: random slopes while training, the middle one in `eval()`. */
export class RReLU extends Layer {
  readonly lower: number;
  readonly upper: number;

  constructor(...rest: Trailing<number, Omit<RreluOptions, "training">>) {
    super(new.target === RReLU ? "r_re_lu" : null);
    const o = splitOptions<Omit<RreluOptions, "training">>("RReLU", rest, ["lower", "upper", "name"]);
    this.lower = o.lower ?? 1 / 8;
    this.upper = o.upper ?? 1 / 3;
  }

  override forward(x: Tensor): Tensor {
    return rrelu(x, { lower: this.lower, upper: this.upper, training: this.training });
  }

  override extraRepr(): string {
    return `lower=${this.lower}, upper=${this.upper}, training=${this.training ? "True" : "False"}, dtype=float32`;
  }
}
