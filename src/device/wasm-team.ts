// The main thread's side of launches on several threads: starts the pool, hands modules over, opens launches and takes part in them.

import { BugError } from "../core/errors.js";
import type { Heap } from "./heap.js";
import { SPIN_MICROSECONDS, type ThreadPool, type WorkerModule } from "./threads.js";
import type { ThreadedRuntime } from "./wasm-runtime.js";
import { sync, workEnd } from "./wasm-sync.js";

/** Rounds of busy waiting that are timed to learn how long one takes. */
const CALIBRATION = 20_000;

/** The threads of one wasm target. */
export class WasmTeam {
  /** Modules not posted yet, and the number of all. */
  private pending: WorkerModule[] = [];
  private modules = 0;
  /** Address of the memory that threads synchronise through; 0 until the pool starts. */
  private base = 0;
  private words: Int32Array | undefined;
  private spins = -1;

  constructor(
    private readonly heap: Heap,
    private readonly pool: ThreadPool,
    private readonly runtime: ThreadedRuntime,
    private readonly runtimeModule: WebAssembly.Module,
  ) {}

  /** Takes note of a module that workers need before the next launch. */
  add(module: WorkerModule): void {
    this.pending.push(module);
    this.modules++;
  }

  /** Whether a worker is ready to help. The first call starts the pool, and does not wait for it. */
  isReady(): boolean {
    if (!this.words) this.start();
    return Atomics.load(this.words!, sync.ready / 4) > 0;
  }

  private start(): void {
    this.base = this.heap.alloc(sync.bytes);
    const words = new Int32Array(this.heap.memory.buffer, this.base, sync.bytes / 4);
    words.fill(0);
    // All ones in the ticket's low half: no launch is running.
    words[sync.ticket / 4] = -1;
    this.words = words;
    this.pool.start({ memory: this.heap.memory, runtime: this.runtimeModule, sync: this.base });
    if (!this.pool.maySleep) return;
    // The first call compiles it.
    this.runtime.spin(this.base, 1);
    const begin = performance.now();
    this.runtime.spin(this.base, CALIBRATION);
    const microseconds = Math.max(performance.now() - begin, 0.02) * 1000;
    this.spins = Math.round((CALIBRATION * SPIN_MICROSECONDS) / microseconds);
  }

  /** Runs a table on up to `threads` threads. Throws what a kernel on this thread throws, and BugError when another thread failed. */
  launch(table: number, count: number, threads: number): void {
    if (this.pending.length > 0) this.post();
    this.runtime.open(this.base, table, count, threads);
    if (this.runtime.work(0, this.base, 0, this.spins) === workEnd.done) return;
    throw new BugError("a worker thread failed inside a kernel; launches go on with one thread");
  }

  private post(): void {
    // The number first: a worker that sees it goes and waits for the message.
    Atomics.store(this.words!, sync.modules / 4, this.modules);
    this.pool.post(this.pending);
    this.pending = [];
  }

  /** Ends the workers. The synchronisation memory is not freed: one of them may still be reading it. */
  close(): void {
    if (!this.words) return;
    Atomics.store(this.words, sync.stop / 4, 1);
    this.pool.close();
  }
}
