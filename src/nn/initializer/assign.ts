// Assign: given values.

import { type DType, isComplex } from "../../core/dtype.js";
import { InvalidArgumentError } from "../../core/errors.js";
import { isNdArray, type NdArray } from "../../core/nd-array.js";
import { formatShape, sameShape, type Shape, sizeOf } from "../../core/shape.js";
import { cast } from "../../ops/cast.js";
import { Initializer } from "../../param/initializer.js";
import { Tensor } from "../../tensor/tensor.js";
import { type TensorLike, toTensor } from "../../tensor/to-tensor.js";
import { fromArray } from "../../trace/eager.js";

/** Dtypes a parameter may have to be assigned, as in Paddle. */
const assignable: readonly DType[] = ["float32", "float64", "float16", "bfloat16", "int32", "int8", "uint8"];

/**
 * Copies given values: a nested or typed array, an NdArray (what `.npy` files give), or a Tensor. Numbers are cast to the parameter's
 * dtype.
 *
 * @throws InvalidArgumentError when the parameter is made, for values of another shape (a typed array needs as many elements) or a
 *   parameter of a dtype that Paddle cannot assign.
 * @example
 * ```ts
 * import { nn } from "oarjs";
 * const fc = new nn.Linear(2, 1, { weightAttr: new nn.initializer.Assign([[1], [2]]) });
 * console.log(await fc.weight.tolist()); // [[1], [2]]
 * ```
 */
export class Assign extends Initializer {
  readonly value: TensorLike;

  constructor(value: TensorLike) {
    super();
    const usable = value instanceof Tensor || isNdArray(value) || Array.isArray(value) || ArrayBuffer.isView(value);
    if (!usable) {
      throw new InvalidArgumentError("value must be an array, an NdArray or a Tensor.", { op: "Assign" });
    }
    this.value = value;
  }

  override make(shape: Shape, dtype: DType): Tensor {
    if (!assignable.includes(dtype) || isComplex(dtype)) {
      throw new InvalidArgumentError(`a parameter of ${dtype} cannot be assigned.`, { op: "Assign", dtype });
    }
    const { value } = this;
    if (value instanceof Tensor) return this.fitted(fresh(value, dtype), shape, false);
    const given = Array.isArray(value) ? toTensor(value, { dtype }) : cast(toTensor(value), dtype);
    return this.fitted(given, shape, ArrayBuffer.isView(value));
  }

  private fitted(given: Tensor, shape: Shape, flat: boolean): Tensor {
    if (flat ? given.size === sizeOf(shape) : sameShape(given.shape, shape)) return given;
    throw new InvalidArgumentError(
      `the parameter is ${formatShape(shape)}, the assigned values are ${formatShape(given.shape)}.`,
      { op: "Assign", expected: shape, received: given.shape },
    );
  }

  override toString(): string {
    const { value } = this;
    if (value instanceof Tensor || isNdArray(value)) return `Assign(${value.dtype}${formatShape(value.shape)})`;
    return "Assign(array)";
  }
}

/** The same elements in memory of their own. */
function fresh(x: Tensor, dtype: DType): Tensor {
  const copy = fromArray({ dtype: x.dtype, shape: x.shape, data: x.dataSync() } as NdArray) as Tensor;
  return cast(copy, dtype);
}
