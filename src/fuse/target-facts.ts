// The facts about each target that schedules depend on: the register tile of matrix multiplication, vectors side by side.

import type { TargetFacts } from "./body.js";

/** What is asked of a target; `Target` has it. */
export interface TargetDescription {
  readonly name: TargetFacts["name"];
  /** Bytes of the widest vector registers, where the target knows them. */
  readonly vectorBytes?: number | undefined;
}

/**
 * The facts of a target. Tiles are as large as the registers hold them (measured, bench/gemm.mjs): 32 registers of 64 bytes take
 * 8 × 2 accumulators; 16 smaller ones 6 × 2, with two for B and one for A. V8 schedules all loads of a round before its arithmetic, so
 * that 4 × 2 accumulators of 16 bytes is all that stays in its 15 registers: 6 × 2 runs at half the speed. Sums of columns keep fewer
 * of the registers busy and bear some spilling: in WebAssembly 2, 4 and 8 vectors take 0.61, 0.33 and 0.32 ms for W4's sparse update.
 *
 * @example
 * ```ts
 * targetFactsOf({ name: "native", vectorBytes: 32 }).gemm; // { rows: 6, lanes: 8, vectors: 2 }
 * ```
 */
export function targetFactsOf({ name, vectorBytes = 64 }: TargetDescription): TargetFacts {
  if (name === "native") {
    const gemm = { rows: vectorBytes >= 64 ? 8 : 6, lanes: vectorBytes / 4, vectors: 2 };
    return { name, gemm, vectors: vectorBytes / 8 };
  }
  return { name, gemm: { rows: 4, lanes: 8, vectors: 1 }, vectors: name === "wasm" ? 4 : 1 };
}
