// Paddle's arithmetic functions of tensors: each broadcasts its operands and takes a number in place of the second.

import * as ops from "../ops/arithmetic.js";
import { exp as expOf } from "../ops/exponential.js";
import { inplace } from "../trace/inplace.js";
import type { Tensor } from "./tensor.js";

/** `x + y`, element by element. */
export const add = (x: Tensor, y: Tensor | number): Tensor => ops.add(x, y);
/** `x - y`, element by element. */
export const subtract = (x: Tensor, y: Tensor | number): Tensor => ops.subtract(x, y);
/** `x * y`, element by element. */
export const multiply = (x: Tensor, y: Tensor | number): Tensor => ops.multiply(x, y);
/** `x / y`, element by element; integers give float32. */
export const divide = (x: Tensor, y: Tensor | number): Tensor => ops.divide(x, y);
/** `-x`. */
export const neg = (x: Tensor): Tensor => ops.neg(x);
/** `e^x`; integers compute in float32. */
export const exp = (x: Tensor): Tensor => expOf(x);
/** `x += y` in place. */
export const add_ = (x: Tensor, y: Tensor | number): Tensor => inplace(x, "add_", (former) => ops.add(former, y));

/** What Tensor has of these as methods. */
export const mathMethods = { add, subtract, multiply, divide, neg, exp, add_ };
