// The heap: alignment, reuse, joining of freed neighbours, and no overlap between live blocks.

import fc from "fast-check";
import { expect, test } from "vitest";
import { Heap } from "./heap.js";

test("live blocks never overlap, and everything comes back", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ size: fc.integer({ min: 0, max: 300_000 }), drop: fc.boolean() }), { maxLength: 200 }),
      (steps) => {
        const heap = new Heap(false);
        const live: { at: number; size: number }[] = [];
        for (const { size, drop } of steps) {
          if (drop && live.length > 0) heap.free(live.splice(size % live.length, 1)[0]!.at);
          const at = heap.alloc(size);
          expect(at % 64).toBe(0);
          expect(at).toBeGreaterThan(0);
          for (const b of live) expect(at + size <= b.at || b.at + b.size <= at).toBe(true);
          live.push({ at, size });
        }
        for (const b of live) heap.free(b.at);
        expect([heap.liveBytes, heap.liveBlocks]).toEqual([0, 0]);
      },
    ),
    { numRuns: 50 },
  );
});

test("freed neighbours join into one run", () => {
  const heap = new Heap(false);
  const blocks = Array.from({ length: 8 }, () => heap.alloc(1 << 20));
  const grown = heap.memory.buffer.byteLength;
  for (const at of [blocks[1]!, blocks[3]!, blocks[2]!, blocks[0]!]) heap.free(at);
  expect(heap.alloc(4 << 20)).toBe(blocks[0]);
  expect(heap.memory.buffer.byteLength).toBe(grown);
});

test("views survive growth and keep contents", () => {
  const heap = new Heap();
  const at = heap.alloc(64);
  heap.views.f32[at / 4] = 42;
  heap.alloc(64 << 20);
  expect(heap.views.f32[at / 4]).toBe(42);
  expect(() => heap.alloc(5 * 2 ** 30)).toThrow(/heap cannot grow/);
});
