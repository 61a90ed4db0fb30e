// Regularizers: what weight decay adds to a gradient.

import { InvalidArgumentError } from "../core/errors.js";
import { describe, isOptions } from "../core/options.js";
import { decayTerm } from "../ops/optimizer-parts.js";
import type { Value } from "../program/value.js";
import { runtimeScalar } from "../trace/step-trace.js";

/**
 * Base of regularizers. The built-in two are folded into the optimizer's update; a subclass of this gives its own term.
 */
export abstract class WeightDecayRegularizer {
  /** What is added to the gradient of `parameter`, of its shape and dtype. */
  abstract term(parameter: Value): Value;
}

/** A built-in regularizer: optimizers put its kind and coefficient into the update kernel instead of computing the term. */
export abstract class Decay extends WeightDecayRegularizer {
  abstract readonly kind: "l1" | "l2";
  #coeff = 0;
  readonly #api: string;

  constructor(api: string, given: number | { readonly coeff?: number | undefined } = 0) {
    super();
    this.#api = api;
    this.coeff = (isOptions(given) ? (given["coeff"] ?? 0) : given) as number;
  }

  /** Factor of the term; it may be changed at any time, and counts from the next step on without compiling anything. */
  get coeff(): number {
    return this.#coeff;
  }

  set coeff(coeff: number) {
    if (typeof coeff !== "number" || Number.isNaN(coeff))
      throw new InvalidArgumentError(`coeff must be a number, got ${describe(coeff)}.`, { op: this.#api });
    this.#coeff = coeff;
  }

  override term(parameter: Value): Value {
    return decayTerm(
      parameter,
      this.kind,
      runtimeScalar(() => this.#coeff),
    );
  }
}

/**
 * Adds `coeff * sign(parameter)` to the gradient (the loss `coeff * sum(|parameter|)`); `sign(0)` is 0.
 *
 * @example
 * new optimizer.SGD({ learningRate: 0.1, parameters, weightDecay: new regularizer.L1Decay(1e-4) });
 */
export class L1Decay extends Decay {
  override readonly kind = "l1";

  constructor(coeff?: number | { readonly coeff?: number | undefined }) {
    super("L1Decay", coeff);
  }

  /** Paddle's text. */
  override toString(): string {
    return `L1Decay, coeff=${this.coeff.toFixed(6)}`;
  }
}

/**
 * Adds `coeff * parameter` to the gradient (the loss `coeff / 2 * sum(parameter^2)`).
 *
 * @example
 * new ParamAttr({ regularizer: new regularizer.L2Decay(1e-4) });
 */
export class L2Decay extends Decay {
  override readonly kind = "l2";

  constructor(coeff?: number | { readonly coeff?: number | undefined }) {
    super("L2Decay", coeff);
  }

  /** Paddle's text. */
  override toString(): string {
    return `L2Decay, coeff=${this.coeff.toFixed(6)}`;
  }
}
