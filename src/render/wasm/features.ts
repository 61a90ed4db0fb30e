// What this engine's WebAssembly can do, found by validating small modules.

import { Code, Module } from "./assembler.js";
import type { WasmFeatures } from "./frame.js";

function validates(shared: boolean, fill: (code: Code) => void): boolean {
  if (typeof WebAssembly === "undefined") return false;
  const code = new Code([]);
  fill(code);
  const module = new Module(shared);
  module.func("f", code);
  return WebAssembly.validate(module.build());
}

const zero = new Uint8Array(16);

/** Whether the engine has 128-bit SIMD, which all kernels need. */
export function hasSimd(): boolean {
  return validates(false, (code) => {
    code.v128(zero);
    code.op("drop");
  });
}

/** The features for kernels on a memory that is shared or not. */
export function detectFeatures(shared: boolean): WasmFeatures {
  const relaxed = validates(shared, (code) => {
    for (let i = 0; i < 3; i++) code.v128(zero);
    code.op("f32x4.relaxed_madd");
    code.op("drop");
  });
  return { shared, relaxed };
}
