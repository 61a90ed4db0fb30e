// What a pool of threads offers the wasm target, and the program that its workers run, on Node and in browsers alike.

import { sync, workEnd } from "./wasm-sync.js";

/** A module of kernels, for the function tables of other threads. */
export interface WorkerModule {
  readonly module: WebAssembly.Module;
  /** Number of the module's first kernel in the function tables. */
  readonly first: number;
  /** Its kernels, exported as `k0` … */
  readonly count: number;
}

/** What a worker starts with. */
export interface WorkerStart {
  readonly memory: WebAssembly.Memory;
  readonly runtime: WebAssembly.Module;
  /** Address of the memory that threads synchronise through. */
  readonly sync: number;
  /** The worker's number, from 1. */
  readonly thread: number;
}

/** A way to start threads. The wasm target does the rest through shared memory. */
export interface ThreadPool {
  /** Threads in all, the calling one included. */
  readonly size: number;
  /** Whether the calling thread may sleep in `Atomics.wait`; a browser's main thread may not. */
  readonly maySleep: boolean;
  /** Starts `size - 1` workers; returns before they are ready. None of them keeps the process alive. */
  start(of: Omit<WorkerStart, "thread">): void;
  /** Sends modules to all workers. */
  post(modules: readonly WorkerModule[]): void;
  /** Ends the workers. */
  close(): void;
}

/** How long a thread waits busily before it sleeps, µs: about two wake-ups. */
export const SPIN_MICROSECONDS = 50;

/**
 * The workers' program, plain JavaScript text that defines `worker(start)`: `load` takes modules, `work` serves launches until there are
 * modules to load (true) or the thread must end (false). A failure is noted where the launching thread sees it, then thrown.
 */
export const workerProgram = `"use strict";
function worker({ memory, runtime, sync, thread }) {
  const table = new WebAssembly.Table({ element: "anyfunc", initial: 1024 });
  const run = new WebAssembly.Instance(runtime, { env: { memory, table } }).exports;
  const words = new Int32Array(memory.buffer, sync, ${sync.bytes / 4});
  let loaded = 0;
  const begin = performance.now();
  run.spin(sync, 100000);
  const spins = Math.round(100000 * ${SPIN_MICROSECONDS / 1000} / Math.max(performance.now() - begin, 0.02));
  Atomics.add(words, ${sync.ready / 4}, 1);
  return {
    load(modules) {
      for (const { module, first, count } of modules) {
        const { exports } = new WebAssembly.Instance(module, { env: { memory } });
        if (first + count > table.length) table.grow(Math.max(table.length, first + count - table.length));
        for (let i = 0; i < count; i++) table.set(first + i, exports["k" + i]);
        loaded++;
      }
    },
    isCurrent: () => loaded === Atomics.load(words, ${sync.modules / 4}),
    work() {
      try {
        return run.work(thread, sync, loaded, spins) === ${workEnd.modules};
      } catch (error) {
        Atomics.store(words, ${sync.failed / 4}, 1);
        Atomics.store(words, ${sync.slots / 4}, 0);
        Atomics.notify(words, ${sync.slots / 4});
        throw error;
      }
    },
  };
}
`;
