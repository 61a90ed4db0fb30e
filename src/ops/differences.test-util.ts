// Gradients by central differences of functions of several tensors, where an op's table row cannot say what it needs.

import { expect } from "vitest";
import type { NdArray } from "../core/nd-array.js";
import { sizeOf, type Shape } from "../core/shape.js";
import type { Value } from "../program/value.js";
import { fromArray, toArray } from "../trace/eager.js";
import { walk, withGrad } from "../trace/tape.js";
import { assemble } from "../tensor/assemble.js";
import { numbers } from "./table.test-util.js";

assemble();

/** A float64 tensor of numbers in ±1 that are the same every time. */
export function sampled(shape: Shape, seed: number): NdArray {
  const next = numbers(seed);
  return { dtype: "float64", shape, data: Float64Array.from({ length: sizeOf(shape) }, () => 2 * next() - 1) };
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a).reduce((s, v, i) => s + v * b[i]!, 0);
const numbersOf = (v: Value): Float64Array => toArray(v).data as Float64Array;

/**
 * Compares the gradient of `Σ f(inputs) · c` for a fixed c with central differences along a fixed direction, for each input on its own.
 */
export function checkDifferences(inputs: readonly NdArray[], f: (...x: Value[]) => readonly Value[]): void {
  const xs = inputs.map((a) => fromArray(a));
  for (const x of xs) x.stopGradient = false;
  const outs = f(...xs);
  const weights = outs.map((o, i) => sampled(o.shape, 77 + i));
  const cotangents = weights.map((w) => fromArray(w));
  const grads = walk(outs, cotangents, { retainGraph: false, createGraph: false, inputs: xs });
  const value = (moved: readonly NdArray[]): number =>
    withGrad(false, () => f(...moved.map((a) => fromArray(a)))).reduce(
      (sum, o, i) => sum + dot(numbersOf(o), weights[i]!.data as Float64Array),
      0,
    );
  const h = 1e-5;
  inputs.forEach((a, i) => {
    const direction = sampled(a.shape, 991 + i).data as Float64Array;
    const at = (sign: number): number =>
      value(
        inputs.map((b, j) =>
          j === i ? { ...b, data: (b.data as Float64Array).map((v, n) => v + sign * h * direction[n]!) } : b,
        ),
      );
    const numeric = (at(1) - at(-1)) / (2 * h);
    const analytic = dot(numbersOf(grads.get(xs[i]!)!), direction);
    expect(Math.abs(analytic - numeric), `input ${i}: ${analytic}, by differences ${numeric}`).toBeLessThanOrEqual(
      1e-7 + 1e-6 * Math.abs(numeric),
    );
  });
}
