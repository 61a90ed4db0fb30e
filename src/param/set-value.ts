// Writing values into tensors that exist: parameters, buffers, optimizer state.

import { InvalidArgumentError } from "../core/errors.js";
import { isNdArray } from "../core/nd-array.js";
import { formatShape, sameShape, sizeOf } from "../core/shape.js";
import { cast } from "../ops/cast.js";
import type { Value } from "../program/value.js";
import { Tensor } from "../tensor/tensor.js";
import { type TensorLike, toTensor } from "../tensor/to-tensor.js";
import { eagerly } from "../trace/bind.js";
import { storageOf } from "../trace/eager.js";
import { withGrad } from "../trace/tape.js";

/** Copies the elements of `source`, of the same shape and dtype, into the memory of `target`. */
export function overwrite(target: Value, source: Value): void {
  const to = storageOf(target, "setValue");
  const from = storageOf(source, "setValue");
  to.heap.views.u8.copyWithin(to.address, from.address, from.address + from.bytes);
  to.version++;
}

/**
 * Sets the elements of `target`. Shapes must be equal (a typed array has none and needs as many elements); numbers are cast.
 *
 * @param what names the target in messages
 * @param strict refuses another dtype and plain arrays, as Python Paddle does
 * @throws InvalidArgumentError for another shape, or what `strict` refuses.
 */
export function setTensorValue(target: Tensor, value: TensorLike, what: string, strict: boolean): void {
  if (strict && !(value instanceof Tensor) && !isNdArray(value) && !ArrayBuffer.isView(value)) {
    throw new InvalidArgumentError(`${what} takes a Tensor or an array with a dtype.`, {
      op: "setValue",
      hint: "strictPaddle refuses plain arrays here.",
    });
  }
  const plain =
    Array.isArray(value) || typeof value === "number" || typeof value === "boolean" || typeof value === "bigint";
  const given = eagerly(() =>
    value instanceof Tensor ? value : toTensor(value, plain ? { dtype: target.dtype } : {}),
  );
  const fits = ArrayBuffer.isView(value) ? given.size === sizeOf(target.shape) : sameShape(given.shape, target.shape);
  if (!fits) {
    throw new InvalidArgumentError(`${what} is ${formatShape(target.shape)}, the value ${formatShape(given.shape)}.`, {
      op: "setValue",
      expected: target.shape,
      received: given.shape,
    });
  }
  if (strict && given.dtype !== target.dtype) {
    throw new InvalidArgumentError(`${what} is ${target.dtype}, the value ${given.dtype}.`, { op: "setValue" });
  }
  overwrite(
    target,
    eagerly(() => withGrad(false, () => cast(given, target.dtype))),
  );
}
