// Paddle's methods that fill a tensor with random numbers in place.

import { type DType, isComplex, isFloat } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { add, divide, multiply, neg, subtract } from "../ops/arithmetic.js";
import { exp, log, log1p } from "../ops/exponential.js";
import * as ops from "../ops/random.js";
import { exponential, random } from "../ops/random-samples.js";
import { generatorFor } from "../ops/random-state.js";
import { tan } from "../ops/trigonometric.js";
import { cast } from "../ops/cast.js";
import { bernoulliFrom } from "../ops/random-dropout.js";
import type { Value } from "../program/value.js";
import { inplace } from "../trace/inplace.js";
import { gaussianOf } from "./random.js";
import type { Tensor } from "./tensor.js";

/** `x` filled with what `fill` gives of its former self; InvalidArgument unless it holds floating-point numbers. */
function filled(x: Tensor, op: string, fill: (former: Tensor) => Value, complex = false): Tensor {
  if (!isFloat(x.dtype) && !(complex && isComplex(x.dtype)))
    throw new InvalidArgumentError(`needs a floating-point tensor, got ${x.dtype}.`, { op, dtype: x.dtype });
  return inplace(x, op, fill);
}

/** Options of {@link uniform_}. */
export interface UniformInplaceOptions {
  /** Smallest value, default 0. */
  readonly min?: number | undefined;
  /** End of the interval, default 1. */
  readonly max?: number | undefined;
  /** A seed of its own; 0, the default, draws from the common stream. */
  readonly seed?: number | undefined;
  readonly name?: string | null | undefined;
}

/**
 * Fills with uniform numbers in [min, max), which may be given bare.
 *
 * @example
 * ```ts
 * import { zeros } from "oarjs";
 * zeros([2, 3]).uniform_(-1, 1);
 * ```
 */
export function uniform_(
  x: Tensor,
  ...rest: Trailing<number, UniformInplaceOptions> | [min: number, max: number, options?: UniformInplaceOptions]
): Tensor {
  const keys = ["min", "max", "seed", "name"] as const;
  const { min = 0, max = 1, seed = 0 } = splitOptions<UniformInplaceOptions>("uniform_", rest, keys, 2);
  return filled(x, "uniform_", (former) => ops.uniform(former, min, max, x.dtype, generatorFor(seed, "uniform_")));
}

/** Options of {@link normal_}, {@link gaussian_} and {@link logNormal_}. */
export interface NormalInplaceOptions {
  readonly mean?: number | undefined;
  /** Standard deviation. */
  readonly std?: number | undefined;
  readonly name?: string | null | undefined;
}

/** Fills with normal numbers of mean 0 and deviation 1 unless given. */
export function normal_(x: Tensor, ...rest: Trailing<number, NormalInplaceOptions>): Tensor {
  const { mean = 0, std = 1 } = splitOptions<NormalInplaceOptions>("normal_", rest, ["mean", "std", "name"]);
  const fill = (former: Tensor) => gaussianOf(former, mean, std, x.dtype, generatorFor(0, "normal_"));
  return filled(x, "normal_", fill, true);
}

/** {@link normal_} with a seed. */
export function gaussian_(
  x: Tensor,
  ...rest: Trailing<number, NormalInplaceOptions & { seed?: number | undefined }>
): Tensor {
  const {
    mean = 0,
    std = 1,
    seed = 0,
  } = splitOptions<NormalInplaceOptions & { seed?: number | undefined }>("gaussian_", rest, [
    "mean",
    "std",
    "seed",
    "name",
  ]);
  const fill = (former: Tensor) => gaussianOf(former, mean, std, x.dtype, generatorFor(seed, "gaussian_"));
  return filled(x, "gaussian_", fill, true);
}

/** Fills with `e^n`, n normal of mean 1 and deviation 2 unless given. */
export function logNormal_(x: Tensor, ...rest: Trailing<number, NormalInplaceOptions>): Tensor {
  const { mean = 1, std = 2 } = splitOptions<NormalInplaceOptions>("logNormal_", rest, ["mean", "std", "name"]);
  return filled(x, "logNormal_", (former) =>
    exp(gaussianOf(former, mean, std, x.dtype, generatorFor(0, "logNormal_"))),
  );
}

/** Options of {@link bernoulli_}. */
export interface BernoulliInplaceOptions {
  /** Probability of 1, default 0.5; a tensor broadcasts. */
  readonly p?: number | Tensor | undefined;
  readonly name?: string | null | undefined;
}

/** Fills with 1 (probability p) and 0. */
export function bernoulli_(x: Tensor, ...rest: Trailing<number | Tensor, BernoulliInplaceOptions>): Tensor {
  const { p = 0.5 } = splitOptions<BernoulliInplaceOptions>("bernoulli_", rest, ["p", "name"]);
  return filled(x, "bernoulli_", (former) =>
    bernoulliFrom(ops.uniform(former, 0, 1, x.dtype, generatorFor(0, "bernoulli_")), p),
  );
}

/** Options of {@link exponential_}. */
export interface ExponentialOptions {
  /** The rate, default 1. */
  readonly lam?: number | undefined;
  readonly name?: string | null | undefined;
}

/** Fills with exponential numbers of rate `lam`. */
export function exponential_(x: Tensor, ...rest: Trailing<number, ExponentialOptions>): Tensor {
  const { lam = 1 } = splitOptions<ExponentialOptions>("exponential_", rest, ["lam", "name"]);
  return filled(x, "exponential_", (former) => exponential(former, lam, generatorFor(0, "exponential_")));
}

/** Options of {@link random_}. */
export interface RandomInplaceOptions {
  /** Smallest value, default 0. */
  readonly from_?: number | bigint | undefined;
  /** End of the range, not included; by default all integers the dtype holds exactly. */
  readonly to?: number | bigint | null | undefined;
}

/** 2 to the number of significant bits for floats, the largest value for integers. */
const wholeRange: Readonly<Partial<Record<DType, bigint>>> = {
  float32: 2n ** 24n,
  float64: 2n ** 53n,
  float16: 2n ** 11n,
  bfloat16: 2n ** 8n,
  uint8: 2n ** 8n - 1n,
  int8: 2n ** 7n - 1n,
  int16: 2n ** 15n - 1n,
  int32: 2n ** 31n - 1n,
  int64: 2n ** 63n - 1n,
};

/** Fills with integers in [from_, to); a bare number alone is the end. Throws InvalidArgument for an empty range. */
export function random_(x: Tensor, ...rest: Trailing<number | bigint, RandomInplaceOptions>): Tensor {
  const { from_ = 0, to } = splitOptions<RandomInplaceOptions>("random_", rest, ["from_", "to"]);
  const all = wholeRange[x.dtype];
  if (all === undefined) throw new InvalidArgumentError(`cannot fill ${x.dtype} with integers.`, { op: "random_" });
  const start = BigInt(from_);
  const alone = to === undefined || to === null;
  const [from, end] = alone ? (start === 0n ? [0n, all] : [0n, start]) : [start, BigInt(to)];
  if (from >= end)
    throw new InvalidArgumentError(`from_ must be less than to, got ${from} and ${end}.`, { op: "random_" });
  return inplace(x, "random_", (former) => random(former, from, end, generatorFor(0, "random_")));
}

/** Options of {@link cauchy_}. */
export interface CauchyOptions {
  /** Default 0. */
  readonly loc?: number | Tensor | undefined;
  /** Default 1. */
  readonly scale?: number | undefined;
  readonly name?: string | null | undefined;
}

/** Fills with `tan(π (n - 1/2)) scale + loc`, n standard normal: what Paddle's `cauchy_` computes. */
export function cauchy_(x: Tensor, ...rest: Trailing<number | Tensor, CauchyOptions>): Tensor {
  const { loc = 0, scale = 1 } = splitOptions<CauchyOptions>("cauchy_", rest, ["loc", "scale", "name"]);
  return filled(x, "cauchy_", (former) => {
    const n = gaussianOf(former, 0, 1, x.dtype, generatorFor(0, "cauchy_"));
    return add(multiply(tan(multiply(subtract(n, 0.5), Math.PI)), scale), loc);
  });
}

/** Smallest normal number of a float dtype, as Paddle's attribute of 32 bits holds it. */
const tiny: Readonly<Partial<Record<DType, number>>> = {
  float16: 2 ** -14,
  bfloat16: 2 ** -126,
  float32: 2 ** -126,
  float64: 0,
};

/** Fills with `ln u / ln(1 - probs)`, u uniform in (0, 1): Paddle's `geometric_`, which rounds nothing. */
export function geometric_(x: Tensor, probs: number | Tensor): Tensor {
  return filled(x, "geometric_", (former) => {
    const u = ops.uniform(former, tiny[x.dtype]!, 1, x.dtype, generatorFor(0, "geometric_")) as Tensor;
    return divide(log(u), typeof probs === "number" ? Math.log1p(-probs) : log1p(neg(cast(probs, x.dtype))));
  });
}

/** What Tensor has of these as methods. */
export const randomInplaceMethods = {
  uniform_,
  normal_,
  gaussian_,
  logNormal_,
  bernoulli_,
  exponential_,
  random_,
  cauchy_,
  geometric_,
};
