// Threads on Node: worker_threads, which receive modules without returning to their event loop.

import { Worker } from "node:worker_threads";
import type { ThreadPool, WorkerModule, WorkerStart } from "./threads.js";
import { workerProgram } from "./threads.js";
import { MAX_THREADS } from "./wasm-sync.js";

const program = `${workerProgram}
const { parentPort, receiveMessageOnPort, workerData } = require("node:worker_threads");
const self_ = worker(workerData);
while (self_.work()) {
  for (let m = receiveMessageOnPort(parentPort); m !== undefined; m = receiveMessageOnPort(parentPort)) self_.load(m.message);
}
`;

/**
 * A pool of `size` threads, the caller included (at most 64).
 *
 * @example
 * ```ts
 * const target = createWasmTarget(heap, { threads: nodeThreads(threadCount()) });
 * ```
 */
export function nodeThreads(size: number): ThreadPool {
  return new NodeThreads(Math.min(size, MAX_THREADS));
}

class NodeThreads implements ThreadPool {
  readonly maySleep = true;
  private readonly workers = new Set<Worker>();

  constructor(readonly size: number) {}

  start(of: Omit<WorkerStart, "thread">): void {
    for (let thread = 1; thread < this.size; thread++) {
      const workerData: WorkerStart = { ...of, thread };
      // No flags of the main thread: a worker needs no loaders, and must be read as a script.
      const worker = new Worker(program, { eval: true, execArgv: [], workerData, name: `oar-${thread}` });
      worker.unref();
      const drop = (): void => {
        this.workers.delete(worker);
      };
      // A worker that dies is missed by nobody: launches go on with the threads that show up.
      worker.on("error", drop);
      worker.on("exit", drop);
      this.workers.add(worker);
    }
  }

  post(modules: readonly WorkerModule[]): void {
    for (const worker of this.workers) worker.postMessage(modules);
  }

  close(): void {
    for (const worker of this.workers) void worker.terminate();
    this.workers.clear();
  }
}
