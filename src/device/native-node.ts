// The target "native": kernels as C, compiled for exactly this processor, cached on disk, called through koffi on the shared heap.

import { createRequire } from "node:module";
import { rmSync } from "node:fs";
import { OarError, UnavailableError } from "../core/errors.js";
import type { Kernel } from "../kernel/stmt.js";
import { type CNest, nestSymbol, renderC, renderLibrary } from "../render/c.js";
import { header } from "../render/c-types.js";
import type { Heap } from "./heap.js";
import { LibraryCache, cachePath } from "./native-cache-node.js";
import {
  type Compiler,
  type Environment,
  compileLibrary,
  compileLibraryInBackground,
  compilerCandidates,
  probeCompiler,
  sha256,
} from "./native-compiler-node.js";
import { runtimeSource } from "./native-runtime.js";
import type { CompiledKernel, Target } from "./target.js";
import { threadCount } from "./thread-count-node.js";

type Koffi = typeof import("koffi");
type Library = ReturnType<Koffi["load"]>;

/** Why there is no native target here, for `oar doctor`. */
export interface NativeUnavailable {
  readonly kind: "no-koffi" | "no-compiler" | "compiler-failed" | "load-failed";
  /** One sentence for people. */
  readonly message: string;
  /** What was tried, and what came of it. */
  readonly tried: readonly string[];
}

/** The native target, and what more it can do than others. */
export interface NativeTarget extends Target {
  readonly name: "native";
  /** The compiler in use. */
  readonly compiler: Pick<Compiler, "command" | "version" | "flags" | "vectorBytes">;
  /** Where compiled libraries are kept; not persistent when the user's cache directory cannot be used. */
  readonly cache: { readonly directory: string; readonly persistent: boolean };
  /** Kernels compiled, and kernels found in the cache or in memory, since the start. */
  readonly counters: { compiled: number; cached: number };
  /** As `compile`, at the lowest priority while this process goes on; one at a time. Rejects with UnavailableError. */
  compileInBackground(kernels: readonly Kernel[]): Promise<CompiledKernel[]>;
}

/** Settings of {@link createNativeTarget}; by default those of the process. */
export interface NativeOptions {
  /** `OAR_CC`, `OAR_CACHE`, `XDG_CACHE_HOME` and `OAR_THREADS` are read from here. Default: `process.env`. */
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
export function createNativeTarget(heap: Heap, options: NativeOptions = {}): NativeResult {
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
    const compiler = probeCompiler(command, env);
    if (typeof compiler === "string") {
      tried.push(compiler);
      continue;
    }
    const cache = new LibraryCache(cachePath(env), options.cacheBytes);
    try {
      return { target: new Native(heap, koffi, compiler, cache, options) };
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

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The parameters of every kernel: heap, argument table, first block, end, thread. */
const kernelParameters = ["uintptr_t", "uint32_t", "int32_t", "int32_t", "int32_t"];

/** A nest and the key it has in the cache. */
interface Wanted {
  readonly key: string;
  readonly nest: CNest;
}

class Native implements NativeTarget {
  readonly name = "native";
  readonly threads: number;
  readonly counters = { compiled: 0, cached: 0 };
  private readonly libraries = new Map<string, Library>();
  private readonly kernels = new Map<string, CompiledKernel>();
  private readonly base: number;
  private readonly pool: number;
  private readonly runtime: Library;
  private readonly launchTable: (pool: number, table: number, count: number, threads: number) => void;
  private background: Promise<unknown> = Promise.resolve();
  private closed = false;

  get vectorBytes(): number {
    return this.compiler.vectorBytes;
  }

  constructor(
    /** Kept alive with the target: compiled code holds its address. */
    readonly heap: Heap,
    private readonly koffi: Koffi,
    readonly compiler: Compiler,
    readonly cache: LibraryCache,
    options: NativeOptions,
  ) {
    this.threads = Math.min(Math.max(options.threads ?? threadCount(options.env), 1), 255);
    // Addresses of user space have at most 57 bits, in practice 47: a number holds them, and passes faster than a bigint.
    this.base = Number(koffi.address(heap.views.u8));
    this.runtime = this.loadRuntime();
    const create = this.runtime.func("oar_create", "uintptr_t", ["uintptr_t", "int", "uint64_t"]);
    this.launchTable = this.runtime.func("oar_launch", "void", ["uintptr_t", "uint64_t", "uint32_t", "int"]);
    this.pool = Number(create(this.base, this.threads, options.spin ?? 50_000));
    if (this.pool === 0) throw new UnavailableError("no memory for the thread pool");
  }

  compile(kernels: readonly Kernel[]): CompiledKernel[] {
    if (this.closed) throw new UnavailableError("the native target is closed");
    const wanted = kernels.map((k) => this.want(k));
    const missing = this.missing(wanted);
    if (missing.length > 0) {
      const output = this.cache.temporary();
      this.finish(missing, output, () => compileLibrary(this.compiler, sourceOf(missing), output));
    }
    return wanted.map((w) => this.kernels.get(w.key)!);
  }

  compileInBackground(kernels: readonly Kernel[]): Promise<CompiledKernel[]> {
    const turn = this.background.then(() => this.compileNow(kernels));
    this.background = turn.catch(() => undefined);
    return turn;
  }

  launch(table: number, count: number, threads: number): void {
    if (this.closed) throw new UnavailableError("the native target is closed");
    this.launchTable(this.pool, table, count, threads < this.threads ? threads : this.threads);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.runtime.func("oar_destroy", "void", ["uintptr_t"])(this.pool);
    for (const library of this.libraries.values()) library.unload();
    this.libraries.clear();
    this.kernels.clear();
    this.cache.close();
  }

  private async compileNow(kernels: readonly Kernel[]): Promise<CompiledKernel[]> {
    if (this.closed) throw new UnavailableError("the native target is closed");
    const wanted = kernels.map((k) => this.want(k));
    const missing = this.missing(wanted);
    if (missing.length > 0) {
      const output = this.cache.temporary();
      await compileLibraryInBackground(this.compiler, sourceOf(missing), output);
      if (this.closed) {
        rmSync(output, { force: true });
        throw new UnavailableError("the native target was closed during a compilation");
      }
      this.finish(missing, output);
    }
    return wanted.map((w) => this.kernels.get(w.key)!);
  }

  private want(kernel: Kernel): Wanted {
    const nest = renderC(kernel, this.compiler.vectorBytes);
    const parts = [this.compiler.identity, header, ...nest.helpers.values(), nest.text];
    return { key: sha256(parts.join("\0")), nest };
  }

  /** The nests that neither memory nor the cache holds, each once; those in the cache are loaded. */
  private missing(wanted: readonly Wanted[]): Wanted[] {
    const missing = new Map<string, Wanted>();
    for (const w of wanted) {
      const found = this.kernels.has(w.key) || this.fromCache(w);
      if (found) this.counters.cached++;
      else missing.set(w.key, w);
    }
    return [...missing.values()];
  }

  private fromCache(w: Wanted): boolean {
    const digest = this.cache.find(w.key, (d) => this.libraries.has(d));
    if (digest === undefined) return false;
    try {
      this.bind(w, this.library(digest));
      return true;
    } catch {
      // An index that names a library without this nest: compiled anew, and the index written over.
      return false;
    }
  }

  private finish(made: readonly Wanted[], output: string, make?: () => void): void {
    try {
      make?.();
      const digest = this.cache.add(
        output,
        made.map((w) => w.key),
      );
      const library = this.library(digest);
      for (const w of made) this.bind(w, library);
      this.counters.compiled += made.length;
      this.cache.evict();
    } catch (error) {
      if (error instanceof OarError) throw error;
      throw new UnavailableError(`compiled code cannot be stored or loaded: ${messageOf(error)}`, {
        directory: this.cache.directory,
        hint: "set OAR_CACHE to a folder with room, or OAR_TARGET=wasm to do without native code.",
      });
    } finally {
      rmSync(output, { force: true });
    }
  }

  private library(digest: string): Library {
    let library = this.libraries.get(digest);
    if (!library) {
      library = this.koffi.load(this.cache.libraryPath(digest));
      this.libraries.set(digest, library);
    }
    return library;
  }

  private bind(w: Wanted, library: Library): void {
    const symbol = symbolOf(w.key);
    const fn = this.koffi.address(library.symbol(symbol));
    const call = library.func(symbol, "void", kernelParameters);
    const { base } = this;
    this.kernels.set(w.key, {
      fn,
      run: (args, begin, end, thread) => {
        call(base, args, begin, end, thread);
      },
      scratchBytes: w.nest.scratchBytes,
    });
  }

  private loadRuntime(): Library {
    const key = sha256([this.compiler.identity, runtimeSource].join("\0"));
    const known = this.cache.find(key, () => false);
    try {
      if (known !== undefined) return this.library(known);
    } catch {
      // Whole but not loadable, as after a change of the system's libraries: made anew below.
    }
    const output = this.cache.temporary();
    try {
      compileLibrary(this.compiler, runtimeSource, output);
      return this.library(this.cache.add(output, [key]));
    } finally {
      rmSync(output, { force: true });
    }
  }
}

const symbolOf = (key: string): string => nestSymbol.replace("nest", key);

const sourceOf = (wanted: readonly Wanted[]): string =>
  renderLibrary(wanted.map((w) => ({ nest: w.nest, symbol: symbolOf(w.key) })));
