// Paddle's distances: of pairs of rows, cosine similarity, and scaling to length 1.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { normalizeAxis } from "../../core/shape.js";
import { add, divide, multiply, subtract } from "../../ops/arithmetic.js";
import { maximum } from "../../ops/comparison.js";
import { sqrt } from "../../ops/exponential.js";
import { pNorm } from "../../ops/p-norm.js";
import { sumOver } from "../../ops/reduction.js";
import type { Tensor } from "../../tensor/tensor.js";

/** Options of {@link pairwiseDistance}. */
export interface PairwiseDistanceOptions {
  /** Which norm; may be Infinity or -Infinity. Default 2. */
  readonly p?: number | undefined;
  /** Added to the differences. Default 1e-6. */
  readonly epsilon?: number | undefined;
  /** Keep the last axis with extent 1. Default false. */
  readonly keepdim?: boolean | undefined;
}

/**
 * The p-norm of `x - y + ε` along the last axis.
 *
 * @param x `[…, D]`
 * @param y a shape that broadcasts with x's
 */
export function pairwiseDistance(x: Tensor, y: Tensor, ...rest: Trailing<number, PairwiseDistanceOptions>): Tensor {
  const o = splitOptions<PairwiseDistanceOptions>("pairwise_distance", rest, ["p", "epsilon", "keepdim"]);
  const epsilon = o.epsilon ?? 1e-6;
  const difference = subtract(x, y);
  const moved = epsilon === 0 ? difference : add(difference, epsilon);
  return pNorm(moved, o.p ?? 2, [moved.shape.length - 1], o.keepdim ?? false);
}

/** Options of {@link cosineSimilarity}. */
export interface CosineSimilarityOptions {
  /** Default 1. */
  readonly axis?: number | undefined;
  /** The least product of the lengths. Default 1e-8. */
  readonly eps?: number | undefined;
}

/**
 * `Σ x1 x2 / max(|x1| |x2|, ε)` along an axis.
 *
 * @param x1 any shape
 * @param x2 a shape that broadcasts with x1's
 */
export function cosineSimilarity(x1: Tensor, x2: Tensor, ...rest: Trailing<number, CosineSimilarityOptions>): Tensor {
  const o = splitOptions<CosineSimilarityOptions>("cosine_similarity", rest, ["axis", "eps"]);
  const [axis, eps] = [o.axis ?? 1, o.eps ?? 1e-8];
  const along = (x: Tensor): Tensor => sumOver(x, [normalizeAxis(axis, x.shape.length, "cosine_similarity")], false);
  const [n1, n2] = [x1, x2].map((x) => x.shape[normalizeAxis(axis, x.shape.length, "cosine_similarity")]!) as [
    number,
    number,
  ];
  const dot = along(multiply(x1, x2));
  if (n1 === 0 || n2 === 0) return dot;
  // An axis of extent 1 is repeated by broadcasting: so are its squares.
  const length = (x: Tensor, n: number): Tensor => {
    const squares = along(multiply(x, x));
    return n === Math.max(n1, n2) ? squares : multiply(squares, Math.max(n1, n2) / n);
  };
  return divide(dot, sqrt(maximum<Tensor>(multiply(length(x1, n1), length(x2, n2)), eps * eps)));
}

/** Options of {@link normalize}. */
export interface NormalizeOptions {
  /** Which norm. Default 2. */
  readonly p?: number | undefined;
  /** Default 1. */
  readonly axis?: number | undefined;
  /** The least length. Default 1e-12. */
  readonly epsilon?: number | undefined;
}

/**
 * `x / max(‖x‖_p, ε)` along an axis.
 *
 * @throws InvalidArgumentError for a tensor of one axis with an axis that it has not (the default is 1).
 */
export function normalize(x: Tensor, ...rest: Trailing<number, NormalizeOptions>): Tensor {
  const {
    p = 2,
    axis = 1,
    epsilon = 1e-12,
  } = splitOptions<NormalizeOptions>("normalize", rest, ["p", "axis", "epsilon"]);
  if (x.shape.length === 1 && axis !== 0 && axis !== -1)
    throw new InvalidArgumentError(`a tensor of one axis has axis 0 or -1, not ${axis}.`, { op: "normalize", axis });
  const length = pNorm(x, p, [normalizeAxis(axis, x.shape.length, "normalize")], true);
  return divide(x, maximum<Tensor>(length, epsilon));
}
