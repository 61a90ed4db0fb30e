// Dirac: convolution kernels that pass their input through.

import type { DType } from "../../core/dtype.js";
import { InvalidArgumentError } from "../../core/errors.js";
import { emptyData, ndArray } from "../../core/nd-array.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape, type Shape, sizeOf, stridesOf } from "../../core/shape.js";
import { cast } from "../../ops/cast.js";
import { Initializer } from "../../param/initializer.js";
import type { Tensor } from "../../tensor/tensor.js";
import { fromArray } from "../../trace/eager.js";

/** Arguments of {@link Dirac}. */
export interface DiracOptions {
  /** Groups of the convolution; 1 by default. */
  readonly groups?: number | undefined;
}

/**
 * Zeros with a 1 in the middle of each output channel's own input channel, so that a convolution keeps its input; for kernels of rank
 * 3, 4 or 5.
 *
 * @throws InvalidArgumentError for another rank, or output channels that the groups do not divide.
 * @example
 * new nn.Conv1D(3, 2, 3, { weightAttr: new nn.initializer.Dirac() });
 */
export class Dirac extends Initializer {
  readonly groups: number;

  constructor(...rest: Trailing<number, DiracOptions>) {
    super();
    const { groups = 1 } = splitOptions<DiracOptions>("Dirac", rest, ["groups"]);
    if (!Number.isInteger(groups) || groups <= 0) {
      throw new InvalidArgumentError(`groups must be a positive integer, got ${groups}.`, { op: "Dirac" });
    }
    this.groups = groups;
  }

  override make(shape: Shape, dtype: DType): Tensor {
    if (shape.length < 3 || shape.length > 5) {
      throw new InvalidArgumentError(`needs a kernel of rank 3, 4 or 5, got ${formatShape(shape)}.`, { op: "Dirac" });
    }
    const [out, inside] = [shape[0]!, shape[1]!];
    if (out % this.groups !== 0) {
      throw new InvalidArgumentError(`${this.groups} groups do not divide ${out} output channels.`, { op: "Dirac" });
    }
    const perGroup = out / this.groups;
    const strides = stridesOf(shape);
    const middle = shape.slice(2).reduce((at, n, i) => at + Math.floor(n / 2) * strides[i + 2]!, 0);
    const data = emptyData("float32", sizeOf(shape));
    for (let group = 0; group < this.groups; group++) {
      for (let c = 0; c < Math.min(perGroup, inside); c++)
        data[(group * perGroup + c) * strides[0]! + c * strides[1]! + middle] = 1;
    }
    return cast(fromArray(ndArray("float32", shape, data)) as Tensor, dtype);
  }

  override toString(): string {
    return this.groups === 1 ? "Dirac()" : `Dirac({ groups: ${this.groups} })`;
  }
}
