// The nn room's public names: Paddle's `nn`.

export {
  ClipGradByGlobalNorm,
  type ClipGradByGlobalNormOptions,
  ClipGradByNorm,
  ClipGradByValue,
  type ClipGradByValueOptions,
  GradientClip,
  type ParameterGradient,
} from "./clip.js";
export {
  LayerDict,
  type LayerEntries,
  LayerList,
  ParameterList,
  Sequential,
  type SequentialItem,
} from "./containers.js";
export type { CreateParameterFunctionOptions, CreateParameterOptions } from "./create-parameter.js";
export * as functional from "./functional/index.js";
export * as initializer from "./initializer/index.js";
export {
  type ForwardPostHook,
  type ForwardPreHook,
  type HookRemover,
  Layer,
  type NamedOptions,
} from "./layer.js";
export {
  AlphaDropout,
  Dropout,
  Dropout2D,
  Dropout3D,
  type DropoutLayerOptions,
  FeatureAlphaDropout,
  RReLU,
} from "./layers/dropout.js";
export { Embedding, type EmbeddingLayerOptions } from "./layers/embedding.js";
export { Linear, type LinearOptions } from "./layers/linear.js";
export type { LoadOptions, LoadReport, StateDict } from "./state.js";
