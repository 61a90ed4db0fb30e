// ASGD: descent along the mean of the last gradients.

import { InvalidArgumentError } from "../core/errors.js";
import { describe, namedOptions } from "../core/options.js";
import { asgdOp } from "../ops/optimizer-average.js";
import type { Parameter } from "../param/parameter.js";
import { bind } from "../trace/bind.js";
import type { AccumulatorSpec } from "./accumulators.js";
import { Optimizer, type OptimizerOptions, type Update } from "./optimizer.js";

/** Arguments of {@link ASGD}. */
export interface ASGDOptions extends OptimizerOptions {
  /** Number of gradients in the mean: batches of an epoch; 1 by default. */
  readonly batchNum?: number | undefined;
}

const keys = ["learningRate", "batchNum", "parameters", "weightDecay", "gradClip", "multiPrecision", "name"] as const;

/**
 * `d` is the sum of the last batchNum gradients, and `param -= lr * d / min(t, batchNum)`. It keeps batchNum gradients of every
 * parameter.
 *
 * @throws InvalidArgumentError when batchNum is no positive integer.
 * @example
 * new optimizer.ASGD({ learningRate: 1e-3, batchNum: 10, parameters: net.parameters() });
 */
export class ASGD extends Optimizer {
  private readonly batchNum: number;

  constructor(...args: [options: ASGDOptions] | [learningRate: number, options: ASGDOptions]) {
    const o = namedOptions<ASGDOptions>("ASGD", args, keys, 0);
    const { batchNum = 1 } = o;
    if (!Number.isInteger(batchNum) || batchNum < 1)
      throw new InvalidArgumentError(`batchNum must be a positive integer, got ${describe(batchNum)}.`, { op: "ASGD" });
    super("ASGD", o, {}, { sparse: false });
    this.batchNum = batchNum;
  }

  protected override accumulators(p: Parameter): readonly AccumulatorSpec[] {
    return [
      { name: "d", fill: 0 },
      { name: "y", fill: 0, shape: [this.batchNum, ...p.shape] },
      { name: "m", fill: 0, shape: [1], dtype: "int64" },
    ];
  }

  protected override update(u: Update): void {
    bind(asgdOp, [...u.operands, u.state("d"), u.state("y"), u.state("m")], u.decay);
  }
}
