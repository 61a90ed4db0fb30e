// The public surface of oarjs: re-exports only.
export * from "./tensor/index.js";
export { dtypeNames, type DType, isDType, type TypedArray, type TypedArrayOf } from "./core/dtype.js";
export {
  AlreadyExistsError,
  BugError,
  InvalidArgumentError,
  NotFoundError,
  OarError,
  OutOfRangeError,
  PreconditionNotMetError,
  UnavailableError,
  UnimplementedError,
} from "./core/errors.js";
export { isNdArray, type NdArray, ndArray } from "./core/nd-array.js";
export { getDefaultDtype, setDefaultDtype } from "./core/promotion.js";
export * as hapi from "./hapi/index.js";
export {
  type InputSize,
  type LayerRow,
  type ParameterRow,
  type Summary,
  summary,
  type SummaryOptions,
} from "./hapi/summary.js";
export * as incubate from "./incubate/index.js";
export * as io from "./io/index.js";
export { load, type LoadSource, type Savable, save, type SaveOptions } from "./io/files.js";
export * as jit from "./jit/index.js";
export * as metric from "./metric/index.js";
export * as nn from "./nn/index.js";
export {
  adaptiveAvgPool1d,
  conv1d,
  conv2d,
  conv3d,
  groupNorm,
  layerNorm,
} from "./nn/functional/index.js";
export { createParameter } from "./nn/create-parameter.js";
export * as optimizer from "./optimizer/index.js";
export * from "./param/index.js";
export * as profiler from "./profiler/index.js";
export * as regularizer from "./regularizer/index.js";
export * as "static" from "./static/index.js";
export { disableStatic, enableStatic, inDynamicMode } from "./static/mode.js";
export * as utils from "./utils/index.js";
export * as vision from "./vision/index.js";
