// Paddle's `nn.functional`.

export * from "./dropout.js";
