// Bilinear: kernels of transposed convolutions that enlarge by interpolation.

import type { DType } from "../../core/dtype.js";
import { InvalidArgumentError } from "../../core/errors.js";
import { emptyData, ndArray } from "../../core/nd-array.js";
import { formatShape, type Shape, sizeOf } from "../../core/shape.js";
import { cast } from "../../ops/cast.js";
import { Initializer } from "../../param/initializer.js";
import type { Tensor } from "../../tensor/tensor.js";
import { fromArray } from "../../trace/eager.js";

/** Most elements Paddle fills. */
const maxElements = 1024 * 1024;

/**
 * `(1 - |x/f - c|) (1 - |y/f - c|)` with `f = ceil(size/2)`, `c = (2f - 1 - f%2) / 2f`. As in Paddle, `y` is not rounded down within a
 * row (`(i / size) % size`), so that the kernel is not exactly the textbook's.
 *
 * @throws InvalidArgumentError for anything but square rank-4 kernels of at most 1024 * 1024 elements.
 * @example
 * new nn.Conv2DTranspose(3, 3, 4, { stride: 2, weightAttr: new nn.initializer.Bilinear() });
 */
export class Bilinear extends Initializer {
  override make(shape: Shape, dtype: DType): Tensor {
    if (shape.length !== 4 || shape[2] !== shape[3]) {
      throw new InvalidArgumentError(`needs a square rank-4 kernel, got ${formatShape(shape)}.`, { op: "Bilinear" });
    }
    const n = sizeOf(shape);
    if (n > maxElements) throw new InvalidArgumentError(`${n} elements are too many.`, { op: "Bilinear" });
    const size = shape[3]!;
    const f = Math.ceil(size / 2);
    const c = (2 * f - 1 - (f % 2)) / (2 * f);
    const data = emptyData("float32", n);
    for (let i = 0; i < n; i++)
      data[i] = (1 - Math.abs((i % size) / f - c)) * (1 - Math.abs(((i / size) % size) / f - c));
    return cast(fromArray(ndArray("float32", shape, data)) as Tensor, dtype);
  }

  override toString(): string {
    return "Bilinear()";
  }
}
