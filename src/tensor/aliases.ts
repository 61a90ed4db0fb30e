// Paddle's second names for functions, the same functions under each.

import type { Nested } from "../core/nested.js";
import type { Tensor } from "./tensor.js";
import { toTensor } from "./to-tensor.js";

export {
  /** @deprecated Alias of {@link concat}. */
  concat as cat,
} from "./joining.js";
export {
  /** @deprecated Alias of {@link moveaxis}. */
  moveaxis as movedim,
  /** @deprecated Alias of {@link transpose}. */
  transpose as permute,
  /** @deprecated Alias of {@link swapaxes}. */
  swapaxes as swapdims,
} from "./manipulation.js";
export {
  /** @deprecated Alias of {@link takeAlongAxis}. */
  takeAlongAxis as takeAlongDim,
} from "./gathering.js";

/** @deprecated Alias of {@link toTensor}. */
export const asTensor = toTensor;
/** @deprecated Alias of {@link toTensor}. */
export const asarray = toTensor;

/** Nested arrays of a tensor's elements, read asynchronously. */
export const tolist = (x: Tensor): Promise<Nested> => x.tolist();
