// How in-place functions are made from the ones that give a new tensor.

import { inplace } from "../trace/inplace.js";
import type { Tensor } from "./tensor.js";

/**
 * `x.f_(...)`: x takes the result of `f(x, ...)` and is returned. Views of x see the change. The result must have x's shape.
 *
 * @param name - as messages show it, for instance `add_`.
 */
export const mutating =
  <R extends readonly unknown[]>(name: string, f: (x: Tensor, ...rest: R) => Tensor) =>
  (x: Tensor, ...rest: R): Tensor =>
    inplace(x, name, (former) => f(former, ...rest));
