// The public surface of oarjs: re-exports only.
export * from "./tensor/index.js";
export * as hapi from "./hapi/index.js";
export * as io from "./io/index.js";
export { load, type LoadSource, save, type Savable, type SaveOptions } from "./io/files.js";
export * as jit from "./jit/index.js";
export * as metric from "./metric/index.js";
export { createParameter } from "./nn/create-parameter.js";
export * as nn from "./nn/index.js";
export * as optimizer from "./optimizer/index.js";
export * from "./param/index.js";
export * as regularizer from "./regularizer/index.js";
export * as utils from "./utils/index.js";
