// The nests that the native target has compiled or found on disk: missing ones go through the compiler in parts of bounded size.

import { OarError, UnavailableError } from "../core/errors.js";
import type { Kernel } from "../kernel/stmt.js";
import { type CNest, nestSymbol, renderC, renderLibrary } from "../render/c.js";
import { header } from "../render/c-types.js";
import type { CompileCounters } from "./backend.js";
import type { LibraryCache } from "./native-cache-node.js";
import type { Task } from "./native-commands-node.js";
import { type Compiler, libraryCommand, sha256 } from "./native-compiler-node.js";
import type { CompiledKernel } from "./target.js";

type Koffi = typeof import("koffi");
/** A library that is loaded. */
export type Library = ReturnType<Koffi["load"]>;

/**
 * Characters of C that are compiled together, about a third of a second's work: small parts are soon in the cache, so that what a short
 * process begins the next one goes on with; each costs the start of a compiler, some 15 ms.
 */
const PART = 100_000;

/** The parameters of every kernel: heap, argument table, first block, end, thread. */
const kernelParameters = ["uintptr_t", "uint32_t", "int32_t", "int32_t", "int32_t"];

type Counters = { -readonly [K in keyof CompileCounters]: CompileCounters[K] };

/** A nest and the key it has in the cache. */
interface Wanted {
  readonly key: string;
  readonly nest: CNest;
}

/** Machine code of nests for one heap. */
export class NestStore {
  readonly counters: Counters = { compiled: 0, cached: 0, runs: 0, seconds: 0 };
  private readonly libraries = new Map<string, Library>();
  private readonly kernels = new Map<string, CompiledKernel>();
  private closed = false;

  constructor(
    private readonly koffi: Koffi,
    private readonly compiler: Compiler,
    private readonly cache: LibraryCache,
    /** Address of heap address 0. */
    private readonly base: number,
  ) {}

  /** Compiles what neither memory nor the cache holds, and stores it part by part. Throws UnavailableError. */
  *compile(kernels: readonly Kernel[]): Task<CompiledKernel[]> {
    this.checkOpen();
    const wanted = kernels.map((k) => this.want(k));
    const parts = inParts(this.missing(wanted)).map((part) => ({ part, output: this.cache.temporary() }));
    try {
      yield parts.map(({ part, output }) =>
        libraryCommand(this.compiler, sourceOf(part), output, (seconds) => {
          this.counters.runs++;
          this.counters.seconds += seconds;
          this.keep(part, output);
        }),
      );
    } finally {
      for (const { output } of parts) this.cache.drop(output);
    }
    this.checkOpen();
    if (parts.length > 0) this.cache.evict();
    return wanted.map((w) => this.kernels.get(w.key)!);
  }

  /** Unloads everything. */
  close(): void {
    this.closed = true;
    for (const library of this.libraries.values()) library.unload();
    this.libraries.clear();
    this.kernels.clear();
  }

  private checkOpen(): void {
    if (this.closed) throw new UnavailableError("the native target is closed");
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

  private keep(made: readonly Wanted[], output: string): void {
    this.checkOpen();
    try {
      const keys = made.map((w) => w.key);
      const library = this.cache.add(output, keys, (digest) => this.library(digest));
      for (const w of made) this.bind(w, library);
      this.counters.compiled += made.length;
    } catch (error) {
      if (error instanceof OarError) throw error;
      throw new UnavailableError(`compiled code cannot be stored or loaded: ${messageOf(error)}`, {
        directory: this.cache.directory,
        hint: "set OAR_CACHE to a folder with room, or OAR_TARGET=wasm to do without native code.",
      });
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
}

/** What an error says. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const symbolOf = (key: string): string => nestSymbol.replace("nest", key);

const sourceOf = (wanted: readonly Wanted[]): string =>
  renderLibrary(wanted.map((w) => ({ nest: w.nest, symbol: symbolOf(w.key) })));

/** Consecutive nests whose texts together have about `PART` characters. */
function inParts(wanted: readonly Wanted[]): Wanted[][] {
  const parts: Wanted[][] = [];
  let room = 0;
  for (const w of wanted) {
    if (room <= 0) {
      parts.push([]);
      room = PART;
    }
    parts.at(-1)!.push(w);
    room -= w.nest.text.length;
  }
  return parts;
}
