// SGD: plain gradient descent.

import { namedOptions } from "../core/options.js";
import { sgdOp } from "../ops/optimizer.js";
import { sgdRowsOp } from "../ops/optimizer-rows.js";
import { bind } from "../trace/bind.js";
import type { AccumulatorSpec } from "./accumulators.js";
import { Optimizer, type OptimizerOptions, type Update } from "./optimizer.js";

const keys = ["learningRate", "parameters", "weightDecay", "gradClip", "multiPrecision", "name"] as const;

/**
 * `param -= lr * grad`; of a sparse gradient only in the rows it names, unless weight decay moves the others.
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

  protected override isLazy(): boolean {
    return true;
  }

  protected override update(u: Update): void {
    const [param, , lr, scale] = u.operands;
    if (u.rows) bind(sgdRowsOp, [param, u.rows.ids, u.rows.values, lr, scale]);
    else bind(sgdOp, u.operands, u.decay);
  }
}
