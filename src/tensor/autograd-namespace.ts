// Paddle's namespace `paddle.autograd`.

export { type BackwardAllOptions, backwardAll as backward } from "./autograd.js";
export { PyLayer, PyLayerContext } from "./py-layer.js";
