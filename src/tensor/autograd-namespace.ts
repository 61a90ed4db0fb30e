// Paddle's namespace `paddle.autograd`.

export { type BackwardAllOptions, backwardAll as backward } from "./autograd.js";
export {
  PyLayer,
  PyLayerContext,
  /** @deprecated Alias of {@link PyLayer}. */
  PyLayer as Function,
} from "./py-layer.js";
