// What optimizers with running means share: checks of their decay rates, and the state that counts updates.

import { InvalidArgumentError } from "../core/errors.js";
import { describe } from "../core/options.js";
import type { AccumulatorSpec } from "./accumulators.js";

interface Betas {
  readonly beta1?: number | undefined;
  readonly beta2?: number | undefined;
  readonly epsilon?: number | undefined;
}

/** Defaults filled in and ranges checked. Throws InvalidArgument for a beta outside [0, 1) or a negative epsilon. */
export function checkBetas(
  api: string,
  given: Betas,
  epsilonDefault: number,
): { beta1: number; beta2: number; epsilon: number } {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = epsilonDefault } = given;
  for (const [name, x] of Object.entries({ beta1, beta2 })) {
    if (typeof x === "number" && x >= 0 && x < 1) continue;
    throw new InvalidArgumentError(`${name} must be in [0, 1), got ${describe(x)}.`, { op: api, name });
  }
  checkNotNegative(api, "epsilon", epsilon);
  return { beta1, beta2, epsilon };
}

/** Throws InvalidArgument unless `x` is a number of at least 0. */
export function checkNotNegative(api: string, name: string, x: unknown): void {
  if (typeof x === "number" && x >= 0) return;
  throw new InvalidArgumentError(`${name} must be a number of at least 0, got ${describe(x)}.`, { op: api, name });
}

/** Powers of the betas, one element each: `beta^(t+1)` after t updates. */
export const betaPowers = (beta1: number, beta2: number): readonly AccumulatorSpec[] => [
  { name: "beta1_pow_acc", fill: beta1, shape: [1] },
  { name: "beta2_pow_acc", fill: beta2, shape: [1] },
];
