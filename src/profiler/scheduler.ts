// Schedulers: in which steps a profiler records.

import { InvalidArgumentError } from "../core/errors.js";
import { namedOptions } from "../core/options.js";
import { ProfilerState } from "./enums.js";

/** Says what a profiler does in a step, counted from 0. */
export type Scheduler = (step: number) => ProfilerState;

/** Options of {@link makeScheduler}: numbers of steps. */
export interface SchedulerOptions {
  readonly closed: number;
  readonly ready: number;
  /** At least 1. */
  readonly record: number;
  /** How often the period comes; 0, the default: until the profiler stops. */
  readonly repeat?: number | undefined;
  /** Steps before the first period; default 0. */
  readonly skipFirst?: number | undefined;
}

const keys = ["closed", "ready", "record", "repeat", "skipFirst"] as const;

/**
 * A scheduler of periods: `closed` steps without, `ready` steps of warming up that are not kept, `record` steps that are kept.
 *
 * @throws InvalidArgumentError unless the numbers are integers from 0 up, `record` from 1 up.
 * @example
 * ```ts
 * import { profiler } from "oarjs";
 * const scheduler = profiler.makeScheduler({ closed: 1, ready: 1, record: 2, repeat: 1 });
 * console.log([0, 1, 2, 3, 4].map(scheduler)); // [0, 1, 2, 3, 0]
 * ```
 */
export function makeScheduler(...args: [options: SchedulerOptions] | [closed: number, ready: number, record: number]) {
  const o = namedOptions<SchedulerOptions>("profiler.makeScheduler", args, keys, 3);
  const { closed, ready, record, repeat = 0, skipFirst = 0 } = o;
  for (const [name, n] of Object.entries({ closed, ready, record, repeat, skipFirst })) {
    const least = name === "record" ? 1 : 0;
    if (Number.isInteger(n) && n >= least) continue;
    throw new InvalidArgumentError(`${name} must be an integer from ${least} up, got ${String(n)}.`, {
      op: "profiler.makeScheduler",
      name,
    });
  }
  const period = closed + ready + record;
  return (step: number): ProfilerState => {
    const at = step - skipFirst;
    if (at < 0 || (repeat > 0 && at >= repeat * period)) return ProfilerState.CLOSED;
    const inside = at % period;
    if (inside < closed) return ProfilerState.CLOSED;
    if (inside < closed + ready) return ProfilerState.READY;
    return inside < period - 1 ? ProfilerState.RECORD : ProfilerState.RECORD_AND_RETURN;
  };
}

/** The scheduler that an option stands for: a pair is the first recorded step and the one after the last. */
export function schedulerOf(given: Scheduler | readonly [number, number] | undefined): Scheduler {
  if (given === undefined) return () => ProfilerState.RECORD;
  if (typeof given === "function") return given;
  const [first, end] = given;
  if (given.length !== 2 || !Number.isInteger(first) || !Number.isInteger(end) || end <= Math.max(first, 0)) {
    throw new InvalidArgumentError(`scheduler must be a function or [first, end] with end > first, got ${given}.`, {
      op: "profiler.Profiler",
    });
  }
  const from = Math.max(first, 0);
  return makeScheduler({ closed: Math.max(from - 1, 0), ready: from > 0 ? 1 : 0, record: end - from, repeat: 1 });
}
