// Paddle's older batch norm layer, of any rank.

import type { DType } from "../../core/dtype.js";
import { UnimplementedError } from "../../core/errors.js";
import { splitOptions, type Trailing } from "../../core/options.js";
import type { AttrLike } from "../../param/param-attr.js";
import type { Tensor } from "../../tensor/tensor.js";
import { BatchNormBase, type BatchNormLayerOptions, formatOf } from "./batch-norm.js";

/** Options of {@link BatchNorm}. */
export interface LegacyBatchNormOptions {
  /** An activation afterwards: none is the only one here; put a layer behind instead. */
  readonly act?: null | undefined;
  /** Begin in evaluation. Default false. */
  readonly isTest?: boolean | undefined;
  readonly momentum?: number | undefined;
  readonly epsilon?: number | undefined;
  readonly paramAttr?: AttrLike;
  /** Alias of paramAttr. */
  readonly weightAttr?: AttrLike;
  readonly biasAttr?: AttrLike;
  readonly dtype?: DType | undefined;
  /** Default "NCHW". */
  readonly dataLayout?: "NCHW" | "NHWC" | undefined;
  /** Accepted for Paddle's sake. */
  readonly inPlace?: boolean | undefined;
  readonly movingMeanName?: string | null | undefined;
  readonly movingVarianceName?: string | null | undefined;
  readonly doModelAverageForMeanAndVar?: boolean | undefined;
  readonly useGlobalStats?: boolean | undefined;
  /** Use and learn the batch's statistics in evaluation too. Default false. */
  readonly trainableStatistics?: boolean | undefined;
}

const legacyKeys = [
  "act",
  "isTest",
  "momentum",
  "epsilon",
  "paramAttr",
  "weightAttr",
  "biasAttr",
  "dtype",
  "dataLayout",
  "inPlace",
  "movingMeanName",
  "movingVarianceName",
  "doModelAverageForMeanAndVar",
  "useGlobalStats",
  "trainableStatistics",
] as const;

/** Paddle's older batch norm, of any rank from 2. */
export class BatchNorm extends BatchNormBase {
  readonly #trainableStatistics: boolean;

  constructor(numChannels: number, ...rest: Trailing<null, LegacyBatchNormOptions>) {
    const o = splitOptions<LegacyBatchNormOptions>("BatchNorm", rest, legacyKeys);
    if (o.act)
      throw new UnimplementedError("activations inside batch norm are not built in.", {
        op: "BatchNorm",
        hint: "put the activation's layer behind it.",
      });
    super(new.target === BatchNorm ? "batch_norm" : null, {
      channels: numChannels,
      format: formatOf(o.dataLayout, ["NCHW", "NHWC"], "BatchNorm"),
      options: { ...pick(o), useGlobalStats: o.useGlobalStats || null },
      dtype: o.dtype,
      meanName: o.movingMeanName ?? undefined,
      varianceName: o.movingVarianceName ?? undefined,
      averaged: o.doModelAverageForMeanAndVar,
    });
    this.#trainableStatistics = o.trainableStatistics ?? false;
    if (o.isTest) this.training = false;
  }

  override forward(x: Tensor): Tensor {
    const before = this.useGlobalStats;
    if (!this.training && this.#trainableStatistics) this.useGlobalStats ??= false;
    try {
      return super.forward(x);
    } finally {
      this.useGlobalStats = before;
    }
  }

  override extraRepr(): string {
    return "";
  }
}

const pick = ({
  momentum,
  epsilon,
  paramAttr,
  weightAttr,
  biasAttr,
}: LegacyBatchNormOptions): BatchNormLayerOptions => ({
  momentum,
  epsilon,
  paramAttr,
  weightAttr,
  biasAttr,
});
