// Paddle's functions of one tensor with parameters, element by element.

import { isFloat } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { stanhOp } from "../ops/activation.js";
import * as arithmetic from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { nanToNum as nanToNumOf } from "../ops/logic.js";
import * as rounding from "../ops/rounding.js";
import * as ops from "../ops/special.js";
import { frexp as frexpOf } from "../ops/two-numbers.js";
import { bind1 } from "../trace/bind.js";
import { mutating } from "./mutating.js";
import type { Tensor } from "./tensor.js";

/** Options of {@link round}. */
export interface RoundOptions {
  /** Places after the point, default 0; negative ones before it. */
  readonly decimals?: number | undefined;
}

/** The nearest integer, or multiple of 10^-decimals; ties go to the even one. The gradient is 0. */
export function round(x: Tensor, ...rest: Trailing<number, RoundOptions>): Tensor {
  const { decimals = 0 } = splitOptions<RoundOptions>("round", rest, ["decimals"]);
  return rounding.round(x, decimals);
}

/** `x / |x|` of float and complex tensors, 0 for 0. */
export const sgn = (x: Tensor): Tensor => rounding.sgn(x);

/**
 * x as it is.
 *
 * @throws InvalidArgumentError for bool.
 */
export function positive(x: Tensor): Tensor {
  if (x.dtype === "bool") throw new InvalidArgumentError("needs numbers, got bool.", { op: "positive" });
  return arithmetic.scale(x, 1);
}

/** The factor times x; int32 and int64 give float32. */
function rescaled(x: Tensor, factor: number): Tensor {
  return arithmetic.scale(x.dtype === "int32" || x.dtype === "int64" ? cast(x, "float32") : x, factor);
}

/** Degrees to radians. */
export const deg2rad = (x: Tensor): Tensor => rescaled(x, Math.PI / 180);
/** Radians to degrees. */
export const rad2deg = (x: Tensor): Tensor => rescaled(x, 180 / Math.PI);

/** Options of {@link stanh}. */
export interface StanhOptions {
  /** Factor inside, default 0.67. */
  readonly scaleA?: number | undefined;
  /** Factor outside, default 1.7159. */
  readonly scaleB?: number | undefined;
}

/** `scaleB tanh(scaleA x)`. */
export function stanh(x: Tensor, ...rest: Trailing<number, StanhOptions>): Tensor {
  const { scaleA = 0.67, scaleB = 1.7159 } = splitOptions<StanhOptions>("stanh", rest, ["scaleA", "scaleB"]);
  return bind1(stanhOp, [x], { scaleA, scaleB }) as Tensor;
}

/** Options of {@link logit}. */
export interface LogitOptions {
  /** x is first brought into [eps, 1 - eps]; without it (null or 0) x outside [0, 1] gives NaN. */
  readonly eps?: number | null | undefined;
}

/** `ln(x / (1 - x))`, the inverse of the logistic function. */
export function logit(x: Tensor, ...rest: Trailing<number | null, LogitOptions>): Tensor {
  const { eps } = splitOptions<LogitOptions>("logit", rest, ["eps"]);
  return ops.logit(x, eps ?? 0);
}

/** Options of {@link nanToNum}. */
export interface NanToNumOptions {
  /** In place of NaN, default 0. */
  readonly nan?: number | undefined;
  /** In place of +inf, default the largest number of the dtype. */
  readonly posinf?: number | null | undefined;
  /** In place of -inf, default the most negative number of the dtype. */
  readonly neginf?: number | null | undefined;
}

/** The largest finite number of each float type. */
const largest: Readonly<Record<string, number>> = {
  float16: 65504,
  bfloat16: (2 - 2 ** -7) * 2 ** 127,
  float32: (2 - 2 ** -23) * 2 ** 127,
  float64: Number.MAX_VALUE,
};

/** x with NaN and infinities replaced by numbers; their gradient is 0. */
export function nanToNum(x: Tensor, ...rest: Trailing<number, NanToNumOptions>): Tensor {
  const o = splitOptions<NanToNumOptions>("nanToNum", rest, ["nan", "posinf", "neginf"]);
  const top = largest[x.dtype] ?? Number.MAX_VALUE;
  return nanToNumOf(x, o.nan ?? 0, o.posinf ?? top, o.neginf ?? -top);
}

/** `ln |gamma(x)|` of float tensors. */
export function gammaln(x: Tensor): Tensor {
  if (!isFloat(x.dtype))
    throw new InvalidArgumentError(`needs floating-point numbers, got ${x.dtype}.`, {
      op: "gammaln",
      hint: "use lgamma.",
    });
  return ops.lgamma(x);
}

/**
 * The n-th derivative of digamma; n = 0 is digamma itself.
 *
 * @throws InvalidArgumentError unless n is a whole number from 0.
 */
export function polygamma(x: Tensor, n: number): Tensor {
  if (!Number.isInteger(n) || n < 0)
    throw new InvalidArgumentError(`n must be a whole number from 0, got ${n}.`, { op: "polygamma", n });
  return ops.polygamma(x, n);
}

/**
 * The logarithm of the multivariate gamma function: `p (p - 1) / 4 ln pi + sum over i = 1 … p of lgamma(x + (1 - i) / 2)`.
 *
 * @throws InvalidArgumentError unless p is a whole number from 1.
 */
export function multigammaln(x: Tensor, p: number): Tensor {
  if (!Number.isInteger(p) || p < 1)
    throw new InvalidArgumentError(`p must be a whole number from 1, got ${p}.`, { op: "multigammaln", p });
  let sum = arithmetic.add(ops.lgamma(x), (p * (p - 1) * Math.log(Math.PI)) / 4);
  for (let i = 2; i <= p; i++) sum = arithmetic.add(sum, ops.lgamma(arithmetic.add(x, (1 - i) / 2)));
  return sum;
}

/** `[mantissa, exponent]` with `x = mantissa 2^exponent` and mantissa in [1/2, 1); both in x's dtype. */
export const frexp = (x: Tensor): [mantissa: Tensor, exponent: Tensor] => frexpOf(x);

/** {@link round} in place. */
export const round_: typeof round = mutating("round_", round);
/** {@link logit} in place. */
export const logit_: typeof logit = mutating("logit_", logit);
/** {@link nanToNum} in place. */
export const nanToNum_: typeof nanToNum = mutating("nanToNum_", nanToNum);
/** {@link gammaln} in place. */
export const gammaln_: typeof gammaln = mutating("gammaln_", gammaln);
/** {@link polygamma} in place. */
export const polygamma_: typeof polygamma = mutating("polygamma_", polygamma);
/** {@link multigammaln} in place. */
export const multigammaln_: typeof multigammaln = mutating("multigammaln_", multigammaln);

/** What Tensor has of these as methods. */
export const specialMethods = {
  deg2rad,
  frexp,
  gammaln,
  gammaln_,
  logit,
  logit_,
  multigammaln,
  multigammaln_,
  nanToNum,
  nanToNum_,
  polygamma,
  polygamma_,
  positive,
  rad2deg,
  round,
  round_,
  sgn,
  stanh,
};
