// Paddle's functions that draw integers, permutations, categories, and numbers whose distribution is given by tensors.

import { type DType, isFloat, isInt } from "../core/dtype.js";
import { InvalidArgumentError, OutOfRangeError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { broadcastShapes, sameShape } from "../core/shape.js";
import { expand } from "../ops/broadcast.js";
import { cast } from "../ops/cast.js";
import { fullLike } from "../ops/creation.js";
import * as ops from "../ops/random.js";
import { binomial as binomialOf } from "../ops/random-binomial.js";
import * as rejection from "../ops/random-rejection.js";
import { multinomial as multinomialOf } from "../ops/random-samples.js";
import { generatorFor } from "../ops/random-state.js";
import { numbersOf, shapeOf } from "./arguments.js";
import type { ShapeLike } from "./random.js";
import type { Tensor } from "./tensor.js";

/** Options of {@link randint}. */
export interface RandintOptions {
  /** Smallest value, default 0. */
  readonly low?: number | undefined;
  /** End of the range, not included; without it the range is [0, low). */
  readonly high?: number | null | undefined;
  /** Default [1]. */
  readonly shape?: ShapeLike | undefined;
  /** int32 or int64 (default). */
  readonly dtype?: DType | null | undefined;
  readonly name?: string | null | undefined;
}

/** The range [low, high) as Paddle reads it: one number alone is the end. */
function rangeOf(low: number, high: number | null | undefined, op: string): [number, number] {
  if ((high === undefined || high === null) && low <= 0)
    throw new InvalidArgumentError(`without high, low must be greater than 0, got ${low}.`, { op });
  const range: [number, number] = high === undefined || high === null ? [0, low] : [low, high];
  if (!range.every(Number.isSafeInteger))
    throw new InvalidArgumentError(`the range must be of integers, got [${range.join(", ")}).`, { op });
  if (range[0] < range[1]) return range;
  throw new InvalidArgumentError(`low must be less than high, got ${range[0]} and ${range[1]}.`, { op });
}

/**
 * Uniform integers in [low, high), which may be given bare, the shape too; one number alone is `high`.
 *
 * @throws InvalidArgumentError for an empty range or a dtype other than int32 and int64.
 * @example
 * ```ts
 * import { randint, seed } from "oarjs";
 * seed(0);
 * console.log(randint(0, 10, { shape: [2, 3] }).shape); // [2, 3]
 * ```
 */
export function randint(
  ...rest:
    | Trailing<number, RandintOptions>
    | [low: number, high: number | null, options?: RandintOptions]
    | [low: number, high: number | null, shape: ShapeLike, options?: RandintOptions]
): Tensor {
  const keys = ["low", "high", "shape", "dtype", "name"] as const;
  const { low = 0, high, shape = [1], dtype } = splitOptions<RandintOptions>("randint", rest, keys, 3);
  const type = dtype ?? "int64";
  if (type !== "int32" && type !== "int64")
    throw new InvalidArgumentError(`dtype must be int32 or int64, got ${type}.`, { op: "randint", dtype: type });
  const [from, to] = rangeOf(low, high, "randint");
  return ops.randint(shapeOf(shape, "randint"), from, to, type, generatorFor(0, "randint")) as Tensor;
}

/** Uniform integers in the shape of `x`, and its dtype unless given; range as in {@link randint}. */
export function randintLike(
  x: Tensor,
  ...rest: Trailing<number, RandintOptions> | [low: number, high: number | null, options?: RandintOptions]
): Tensor {
  const {
    low = 0,
    high,
    dtype,
  } = splitOptions<RandintOptions>("randintLike", rest, ["low", "high", "dtype", "name"], 2);
  const [from, to] = rangeOf(low, high, "randintLike");
  const made = ops.randint(x, from, to, "int64", generatorFor(0, "randintLike")) as Tensor;
  return cast(made, dtype ?? x.dtype);
}

/** Options of {@link randperm}. */
export interface RandpermOptions {
  /** int64 (default), int32, float32 or float64. */
  readonly dtype?: DType | undefined;
  readonly name?: string | null | undefined;
}

/**
 * The integers from 0 to n - 1 in random order.
 *
 * @throws InvalidArgumentError for a negative n or another dtype.
 * @example
 * ```ts
 * import { randperm } from "oarjs";
 * console.log(randperm(5).shape); // [5]
 * ```
 */
export function randperm(n: number, ...rest: Trailing<DType, RandpermOptions>): Tensor {
  const { dtype = "int64" } = splitOptions<RandpermOptions>("randperm", rest, ["dtype", "name"]);
  if (!Number.isInteger(n) || n < 0)
    throw new InvalidArgumentError(`n must be an integer of 0 or more, got ${n}.`, { op: "randperm" });
  if (!["int64", "int32", "float32", "float64"].includes(dtype))
    throw new InvalidArgumentError(`dtype must be int64, int32, float32 or float64, got ${dtype}.`, {
      op: "randperm",
      dtype,
    });
  return ops.randperm(n, dtype, generatorFor(0, "randperm")) as Tensor;
}

/** Options of {@link bernoulli}. */
export interface BernoulliOptions {
  /** One probability for all elements, in place of x's own. */
  readonly p?: number | null | undefined;
  readonly name?: string | null | undefined;
}

/** 1 with the probability that stands in `x` (or with `p`), else 0. Throws InvalidArgument for a dtype that is no float. */
export function bernoulli(x: Tensor, ...rest: Trailing<number, BernoulliOptions>): Tensor {
  const { p } = splitOptions<BernoulliOptions>("bernoulli", rest, ["p", "name"]);
  if (!isFloat(x.dtype))
    throw new InvalidArgumentError(`needs probabilities, got a tensor of ${x.dtype}.`, { op: "bernoulli" });
  const probabilities = p === undefined || p === null ? x : fullLike(x, p);
  checkProbabilities(probabilities);
  return ops.bernoulli(probabilities, generatorFor(0, "bernoulli")) as Tensor;
}

/** The numbers of a small eager tensor, for checks that would cost too much on a large one: those are drawn from as they are. */
function smallNumbers(x: Tensor): number[] | undefined {
  const plain = x.dtype === "float32" || x.dtype === "float64";
  return x.symbol || !plain || x.size > 256 ? undefined : numbersOf(x);
}

function checkProbabilities(x: Tensor): void {
  const wrong = smallNumbers(x)?.find((p) => !(p >= 0 && p <= 1));
  if (wrong !== undefined)
    throw new OutOfRangeError(`a probability must be from 0 to 1, got ${wrong}.`, { op: "bernoulli", p: wrong });
}

function checkWeights(x: Tensor, samples: number, replacement: boolean): void {
  const all = smallNumbers(x);
  const n = x.shape.at(-1) ?? 0;
  if (!all || n === 0) return;
  for (let row = 0; row < all.length; row += n) {
    const weights = all.slice(row, row + n);
    const used = weights.filter((w) => w > 0).length;
    if (weights.some((w) => !(w >= 0)) || used === 0) {
      throw new InvalidArgumentError("weights must not be negative, and some must be positive.", {
        op: "multinomial",
        row: row / n,
      });
    }
    if (!replacement && used < samples) {
      throw new InvalidArgumentError(`${samples} samples of ${used} categories with a weight, without replacement.`, {
        op: "multinomial",
        hint: "pass { replacement: true }, or fewer samples.",
      });
    }
  }
}

/** Options of {@link multinomial}. */
export interface MultinomialOptions {
  /** Default 1. */
  readonly numSamples?: number | undefined;
  /** Whether a category may come up more than once. Default false. */
  readonly replacement?: boolean | undefined;
  readonly name?: string | null | undefined;
}

/**
 * Categories drawn by weight (not necessarily summing to 1): `x` is one list of weights or one a row; the result is int64.
 *
 * @throws InvalidArgumentError for another rank, or more samples than categories without replacement.
 * @example
 * ```ts
 * import { multinomial, toTensor } from "oarjs";
 * console.log(await multinomial(toTensor([0, 1, 0])).tolist()); // [1]
 * ```
 */
export function multinomial(x: Tensor, ...rest: Trailing<number, MultinomialOptions>): Tensor {
  const keys = ["numSamples", "replacement", "name"] as const;
  const { numSamples = 1, replacement = false } = splitOptions<MultinomialOptions>("multinomial", rest, keys);
  checkWeights(x, numSamples, replacement);
  return multinomialOf(x, numSamples, replacement, generatorFor(0, "multinomial")) as Tensor;
}

/** Poisson numbers whose means stand in `x`, of its dtype. */
export const poisson = (x: Tensor): Tensor => rejection.poisson(x, generatorFor(0, "poisson"));

/** Gamma numbers of scale 1 whose shapes stand in `x`, of its dtype. */
export const standardGamma = (x: Tensor): Tensor => rejection.standardGamma(x, generatorFor(0, "standard_gamma"));

/** Successes in `count` trials of probability `prob`, broadcast; int64. Throws InvalidArgument unless prob is a float. */
export function binomial(count: Tensor, prob: Tensor): Tensor {
  if (!isFloat(prob.dtype) || !(isInt(count.dtype) || isFloat(count.dtype)))
    throw new InvalidArgumentError(`needs counts and probabilities, got ${count.dtype} and ${prob.dtype}.`, {
      op: "binomial",
    });
  const shape = broadcastShapes(count.shape, prob.shape, "binomial");
  const wide = (x: Tensor): Tensor => (sameShape(x.shape, shape) ? x : expand(x, shape));
  return binomialOf(wide(cast(count, prob.dtype)), wide(prob), generatorFor(0, "binomial")) as Tensor;
}

/** What Tensor has of these as methods. */
export const discreteRandomMethods = { bernoulli, multinomial };
