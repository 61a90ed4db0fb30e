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
  /** @deprecated use LayerDict */
  LayerDict as ModuleDict,
  type LayerEntries,
  LayerList,
  /** @deprecated use LayerList */
  LayerList as ModuleList,
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
  /** @deprecated use Layer */
  Layer as Module,
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
export type { NamedOptions } from "./members.js";
export type { LoadOptions, LoadReport, StateDict } from "./state.js";
export {
  BatchNorm1D,
  BatchNorm2D,
  BatchNorm3D,
  type BatchNormLayerOptions,
  SyncBatchNorm,
} from "./layers/batch-norm.js";
export {
  Bilinear,
  type BilinearOptions,
  CosineSimilarity,
  Flatten,
  type FlattenLayerOptions,
  Identity,
  LogSoftmax,
  PairwiseDistance,
  Softmax,
  Softmax2D,
  type SoftmaxLayerOptions,
  Unflatten,
} from "./layers/common.js";
export {
  BCELoss,
  BCEWithLogitsLoss,
  CrossEntropyLoss,
  GaussianNLLLoss,
  KLDivLoss,
  L1Loss,
  MSELoss,
  NLLLoss,
  PoissonNLLLoss,
  SmoothL1Loss,
  /** @deprecated use SmoothL1Loss */
  SmoothL1Loss as HuberLoss,
  SoftMarginLoss,
} from "./layers/loss.js";
export {
  CosineEmbeddingLoss,
  HingeEmbeddingLoss,
  MarginRankingLoss,
  MultiLabelMarginLoss,
  MultiLabelSoftMarginLoss,
  MultiMarginLoss,
  TripletMarginLoss,
  TripletMarginWithDistanceLoss,
} from "./layers/loss-margin.js";
export {
  GroupNorm,
  type GroupNormLayerOptions,
  InstanceNorm1D,
  InstanceNorm2D,
  InstanceNorm3D,
  type InstanceNormLayerOptions,
  LayerNorm,
  LocalResponseNorm,
  type NormLayerOptions,
} from "./layers/norm.js";
export {
  CircularPad1D,
  CircularPad2D,
  CircularPad3D,
  ConstantPad1D,
  ConstantPad2D,
  ConstantPad3D,
  ReflectionPad1D,
  ReflectionPad2D,
  ReflectionPad3D,
  ReplicationPad1D,
  ReplicationPad2D,
  ReplicationPad3D,
  ZeroPad1D,
  ZeroPad2D,
  ZeroPad3D,
  Pad1D,
  Pad2D,
  Pad3D,
  type PadLayerOptions,
} from "./layers/padding.js";
export {
  /** @deprecated use CircularPad1D */
  CircularPad1D as CircularPad1d,
  /** @deprecated use CircularPad2D */
  CircularPad2D as CircularPad2d,
  /** @deprecated use CircularPad3D */
  CircularPad3D as CircularPad3d,
  /** @deprecated use ConstantPad1D */
  ConstantPad1D as ConstantPad1d,
  /** @deprecated use ConstantPad2D */
  ConstantPad2D as ConstantPad2d,
  /** @deprecated use ConstantPad3D */
  ConstantPad3D as ConstantPad3d,
  /** @deprecated use ReflectionPad1D */
  ReflectionPad1D as ReflectionPad1d,
  /** @deprecated use ReflectionPad2D */
  ReflectionPad2D as ReflectionPad2d,
  /** @deprecated use ReflectionPad3D */
  ReflectionPad3D as ReflectionPad3d,
  /** @deprecated use ReplicationPad1D */
  ReplicationPad1D as ReplicationPad1d,
  /** @deprecated use ReplicationPad2D */
  ReplicationPad2D as ReplicationPad2d,
  /** @deprecated use ReplicationPad3D */
  ReplicationPad3D as ReplicationPad3d,
  /** @deprecated use ZeroPad1D */
  ZeroPad1D as ZeroPad1d,
  /** @deprecated use ZeroPad2D */
  ZeroPad2D as ZeroPad2d,
  /** @deprecated use ZeroPad3D */
  ZeroPad3D as ZeroPad3d,
} from "./layers/padding.js";
export {
  Hardsigmoid,
  Hardswish,
  LogSigmoid,
  Mish,
  ReLU,
  ReLU6,
  Sigmoid,
  Softsign,
  Swish,
  Tanh,
  Tanhshrink,
} from "./layers/activation.js";
export {
  CELU,
  ELU,
  GELU,
  GLU,
  Hardshrink,
  Hardtanh,
  LeakyReLU,
  Maxout,
  PReLU,
  SELU,
  Silu,
  Softplus,
  Softshrink,
  ThresholdedReLU,
  type PReluLayerOptions,
  /** @deprecated use Silu */
  Silu as SiLU,
} from "./layers/activation-options.js";
export { CTCLoss, RNNTLoss } from "./layers/loss-sequence.js";
export { BatchNorm, type LegacyBatchNormOptions } from "./layers/batch-norm-legacy.js";
export { ChannelShuffle, PixelShuffle, PixelUnshuffle } from "./layers/rearrange.js";
export { HSigmoidLoss, SpectralNorm, type SpectralNormOptions } from "./layers/spectral-norm.js";
export { BiRNN, type BiRNNOptions, RNN, type RNNOptions, type SequenceOptions } from "./layers/rnn.js";
export {
  type CellOptions,
  GRUCell,
  type InitialStatesOptions,
  LSTMCell,
  type LSTMCellOptions,
  type LSTMStates,
  RNNCellBase,
  SimpleRNNCell,
  type SimpleRNNCellOptions,
  type States,
  type StateShapes,
  type StepOptions,
} from "./layers/rnn-cells.js";
export {
  GRU,
  LSTM,
  type LSTMOptions,
  type RecurrentOptions,
  SimpleRNN,
  type SimpleRNNOptions,
} from "./layers/rnn-stack.js";
export {
  Conv1D,
  Conv1DTranspose,
  Conv2D,
  Conv2DTranspose,
  Conv3D,
  Conv3DTranspose,
  type ConvLayerOptions,
  type ConvTransposeLayerOptions,
  /** @deprecated use Conv1D */
  Conv1D as Conv1d,
  /** @deprecated use Conv2D */
  Conv2D as Conv2d,
  /** @deprecated use Conv3D */
  Conv3D as Conv3d,
} from "./layers/conv.js";
export {
  AvgPool1D,
  AvgPool2D,
  AvgPool3D,
  type AvgPoolLayerOptions,
  LPPool1D,
  LPPool2D,
  type LpPoolLayerOptions,
  MaxPool1D,
  MaxPool2D,
  MaxPool3D,
  type MaxPoolLayerOptions,
  /** @deprecated use LPPool1D */
  LPPool1D as LPPool1d,
  /** @deprecated use LPPool2D */
  LPPool2D as LPPool2d,
} from "./layers/pooling.js";
export {
  AdaptiveAvgPool1D,
  AdaptiveAvgPool2D,
  AdaptiveAvgPool3D,
  type AdaptiveAvgPoolLayerOptions,
  AdaptiveMaxPool1D,
  AdaptiveMaxPool2D,
  AdaptiveMaxPool3D,
  type AdaptiveMaxPoolLayerOptions,
  FractionalMaxPool2D,
  FractionalMaxPool3D,
  type FractionalMaxPoolLayerOptions,
  MaxUnPool1D,
  MaxUnPool2D,
  MaxUnPool3D,
  type MaxUnPoolLayerOptions,
  /** @deprecated use AdaptiveAvgPool1D */
  AdaptiveAvgPool1D as AdaptiveAvgPool1d,
  /** @deprecated use AdaptiveAvgPool2D */
  AdaptiveAvgPool2D as AdaptiveAvgPool2d,
  /** @deprecated use AdaptiveAvgPool3D */
  AdaptiveAvgPool3D as AdaptiveAvgPool3d,
  /** @deprecated use AdaptiveMaxPool1D */
  AdaptiveMaxPool1D as AdaptiveMaxPool1d,
  /** @deprecated use AdaptiveMaxPool2D */
  AdaptiveMaxPool2D as AdaptiveMaxPool2d,
  /** @deprecated use AdaptiveMaxPool3D */
  AdaptiveMaxPool3D as AdaptiveMaxPool3d,
  /** @deprecated use MaxUnPool1D */
  MaxUnPool1D as MaxUnpool1d,
  /** @deprecated use MaxUnPool2D */
  MaxUnPool2D as MaxUnpool2d,
  /** @deprecated use MaxUnPool3D */
  MaxUnPool3D as MaxUnpool3d,
} from "./layers/pooling-adaptive.js";
export {
  Fold,
  type FoldLayerOptions,
  Unfold,
  Upsample,
  type UpsampleOptions,
  UpsamplingBilinear2D,
  UpsamplingNearest2D,
  type UpsamplingOptions,
  /** @deprecated use UpsamplingBilinear2D */
  UpsamplingBilinear2D as UpsamplingBilinear2d,
  /** @deprecated use UpsamplingNearest2D */
  UpsamplingNearest2D as UpsamplingNearest2d,
} from "./layers/vision.js";
export { MultiHeadAttention, type MultiHeadAttentionOptions } from "./layers/attention.js";
export {
  TransformerDecoderLayer,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from "./layers/transformer.js";
export {
  Transformer,
  TransformerDecoder,
  TransformerEncoder,
  type TransformerOptions,
  type TransformerStackOptions,
} from "./layers/transformer-stack.js";
export { Parameter } from "../param/parameter.js";
