// Who watches what runs: a profiler is told of eager ops, launches and runs of compiled blocks while it records; otherwise nobody asks.

import { type LaunchObserver, watchLaunches } from "../program/profile.js";
import type { OpRecord } from "../program/op.js";
import type { Value } from "../program/value.js";
import { type Attrs, type Interpreter, isCapturing, isStaticMode, setEagerInterpreter } from "./bind.js";
import { eagerInterpreter } from "./eager.js";

/** What else takes time, by the names of Paddle's event types. */
export type PhaseKind = "Forward" | "Backward" | "Optimization" | "Dataloader" | "Compile";

/** Is told of all that runs. Times are those of `performance.now()`. */
export interface Observer extends LaunchObserver {
  /** An eager call, its launches included. */
  op(name: string, operands: readonly (Value | number | undefined)[], start: number, end: number): void;
  /** A run of a compiled function or Program. */
  run(name: string, start: number, end: number): void;
  /** A part of a step. */
  phase(kind: PhaseKind, name: string, start: number, end: number): void;
}

let current: Observer | undefined;

/** Who watches, if anybody does. */
export const observer = (): Observer | undefined => current;

/** Makes an observer watch; undefined ends it. */
export function setObserver(next: Observer | undefined): void {
  current = next;
  watchLaunches(next);
  setEagerInterpreter(next ? new ObservedEager(next) : eagerInterpreter);
}

/** Runs `fn` as a phase of the step; what only writes a Program is none. */
export function phase<R>(kind: PhaseKind, name: string, fn: () => R): R {
  if (!current || isCapturing() || isStaticMode()) return fn();
  const start = performance.now();
  try {
    return fn();
  } finally {
    current?.phase(kind, name, start, performance.now());
  }
}

/** Is told of waits for data; times of `performance.now()`. */
export type ReadingWatcher = (start: number, end: number) => void;

const readingWatchers = new Set<ReadingWatcher>();

/** Has waits for data told; the result ends it. */
export function watchReading(watcher: ReadingWatcher): () => void {
  readingWatchers.add(watcher);
  return () => readingWatchers.delete(watcher);
}

/** Tells that a loader's user waited for a batch since `start`. */
export function noteReading(start: number): void {
  if (readingWatchers.size === 0 && !current) return;
  const end = performance.now();
  for (const watcher of readingWatchers) watcher(start, end);
  current?.phase("Dataloader", "DataLoader", start, end);
}

/** The eager interpreter, which tells how long each call takes. */
class ObservedEager implements Interpreter {
  constructor(private readonly watching: Observer) {}

  process(record: OpRecord, operands: readonly (Value | number | undefined)[], attrs: Attrs): Value[] {
    const start = performance.now();
    const out = eagerInterpreter.process(record, operands, attrs);
    this.watching.op(record.name, operands, start, performance.now());
    return out;
  }
}
