// What tests of the native target share.

import type { Kernel } from "../kernel/stmt.js";
import type { BackgroundTarget } from "./backend.js";
import type { CompiledKernel } from "./target.js";

/** Compiles in the background, and keeps the process alive meanwhile. */
export function inBackground(target: BackgroundTarget, kernels: readonly Kernel[]): Promise<CompiledKernel[]> {
  return new Promise((resolve, reject) => {
    const alive = setInterval(() => undefined, 1000);
    target.compileInBackground(kernels, ({ value, error }) => {
      clearInterval(alive);
      if (value) resolve(value);
      else reject(error);
    });
  });
}
