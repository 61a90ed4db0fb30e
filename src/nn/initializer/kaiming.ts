// Kaiming (He) initializers: spread chosen for layers followed by a rectifier.

import type { DType } from "../../core/dtype.js";
import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import type { Shape } from "../../core/shape.js";
import { Initializer } from "../../param/initializer.js";
import type { Tensor } from "../../tensor/tensor.js";
import { calculateGain, fansOf } from "./gain.js";
import { normals, uniforms } from "./sampled.js";

/** Arguments of the Kaiming initializers. */
export interface KaimingOptions {
  /** Inputs of one unit; by default from the parameter's shape. */
  readonly fanIn?: number | null | undefined;
  /** Slope of leaky_relu, 0 by default. */
  readonly negativeSlope?: number | undefined;
  /** What follows the layer, `"relu"` by default. */
  readonly nonlinearity?: string | undefined;
  /** Which fan keeps its variance, `"fan_in"` by default. */
  readonly mode?: "fan_in" | "fan_out" | undefined;
}

const keys = ["fanIn", "negativeSlope", "nonlinearity", "mode"] as const;

abstract class Kaiming extends Initializer {
  protected readonly given: KaimingOptions;

  constructor(api: string, rest: Trailing<number | null, KaimingOptions>) {
    super();
    this.given = splitOptions<KaimingOptions>(api, rest, keys);
    const { mode = "fan_in" } = this.given;
    if (mode !== "fan_in" && mode !== "fan_out") {
      throw new InvalidArgumentError(`mode must be "fan_in" or "fan_out", got ${JSON.stringify(mode)}.`, { op: api });
    }
  }

  /** `gain sqrt(numerator / fan)`. */
  protected spread(shape: Shape, numerator: number): number {
    const { fanIn, negativeSlope = 0, nonlinearity = "relu", mode = "fan_in" } = this.given;
    const fans = fansOf(shape);
    const fan = mode === "fan_in" ? (fanIn ?? fans.fanIn) : fans.fanOut;
    return calculateGain(nonlinearity, negativeSlope) * Math.sqrt(numerator / fan);
  }
}

/**
 * `U(-L, L)` with `L = gain sqrt(3 / fan)`.
 *
 * @example
 * new nn.Linear(4, 2, { weightAttr: new nn.initializer.KaimingUniform() });
 */
export class KaimingUniform extends Kaiming {
  constructor(...rest: Trailing<number | null, KaimingOptions>) {
    super("KaimingUniform", rest);
  }

  override make(shape: Shape, dtype: DType): Tensor {
    const limit = this.spread(shape, 3);
    return uniforms(shape, dtype, -limit, limit);
  }

  override toString(): string {
    return "KaimingUniform()";
  }
}

/**
 * `N(0, std²)` with `std = gain / sqrt(fan)`.
 *
 * @example
 * new nn.Linear(4, 2, { weightAttr: new nn.initializer.KaimingNormal() });
 */
export class KaimingNormal extends Kaiming {
  constructor(...rest: Trailing<number | null, KaimingOptions>) {
    super("KaimingNormal", rest);
  }

  override make(shape: Shape, dtype: DType): Tensor {
    return normals(shape, dtype, 0, this.spread(shape, 1));
  }

  override toString(): string {
    return "KaimingNormal()";
  }
}
