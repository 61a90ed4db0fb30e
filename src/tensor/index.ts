// The tensor room's public names: Tensor, its makers, and Paddle's functions of tensors by family.

export * from "./autograd.js";
export * from "./creation.js";
export { add, divide, exp, multiply, neg, subtract } from "./math.js";
export { isTensor, Tensor } from "./tensor.js";
export { type TensorLike, type ToTensorOptions, toTensor } from "./to-tensor.js";
export * from "./products.js";
export * from "./reduction.js";
export * from "./search.js";
export * from "./cumulative.js";
export * from "./stat.js";
export * from "./generator.js";
export * from "./random.js";
export * from "./random-discrete.js";
export * from "./random-inplace.js";
export * from "./aliases.js";
export * from "./diagonals.js";
export * from "./gathering.js";
export type { IndexItem, NestedIndex, Slice } from "./indexing.js";
export * from "./joining.js";
export * from "./manipulation.js";
export * from "./masking.js";
export * from "./scattering.js";
export * from "./slicing.js";
