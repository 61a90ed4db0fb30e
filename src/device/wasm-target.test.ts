// The wasm target: launch tables on one and several threads, modules and memory that come later, failures, and a clean exit.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { Builder } from "../kernel/builder.js";
import { binary, compare, constant, load } from "../kernel/expr.js";
import type { Kernel } from "../kernel/stmt.js";
import { Heap } from "./heap.js";
import { type CompiledKernel, type Target, launchEntry, launchFlags } from "./target.js";
import { nodeThreads } from "./threads-node.js";
import { createWasmTarget } from "./wasm-target.js";

const THREADS = 4;
const open: Target[] = [];
afterEach(() => {
  for (const target of open.splice(0)) target.close();
});

function threaded(): { heap: Heap; target: Target } {
  const heap = new Heap();
  const target = createWasmTarget(heap, { threads: nodeThreads(THREADS) });
  open.push(target);
  return { heap, target };
}

interface Entry {
  readonly kernel: CompiledKernel;
  readonly args: number;
  readonly blocks: number;
  readonly flags?: number;
}

function writeTable(heap: Heap, entries: readonly Entry[]): number {
  const table = heap.alloc(entries.length * launchEntry.bytes + 1);
  const { u32 } = heap.views;
  entries.forEach((entry, i) => {
    const at = (table + i * launchEntry.bytes) / 4;
    u32[at + launchEntry.fn / 4] = Number(entry.kernel.fn);
    u32[at + launchEntry.fn / 4 + 1] = 0;
    u32[at + launchEntry.args / 4] = entry.args;
    u32[at + launchEntry.blocks / 4] = entry.blocks;
    u32[at + launchEntry.flags / 4] = entry.flags ?? 0;
  });
  return table;
}

function writeArgs(heap: Heap, ...slots: number[]): number {
  const args = heap.alloc(slots.length * 8);
  slots.forEach((x, i) => {
    heap.views.u32[args / 4 + 2 * i] = x;
  });
  return args;
}

/** out[block] += in[0] + … + in[n-1] + 1: shows how often each block ran, and whether all of `in` was there. */
function sumKernel(name = "sum"): Kernel[] {
  const b = new Builder(name);
  const [input, out] = [b.buffer("in", "i32"), b.buffer("out", "i32")];
  const n = b.scalar("n", "i32");
  b.parallel(1, (block) => {
    const sum = b.variable(constant("i32", 1));
    b.for(0, n, (i) => b.set(sum, binary("add", sum.value, load(input, i))));
    b.store(out, block, binary("add", load(out, block), sum.value));
  });
  return b.finish();
}

/** Runs launches on several threads until a worker takes part; workers start on their own time. */
function awaitWorkers(target: Target, heap: Heap): void {
  const [kernel] = target.compile(sumKernel("warm"));
  const out = heap.alloc(4);
  const table = writeTable(heap, [{ kernel: kernel!, args: writeArgs(heap, out, out, 0), blocks: 1 }]);
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let i = 0; i < 30; i++) {
    target.launch(table, 1, THREADS);
    Atomics.wait(sleeper, 0, 0, 10);
  }
}

/** What a table of chained sums leaves behind: `blocks[e]` cells of entry e, each 1 + the sum over entry `from[e]`'s cells. */
function expected(blocks: readonly number[], from: readonly number[]): number[][] {
  const cells: number[][] = [];
  blocks.forEach((n, e) => {
    const input = from[e]! < 0 ? [] : cells[from[e]!]!;
    const value = input.reduce((a, x) => (a + x) | 0, 1);
    cells.push(new Array<number>(n).fill(value));
  });
  return cells;
}

describe("launch tables", () => {
  const { heap, target } = threaded();
  open.length = 0;
  const [kernel] = target.compile(sumKernel());
  awaitWorkers(target, heap);

  /** A chain of groups: entries of one group read what the group before wrote. */
  function runChain(groups: readonly (readonly { blocks: number; single: boolean }[])[], threads: number): void {
    const blocks: number[] = [];
    const from: number[] = [];
    const flags: number[] = [];
    let previous = -1;
    for (const group of groups) {
      const first = blocks.length;
      group.forEach((entry, i) => {
        blocks.push(entry.blocks);
        from.push(previous);
        const joined = i + 1 < group.length ? launchFlags.noBarrier : 0;
        flags.push((entry.single ? launchFlags.single : 0) | joined);
      });
      previous = first;
    }
    const cells = blocks.map((n) => {
      const address = heap.alloc(4 * n + 4);
      heap.views.i32.fill(0, address / 4, address / 4 + n);
      return address;
    });
    const entries = blocks.map((n, e) => {
      const input = from[e]!;
      const args = writeArgs(heap, input < 0 ? cells[e]! : cells[input]!, cells[e]!, input < 0 ? 0 : blocks[input]!);
      return { kernel: kernel!, args, blocks: n, flags: flags[e]! };
    });
    const table = writeTable(heap, entries);
    target.launch(table, entries.length, threads);
    const result = cells.map((a, e) => Array.from(heap.views.i32.subarray(a / 4, a / 4 + blocks[e]!)));
    expect(result).toEqual(expected(blocks, from));
    for (const address of [...cells, ...entries.map((e) => e.args), table]) heap.free(address);
  }

  const entryOf = fc.record({ blocks: fc.integer({ min: 0, max: 40 }), single: fc.boolean() });
  const chainOf = fc.array(fc.array(entryOf, { minLength: 1, maxLength: 5 }), { minLength: 0, maxLength: 12 });

  it("run every block once, entries in order, on any number of threads", () => {
    fc.assert(
      fc.property(chainOf, fc.integer({ min: 1, max: THREADS }), (groups, threads) => runChain(groups, threads)),
      { numRuns: 500 },
    );
  });

  it("run long chains while threads come and go", () => {
    const groups = Array.from({ length: 300 }, (_, i) => [{ blocks: (i % 7) + 1, single: i % 11 === 0 }]);
    for (let round = 0; round < 20; round++) runChain(groups, 1 + (round % THREADS));
  });
});

describe("threads", () => {
  it("get modules that are compiled after they started, and memory that the heap gained", () => {
    const { heap, target } = threaded();
    awaitWorkers(target, heap);
    for (let round = 0; round < 20; round++) {
      const [kernel] = target.compile(sumKernel(`late${round}`));
      const n = 2 ** 16 * (1 + (round % 4));
      const out = heap.alloc(4 * n * 8);
      heap.views.i32.fill(0, out / 4, out / 4 + n);
      const table = writeTable(heap, [{ kernel: kernel!, args: writeArgs(heap, out, out, 0), blocks: n }]);
      target.launch(table, 1, THREADS);
      expect(heap.views.i32.subarray(out / 4, out / 4 + n).every((x) => x === 1)).toBe(true);
    }
  });

  it("take part, each with scratch memory of its own", () => {
    const { heap, target } = threaded();
    const b = new Builder("scratch");
    const out = b.buffer("out", "i32");
    const scratch = b.local("scratch", "i32", 1000);
    b.parallel(1, (block) => {
      // Element 0 counts the blocks of each thread; the others are of this block only.
      b.store(scratch, 0, binary("add", load(scratch, constant("i32", 0)), constant("i32", 1)));
      b.for(1, 1000, (i) => b.store(scratch, i, binary("add", block, i)));
      const sum = b.reduce("add", "i32", 1, 1000, (i) => load(scratch, i));
      b.store(out, block, sum);
    });
    const [kernel] = target.compile(b.finish());
    awaitWorkers(target, heap);
    const [blocks, bytes] = [500, kernel!.scratchBytes];
    const [cells, memory] = [heap.alloc(4 * blocks), heap.alloc(bytes * THREADS)];
    heap.views.i32.fill(0, memory / 4, (memory + bytes * THREADS) / 4);
    const table = writeTable(heap, [{ kernel: kernel!, args: writeArgs(heap, cells, memory), blocks }]);
    const counts = (): number[] => Array.from({ length: THREADS }, (_, t) => heap.views.i32[(memory + t * bytes) / 4]!);
    let launches = 0;
    do {
      target.launch(table, 1, THREADS);
      launches++;
      const result = Array.from(heap.views.i32.subarray(cells / 4, cells / 4 + blocks));
      expect(result).toEqual(result.map((_, block) => 999 * block + 499500));
    } while (launches < 1000 && counts().some((n) => n === 0));
    expect(counts().reduce((x, n) => x + n)).toBe(launches * blocks);
    expect(Math.min(...counts())).toBeGreaterThan(0);
  });

  it.each([0, 63])("are given up when block %i fails, and one goes on alone", (bad) => {
    const { heap, target } = threaded();
    const b = new Builder("wild");
    const out = b.buffer("out", "i32");
    b.parallel(64, (block) => {
      b.if(compare("eq", block, constant("i32", bad)), () => b.store(out, 2 ** 28, constant("i32", 1)));
    });
    const [kernel] = target.compile(b.finish());
    awaitWorkers(target, heap);
    // An address behind the memory's end.
    const table = writeTable(heap, [{ kernel: kernel!, args: writeArgs(heap, 2 ** 31), blocks: 64 }]);
    expect(() => target.launch(table, 1, THREADS)).toThrow(/out of bounds|a worker thread failed/);
    expect(target.threads).toBe(1);
    const [sum] = target.compile(sumKernel());
    const cell = heap.alloc(4);
    heap.views.i32[cell / 4] = 0;
    target.launch(writeTable(heap, [{ kernel: sum!, args: writeArgs(heap, cell, cell, 0), blocks: 1 }]), 1, THREADS);
    expect(heap.views.i32[cell / 4]).toBe(1);
  });

  it("let the process end while they sleep", () => {
    const here = (file: string): string => JSON.stringify(fileURLToPath(new URL(file, import.meta.url)));
    const program = `
      import { Heap } from ${here("./heap.ts")};
      import { createWasmTarget } from ${here("./wasm-target.ts")};
      import { nodeThreads } from ${here("./threads-node.ts")};
      const heap = new Heap();
      const target = createWasmTarget(heap, { threads: nodeThreads(3) });
      const table = heap.alloc(32);
      for (let i = 0; i < 30; i++) {
        target.launch(table, 0, 3);
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      }
      console.log("done");`;
    const stdin = {
      contents: program,
      loader: "ts",
      resolveDir: fileURLToPath(new URL(".", import.meta.url)),
    } as const;
    const built = buildSync({ stdin, bundle: true, write: false, platform: "node", format: "esm" });
    const child = spawnSync(process.execPath, ["--input-type=module"], {
      input: built.outputFiles[0]!.text,
      encoding: "utf8",
      timeout: 20_000,
    });
    expect([child.status, child.stdout.trim(), child.stderr]).toEqual([0, "done", ""]);
  });
});
