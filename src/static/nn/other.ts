// static.nn's prelu and rowConv.

import { InvalidArgumentError } from "../../core/errors.js";
import { checkOptions } from "../../core/options.js";
import { relu } from "../../nn/functional/activation.js";
import { Constant } from "../../nn/initializer/constant.js";
import { type AttrLike, aliasedAttr } from "../../param/param-attr.js";
import { add, addN, concat, minimum, multiply, slice, zerosLike } from "../../tensor/index.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type Activation, LayerHelper, requireTensor } from "../helper.js";

/** Options of {@link prelu}. */
export interface StaticPreluOptions {
  readonly paramAttr?: AttrLike;
  /** Alias of paramAttr. */
  readonly weightAttr?: AttrLike;
  readonly dataFormat?: "NCHW" | "NHWC" | undefined;
  readonly name?: string | null | undefined;
}

/**
 * x where x > 0, else `weight x`.
 *
 * @param mode "all": one weight; "channel": one a channel; "element": one an element of a sample
 * @throws InvalidArgumentError for another mode.
 */
export function prelu(x: Tensor, mode: "all" | "channel" | "element", options?: StaticPreluOptions): Tensor {
  const op = "static.nn.prelu";
  const o = checkOptions<StaticPreluOptions>(op, options, ["paramAttr", "weightAttr", "dataFormat", "name"]);
  requireTensor(x, op);
  const helper = new LayerHelper(op, "prelu", o.name);
  const axis = o.dataFormat === "NHWC" ? x.ndim - 1 : 1;
  const shapes: Readonly<Record<string, () => number[]>> = {
    all: () => [1],
    channel: () => x.shape.map((n, a) => (a === axis ? n : 1)),
    element: () => x.shape.map((n, a) => (a === 0 ? 1 : n)),
  };
  const shape = Object.hasOwn(shapes, mode) ? shapes[mode]!() : undefined;
  if (!shape)
    throw new InvalidArgumentError(`mode must be "all", "channel" or "element", got ${JSON.stringify(mode)}.`, { op });
  const attr = aliasedAttr(o.weightAttr, o.paramAttr, op);
  const weight = helper.required(shape, x.dtype, { attr, defaultInitializer: new Constant(0.25) });
  return helper.named(add(relu(x), multiply(minimum(x, zerosLike(x)), weight)));
}

/** Options of {@link rowConv}. */
export interface RowConvOptions {
  readonly paramAttr?: AttrLike;
  /** Alias of paramAttr. */
  readonly weightAttr?: AttrLike;
  readonly act?: Activation;
}

/**
 * Looks ahead in time: `out[n, t] = Σ_i x[n, t + i] weight[i]` over the present and `futureContextSize` later steps.
 *
 * @param input `[batch, time, features]`
 * @throws InvalidArgumentError for another rank, or a size below 1.
 */
export function rowConv(input: Tensor, futureContextSize: number, options?: RowConvOptions): Tensor {
  const op = "static.nn.rowConv";
  const o = checkOptions<RowConvOptions>(op, options, ["paramAttr", "weightAttr", "act"]);
  requireTensor(input, op);
  if (input.ndim !== 3 || !Number.isInteger(futureContextSize) || futureContextSize < 1)
    throw new InvalidArgumentError(`needs [batch, time, features] and a size of 1 or more.`, { op });
  const helper = new LayerHelper(op, "row_conv", undefined);
  const attr = aliasedAttr(o.weightAttr, o.paramAttr, op);
  const weight = helper.required([futureContextSize + 1, input.shape[2]!], input.dtype, { attr });
  const terms = Array.from({ length: futureContextSize + 1 }, (_, i) =>
    multiply(later(input, i), slice(weight, [0], [i], [i + 1])),
  );
  return helper.activated(helper.named(addN(terms)), o.act);
}

/** `x[n, t + i]`, 0 behind the end. */
function later(x: Tensor, i: number): Tensor {
  if (i === 0) return x;
  const rest = slice(x, [1], [i], [x.shape[1]!]);
  return concat([rest, zerosLike(slice(x, [1], [0], [i]))], { axis: 1 });
}
