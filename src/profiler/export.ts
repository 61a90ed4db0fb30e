// What onTraceReady usually is: a function that writes each recorded period to a file of its own.

import { platform } from "#platform";
import type { Profiler } from "./profiler.js";

/**
 * A function for `onTraceReady` that writes `<workerName>_time_<date>.paddle_trace.json` into a folder, which is made.
 *
 * @param workerName by default the host's name and the process's number
 * @example
 * ```ts
 * import { profiler } from "oarjs";
 * const p = new profiler.Profiler({ onTraceReady: profiler.exportChromeTracing("./log", "worker0") });
 * ```
 */
export function exportChromeTracing(dirName: string, workerName?: string): (p: Profiler) => Promise<void> {
  const worker = workerName || platform.worker();
  return (p) => p.export(`${dirName.replace(/\/+$/, "")}/${worker}_time_${timestamp()}.paddle_trace.json`);
}

/** Date and time to the microsecond, in this place's time. */
function timestamp(): string {
  const now = performance.timeOrigin + performance.now();
  const d = new Date(now);
  const micro = Math.floor((now % 1000) * 1000);
  const two = (n: number): string => String(n).padStart(2, "0");
  const parts = [d.getMonth() + 1, d.getDate(), d.getHours(), d.getMinutes(), d.getSeconds()].map(two);
  return [d.getFullYear(), ...parts, String(micro).padStart(6, "0")].join("_");
}
