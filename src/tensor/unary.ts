// Paddle's functions of one tensor without parameters, element by element: roots, exponentials, circular functions, rounding, special functions.

import * as activation from "../ops/activation.js";
import * as arithmetic from "../ops/arithmetic.js";
import * as exponential from "../ops/exponential.js";
import * as rounding from "../ops/rounding.js";
import * as special from "../ops/special.js";
import * as trigonometric from "../ops/trigonometric.js";
import { neg } from "./math.js";
import { mutating } from "./mutating.js";
import type { Tensor } from "./tensor.js";

/**
 * `e^x`, element by element. Like all functions here it keeps shape and dtype; integers compute in float32.
 *
 * @example
 * ```ts
 * import { exp, toTensor } from "oarjs";
 * console.log(await exp(toTensor([0, 1])).tolist()); // [1, 2.7182817459106445]
 * ```
 */
export const exp = (x: Tensor): Tensor => exponential.exp(x);
/** `e^x - 1`, accurate near 0. */
export const expm1 = (x: Tensor): Tensor => exponential.expm1(x);
/** Natural logarithm; -inf at 0, NaN below. */
export const log = (x: Tensor): Tensor => exponential.log(x);
/** Logarithm to base 2. */
export const log2 = (x: Tensor): Tensor => exponential.log2(x);
/** Logarithm to base 10. */
export const log10 = (x: Tensor): Tensor => exponential.log10(x);
/** `ln(1 + x)`, accurate near 0. */
export const log1p = (x: Tensor): Tensor => exponential.log1p(x);
/** Square root; NaN below 0. */
export const sqrt = (x: Tensor): Tensor => exponential.sqrt(x);
/** `1 / sqrt(x)`. */
export const rsqrt = (x: Tensor): Tensor => exponential.rsqrt(x);
/** `x^2`. */
export const square = (x: Tensor): Tensor => arithmetic.square(x);
/** `1 / x`; integers give float32. */
export const reciprocal = (x: Tensor): Tensor => arithmetic.reciprocal(x);
/** Sine of radians. */
export const sin = (x: Tensor): Tensor => trigonometric.sin(x);
/** Cosine of radians. */
export const cos = (x: Tensor): Tensor => trigonometric.cos(x);
/** Tangent of radians. */
export const tan = (x: Tensor): Tensor => trigonometric.tan(x);
/** Inverse sine, in radians; NaN outside [-1, 1]. */
export const asin = (x: Tensor): Tensor => trigonometric.asin(x);
/** Inverse cosine, in radians; NaN outside [-1, 1]. */
export const acos = (x: Tensor): Tensor => trigonometric.acos(x);
/** Inverse tangent, in radians. */
export const atan = (x: Tensor): Tensor => trigonometric.atan(x);
/** Hyperbolic sine. */
export const sinh = (x: Tensor): Tensor => trigonometric.sinh(x);
/** Hyperbolic cosine. */
export const cosh = (x: Tensor): Tensor => trigonometric.cosh(x);
/** Inverse hyperbolic sine. */
export const asinh = (x: Tensor): Tensor => trigonometric.asinh(x);
/** Inverse hyperbolic cosine; NaN below 1. */
export const acosh = (x: Tensor): Tensor => trigonometric.acosh(x);
/** Inverse hyperbolic tangent. */
export const atanh = (x: Tensor): Tensor => trigonometric.atanh(x);
/** Hyperbolic tangent. */
export const tanh = (x: Tensor): Tensor => activation.tanh(x);
/** `1 / (1 + e^-x)`. */
export const sigmoid = (x: Tensor): Tensor => activation.sigmoid(x);
/** `|x|`; of complex numbers the magnitude, a real tensor. */
export const abs = (x: Tensor): Tensor => rounding.abs(x);
/** The least integer that is not below x; the gradient is 0. */
export const ceil = (x: Tensor): Tensor => rounding.ceil(x);
/** The greatest integer that is not above x; the gradient is 0. */
export const floor = (x: Tensor): Tensor => rounding.floor(x);
/** x without its fraction; the gradient is 0. */
export const trunc = (x: Tensor): Tensor => rounding.trunc(x);
/** `x - trunc(x)`. */
export const frac = (x: Tensor): Tensor => rounding.frac(x);
/** -1, 0 or 1; of complex numbers `x / |x|`. */
export const sign = (x: Tensor): Tensor => rounding.sign(x);
/** The error function. */
export const erf = (x: Tensor): Tensor => special.erf(x);
/** The inverse of the error function. */
export const erfinv = (x: Tensor): Tensor => special.erfinv(x);
/** `ln |gamma(x)|`. */
export const lgamma = (x: Tensor): Tensor => special.lgamma(x);
/** The derivative of {@link lgamma}. */
export const digamma = (x: Tensor): Tensor => special.digamma(x);
/** The modified Bessel function I0. */
export const i0 = (x: Tensor): Tensor => special.i0(x);
/** `e^-|x| I0(x)`. */
export const i0e = (x: Tensor): Tensor => special.i0e(x);
/** The modified Bessel function I1. */
export const i1 = (x: Tensor): Tensor => special.i1(x);
/** `e^-|x| I1(x)`. */
export const i1e = (x: Tensor): Tensor => special.i1e(x);
/** `sin(pi x) / (pi x)`, 1 at 0. */
export const sinc = (x: Tensor): Tensor => special.sinc(x);

/** {@link abs} in place. */
export const abs_: typeof abs = mutating("abs_", abs);
/** {@link acos} in place. */
export const acos_: typeof acos = mutating("acos_", acos);
/** {@link acosh} in place. */
export const acosh_: typeof acosh = mutating("acosh_", acosh);
/** {@link asin} in place. */
export const asin_: typeof asin = mutating("asin_", asin);
/** {@link asinh} in place. */
export const asinh_: typeof asinh = mutating("asinh_", asinh);
/** {@link atan} in place. */
export const atan_: typeof atan = mutating("atan_", atan);
/** {@link atanh} in place. */
export const atanh_: typeof atanh = mutating("atanh_", atanh);
/** {@link ceil} in place. */
export const ceil_: typeof ceil = mutating("ceil_", ceil);
/** {@link cos} in place. */
export const cos_: typeof cos = mutating("cos_", cos);
/** {@link cosh} in place. */
export const cosh_: typeof cosh = mutating("cosh_", cosh);
/** {@link digamma} in place. */
export const digamma_: typeof digamma = mutating("digamma_", digamma);
/** {@link erf} in place. */
export const erf_: typeof erf = mutating("erf_", erf);
/** {@link erfinv} in place. */
export const erfinv_: typeof erfinv = mutating("erfinv_", erfinv);
/** {@link exp} in place. */
export const exp_: typeof exp = mutating("exp_", exp);
/** {@link expm1} in place. */
export const expm1_: typeof expm1 = mutating("expm1_", expm1);
/** {@link floor} in place. */
export const floor_: typeof floor = mutating("floor_", floor);
/** {@link frac} in place. */
export const frac_: typeof frac = mutating("frac_", frac);
/** {@link i0} in place. */
export const i0_: typeof i0 = mutating("i0_", i0);
/** {@link lgamma} in place. */
export const lgamma_: typeof lgamma = mutating("lgamma_", lgamma);
/** {@link log} in place. */
export const log_: typeof log = mutating("log_", log);
/** {@link log10} in place. */
export const log10_: typeof log10 = mutating("log10_", log10);
/** {@link log1p} in place. */
export const log1p_: typeof log1p = mutating("log1p_", log1p);
/** {@link log2} in place. */
export const log2_: typeof log2 = mutating("log2_", log2);
/** `-x` in place. */
export const neg_: typeof neg = mutating("neg_", neg);
/** {@link reciprocal} in place. */
export const reciprocal_: typeof reciprocal = mutating("reciprocal_", reciprocal);
/** {@link rsqrt} in place. */
export const rsqrt_: typeof rsqrt = mutating("rsqrt_", rsqrt);
/** {@link sigmoid} in place. */
export const sigmoid_: typeof sigmoid = mutating("sigmoid_", sigmoid);
/** {@link sin} in place. */
export const sin_: typeof sin = mutating("sin_", sin);
/** {@link sinc} in place. */
export const sinc_: typeof sinc = mutating("sinc_", sinc);
/** {@link sinh} in place. */
export const sinh_: typeof sinh = mutating("sinh_", sinh);
/** {@link sqrt} in place. */
export const sqrt_: typeof sqrt = mutating("sqrt_", sqrt);
/** {@link square} in place. */
export const square_: typeof square = mutating("square_", square);
/** {@link tan} in place. */
export const tan_: typeof tan = mutating("tan_", tan);
/** {@link tanh} in place. */
export const tanh_: typeof tanh = mutating("tanh_", tanh);
/** {@link trunc} in place. */
export const trunc_: typeof trunc = mutating("trunc_", trunc);

/** What Tensor has of these as methods. */
export const unaryMethods = {
  neg,
  negative: neg,
  abs,
  abs_,
  acos,
  acos_,
  acosh,
  acosh_,
  asin,
  asin_,
  asinh,
  asinh_,
  atan,
  atan_,
  atanh,
  atanh_,
  ceil,
  ceil_,
  cos,
  cos_,
  cosh,
  cosh_,
  digamma,
  digamma_,
  erf,
  erf_,
  erfinv,
  erfinv_,
  exp,
  exp_,
  expm1,
  expm1_,
  floor,
  floor_,
  frac,
  frac_,
  i0,
  i0_,
  i0e,
  i1,
  i1e,
  lgamma,
  lgamma_,
  log,
  log10,
  log10_,
  log1p,
  log1p_,
  log2,
  log2_,
  log_,
  neg_,
  reciprocal,
  reciprocal_,
  rsqrt,
  rsqrt_,
  sigmoid,
  sigmoid_,
  sign,
  sin,
  sin_,
  sinc,
  sinc_,
  sinh,
  sinh_,
  sqrt,
  sqrt_,
  square,
  square_,
  tan,
  tan_,
  tanh,
  tanh_,
  trunc,
  trunc_,
};
