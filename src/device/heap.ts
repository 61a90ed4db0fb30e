// The one heap that all CPU targets share: a WebAssembly.Memory with a size-class allocator on top.

import { UnavailableError } from "../core/errors.js";

const PAGE = 65536;
const MAX_PAGES = 65536;
/** Every block starts at a multiple of this, a cache line and the widest vector. */
const ALIGN = 64;
/** Low addresses kept for null and for guard. */
const RESERVED = 1024;

/** Typed views of the whole heap. Taken anew after the heap grows: never keep one across an allocation. */
export interface HeapViews {
  readonly i8: Int8Array;
  readonly u8: Uint8Array;
  readonly i16: Int16Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly i64: BigInt64Array;
  readonly f32: Float32Array;
  readonly f64: Float64Array;
}

function viewsOf(buffer: ArrayBufferLike): HeapViews {
  return {
    i8: new Int8Array(buffer),
    u8: new Uint8Array(buffer),
    i16: new Int16Array(buffer),
    u16: new Uint16Array(buffer),
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
    i64: new BigInt64Array(buffer),
    f32: new Float32Array(buffer),
    f64: new Float64Array(buffer),
  };
}

/** Size class of a request: multiples of 64 to 1 KiB, then eight steps an octave, so that at most 12 % is lost. */
function classSize(bytes: number): number {
  if (bytes <= 1024) return Math.max(ALIGN, Math.ceil(bytes / ALIGN) * ALIGN);
  const step = 2 ** (31 - Math.clz32(bytes - 1) - 3);
  return Math.ceil(bytes / step) * step;
}

/**
 * Memory of tensors, argument tables and compiled Programs. Addresses are byte offsets, stay valid while the heap grows, and are
 * multiples of 64. Freed blocks are kept by size class and given out again, last freed first; large ones split when no equal one is free.
 */
export class Heap {
  readonly memory: WebAssembly.Memory;
  readonly shared: boolean;
  /** Current typed views; read anew after every allocation. */
  views: HeapViews;
  /** Bytes in blocks that are allocated now. */
  liveBytes = 0;
  /** Blocks that are allocated now. */
  liveBlocks = 0;
  /** The largest `liveBytes` so far. */
  peakBytes = 0;
  private top = RESERVED;
  private readonly free_ = new Map<number, number[]>();
  private readonly sizes = new Map<number, number>();

  constructor(shared = typeof SharedArrayBuffer !== "undefined") {
    this.shared = shared;
    this.memory = new WebAssembly.Memory({ initial: 64, maximum: MAX_PAGES, shared });
    this.views = viewsOf(this.memory.buffer);
  }

  /** Reserves at least `bytes` bytes (contents undefined). Throws UnavailableError when 4 GB are used up. */
  alloc(bytes: number): number {
    const size = classSize(bytes);
    const address = this.free_.get(size)?.pop() ?? this.splitFree(size) ?? this.extend(size);
    this.sizes.set(address, size);
    this.liveBytes += size;
    this.liveBlocks++;
    if (this.liveBytes > this.peakBytes) this.peakBytes = this.liveBytes;
    return address;
  }

  /** Gives a block back. */
  free(address: number): void {
    const size = this.sizes.get(address);
    if (size === undefined) return;
    this.sizes.delete(address);
    this.liveBytes -= size;
    this.liveBlocks--;
    this.keep(address, size);
  }

  /** Bytes the block at `address` holds. */
  sizeOf(address: number): number {
    return this.sizes.get(address) ?? 0;
  }

  private keep(address: number, size: number): void {
    const list = this.free_.get(size);
    if (list) list.push(address);
    else this.free_.set(size, [address]);
  }

  /** Cuts a block out of the smallest sufficient free one of at least 64 KiB; small blocks never fragment large ones. */
  private splitFree(size: number): number | undefined {
    if (size < PAGE) return undefined;
    let best = Infinity;
    for (const [s, list] of this.free_) if (s > size && s < best && list.length > 0) best = s;
    if (best === Infinity) return undefined;
    const address = this.free_.get(best)!.pop()!;
    this.keep(address + size, best - size);
    return address;
  }

  private extend(size: number): number {
    const address = this.top;
    const end = address + size;
    const have = this.memory.buffer.byteLength;
    if (end > have) this.grow(end, have);
    this.top = end;
    return address;
  }

  private grow(end: number, have: number): void {
    const need = Math.ceil((end - have) / PAGE);
    const wish = Math.max(need, Math.min(have / PAGE, 1024));
    const room = MAX_PAGES - have / PAGE;
    const pages = Math.min(wish, room);
    if (need > room) throw this.exhausted(end);
    try {
      this.memory.grow(pages);
    } catch {
      if (pages === need) throw this.exhausted(end);
      try {
        this.memory.grow(need);
      } catch {
        throw this.exhausted(end);
      }
    }
    this.views = viewsOf(this.memory.buffer);
  }

  private exhausted(end: number): UnavailableError {
    return new UnavailableError(
      `the heap cannot grow to ${Math.ceil(end / 2 ** 20)} MiB; ${Math.ceil(this.liveBytes / 2 ** 20)} MiB are in use.`,
      {
        liveBytes: this.liveBytes,
        hint: "use smaller batches, or drop references to tensors that are no longer needed.",
      },
    );
  }
}
