// createParameter: the framework's defaults around the one door through which parameters are made.

import type { DType } from "../core/dtype.js";
import { InvalidArgumentError } from "../core/errors.js";
import { checkOptions, isOptions, splitOptions, type Trailing } from "../core/options.js";
import { getDefaultDtype } from "../core/promotion.js";
import type { Shape } from "../core/shape.js";
import { obtainParameter } from "../param/create.js";
import type { Initializer } from "../param/initializer.js";
import { type AttrLike, ParamAttr, toParamAttr } from "../param/param-attr.js";
import type { Parameter } from "../param/parameter.js";
import { uniqueName } from "../param/unique-name.js";
import { Constant } from "./initializer/constant.js";
import { XavierUniform } from "./initializer/xavier.js";

/** Options of a layer's `createParameter`. */
export interface CreateParameterOptions {
  /** Any accepted form of a ParamAttr; false: there is no such parameter. */
  readonly attr?: AttrLike;
  /** By default the layer's (for layers) or the default dtype. */
  readonly dtype?: DType | undefined;
  /** Biases are named `b_N` and start at 0, weights `w_N` and start XavierUniform. */
  readonly isBias?: boolean | undefined;
  /** The layer's own default. */
  readonly defaultInitializer?: Initializer | undefined;
}

const keys = ["attr", "dtype", "isBias", "defaultInitializer"] as const;

/** `createParameter(shape, options)` and `createParameter({ shape, ...options })` as one form. */
export function parameterArguments(
  first: Shape | (CreateParameterOptions & { readonly shape: Shape }),
  options: CreateParameterOptions | undefined,
): [Shape, CreateParameterOptions] {
  if (!isOptions(first)) return [first as Shape, checkOptions("createParameter", options, keys)];
  const { shape, ...rest } = checkOptions("createParameter", first, ["shape", ...keys]) as {
    shape: Shape;
  } & CreateParameterOptions;
  return [shape, rest];
}

const fallbackWeight = new XavierUniform();
const fallbackBias = new Constant(0);

/** Makes (or joins, by name) a parameter for `creator`; null when the attribute is false. */
export function makeParameter(
  shape: Shape,
  o: CreateParameterOptions,
  prefix: string,
  creator: string,
  dtype: DType,
): Parameter | null {
  const attr = toParamAttr(o.attr === "" ? undefined : o.attr, creator);
  if (attr === false) return null;
  if (attr.forHelpers)
    throw new InvalidArgumentError("a WeightNormParamAttr is for the helpers of static.nn.", {
      op: creator,
      hint: "call one, as static.nn.fc, in place of the layer.",
    });
  const isBias = o.isBias ?? false;
  return obtainParameter({
    shape,
    dtype: o.dtype ?? dtype,
    attr,
    isBias,
    defaultInitializer: o.defaultInitializer,
    fallback: isBias ? fallbackBias : fallbackWeight,
    prefix,
    creator,
  });
}

/** Options of the function {@link createParameter}. */
export interface CreateParameterFunctionOptions extends CreateParameterOptions {
  /** The name as it is; with an attribute that has no name, the prefix of a generated one. */
  readonly name?: string | null | undefined;
}

/**
 * A parameter that belongs to no layer; put it in a field of one, or in an optimizer's `parameters`.
 *
 * @returns the parameter, or null when the attribute is false
 * @throws InvalidArgumentError for negative extents, or a dtype without a default initializer; AlreadyExistsError for a taken name.
 * @example
 * ```ts
 * import { createParameter } from "oarjs";
 * console.log(createParameter([2, 3], "float32")?.name); // create_parameter_0.w_0
 * ```
 */
export function createParameter(
  shape: Shape,
  dtype: DType = getDefaultDtype(),
  ...rest: Trailing<string | null, CreateParameterFunctionOptions>
): Parameter | null {
  const { name, ...o } = splitOptions<CreateParameterFunctionOptions>("createParameter", rest, ["name", ...keys]);
  const named = name !== undefined && name !== null;
  if (named && (o.attr === undefined || o.attr === null))
    return makeParameter(shape, { ...o, attr: new ParamAttr({ name }) }, name, "createParameter", dtype);
  const prefix = named ? name : uniqueName.generate("create_parameter");
  return makeParameter(shape, o, prefix, "createParameter", dtype);
}
