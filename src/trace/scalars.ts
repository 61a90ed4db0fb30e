// Scalars as arrays of rank 0.

import type { NdArray } from "../core/nd-array.js";

/** A float32 array of rank 0. */
export const scalarAsArray = (x: number): NdArray => ({ dtype: "float32", shape: [], data: Float32Array.of(x) });
