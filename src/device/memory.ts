// MemoryKeeper: frees the storages of dead handles, found through weak references when memory is wanted.

import type { Heap } from "./heap.js";
import type { Storage } from "./storage.js";

interface Collector {
  collect(): boolean;
}

/** Least growth between two sweeps, in bytes. */
const minimumStep = 64 * 2 ** 20;
/** Most handles tracked between two sweeps. */
const handleStep = 50_000;

/**
 * Knows every handle that users may hold, weakly, with the storage it uses. When live memory has grown by half (or by many handles)
 * since the last sweep, dead handles' storages are released; the platform is first asked to collect garbage.
 */
export class MemoryKeeper {
  private handles: WeakRef<object>[] = [];
  private storages: Storage[] = [];
  private sweepAtBytes = minimumStep;
  private sweepAtHandles = handleStep;
  /** Sweeps since the start. */
  sweeps = 0;

  constructor(
    private readonly heap: Heap,
    private readonly platform: Collector,
  ) {}

  /** Number of handles that are tracked now, the dead but unswept included. */
  get tracked(): number {
    return this.handles.length;
  }

  /** Watches a handle: when it is gone, its use of `storage` is given back. */
  track(handle: object, storage: Storage): void {
    this.handles.push(new WeakRef(handle));
    this.storages.push(storage);
  }

  /** Sweeps when an allocation of `bytes` would pass the limit. */
  beforeAllocation(bytes: number): void {
    if (this.heap.liveBytes + bytes < this.sweepAtBytes && this.handles.length < this.sweepAtHandles) return;
    this.sweep(true);
    this.sweepAtBytes = Math.max(this.heap.liveBytes * 1.5, this.heap.liveBytes + minimumStep) + bytes;
    this.sweepAtHandles = this.handles.length * 1.5 + handleStep;
  }

  /** Releases the storages of all handles that are dead; `collect` asks for a garbage collection first. */
  sweep(collect: boolean): void {
    this.sweeps++;
    if (collect) this.platform.collect();
    let kept = 0;
    const { handles, storages } = this;
    for (let i = 0; i < handles.length; i++) {
      const ref = handles[i]!;
      if (ref.deref() === undefined) {
        storages[i]!.release();
        continue;
      }
      handles[kept] = ref;
      storages[kept++] = storages[i]!;
    }
    handles.length = kept;
    storages.length = kept;
  }
}
