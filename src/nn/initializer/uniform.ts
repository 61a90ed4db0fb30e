// Uniform: numbers that are equally likely anywhere between two bounds.

import type { DType } from "../../core/dtype.js";
import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions } from "../../core/options.js";
import type { Shape } from "../../core/shape.js";
import { Initializer } from "../../param/initializer.js";
import type { Tensor } from "../../tensor/tensor.js";
import { uniforms } from "./sampled.js";

/** Arguments of {@link Uniform}. */
export interface UniformOptions {
  /** Lower bound, -1 by default. */
  readonly low?: number | undefined;
  /** Upper bound, 1 by default. */
  readonly high?: number | undefined;
  readonly name?: string | null | undefined;
}

/**
 * `U[low, high)`, from the stream that `seed` sets.
 *
 * @throws InvalidArgumentError when high is below low.
 * @example
 * new nn.Linear(4, 2, { weightAttr: new nn.initializer.Uniform(-0.1, 0.1) });
 */
export class Uniform extends Initializer {
  readonly low: number;
  readonly high: number;

  constructor(
    ...args: [options?: UniformOptions] | [low: number, options?: UniformOptions] | [low: number, high: number]
  ) {
    super();
    const { low = -1, high = 1 } = splitOptions<UniformOptions>("Uniform", args, ["low", "high", "name"], 2);
    if (!(high >= low)) {
      throw new InvalidArgumentError(`high (${high}) must not be below low (${low}).`, { op: "Uniform", low, high });
    }
    this.low = low;
    this.high = high;
  }

  override make(shape: Shape, dtype: DType): Tensor {
    return uniforms(shape, dtype, this.low, this.high);
  }

  override toString(): string {
    return `Uniform(${this.low}, ${this.high})`;
  }
}
