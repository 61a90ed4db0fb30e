// Pieces of the recorded networks, from the package's public functions.

import { mean, multiply, subtract, type Tensor, tanh } from "oarjs";

export { tanh };

/** Mean of squared differences. */
export function meanSquare(x: Tensor, y: Tensor): Tensor {
  const e = subtract(x, y);
  return mean(multiply(e, e));
}
