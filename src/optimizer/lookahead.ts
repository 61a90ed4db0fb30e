// LookAhead: an optimizer around another, whose parameters go back part of the way every k steps.

import { InvalidArgumentError } from "../core/errors.js";
import { describe, namedOptions } from "../core/options.js";
import type { ParameterGradient } from "../nn/clip.js";
import { lookAheadOp } from "../ops/optimizer-incubate.js";
import type { Parameter } from "../param/parameter.js";
import { bind } from "../trace/bind.js";
import { runtimeScalar } from "../trace/step-trace.js";
import type { AccumulatorSpec } from "./accumulators.js";
import { Optimizer, type Update } from "./optimizer.js";

/** Arguments of {@link LookAhead}. */
export interface LookAheadOptions {
  /** The optimizer that makes the steps. */
  readonly innerOptimizer?: Optimizer | undefined;
  /** Share of the way from the slow weights that is kept, 0.5 by default. */
  readonly alpha?: number | undefined;
  /** Steps between two meetings, 5 by default. */
  readonly k?: number | undefined;
  readonly name?: string | null | undefined;
}

const keys = ["innerOptimizer", "alpha", "k", "name"] as const;

/**
 * LookAhead (Zhang et al., 2019): the inner optimizer steps; every k steps parameter and slow weights become
 * `alpha param + (1 - alpha) slow`. The slow weights begin, as in Paddle, as the parameters after the first step.
 *
 * @throws InvalidArgumentError for an alpha outside [0, 1] or a k that is no positive integer.
 * @example
 * ```ts
 * import { incubate, nn, optimizer } from "oarjs";
 * const fc = new nn.Linear(2, 1);
 * const inner = new optimizer.SGD({ learningRate: 0.1, parameters: fc.parameters() });
 * console.log(new incubate.optimizer.LookAhead(inner, { alpha: 0.5, k: 5 }).k); // 5
 * ```
 */
export class LookAhead extends Optimizer {
  readonly innerOptimizer: Optimizer;
  readonly alpha: number;
  readonly k: number;

  constructor(
    ...args:
      | [options: LookAheadOptions]
      | [inner: Optimizer, alpha?: number | LookAheadOptions, options?: LookAheadOptions]
  ) {
    const {
      innerOptimizer: inner,
      alpha = 0.5,
      k = 5,
      name,
    } = namedOptions<LookAheadOptions>("LookAhead", args, keys, 1);
    if (!(inner instanceof Optimizer))
      throw new InvalidArgumentError(`innerOptimizer must be an optimizer, got ${describe(inner)}.`, {
        op: "LookAhead",
      });
    if (!(typeof alpha === "number" && alpha >= 0 && alpha <= 1))
      throw new InvalidArgumentError(`alpha must be in [0, 1], got ${describe(alpha)}.`, { op: "LookAhead" });
    if (!(Number.isInteger(k) && k > 0))
      throw new InvalidArgumentError(`k must be a positive integer, got ${describe(k)}.`, { op: "LookAhead" });
    // The inner optimizer goes on deciding whose gradients are of no use.
    const unused = inner.parameters.map((p) => p.gradientUnused);
    super("LookAhead", { learningRate: alpha, parameters: inner.parameters, name });
    inner.parameters.forEach((p, i) => {
      p.gradientUnused = unused[i];
    });
    this.innerOptimizer = inner;
    this.alpha = alpha;
    this.k = k;
  }

  protected override accumulators(): readonly AccumulatorSpec[] {
    return [{ name: "slow", fill: 0 }];
  }

  protected override update(u: Update): void {
    const first = runtimeScalar(() => (this.stepCount === 1 ? 1 : 0));
    const meet = runtimeScalar(() => (this.stepCount % this.k === 0 ? 1 : 0));
    bind(lookAheadOp, [u.operands[0], u.state("slow"), first, meet], { alpha: this.alpha });
  }

  /** A step of the inner optimizer, and every k-th time the meeting. */
  override step(): void {
    this.innerOptimizer.step();
    super.step();
  }

  override applyGradients(pairs: readonly ParameterGradient[]): void {
    this.innerOptimizer.applyGradients(pairs);
    super.applyGradients(pairs);
  }

  override get rateOwner(): Optimizer {
    return this.innerOptimizer.rateOwner;
  }

  override settingsKey(parameters: readonly Parameter[]): string {
    return `${this.innerOptimizer.settingsKey(parameters)}/${super.settingsKey(parameters)}`;
  }
}
