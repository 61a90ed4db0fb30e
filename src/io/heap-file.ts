// HeapFile: a file whose arrays are read straight into the memory of the tensors that they become.

import type { ByteSource } from "../checkpoint/byte-source.js";
import type { NdArray } from "../core/nd-array.js";
import { engine } from "../device/engine.js";
import type { OpenFile } from "../device/files.js";
import type { Storage } from "../device/storage.js";
import type { Tensor } from "../tensor/tensor.js";
import { adoptArray } from "../trace/eager.js";

/** A source of bytes whose arrays stand in new storages, until {@link HeapFile.take} makes tensors of them. */
export class HeapFile implements ByteSource {
  /** The views that were given, with their storages until a tensor takes them, by address. */
  private readonly given = new Map<number, { storage: Storage | undefined; readonly bytes: Uint8Array }>();

  constructor(private readonly file: OpenFile) {}

  get length(): number {
    return this.file.length;
  }

  read(at: number, n: number): Uint8Array {
    const bytes = new Uint8Array(n);
    this.file.fill(bytes, at);
    return bytes;
  }

  elements(at: number, n: number): Uint8Array {
    const on = engine();
    // Views of memory that is not shared end when it grows.
    if (!on.heap.shared) return this.read(at, n);
    const storage = on.allocate(n);
    const bytes = on.heap.views.u8.subarray(storage.address, storage.address + n);
    this.given.set(storage.address, { storage, bytes });
    this.file.fill(bytes, at);
    return bytes;
  }

  /** A tensor of an array that is read into a storage; undefined for other arrays, and for one that was taken. */
  take(array: NdArray): Tensor | undefined {
    const entry = this.entryOf(array);
    if (!entry?.storage) return undefined;
    const tensor = adoptArray(array, entry.storage) as Tensor;
    entry.storage = undefined;
    return tensor;
  }

  /** The array in memory of its own. */
  copied(array: NdArray): NdArray {
    return this.entryOf(array) ? { ...array, data: array.data.slice() } : array;
  }

  private entryOf({ data }: NdArray) {
    const entry = this.given.get(data.byteOffset);
    return entry?.bytes.buffer === data.buffer ? entry : undefined;
  }

  /** Closes the file, and frees the arrays that did not become tensors. */
  close(): void {
    this.file.close();
    for (const { storage } of this.given.values()) storage?.release();
    this.given.clear();
  }
}
