// Recording: collects what runs while a profiler records, as events with a start and a duration.

import type { LaunchInfo } from "../program/profile.js";
import { Value } from "../program/value.js";
import type { Observer, PhaseKind } from "../trace/observe.js";

/** Kinds of events, by Paddle's names where it has one. `Program` is a run of a compiled function or Program. */
export type EventKind = PhaseKind | "ProfileStep" | "UserDefined" | "Operator" | "Program" | "Kernel";

/** What a launch did; see LaunchCost. */
export interface KernelArgs {
  readonly flops: number;
  readonly bytes: number;
  readonly exact: boolean;
  readonly blocks: number;
  readonly threads: number;
  readonly target: string;
}

/** Something that took time. */
export interface TraceEvent {
  readonly name: string;
  readonly kind: EventKind;
  /** Microseconds from the start of the process (`performance.timeOrigin`). */
  readonly start: number;
  /** Microseconds. */
  readonly duration: number;
  readonly kernel?: KernelArgs | undefined;
  /** Shapes of an operator's tensors, where they were asked for. */
  readonly shapes?: readonly (readonly number[])[] | undefined;
}

/** Bytes in use at a time in microseconds. */
export interface MemorySample {
  readonly at: number;
  readonly bytes: number;
}

/** What is recorded beside times. */
export interface RecordingOptions {
  readonly shapes: boolean;
  /** Bytes of tensors and plans now; undefined: memory is not recorded. */
  readonly memory: (() => number) | undefined;
}

/** Events of one period. */
export class Recording implements Observer {
  readonly events: TraceEvent[] = [];
  readonly memory: MemorySample[] = [];

  constructor(private readonly options: RecordingOptions) {
    this.sample();
  }

  launch(info: LaunchInfo, start: number, end: number): void {
    const { flops, bytes, exact, blocks, threads, target } = info;
    this.add("Kernel", info.name, start, end, { kernel: { flops, bytes, exact, blocks, threads, target } });
  }

  host(name: string, start: number, end: number): void {
    this.add("Kernel", `${name} (in TypeScript)`, start, end);
  }

  op(name: string, operands: readonly (Value | number | undefined)[], start: number, end: number): void {
    const shapes = this.options.shapes
      ? operands.flatMap((o) => (o instanceof Value ? [[...o.shape]] : []))
      : undefined;
    this.add("Operator", name, start, end, { shapes });
    this.sample();
  }

  run(name: string, start: number, end: number): void {
    this.add("Program", name, start, end);
    this.sample();
  }

  phase(kind: PhaseKind, name: string, start: number, end: number): void {
    this.add(kind, name, start, end);
  }

  /** Adds an event; times in milliseconds, as `performance.now()` gives them. */
  add(
    kind: EventKind,
    name: string,
    start: number,
    end: number,
    more: Pick<TraceEvent, "kernel" | "shapes"> = {},
  ): void {
    this.events.push({ name, kind, start: start * 1000, duration: (end - start) * 1000, ...more });
  }

  private sample(): void {
    const bytes = this.options.memory?.();
    if (bytes === undefined || bytes === this.memory.at(-1)?.bytes) return;
    this.memory.push({ at: performance.now() * 1000, bytes });
  }
}
