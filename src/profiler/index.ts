// profiler: where the time of steps goes, as Paddle's paddle.profiler shows it.

export { ProfilerState, ProfilerTarget, SortedKeys, SummaryView } from "./enums.js";
export { exportChromeTracing } from "./export.js";
export { Profiler, type ProfilerOptions, type SummaryOptions, type TraceHandler } from "./profiler.js";
export { RecordEvent } from "./record-event.js";
export type { EventKind, KernelArgs, MemorySample, TraceEvent } from "./recording.js";
export { type ChromeEvent, type ChromeTrace, loadProfilerResult, type ProfilerResult } from "./result.js";
export { makeScheduler, type Scheduler, type SchedulerOptions } from "./scheduler.js";
export type { TimeUnit } from "./summary.js";
