// RecordEvent: a span of the user's own in the trace.

import { observer } from "../trace/observe.js";
import { Recording } from "./recording.js";

/**
 * A named span of the user's program, recorded while a profiler records. Between `begin` and `end`, or around a function.
 *
 * @example
 * ```ts
 * import { profiler, ones } from "oarjs";
 * const sum = new profiler.RecordEvent("add").within(() => ones([2]).add(ones([2])));
 * console.log(await sum.tolist()); // [ 2, 2 ]
 * ```
 */
export class RecordEvent {
  readonly name: string;
  private started: { readonly at: number; readonly recording: Recording } | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Starts the span, where a profiler records. */
  begin(): void {
    const recording = observer();
    this.started = recording instanceof Recording ? { at: performance.now(), recording } : undefined;
  }

  /** Ends it; without `begin`, nothing. */
  end(): void {
    const { started } = this;
    this.started = undefined;
    if (started?.recording === observer())
      started?.recording.add("UserDefined", this.name, started.at, performance.now());
  }

  /** Runs `fn` inside the span, which ends when the promise does that `fn` may give. */
  within<R>(fn: () => R): R {
    this.begin();
    let result: R;
    try {
      result = fn();
    } catch (error) {
      this.end();
      throw error;
    }
    if (!(result instanceof Promise)) {
      this.end();
      return result;
    }
    return result.finally(() => this.end()) as R;
  }
}
