// Tests of the native target against formulas: kernels, launch tables, threads.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Builder } from "../kernel/builder.js";
import { binary, constant } from "../kernel/expr.js";
import type { Kernel } from "../kernel/stmt.js";
import { Heap } from "./heap.js";
import { createNativeTarget, type NativeTarget } from "./native-node.js";

const cacheHome = mkdtempSync(join(tmpdir(), "oar-test-"));
const env = { ...process.env, OAR_CACHE: cacheHome };
const heap = new Heap();
const made = createNativeTarget(heap, { env, threads: 4 });

afterAll(() => {
  made.target?.close();
  rmSync(cacheHome, { recursive: true, force: true });
});

/** Writes an argument table: addresses and i32 scalars, one a slot. */
function table(slots: readonly number[]): number {
  const at = heap.alloc(slots.length * 8);
  slots.forEach((v, i) => {
    heap.views.u32[at / 4 + 2 * i] = v;
  });
  return at;
}

/** A buffer of f32 with contents by index. */
function floats(n: number, value: (i: number) => number): { at: number; read: () => Float32Array } {
  const at = heap.alloc(n * 4);
  heap.views.f32.subarray(at / 4, at / 4 + n).forEach((_, i, a) => {
    a[i] = value(i);
  });
  return { at, read: () => heap.views.f32.slice(at / 4, at / 4 + n) };
}

/** `y = x + c` over blocks of `size` elements. */
function addKernel(size: number, stream = false, c = 1.5): Kernel {
  const b = new Builder("add");
  const x = b.buffer("x", "f32");
  const y = b.buffer("y", "f32");
  const n = b.scalar("n", "i32");
  b.parallel(binary("div", binary("add", n, constant("i32", size - 1)), constant("i32", size)), (block) => {
    const from = binary("mul", block, constant("i32", size));
    const to = binary("min", n, binary("add", from, constant("i32", size)));
    b.lanes(from, to, (i) => b.store(y, i, binary("add", b.load(x, i), constant("f32", c)), stream));
  });
  return b.finish()[0]!;
}

describe.skipIf(!made.target)("the native target", () => {
  const target = made.target as NativeTarget;

  it("runs a vectorised loop with a tail", () => {
    const [add] = target.compile([addKernel(64)]);
    const x = floats(1001, (i) => i / 8);
    const y = floats(1001, () => -1);
    add!.run(table([x.at, y.at, 1001]), 0, 16, 0);
    expect([...y.read()]).toEqual(Array.from({ length: 1001 }, (_, i) => i / 8 + 1.5));
  });
});
