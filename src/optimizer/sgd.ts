// SGD: plain gradient descent.

import { namedOptions } from "../core/options.js";
import { sgdOp } from "../ops/optimizer.js";
import { bind } from "../trace/bind.js";
import type { AccumulatorSpec } from "./accumulators.js";
import { Optimizer, type OptimizerOptions, type Update } from "./optimizer.js";

const keys = ["learningRate", "parameters", "weightDecay", "gradClip", "multiPrecision", "name"] as const;

/**
 * `param -= lr * grad`.
 *
 * @example
 * ```ts
 * import { nn, optimizer } from "oarjs";
 * const fc = new nn.Linear(2, 1);
 * const opt = new optimizer.SGD({ learningRate: 0.1, parameters: fc.parameters() });
 * console.log(opt.getLr()); // 0.1
 * ```
 */
export class SGD extends Optimizer {
  constructor(...args: [options: OptimizerOptions] | [learningRate: number, options: OptimizerOptions]) {
    super("SGD", namedOptions<OptimizerOptions>("SGD", args, keys, 0));
  }

  protected override accumulators(): readonly AccumulatorSpec[] {
    return [];
  }

  protected override update(u: Update): void {
    bind(sgdOp, u.operands, u.decay);
  }
}
