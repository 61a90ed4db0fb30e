// The module that walks launch tables: one thread alone, or several that take blocks from a common ticket.

import { Code, type Label, Module } from "../render/wasm/assembler.js";
import { launchEntry, launchFlags } from "./target.js";

/** Threads that a launch can use at most: sleepers are bits of an i64. */
export const MAX_THREADS = 64;

/**
 * Layout of the memory that threads synchronise through, each part on a cache line of its own.
 * `ticket` is an i64: the number of the current group of entries (high half) and the next block of it to hand out (low half; all ones:
 * no launch is running). Groups with even and odd numbers have each their `group` record and `done` count, so that the record of
 * the next group can be written while late threads still read the last one's.
 */
export const sync = {
  ticket: 0,
  group: 64,
  done: 192,
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

/** A group record: first entry, number of entries, blocks that any thread may take, all blocks, entries after it, threads of the launch. */
const group = { first: 0, entries: 4, open: 8, blocks: 12, rest: 16, threads: 20, bytes: 64 } as const;

const CLOSED = -1;

/** Why `work` returned. */
export const workEnd = { stop: 0, modules: 1, done: 2 } as const;

/** What the runtime module always exports. Addresses and counts as in `Target.launch`. */
export interface SerialRuntime {
  /** Runs a table on the calling thread. */
  readonly serial: (table: number, count: number) => void;
}

/** What it exports more for a shared memory. `base` is the address of the memory that {@link sync} lays out. */
export interface ThreadedRuntime {
  /** Opens a launch for `threads` threads; the caller then joins with `work(0, …)`. */
  readonly open: (table: number, count: number, threads: number, base: number) => void;
  /**
   * Takes blocks. Thread 0 returns when the launch is done; the others serve launch after launch until they must stop or load
   * modules, of which they have `modules` now. `spins`: rounds of busy waiting before sleeping; negative: never sleep.
   */
  readonly work: (thread: number, base: number, modules: number, spins: number) => number;
  /** Waits busily for a number of rounds, to learn how long one takes. */
  readonly spin: (base: number, rounds: number) => void;
}

/** Builds the runtime; `open` and `work` exist only for a shared memory. Imports `env.memory` and `env.table`. */
export function buildRuntime(shared: boolean): Uint8Array<ArrayBuffer> {
  const module = new Module(shared, true);
  const kernel = module.type(["i32", "i32", "i32", "i32"], []);
  module.func("serial", serial(kernel));
  if (shared) {
    const wake = module.func("wake", wakeCode());
    const publish = module.func("publish", publishCode(wake));
    module.func("open", openCode(publish));
    module.func("spin", spinCode());
    module.func("work", workCode(kernel, publish), ["i32"]);
  }
  return module.build();
}

/** `for (; count > 0; count--, table += 32) fn(args, 0, blocks, 0)`. */
function serial(kernel: number): Code {
  const code = new Code(["i32", "i32"]);
  const [table, count] = [0, 1];
  const end = code.block();
  const again = code.loop();
  code.get(count);
  code.i32(0);
  code.op("i32.le_s");
  code.brIf(end);
  code.get(table);
  code.mem("i32.load", launchEntry.args);
  code.i32(0);
  code.get(table);
  code.mem("i32.load", launchEntry.blocks);
  code.i32(0);
  code.get(table);
  code.mem("i32.load", launchEntry.fn);
  code.callIndirect(kernel);
  step(code, table, launchEntry.bytes);
  step(code, count, -1);
  code.br(again);
  code.end();
  code.end();
  return code;
}

/** `local += by`. */
function step(code: Code, local: number, by: number): void {
  code.get(local);
  code.i32(by);
  code.op("i32.add");
  code.set(local);
}

/** Pushes whether an entry's flag is set (as any non-zero number). */
function flag(code: Code, entry: number, bit: number): void {
  code.get(entry);
  code.mem("i32.load", launchEntry.flags);
  code.i32(bit);
  code.op("i32.and");
}

/**
 * wake(sync, threads): wakes sleepers among threads 0 … threads-1.
 * A sleeper sets its slot and its bit before it looks at the ticket a last time, and the ticket changes before the bits are read here:
 * one of the two sees the other.
 */
function wakeCode(): Code {
  const code = new Code(["i32", "i32"]);
  const [base, threads] = [0, 1];
  const [t, slot] = [code.local("i32"), code.local("i32")];
  const mask = code.local("i64");
  const end = code.block();
  code.get(base);
  code.mem("i64.atomic.load", sync.sleepers, 3);
  code.tee(mask);
  code.op("i64.eqz");
  code.brIf(end);
  const again = code.loop();
  const next = code.block();
  code.get(mask);
  code.get(t);
  code.op("i64.extend_i32_u");
  code.op("i64.shr_u");
  code.op("i32.wrap_i64");
  code.i32(1);
  code.op("i32.and");
  code.op("i32.eqz");
  code.brIf(next);
  slotAddress(code, base, t, slot);
  code.get(slot);
  code.i32(0);
  code.mem("i32.atomic.rmw.xchg", sync.slots, 2);
  code.op("i32.eqz");
  code.brIf(next);
  code.get(slot);
  code.i32(1);
  code.mem("memory.atomic.notify", sync.slots, 2);
  code.op("drop");
  code.end();
  step(code, t, 1);
  code.get(t);
  code.get(threads);
  code.op("i32.lt_s");
  code.brIf(again);
  code.end();
  code.end();
  return code;
}

/** `slot = sync + thread * slotBytes`; accesses add the offset `slots`. */
function slotAddress(code: Code, base: number, thread: number, slot: number): void {
  code.get(base);
  code.get(thread);
  code.i32(sync.slotBytes);
  code.op("i32.mul");
  code.op("i32.add");
  code.set(slot);
}

/**
 * publish(sync, entry, count, threads): makes the group that starts at `entry` current, or closes the launch when no entry with blocks is
 * left. A group is a run of entries joined by `noBarrier`: all of its entries are independent of each other.
 */
function publishCode(wake: number): Code {
  const code = new Code(["i32", "i32", "i32", "i32"]);
  const [base, entry, count, threads] = [0, 1, 2, 3];
  const [first, open, all, blocks, seq, record] = [0, 1, 2, 3, 4, 5].map(() => code.local("i32")) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  code.get(base);
  code.mem("i32.atomic.load", sync.ticket + 4, 2);
  code.i32(1);
  code.op("i32.add");
  code.set(seq);
  const close = code.block();
  const scan = code.loop();
  code.get(count);
  code.op("i32.eqz");
  code.brIf(close);
  measureGroup(code, { entry, count, first, open, all, blocks });
  code.get(all);
  code.op("i32.eqz");
  code.brIf(scan);
  code.end();
  parity(code, base, seq, group.bytes);
  code.set(record);
  storeField(code, record, group.first, first);
  code.get(record);
  code.get(entry);
  code.get(first);
  code.op("i32.sub");
  code.i32(launchEntry.bytes);
  code.op("i32.div_u");
  code.mem("i32.atomic.store", sync.group + group.entries, 2);
  storeField(code, record, group.open, open);
  storeField(code, record, group.blocks, all);
  storeField(code, record, group.rest, count);
  storeField(code, record, group.threads, threads);
  parity(code, base, seq, group.bytes);
  code.i32(0);
  code.mem("i32.atomic.store", sync.done, 2);
  storeTicket(code, base, seq, 0n);
  code.get(base);
  code.get(threads);
  // A group of one block is for whoever is awake; thread 0 is woken in any case: it may have to run `single` entries.
  code.i32(1);
  code.get(open);
  code.i32(1);
  code.op("i32.gt_s");
  code.op("select");
  code.call(wake);
  code.op("return");
  code.end();
  storeTicket(code, base, seq, 0xffffffffn);
  code.get(base);
  code.i32(1);
  code.call(wake);
  return code;
}

interface GroupLocals {
  readonly entry: number;
  readonly count: number;
  readonly first: number;
  readonly open: number;
  readonly all: number;
  readonly blocks: number;
}

/** Walks over one group: `first` its first entry, `open` and `all` its blocks; `entry` and `count` end behind it. */
function measureGroup(code: Code, l: GroupLocals): void {
  code.get(l.entry);
  code.set(l.first);
  code.i32(0);
  code.set(l.open);
  code.i32(0);
  code.set(l.all);
  const end = code.block();
  const again = code.loop();
  code.get(l.entry);
  code.mem("i32.load", launchEntry.blocks);
  code.tee(l.blocks);
  code.get(l.all);
  code.op("i32.add");
  code.set(l.all);
  code.i32(0);
  code.get(l.blocks);
  flag(code, l.entry, launchFlags.single);
  code.op("select");
  code.get(l.open);
  code.op("i32.add");
  code.set(l.open);
  step(code, l.count, -1);
  flag(code, l.entry, launchFlags.noBarrier);
  step(code, l.entry, launchEntry.bytes);
  code.op("i32.eqz");
  code.brIf(end);
  code.get(l.count);
  code.brIf(again);
  code.end();
  code.end();
}

/** Pushes `base + (seq & 1) * bytes`. */
function parity(code: Code, base: number, seq: number, bytes: number): void {
  code.get(base);
  code.get(seq);
  code.i32(1);
  code.op("i32.and");
  code.i32(bytes);
  code.op("i32.mul");
  code.op("i32.add");
}

function storeField(code: Code, record: number, field: number, value: number): void {
  code.get(record);
  code.get(value);
  code.mem("i32.atomic.store", sync.group + field, 2);
}

/** `ticket = seq << 32 | next`. */
function storeTicket(code: Code, base: number, seq: number, next: bigint): void {
  code.get(base);
  code.get(seq);
  code.op("i64.extend_i32_u");
  code.i64(32n);
  code.op("i64.shl");
  code.i64(next);
  code.op("i64.or");
  code.mem("i64.atomic.store", sync.ticket, 3);
}

/** open(table, count, threads, sync): publishes the first group. */
function openCode(publish: number): Code {
  const code = new Code(["i32", "i32", "i32", "i32"]);
  for (const parameter of [3, 0, 1, 2]) code.get(parameter);
  code.call(publish);
  return code;
}

/** spin(base, rounds): reads the ticket as `work` does. */
function spinCode(): Code {
  const code = new Code(["i32", "i32"]);
  const [base, rounds] = [0, 1];
  const again = code.loop();
  code.get(base);
  code.mem("i32.atomic.load", sync.ticket + 4, 2);
  code.op("drop");
  step(code, rounds, -1);
  code.get(rounds);
  code.i32(0);
  code.op("i32.gt_s");
  code.brIf(again);
  code.end();
  return code;
}

/** The locals of `work`. */
interface Work {
  readonly code: Code;
  readonly thread: number;
  readonly base: number;
  readonly modules: number;
  readonly spins: number;
  readonly ticket: number;
  readonly seq: number;
  readonly next: number;
  readonly record: number;
  readonly threads: number;
  readonly open: number;
  readonly blocks: number;
  readonly chunk: number;
  /** The entry last worked on, its first block's number in the group, the entries left from it, and the group they belong to. */
  readonly entry: number;
  readonly start: number;
  readonly left: number;
  readonly entrySeq: number;
  readonly spun: number;
  readonly slot: number;
  /** Scratch. */
  readonly i: number;
}

function workLocals(): Work {
  const code = new Code(["i32", "i32", "i32", "i32"]);
  const i32 = (): number => code.local("i32");
  return {
    code,
    thread: 0,
    base: 1,
    modules: 2,
    spins: 3,
    ticket: code.local("i64"),
    seq: i32(),
    next: i32(),
    record: i32(),
    threads: i32(),
    open: i32(),
    blocks: i32(),
    chunk: i32(),
    entry: i32(),
    start: i32(),
    left: i32(),
    entrySeq: i32(),
    spun: i32(),
    slot: i32(),
    i: i32(),
  };
}

/** work(thread, sync, modules, spins): see {@link WasmRuntime}. */
function workCode(kernel: number, publish: number): Code {
  const w = workLocals();
  const { code } = w;
  const again = code.loop();
  readTicket(w);
  const idle = code.block();
  leaveIfClosed(w, idle);
  readRecord(w, again);
  code.get(w.thread);
  code.get(w.threads);
  code.op("i32.ge_s");
  code.brIf(idle);
  enterGroup(w, kernel, publish);
  code.get(w.next);
  code.get(w.open);
  code.op("i32.ge_u");
  code.brIf(idle);
  takeChunk(w, again);
  runChunk(w, kernel);
  finishBlocks(w, publish, w.chunk);
  code.br(again);
  code.end();
  waitForGroup(w, again);
  code.end();
  code.op("unreachable");
  return code;
}

/** Reads the ticket into `seq` and `next`; thread 0 never has modules to load, others leave for them. */
function readTicket(w: Work): void {
  const { code } = w;
  code.get(w.base);
  code.mem("i64.atomic.load", sync.ticket, 3);
  code.tee(w.ticket);
  code.op("i32.wrap_i64");
  code.set(w.next);
  code.get(w.ticket);
  code.i64(32n);
  code.op("i64.shr_u");
  code.op("i32.wrap_i64");
  code.set(w.seq);
  code.get(w.thread);
  code.if();
  for (const [word, wanted, reason] of [
    [sync.stop, undefined, workEnd.stop],
    [sync.modules, w.modules, workEnd.modules],
  ] as const) {
    code.get(w.base);
    code.mem("i32.atomic.load", word, 2);
    if (wanted !== undefined) {
      code.get(wanted);
      code.op("i32.ne");
    }
    code.if();
    code.i32(reason);
    code.op("return");
    code.end();
  }
  code.end();
}

/** No launch is running: thread 0 is done, others wait. */
function leaveIfClosed(w: Work, idle: Label): void {
  const { code } = w;
  code.get(w.next);
  code.i32(CLOSED);
  code.op("i32.eq");
  code.if();
  code.get(w.thread);
  code.brIf(idle);
  code.i32(workEnd.done);
  code.op("return");
  code.end();
}

/** Reads what taking a chunk needs of the group's record; starts over unless the ticket shows that it was of this group throughout. */
function readRecord(w: Work, again: Label): void {
  const { code } = w;
  parity(code, w.base, w.seq, group.bytes);
  code.set(w.record);
  const field = (offset: number, local: number): void => {
    code.get(w.record);
    code.mem("i32.atomic.load", sync.group + offset, 2);
    code.set(local);
  };
  field(group.threads, w.threads);
  field(group.open, w.open);
  code.get(w.seq);
  code.get(w.entrySeq);
  code.op("i32.ne");
  code.if();
  field(group.first, w.entry);
  field(group.entries, w.left);
  code.i32(0);
  code.set(w.start);
  code.end();
  code.get(w.base);
  code.mem("i32.atomic.load", sync.ticket + 4, 2);
  code.get(w.seq);
  code.op("i32.ne");
  code.brIf(again);
}

/** The first time in a group: thread 0 runs the `single` entries of it. */
function enterGroup(w: Work, kernel: number, publish: number): void {
  const { code } = w;
  code.get(w.seq);
  code.get(w.entrySeq);
  code.op("i32.ne");
  code.if();
  code.get(w.seq);
  code.set(w.entrySeq);
  code.get(w.thread);
  code.op("i32.eqz");
  code.if();
  runSingles(w, kernel, publish);
  code.end();
  code.end();
}

function runSingles(w: Work, kernel: number, publish: number): void {
  const { code } = w;
  code.i32(0);
  code.set(w.chunk);
  code.get(w.entry);
  code.set(w.slot);
  code.get(w.left);
  code.set(w.i);
  const loop = code.loop();
  flag(code, w.slot, launchFlags.single);
  code.if();
  code.get(w.slot);
  code.mem("i32.load", launchEntry.args);
  code.i32(0);
  code.get(w.slot);
  code.mem("i32.load", launchEntry.blocks);
  code.i32(0);
  code.get(w.slot);
  code.mem("i32.load", launchEntry.fn);
  code.callIndirect(kernel);
  code.get(w.slot);
  code.mem("i32.load", launchEntry.blocks);
  code.get(w.chunk);
  code.op("i32.add");
  code.set(w.chunk);
  code.end();
  step(code, w.slot, launchEntry.bytes);
  step(code, w.i, -1);
  code.get(w.i);
  code.brIf(loop);
  code.end();
  code.get(w.chunk);
  code.if();
  finishBlocks(w, publish, w.chunk);
  code.end();
}

/**
 * Finds the entry of block `next` and takes `chunk` blocks of it: half of an even share of what is left, at least one. Blocks are handed
 * out in order, so the search goes on from the entry last worked on. Starts over when another thread was faster.
 */
function takeChunk(w: Work, again: Label): void {
  const { code } = w;
  const found = code.block();
  const search = code.loop();
  entryBlocks(w);
  code.set(w.blocks);
  code.get(w.next);
  code.get(w.start);
  code.op("i32.sub");
  code.get(w.blocks);
  code.op("i32.lt_u");
  code.brIf(found);
  code.get(w.start);
  code.get(w.blocks);
  code.op("i32.add");
  code.set(w.start);
  step(code, w.entry, launchEntry.bytes);
  step(code, w.left, -1);
  code.get(w.left);
  code.brIf(search);
  // Only a stale ticket leads behind the last entry: look again, with the search from the start.
  code.get(w.seq);
  code.i32(1);
  code.op("i32.sub");
  code.set(w.entrySeq);
  code.br(again);
  code.end();
  code.end();
  chunkSize(w);
  code.get(w.base);
  code.get(w.ticket);
  code.get(w.ticket);
  code.get(w.chunk);
  code.op("i64.extend_i32_u");
  code.op("i64.add");
  code.mem("i64.atomic.rmw.cmpxchg", sync.ticket, 3);
  code.get(w.ticket);
  code.op("i64.ne");
  code.brIf(again);
}

/** Pushes the number of blocks of the entry that any thread may take. */
function entryBlocks(w: Work): void {
  const { code } = w;
  code.i32(0);
  code.get(w.entry);
  code.mem("i32.load", launchEntry.blocks);
  flag(code, w.entry, launchFlags.single);
  code.op("select");
}

/** chunk = min(max(1, (open - next) / (2 * threads)), what the entry has left). */
function chunkSize(w: Work): void {
  const { code } = w;
  code.get(w.open);
  code.get(w.next);
  code.op("i32.sub");
  code.get(w.threads);
  code.i32(1);
  code.op("i32.shl");
  code.op("i32.div_u");
  code.tee(w.chunk);
  code.i32(1);
  code.get(w.chunk);
  code.op("select");
  code.tee(w.chunk);
  code.get(w.start);
  code.get(w.blocks);
  code.op("i32.add");
  code.get(w.next);
  code.op("i32.sub");
  code.tee(w.i);
  code.get(w.chunk);
  code.get(w.i);
  code.op("i32.lt_u");
  code.op("select");
  code.set(w.chunk);
}

/** fn(args, next - start, next - start + chunk, thread). */
function runChunk(w: Work, kernel: number): void {
  const { code } = w;
  code.get(w.entry);
  code.mem("i32.load", launchEntry.args);
  code.get(w.next);
  code.get(w.start);
  code.op("i32.sub");
  code.tee(w.i);
  code.get(w.i);
  code.get(w.chunk);
  code.op("i32.add");
  code.get(w.thread);
  code.get(w.entry);
  code.mem("i32.load", launchEntry.fn);
  code.callIndirect(kernel);
}

/** Counts blocks as done; the thread that finishes a group's last block publishes the next group. */
function finishBlocks(w: Work, publish: number, blocks: number): void {
  const { code } = w;
  parity(code, w.base, w.seq, group.bytes);
  code.get(blocks);
  code.mem("i32.atomic.rmw.add", sync.done, 2);
  code.get(blocks);
  code.op("i32.add");
  code.get(w.record);
  code.mem("i32.atomic.load", sync.group + group.blocks, 2);
  code.op("i32.eq");
  code.if();
  code.get(w.base);
  code.get(w.record);
  code.mem("i32.atomic.load", sync.group + group.first, 2);
  code.get(w.record);
  code.mem("i32.atomic.load", sync.group + group.entries, 2);
  code.i32(launchEntry.bytes);
  code.op("i32.mul");
  code.op("i32.add");
  code.get(w.record);
  code.mem("i32.atomic.load", sync.group + group.rest, 2);
  code.get(w.threads);
  code.call(publish);
  code.end();
}

/** Waits until the ticket shows another group than `seq`: first busily, then asleep. */
function waitForGroup(w: Work, again: Label): void {
  const { code } = w;
  const changed = (): void => {
    code.get(w.base);
    code.mem("i32.atomic.load", sync.ticket + 4, 2);
    code.get(w.seq);
    code.op("i32.ne");
  };
  leaveIfFailed(w);
  code.i32(0);
  code.set(w.spun);
  const spin = code.loop();
  changed();
  code.brIf(again);
  step(code, w.spun, 1);
  code.get(w.spun);
  code.get(w.spins);
  code.i32(100000);
  code.get(w.spins);
  code.i32(0);
  code.op("i32.ge_s");
  code.op("select");
  code.op("i32.lt_s");
  code.brIf(spin);
  code.end();
  code.get(w.spins);
  code.i32(0);
  code.op("i32.lt_s");
  code.brIf(again);
  sleep(w, changed);
  code.br(again);
}

/** A thread that failed holds blocks for ever: thread 0 leaves the launch. */
function leaveIfFailed(w: Work): void {
  const { code } = w;
  code.get(w.base);
  code.mem("i32.atomic.load", sync.failed, 2);
  code.if();
  code.i32(workEnd.stop);
  code.op("return");
  code.end();
}

/** See {@link wakeCode}. */
function sleep(w: Work, changed: () => void): void {
  const { code } = w;
  slotAddress(code, w.base, w.thread, w.slot);
  const bit = (): void => {
    code.i64(1n);
    code.get(w.thread);
    code.op("i64.extend_i32_u");
    code.op("i64.shl");
  };
  code.get(w.slot);
  code.i32(1);
  code.mem("i32.atomic.store", sync.slots, 2);
  code.get(w.base);
  bit();
  code.mem("i64.atomic.rmw.or", sync.sleepers, 3);
  code.op("drop");
  changed();
  code.op("i32.eqz");
  code.if();
  code.get(w.slot);
  code.i32(1);
  code.i64(-1n);
  code.mem("memory.atomic.wait32", sync.slots, 2);
  code.op("drop");
  code.end();
  code.get(w.slot);
  code.i32(0);
  code.mem("i32.atomic.store", sync.slots, 2);
  code.get(w.base);
  bit();
  code.i64(-1n);
  code.op("i64.xor");
  code.mem("i64.atomic.rmw.and", sync.sleepers, 3);
  code.op("drop");
}
