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
    /** Bytes asked for. */
    public bytes: number,
    address?: number,
  ) {
    this.address = address ?? heap.alloc(bytes);
  }

  /** A storage that is gone. */
  static freed(heap: Heap): Storage {
    const out = new Storage(heap, 0, 0);
    out.users = 0;
    return out;
  }

  /** Moves the memory to a new storage and leaves this one empty until {@link giveTo} fills it again. */
  detach(): Storage {
    const out = new Storage(this.heap, this.bytes, this.address);
    this.address = 0;
    return out;
  }

  /** Makes this memory another storage's; what that had is freed, and this one is empty afterwards. */
  giveTo(other: Storage): void {
    if (other.address !== 0) other.heap.free(other.address);
    other.address = this.address;
    other.bytes = this.bytes;
    this.address = 0;
  }

  /** Copies another storage's bytes into new memory of this one. */
  copyFrom(other: Storage): void {
    if (this.address !== 0) this.heap.free(this.address);
    this.address = this.heap.alloc(other.bytes);
    this.bytes = other.bytes;
    this.heap.views.u8.copyWithin(this.address, other.address, other.address + other.bytes);
  }

  /** Whether more than one handle or plan uses it. */
  get isShared(): boolean {
    return this.users > 1;
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
    if (this.address !== 0) this.heap.free(this.address);
    this.address = 0;
  }

  /** Whether the memory is gone. */
  get freed(): boolean {
    return this.users === 0;
  }
}
