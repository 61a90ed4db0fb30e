// The module that walks launch tables: one thread alone, or several that take blocks from a common ticket.

import { Code, Module } from "../render/wasm/assembler.js";
import { block, call, callIndirect, get, i32, loop, mem, op } from "../render/wasm/tree.js";
import { launchEntry } from "./target.js";
import { entryField, publishCode, step, wakeCode } from "./wasm-groups.js";
import { groupNumber } from "./wasm-sync.js";
import { workCode } from "./wasm-work.js";

/** What the runtime module always exports. Addresses and counts as in `Target.launch`. */
export interface SerialRuntime {
  /** Runs a table on the calling thread. */
  readonly serial: (table: number, count: number) => void;
}

/** What it exports more for a shared memory. `base` is the address of the memory that `sync` lays out. */
export interface ThreadedRuntime {
  /** Opens a launch for `threads` threads; the caller then joins with `work(0, …)`. */
  readonly open: (base: number, table: number, count: number, threads: number) => void;
  /**
   * Takes blocks. Thread 0 returns when the launch is done; the others serve launch after launch until they must stop or load
   * modules, of which they have `modules` now. `spins`: rounds of busy waiting before sleeping; negative: never sleep.
   * The result is one of `workEnd`.
   */
  readonly work: (thread: number, base: number, modules: number, spins: number) => number;
  /** Waits busily for a number of rounds, to learn how long one takes. */
  readonly spin: (base: number, rounds: number) => void;
}

/**
 * Builds the runtime, which imports `env.memory` and `env.table`.
 *
 * @param shared whether the memory is shared between threads: only then the functions of {@link ThreadedRuntime} are there
 */
export function buildRuntime(shared: boolean): Uint8Array<ArrayBuffer> {
  const module = new Module(shared, true);
  const kernel = module.type(["i32", "i32", "i32", "i32"], []);
  module.func("serial", serialCode(kernel));
  if (shared) {
    const wake = module.func("wake", wakeCode());
    const publish = module.func("publish", publishCode(wake));
    module.func("open", openCode(publish));
    module.func("work", workCode({ kernel, publish, wake }), ["i32"]);
    module.func("spin", spinCode());
  }
  return module.build();
}

/** serial(table, count): `for (; count > 0; count--, table += 32) fn(args, 0, blocks, 0)`. */
function serialCode(kernel: number): Code {
  const code = new Code(["i32", "i32"]);
  const [table, count] = [0, 1];
  const [fn, args, blocks] = [entryField(table, "fn"), entryField(table, "args"), entryField(table, "blocks")];
  block((end) => [
    loop((again) => [
      end.when(op("i32.le_s", get(count), i32(0))),
      callIndirect(kernel, fn, args, i32(0), blocks, i32(0)),
      step(table, i32(launchEntry.bytes)),
      step(count, i32(-1)),
      again.always,
    ]),
  ])(code);
  return code;
}

/** open(base, table, count, threads): publishes the first group. */
function openCode(publish: number): Code {
  const code = new Code(["i32", "i32", "i32", "i32"]);
  call(publish, get(0), get(1), get(2), get(3))(code);
  return code;
}

/** spin(base, rounds): reads the ticket as `work` does. */
function spinCode(): Code {
  const code = new Code(["i32", "i32"]);
  const [base, rounds] = [0, 1];
  loop((again) => [
    op("drop", mem("i32.atomic.load", groupNumber, get(base))),
    step(rounds, i32(-1)),
    again.when(op("i32.gt_s", get(rounds), i32(0))),
  ])(code);
  return code;
}
