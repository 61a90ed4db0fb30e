// Paddle's `incubate.optimizer`: optimizers around others, and layer-wise rates.

export { LarsMomentumOptimizer, type LarsMomentumOptions } from "../optimizer/lars-momentum.js";
export { LBFGS, type LBFGSOptions } from "../optimizer/lbfgs.js";
export { ModelAverage, type ModelAverageOptions } from "../optimizer/model-average.js";
export { LookAhead, type LookAheadOptions } from "../optimizer/lookahead.js";
