// The one heap that all CPU targets share: a WebAssembly.Memory with a page allocator and size classes on top.

import { UnavailableError } from "../core/errors.js";

const PAGE = 65536;
const MAX_PAGES = 65536;
/** Requests above this get whole pages of their own. */
const LARGEST_SMALL = 32768;

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

/** Sizes of small blocks: multiples of 64 to 1 KiB, then eight steps an octave, so that at most 12 % is lost. */
const smallSizes: readonly number[] = (() => {
  const sizes = Array.from({ length: 16 }, (_, i) => 64 * (i + 1));
  for (let size = 1024; size < LARGEST_SMALL; ) {
    size += 2 ** (Math.floor(Math.log2(size)) - 3);
    sizes.push(size);
  }
  return sizes;
})();

/** The class of a small request. */
function classOf(bytes: number): number {
  if (bytes <= 1024) return bytes <= 64 ? 0 : ((bytes + 63) >>> 6) - 1;
  const octave = 31 - Math.clz32(bytes - 1);
  return 16 + (octave - 10) * 8 + ((bytes - 1 - 2 ** octave) >>> (octave - 3));
}

/** Marks in the page table: a page of small blocks holds its class; a run of pages holds -length at its first page. */
const FREE = -32768;

/**
 * Memory of tensors, argument tables and compiled Programs. Addresses are byte offsets, stay valid while the heap grows, and are
 * multiples of 64. A page of 64 KiB holds small blocks of one size, or belongs to a larger block; freed neighbours join again.
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
  /** First page never given out; page 0 is kept, so that address 0 is nobody's. */
  private top = 1;
  private readonly small: number[][] = smallSizes.map(() => []);
  /** By page: the class of its small blocks, or FREE. */
  private readonly pageClass = new Int16Array(MAX_PAGES).fill(FREE);
  /** By first page: the length of an allocated run. */
  private readonly runLength = new Int32Array(MAX_PAGES);
  /** Free runs of pages: length by first page, and first page by last page. */
  private readonly freeRuns = new Map<number, number>();
  private readonly freeEnds = new Map<number, number>();

  constructor(shared = typeof SharedArrayBuffer !== "undefined") {
    this.shared = shared;
    this.memory = new WebAssembly.Memory({ initial: 64, maximum: MAX_PAGES, shared });
    this.views = viewsOf(this.memory.buffer);
  }

  /** Reserves at least `bytes` bytes (contents undefined). Throws UnavailableError when 4 GB are used up. */
  alloc(bytes: number): number {
    if (bytes > LARGEST_SMALL) return this.allocRun(Math.ceil(bytes / PAGE));
    const c = classOf(bytes);
    const list = this.small[c]!;
    if (list.length === 0) this.cutPage(c, list);
    this.count(smallSizes[c]!);
    return list.pop()!;
  }

  /** Gives a block back. An address that is no block's is ignored. */
  free(address: number): void {
    const page = address >>> 16;
    const c = this.pageClass[page]!;
    if (c >= 0) {
      this.small[c]!.push(address);
      this.liveBytes -= smallSizes[c]!;
      this.liveBlocks--;
      return;
    }
    const length = this.runLength[page]!;
    if (length === 0) return;
    this.runLength[page] = 0;
    this.liveBytes -= length * PAGE;
    this.liveBlocks--;
    this.release(page, length);
  }

  /** Bytes of the block at `address`; 0 when no live block of its own pages starts there. */
  sizeOf(address: number): number {
    const page = address >>> 16;
    const c = this.pageClass[page]!;
    return c >= 0 ? smallSizes[c]! : this.runLength[page]! * PAGE;
  }

  private count(size: number): void {
    this.liveBlocks++;
    this.liveBytes += size;
    if (this.liveBytes > this.peakBytes) this.peakBytes = this.liveBytes;
  }

  /** Makes a page into free blocks of one class. */
  private cutPage(c: number, list: number[]): void {
    const page = this.takePages(1);
    this.pageClass[page] = c;
    const size = smallSizes[c]!;
    for (let at = (Math.floor(PAGE / size) - 1) * size; at >= 0; at -= size) list.push(page * PAGE + at);
  }

  private allocRun(pages: number): number {
    const page = this.takePages(pages);
    this.runLength[page] = pages;
    this.count(pages * PAGE);
    return page * PAGE;
  }

  /** The smallest free run that is long enough, cut to size, or new pages at the top. */
  private takePages(pages: number): number {
    let best = -1;
    let length = Infinity;
    for (const [first, n] of this.freeRuns) {
      if (n >= pages && n < length) {
        best = first;
        length = n;
        if (n === pages) break;
      }
    }
    if (best < 0) return this.extend(pages);
    this.forget(best, length);
    if (length > pages) this.remember(best + pages, length - pages);
    return best;
  }

  private release(page: number, length: number): void {
    let first = page;
    let n = length;
    const after = this.freeRuns.get(page + length);
    if (after !== undefined) {
      this.forget(page + length, after);
      n += after;
    }
    const before = this.freeEnds.get(page - 1);
    if (before !== undefined) {
      const m = this.freeRuns.get(before)!;
      this.forget(before, m);
      first = before;
      n += m;
    }
    this.remember(first, n);
  }

  private remember(first: number, length: number): void {
    this.freeRuns.set(first, length);
    this.freeEnds.set(first + length - 1, first);
  }

  private forget(first: number, length: number): void {
    this.freeRuns.delete(first);
    this.freeEnds.delete(first + length - 1);
  }

  private extend(pages: number): number {
    const page = this.top;
    const end = page + pages;
    const have = this.memory.buffer.byteLength / PAGE;
    if (end > have) this.grow(end, have);
    this.top = end;
    return page;
  }

  private grow(end: number, have: number): void {
    const need = end - have;
    if (end > MAX_PAGES) throw this.exhausted(end);
    const wish = Math.min(Math.max(need, Math.min(have, 1024)), MAX_PAGES - have);
    try {
      this.memory.grow(wish);
    } catch {
      if (wish === need) throw this.exhausted(end);
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
      `the heap cannot grow to ${Math.ceil(end / 16)} MiB; ${Math.ceil(this.liveBytes / 2 ** 20)} MiB are in use.`,
      {
        liveBytes: this.liveBytes,
        hint: "use smaller batches, or drop references to tensors that are no longer needed.",
      },
    );
  }
}
