// The facade of Paddle's `regularizer`.

export { L1Decay, L2Decay, WeightDecayRegularizer } from "../param/regularizer.js";
