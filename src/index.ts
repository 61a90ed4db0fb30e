// The public surface of oarjs: re-exports only.
export * from "./tensor/index.js";
