// The memory that threads of the wasm target synchronise through: where each word stands, and what it means.

/** Threads that a launch can use at most: sleepers are bits of an i64. */
export const MAX_THREADS = 64;

/**
 * Layout, each part on a cache line of its own.
 * `ticket` is an i64: the number of the current group of entries (high half) and the next block of it to hand out (low half; all ones:
 * no launch is running). Groups with even and odd numbers have each their `group` record and `done` count, so that the record of
 * the next group can be written while late threads still read the last one's.
 */
export const sync = {
  ticket: 0,
  group: 64,
  /** Blocks of the group that are done. */
  done: 192,
  /** An i64, one bit for each thread that sleeps. */
  sleepers: 320,
  /** Number of kernel modules that threads must have loaded before they take blocks. */
  modules: 384,
  /** Becomes 1 when threads shall end. */
  stop: 388,
  /** Becomes 1 when a thread failed inside a kernel. */
  failed: 392,
  /** Number of worker threads that have started. */
  ready: 396,
  /** One word for each thread: 1 while it sleeps, what it waits on. */
  slots: 512,
  slotBytes: 64,
  bytes: 512 + 64 * MAX_THREADS,
} as const;

/** The high half of the ticket: the number of the current group. */
export const groupNumber = sync.ticket + 4;

/** The low half of the ticket while no launch is running. */
export const CLOSED = 0xffffffff;

/** Bytes from the record (or count) of even groups to that of odd ones. */
export const PARITY_BYTES = 64;

/** Fields of a group record, as offsets in the synchronisation memory. */
export const group = {
  /** Address of the group's first entry in the launch table. */
  first: sync.group,
  /** Number of its entries. */
  entries: sync.group + 4,
  /** Blocks that any thread may take. */
  open: sync.group + 8,
  /** All blocks: the open ones and those of `single` entries. */
  blocks: sync.group + 12,
  /** Entries of the launch after the group. */
  rest: sync.group + 16,
  /** Threads of the launch. */
  threads: sync.group + 20,
} as const;

/** Why `work` returned. */
export const workEnd = { stop: 0, modules: 1, done: 2 } as const;
