// Backend: a target with the kernels it has compiled so far, found by their text.

import { kernelText } from "../kernel/print.js";
import type { Kernel } from "../kernel/stmt.js";
import type { CompiledKernel, Target } from "./target.js";

/** What a target has compiled since its start. */
export interface CompileCounters {
  /** Kernels compiled, and kernels found in the cache or in memory. */
  readonly compiled: number;
  readonly cached: number;
  /** Runs of the compiler, and the seconds they took. */
  readonly runs: number;
  readonly seconds: number;
}

/** How something asynchronous ended. */
export type Settled<R> =
  | { readonly value: R; readonly error?: never }
  | { readonly value?: never; readonly error: unknown };

/** Work beside this process, such as a compiler's. */
export interface BackgroundWork {
  readonly running: boolean;
  /** Goes on where something has ended since: what loops do that never return to the event loop. Costs little. */
  poll(): void;
}

/** A target that can also compile while the caller goes on. */
export interface BackgroundTarget extends Target {
  /** What was compiled so far, for reports. */
  readonly counters: CompileCounters;
  /** As `compile`, at a low priority while this process goes on; one at a time. Fails with UnavailableError. */
  compileInBackground(kernels: readonly Kernel[], done: (settled: Settled<CompiledKernel[]>) => void): void;
}

const texts = new WeakMap<Kernel, string>();

/** A kernel's text: what makes two of them equal. */
function textOf(kernel: Kernel): string {
  const known = texts.get(kernel);
  if (known !== undefined) return known;
  const text = kernelText(kernel);
  texts.set(kernel, text);
  return text;
}

/** Compiles each distinct kernel once. */
export class Backend<T extends Target = Target> {
  /** Kernels compiled since the start; equal kernels count once. */
  compiledKernels = 0;
  private readonly cache = new Map<string, CompiledKernel>();

  constructor(readonly target: T) {}

  /** Machine code of kernels; those seen before are not compiled again. */
  compile(kernels: readonly Kernel[]): CompiledKernel[] {
    const texts = kernels.map(textOf);
    const missing = this.missing(texts, kernels);
    if (missing.size > 0) this.keep(missing, this.target.compile([...missing.values()]));
    return texts.map((text) => this.cache.get(text)!);
  }

  /** Compiles kernels in the background, so that `compile` has them at once afterwards. Gives the number of different ones. */
  prepare(this: Backend<BackgroundTarget>, kernels: readonly Kernel[], done: (settled: Settled<number>) => void): void {
    const texts = kernels.map(textOf);
    const missing = this.missing(texts, kernels);
    const value = new Set(texts).size;
    if (missing.size === 0) return done({ value });
    this.target.compileInBackground([...missing.values()], (compiled) => {
      if (compiled.value === undefined) return done(compiled);
      this.keep(missing, compiled.value);
      done({ value });
    });
  }

  private missing(texts: readonly string[], kernels: readonly Kernel[]): Map<string, Kernel> {
    const missing = new Map<string, Kernel>();
    texts.forEach((text, i) => {
      if (!this.cache.has(text)) missing.set(text, kernels[i]!);
    });
    return missing;
  }

  private keep(missing: ReadonlyMap<string, Kernel>, compiled: readonly CompiledKernel[]): void {
    this.compiledKernels += compiled.length;
    [...missing.keys()].forEach((text, i) => this.cache.set(text, compiled[i]!));
  }
}
