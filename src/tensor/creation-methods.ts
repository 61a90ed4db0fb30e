// Methods of Tensor that make new tensors like it.

import type { DType } from "../core/dtype.js";
import { cast } from "../ops/cast.js";
import { fullLike } from "../ops/creation.js";
import type { Value } from "../program/value.js";

/** Creation and conversion methods. */
export const creationMethods = {
  /** The same numbers in another dtype. */
  astype<T extends Value>(this: T, dtype: DType): T {
    return cast(this, dtype);
  },
  /** Zeros of this shape and dtype. */
  zerosLike<T extends Value>(this: T): T {
    return fullLike(this, 0);
  },
};
