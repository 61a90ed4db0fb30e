// Backend: a target with the kernels it has compiled so far, found by their text.

import { kernelText } from "../kernel/print.js";
import type { Kernel } from "../kernel/stmt.js";
import type { CompiledKernel, Target } from "./target.js";

/** A target that can also compile while the caller goes on. */
export interface BackgroundTarget extends Target {
  compileInBackground(kernels: readonly Kernel[]): Promise<CompiledKernel[]>;
}

/** Compiles each distinct kernel once. */
export class Backend<T extends Target = Target> {
  /** Kernels compiled since the start; equal kernels count once. */
  compiledKernels = 0;
  private readonly cache = new Map<string, CompiledKernel>();

  constructor(readonly target: T) {}

  /** Machine code of kernels; those seen before are not compiled again. */
  compile(kernels: readonly Kernel[]): CompiledKernel[] {
    const texts = kernels.map(kernelText);
    const missing = this.missing(texts, kernels);
    if (missing.size > 0) this.keep(missing, this.target.compile([...missing.values()]));
    return texts.map((text) => this.cache.get(text)!);
  }

  /** Compiles kernels in the background, so that `compile` has them at once afterwards. */
  async prepare(this: Backend<BackgroundTarget>, kernels: readonly Kernel[]): Promise<void> {
    const missing = this.missing(kernels.map(kernelText), kernels);
    if (missing.size > 0) this.keep(missing, await this.target.compileInBackground([...missing.values()]));
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
