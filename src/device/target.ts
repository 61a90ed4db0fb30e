// What a target offers to the rest: compile kernels to functions, and run tables of launches on one or several threads.

import type { Kernel } from "../kernel/stmt.js";

/** The targets, by the name `OAR_TARGET` takes. */
export type TargetName = "interp" | "wasm" | "native";

/** A kernel as machine code. `fn` goes into launch tables; `run` calls it on this thread. */
export interface CompiledKernel {
  /** Function number in launch tables: a WebAssembly table index, a function's address, or the interpreter's index. */
  readonly fn: number | bigint;
  /** Runs blocks `begin` … `end`-1 on the calling thread as thread 0. `args` is the heap address of the argument table. */
  readonly run: (args: number, begin: number, end: number, thread: number) => void;
  /** Bytes of scratch each thread needs; the launcher provides `threads` times as many. */
  readonly scratchBytes: number;
}

/**
 * One entry of a launch table in the heap, 32 bytes: u64 function number | u32 args address | u32 blocks | u32 flags | 12 bytes unused.
 * Entries run in order; every block of an entry ends before the next entry begins (a barrier), unless the entry carries `noBarrier`.
 */
export const launchEntry = { bytes: 32, fn: 0, args: 8, blocks: 12, flags: 16 } as const;

/**
 * Flags of a launch entry. `single`: one thread runs all blocks. `noBarrier`: this entry and the next may run at the same time; all
 * entries joined in such a chain must be independent of one another.
 */
export const launchFlags = { single: 1, noBarrier: 2 } as const;

/** A kernel in a target's language. */
export interface KernelSource {
  readonly text: string;
  /** How files of the language end, as in `c`. */
  readonly extension: string;
}

/** A way to run kernels on the shared heap. */
export interface Target {
  readonly name: TargetName;
  /** Threads that `launch` may use, the caller's included. */
  readonly threads: number;
  /** Bytes of the widest vector registers, where the target knows them. */
  readonly vectorBytes?: number;
  /** What the target makes of a kernel before it becomes machine code, for people: C, or WebAssembly's instructions. */
  source?(kernel: Kernel): KernelSource;
  /** Compiles kernels together, synchronously. Equal kernels may be given again: caching is the caller's. */
  compile(kernels: readonly Kernel[]): CompiledKernel[];
  /** Runs the `count` entries of the table at heap address `table`, on at most `threads` threads; returns when all are done. */
  launch(table: number, count: number, threads: number): void;
  /** Frees threads and libraries. */
  close(): void;
}
