// The target "wasm": kernels as WebAssembly modules on the heap, run by one thread or by a pool of them.

import { BugError, UnavailableError } from "../core/errors.js";
import { memBytes } from "../kernel/expr.js";
import { type Kernel, scratchBytes } from "../kernel/stmt.js";
import { emitModule } from "../render/wasm/emit.js";
import { detectFeatures, hasSimd } from "../render/wasm/features.js";
import type { Heap } from "./heap.js";
import type { CompiledKernel, Target } from "./target.js";
import { type WasmRuntime, buildRuntime } from "./wasm-runtime.js";

/** First free entry of a new function table; entry 0 stays empty, so that a forgotten function number traps. */
const FIRST_FUNCTION = 1;

/**
 * Makes the target that is always there.
 *
 * @throws UnavailableError where the engine lacks WebAssembly's 128-bit SIMD
 */
export function createWasmTarget(heap: Heap): Target {
  if (!hasSimd()) {
    throw new UnavailableError("this engine lacks WebAssembly SIMD.", {
      hint: "use Node 20.19 or a browser from 2023 on.",
    });
  }
  return new WasmTarget(heap);
}

class WasmTarget implements Target {
  readonly name = "wasm";
  readonly threads = 1;
  private readonly features;
  private readonly table = new WebAssembly.Table({ element: "anyfunc", initial: 1024 });
  private readonly runtime: WasmRuntime;
  private functions = FIRST_FUNCTION;

  constructor(private readonly heap: Heap) {
    this.features = detectFeatures(heap.shared);
    const module = new WebAssembly.Module(buildRuntime(heap.shared));
    const instance = new WebAssembly.Instance(module, { env: { memory: heap.memory, table: this.table } });
    this.runtime = instance.exports as unknown as WasmRuntime;
  }

  compile(kernels: readonly Kernel[]): CompiledKernel[] {
    const module = new WebAssembly.Module(emitModule(kernels, this.features));
    const { exports } = new WebAssembly.Instance(module, { env: { memory: this.heap.memory } });
    const first = this.functions;
    this.functions += kernels.length;
    if (this.functions > this.table.length) this.table.grow(Math.max(this.table.length, kernels.length));
    return kernels.map((kernel, i) => {
      const run = exports[`k${i}`];
      if (typeof run !== "function") throw new BugError(`the module of kernel ${kernel.name} lacks its function`);
      this.table.set(first + i, run);
      return {
        fn: first + i,
        run: run as CompiledKernel["run"],
        scratchBytes: scratchBytes(kernel, (mem) => memBytes[mem]),
      };
    });
  }

  launch(table: number, count: number, _threads: number): void {
    this.runtime.serial(table, count);
  }

  close(): void {}
}
