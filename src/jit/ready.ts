// oar.jit.ready: native code for everything that was compiled so far, at a moment that the program chooses.

import { allNative } from "../trace/live-blocks.js";
import type { CompileReport } from "../trace/runnable.js";

/**
 * Asks for native code for every compiled step and every Program that has run, waits until it is there, and resolves to a report for each: the
 * target its next run uses, the number of its kernels, the seconds it took, and the reason where there is no native code. Without it, steps
 * ask by themselves in their third run and go over whenever it is ready; under `setFlags({ deterministic: true })` they go over only here.
 *
 * @example
 * ```ts
 * import { jit, ones, type Tensor } from "oarjs";
 * const twice = jit.compile((x: Tensor) => x.multiply(2));
 * twice(ones([3]));
 * const reports = await jit.ready();
 * console.log(reports.every((r) => r.target === "native" || r.reason !== undefined)); // true
 * ```
 */
export const ready = (): Promise<readonly CompileReport[]> => allNative();
