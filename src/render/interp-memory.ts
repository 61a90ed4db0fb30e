// Where the interpreter's buffers stand in the heap, and the check of every access to them.

import { assert, BugError } from "../core/errors.js";
import type { HeapViews } from "../device/heap.js";
import { Buf, memBytes } from "../kernel/expr.js";
import { type Kernel, scratchBytes } from "../kernel/stmt.js";

/** What the interpreter needs of the heap. */
export interface InterpMemory {
  readonly views: HeapViews;
  /** Bytes of the block that starts at an address, 0 when none does. */
  sizeOf(address: number): number;
}

/** Where a buffer stands during one run, in elements of its type; `end` is the first index out of bounds. */
export interface Place {
  readonly buf: Buf;
  view: HeapViews[Buf["mem"]];
  base: number;
  start: number;
  end: number;
}

/** Addresses below this are never allocated: a buffer there is a table entry nobody filled in. */
const FIRST_ADDRESS = 1024;

/** The buffers of one kernel. */
export class InterpBuffers {
  private readonly places = new Map<Buf, Place>();

  constructor(
    private readonly kernel: Kernel,
    private readonly memory: InterpMemory,
  ) {
    for (const buf of [...kernel.buffers, ...kernel.scratch]) {
      this.places.set(buf, { buf, view: memory.views[buf.mem], base: 0, start: 0, end: 0 });
    }
  }

  /** Reads the addresses of an argument table. */
  bind(args: number, thread: number): void {
    const { u32 } = this.memory.views;
    for (const buf of this.kernel.buffers) this.place(buf, u32[args / 4 + buf.slot * 2]!, 0);
    if (this.kernel.scratchSlot < 0) return;
    const bytes = scratchBytes(this.kernel, (mem) => memBytes[mem]);
    let address = u32[args / 4 + this.kernel.scratchSlot * 2]! + thread * bytes;
    for (const buf of this.kernel.scratch) {
      this.place(buf, address, buf.scratchLength);
      address += Math.ceil((buf.scratchLength * memBytes[buf.mem]) / 64) * 64;
    }
  }

  /** The place of a buffer that an expression names. */
  placeOf(buf: unknown): Place {
    const place = buf instanceof Buf ? this.places.get(buf) : undefined;
    assert(place, `kernel ${this.kernel.name} uses an undeclared buffer`);
    return place;
  }

  /** Checked position of element `index` in the buffer's view. */
  at(place: Place, index: number): number {
    if (index >= place.start && index < place.end) return place.base + index;
    throw this.fault(
      place.buf,
      `is accessed at element ${index}, outside ${Math.ceil(place.start)} … ${place.end - 1}`,
    );
  }

  /** Points a buffer at an address, with `length` elements, or as many as the memory there holds. */
  private place(buf: Buf, address: number, length: number): void {
    const bytes = memBytes[buf.mem];
    const view = this.memory.views[buf.mem];
    if (address % bytes !== 0) throw this.fault(buf, `starts at ${address}, not a multiple of ${bytes}`);
    const base = address / bytes;
    const block = length > 0 ? length * bytes : this.memory.sizeOf(address);
    const inside = block > 0 && address >= FIRST_ADDRESS;
    const start = inside ? 0 : FIRST_ADDRESS / bytes - base;
    const end = inside ? Math.min(Math.floor(block / bytes), view.length - base) : view.length - base;
    Object.assign(this.placeOf(buf), { view, base, start, end });
  }

  private fault(buf: Buf, what: string): BugError {
    const { name } = this.kernel;
    return new BugError(`kernel ${name}: buffer ${buf.name} ${what}.`, { kernel: name, buffer: buf.name });
  }
}
