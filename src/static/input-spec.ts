// InputSpec: what a captured function's argument must be.

import type { DType } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import type { NdArray } from "../core/nd-array.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { formatShape } from "../core/shape.js";
import type { Tensor } from "../tensor/tensor.js";

/** Options of {@link InputSpec}. */
export interface InputSpecOptions {
  /** Default float32. */
  readonly dtype?: DType | undefined;
  readonly name?: string | null | undefined;
  readonly stopGradient?: boolean | undefined;
}

/**
 * Shape and dtype of an argument; -1 or null stands for any extent.
 *
 * @example
 * ```ts
 * import { static as static_ } from "oarjs";
 * const spec = new static_.InputSpec([-1, 784], "float32", { name: "image" });
 * ```
 */
export class InputSpec {
  #shape: readonly number[];
  readonly dtype: DType;
  readonly name: string | undefined;
  readonly stopGradient: boolean;

  constructor(shape: readonly (number | null)[], ...rest: Trailing<DType, InputSpecOptions>) {
    const o = splitOptions<InputSpecOptions>("InputSpec", rest, ["dtype", "name", "stopGradient"]);
    this.#shape = shape.map((n) => n ?? -1);
    this.dtype = o.dtype ?? "float32";
    this.name = o.name ?? undefined;
    this.stopGradient = o.stopGradient ?? false;
  }

  /** Extents; -1 for any. */
  get shape(): readonly number[] {
    return this.#shape;
  }

  /** Puts an axis for the batch in front, and gives itself. Throws InvalidArgument unless the size is an integer above 0, or -1. */
  batch(batchSize: number | null): this {
    const n = batchSize ?? -1;
    if (!Number.isInteger(n) || n === 0 || n < -1)
      throw new InvalidArgumentError(`the batch's size must be a positive integer or -1, got ${n}.`, {
        op: "InputSpec.batch",
      });
    this.#shape = [n, ...this.#shape];
    return this;
  }

  /** Takes the first axis away, and gives itself. Throws InvalidArgument when there is none. */
  unbatch(): this {
    if (this.#shape.length === 0)
      throw new InvalidArgumentError("there is no axis to take away.", { op: "InputSpec.unbatch" });
    this.#shape = this.#shape.slice(1);
    return this;
  }

  /** The spec of an array. */
  static fromNumpy(
    array: NdArray,
    ...rest: Trailing<string | null, { readonly name?: string | null | undefined }>
  ): InputSpec {
    const { name } = splitOptions<{ readonly name?: string | null | undefined }>("InputSpec.fromNumpy", rest, ["name"]);
    return new InputSpec(array.shape, array.dtype, { name });
  }

  /** The spec of a tensor. */
  static fromTensor(
    tensor: Tensor,
    ...rest: Trailing<string | null, { readonly name?: string | null | undefined }>
  ): InputSpec {
    const { name } = splitOptions<{ readonly name?: string | null | undefined }>("InputSpec.fromTensor", rest, [
      "name",
    ]);
    return new InputSpec(tensor.shape, tensor.dtype, { name: name ?? tensor.name });
  }

  /** Throws InvalidArgument unless a tensor fits. */
  check(t: Tensor, index: number): void {
    const fits =
      t.dtype === this.dtype &&
      t.shape.length === this.shape.length &&
      this.shape.every((n, i) => n === -1 || n === t.shape[i]);
    if (fits) return;
    throw new InvalidArgumentError(
      `argument ${index}${this.name ? ` ("${this.name}")` : ""} must be ${this.dtype}${formatShape(this.shape)}, got ${t.dtype}${formatShape(t.shape)}.`,
      { op: "jit.toStatic", expected: this.shape, received: t.shape },
    );
  }

  toString(): string {
    return `InputSpec(shape=${formatShape(this.shape)}, dtype=${this.dtype}, name=${this.name ?? "null"})`;
  }
}
