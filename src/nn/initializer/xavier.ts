// Xavier (Glorot) initializers: spread chosen so that signals keep their size both ways through a layer.

import type { DType } from "../../core/dtype.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import type { Shape } from "../../core/shape.js";
import { Initializer } from "../../param/initializer.js";
import type { Tensor } from "../../tensor/tensor.js";
import { fansOf } from "./gain.js";
import { normals, uniforms } from "./sampled.js";

/** Arguments of the Xavier initializers. */
export interface XavierOptions {
  /** Inputs of one unit; by default from the parameter's shape. */
  readonly fanIn?: number | null | undefined;
  /** Outputs of one unit; by default from the parameter's shape. */
  readonly fanOut?: number | null | undefined;
  /** Factor, 1 by default. */
  readonly gain?: number | undefined;
  readonly name?: string | null | undefined;
}

const keys = ["fanIn", "fanOut", "gain", "name"] as const;

abstract class Xavier extends Initializer {
  protected readonly given: XavierOptions;

  constructor(api: string, rest: Trailing<number | null, XavierOptions>) {
    super();
    this.given = splitOptions<XavierOptions>(api, rest, keys);
  }

  /** `gain sqrt(numerator / (fanIn + fanOut))`. */
  protected spread(shape: Shape, numerator: number): number {
    const fans = fansOf(shape);
    const { fanIn, fanOut, gain = 1 } = this.given;
    return gain * Math.sqrt(numerator / ((fanIn ?? fans.fanIn) + (fanOut ?? fans.fanOut)));
  }
}

/**
 * `U(-L, L)` with `L = gain sqrt(6 / (fanIn + fanOut))`: the default of weights.
 *
 * @example
 * new nn.Linear(4, 2, { weightAttr: new nn.initializer.XavierUniform() });
 */
export class XavierUniform extends Xavier {
  constructor(...rest: Trailing<number | null, XavierOptions>) {
    super("XavierUniform", rest);
  }

  override make(shape: Shape, dtype: DType): Tensor {
    const limit = this.spread(shape, 6);
    return uniforms(shape, dtype, -limit, limit);
  }

  override toString(): string {
    return "XavierUniform()";
  }
}

/**
 * `N(0, std²)` with `std = gain sqrt(2 / (fanIn + fanOut))`.
 *
 * @example
 * new nn.Linear(4, 2, { weightAttr: new nn.initializer.XavierNormal() });
 */
export class XavierNormal extends Xavier {
  constructor(...rest: Trailing<number | null, XavierOptions>) {
    super("XavierNormal", rest);
  }

  override make(shape: Shape, dtype: DType): Tensor {
    return normals(shape, dtype, 0, this.spread(shape, 2));
  }

  override toString(): string {
    return "XavierNormal()";
  }
}
