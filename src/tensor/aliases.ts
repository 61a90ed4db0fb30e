// Paddle's second names for functions, the same functions under each.

import type { Nested } from "../core/nested.js";
import type { Tensor } from "./tensor.js";
import { toTensor } from "./to-tensor.js";

export {
  /** @deprecated Alias of {@link concat}. */
  concat as cat,
  /** @deprecated Alias of {@link concat}. */
  concat as concatenate,
} from "./joining.js";
export {
  /** @deprecated Alias of {@link transpose}. */
  transpose as permute,
  /** @deprecated Alias of {@link swapaxes}. */
  swapaxes as swapdims,
} from "./manipulation.js";
export {
  /** @deprecated Alias of {@link takeAlongAxis}. */
  takeAlongAxis as takeAlongDim,
} from "./gathering.js";
export {
  /** @deprecated Alias of {@link clip}. */
  clip as clamp,
  /** @deprecated Alias of {@link clip_}. */
  clip_ as clamp_,
  /** @deprecated Alias of {@link divide}. */
  divide as div,
  /** @deprecated Alias of {@link divide_}. */
  divide_ as div_,
  /** @deprecated Alias of {@link divide}. */
  divide as trueDivide,
  /** @deprecated Alias of {@link multiply}. */
  multiply as mul,
  /** @deprecated Alias of {@link multiply_}. */
  multiply_ as mul_,
  /** @deprecated Alias of {@link remainder}. */
  remainder as mod,
  /** @deprecated Alias of {@link remainder_}. */
  remainder_ as mod_,
  /** @deprecated Alias of {@link remainder}. */
  remainder as floorMod,
  /** @deprecated Alias of {@link remainder_}. */
  remainder_ as floorMod_,
  /** @deprecated Alias of {@link neg}. */
  neg as negative,
  /** @deprecated Alias of {@link subtract}. */
  subtract as sub,
  /** @deprecated Alias of {@link subtract_}. */
  subtract_ as sub_,
} from "./math.js";
export {
  /** @deprecated Alias of {@link bitwiseNot}. */
  bitwiseNot as bitwiseInvert,
  /** @deprecated Alias of {@link bitwiseNot_}. */
  bitwiseNot_ as bitwiseInvert_,
  /** @deprecated Alias of {@link equal}. */
  equal as eq,
  /** @deprecated Alias of {@link greaterEqual}. */
  greaterEqual as ge,
  /** @deprecated Alias of {@link greaterThan}. */
  greaterThan as greater,
  /** @deprecated Alias of {@link greaterThan}. */
  greaterThan as gt,
  /** @deprecated Alias of {@link lessEqual}. */
  lessEqual as le,
  /** @deprecated Alias of {@link lessThan}. */
  lessThan as less,
  /** @deprecated Alias of {@link lessThan_}. */
  lessThan_ as less_,
  /** @deprecated Alias of {@link lessThan}. */
  lessThan as lt,
  /** @deprecated Alias of {@link notEqual}. */
  notEqual as ne,
} from "./logic.js";
export {
  /** @deprecated Alias of {@link asComplex}. */
  asComplex as viewAsComplex,
  /** @deprecated Alias of {@link asReal}. */
  asReal as viewAsReal,
} from "./complex.js";
export {
  /** @deprecated Alias of {@link seed}. */
  seed as manualSeed,
} from "./generator.js";
export {
  /** @deprecated Alias of {@link outer}. */
  outer as ger,
} from "./products.js";

/** @deprecated Alias of {@link toTensor}. */
export const asTensor = toTensor;
/** @deprecated Alias of {@link toTensor}. */
export const asarray = toTensor;

/** Nested arrays of a tensor's elements, read asynchronously. */
export const tolist = (x: Tensor): Promise<Nested> => x.tolist();
