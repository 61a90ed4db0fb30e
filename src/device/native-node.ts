// The target "native": kernels as C, compiled for exactly this processor, cached on disk, called through koffi on the shared heap.

import { createRequire } from "node:module";
import { OarError, UnavailableError } from "../core/errors.js";
import type { Kernel } from "../kernel/stmt.js";
import { renderC } from "../render/c.js";
import type { BackgroundTarget, BackgroundWork, CompileCounters, Settled } from "./backend.js";
import type { Heap } from "./heap.js";
import { LibraryCache, cachePath } from "./native-cache-node.js";
import { Background, type Environment, runNow, type Task } from "./native-commands-node.js";
import { type Compiler, compilerCandidates, libraryCommand, probeCompiler, sha256 } from "./native-compiler-node.js";
import { type Library, messageOf, NestStore } from "./native-nests-node.js";
import { runtimeSource } from "./native-runtime.js";
import type { CompiledKernel, KernelSource } from "./target.js";
import { threadCount } from "./thread-count-node.js";

type Koffi = typeof import("koffi");

/** Why there is no native target here, for `oar doctor`. */
export interface NativeUnavailable {
  readonly kind: "no-koffi" | "no-compiler" | "compiler-failed" | "load-failed";
  /** One sentence for people. */
  readonly message: string;
  /** What was tried, and what came of it. */
  readonly tried: readonly string[];
}

/** The native target, and what more it can do than others. */
export interface NativeTarget extends BackgroundTarget {
  readonly name: "native";
  /** The compiler in use. */
  readonly compiler: Pick<Compiler, "command" | "version" | "flags" | "vectorBytes">;
  /** Where compiled libraries are kept; not persistent when the user's cache directory cannot be used. */
  readonly cache: { readonly directory: string; readonly persistent: boolean };
}

/** Settings of {@link createNativeTarget}; by default those of the process. */
export interface NativeOptions {
  /** `OAR_CC`, `OAR_CC_TIMEOUT`, `OAR_CACHE`, `XDG_CACHE_HOME` and `OAR_THREADS` are read from here. Default: `process.env`. */
  readonly env?: Environment | undefined;
  /** Threads at most, instead of `OAR_THREADS` and what the machine has. */
  readonly threads?: number | undefined;
  /** Nanoseconds that a waiting thread spins before it sleeps. Default 50 000. */
  readonly spin?: number | undefined;
  /** Bytes of libraries that the cache keeps. Default 256 MiB. */
  readonly cacheBytes?: number | undefined;
}

/** A target, or the reason why there is none; never an exception for what a machine lacks. */
export type NativeResult =
  | { readonly target: NativeTarget; readonly reason?: undefined }
  | { readonly target?: undefined; readonly reason: NativeUnavailable };

/**
 * Makes the native target on a heap: finds koffi and a C compiler, and compiles the runtime or takes it from the cache. The first call on a
 * machine takes about 0.2 s, later ones 20 ms.
 *
 * @example
 * ```ts
 * const { target, reason } = createNativeTarget(heap);
 * if (!target) console.log(reason.message);
 * ```
 */
export const createNativeTarget = (heap: Heap, options: NativeOptions = {}): NativeResult =>
  runNow(makeTarget(heap, options, new Background()));

/** As {@link createNativeTarget}, while this process goes on; what is returned runs the compiler, also for the target. */
export function createNativeInBackground(
  heap: Heap,
  done: (settled: Settled<NativeResult>) => void,
  options: NativeOptions = {},
): BackgroundWork {
  const background = new Background();
  background.add(makeTarget(heap, options, background), done);
  return background;
}

function* makeTarget(heap: Heap, options: NativeOptions, background: Background): Task<NativeResult> {
  let koffi: Koffi;
  try {
    koffi = createRequire(import.meta.url)("koffi") as Koffi;
  } catch (error) {
    return unavailable("no-koffi", "the optional package koffi is not installed", [messageOf(error)]);
  }
  const env = options.env ?? process.env;
  const tried: string[] = [];
  let kind: NativeUnavailable["kind"] = "no-compiler";
  for (const command of compilerCandidates(env)) {
    const compiler = yield* probeCompiler(command, env);
    if (typeof compiler === "string") {
      tried.push(compiler);
      continue;
    }
    const cache = new LibraryCache(cachePath(env), options.cacheBytes);
    try {
      const runtime = yield* loadRuntime(koffi, compiler, cache);
      return { target: new Native(heap, koffi, compiler, cache, runtime, background, options) };
    } catch (error) {
      cache.close();
      kind = error instanceof OarError ? "compiler-failed" : "load-failed";
      tried.push(`${command.join(" ")}: ${messageOf(error)}`);
    }
  }
  const messages = {
    "no-compiler": "no C compiler was found",
    "compiler-failed": "no C compiler that was found can make a shared library",
    "load-failed": "what the C compiler made cannot be loaded",
  };
  return unavailable(kind, messages[kind], tried);
}

function unavailable(kind: NativeUnavailable["kind"], what: string, tried: readonly string[]): NativeResult {
  return { reason: { kind, message: `no native code: ${what}; kernels run as WebAssembly.`, tried } };
}

function* loadRuntime(koffi: Koffi, compiler: Compiler, cache: LibraryCache): Task<Library> {
  const key = sha256([compiler.identity, runtimeSource].join("\0"));
  const known = cache.find(key, () => false);
  try {
    if (known !== undefined) return koffi.load(cache.libraryPath(known));
  } catch {
    // Whole but not loadable, as after a change of the system's libraries: made anew below.
  }
  const output = cache.temporary();
  try {
    yield [libraryCommand(compiler, runtimeSource, output, () => undefined)];
    return cache.add(output, [key], (digest) => koffi.load(cache.libraryPath(digest)));
  } finally {
    cache.drop(output);
  }
}

class Native implements NativeTarget {
  readonly name = "native";
  readonly threads: number;
  private readonly nests: NestStore;
  private readonly pool: number;
  private readonly launchTable: (pool: number, table: number, count: number, threads: number) => void;
  private closed = false;

  get vectorBytes(): number {
    return this.compiler.vectorBytes;
  }

  get counters(): CompileCounters {
    return this.nests.counters;
  }

  constructor(
    /** Kept alive with the target: compiled code holds its address. */
    readonly heap: Heap,
    koffi: Koffi,
    readonly compiler: Compiler,
    readonly cache: LibraryCache,
    private readonly runtime: Library,
    private readonly background: Background,
    options: NativeOptions,
  ) {
    this.threads = Math.min(Math.max(options.threads ?? threadCount(options.env), 1), 255);
    // Addresses of user space have at most 57 bits, in practice 47: a number holds them, and passes faster than a bigint.
    const base = Number(koffi.address(heap.views.u8));
    const create = runtime.func("oar_create", "uintptr_t", ["uintptr_t", "int", "uint64_t"]);
    this.launchTable = runtime.func("oar_launch", "void", ["uintptr_t", "uint64_t", "uint32_t", "int"]);
    this.pool = Number(create(base, this.threads, options.spin ?? 50_000));
    if (this.pool === 0) throw new UnavailableError("no memory for the thread pool");
    this.nests = new NestStore(koffi, compiler, cache, base);
  }

  source(kernel: Kernel): KernelSource {
    return { text: renderC(kernel, this.compiler.vectorBytes).text, extension: "c" };
  }

  compile(kernels: readonly Kernel[]): CompiledKernel[] {
    return runNow(this.nests.compile(kernels));
  }

  compileInBackground(kernels: readonly Kernel[], done: (settled: Settled<CompiledKernel[]>) => void): void {
    this.background.add(this.nests.compile(kernels), done);
  }

  launch(table: number, count: number, threads: number): void {
    if (this.closed) throw new UnavailableError("the native target is closed");
    this.launchTable(this.pool, table, count, threads < this.threads ? threads : this.threads);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.runtime.func("oar_destroy", "void", ["uintptr_t"])(this.pool);
    this.runtime.unload();
    this.nests.close();
    this.cache.close();
  }
}
