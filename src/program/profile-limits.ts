// What the machine can do at most, as this target reaches it: multiply-adds in registers, and copies through memory.

import type { Backend } from "../device/backend.js";
import { type Engine, writeEntry } from "../device/engine.js";
import { launchEntry, type Target } from "../device/target.js";
import { Builder } from "../kernel/builder.js";
import { constant, splat } from "../kernel/expr.js";
import { k } from "../kernel/ops.js";
import type { Kernel } from "../kernel/stmt.js";

/** Limits for one thread, and for all of the target's. */
export interface Limits {
  /** Billions of floating-point operations a second, f32, a multiply-add being two. */
  readonly gflops: readonly [one: number, all: number];
  /** Billions of bytes loaded and stored a second by a copy larger than the caches. */
  readonly gbytes: readonly [one: number, all: number];
}

/** Independent sums kept in registers: how many hide the latency without spilling differs between processors, so the best counts. */
const sums = [4, 8, 12];
/** Lanes of a vector of the kernel language in f32. */
const lanes = 16;
/** Rounds of a block of multiply-adds: some tens of microseconds. */
const rounds = 4096;
/** Elements of the array that is copied: 24 MiB. */
const copied = 6 << 20;
/** Elements that a block copies. */
const copiedByBlock = 1 << 16;
const repeats = 20;

const measured = new WeakMap<Target, Limits>();

/** Measures a target once; takes about 0.1 s, and on native a compilation. The interpreter, which is for tests, has none. */
export function limitsOf(engine: Engine, backend: Backend): Limits | undefined {
  if (backend.target.name === "interp") return undefined;
  let limits = measured.get(backend.target);
  if (!limits) {
    limits = measure(engine, backend);
    measured.set(backend.target, limits);
  }
  return limits;
}

function measure(engine: Engine, backend: Backend): Limits {
  const kernels = [...sums.map(multiplyAdds), copy()];
  const compiled = backend.compile(kernels);
  const { heap } = engine;
  const { target } = backend;
  const [table, args, from, to] = [launchEntry.bytes, 64, copied * 4, copied * 4].map((bytes) => heap.alloc(bytes)) as [
    number,
    number,
    number,
    number,
  ];
  heap.views.u32.fill(0, from / 4, from / 4 + copied);
  const best = (kernel: number, blocks: number, threads: number): number => {
    writeEntry(heap, table, compiled[kernel]!, args, blocks, 0);
    let ms = Infinity;
    for (let r = 0; r < repeats; r++) {
      const start = performance.now();
      target.launch(table, 1, threads);
      ms = Math.min(ms, performance.now() - start);
    }
    return ms;
  };
  const both = (of: (threads: number) => number): [number, number] => [of(1), of(target.threads)];
  heap.views.u32[args / 4] = to;
  const gflops = both((threads) =>
    Math.max(...sums.map((n, i) => (2 * lanes * n * rounds * 4 * threads) / best(i, 4 * threads, threads) / 1e6)),
  );
  heap.views.u32[args / 4] = from;
  heap.views.u32[args / 4 + 2] = to;
  const gbytes = both((threads) => (8 * copied) / best(sums.length, copied / copiedByBlock, threads) / 1e6);
  for (const address of [table, args, from, to]) heap.free(address);
  return { gflops, gbytes };
}

/** `count` independent chains of `fma`. */
function multiplyAdds(count: number): Kernel {
  const b = new Builder(`limit_fma_${count}`);
  const out = b.buffer("out", "f32");
  b.parallel(1 << 20, (block) => {
    const factor = b.let(splat(k.cast(k.add(block, 1), "f32"), lanes));
    const chains = Array.from({ length: count }, (_, i) => b.variable(splat(constant("f32", i), lanes)));
    b.for(0, rounds, () => {
      for (const chain of chains) b.set(chain, k.fma(chain.value, factor, factor));
    });
    // One sum of all, so that nothing is left out.
    const sum = chains.slice(1).reduce((s, c) => k.add(s, c.value), chains[0]!.value);
    b.store(out, k.mul(block, lanes), sum);
  });
  return b.finish()[0]!;
}

function copy(): Kernel {
  const b = new Builder("limit_copy");
  const from = b.buffer("from", "f32");
  const to = b.buffer("to", "f32");
  b.parallel(copied / copiedByBlock, (block) => {
    const first = b.let(k.mul(block, copiedByBlock));
    b.lanes(0, copiedByBlock, (i) => b.store(to, k.add(first, i), b.load(from, k.add(first, i)), true));
  });
  return b.finish()[0]!;
}
