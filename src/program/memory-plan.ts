// Memory plan: offsets in one arena for blocks that live from one step to another, so that a run allocates nothing.

/** A block of memory needed from step `from` to step `to`, both included. */
export interface Lifetime {
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

/** Where each block stands, and how large the arena is. */
export interface ArenaPlan {
  readonly offsets: readonly number[];
  readonly bytes: number;
}

const align = (n: number): number => Math.ceil(n / 64) * 64;

/**
 * Places blocks so that those alive at the same step do not overlap: largest first, each at the lowest offset that is free for its
 * whole life. Offsets are multiples of 64.
 */
export function planArena(blocks: readonly Lifetime[]): ArenaPlan {
  const order = blocks.map((_, i) => i).sort((a, b) => blocks[b]!.bytes - blocks[a]!.bytes || a - b);
  const offsets = new Array<number>(blocks.length).fill(0);
  const placed: number[] = [];
  let total = 0;
  for (const i of order) {
    const block = blocks[i]!;
    const size = align(block.bytes);
    const rivals = placed.filter((j) => blocks[j]!.from <= block.to && block.from <= blocks[j]!.to);
    rivals.sort((a, b) => offsets[a]! - offsets[b]!);
    let at = 0;
    for (const j of rivals) {
      if (at + size <= offsets[j]!) break;
      at = Math.max(at, offsets[j]! + align(blocks[j]!.bytes));
    }
    offsets[i] = at;
    placed.push(i);
    total = Math.max(total, at + size);
  }
  return { offsets, bytes: total };
}
