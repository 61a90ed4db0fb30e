// WeightNormParamAttr: a weight as direction times length, made of two parameters (Salimans and Kingma, 2016).

import type { DType } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { formatShape, type Shape } from "../core/shape.js";
import type { LayerHelper, ParameterOptions } from "./helper.js";
import { Constant } from "../nn/initializer/constant.js";
import { XavierUniform } from "../nn/initializer/xavier.js";
import { divide, multiply } from "../ops/arithmetic.js";
import { sqrt } from "../ops/exponential.js";
import { sumOver } from "../ops/reduction.js";
import { Initializer } from "../param/initializer.js";
import { ParamAttr, type ParamAttrOptions } from "../param/param-attr.js";
import { uniqueName } from "../param/unique-name.js";
import type { Tensor } from "../tensor/tensor.js";

/** Options of {@link WeightNormParamAttr}. */
export interface WeightNormOptions extends ParamAttrOptions {
  /** The axis that keeps lengths of its own; null (default): one length for the whole weight. */
  readonly dim?: number | null | undefined;
}

const keys = [
  "dim",
  "name",
  "initializer",
  "learningRate",
  "regularizer",
  "trainable",
  "doModelAverage",
  "needClip",
] as const;

/**
 * Makes the weight of one of `static.nn`'s helpers `g v / |v|` of two parameters, `NAME_g` and `NAME_v`, which the other settings are for. At first the
 * weight is what the initializer gives.
 *
 * @throws InvalidArgumentError when dim is negative.
 * @example
 * ```ts
 * import { disableStatic, enableStatic, static as static_ } from "oarjs";
 * enableStatic();
 * const [main, startup] = [new static_.Program(), new static_.Program()];
 * static_.programGuard(main, startup, () => {
 *   static_.nn.fc(static_.data("x", [-1, 4]), 2, { weightAttr: new static_.WeightNormParamAttr({ dim: 1, name: "w" }) });
 * });
 * console.log(main.allParameters().map((p) => p.name)); // [ "w_g", "w_v", "fc_0.b_0" ]
 * disableStatic();
 * ```
 */
export class WeightNormParamAttr extends ParamAttr {
  readonly dim: number | null;
  override readonly forHelpers = true;

  constructor(...rest: Trailing<number | null, WeightNormOptions>) {
    const { dim, doModelAverage, ...o } = splitOptions<WeightNormOptions>("WeightNormParamAttr", rest, keys);
    super({ ...o, doModelAverage: doModelAverage ?? false });
    this.dim = dim ?? null;
    if (this.dim !== null && !(Number.isInteger(this.dim) && this.dim >= 0))
      throw new InvalidArgumentError(`dim must be an axis from 0, got ${dim}.`, { op: "WeightNormParamAttr" });
  }
}

/** `|v|` over all axes but `dim`, with those axes kept. */
function lengthOf<T extends Tensor>(v: T, dim: number | null): T {
  const axes = v.shape.map((_, a) => a).filter((a) => a !== dim);
  return sqrt(sumOver(multiply(v, v), axes, true)) as T;
}

/** First values that one function gives. */
class From extends Initializer {
  constructor(
    private readonly text: string,
    private readonly give: () => Tensor,
  ) {
    super();
  }

  override make(): Tensor {
    return this.give();
  }

  override toString(): string {
    return this.text;
  }
}

/** The two parameters and the weight made of them. */
export function normalizedWeight(
  helper: LayerHelper,
  shape: Shape,
  dtype: DType,
  attr: WeightNormParamAttr,
  { isBias = false, defaultInitializer }: Omit<ParameterOptions, "attr">,
): Tensor {
  const { dim, learningRate, regularizer, trainable, needClip, doModelAverage } = attr;
  if (dim !== null && dim >= shape.length)
    throw new InvalidArgumentError(`dim ${dim} is no axis of ${formatShape(shape)}.`, { op: "WeightNormParamAttr" });
  const base = attr.name ?? uniqueName.generate(`${helper.name}.${isBias ? "b" : "w"}`);
  const rest = { learningRate, regularizer, trainable, needClip, doModelAverage };
  const initializer = attr.initializer ?? defaultInitializer ?? (isBias ? new Constant(0) : new XavierUniform());
  const part = (suffix: string, partShape: Shape, first: Initializer) =>
    helper.required(partShape, dtype, { attr: new ParamAttr({ ...rest, name: base + suffix, initializer: first }) });
  // Paddle creates the length first: it is that of the direction, which is drawn with it.
  let direction: Tensor | undefined;
  const length = new From("LengthOf(v)", () => {
    direction = initializer.make(shape, dtype);
    return lengthOf(direction, dim);
  });
  const g = part(
    "_g",
    shape.map((n, a) => (a === dim ? n : 1)),
    length,
  );
  const v = part("_v", shape, new From(String(initializer), () => direction ?? initializer.make(shape, dtype)));
  return multiply<Tensor>(v, divide<Tensor>(g, lengthOf<Tensor>(v, dim)));
}
