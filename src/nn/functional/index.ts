// Paddle's `nn.functional`.

export * from "./activation.js";
export * from "./dropout.js";
export * from "./common.js";
export * from "./cross-entropy.js";
export * from "./distance.js";
export {
  embedding,
  type EmbeddingOptions,
  labelSmooth,
  type LabelSmoothOptions,
  oneHot,
  type OneHotOptions,
  sequenceMask,
  type SequenceMaskOptions,
} from "./embedding.js";
export * from "./loss.js";
export * from "./loss-margin.js";
export * from "./loss-sequence.js";
export * from "./loss-tree.js";
export {
  type AffineOptions,
  batchNorm,
  type BatchNormOptions,
  type DataFormat,
  groupNorm,
  type GroupNormOptions,
  instanceNorm,
  type InstanceNormOptions,
  layerNorm,
  type LayerNormOptions,
  rmsNorm,
  type RmsNormOptions,
} from "./norm.js";
export { pad, type PadFormat, type PadMode, type PadOptions, zeropad2d, type ZeroPad2dOptions } from "./padding.js";
export type { Reduction, ReductionOptions } from "./checks.js";
export * from "./softmax.js";
export * from "./conv.js";
export * from "./pooling.js";
export * from "./pooling-adaptive.js";
export type { Padding, PerAxis, SpatialFormat } from "./spatial.js";
export * from "./fold.js";
export * from "./vision.js";
export { type AttentionOptions, scaledDotProductAttention } from "./attention.js";
