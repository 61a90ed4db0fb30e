// The tensor room's public names: Tensor, its makers, and Paddle's functions of tensors by family.

export * from "./autograd.js";
export { isTensor, Tensor } from "./tensor.js";
export { type TensorLike, toTensor, type ToTensorOptions } from "./to-tensor.js";
export { add, divide, multiply, neg, subtract } from "../ops/arithmetic.js";
export { exp } from "../ops/exponential.js";
