// The base of metrics, and how they read what they are given: NdArrays, tensors, plain numbers.

import { type DType, isDType } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { isNdArray } from "../core/nd-array.js";
import { describe } from "../core/options.js";
import type { Shape } from "../core/shape.js";

/**
 * A number that is gathered over batches. `compute` turns a network's outputs and the labels into what `update` takes (tensors on
 * a device, so that little has to be fetched); by default it hands them on.
 *
 * @example
 * const metric = new Accuracy();
 * for (const [pred, label] of batches) metric.update(metric.compute(pred, label));
 * metric.accumulate();
 */
export abstract class Metric {
  /** Forgets all batches. */
  abstract reset(): void;
  /** Adds one batch. */
  abstract update(...args: never[]): unknown;
  /** The value over all batches since the last reset. */
  abstract accumulate(): number | number[];
  /** The metric's name, one for each value. */
  abstract name(): string | string[];

  /** From a network's outputs and the labels to the arguments of `update`. */
  compute(...args: unknown[]): unknown {
    return args;
  }
}

/** Values with a shape: an NdArray, a tensor whose data can be read at once, or one axis of plain numbers. */
export type Values =
  | { readonly dtype?: DType; readonly shape: Shape; readonly data: ArrayLike<number | bigint> }
  | { readonly dtype?: unknown; readonly shape: Shape; dataSync(): ArrayLike<number | bigint> }
  | ArrayLike<number>;

/** Values as numbers. */
export interface Numbers {
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
  /** Whether they are float32: then arithmetic on them is rounded to float32, as in NumPy. */
  readonly single: boolean;
}

/**
 * Reads values as numbers.
 *
 * @throws InvalidArgumentError for what holds no real numbers, and for 16-bit floats, which are bits outside the engine.
 */
export function numbersOf(api: string, name: string, values: Values): Numbers {
  const { shape, data, dtype } = partsOf(values);
  if (data === undefined) {
    throw new InvalidArgumentError(`${name} must be an array or a tensor, got ${describe(values)}.`, {
      op: api,
      parameter: name,
    });
  }
  if (isDType(dtype) && /16$|^complex/.test(dtype) && dtype !== "int16") {
    throw new InvalidArgumentError(`${name} must hold real numbers of 32 or 64 bits, got ${dtype}.`, {
      op: api,
      hint: 'Cast it to "float32" first.',
    });
  }
  const numbers = typeof data[0] === "bigint" ? Float64Array.from(data, Number) : (data as ArrayLike<number>);
  return { shape: shape ?? [data.length], data: numbers, single: numbers instanceof Float32Array };
}

function partsOf(values: unknown): {
  shape?: Shape;
  data?: ArrayLike<number | bigint>;
  dtype?: unknown;
} {
  if (isNdArray(values)) return values;
  if (Array.isArray(values)) return { data: values };
  if (typeof values !== "object" || values === null) return {};
  if (ArrayBuffer.isView(values)) return { data: values as Float32Array };
  const { shape, dtype } = values as { shape?: Shape; dtype?: unknown };
  if (shape === undefined) return {};
  if ("dataSync" in values && typeof values.dataSync === "function") return { shape, dtype, data: values.dataSync() };
  if ("data" in values && typeof values.data === "object")
    return { shape, dtype, data: values.data as ArrayLike<number> };
  return {};
}
