// Constant: every element the same number.

import type { DType } from "../../core/dtype.js";
import { InvalidArgumentError } from "../../core/errors.js";
import { describe, splitOptions, type Trailing } from "../../core/options.js";
import type { Shape } from "../../core/shape.js";
import { full } from "../../ops/creation.js";
import { Initializer } from "../../param/initializer.js";
import type { Tensor } from "../../tensor/tensor.js";

/** Arguments of {@link Constant}. */
export interface ConstantOptions {
  /** The number; 0 by default. */
  readonly value?: number | undefined;
}

/**
 * Fills with one number.
 *
 * @example
 * ```ts
 * import { nn } from "oarjs";
 * const fc = new nn.Linear(2, 2, { weightAttr: new nn.initializer.Constant(0.5) });
 * console.log(await fc.weight.tolist()); // [[0.5, 0.5], [0.5, 0.5]]
 * ```
 */
export class Constant extends Initializer {
  readonly value: number;

  constructor(...rest: Trailing<number, ConstantOptions>) {
    super();
    const { value = 0 } = splitOptions<ConstantOptions>("Constant", rest, ["value"]);
    if (typeof value !== "number") {
      throw new InvalidArgumentError(`value must be a number, got ${describe(value)}.`, { op: "Constant" });
    }
    this.value = value;
  }

  override make(shape: Shape, dtype: DType): Tensor {
    return full(shape, this.value, dtype) as Tensor;
  }

  override toString(): string {
    return `Constant(${this.value})`;
  }
}
