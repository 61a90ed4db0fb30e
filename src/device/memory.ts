// MemoryKeeper: frees the storages of dead handles, found through weak references when memory is wanted.

import type { Heap } from "./heap.js";
import type { Storage } from "./storage.js";

interface Collector {
  collect(): boolean;
}

/** A handle that can be watched: the keeper may hang a token on it. */
export interface Tracked {
  token: object | undefined;
}

/** Least growth between two sweeps, in bytes. */
const minimumStep = 64 * 2 ** 20;
/** Most weak references made between two sweeps. */
const handleStep = 50_000;
/** Handles of at most this many bytes are watched in groups: their memory is given back when the whole group is dead. */
const smallBytes = 1024;
const groupSize = 8;

/**
 * Knows every handle that users may hold, weakly, with the storage it uses. When live memory has grown by half (or by many handles)
 * since the last sweep, dead handles' storages are released; the platform is first asked to collect garbage.
 */
export class MemoryKeeper {
  private readonly handles: WeakRef<object>[] = [];
  private readonly storages: (Storage | Storage[])[] = [];
  /** The open group of small handles: its token, alive as long as one of them is. */
  private token: object = {};
  private group: Storage[] = [];
  private sweepAtBytes = minimumStep;
  private sweepAtHandles = handleStep;
  /** Sweeps since the start. */
  sweeps = 0;

  constructor(
    private readonly heap: Heap,
    private readonly platform: Collector,
  ) {}

  /** Number of weak references now, the dead but unswept included. */
  get tracked(): number {
    return this.handles.length;
  }

  /** Watches a handle: when it is gone, its use of `storage` is given back. */
  track(handle: Tracked, storage: Storage): void {
    if (storage.bytes > smallBytes) {
      this.handles.push(new WeakRef(handle));
      this.storages.push(storage);
      return;
    }
    handle.token = this.token;
    if (this.group.push(storage) === groupSize) this.closeGroup();
  }

  /** A weak reference costs as much as a small op, so small handles share one. */
  private closeGroup(): void {
    if (this.group.length === 0) return;
    this.handles.push(new WeakRef(this.token));
    this.storages.push(this.group);
    this.token = {};
    this.group = [];
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
    this.closeGroup();
    if (collect) this.platform.collect();
    let kept = 0;
    const { handles, storages } = this;
    for (let i = 0; i < handles.length; i++) {
      const ref = handles[i]!;
      if (ref.deref() === undefined) {
        const dead = storages[i]!;
        if (Array.isArray(dead)) for (const s of dead) s.release();
        else dead.release();
        continue;
      }
      handles[kept] = ref;
      storages[kept++] = storages[i]!;
    }
    handles.length = kept;
    storages.length = kept;
  }
}
