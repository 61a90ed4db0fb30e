// Accuracy: the share of samples whose label is among the k highest scores.

import { InvalidArgumentError } from "../core/errors.js";
import { type NdArray, ndArray } from "../core/nd-array.js";
import { type Trailing, splitOptions } from "../core/options.js";
import { formatShape, sameShape, sizeOf } from "../core/shape.js";
import { Metric, type Numbers, type Values, numbersOf } from "./metric.js";

/** Options of {@link Accuracy}. */
export interface AccuracyOptions {
  /** For each k, whether the label is among the k highest scores; [1] by default. */
  topk?: readonly number[] | undefined;
  /** Name, followed by `_top1` and so on unless topk is [1]; "acc" by default. */
  name?: string | null | undefined;
}

/**
 * Top-k accuracy.
 *
 * @throws InvalidArgumentError when topk holds no positive integers.
 * @example
 * const metric = new Accuracy([1, 5]);
 * metric.update(metric.compute(scores, labels));
 * metric.accumulate(); // [top 1, top 5]
 */
export class Accuracy extends Metric {
  readonly topk: readonly number[];
  readonly maxk: number;
  /** Correct samples so far, for each k. */
  total: number[] = [];
  /** Samples so far, for each k. */
  count: number[] = [];
  readonly #names: string[];

  constructor(...args: Trailing<readonly number[], AccuracyOptions>) {
    super();
    const o = splitOptions<AccuracyOptions>("Accuracy", args, ["topk", "name"]);
    const topk = o.topk ?? [1];
    if (!Array.isArray(topk) || topk.length === 0 || !topk.every((k) => Number.isInteger(k) && k > 0)) {
      throw new InvalidArgumentError(`topk must be a list of positive integers, got ${String(topk)}.`, {
        op: "Accuracy",
      });
    }
    this.topk = [...topk];
    this.maxk = Math.max(...topk);
    const name = o.name ?? "acc";
    this.#names = this.maxk === 1 ? [name] : topk.map((k) => `${name}_top${k}`);
    this.reset();
  }

  /**
   * Which of the highest scores are the label's.
   *
   * @param pred scores, `[batch, …, classes]`
   * @param label class numbers, `[batch]` or `[batch, …, 1]`, or one-hot, `[batch, …, classes]`
   * @returns float32 `[batch, …, min(maxk, classes)]`, 1 where the score of that rank is the label's
   * @throws InvalidArgumentError when there is not one label for each row of scores.
   */
  override compute(pred: Values, label: Values): NdArray<"float32"> {
    const scores = numbersOf("Accuracy.compute", "pred", pred);
    const classes = scores.shape.at(-1) ?? 0;
    const rows = sizeOf(scores.shape.slice(0, -1));
    const labels = classNumbers(scores, numbersOf("Accuracy.compute", "label", label));
    const k = Math.min(this.maxk, classes);
    const mask = new Float32Array(rows * k);
    for (let row = 0; row < rows; row++) {
      const rank = rankOf(scores.data, row * classes, classes, labels[row]!);
      if (rank < k) mask[row * k + rank] = 1;
    }
    return ndArray("float32", [...scores.shape.slice(0, -1), k], mask);
  }

  /**
   * Adds a batch.
   *
   * @param correct what {@link Accuracy.compute} gave
   * @returns the batch's accuracy, one for each k where there are several
   */
  override update(correct: Values): number | number[] {
    const { shape, data } = numbersOf("Accuracy.update", "correct", correct);
    const width = shape.at(-1) ?? 1;
    const samples = sizeOf(shape.slice(0, -1));
    const accuracies = this.topk.map((k, i) => {
      let hits = 0;
      for (let at = 0; at < data.length; at++) if (at % width < k) hits += data[at]!;
      this.total[i]! += hits;
      this.count[i]! += samples;
      return hits / samples;
    });
    return accuracies.length === 1 ? accuracies[0]! : accuracies;
  }

  override reset(): void {
    this.total = this.topk.map(() => 0);
    this.count = this.topk.map(() => 0);
  }

  override accumulate(): number | number[] {
    const shares = this.total.map((total, i) => (this.count[i]! > 0 ? total / this.count[i]! : 0));
    return shares.length === 1 ? shares[0]! : shares;
  }

  override name(): string[] {
    return this.#names;
  }
}

/** The label of each row of scores; of one-hot labels the place of the highest. */
function classNumbers(scores: Numbers, { shape, data }: Numbers): ArrayLike<number> {
  const rows = scores.shape.slice(0, -1);
  const width = shape.at(-1);
  if (shape.length === 1 || width === 1) {
    if (data.length === sizeOf(rows)) return data;
  } else if (width !== undefined && sameShape(shape.slice(0, -1), rows)) {
    return Array.from({ length: sizeOf(rows) }, (_, row) => highest(data, row * width, width));
  }
  throw new InvalidArgumentError(
    `there must be one label for each row of scores: pred is ${formatShape(scores.shape)}, label ${formatShape(shape)}.`,
    { op: "Accuracy.compute", pred: scores.shape, label: shape },
  );
}

function highest(data: ArrayLike<number>, start: number, width: number): number {
  let best = 0;
  for (let i = 1; i < width; i++) if (data[start + i]! > data[start + best]!) best = i;
  return best;
}

/**
 * How many scores of a row come before that of class `label` in a stable descending sort, where NaN is highest; all of them
 * when there is no such class.
 */
function rankOf(scores: ArrayLike<number>, start: number, classes: number, label: number): number {
  if (!(label >= 0 && label < classes)) return classes;
  const own = scores[start + label]!;
  let before = 0;
  for (let i = 0; i < classes; i++) {
    const other = scores[start + i]!;
    const equal = other === own || (Number.isNaN(other) && Number.isNaN(own));
    if (equal ? i < label : !Number.isNaN(own) && (other > own || Number.isNaN(other))) before++;
  }
  return before;
}
