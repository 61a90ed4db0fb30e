// Paddle's functions of complex tensors: parts, angles, and complex tensors from their parts.

import { isComplex } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import * as arithmetic from "../ops/arithmetic.js";
import * as ops from "../ops/complex-parts.js";
import type { Tensor } from "./tensor.js";

function requireComplex(x: Tensor, op: string): void {
  if (isComplex(x.dtype)) return;
  throw new InvalidArgumentError(`needs a complex tensor, got ${x.dtype}.`, { op, dtype: x.dtype });
}

/**
 * The real part of a complex tensor.
 *
 * @throws InvalidArgumentError for other dtypes.
 */
export function real(x: Tensor): Tensor {
  requireComplex(x, "real");
  return ops.real(x);
}

/**
 * The imaginary part of a complex tensor.
 *
 * @throws InvalidArgumentError for other dtypes.
 */
export function imag(x: Tensor): Tensor {
  requireComplex(x, "imag");
  return ops.imag(x);
}

/** The complex conjugate; a real tensor is returned as it is. */
export const conj = (x: Tensor): Tensor => arithmetic.conj(x);
/** The angle in radians, in [-pi, pi]; of real numbers 0 or pi. */
export const angle = (x: Tensor): Tensor => ops.angle(x);

/**
 * `real + i imag` of two float tensors, broadcast; complex64 from float32, complex128 from float64.
 *
 * @example
 * ```ts
 * import { complex, toTensor } from "oarjs";
 * console.log(complex(toTensor([1, 2]), toTensor([0, 1])).dtype); // complex64
 * ```
 */
export const complex = (re: Tensor, im: Tensor): Tensor => ops.complex(re, im);
/** `abs e^(i angle)`: complex numbers from magnitudes and angles in radians. */
export const polar = (abs: Tensor, a: Tensor): Tensor => ops.polar(abs, a);
/** A complex tensor `[...]` as a real one `[..., 2]` of (re, im). */
export const asReal = (x: Tensor): Tensor => ops.asReal(x);
/** A real tensor `[..., 2]` of (re, im) as a complex one `[...]`. */
export const asComplex = (x: Tensor): Tensor => ops.asComplex(x);

/** What Tensor has of these as methods. */
export const complexMethods = { angle, asComplex, asReal, conj, imag, polar, real };
