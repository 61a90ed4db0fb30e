// Normal and TruncatedNormal: numbers from the bell curve, whole or cut off.

import type { DType } from "../../core/dtype.js";
import { InvalidArgumentError, UnimplementedError } from "../../core/errors.js";
import { isStrictPaddle } from "../../core/flags.js";
import { splitOptions } from "../../core/options.js";
import type { Shape } from "../../core/shape.js";
import { cast } from "../../ops/cast.js";
import { Initializer } from "../../param/initializer.js";
import { truncatedGaussianRandom } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";
import { drawnIn, normals } from "./sampled.js";

/** Arguments of {@link Normal}. */
export interface NormalOptions {
  /** 0 by default. */
  readonly mean?: number | undefined;
  /** Standard deviation, 1 by default. */
  readonly std?: number | undefined;
  readonly name?: string | null | undefined;
}

/**
 * `N(mean, std²)`, from the stream that `seed` sets.
 *
 * @example
 * new nn.Linear(4, 2, { weightAttr: new nn.initializer.Normal(0, 0.02) });
 */
export class Normal extends Initializer {
  readonly mean: number;
  readonly std: number;

  constructor(
    ...args: [options?: NormalOptions] | [mean: number, options?: NormalOptions] | [mean: number, std: number]
  ) {
    super();
    const { mean = 0, std = 1 } = splitOptions<NormalOptions>("Normal", args, ["mean", "std", "name"], 2);
    checkNumbers("Normal", { mean, std });
    this.mean = mean;
    this.std = std;
  }

  override make(shape: Shape, dtype: DType): Tensor {
    return normals(shape, dtype, this.mean, this.std);
  }

  override toString(): string {
    return `Normal(${this.mean}, ${this.std})`;
  }
}

/** Arguments of {@link TruncatedNormal}. */
export interface TruncatedNormalOptions extends NormalOptions {
  /** Smallest value, -2 by default. */
  readonly a?: number | undefined;
  /** Largest value, 2 by default. */
  readonly b?: number | undefined;
}

/**
 * `N(mean, std²)` cut off outside `[a, b]`, which are values, not numbers of standard deviations.
 *
 * @example
 * new nn.Linear(4, 2, { weightAttr: new nn.initializer.TruncatedNormal(0, 0.02) });
 */
export class TruncatedNormal extends Initializer {
  readonly mean: number;
  readonly std: number;
  readonly a: number;
  readonly b: number;

  constructor(
    ...args:
      | [options?: TruncatedNormalOptions]
      | [mean: number, options?: TruncatedNormalOptions]
      | [mean: number, std: number, options?: TruncatedNormalOptions]
  ) {
    super();
    const keys = ["mean", "std", "a", "b", "name"] as const;
    const { mean = 0, std = 1, a = -2, b = 2 } = splitOptions<TruncatedNormalOptions>("TruncatedNormal", args, keys, 2);
    checkNumbers("TruncatedNormal", { mean, std, a, b });
    this.mean = mean;
    this.std = std;
    this.a = a;
    this.b = b;
  }

  override make(shape: Shape, dtype: DType): Tensor {
    if (isStrictPaddle() && dtype === "float16")
      throw new UnimplementedError("Paddle has no truncated normal numbers in float16 on CPU.", {
        op: "TruncatedNormal",
        hint: "make the parameter in float32, or turn strictPaddle off.",
      });
    const drawn = truncatedGaussianRandom(shape, this.mean, this.std, this.a, this.b, { dtype: drawnIn(dtype) });
    return cast(drawn, dtype);
  }

  override toString(): string {
    return `TruncatedNormal(${this.mean}, ${this.std}, [${this.a}, ${this.b}])`;
  }
}

/** Throws InvalidArgument for anything that is no number. */
function checkNumbers(api: string, given: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === "number" && !Number.isNaN(value)) continue;
    throw new InvalidArgumentError(`${name} must be a number.`, { op: api, name });
  }
}
