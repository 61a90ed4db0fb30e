// Threads in browsers: Web Workers where the page is cross-origin isolated; they receive modules in their event loop.

import type { ThreadPool, WorkerModule, WorkerStart } from "./threads.js";
import { workerProgram } from "./threads.js";
import { MAX_THREADS } from "./wasm-sync.js";

// A message is the start, or modules. Work begins again when all modules are there that launches may need.
const program = `${workerProgram}
let self_;
onmessage = ({ data }) => {
  if (self_) self_.load(data);
  else self_ = worker(data);
  while (self_.isCurrent()) if (!self_.work()) return close();
};
`;

/**
 * A pool of as many threads as the browser says there are processors (at most 64), or undefined where memory cannot be shared because the
 * page is not cross-origin isolated: then everything runs on the calling thread.
 */
export function browserThreads(size: number = globalThis.navigator?.hardwareConcurrency ?? 1): ThreadPool | undefined {
  if (globalThis.crossOriginIsolated !== true || typeof Worker === "undefined" || size < 2) return undefined;
  return new BrowserThreads(Math.min(size, MAX_THREADS));
}

class BrowserThreads implements ThreadPool {
  /** Only a page's own thread has a document. */
  readonly maySleep = typeof document === "undefined";
  private readonly workers = new Set<Worker>();

  constructor(readonly size: number) {}

  start(of: Omit<WorkerStart, "thread">): void {
    const url = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
    for (let thread = 1; thread < this.size; thread++) {
      const worker = new Worker(url, { name: `oar-${thread}` });
      // A worker that fails to start (a content security policy may forbid it) is missed by nobody.
      worker.onerror = () => this.workers.delete(worker);
      const start: WorkerStart = { ...of, thread };
      worker.postMessage(start);
      this.workers.add(worker);
    }
  }

  post(modules: readonly WorkerModule[]): void {
    for (const worker of this.workers) worker.postMessage(modules);
  }

  close(): void {
    for (const worker of this.workers) worker.terminate();
    this.workers.clear();
  }
}
