// Paddle's functions that make tensors from numbers, and conversions between dtypes.

import type { DType } from "../core/dtype.js";
import { checkOptions } from "../core/options.js";
import { cast as castOf } from "../ops/cast.js";
import { fullLike } from "../ops/creation.js";
import type { Tensor } from "./tensor.js";

/** `x` in another dtype; returned as it is when it has that dtype. */
export const cast = (x: Tensor, dtype: DType): Tensor => castOf(x, dtype);
/** Alias of {@link cast}. */
export const astype = cast;

/** Zeros of `x`'s shape, and dtype unless given. */
export function zerosLike(x: Tensor, options?: { readonly dtype?: DType | undefined }): Tensor {
  const { dtype } = checkOptions("zerosLike", options, ["dtype"]);
  return fullLike(x, 0, dtype);
}

/** What Tensor has of these as methods. */
export const creationMethods = { cast, astype };
