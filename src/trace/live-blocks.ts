// The compiled blocks that are alive: all of them can be asked for native code at once.

import type { CompileReport } from "./runnable.js";

/** A block that may become native code. */
interface LiveBlock {
  requestNative(): void;
  settled(): Promise<CompileReport | undefined>;
}

const blocks = new Set<WeakRef<LiveBlock>>();

/** Those alive; the others are forgotten. */
function alive(): LiveBlock[] {
  return [...blocks].flatMap((ref) => {
    const block = ref.deref();
    if (!block) blocks.delete(ref);
    return block ? [block] : [];
  });
}

/** Number of blocks after which dead ones are looked for. */
let full = 64;

/** Takes note of a block, weakly. */
export function noteBlock(block: LiveBlock): void {
  if (blocks.size >= full) full = 2 * Math.max(32, alive().length);
  blocks.add(new WeakRef(block));
}

/** Asks all blocks for native code and waits for it. */
export async function allNative(): Promise<CompileReport[]> {
  const asked = alive();
  for (const block of asked) block.requestNative();
  const reports = await Promise.all(asked.map((block) => block.settled()));
  return reports.filter((r) => r !== undefined);
}
