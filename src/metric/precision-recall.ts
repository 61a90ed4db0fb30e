// Precision and Recall of a binary classifier.

import { InvalidArgumentError } from "../core/errors.js";
import { type Trailing, splitOptions } from "../core/options.js";
import { formatShape } from "../core/shape.js";
import { Metric, type Values, numbersOf } from "./metric.js";

/** Options of {@link Precision} and {@link Recall}. */
export interface NamedMetricOptions {
  /** The metric's name; "precision" or "recall" by default. */
  name?: string | undefined;
}

/**
 * `tp / (tp + fp)`: how many of those taken for positive are. A score counts as positive from 0.5 up (`floor(score + 0.5) = 1`, in
 * the score's own precision).
 *
 * @example
 * const metric = new Precision();
 * metric.update([0.1, 0.5, 0.6, 0.7], [0, 1, 1, 1]);
 * metric.accumulate(); // 1
 */
export class Precision extends Metric {
  /** True positives so far. */
  tp = 0;
  /** False positives so far. */
  fp = 0;
  readonly #name: string;

  constructor(...args: Trailing<string, NamedMetricOptions>) {
    super();
    this.#name = splitOptions<NamedMetricOptions>("Precision", args, ["name"]).name ?? "precision";
  }

  /**
   * Adds a batch.
   *
   * @param preds scores between 0 and 1, `[n]` or `[n, 1]`
   * @param labels 0 or 1 for each
   * @throws InvalidArgumentError when there are not as many labels as scores.
   */
  override update(preds: Values, labels: Values): void {
    for (const [score, label, single] of pairs("Precision.update", preds, labels)) {
      const taken = Math.floor(single ? Math.fround(score + 0.5) : score + 0.5) === 1;
      if (taken && label === 1) this.tp++;
      else if (taken) this.fp++;
    }
  }

  override reset(): void {
    this.tp = 0;
    this.fp = 0;
  }

  override accumulate(): number {
    return this.tp + this.fp === 0 ? 0 : this.tp / (this.tp + this.fp);
  }

  override name(): string {
    return this.#name;
  }
}

/**
 * `tp / (tp + fn)`: how many of the positive are found. A score is rounded to the nearest integer, 0.5 to 0, as in Paddle; so
 * 0.5 itself is negative here and positive for {@link Precision}.
 *
 * @example
 * const metric = new Recall();
 * metric.update([0.1, 0.5, 0.6, 0.7], [1, 0, 1, 1]);
 * metric.accumulate(); // 2 / 3
 */
export class Recall extends Metric {
  /** True positives so far. */
  tp = 0;
  /** False negatives so far. */
  fn = 0;
  readonly #name: string;

  constructor(...args: Trailing<string, NamedMetricOptions>) {
    super();
    this.#name = splitOptions<NamedMetricOptions>("Recall", args, ["name"]).name ?? "recall";
  }

  /**
   * Adds a batch.
   *
   * @param preds scores between 0 and 1, `[n]` or `[n, 1]`
   * @param labels 0 or 1 for each
   * @throws InvalidArgumentError when there are not as many labels as scores.
   */
  override update(preds: Values, labels: Values): void {
    for (const [score, label] of pairs("Recall.update", preds, labels)) {
      if (label !== 1) continue;
      // To the nearest integer, ties to even: 1 for what lies above 0.5 and below 1.5.
      if (score > 0.5 && score < 1.5) this.tp++;
      else this.fn++;
    }
  }

  override reset(): void {
    this.tp = 0;
    this.fn = 0;
  }

  override accumulate(): number {
    return this.tp + this.fn === 0 ? 0 : this.tp / (this.tp + this.fn);
  }

  override name(): string {
    return this.#name;
  }
}

function* pairs(
  api: string,
  preds: Values,
  labels: Values,
): Generator<[score: number, label: number, single: boolean]> {
  const scores = numbersOf(api, "preds", preds);
  const truth = numbersOf(api, "labels", labels);
  if (scores.data.length !== truth.data.length) {
    throw new InvalidArgumentError(
      `there must be one label for each score: preds is ${formatShape(scores.shape)}, labels ${formatShape(truth.shape)}.`,
      { op: api, preds: scores.shape, labels: truth.shape },
    );
  }
  for (let i = 0; i < truth.data.length; i++) yield [scores.data[i]!, truth.data[i]!, scores.single];
}
