// The base of initializers, and the one that setGlobalInitializer put in force.

import type { DType } from "../core/dtype.js";
import type { Shape } from "../core/shape.js";
import type { Tensor } from "../tensor/tensor.js";

/** Gives a new parameter its first value. The same initializer object may serve many parameters. */
export abstract class Initializer {
  /** A fresh tensor of `shape` and `dtype`; its memory becomes the parameter's. */
  abstract make(shape: Shape, dtype: DType): Tensor;
  /** How the parameter table prints it. */
  abstract toString(): string;
}

let globalWeight: Initializer | undefined;
let globalBias: Initializer | undefined;

/** The global initializer for weights or biases, if one was set. */
export const globalInitializer = (isBias: boolean): Initializer | undefined => (isBias ? globalBias : globalWeight);

/** Sets or (with undefined) drops the global initializers. */
export function replaceGlobalInitializers(weight: Initializer | undefined, bias: Initializer | undefined): void {
  globalWeight = weight;
  globalBias = bias;
}
