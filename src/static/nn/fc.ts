// static.nn.fc and static.nn.bilinearTensorProduct: fully connected helpers.

import { InvalidArgumentError } from "../../core/errors.js";
import { checkOptions } from "../../core/options.js";
import { formatShape, sizeOf } from "../../core/shape.js";
import { bilinear } from "../../nn/functional/common.js";
import { type AttrLike, aliasedAttr, toParamAttr } from "../../param/param-attr.js";
import { addN, matmul, reshape } from "../../tensor/index.js";
import type { Tensor } from "../../tensor/tensor.js";
import { publicExtent } from "../../core/extents.js";
import { type Activation, LayerHelper, requireTensor } from "../helper.js";

/** Options of {@link fc}. */
export interface FcOptions {
  /** Axes of the input that stay; the others are flattened. Default 1; -1: all but the last. */
  readonly numFlattenDims?: number | undefined;
  /** One attribute for all weights, or one for each input. */
  readonly weightAttr?: AttrLike | readonly AttrLike[];
  /** Alias of weightAttr. */
  readonly paramAttr?: AttrLike | readonly AttrLike[];
  /** False: no bias. */
  readonly biasAttr?: AttrLike;
  /** Paddle's name of an activation, as `"relu"`. */
  readonly activation?: Activation;
  /** Stands in the names of parameters: `NAME.w_0`. */
  readonly name?: string | null | undefined;
}

const fcKeys = ["numFlattenDims", "weightAttr", "paramAttr", "biasAttr", "activation", "name"] as const;

/**
 * `activation(Σ x weight + bias)`: a fully connected layer. Several inputs have a weight each, and their products are summed. The weight
 * is `[product of the flattened extents, size]`, XavierUniform; the bias `[size]`, 0.
 *
 * @throws InvalidArgumentError when a flattened extent is unknown, or the activation.
 * @example
 * ```ts
 * import { disableStatic, enableStatic, static as static_ } from "oarjs";
 * enableStatic();
 * const [main, startup] = [new static_.Program(), new static_.Program()];
 * static_.programGuard(main, startup, () => {
 *   const y = static_.nn.fc(static_.data("x", [-1, 4]), 3, { activation: "relu" });
 *   console.log(y.name); // fc_0.tmp_2
 * });
 * disableStatic();
 * ```
 */
export function fc(x: Tensor | readonly Tensor[], size: number, options?: FcOptions): Tensor {
  const o = checkOptions<FcOptions>("static.nn.fc", options, fcKeys);
  if (!Number.isInteger(size) || size < 1)
    throw new InvalidArgumentError(`size must be a positive integer, got ${size}.`, { op: "static.nn.fc" });
  const inputs = Array.isArray(x) ? (x as readonly Tensor[]) : [x as Tensor];
  if (inputs.length === 0) throw new InvalidArgumentError("needs an input.", { op: "static.nn.fc" });
  const helper = new LayerHelper("static.nn.fc", "fc", o.name);
  const attrs = attrsFor(o, inputs.length);
  let keep = o.numFlattenDims ?? 1;
  const products = inputs.map((input, i) => {
    requireTensor(input, "static.nn.fc");
    if (keep === -1) keep = input.ndim - 1;
    return helper.named(product(helper, input, size, keep, attrs[i]));
  });
  const sum = products.length === 1 ? products[0]! : helper.named(addN(products));
  const bias = helper.parameter([size], inputs[0]!.dtype, { attr: o.biasAttr, isBias: true });
  return helper.activated(helper.shifted(sum, bias, sum.ndim - 1), o.activation);
}

function attrsFor(o: FcOptions, n: number): readonly AttrLike[] {
  if (o.weightAttr !== undefined && o.paramAttr !== undefined)
    throw new InvalidArgumentError("weightAttr and paramAttr are the same setting; give one of them.", {
      op: "static.nn.fc",
    });
  const given = o.weightAttr ?? o.paramAttr;
  const list = Array.isArray(given) ? (given as readonly AttrLike[]) : [given as AttrLike];
  if (list.length !== 1 && list.length !== n)
    throw new InvalidArgumentError(`there are ${list.length} attributes for ${n} inputs.`, { op: "static.nn.fc" });
  return Array.from({ length: n }, (_, i) => (list.length === 1 ? list[0] : list[i]));
}

function product(helper: LayerHelper, x: Tensor, size: number, keep: number, attr: AttrLike): Tensor {
  if (!Number.isInteger(keep) || keep < 1 || keep >= x.ndim)
    throw new InvalidArgumentError(
      `numFlattenDims must be from 1 to ${x.ndim - 1} for an input of ${x.ndim} axes, got ${keep}.`,
      { op: helper.op },
    );
  const flat = x.shape.slice(keep);
  if (flat.some((n) => publicExtent(n) < 0))
    throw new InvalidArgumentError(
      `the extents ${formatShape(flat.map(publicExtent))} that are flattened must be known.`,
      {
        op: helper.op,
        hint: "give them in static.data, or another numFlattenDims.",
      },
    );
  const weight = helper.required([sizeOf(flat), size], x.dtype, { attr });
  const matrix = flat.length === 1 ? x : reshape(x, [...x.shape.slice(0, keep), sizeOf(flat)]);
  return matmul(matrix, weight);
}

/** Options of {@link bilinearTensorProduct}. */
export interface BilinearTensorProductOptions {
  readonly act?: Activation;
  readonly name?: string | null | undefined;
  readonly paramAttr?: AttrLike;
  /** Alias of paramAttr. */
  readonly weightAttr?: AttrLike;
  /** False: no bias. */
  readonly biasAttr?: AttrLike;
}

/** `act(x weight_i yᵀ + bias)` for each of `size` matrices `weight_i`; x is `[N, I]`, y `[N, J]`. */
export function bilinearTensorProduct(
  x: Tensor,
  y: Tensor,
  size: number,
  options?: BilinearTensorProductOptions,
): Tensor {
  const op = "static.nn.bilinearTensorProduct";
  const o = checkOptions<BilinearTensorProductOptions>(op, options, [
    "act",
    "name",
    "paramAttr",
    "weightAttr",
    "biasAttr",
  ]);
  const helper = new LayerHelper(op, "bilinear_tensor_product", o.name);
  const attr = aliasedAttr(o.weightAttr, o.paramAttr, op);
  const weight = helper.required([size, x.shape[1]!, y.shape[1]!], x.dtype, { attr });
  const bias =
    toParamAttr(o.biasAttr, op) === false
      ? null
      : helper.parameter([1, size], x.dtype, { attr: o.biasAttr, isBias: true });
  return helper.activated(helper.named(bilinear(x, y, weight, { bias })), o.act);
}
