// Orthogonal: rows or columns that stand at right angles to each other.

import type { DType } from "../../core/dtype.js";
import { InvalidArgumentError, UnimplementedError } from "../../core/errors.js";
import { isStrictPaddle } from "../../core/flags.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape, type Shape } from "../../core/shape.js";
import { multiply } from "../../ops/arithmetic.js";
import { transpose } from "../../ops/movement.js";
import { orthonormal } from "../../ops/orthonormal.js";
import { reshape } from "../../ops/views.js";
import { Initializer } from "../../param/initializer.js";
import { gaussian } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";

/** Arguments of {@link Orthogonal}. */
export interface OrthogonalOptions {
  /** Scales the result, 1 by default. */
  readonly gain?: number | undefined;
  readonly name?: string | null | undefined;
}

/**
 * A matrix with orthonormal columns (or rows, where it is wide) times `gain`, from the QR factors of normal numbers; axes after the first
 * count as one (Saxe, McClelland and Ganguli, 2014).
 *
 * @throws InvalidArgumentError for fewer than two axes; under `strictPaddle` UnimplementedError in half precision.
 * @example
 * new nn.Linear(4, 4, { weightAttr: new nn.initializer.Orthogonal() });
 */
export class Orthogonal extends Initializer {
  readonly gain: number;

  constructor(...rest: Trailing<number, OrthogonalOptions>) {
    super();
    const { gain = 1 } = splitOptions<OrthogonalOptions>("Orthogonal", rest, ["gain", "name"]);
    if (typeof gain !== "number" || Number.isNaN(gain))
      throw new InvalidArgumentError("gain must be a number.", { op: "Orthogonal" });
    this.gain = gain;
  }

  override make(shape: Shape, dtype: DType): Tensor {
    if (shape.length < 2)
      throw new InvalidArgumentError(`needs at least two axes, got ${formatShape(shape)}.`, { op: "Orthogonal" });
    if (isStrictPaddle() && (dtype === "float16" || dtype === "bfloat16"))
      throw new UnimplementedError(`Paddle has no QR factors in ${dtype} on CPU.`, {
        op: "Orthogonal",
        hint: "make the parameter in float32, or turn strictPaddle off.",
      });
    const rows = shape[0]!;
    const columns = shape.slice(1).reduce((a, b) => a * b, 1);
    const drawn = gaussian([Math.max(rows, columns), Math.min(rows, columns)], 0, 1, { dtype });
    const q = orthonormal(drawn);
    const turned = rows < columns ? transpose(q, [1, 0]) : q;
    return multiply(reshape(turned, shape), this.gain);
  }

  override toString(): string {
    return `Orthogonal(${this.gain})`;
  }
}
