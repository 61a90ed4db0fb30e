// The optimizer room's public names: Paddle's `optimizer`, with the schedules as `optimizer.lr`.

export { Adadelta, type AdadeltaOptions } from "./adadelta.js";
export { Adagrad, type AdagradOptions } from "./adagrad.js";
export { Adam, type AdamOptions } from "./adam.js";
export { Adamax, type AdamaxOptions } from "./adamax.js";
export { AdamW, type AdamWOptions } from "./adamw.js";
export { ASGD, type ASGDOptions } from "./asgd.js";
export type { GroupOptions, ParametersLike } from "./groups.js";
export { Lamb, type LambOptions } from "./lamb.js";
export { LBFGS, type LBFGSOptions } from "./lbfgs.js";
export * as lr from "./lr/index.js";
export { Momentum, type MomentumOptions } from "./momentum.js";
export { NAdam, type NAdamOptions } from "./nadam.js";
export { Optimizer, type OptimizerOptions, type ParameterSettings, type Update } from "./optimizer.js";
export { RAdam, type RAdamOptions } from "./radam.js";
export { RMSProp, type RMSPropOptions } from "./rmsprop.js";
export { Rprop, type RpropOptions } from "./rprop.js";
export { SGD } from "./sgd.js";
