// What this machine offers for training, found by trying it: WebAssembly, threads, koffi, compilers, the cache of compiled code.

import { existsSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { Heap } from "../device/heap.js";
import { cachePath, DEFAULT_CACHE_BYTES, LibraryCache } from "../device/native-cache-node.js";
import type { Environment } from "../device/native-commands-node.js";
import { createNativeTarget, type NativeUnavailable } from "../device/native-node.js";
import type { Target } from "../device/target.js";
import { cgroupQuota, threadCount } from "../device/thread-count-node.js";
import { createWasmTarget } from "../device/wasm-target.js";
import { Builder } from "../kernel/builder.js";
import { binary, constant } from "../kernel/expr.js";
import type { Kernel } from "../kernel/stmt.js";
import { detectFeatures, hasSimd } from "../render/wasm/features.js";

/** A kernel that was compiled and called. */
export interface Trial {
  readonly works: boolean;
  /** Milliseconds from the kernel to machine code. */
  readonly compileMs: number;
  /** Microseconds of a call. */
  readonly callUs: number;
  /** What went wrong. */
  readonly problem?: string;
}

/** What WebAssembly can do here. */
export interface WasmFacts {
  readonly simd: boolean;
  /** Fused multiply-adds and more; Node 22 and later. */
  readonly relaxedSimd: boolean;
  readonly sharedMemory: boolean;
  readonly trial?: Trial;
}

/** What native code needs, and whether it is there. */
export interface NativeFacts {
  /** Version of koffi, which calls compiled code; undefined where it is not installed. */
  readonly koffi?: string;
  readonly compiler?: { readonly command: string; readonly version: string; readonly flags: string };
  /** Bits of the widest vector registers that the compiler uses. */
  readonly vectorBits?: number;
  readonly trial?: Trial;
  /** Why there is no native code. */
  readonly unavailable?: NativeUnavailable;
}

/** The cache of compiled code. */
export interface CacheFacts {
  readonly directory: string;
  /** Whether compiled code is kept there for later processes: the folder is this user's alone and can be written. */
  readonly usable: boolean;
  readonly libraries: number;
  readonly bytes: number;
  /** Bytes above which what was not used for longest is removed. */
  readonly bound: number;
}

/** How many threads there will be, and why. */
export interface ThreadFacts {
  readonly used: number;
  /** Processors that the affinity mask allows. */
  readonly processors: number;
  /** Processors' worth of time that the control group allows. */
  readonly quota?: number;
  /** OAR_THREADS. */
  readonly wished?: string;
}

/** A machine. */
export interface Machine {
  readonly node: string;
  readonly platform: string;
  readonly processor: string;
  readonly memoryBytes: number;
  readonly wasm: WasmFacts;
  readonly threads: ThreadFacts;
  readonly native: NativeFacts;
  readonly cache: CacheFacts;
}

/** Looks at everything. */
export const examine = (env: Environment): Machine => ({
  node: process.version,
  platform: `${process.platform} ${process.arch}`,
  processor: cpus()[0]?.model.trim() ?? "unknown",
  memoryBytes: totalmem(),
  wasm: examineWasm(),
  threads: examineThreads(env),
  cache: examineCache(env),
  native: examineNative(env),
});

function examineWasm(): WasmFacts {
  const heap = new Heap();
  const facts = {
    simd: hasSimd(),
    relaxedSimd: detectFeatures(heap.shared).relaxed,
    sharedMemory: heap.shared,
  };
  return facts.simd ? { ...facts, trial: tryOut(heap, () => createWasmTarget(heap)) } : facts;
}

function examineThreads(env: Environment): ThreadFacts {
  const quota = cgroupQuota();
  return {
    used: threadCount(env),
    processors: availableParallelism(),
    ...(quota === undefined ? {} : { quota }),
    ...(env.OAR_THREADS === undefined ? {} : { wished: env.OAR_THREADS }),
  };
}

function examineCache(env: Environment): CacheFacts {
  const cache = new LibraryCache(cachePath(env));
  const usable = cache.persistent;
  const size = usable ? cache.size : { bytes: 0, libraries: 0 };
  cache.close();
  return { directory: cachePath(env), usable, ...size, bound: DEFAULT_CACHE_BYTES };
}

/** Makes the native target anew, in a folder of its own beside the cache, so that compiler, file system and loader are really asked. */
function examineNative(env: Environment): NativeFacts {
  const version = koffiVersion();
  const koffi = version === undefined ? {} : { koffi: version };
  const folder = join(dirname(cachePath(env)), `doctor-${process.pid}`);
  try {
    const heap = new Heap();
    const { target, reason } = createNativeTarget(heap, { env: { ...env, OAR_CACHE: folder }, threads: 1 });
    if (!target) return { ...koffi, unavailable: reason };
    const { command, version: words, flags } = target.compiler;
    return {
      ...koffi,
      compiler: { command: command.join(" "), version: words, flags: flags.join(" ") },
      vectorBits: target.compiler.vectorBytes * 8,
      trial: tryOut(heap, () => target),
    };
  } finally {
    if (existsSync(folder)) rmSync(folder, { recursive: true });
  }
}

function koffiVersion(): string | undefined {
  try {
    return (createRequire(import.meta.url)("koffi") as { version: string }).version;
  } catch {
    return undefined;
  }
}

const ELEMENTS = 100;
const CALLS = 1000;

/** `y = x + 1` on 100 numbers. */
function addOne(): Kernel {
  const b = new Builder("add");
  const [x, y] = [b.buffer("x", "f32"), b.buffer("y", "f32")];
  const one = constant("f32", 1);
  b.parallel(1, () => b.lanes(0, ELEMENTS, (i) => b.store(y, i, binary("add", b.load(x, i), one))));
  return b.finish()[0]!;
}

function tryOut(heap: Heap, make: () => Target): Trial {
  let target: Target | undefined;
  try {
    const [at, args] = [heap.alloc(8 * ELEMENTS), heap.alloc(16)];
    target = make();
    const start = performance.now();
    const kernel = target.compile([addOne()])[0]!;
    const compiled = performance.now();
    heap.views.f32.fill(0.25, at / 4, at / 4 + ELEMENTS);
    heap.views.u32.set([at, 0, at + 4 * ELEMENTS, 0], args / 4);
    for (let i = 0; i < CALLS; i++) kernel.run(args, 0, 1, 0);
    const called = performance.now();
    const out = heap.views.f32.subarray(at / 4 + ELEMENTS, at / 4 + 2 * ELEMENTS);
    const works = out.every((v) => v === 1.25);
    const times = { compileMs: compiled - start, callUs: ((called - compiled) * 1000) / CALLS };
    return works ? { works, ...times } : { works, ...times, problem: `0.25 + 1 gave ${out[0]}` };
  } catch (error) {
    return { works: false, compileMs: 0, callUs: 0, problem: error instanceof Error ? error.message : String(error) };
  } finally {
    target?.close();
  }
}
