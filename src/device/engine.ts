// Engine: the heap, the target that runs kernels on it, and the cache of kernels compiled so far.

import { BugError } from "../core/errors.js";
import type { Kernel } from "../kernel/stmt.js";
import { Backend, type BackgroundTarget, type BackgroundWork, type Settled } from "./backend.js";
import { Heap } from "./heap.js";
import { MemoryKeeper } from "./memory.js";
import { Storage } from "./storage.js";
import { type CompiledKernel, type Target, launchEntry } from "./target.js";

/** What the surrounding JavaScript platform gives the engine; Node's and browsers' differ. */
export interface Platform {
  /** Makes the target that this machine should use on a heap. */
  createTarget(heap: Heap): Target;
  /** Makes a faster target that compiles in the background; undefined where none is wanted, an error where there is none. */
  createAccelerator?(heap: Heap, done: (settled: Settled<BackgroundTarget>) => void): BackgroundWork | undefined;
  /** A variable of the process's environment; absent where there is none. */
  environment?(name: string): string | undefined;
  /** Writes a text file, making its folder; gives its path. Absent where there are no files. */
  writeText?(folder: string, name: string, text: string): string;
  /** Names this process among others, for files that it writes. */
  worker(): string;
  /** Runs the garbage collector now and lets dead weak references show; false where the platform cannot. */
  collect(): boolean;
}

/** Bytes kept for the argument tables and the launch table of eager calls. */
const argumentBytes = 65536;

/** Everything needed to run kernels. One engine serves the process; tests make more. */
export class Engine {
  readonly heap: Heap;
  readonly target: Target;
  readonly memory: MemoryKeeper;
  /** Address of the area where eager calls write their argument tables. */
  readonly argumentArea: number;
  /** Address of the launch table of eager calls. */
  readonly launchArea: number;
  /** Why the last native compilation failed, if one did. */
  lastFailure: unknown = undefined;
  /** Launches by eager plans since the start. */
  launches = 0;
  readonly primary: Backend;
  private background: BackgroundWork | undefined;
  private accelerator: Backend<BackgroundTarget> | undefined;
  /** Who waits for the accelerator; undefined before it was asked for and after it is there. */
  private waiting: ((backend: Backend<BackgroundTarget> | undefined) => void)[] | undefined;
  private asked = false;
  private scratch = 0;
  private scratchSize = 0;

  constructor(
    private readonly platform: Platform,
    heap = new Heap(),
    makeTarget: (heap: Heap) => Target = (h) => platform.createTarget(h),
  ) {
    this.heap = heap;
    this.target = makeTarget(heap);
    this.primary = new Backend(this.target);
    this.memory = new MemoryKeeper(heap, platform);
    this.argumentArea = heap.alloc(argumentBytes);
    this.launchArea = heap.alloc(argumentBytes);
  }

  /** Machine code of kernels; those seen before (by their text) are not compiled again. */
  compile(kernels: readonly Kernel[]): CompiledKernel[] {
    return this.primary.compile(kernels);
  }

  /** Kernels the primary target compiled since the start; equal kernels count once. */
  get compiledKernels(): number {
    return this.primary.compiledKernels;
  }

  /** Calls back with a faster target that compiles in the background, or undefined where there is none; made when first asked for. */
  accelerate(done: (backend: Backend<BackgroundTarget> | undefined) => void): void {
    if (this.waiting) this.waiting.push(done);
    else if (this.asked) done(this.accelerator);
    else this.makeAccelerator(done);
  }

  private makeAccelerator(done: (backend: Backend<BackgroundTarget> | undefined) => void): void {
    this.asked = true;
    this.waiting = [done];
    const made = (settled: Settled<BackgroundTarget>): void => {
      if (settled.value) this.accelerator = new Backend(settled.value);
      else this.noteFailure(settled.error);
      const { waiting = [] } = this;
      this.waiting = undefined;
      for (const each of waiting) each(this.accelerator);
    };
    this.background = this.platform.createAccelerator?.(this.heap, made);
    if (this.background) return;
    this.waiting = undefined;
    done(undefined);
  }

  /** Looks whether a compiler has ended; see `BackgroundWork.poll`. */
  poll(): void {
    this.background?.poll();
  }

  /** Keeps the reason why native code could not be made. */
  noteFailure(error: unknown): void {
    this.lastFailure = error;
  }

  /** The same in words. */
  get failureText(): string | undefined {
    const { lastFailure } = this;
    if (lastFailure === undefined) return undefined;
    return lastFailure instanceof Error ? lastFailure.message : String(lastFailure);
  }

  /** A new storage; makes room first when much memory is held by handles that may be dead. */
  allocate(bytes: number): Storage {
    this.memory.beforeAllocation(bytes);
    return new Storage(this.heap, bytes);
  }

  /** Scratch memory of `bytes` bytes for all threads together; valid until the next call. */
  scratchFor(bytes: number): number {
    if (bytes > this.scratchSize) {
      if (this.scratchSize > 0) this.heap.free(this.scratch);
      this.scratch = this.heap.alloc(bytes);
      this.scratchSize = bytes;
    }
    return this.scratch;
  }

  /** Runs all blocks of one of a target's kernels, on several threads when `parallel`. */
  run(target: Target, kernel: CompiledKernel, args: number, blocks: number, parallel: boolean): void {
    this.launches++;
    if (!parallel || blocks < 2 || target.threads < 2) {
      kernel.run(args, 0, blocks, 0);
      return;
    }
    writeEntry(this.heap, this.launchArea, kernel, args, blocks, 0);
    this.launch(target, this.launchArea, 1, target.threads);
  }

  /**
   * Runs a launch table of one of this engine's targets on at most `threads` threads. A compiler that works beside is left a processor: what
   * it takes from the steps now, the sooner native code gives back.
   */
  launch(target: Target, table: number, count: number, threads: number): void {
    const spared = this.background?.running === true && threads === target.threads && threads > 1;
    target.launch(table, count, spared ? threads - 1 : threads);
  }
}

/** Writes one entry of a launch table. */
export function writeEntry(
  heap: Heap,
  at: number,
  kernel: CompiledKernel,
  args: number,
  blocks: number,
  flags: number,
): void {
  const { u32, i64 } = heap.views;
  i64[(at + launchEntry.fn) / 8] = BigInt(kernel.fn);
  u32[(at + launchEntry.args) / 4] = args;
  u32[(at + launchEntry.blocks) / 4] = blocks;
  u32[(at + launchEntry.flags) / 4] = flags;
}

let current: Engine | undefined;
let makeDefault: (() => Engine) | undefined;

/** Says how the default engine is made when it is first needed. */
export function setDefaultEngine(make: () => Engine): void {
  makeDefault = make;
}

/** The engine in use. */
export function engine(): Engine {
  if (current) return current;
  if (!makeDefault) throw new BugError("no platform was set up");
  current = makeDefault();
  return current;
}

/** Runs `fn` with another engine in use. */
export function withEngine<R>(other: Engine, fn: () => R): R {
  const before = current;
  current = other;
  try {
    return fn();
  } finally {
    current = before;
  }
}
