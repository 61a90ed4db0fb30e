// Storage: a counted block of the heap that tensors share; freed when no handle and no plan needs it.

import { assert } from "../core/errors.js";
import type { Heap } from "./heap.js";

/** A block of heap memory with a count of its users. */
export class Storage {
  /** Heap address; 0 after the last release. */
  address: number;
  /** Grows with every in-place change: a gradient that saved an older version refuses to use it. */
  version = 0;
  private users = 1;

  constructor(
    readonly heap: Heap,
    readonly bytes: number,
  ) {
    this.address = heap.alloc(bytes);
  }

  /** One more user. */
  retain(): this {
    assert(this.users > 0, "retain of a freed storage");
    this.users++;
    return this;
  }

  /** One user fewer; the last one frees the memory. */
  release(): void {
    if (this.users === 0) return;
    if (--this.users > 0) return;
    this.heap.free(this.address);
    this.address = 0;
  }

  /** Whether the memory is gone. */
  get freed(): boolean {
    return this.users === 0;
  }
}
