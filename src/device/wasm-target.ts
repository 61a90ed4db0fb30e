// The target "wasm": kernels as WebAssembly modules on the heap, run by one thread or by a pool of them.

import { BugError, UnavailableError } from "../core/errors.js";
import { memBytes } from "../kernel/expr.js";
import { type Kernel, scratchBytes } from "../kernel/stmt.js";
import { emitModule } from "../render/wasm/emit.js";
import { detectFeatures, hasSimd } from "../render/wasm/features.js";
import { listModule } from "../render/wasm/listing.js";
import type { Heap } from "./heap.js";
import type { CompiledKernel, KernelSource, Target } from "./target.js";
import type { ThreadPool } from "./threads.js";
import { type SerialRuntime, type ThreadedRuntime, buildRuntime } from "./wasm-runtime.js";
import { WasmTeam } from "./wasm-team.js";

/** First free entry of a new function table; entry 0 stays empty, so that a forgotten function number traps. */
const FIRST_FUNCTION = 1;

/** What the wasm target may use beside the calling thread. */
export interface WasmTargetOptions {
  /** Threads to run launches on; needs a shared heap. Without, everything runs on the calling thread. */
  readonly threads?: ThreadPool | undefined;
}

/**
 * Makes the target that is always there. Its threads start at the first launch that asks for more than one.
 *
 * @throws UnavailableError where the engine lacks WebAssembly's 128-bit SIMD
 *
 * @example
 * ```ts
 * const heap = new Heap();
 * const target = createWasmTarget(heap, { threads: nodeThreads(4) });
 * ```
 */
export function createWasmTarget(heap: Heap, options: WasmTargetOptions = {}): Target {
  if (!hasSimd()) {
    throw new UnavailableError("this engine lacks WebAssembly SIMD.", {
      hint: "use Node 20.19 or later, or a browser of 2023 or later.",
    });
  }
  return new WasmTarget(heap, options.threads);
}

class WasmTarget implements Target {
  readonly name = "wasm";
  private readonly features;
  private readonly table = new WebAssembly.Table({ element: "anyfunc", initial: 1024 });
  private readonly serial: SerialRuntime["serial"];
  private readonly size: number;
  private team: WasmTeam | undefined;
  private functions = FIRST_FUNCTION;

  constructor(
    private readonly heap: Heap,
    pool: ThreadPool | undefined,
  ) {
    this.features = detectFeatures(heap.shared);
    const module = new WebAssembly.Module(buildRuntime(heap.shared));
    const { exports } = new WebAssembly.Instance(module, { env: { memory: heap.memory, table: this.table } });
    this.serial = exported(exports, "serial");
    this.size = pool?.size ?? 1;
    if (!pool || pool.size < 2 || !heap.shared) return;
    const runtime: ThreadedRuntime = {
      open: exported(exports, "open"),
      work: exported(exports, "work"),
      spin: exported(exports, "spin"),
    };
    this.team = new WasmTeam(heap, pool, runtime, module);
  }

  get threads(): number {
    return this.team ? this.size : 1;
  }

  compile(kernels: readonly Kernel[]): CompiledKernel[] {
    if (kernels.length === 0) return [];
    const module = new WebAssembly.Module(emitModule(kernels, this.features));
    const { exports } = new WebAssembly.Instance(module, { env: { memory: this.heap.memory } });
    const first = this.functions;
    this.functions += kernels.length;
    if (this.functions > this.table.length) this.table.grow(Math.max(this.table.length, kernels.length));
    this.team?.add({ module, first, count: kernels.length });
    return kernels.map((kernel, i) => {
      const run = exported<CompiledKernel["run"]>(exports, `k${i}`);
      this.table.set(first + i, run);
      return { fn: first + i, run, scratchBytes: scratchBytes(kernel, (mem) => memBytes[mem]) };
    });
  }

  source(kernel: Kernel): KernelSource {
    return { text: listModule(emitModule([kernel], this.features)), extension: "wat" };
  }

  launch(table: number, count: number, threads: number): void {
    if (threads <= 1 || !this.team?.isReady()) return this.serial(table, count);
    try {
      this.team.launch(table, count, Math.min(threads, this.size));
    } catch (error) {
      // The launch stays open for ever: the team cannot be used again.
      this.close();
      throw error;
    }
  }

  close(): void {
    this.team?.close();
    this.team = undefined;
  }
}

/** A function that our own module exports. */
function exported<F extends (...args: number[]) => unknown>(exports: WebAssembly.Exports, name: string): F {
  const f = exports[name];
  if (typeof f !== "function") throw new BugError(`a generated WebAssembly module lacks its function ${name}`);
  return f as F;
}
