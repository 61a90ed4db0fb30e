// The runtime's functions that move a launch on to its next group of entries and wake threads for it.

import { Code } from "../render/wasm/assembler.js";
import { type Node, block, call, get, i32, i64, loop, mem, op, seq, set, when } from "../render/wasm/tree.js";
import { launchEntry, launchFlags } from "./target.js";
import { CLOSED, PARITY_BYTES, group, groupNumber, sync } from "./wasm-sync.js";

export const add = (x: Node, y: Node): Node => op("i32.add", x, y);

/** `local += by`. */
export const step = (local: number, by: Node): Node => set(local, add(get(local), by));

/** A field of a launch table's entry. */
export const entryField = (entry: number, field: keyof typeof launchEntry): Node =>
  mem("i32.load", launchEntry[field], get(entry));

/** Whether an entry carries a flag (not 0 where it does). */
export const hasFlag = (entry: number, flag: keyof typeof launchFlags): Node =>
  op("i32.and", entryField(entry, "flags"), i32(launchFlags[flag]));

/** Number of an entry's blocks that any thread may take. */
export const openBlocks = (entry: number): Node =>
  op("select", i32(0), entryField(entry, "blocks"), hasFlag(entry, "single"));

/** Base of the record and the count of a group: fields are at offsets from it. */
export const recordOf = (base: number, number: number): Node =>
  add(get(base), op("i32.mul", op("i32.and", get(number), i32(1)), i32(PARITY_BYTES)));

/** Base of a thread's slot: `sync.slots` is its offset from it. */
export const slotOf = (base: number, thread: number): Node =>
  add(get(base), op("i32.mul", get(thread), i32(sync.slotBytes)));

/**
 * wake(base, threads): wakes thread 0 if it sleeps and one more of threads 1 … threads-1; a worker that wakes up and finds blocks wakes
 * the next. A sleeper sets its slot and its bit before it looks at the ticket a last time, and the ticket changes before the bits
 * are read here: one of the two sees the other.
 */
export function wakeCode(): Code {
  const code = new Code(["i32", "i32"]);
  const [base, threads] = [0, 1];
  const thread = code.local("i32");
  const slot = code.local("i32");
  const mask = code.local("i64");
  const bit = op("i32.wrap_i64", op("i64.shr_u", get(mask), op("i64.extend_i32_u", get(thread))));
  const asleep = op("i32.and", bit, i32(1));
  block((end) => [
    set(mask, mem("i64.atomic.load", sync.sleepers, get(base))),
    end.when(op("i64.eqz", get(mask))),
    loop((again) => [
      when(
        asleep,
        set(slot, slotOf(base, thread)),
        when(
          mem("i32.atomic.rmw.xchg", sync.slots, get(slot), i32(0)),
          op("drop", mem("memory.atomic.notify", sync.slots, get(slot), i32(1))),
          end.when(get(thread)),
        ),
      ),
      step(thread, i32(1)),
      again.when(op("i32.lt_s", get(thread), get(threads))),
    ]),
  ])(code);
  return code;
}

/**
 * publish(base, entry, count, threads): makes the group that starts at `entry` current, or closes the launch when no entry with blocks is
 * left. A group is a run of entries joined by `noBarrier`: all of its entries are independent of each other.
 */
export function publishCode(wake: number): Code {
  const code = new Code(["i32", "i32", "i32", "i32"]);
  const [base, entry, count, threads] = [0, 1, 2, 3];
  const local = (): number => code.local("i32");
  const [first, open, all, number, record, joined] = [local(), local(), local(), local(), local(), local()];
  const store = (field: number, value: Node): Node => mem("i32.atomic.store", field, get(record), value);
  const entries = op("i32.div_u", op("i32.sub", get(entry), get(first)), i32(launchEntry.bytes));
  // A group of one block is for whoever is awake; thread 0 is woken in any case: it may have to run `single` entries.
  const awakened = op("select", get(threads), i32(1), op("i32.gt_s", get(open), i32(1)));
  seq(
    set(number, add(mem("i32.atomic.load", groupNumber, get(base)), i32(1))),
    block((close) => [
      loop((scan) => [
        close.when(op("i32.eqz", get(count))),
        measureGroup({ entry, count, first, open, all, joined }),
        scan.when(op("i32.eqz", get(all))),
      ]),
      set(record, recordOf(base, number)),
      store(group.first, get(first)),
      store(group.entries, entries),
      store(group.open, get(open)),
      store(group.blocks, get(all)),
      store(group.rest, get(count)),
      store(group.threads, get(threads)),
      store(sync.done, i32(0)),
      storeTicket(base, number, 0),
      call(wake, get(base), awakened),
      op("return"),
    ]),
    storeTicket(base, number, CLOSED),
    call(wake, get(base), i32(1)),
  )(code);
  return code;
}

interface GroupLocals {
  readonly entry: number;
  readonly count: number;
  readonly first: number;
  readonly open: number;
  readonly all: number;
  readonly joined: number;
}

/** Walks over one group: `first` its first entry, `open` and `all` its blocks; `entry` and `count` end behind it. */
function measureGroup({ entry, count, first, open, all, joined }: GroupLocals): Node {
  return seq(
    set(first, get(entry)),
    set(open, i32(0)),
    set(all, i32(0)),
    block((end) => [
      loop((again) => [
        step(all, entryField(entry, "blocks")),
        step(open, openBlocks(entry)),
        step(count, i32(-1)),
        set(joined, hasFlag(entry, "noBarrier")),
        step(entry, i32(launchEntry.bytes)),
        end.when(op("i32.eqz", get(joined))),
        again.when(get(count)),
      ]),
    ]),
  );
}

/** `ticket = number << 32 | next`. */
function storeTicket(base: number, number: number, next: number): Node {
  const high = op("i64.shl", op("i64.extend_i32_u", get(number)), i64(32n));
  return mem("i64.atomic.store", sync.ticket, get(base), op("i64.or", high, i64(BigInt(next))));
}
