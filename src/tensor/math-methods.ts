// Methods of Tensor for arithmetic and element-wise functions.

import { add, divide, multiply, neg, subtract } from "../ops/arithmetic.js";
import { exp } from "../ops/exponential.js";
import type { Value } from "../program/value.js";
import { inplace } from "../trace/inplace.js";

/** Arithmetic methods. */
export const mathMethods = {
  /** `this + y`, broadcast. */
  add<T extends Value>(this: T, y: T | number): T {
    return add(this, y);
  },
  /** `this - y`, broadcast. */
  subtract<T extends Value>(this: T, y: T | number): T {
    return subtract(this, y);
  },
  /** `this * y`, broadcast. */
  multiply<T extends Value>(this: T, y: T | number): T {
    return multiply(this, y);
  },
  /** `this / y`, broadcast. */
  divide<T extends Value>(this: T, y: T | number): T {
    return divide(this, y);
  },
  /** `-this`. */
  neg<T extends Value>(this: T): T {
    return neg(this);
  },
  /** `e^this`. */
  exp<T extends Value>(this: T): T {
    return exp(this);
  },
  /** `this += y` in place. */
  add_<T extends Value>(this: T, y: T | number): T {
    return inplace(this, "add_", (x) => add(x, y));
  },
};
