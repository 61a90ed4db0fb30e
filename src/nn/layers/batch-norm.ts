// Batch norm layers: normalisation by the batch while training, by running statistics in evaluation.

import type { DType } from "../../core/dtype.js";
import { InvalidArgumentError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import { formatShape } from "../../core/shape.js";
import { type AttrLike, aliasedAttr, ParamAttr } from "../../param/param-attr.js";
import type { Parameter } from "../../param/parameter.js";
import type { Tensor } from "../../tensor/tensor.js";
import { batchNorm, type DataFormat } from "../functional/norm.js";
import { Constant } from "../initializer/constant.js";
import { Layer } from "../layer.js";

/** Options of the batch norm layers. */
export interface BatchNormLayerOptions {
  /** How much of the former running statistics stays. Default 0.9. */
  readonly momentum?: number | undefined;
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number | undefined;
  /** Scale; false: none. */
  readonly weightAttr?: AttrLike;
  /** Alias of weightAttr. */
  readonly paramAttr?: AttrLike;
  /** Shift; false: none. */
  readonly biasAttr?: AttrLike;
  /** Where channels stand. Default channels first. */
  readonly dataFormat?: DataFormat | undefined;
  /** Use the running statistics while training too (true), or the batch's in evaluation too (false). */
  readonly useGlobalStats?: boolean | null | undefined;
  /** Names the statistics `<name>_mean` and `<name>_variance`. */
  readonly name?: string | null | undefined;
}

const keys = [
  "momentum",
  "epsilon",
  "weightAttr",
  "paramAttr",
  "biasAttr",
  "dataFormat",
  "useGlobalStats",
  "name",
] as const;

/** What all batch norm layers are made with. */
interface BatchNormSettings {
  readonly channels: number;
  readonly format: DataFormat;
  readonly options: BatchNormLayerOptions;
  readonly dtype?: DType | undefined;
  readonly meanName?: string | undefined;
  readonly varianceName?: string | undefined;
  readonly averaged?: boolean | undefined;
}

/** The common part: scale, shift, and the two running statistics, which are parameters that nothing trains. */
export class BatchNormBase extends Layer {
  readonly numFeatures: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly dataFormat: DataFormat;
  useGlobalStats: boolean | null;
  weight: Parameter | null;
  bias: Parameter | null;
  _mean: Parameter;
  _variance: Parameter;

  constructor(scope: string | null, { channels, format, options: o, dtype, ...s }: BatchNormSettings) {
    super(scope, dtype === "float16" || dtype === "bfloat16" ? "float32" : dtype);
    if (!Number.isInteger(channels) || channels < 1)
      throw new InvalidArgumentError(`the number of channels must be a positive integer, got ${channels}.`, {
        op: this.fullName(),
      });
    this.numFeatures = channels;
    this.momentum = o.momentum ?? 0.9;
    this.epsilon = o.epsilon ?? 1e-5;
    this.dataFormat = format;
    this.useGlobalStats = o.useGlobalStats ?? null;
    const attr = aliasedAttr(o.weightAttr, o.paramAttr, this.fullName());
    this.weight = this.createParameter([channels], { attr, defaultInitializer: new Constant(1) });
    this.bias = this.createParameter([channels], { attr: o.biasAttr, isBias: true });
    const named = o.name ?? undefined;
    const statistic = (name: string | undefined, value: number): Parameter =>
      this.requireParameter([channels], {
        attr: new ParamAttr({
          name,
          initializer: new Constant(value),
          trainable: false,
          doModelAverage: s.averaged ?? true,
        }),
      });
    this._mean = statistic(s.meanName ?? (named && `${named}_mean`), 0);
    this._variance = statistic(s.varianceName ?? (named && `${named}_variance`), 1);
  }

  /** Throws InvalidArgument for a rank that the layer does not take. */
  protected checkRank(_x: Tensor): void {}

  override forward(x: Tensor): Tensor {
    this.checkRank(x);
    return batchNorm(x, this._mean, this._variance, {
      weight: this.weight,
      bias: this.bias,
      training: this.training,
      momentum: this.momentum,
      epsilon: this.epsilon,
      dataFormat: this.dataFormat,
      // A frozen layer keeps its statistics: it must not depend on the batch.
      useGlobalStats: this.isFrozen ? true : this.useGlobalStats,
    });
  }

  override extraRepr(): string {
    const format = this.dataFormat === "NCHW" ? "" : `, data_format=${this.dataFormat}`;
    return `num_features=${this.numFeatures}, momentum=${this.momentum}, epsilon=${this.epsilon}${format}`;
  }
}

function requireRank(x: Tensor, ranks: readonly number[], op: string): void {
  if (ranks.includes(x.shape.length)) return;
  throw new InvalidArgumentError(`needs an input of ${ranks.join(" or ")} axes, got ${formatShape(x.shape)}.`, {
    op,
    x: x.shape,
  });
}

/** The format asked for, one of those a layer takes; the first by default. */
export function formatOf<F extends DataFormat>(given: DataFormat | undefined, allowed: readonly F[], op: string): F {
  const format = given ?? allowed[0]!;
  const known = allowed.find((f) => f === format);
  if (known) return known;
  throw new InvalidArgumentError(`dataFormat must be ${allowed.join(", ")}, got ${JSON.stringify(given)}.`, { op });
}

/**
 * Batch norm of `[N, C]` or `[N, C, L]` (`[N, L, C]` with `dataFormat: "NLC"`).
 *
 * @example
 * ```ts
 * import { nn, ones } from "oarjs";
 * const bn = new nn.BatchNorm1D(3);
 * console.log(bn(ones([4, 3])).shape, Object.keys(bn.stateDict()).length); // [4, 3] 4
 * ```
 */
export class BatchNorm1D extends BatchNormBase {
  constructor(numFeatures: number, ...rest: Trailing<number, BatchNormLayerOptions>) {
    const options = splitOptions<BatchNormLayerOptions>("BatchNorm1D", rest, keys);
    const format = formatOf(options.dataFormat, ["NCL", "NC", "NLC"], "BatchNorm1D");
    super(new.target === BatchNorm1D ? "batch_norm1d" : null, { channels: numFeatures, format, options });
  }

  protected override checkRank(x: Tensor): void {
    requireRank(x, [2, 3], "BatchNorm1D");
  }
}

/** Batch norm of `[N, C, H, W]` (`[N, H, W, C]` with `dataFormat: "NHWC"`). */
export class BatchNorm2D extends BatchNormBase {
  constructor(numFeatures: number, ...rest: Trailing<number, BatchNormLayerOptions>) {
    const options = splitOptions<BatchNormLayerOptions>("BatchNorm2D", rest, keys);
    const format = formatOf(options.dataFormat, ["NCHW", "NHWC"], "BatchNorm2D");
    super(new.target === BatchNorm2D ? "batch_norm2d" : null, { channels: numFeatures, format, options });
  }

  protected override checkRank(x: Tensor): void {
    requireRank(x, [4], "BatchNorm2D");
  }
}

/** Batch norm of `[N, C, D, H, W]` (`[N, D, H, W, C]` with `dataFormat: "NDHWC"`). */
export class BatchNorm3D extends BatchNormBase {
  constructor(numFeatures: number, ...rest: Trailing<number, BatchNormLayerOptions>) {
    const options = splitOptions<BatchNormLayerOptions>("BatchNorm3D", rest, keys);
    const format = formatOf(options.dataFormat, ["NCDHW", "NDHWC"], "BatchNorm3D");
    super(new.target === BatchNorm3D ? "batch_norm3d" : null, { channels: numFeatures, format, options });
  }

  protected override checkRank(x: Tensor): void {
    requireRank(x, [5], "BatchNorm3D");
  }
}

/** Batch norm whose statistics all workers share; with one worker it is {@link BatchNorm2D} of any rank. */
export class SyncBatchNorm extends BatchNormBase {
  constructor(numFeatures: number, ...rest: Trailing<number, Omit<BatchNormLayerOptions, "useGlobalStats">>) {
    const options = splitOptions<BatchNormLayerOptions>("SyncBatchNorm", rest, keys);
    const format = options.dataFormat ?? "NCHW";
    super(new.target === SyncBatchNorm ? "sync_batch_norm" : null, { channels: numFeatures, format, options });
  }

  /** The layer with every batch norm in it replaced by one that shares its parameters and statistics with all workers. */
  static convertSyncBatchnorm<L extends Layer>(layer: L): L | SyncBatchNorm {
    if (layer instanceof BatchNormBase && !(layer instanceof SyncBatchNorm)) return synchronised(layer);
    for (const [name, child] of layer.namedChildren()) {
      const converted = SyncBatchNorm.convertSyncBatchnorm(child);
      if (converted !== child) layer.addSublayer(name, converted);
    }
    return layer;
  }
}

function synchronised(layer: BatchNormBase): SyncBatchNorm {
  const { momentum, epsilon, dataFormat } = layer;
  const out = new SyncBatchNorm(layer.numFeatures, {
    momentum,
    epsilon,
    dataFormat,
    weightAttr: layer.weight ? undefined : false,
    biasAttr: layer.bias ? undefined : false,
  });
  out.weight = layer.weight;
  out.bias = layer.bias;
  out._mean = layer._mean;
  out._variance = layer._variance;
  out.training = layer.training;
  return out;
}
