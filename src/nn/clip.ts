// Gradient clipping: by value, by each gradient's norm, by the norm of all gradients together.

import { InvalidArgumentError } from "../core/errors.js";
import { describe, splitOptions, type Trailing } from "../core/options.js";
import { multiply } from "../ops/arithmetic.js";
import { clipFactor, clipValue, squaredL2Norm } from "../ops/optimizer-parts.js";
import { mergeRows } from "../ops/rows.js";
import type { Parameter } from "../param/parameter.js";
import type { Value } from "../program/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { rowsOf, withValues } from "../trace/rows.js";
import { runtimeScalar } from "../trace/step-trace.js";
import { withGrad } from "../trace/tape.js";
import { CallableObject, invoke } from "./callable.js";

/** A parameter and its gradient. */
export type ParameterGradient = readonly [Parameter, Tensor];

/** A gradient on its way to an update: `scale`, if any, is the factor the update multiplies it by. */
export interface ClippedGradient {
  readonly parameter: Parameter;
  readonly gradient: Value;
  readonly scale: Value | undefined;
}

/** What a clip is when it is called. */
export interface ClipsGradients {
  /** The clipped gradients, in the same order. */
  (paramsGrads: readonly ParameterGradient[]): [Parameter, Tensor][];
  toString(): string;
}

export interface GradientClip extends ClipsGradients {}

/**
 * Base of the clips: give one to an optimizer as `gradClip`. Parameters with `needClip: false` are left alone and not counted.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: a clip is called like a function, as in Paddle.
export abstract class GradientClip extends CallableObject {
  /** What the update needs to know; norms and factors stay on the device. */
  abstract prepare(pairs: readonly ParameterGradient[]): ClippedGradient[];

  [invoke]([pairs]: [readonly ParameterGradient[]]): [Parameter, Tensor][] {
    return withGrad(false, () =>
      this.prepare(pairs).map(({ parameter, gradient, scale }) => [
        parameter,
        (scale ? multiply(gradient, scale) : gradient) as Tensor,
      ]),
    );
  }
}

const needsClip = ([p]: ParameterGradient): boolean => p.needClip;

const plain = ([parameter, gradient]: ParameterGradient): ClippedGradient => ({
  parameter,
  gradient,
  scale: undefined,
});

/** A gradient of rows has each row once before it is clipped. */
function merged(pair: ParameterGradient): ClippedGradient {
  const rows = rowsOf(pair[1]);
  return rows ? { ...plain(pair), gradient: mergeRows(rows) } : plain(pair);
}

/** The sum of a gradient's squares; of rows that are merged, their squares alone. */
const squares = (gradient: Value): Value => squaredL2Norm(rowsOf(gradient)?.values ?? gradient);

/** Arguments of {@link ClipGradByValue}. */
export interface ClipGradByValueOptions {
  /** Lower bound; `-max` by default. */
  readonly min?: number | null | undefined;
}

/**
 * Brings each element into `[min, max]`.
 *
 * @throws InvalidArgumentError when max is not positive and min is not given.
 * @example
 * new optimizer.SGD({ learningRate: 0.1, parameters, gradClip: new nn.ClipGradByValue(1) });
 */
export class ClipGradByValue extends GradientClip {
  #max = 0;
  #min = 0;

  constructor(max: number, ...rest: Trailing<number | null, ClipGradByValueOptions>) {
    super();
    const { min } = splitOptions<ClipGradByValueOptions>("ClipGradByValue", rest, ["min"]);
    checkNumber("ClipGradByValue", "max", max);
    if ((min === undefined || min === null) && max <= 0) {
      throw new InvalidArgumentError(`max must be positive when min is not given, got ${max}.`, {
        op: "ClipGradByValue",
      });
    }
    this.max = max;
    this.min = min ?? -max;
  }

  /** Upper bound; may be changed, and counts from the next step on without compiling anything. */
  get max(): number {
    return this.#max;
  }

  set max(max: number) {
    this.#max = checkNumber("ClipGradByValue", "max", max);
  }

  /** Lower bound, which may be changed, too. */
  get min(): number {
    return this.#min;
  }

  set min(min: number) {
    this.#min = checkNumber("ClipGradByValue", "min", min);
  }

  override prepare(pairs: readonly ParameterGradient[]): ClippedGradient[] {
    const [min, max] = [runtimeScalar(() => this.#min), runtimeScalar(() => this.#max)];
    return pairs.map((pair) => {
      if (!needsClip(pair)) return plain(pair);
      const { parameter, gradient, scale } = merged(pair);
      const rows = rowsOf(gradient);
      const clip = (x: Value): Value => clipValue(x, min, max);
      return { parameter, gradient: rows ? withValues(rows, clip(rows.values)) : clip(gradient), scale };
    });
  }

  override toString(): string {
    return `Gradient Clip By Value, min = ${this.min}, max=${this.max}`;
  }
}

/**
 * Scales each gradient whose own L2 norm is above `clipNorm` down to it.
 *
 * @example
 * new optimizer.SGD({ learningRate: 0.1, parameters, gradClip: new nn.ClipGradByNorm(1) });
 */
export class ClipGradByNorm extends GradientClip {
  #clipNorm = 0;

  constructor(clipNorm: number) {
    super();
    this.clipNorm = clipNorm;
  }

  /** The largest norm; may be changed, and counts from the next step on without compiling anything. */
  get clipNorm(): number {
    return this.#clipNorm;
  }

  set clipNorm(clipNorm: number) {
    this.#clipNorm = checkNumber("ClipGradByNorm", "clipNorm", clipNorm);
  }

  override prepare(pairs: readonly ParameterGradient[]): ClippedGradient[] {
    const limit = runtimeScalar(() => this.#clipNorm);
    return pairs.map((pair) => {
      if (!needsClip(pair)) return plain(pair);
      const entry = merged(pair);
      return { ...entry, scale: clipFactor([squares(entry.gradient)], limit) };
    });
  }

  override toString(): string {
    return `Gradient Clip By Norm, clip_norm=${this.clipNorm}`;
  }
}

/** Arguments of {@link ClipGradByGlobalNorm}. */
export interface ClipGradByGlobalNormOptions {
  /** Accepted for Paddle's sake. */
  readonly groupName?: string | undefined;
  /** Accepted for Paddle's sake: below the norm the factor is exactly 1 anyway. */
  readonly autoSkipClip?: boolean | undefined;
}

/**
 * Scales all gradients by `clipNorm / max(norm, clipNorm)`, where norm is the L2 norm of all of them together. With parameter groups
 * each group has its own norm.
 *
 * @example
 * new optimizer.AdamW({ learningRate: 1e-3, parameters, gradClip: new nn.ClipGradByGlobalNorm(1) });
 */
export class ClipGradByGlobalNorm extends GradientClip {
  #clipNorm = 0;

  constructor(clipNorm: number, ...rest: Trailing<string, ClipGradByGlobalNormOptions>) {
    super();
    splitOptions<ClipGradByGlobalNormOptions>("ClipGradByGlobalNorm", rest, ["groupName", "autoSkipClip"]);
    this.clipNorm = clipNorm;
  }

  /** The largest norm of all gradients together; may be changed, and counts from the next step on without compiling anything. */
  get clipNorm(): number {
    return this.#clipNorm;
  }

  set clipNorm(clipNorm: number) {
    this.#clipNorm = checkNumber("ClipGradByGlobalNorm", "clipNorm", clipNorm);
  }

  override prepare(pairs: readonly ParameterGradient[]): ClippedGradient[] {
    const entries = pairs.map((pair) => (needsClip(pair) ? merged(pair) : plain(pair)));
    const counted = entries.filter((_, i) => needsClip(pairs[i]!));
    if (counted.length === 0) return entries;
    const scale = clipFactor(
      counted.map(({ gradient }) => squares(gradient)),
      runtimeScalar(() => this.#clipNorm),
    );
    return entries.map((entry, i) => (needsClip(pairs[i]!) ? { ...entry, scale } : entry));
  }

  override toString(): string {
    return `Gradient Clip By GlobalNorm, global_norm=${this.clipNorm}`;
  }
}

function checkNumber(api: string, name: string, x: unknown): number {
  if (typeof x === "number" && !Number.isNaN(x)) return x;
  throw new InvalidArgumentError(`${name} must be a number, got ${describe(x)}.`, { op: api, name });
}
