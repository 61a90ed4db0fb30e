// static.nn: layers as functions that make their parameters.

export { type BranchFunction, caseOf as case, type CaseOptions, cond, type CondOptions } from "./control-flow.js";
export { switchCase, type SwitchBranches } from "./control-flow.js";
export { type LoopVariables, whileLoop, type WhileLoopOptions } from "./control-flow-loop.js";
export { conv2d, conv2dTranspose, conv3d, conv3dTranspose } from "./conv.js";
export type { StaticConvOptions, StaticConvTransposeOptions } from "./conv.js";
export { dataNorm, type DataNormOptions } from "./data-norm.js";
export { embedding, sparseEmbedding } from "./embedding.js";
export type { SparseEmbeddingOptions, StaticEmbeddingOptions } from "./embedding.js";
export { bilinearTensorProduct, type BilinearTensorProductOptions, fc, type FcOptions } from "./fc.js";
export { batchNorm, groupNorm, instanceNorm, layerNorm, spectralNorm } from "./norm.js";
export type {
  StaticBatchNormOptions,
  StaticGroupNormOptions,
  StaticInstanceNormOptions,
  StaticLayerNormOptions,
  StaticSpectralNormOptions,
} from "./norm.js";
export { prelu, rowConv, type RowConvOptions, type StaticPreluOptions } from "./other.js";
