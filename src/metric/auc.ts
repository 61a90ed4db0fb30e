// Auc: the area under the ROC curve of a binary classifier, from a histogram of its scores.

import { InvalidArgumentError, OutOfRangeError, UnimplementedError } from "../core/errors.js";
import { type Trailing, splitOptions } from "../core/options.js";
import { formatShape } from "../core/shape.js";
import { Metric, type Values, numbersOf } from "./metric.js";

/** Options of {@link Auc}. */
export interface AucOptions {
  /** The curve: "ROC". Paddle's "PR" computes ROC too; here it is refused. */
  curve?: "ROC" | undefined;
  /** Bins of the histogram less one; 4095 by default. */
  numThresholds?: number | undefined;
  /** The metric's name; "auc" by default. */
  name?: string | undefined;
}

/**
 * Area under the ROC curve: scores fall into `numThresholds + 1` bins, the curve is the polygon through the bins' counts.
 *
 * @throws InvalidArgumentError when numThresholds is no positive integer, UnimplementedError for another curve.
 * @example
 * const metric = new Auc();
 * metric.update({ shape: [2, 2], data: [0.3, 0.7, 0.6, 0.4] }, [1, 0]);
 * metric.accumulate(); // 1
 */
export class Auc extends Metric {
  readonly numThresholds: number;
  #positive = new Float64Array(0);
  #negative = new Float64Array(0);
  readonly #name: string;

  constructor(...args: Trailing<"ROC", AucOptions>) {
    super();
    const o = splitOptions<AucOptions>("Auc", args, ["curve", "numThresholds", "name"]);
    const { curve = "ROC", numThresholds = 4095, name = "auc" } = o;
    if (curve !== "ROC") throw new UnimplementedError(`curve ${JSON.stringify(curve)} is not computed.`, { op: "Auc" });
    if (!Number.isInteger(numThresholds) || numThresholds <= 0) {
      throw new InvalidArgumentError(`numThresholds must be a positive integer, got ${numThresholds}.`, { op: "Auc" });
    }
    this.numThresholds = numThresholds;
    this.#name = name;
    this.reset();
  }

  /**
   * Adds a batch.
   *
   * @param preds probabilities of both classes, `[n, 2]`; the second is the score
   * @param labels 0, or anything else for positive, `[n]` or `[n, 1]`
   * @throws InvalidArgumentError on other shapes, OutOfRangeError for a score outside [0, 1].
   */
  override update(preds: Values, labels: Values): void {
    const { shape, data, single } = numbersOf("Auc.update", "preds", preds);
    const truth = numbersOf("Auc.update", "labels", labels);
    if (shape.length !== 2 || shape[1]! < 2 || truth.data.length !== shape[0]) {
      throw new InvalidArgumentError(
        `preds must be [n, 2] and labels [n] or [n, 1], got ${formatShape(shape)} and ${formatShape(truth.shape)}.`,
        { op: "Auc.update", preds: shape, labels: truth.shape },
      );
    }
    for (let i = 0; i < truth.data.length; i++) {
      const score = data[i * shape[1]! + 1]!;
      if (!(score >= 0 && score <= 1)) {
        throw new OutOfRangeError(`score ${score} of sample ${i} is outside [0, 1].`, { op: "Auc.update", index: i });
      }
      const scaled = score * this.numThresholds;
      const bin = Math.floor(single ? Math.fround(scaled) : scaled);
      const counts = truth.data[i] === 0 ? this.#negative : this.#positive;
      counts[bin]! += 1;
    }
  }

  override reset(): void {
    this.#positive = new Float64Array(this.numThresholds + 1);
    this.#negative = new Float64Array(this.numThresholds + 1);
  }

  /** The area so far; 0 while there are not both positive and negative samples. */
  override accumulate(): number {
    let [positive, negative, area] = [0, 0, 0];
    for (let bin = this.numThresholds; bin >= 0; bin--) {
      const more = this.#negative[bin]!;
      // A trapezoid between the true positives before and after this bin.
      area += (more * (2 * positive + this.#positive[bin]!)) / 2;
      positive += this.#positive[bin]!;
      negative += more;
    }
    return positive > 0 && negative > 0 ? area / positive / negative : 0;
  }

  override name(): string {
    return this.#name;
  }
}
