// optimizer.lr: the learning-rate schedules.

export type { EpochFunction, ScalarLike } from "./checks.js";
export { CosineAnnealingDecay, type CosineAnnealingDecayOptions } from "./cosine-annealing-decay.js";
export {
  CosineAnnealingWarmRestarts,
  type CosineAnnealingWarmRestartsOptions,
} from "./cosine-annealing-warm-restarts.js";
export { CyclicLR, type CyclicLROptions } from "./cyclic-lr.js";
export { ExponentialDecay, type ExponentialDecayOptions } from "./exponential-decay.js";
export { InverseTimeDecay, type InverseTimeDecayOptions } from "./inverse-time-decay.js";
export { LambdaDecay, type LambdaDecayOptions } from "./lambda-decay.js";
export { LinearLR, type LinearLROptions } from "./linear-lr.js";
export { LinearWarmup, type LinearWarmupOptions } from "./linear-warmup.js";
export { LRScheduler, type LRSchedulerOptions, type LRStateDict } from "./lr-scheduler.js";
export { MultiStepDecay, type MultiStepDecayOptions } from "./multi-step-decay.js";
export { MultiplicativeDecay, type MultiplicativeDecayOptions } from "./multiplicative-decay.js";
export { NaturalExpDecay, type NaturalExpDecayOptions } from "./natural-exp-decay.js";
export { NoamDecay, type NoamDecayOptions } from "./noam-decay.js";
export { OneCycleLR, type OneCycleLROptions } from "./one-cycle-lr.js";
export { PiecewiseDecay, type PiecewiseDecayOptions } from "./piecewise-decay.js";
export { PolynomialDecay, type PolynomialDecayOptions } from "./polynomial-decay.js";
export { ReduceOnPlateau, type ReduceOnPlateauOptions } from "./reduce-on-plateau.js";
export { StepDecay, type StepDecayOptions } from "./step-decay.js";
