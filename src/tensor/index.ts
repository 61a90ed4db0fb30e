// The tensor room's public names: Tensor, its makers, and Paddle's functions of tensors by family.

export * from "./autograd.js";
export { cast, zerosLike } from "./creation.js";
export { add, divide, exp, multiply, neg, subtract } from "./math.js";
export { isTensor, Tensor } from "./tensor.js";
export { type TensorLike, type ToTensorOptions, toTensor } from "./to-tensor.js";
export * from "./products.js";
export * from "./reduction.js";
export * from "./search.js";
export * from "./cumulative.js";
export * from "./stat.js";
