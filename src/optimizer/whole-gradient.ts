// Gradients as updates take them: clipped, then with what regularizers add.

import type { ClippedGradient } from "../nn/clip.js";
import { add, multiply } from "../ops/arithmetic.js";
import { decayTerm } from "../ops/optimizer-parts.js";
import { Decay, type WeightDecayRegularizer } from "../param/regularizer.js";
import type { Value } from "../program/value.js";

/** Clipped, and with the term of a built-in regularizer; a user's own is in the gradient already. */
export function wholeGradient(
  gradient: Value,
  scale: Value | undefined,
  parameter: Value,
  regularizer: WeightDecayRegularizer | null,
  coeff: Value | number | undefined,
): Value {
  const clipped = scale ? multiply(gradient, scale) : gradient;
  return regularizer instanceof Decay ? add(clipped, decayTerm(parameter, regularizer.kind, coeff!)) : clipped;
}

/** A user's own regularizer: clipped gradient plus its term. */
export function withTerm(entry: ClippedGradient, regularizer: WeightDecayRegularizer): ClippedGradient {
  const clipped = entry.scale ? multiply(entry.gradient, entry.scale) : entry.gradient;
  return { ...entry, gradient: add(clipped, regularizer.term(entry.parameter)), scale: undefined };
}
