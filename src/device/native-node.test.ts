// Tests of the native target against formulas: kernels, launch tables, threads.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Builder } from "../kernel/builder.js";
import { binary, constant, type Expr } from "../kernel/expr.js";
import type { Kernel } from "../kernel/stmt.js";
import { Heap } from "./heap.js";
import { createNativeTarget, type NativeTarget } from "./native-node.js";
import { inBackground } from "./native.test-util.js";
import { type CompiledKernel, launchEntry, launchFlags } from "./target.js";
import { quotaOf, threadCount } from "./thread-count-node.js";

const cacheHome = mkdtempSync(join(tmpdir(), "oar-test-"));
const heap = new Heap();
const made = createNativeTarget(heap, { env: { ...process.env, OAR_CACHE: cacheHome }, threads: 4 });

afterAll(() => {
  made.target?.close();
  rmSync(cacheHome, { recursive: true, force: true });
});

const i32 = (v: number): Expr => constant("i32", v);
const add = (x: Expr, y: Expr): Expr => binary("add", x, y);
const mul = (x: Expr, y: Expr): Expr => binary("mul", x, y);

/** Writes an argument table: addresses and i32 scalars, one a slot. */
function table(slots: readonly number[]): number {
  const at = heap.alloc(slots.length * 8);
  slots.forEach((v, i) => {
    heap.views.u32[at / 4 + 2 * i] = v;
  });
  return at;
}

/** A buffer of i32 with contents by index. */
function ints(n: number, value: (i: number) => number): { at: number; read: () => number[] } {
  const at = heap.alloc(n * 4);
  for (let i = 0; i < n; i++) heap.views.i32[at / 4 + i] = value(i);
  return { at, read: () => [...heap.views.i32.slice(at / 4, at / 4 + n)] };
}

interface Entry {
  readonly kernel: CompiledKernel;
  readonly args: number;
  readonly blocks: number;
  readonly flags?: number;
}

/** Writes a launch table. */
function launchTable(entries: readonly Entry[]): number {
  const at = heap.alloc(entries.length * launchEntry.bytes);
  entries.forEach((e, i) => {
    const base = at + i * launchEntry.bytes;
    heap.views.i64[(base + launchEntry.fn) / 8] = BigInt(e.kernel.fn);
    heap.views.u32[(base + launchEntry.args) / 4] = e.args;
    heap.views.u32[(base + launchEntry.blocks) / 4] = e.blocks;
    heap.views.u32[(base + launchEntry.flags) / 4] = e.flags ?? 0;
  });
  return at;
}

/** `y[i] = a * x[i] + y[i]` on blocks of `size` elements. */
function axpy(size: number, stream = false): Kernel {
  const b = new Builder("axpy");
  const [x, y] = [b.buffer("x", "i32"), b.buffer("y", "i32")];
  const [n, a] = [b.scalar("n", "i32"), b.scalar("a", "i32")];
  b.parallel(binary("div", add(n, i32(size - 1)), i32(size)), (block) => {
    const from = mul(block, i32(size));
    const to = binary("min", n, add(from, i32(size)));
    b.lanes(from, to, (i) => b.store(y, i, add(mul(a, b.load(x, i)), b.load(y, i)), stream));
  });
  return b.finish()[0]!;
}

/** `y[block] = sum of x[block*64 … block*64+63] reversed through scratch memory`, some blocks much slower than others. */
function reversedSums(): Kernel {
  const b = new Builder("reversed");
  const [x, y] = [b.buffer("x", "i32"), b.buffer("y", "i32")];
  const scratch = b.local("scratch", "i32", 64);
  b.parallel(1, (block) => {
    const base = mul(block, i32(64));
    const rounds = add(i32(1), mul(binary("and", block, i32(7)), i32(20)));
    b.for(0, rounds, () => {
      b.for(0, 64, (i) => b.store(scratch, binary("sub", i32(63), i), add(b.load(x, add(base, i)), block)));
    });
    const total = b.variable(i32(0));
    b.for(0, 64, (i) => b.set(total, add(mul(total.value, i32(3)), b.load(scratch, i))));
    b.store(y, block, total.value);
  });
  return b.finish()[0]!;
}

describe.skipIf(!made.target)("the native target", () => {
  const target = made.target as NativeTarget;

  it.each([false, true])("runs a vectorised loop with a tail (streaming stores: %s)", (stream) => {
    const [kernel] = target.compile([axpy(64, stream)]);
    const x = ints(1001, (i) => i);
    const y = ints(1001, (i) => -i);
    kernel!.run(table([x.at, y.at, 1001, 5]), 0, 16, 0);
    expect(y.read()).toEqual(Array.from({ length: 1001 }, (_, i) => 4 * i));
  });

  it("compiles equal nests once, whatever their names", () => {
    const before = { ...target.counters };
    const [p, q] = [axpy(128), { ...axpy(128), name: "other" }];
    const [a, b] = target.compile([p, q]);
    const [c] = target.compile([p]);
    expect([b, c]).toEqual([a, a]);
    expect(target.counters).toMatchObject({ compiled: before.compiled + 1, cached: before.cached + 1 });
  });

  it("keeps working on a heap that has grown", () => {
    const [kernel] = target.compile([axpy(64)]);
    heap.alloc(64 << 20);
    const x = ints(100, (i) => i);
    const y = ints(100, () => 1);
    kernel!.run(table([x.at, y.at, 100, 2]), 0, 2, 0);
    expect(y.read()).toEqual(Array.from({ length: 100 }, (_, i) => 2 * i + 1));
  });

  it("compiles in the background, one at a time, what sync compilation would give", async () => {
    const jobs = [inBackground(target, [axpy(32)]), inBackground(target, [axpy(16), axpy(32)])];
    const [[first], [second, third]] = (await Promise.all(jobs)) as [CompiledKernel[], CompiledKernel[]];
    expect(third).toBe(first);
    expect(target.compile([axpy(16)])[0]).toBe(second);
    const [x, y] = [ints(50, (i) => i), ints(50, () => 0)];
    second!.run(table([x.at, y.at, 50, 7]), 0, 4, 0);
    expect(y.read()).toEqual(Array.from({ length: 50 }, (_, i) => 7 * i));
  });

  it("gives each thread its own scratch memory, and the same results on any number of threads", () => {
    const [kernel] = target.compile([reversedSums()]);
    expect(kernel!.scratchBytes).toBe(256);
    const blocks = 37;
    const x = ints(blocks * 64, (i) => (i * 7919) % 1000);
    const want = Array.from({ length: blocks }, (_, block) => {
      let total = 0;
      for (let i = 63; i >= 0; i--) total = (Math.imul(total, 3) + (((block * 64 + i) * 7919) % 1000) + block) | 0;
      return total;
    });
    const scratch = heap.alloc(kernel!.scratchBytes * target.threads);
    for (const threads of [1, 2, 3, 4, 9]) {
      for (let round = 0; round < 50; round++) {
        const y = ints(blocks, () => -1);
        target.launch(launchTable([{ kernel: kernel!, args: table([x.at, y.at, scratch]), blocks }]), 1, threads);
        expect(y.read()).toEqual(want);
        heap.free(y.at);
      }
    }
  });

  it("ends each entry before the next begins, and runs every block once", () => {
    const [kernel] = target.compile([axpy(16)]);
    const n = 1000;
    const blocks = Math.ceil(n / 16);
    const [x, y, z] = [ints(n, (i) => i), ints(n, () => 0), ints(n, () => 0)];
    const xy = table([x.at, y.at, n, 1]);
    const yx = table([y.at, x.at, n, 1]);
    const yz = table([y.at, z.at, n, 3]);
    // x, y <- a Fibonacci-like chain; z reads y in a phase of its own and beside an entry that does not touch it.
    const entries: Entry[] = [
      { kernel: kernel!, args: xy, blocks },
      { kernel: kernel!, args: yx, blocks },
      { kernel: kernel!, args: yz, blocks, flags: launchFlags.noBarrier },
      { kernel: kernel!, args: table([y.at, x.at, n, 0]), blocks: 0 },
      { kernel: kernel!, args: yx, blocks, flags: launchFlags.single },
    ];
    const tab = launchTable(entries);
    let [vx, vy, vz] = [1, 0, 0];
    for (let round = 0; round < 500; round++) {
      target.launch(tab, entries.length, 1 + (round % 4));
      vy = (vy + vx) | 0;
      vx = (vx + vy) | 0;
      vz = (vz + Math.imul(3, vy)) | 0;
      vx = (vx + vy) | 0;
    }
    expect(x.read()).toEqual(Array.from({ length: n }, (_, i) => Math.imul(i, vx)));
    expect(y.read()).toEqual(Array.from({ length: n }, (_, i) => Math.imul(i, vy)));
    expect(z.read()).toEqual(Array.from({ length: n }, (_, i) => Math.imul(i, vz)));
  });

  it("joins entries without a barrier into one phase", () => {
    const [kernel] = target.compile([axpy(16)]);
    const n = 200;
    const x = ints(n, (i) => i);
    const outs = Array.from({ length: 9 }, () => ints(n, () => 0));
    const entries = outs.map((y, k) => ({
      kernel: kernel!,
      args: table([x.at, y.at, n, k]),
      blocks: k === 4 ? 0 : 13,
      flags: launchFlags.noBarrier,
    }));
    for (let round = 0; round < 200; round++) target.launch(launchTable(entries), entries.length, 4);
    outs.forEach((y, k) => {
      expect(y.read()).toEqual(Array.from({ length: n }, (_, i) => (k === 4 ? 0 : 200 * k * i)));
    });
  });

  it("accepts an empty table", () => {
    expect(() => target.launch(launchTable([]), 0, 4)).not.toThrow();
  });
});

describe("thread counts", () => {
  it("read a control group's quota", () => {
    expect(quotaOf("max 100000")).toBeUndefined();
    expect(quotaOf("150000 100000")).toBe(1.5);
    expect(quotaOf(undefined)).toBeUndefined();
    expect(quotaOf("-1 100000")).toBeUndefined();
  });

  it("follow OAR_THREADS, and are at least 1", () => {
    expect(threadCount({ OAR_THREADS: "3" })).toBe(3);
    expect(threadCount({ OAR_THREADS: "100000" })).toBe(255);
    expect(threadCount({ OAR_THREADS: "none" })).toBeGreaterThanOrEqual(1);
    expect(threadCount({})).toBeGreaterThanOrEqual(1);
  });
});
