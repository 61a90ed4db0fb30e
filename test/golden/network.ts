// Pieces of the recorded networks, from the package's public functions.

import { divide, mean, type Tensor } from "oarjs";
import { add, cast, exp, multiply, subtract } from "oarjs";

/** `tanh`. */
export function tanh(x: Tensor): Tensor {
  const e = exp(multiply(cast(x, "float64"), -2));
  return cast(divide(subtract(multiply(e, 0).add(1), e), add(e, 1)), x.dtype);
}

/** Mean of squared differences. */
export function meanSquare(x: Tensor, y: Tensor): Tensor {
  const e = subtract(x, y);
  return mean(multiply(e, e));
}
