// Paddle's functions that make tensors of random numbers, in the streams of Paddle's CPU kernels.

import { type DType, isComplex, isFloat } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { getDefaultDtype } from "../core/promotion.js";
import type { Shape } from "../core/shape.js";
import { add, multiply } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import * as ops from "../ops/random.js";
import { gaussianComplex } from "../ops/random-complex.js";
import { generatorFor } from "../ops/random-state.js";
import { truncatedGaussian } from "../ops/random-truncated.js";
import { exp } from "../ops/exponential.js";
import { reshapeLike } from "../ops/views.js";
import { Value } from "../program/value.js";
import { type IntsLike, shapeOf } from "./arguments.js";
import type { Tensor } from "./tensor.js";

/** A shape: integers, a tensor of one axis, or one extent. */
export type ShapeLike = IntsLike | number;

/** Options of random functions that take a shape. */
export interface RandomOptions {
  /** A floating-point or complex type; the default dtype unless given. */
  readonly dtype?: DType | null | undefined;
  /** Accepted for Paddle's sake. */
  readonly name?: string | null | undefined;
  /** True: gradients are computed for the result. */
  readonly requiresGrad?: boolean | undefined;
}

const randomKeys = ["dtype", "name", "requiresGrad"] as const;

function floatDtype(dtype: DType | null | undefined, op: string): DType {
  const chosen = dtype ?? getDefaultDtype();
  if (isFloat(chosen) || isComplex(chosen)) return chosen;
  throw new InvalidArgumentError(`random numbers of ${chosen} are not made here.`, {
    op,
    dtype: chosen,
    hint: "use randint, or cast the result.",
  });
}

/** Normal numbers of a real or complex dtype. */
export const gaussianOf = (from: Shape | Tensor, mean: number, std: number, dtype: DType, state: Value): Tensor =>
  (isComplex(dtype) ? gaussianComplex : ops.gaussian)(from, mean, std, dtype, state) as Tensor;

const withGradient = (x: Tensor, requiresGrad: boolean | undefined): Tensor => {
  if (requiresGrad === true) x.stopGradient = false;
  return x;
};

/**
 * Uniform numbers in [0, 1).
 *
 * @throws InvalidArgumentError for a negative extent or a dtype that is not floating-point or complex.
 * @example
 * ```ts
 * import { rand, seed } from "oarjs";
 * seed(0);
 * console.log(await rand([2]).tolist()); // [0.3123345971107483, 0.1266777664422989]
 * ```
 */
export function rand(shape: ShapeLike, ...rest: Trailing<DType, RandomOptions>): Tensor {
  const { dtype, requiresGrad } = splitOptions<RandomOptions>("rand", rest, randomKeys);
  const type = floatDtype(dtype, "rand");
  return withGradient(ops.uniform(shapeOf(shape, "rand"), 0, 1, type, generatorFor(0, "rand")) as Tensor, requiresGrad);
}

/** {@link rand} in the shape of `x`, and its dtype unless given. */
export function randLike(x: Tensor, ...rest: Trailing<string | null, RandomOptions>): Tensor {
  const o = splitOptions<RandomOptions>("randLike", rest, ["name", "dtype", "requiresGrad"]);
  const type = floatDtype(o.dtype ?? x.dtype, "randLike");
  return withGradient(ops.uniform(x, 0, 1, type, generatorFor(0, "randLike")) as Tensor, o.requiresGrad);
}

/**
 * Standard normal numbers.
 *
 * @throws InvalidArgumentError for a negative extent or a dtype that is not floating-point or complex.
 * @example
 * ```ts
 * import { randn, seed } from "oarjs";
 * seed(0);
 * console.log(randn([2, 3]).shape); // [2, 3]
 * ```
 */
export function randn(shape: ShapeLike, ...rest: Trailing<DType, RandomOptions>): Tensor {
  const { dtype, requiresGrad } = splitOptions<RandomOptions>("randn", rest, randomKeys);
  return withGradient(gaussian(shape, { dtype }), requiresGrad);
}

/** {@link randn} in the shape of `x`, and its dtype unless given. */
export function randnLike(x: Tensor, ...rest: Trailing<DType, RandomOptions>): Tensor {
  const { dtype, requiresGrad } = splitOptions<RandomOptions>("randnLike", rest, randomKeys);
  const type = floatDtype(dtype ?? x.dtype, "randnLike");
  return withGradient(gaussianOf(x, 0, 1, type, generatorFor(0, "randnLike")), requiresGrad);
}

/** Standard normal numbers; {@link randn}. */
export function standardNormal(shape: ShapeLike, ...rest: Trailing<DType, RandomOptions>): Tensor {
  const { dtype, requiresGrad } = splitOptions<RandomOptions>("standardNormal", rest, randomKeys);
  return withGradient(gaussian(shape, { dtype }), requiresGrad);
}

/** Options of {@link gaussian}. */
export interface GaussianOptions extends RandomOptions {
  /** Default 0. */
  readonly mean?: number | undefined;
  /** Standard deviation, default 1. */
  readonly std?: number | undefined;
  /** A seed of its own; 0, the default, draws from the common stream. */
  readonly seed?: number | undefined;
}

/**
 * Normal numbers of any mean and deviation. For complex dtypes the deviation is that of both parts together.
 *
 * @example
 * ```ts
 * import { gaussian } from "oarjs";
 * console.log(gaussian([2, 3], 0, 0.02, { seed: 7 }).shape); // [2, 3]
 * ```
 */
export function gaussian(
  shape: ShapeLike,
  ...rest: Trailing<number, GaussianOptions> | [mean: number, std: number, options?: GaussianOptions]
): Tensor {
  const keys = ["mean", "std", "seed", "dtype", "name", "requiresGrad"] as const;
  const { mean = 0, std = 1, seed = 0, ...o } = splitOptions<GaussianOptions>("gaussian", rest, keys, 2);
  const type = floatDtype(o.dtype, "gaussian");
  const made = gaussianOf(shapeOf(shape, "gaussian"), mean, std, type, generatorFor(seed, "gaussian"));
  return withGradient(made, o.requiresGrad);
}

/** Options of {@link normal} and {@link logNormal}. */
export interface NormalOptions {
  readonly mean?: number | Tensor | undefined;
  /** Standard deviation. */
  readonly std?: number | Tensor | undefined;
  /** The result's shape, where neither mean nor std is a tensor. */
  readonly shape?: ShapeLike | null | undefined;
  /** Accepted for Paddle's sake. */
  readonly name?: string | null | undefined;
}

/**
 * Normal numbers: of one mean and deviation in `shape`, or one number for each element of a tensor of means or deviations, which then get
 * gradients.
 *
 * @throws InvalidArgumentError without a shape or a tensor.
 * @example
 * ```ts
 * import { normal } from "oarjs";
 * console.log(normal({ mean: 1, std: 0.5, shape: [4] }).shape); // [4]
 * ```
 */
export function normal(...rest: Trailing<number | Tensor, NormalOptions>): Tensor {
  const { mean = 0, std = 1, shape } = splitOptions<NormalOptions>("normal", rest, ["mean", "std", "shape", "name"]);
  return normalOf(mean, std, shape, "normal");
}

function normalOf(
  mean: number | Tensor,
  std: number | Tensor,
  shape: ShapeLike | null | undefined,
  op: string,
): Tensor {
  const like = mean instanceof Value ? mean : std instanceof Value ? std : undefined;
  if (like) {
    const standard = gaussianOf(like, 0, 1, floatDtype(like.dtype, op), generatorFor(0, op));
    const wide = std instanceof Value && std !== like ? reshapeLike(cast(std, like.dtype), like) : std;
    return add(multiply(standard, wide), mean);
  }
  if (shape === undefined || shape === null)
    throw new InvalidArgumentError("needs a shape, or a tensor as mean or std.", { op, hint: "{ shape: [2, 3] }" });
  return gaussian(shape, mean as number, std as number);
}

/** `e^n`, n normal of mean 1 and deviation 2 unless given; otherwise as {@link normal}. */
export function logNormal(...rest: Trailing<number | Tensor, NormalOptions>): Tensor {
  const keys = ["mean", "std", "shape", "name"] as const;
  const { mean = 1, std = 2, shape } = splitOptions<NormalOptions>("logNormal", rest, keys);
  return exp(normalOf(mean, std, shape, "logNormal"));
}

/** Options of {@link uniform}. */
export interface UniformOptions extends RandomOptions {
  /** Smallest value, default 0. */
  readonly min?: number | undefined;
  /** End of the interval, default 1. */
  readonly max?: number | undefined;
  /** A seed of its own; 0, the default, draws from the common stream. */
  readonly seed?: number | undefined;
}

/**
 * Uniform numbers in [min, max), which may be given bare.
 *
 * @throws InvalidArgumentError for a negative extent or a dtype that is not floating-point or complex.
 * @example
 * ```ts
 * import { uniform } from "oarjs";
 * console.log(uniform([2, 3], -1, 1).shape); // [2, 3]
 * ```
 */
export function uniform(
  shape: ShapeLike,
  ...rest: Trailing<DType | number, UniformOptions> | [min: number, max: number, options?: UniformOptions]
): Tensor {
  // Paddle's first defaulted parameter is the dtype; numbers in its place are the bounds.
  const first = typeof rest[0] === "string" ? "dtype" : "min";
  const keys = [...new Set([first, "min", "max", "dtype", "seed", "name", "requiresGrad"] as const)];
  const {
    min = 0,
    max = 1,
    seed = 0,
    ...o
  } = splitOptions<UniformOptions>("uniform", rest, keys, first === "min" ? 2 : 1);
  const type = floatDtype(o.dtype, "uniform");
  const made = ops.uniform(shapeOf(shape, "uniform"), min, max, type, generatorFor(seed, "uniform")) as Tensor;
  return withGradient(made, o.requiresGrad);
}

/**
 * Normal numbers restricted to [a, b] (values, not deviations), by inverting the distribution function.
 *
 * @throws InvalidArgumentError unless the dtype is float32, float64 or bfloat16.
 */
export function truncatedGaussianRandom(
  shape: ShapeLike,
  mean: number,
  std: number,
  a: number,
  b: number,
  options: Pick<GaussianOptions, "seed" | "dtype"> = {},
): Tensor {
  const { seed = 0, dtype } = splitOptions<Pick<GaussianOptions, "seed" | "dtype">>(
    "truncatedGaussianRandom",
    [options],
    ["seed", "dtype"],
  );
  const type = floatDtype(dtype, "truncatedGaussianRandom");
  const state = generatorFor(seed, "truncatedGaussianRandom");
  return truncatedGaussian(shapeOf(shape, "truncatedGaussianRandom"), mean, std, a, b, type, state) as Tensor;
}
