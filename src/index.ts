// The public surface of oarjs: re-exports only.
export {};
