// Fans of a shape and gains of nonlinearities: the numbers behind the Xavier and Kaiming initializers.

import { InvalidArgumentError, nearest } from "../../core/errors.js";
import type { Shape } from "../../core/shape.js";

/** How many inputs and outputs one weight of a shape connects; the shape alone decides, as in Paddle. */
export function fansOf(shape: Shape): { readonly fanIn: number; readonly fanOut: number } {
  if (shape.length === 0) return { fanIn: 1, fanOut: 1 };
  if (shape.length === 1) return { fanIn: shape[0]!, fanOut: shape[0]! };
  if (shape.length === 2) return { fanIn: shape[0]!, fanOut: shape[1]! };
  const field = shape.slice(2).reduce((a, b) => a * b, 1);
  return { fanIn: shape[1]! * field, fanOut: shape[0]! * field };
}

const linear = [
  "sigmoid",
  "linear",
  "conv1d",
  "conv2d",
  "conv3d",
  "conv1d_transpose",
  "conv2d_transpose",
  "conv3d_transpose",
];

/**
 * The recommended gain of a nonlinearity: 1 for linear layers and sigmoid, 5/3 tanh, √2 relu, √(2 / (1 + slope²)) leaky_relu, 3/4 selu.
 *
 * @param param - the negative slope of leaky_relu, 0.01 by default
 * @throws InvalidArgumentError for an unknown nonlinearity.
 * @example
 * nn.initializer.calculateGain("tanh"); // 1.6666666666666667
 */
export function calculateGain(nonlinearity: string, param?: number | null): number {
  if (linear.includes(nonlinearity)) return 1;
  switch (nonlinearity) {
    case "tanh":
      return 5 / 3;
    case "relu":
      return Math.SQRT2;
    case "leaky_relu":
      return Math.sqrt(2 / (1 + (param ?? 0.01) ** 2));
    case "selu":
      return 3 / 4;
    default: {
      const near = nearest(nonlinearity, [...linear, "tanh", "relu", "leaky_relu", "selu"]);
      throw new InvalidArgumentError(`there is no gain for ${JSON.stringify(nonlinearity)}.`, {
        op: "calculateGain",
        hint: near === undefined ? undefined : `Did you mean ${JSON.stringify(near)}?`,
      });
    }
  }
}
