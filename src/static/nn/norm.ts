// static.nn's normalisations: batch, layer, group, instance and spectral norm.

import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, checkOptions, type Trailing } from "../../core/options.js";
import { type Shape, sizeOf } from "../../core/shape.js";
import {
  batchNorm as batchNormOf,
  channelAxis,
  groupNorm as groupNormOf,
  instanceNorm as instanceNormOf,
  layerNorm as layerNormOf,
} from "../../nn/functional/norm.js";
import { Constant } from "../../nn/initializer/constant.js";
import { SpectralNorm } from "../../nn/layers/spectral-norm.js";
import { type AttrLike, aliasedAttr, ParamAttr, toParamAttr } from "../../param/param-attr.js";
import { uniqueName } from "../../param/unique-name.js";
import type { Tensor } from "../../tensor/tensor.js";
import { type Activation, LayerHelper, requireTensor, wanted } from "../helper.js";
import { programOf } from "../owners.js";

const one = new Constant(1);

/** Options of {@link batchNorm}. */
export interface StaticBatchNormOptions {
  readonly act?: Activation;
  /** Normalise by the running statistics and keep them. Default false; `clone({ forTest: true })` does the same. */
  readonly isTest?: boolean | undefined;
  /** How much of the former running statistics stays. Default 0.9. */
  readonly momentum?: number | undefined;
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number | undefined;
  /** Scale. */
  readonly paramAttr?: AttrLike;
  /** Alias of paramAttr. */
  readonly weightAttr?: AttrLike;
  /** Shift. */
  readonly biasAttr?: AttrLike;
  readonly dataLayout?: "NCHW" | "NHWC" | undefined;
  /** Accepted for Paddle's sake. */
  readonly inPlace?: boolean | undefined;
  readonly name?: string | null | undefined;
  readonly movingMeanName?: string | null | undefined;
  readonly movingVarianceName?: string | null | undefined;
  readonly doModelAverageForMeanAndVar?: boolean | undefined;
  /** Normalise by the running statistics in training, too. Default false. */
  readonly useGlobalStats?: boolean | undefined;
}

const batchNormKeys = [
  "act",
  "isTest",
  "momentum",
  "epsilon",
  "paramAttr",
  "weightAttr",
  "biasAttr",
  "dataLayout",
  "inPlace",
  "name",
  "movingMeanName",
  "movingVarianceName",
  "doModelAverageForMeanAndVar",
  "useGlobalStats",
] as const;

/**
 * Batch norm with its parameters: scale `NAME.w_0` (1), shift `NAME.b_0` (0), running mean `NAME.w_1` (0) and variance `NAME.w_2` (1).
 *
 * @example
 * ```ts
 * import { disableStatic, enableStatic, static as static_ } from "oarjs";
 * enableStatic();
 * const [main, startup] = [new static_.Program(), new static_.Program()];
 * static_.programGuard(main, startup, () => static_.nn.batchNorm(static_.data("x", [-1, 3])));
 * console.log(main.allParameters().length); // 4
 * disableStatic();
 * ```
 */
export function batchNorm(input: Tensor, ...rest: Trailing<Activation, StaticBatchNormOptions>): Tensor {
  const op = "static.nn.batchNorm";
  const o = splitOptions<StaticBatchNormOptions>(op, rest, batchNormKeys);
  requireTensor(input, op);
  const format = o.dataLayout ?? "NCHW";
  const channels = input.shape[channelAxis(format, input.ndim, op)]!;
  const helper = new LayerHelper(op, "batch_norm", o.name);
  const dtype = input.dtype === "float16" || input.dtype === "bfloat16" ? "float32" : input.dtype;
  const attr = aliasedAttr(o.weightAttr, o.paramAttr, op);
  const weight = helper.parameter([channels], dtype, { attr, defaultInitializer: one });
  const bias = helper.parameter([channels], dtype, { attr: o.biasAttr, isBias: true });
  const statistic = (name: string | null | undefined, value: number): Tensor =>
    helper.required([channels], dtype, {
      attr: new ParamAttr({
        name: name ?? undefined,
        initializer: new Constant(value),
        trainable: false,
        doModelAverage: o.doModelAverageForMeanAndVar ?? true,
      }),
    });
  const mean = statistic(o.movingMeanName, 0);
  const variance = statistic(o.movingVarianceName, 1);
  const y = batchNormOf(input, mean, variance, {
    weight,
    bias,
    training: !(o.isTest ?? false),
    momentum: o.momentum,
    epsilon: o.epsilon,
    dataFormat: format,
    useGlobalStats: o.isTest || o.useGlobalStats ? true : null,
  });
  // Paddle's op has three temporaries before its output, and two when it tests.
  return helper.activated(helper.named(y, o.isTest ? 2 : 3), o.act);
}

/** Options of {@link layerNorm}. */
export interface StaticLayerNormOptions {
  /** Whether there is a scale. Default true. */
  readonly scale?: boolean | undefined;
  /** Whether there is a shift. Default true. */
  readonly shift?: boolean | undefined;
  /** The first axis that is normalised. Default 1. */
  readonly beginNormAxis?: number | undefined;
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number | undefined;
  readonly paramAttr?: AttrLike;
  /** Alias of paramAttr. */
  readonly weightAttr?: AttrLike;
  readonly biasAttr?: AttrLike;
  readonly act?: Activation;
  readonly name?: string | null | undefined;
}

const layerNormKeys = [
  "scale",
  "shift",
  "beginNormAxis",
  "epsilon",
  "paramAttr",
  "weightAttr",
  "biasAttr",
  "act",
  "name",
] as const;

/** Layer norm over the axes from `beginNormAxis`, with flat parameters `NAME.w_0` (1) and `NAME.b_0` (0). */
export function layerNorm(input: Tensor, ...rest: Trailing<boolean, StaticLayerNormOptions>): Tensor {
  const op = "static.nn.layerNorm";
  const o = splitOptions<StaticLayerNormOptions>(op, rest, layerNormKeys);
  requireTensor(input, op);
  const helper = new LayerHelper(op, "layer_norm", o.name);
  const shape: Shape = input.shape.slice(o.beginNormAxis ?? 1);
  const attr = aliasedAttr(o.weightAttr, o.paramAttr, op);
  const flat = [sizeOf(shape)];
  const scaled = o.scale ?? true;
  const weight = scaled ? helper.parameter(flat, input.dtype, { attr, defaultInitializer: one }) : null;
  const bias = (o.shift ?? true) ? helper.parameter(flat, input.dtype, { attr: o.biasAttr, isBias: true }) : null;
  return helper.activated(helper.named(layerNormOf(input, shape, { weight, bias, epsilon: o.epsilon }), 2), o.act);
}

/** Options of {@link groupNorm}. */
export interface StaticGroupNormOptions {
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number | undefined;
  /** Scale; there is none unless this is given. */
  readonly paramAttr?: AttrLike;
  /** Alias of paramAttr. */
  readonly weightAttr?: AttrLike;
  /** Shift; there is none unless this is given. */
  readonly biasAttr?: AttrLike;
  readonly act?: Activation;
  readonly dataLayout?: "NCHW" | "NHWC" | undefined;
  readonly name?: string | null | undefined;
}

const groupNormKeys = ["epsilon", "paramAttr", "weightAttr", "biasAttr", "act", "dataLayout", "name"] as const;

/** Group norm; as in Paddle there are no parameters unless attributes are given. */
export function groupNorm(input: Tensor, groups: number, ...rest: Trailing<number, StaticGroupNormOptions>): Tensor {
  const op = "static.nn.groupNorm";
  const o = splitOptions<StaticGroupNormOptions>(op, rest, groupNormKeys);
  requireTensor(input, op);
  const helper = new LayerHelper(op, "group_norm", o.name);
  const dataFormat = o.dataLayout ?? "NCHW";
  const channels = [input.shape[channelAxis(dataFormat, input.ndim, op)]!];
  const attr = aliasedAttr(o.weightAttr, o.paramAttr, op);
  const weight = wanted(attr) ? helper.parameter(channels, input.dtype, { attr, defaultInitializer: one }) : null;
  const bias = wanted(o.biasAttr) ? helper.parameter(channels, input.dtype, { attr: o.biasAttr, isBias: true }) : null;
  const y = groupNormOf(input, groups, { epsilon: o.epsilon, weight, bias, dataFormat });
  return helper.activated(programOf(y, op).rename(y, uniqueName.generate("_generated_var")), o.act);
}

/** Options of {@link instanceNorm}. */
export interface StaticInstanceNormOptions {
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number | undefined;
  /** Scale and shift; there are none unless both are given. */
  readonly paramAttr?: AttrLike;
  /** Alias of paramAttr. */
  readonly weightAttr?: AttrLike;
  readonly biasAttr?: AttrLike;
  readonly name?: string | null | undefined;
}

/** Instance norm; as in Paddle there are no parameters unless both attributes are given. */
export function instanceNorm(input: Tensor, ...rest: Trailing<number, StaticInstanceNormOptions>): Tensor {
  const op = "static.nn.instanceNorm";
  const o = splitOptions<StaticInstanceNormOptions>(op, rest, [
    "epsilon",
    "paramAttr",
    "weightAttr",
    "biasAttr",
    "name",
  ]);
  requireTensor(input, op);
  const attr = aliasedAttr(o.weightAttr, o.paramAttr, op);
  if (toParamAttr(attr, op) === false && toParamAttr(o.biasAttr, op) !== false)
    throw new InvalidArgumentError("paramAttr and biasAttr must both be false, or neither.", { op });
  const helper = new LayerHelper(op, "instance_norm", o.name);
  const both = wanted(attr) && wanted(o.biasAttr);
  const channels = [input.shape[1]!];
  const weight = both ? helper.parameter(channels, input.dtype, { attr, defaultInitializer: one }) : null;
  const bias = both ? helper.parameter(channels, input.dtype, { attr: o.biasAttr, isBias: true }) : null;
  return helper.named(instanceNormOf(input, { weight, bias, eps: o.epsilon }), 2);
}

/** Options of {@link spectralNorm}. */
export interface StaticSpectralNormOptions {
  /** The axis of rows; all others are columns. Default 0. */
  readonly dim?: number | undefined;
  /** Steps of the power method. Default 1. */
  readonly powerIters?: number | undefined;
  /** Added to lengths. Default 1e-12. */
  readonly eps?: number | undefined;
  /** Accepted for Paddle's sake; it names nothing. */
  readonly name?: string | null | undefined;
}

/** A weight divided by its largest singular value, estimated from two kept vectors `NAME.w_0` and `NAME.w_1`. */
export function spectralNorm(weight: Tensor, ...rest: Trailing<number, StaticSpectralNormOptions>): Tensor {
  const op = "static.nn.spectralNorm";
  const o = splitOptions<StaticSpectralNormOptions>(op, rest, ["dim", "powerIters", "eps", "name"]);
  requireTensor(weight, op);
  const layer = new SpectralNorm(
    weight.shape,
    checkOptions(op, { dim: o.dim, powerIters: o.powerIters, eps: o.eps }, ["dim", "powerIters", "eps"]),
  );
  return layer(weight) as Tensor;
}
