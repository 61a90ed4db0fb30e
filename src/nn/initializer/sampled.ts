// What the random initializers share: numbers are drawn in float32 for half-precision parameters and then cast, as in Paddle.

import type { DType } from "../../core/dtype.js";
import type { Shape } from "../../core/shape.js";
import { cast } from "../../ops/cast.js";
import { gaussian, uniform } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";

/** The dtype numbers for a parameter of `dtype` are drawn in. */
export const drawnIn = (dtype: DType): DType => (dtype === "float64" ? "float64" : "float32");

/** Normal numbers. */
export const normals = (shape: Shape, dtype: DType, mean: number, std: number): Tensor =>
  cast(gaussian(shape, mean, std, { dtype: drawnIn(dtype) }), dtype);

/** Uniform numbers in [min, max). */
export const uniforms = (shape: Shape, dtype: DType, min: number, max: number): Tensor =>
  cast(uniform(shape, { dtype: drawnIn(dtype), min, max }), dtype);
