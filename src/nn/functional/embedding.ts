// Paddle's look-ups: embedding, one-hot rows, and the padding of labels.

import { InvalidArgumentError, OutOfRangeError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { sizeOf } from "../../core/shape.js";
import { add } from "../../ops/arithmetic.js";
import { embedding as lookUp, embeddingRenormOp, noPadding } from "../../ops/embedding.js";
import { labelSmooth as smooth, oneHot as oneHotOf, sequenceMask as maskOf } from "../../ops/one-hot.js";
import { max } from "../../ops/reduction.js";
import type { DType } from "../../core/dtype.js";
import type { Tensor } from "../../tensor/tensor.js";
import { bind1 } from "../../trace/bind.js";
import { sizeIn } from "../../trace/size-in.js";
import { assignInto } from "../../trace/inplace.js";
import { withGrad } from "../../trace/tape.js";
import { checkNumbers } from "./checks.js";

/** Options of {@link embedding}. */
export interface EmbeddingOptions {
  /** The id whose row reads as 0 and gets no gradient; negative counts from the last row. Default none. */
  readonly paddingIdx?: number | null | undefined;
  /** Rows that are looked up are first scaled down to this norm, in the table itself. Default: no limit. */
  readonly maxNorm?: number | null | undefined;
  /** Which norm `maxNorm` means. Default 2. */
  readonly normType?: number | undefined;
  /**
   * Makes the table's gradient one of rows: only what the ids name. SGD and lazy Adam and AdamW then touch no other row; everything else
   * sees a dense gradient. Default false.
   */
  readonly sparse?: boolean | undefined;
  /** Divide the gradient of a row by how often its id occurs. Default false. */
  readonly scaleGradByFreq?: boolean | undefined;
}

const keys = ["paddingIdx", "maxNorm", "normType", "sparse", "scaleGradByFreq"] as const;

/** The padding row as a non-negative id. */
export function paddingRow(paddingIdx: number | null | undefined, rows: number): number | undefined {
  if (paddingIdx === undefined || paddingIdx === null) return undefined;
  if (rows === 0 || (Number.isInteger(paddingIdx) && paddingIdx >= -rows && paddingIdx < rows))
    return paddingIdx < 0 ? paddingIdx + rows : paddingIdx;
  throw new OutOfRangeError(`paddingIdx must be within [-${rows}, ${rows}), got ${paddingIdx}.`, { op: "embedding" });
}

/**
 * Rows of a table by their ids: `out[…, :] = weight[x[…], :]`.
 *
 * @param x ids of any shape, int32 or int64
 * @param weight `[rows, columns]`
 * @throws OutOfRangeError for an id outside the table (when few are given; many are kept inside without an error), and for a
 * paddingIdx outside it; InvalidArgumentError when x holds no integers or weight is no table.
 * @example
 * ```ts
 * import { nn, toTensor } from "oarjs";
 * const table = toTensor([[1, 2], [3, 4], [5, 6]]);
 * console.log(await nn.functional.embedding(toTensor([2, 0], { dtype: "int64" }), table).tolist()); // [[5, 6], [1, 2]]
 * ```
 */
export function embedding(x: Tensor, weight: Tensor, ...rest: Trailing<number | null, EmbeddingOptions>): Tensor {
  const o = splitOptions<EmbeddingOptions>("embedding", rest, keys);
  const rows = weight.shape[0] ?? 0;
  const padding = paddingRow(o.paddingIdx, rows) ?? noPadding;
  checkNumbers(x, rows, "embedding");
  if (o.maxNorm && sizeOf(weight.shape) !== 0) renormalize(x, weight, o.maxNorm, o.normType ?? 2);
  if (o.scaleGradByFreq && o.sparse)
    throw new InvalidArgumentError("scaleGradByFreq does not go with a sparse gradient.", { op: "embedding" });
  return lookUp(x, weight, padding, { byFrequency: o.scaleGradByFreq ?? false, sparse: o.sparse ?? false });
}

/** Scales the rows that ids name down to norm `maxNorm`, in place. */
function renormalize(x: Tensor, weight: Tensor, maxNorm: number, p: number): void {
  withGrad(false, () => assignInto(weight, bind1(embeddingRenormOp, [x, weight], { maxNorm, p })));
}

/** Options of {@link oneHot}. */
export interface OneHotOptions {
  /** Number of classes; by default one more than the largest number, which is read at once (in a Program, when it runs). */
  readonly numClasses?: number | undefined;
}

/**
 * A new last axis that is 1 at the class and 0 elsewhere, in float32.
 *
 * @param x class numbers, int32 or int64
 * @throws OutOfRangeError for a number outside [0, numClasses) (when few are given).
 */
export function oneHot(x: Tensor, ...rest: Trailing<number, OneHotOptions>): Tensor {
  const { numClasses = -1 } = splitOptions<OneHotOptions>("one_hot", rest, ["numClasses"]);
  const classes = numClasses === -1 ? largest(x, 1, "one_hot") : numClasses;
  if (!Number.isInteger(classes) || classes < 1)
    throw new InvalidArgumentError(`numClasses must be a positive integer, got ${classes}.`, { op: "one_hot" });
  checkNumbers(x, classes, "one_hot");
  return oneHotOf(x, classes);
}

/** The largest number of a tensor and `more`, read at once; in a Program, when it runs. */
function largest(x: Tensor, more: number, op: string): number {
  const most = max(
    x,
    x.shape.map((_, a) => a),
    false,
  );
  return sizeIn(add(most, more), op);
}

/** Options of {@link labelSmooth}. */
export interface LabelSmoothOptions {
  /** Where labels move to: `[1, classes]`. Default uniform. */
  readonly priorDist?: Tensor | null | undefined;
  /** How far. Default 0.1. */
  readonly epsilon?: number | undefined;
}

/**
 * `(1 - ε) label + ε prior`; classes are the last axis.
 *
 * @throws InvalidArgumentError for an epsilon outside [0, 1].
 */
export function labelSmooth(label: Tensor, ...rest: Trailing<Tensor | null, LabelSmoothOptions>): Tensor {
  const { priorDist, epsilon = 0.1 } = splitOptions<LabelSmoothOptions>("label_smooth", rest, ["priorDist", "epsilon"]);
  if (!(epsilon >= 0 && epsilon <= 1))
    throw new InvalidArgumentError(`epsilon must be within [0, 1], got ${epsilon}.`, { op: "label_smooth" });
  return smooth(label, epsilon, label.shape.at(-1) ?? 1, priorDist ?? undefined);
}

/** Options of {@link sequenceMask}. */
export interface SequenceMaskOptions {
  /** Length of the new axis; by default the largest number, which is read at once (in a Program, when it runs). */
  readonly maxlen?: number | null | undefined;
  /** Default int64. */
  readonly dtype?: DType | undefined;
}

/** `out[…, j] = j < x[…]` as numbers: 1 inside each sequence, 0 behind its end. */
export function sequenceMask(x: Tensor, ...rest: Trailing<number | null, SequenceMaskOptions>): Tensor {
  const { maxlen, dtype = "int64" } = splitOptions<SequenceMaskOptions>("sequence_mask", rest, ["maxlen", "dtype"]);
  const out = maskOf(x, maxlen ?? largest(x, 0, "sequence_mask"), dtype);
  out.stopGradient = true;
  return out;
}
