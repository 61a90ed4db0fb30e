// The runtime's function that every thread works in: it takes blocks, runs them, and waits for more.

import { Code } from "../render/wasm/assembler.js";
import {
  type Jump,
  type Node,
  block,
  call,
  callIndirect,
  get,
  i32,
  i64,
  loop,
  mem,
  op,
  seq,
  set,
  when,
} from "../render/wasm/tree.js";
import { launchEntry } from "./target.js";
import { add, entryField, hasFlag, openBlocks, recordOf, slotOf, step } from "./wasm-groups.js";
import { CLOSED, group, groupNumber, sync, workEnd } from "./wasm-sync.js";

/** Rounds between looks at `failed` by a thread that never sleeps. */
const RESTLESS_ROUNDS = 100_000;

/** Numbers of the other functions, and of the kernels' type. */
interface Callees {
  readonly kernel: number;
  readonly publish: number;
  readonly wake: number;
}

/** Parameters and locals. */
interface Locals {
  readonly thread: number;
  readonly base: number;
  readonly modules: number;
  readonly spins: number;
  readonly ticket: number;
  /** The group's number and next block, as the ticket says. */
  readonly number: number;
  readonly next: number;
  /** The group's record, and what it says. */
  readonly record: number;
  readonly threads: number;
  readonly open: number;
  /** The group that `entry` belongs to; the entry last worked on, its first block's number, and the entries from it on. */
  readonly current: number;
  readonly entry: number;
  readonly start: number;
  readonly left: number;
  /** Blocks of the entry, and those taken of them. */
  readonly blocks: number;
  readonly chunk: number;
  readonly spun: number;
  readonly slot: number;
  /** 1 after sleep, until the next sleeper is woken. */
  readonly woken: number;
  readonly single: number;
  readonly singles: number;
}

function declareLocals(code: Code): Locals {
  const local = (): number => code.local("i32");
  const ticket = code.local("i64");
  return {
    ...{ thread: 0, base: 1, modules: 2, spins: 3, ticket },
    ...{ number: local(), next: local(), record: local(), threads: local(), open: local() },
    ...{ current: local(), entry: local(), start: local(), left: local(), blocks: local(), chunk: local() },
    ...{ spun: local(), slot: local(), woken: local(), single: local(), singles: local() },
  };
}

/** work(thread, base, modules, spins): see `ThreadedRuntime`. */
export function workCode(callees: Callees): Code {
  const code = new Code(["i32", "i32", "i32", "i32"]);
  const l = declareLocals(code);
  seq(
    loop((again) => [
      readTicket(l),
      block((idle) => [
        leaveOrIdle(l, idle),
        readRecord(l, again),
        idle.when(op("i32.ge_s", get(l.thread), get(l.threads))),
        enterGroup(l, callees),
        idle.when(op("i32.ge_u", get(l.next), get(l.open))),
        when(get(l.woken), set(l.woken, i32(0)), call(callees.wake, get(l.base), get(l.threads))),
        findEntry(l, again),
        takeChunk(l, again),
        runBlocks(l, callees, l.entry, op("i32.sub", get(l.next), get(l.start)), get(l.chunk)),
        finishBlocks(l, callees, get(l.chunk)),
        again.always,
      ]),
      waitForGroup(l, again),
    ]),
    op("unreachable"),
  )(code);
  return code;
}

const word = (l: Locals, offset: number): Node => mem("i32.atomic.load", offset, get(l.base));
const recordField = (l: Locals, field: keyof typeof group): Node => mem("i32.atomic.load", group[field], get(l.record));
const leave = (why: keyof typeof workEnd): Node => op("return", i32(workEnd[why]));

/** Reads the ticket. Workers leave to stop or to load modules; thread 0 has all modules. */
function readTicket(l: Locals): Node {
  return seq(
    set(l.ticket, mem("i64.atomic.load", sync.ticket, get(l.base))),
    set(l.next, op("i32.wrap_i64", get(l.ticket))),
    set(l.number, op("i32.wrap_i64", op("i64.shr_u", get(l.ticket), i64(32n)))),
    when(
      get(l.thread),
      when(word(l, sync.stop), leave("stop")),
      when(op("i32.ne", word(l, sync.modules), get(l.modules)), leave("modules")),
    ),
  );
}

/** Where no launch is running, thread 0 is done and the others wait. */
function leaveOrIdle(l: Locals, idle: Jump): Node {
  return when(op("i32.eq", get(l.next), i32(CLOSED)), idle.when(get(l.thread)), leave("done"));
}

/** Reads the group's record; starts over unless the ticket is still of that group, when nothing can have changed the record. */
function readRecord(l: Locals, again: Jump): Node {
  return seq(
    set(l.record, recordOf(l.base, l.number)),
    set(l.threads, recordField(l, "threads")),
    set(l.open, recordField(l, "open")),
    when(
      op("i32.ne", get(l.number), get(l.current)),
      set(l.entry, recordField(l, "first")),
      set(l.left, recordField(l, "entries")),
      set(l.start, i32(0)),
    ),
    again.when(op("i32.ne", word(l, groupNumber), get(l.number))),
  );
}

/** The first time in a group: thread 0 runs its `single` entries. */
function enterGroup(l: Locals, callees: Callees): Node {
  return when(
    op("i32.ne", get(l.number), get(l.current)),
    set(l.current, get(l.number)),
    when(op("i32.eqz", get(l.thread)), runSingles(l, callees)),
  );
}

function runSingles(l: Locals, callees: Callees): Node {
  const { single, singles } = l;
  // From locals: a group without `single` entries may end meanwhile, and its record be written anew.
  const end = add(get(l.entry), op("i32.mul", get(l.left), i32(launchEntry.bytes)));
  return seq(
    set(singles, i32(0)),
    set(single, get(l.entry)),
    loop((again) => [
      when(
        hasFlag(single, "single"),
        runBlocks(l, callees, single, i32(0), entryField(single, "blocks")),
        step(singles, entryField(single, "blocks")),
      ),
      step(single, i32(launchEntry.bytes)),
      again.when(op("i32.lt_u", get(single), end)),
    ]),
    when(get(singles), finishBlocks(l, callees, get(singles))),
  );
}

/** fn(args, begin, begin + blocks, thread) of an entry. */
function runBlocks(l: Locals, { kernel }: Callees, entry: number, begin: Node, blocks: Node): Node {
  const args = entryField(entry, "args");
  return callIndirect(kernel, entryField(entry, "fn"), args, begin, add(begin, blocks), get(l.thread));
}

/** Finds the entry of block `next`. Blocks are handed out in order, so the search goes on from the entry last worked on. */
function findEntry(l: Locals, again: Jump): Node {
  return block((found) => [
    loop((search) => [
      set(l.blocks, openBlocks(l.entry)),
      found.when(op("i32.lt_u", op("i32.sub", get(l.next), get(l.start)), get(l.blocks))),
      step(l.start, get(l.blocks)),
      step(l.entry, i32(launchEntry.bytes)),
      step(l.left, i32(-1)),
      search.when(get(l.left)),
    ]),
    // Only a ticket that is out of date leads behind the last entry: look again, from the first.
    set(l.current, add(get(l.number), i32(-1))),
    again.always,
  ]);
}

/**
 * Takes `chunk` blocks: half of an even share of what is open, at least one, at most what the entry has left. Starts over when another
 * thread was faster.
 */
function takeChunk(l: Locals, again: Jump): Node {
  const left = op("i32.sub", add(get(l.start), get(l.blocks)), get(l.next));
  const share = op("i32.div_u", op("i32.sub", get(l.open), get(l.next)), op("i32.shl", get(l.threads), i32(1)));
  const taken = op("i64.add", get(l.ticket), op("i64.extend_i32_u", get(l.chunk)));
  const seen = mem("i64.atomic.rmw.cmpxchg", sync.ticket, get(l.base), get(l.ticket), taken);
  return seq(
    set(l.chunk, share),
    when(op("i32.eqz", get(l.chunk)), set(l.chunk, i32(1))),
    when(op("i32.gt_u", get(l.chunk), left), set(l.chunk, left)),
    again.when(op("i64.ne", seen, get(l.ticket))),
  );
}

/**
 * Counts blocks as done; the thread that finishes a group's last block publishes the next group. The record is read before the blocks
 * are counted: from then on the group may end and its record be written anew.
 */
function finishBlocks(l: Locals, { publish }: Callees, blocks: Node): Node {
  const done = add(mem("i32.atomic.rmw.add", sync.done, get(l.record), blocks), blocks);
  const end = add(recordField(l, "first"), op("i32.mul", recordField(l, "entries"), i32(launchEntry.bytes)));
  return when(
    op("i32.eq", recordField(l, "blocks"), done),
    call(publish, get(l.base), end, recordField(l, "rest"), get(l.threads)),
  );
}

/** Waits until the ticket shows another group: first busily, then asleep. A thread that failed holds blocks for ever: then all leave. */
function waitForGroup(l: Locals, again: Jump): Node {
  const changed = op("i32.ne", word(l, groupNumber), get(l.number));
  const restless = op("i32.lt_s", get(l.spins), i32(0));
  const rounds = op("select", i32(RESTLESS_ROUNDS), get(l.spins), restless);
  return seq(
    when(word(l, sync.failed), leave("stop")),
    set(l.spun, i32(0)),
    loop((spin) => [again.when(changed), step(l.spun, i32(1)), spin.when(op("i32.lt_s", get(l.spun), rounds))]),
    again.when(restless),
    sleep(l, changed),
    again.always,
  );
}

/** See `wakeCode`. */
function sleep(l: Locals, changed: Node): Node {
  const bit = op("i64.shl", i64(1n), op("i64.extend_i32_u", get(l.thread)));
  return seq(
    set(l.slot, slotOf(l.base, l.thread)),
    mem("i32.atomic.store", sync.slots, get(l.slot), i32(1)),
    op("drop", mem("i64.atomic.rmw.or", sync.sleepers, get(l.base), bit)),
    when(op("i32.eqz", changed), op("drop", mem("memory.atomic.wait32", sync.slots, get(l.slot), i32(1), i64(-1n)))),
    mem("i32.atomic.store", sync.slots, get(l.slot), i32(0)),
    op("drop", mem("i64.atomic.rmw.and", sync.sleepers, get(l.base), op("i64.xor", bit, i64(-1n)))),
    set(l.woken, i32(1)),
  );
}
