// Profiler: records steps by a schedule, hands each recorded period over, and says where the time went.

import { InvalidArgumentError, PreconditionNotMetError } from "../core/errors.js";
import { checkOptions, describe } from "../core/options.js";
import { engine } from "../device/engine.js";
import { observer, setObserver, watchReading } from "../trace/observe.js";
import { ProfilerState, ProfilerTarget, SortedKeys, type SummaryView } from "./enums.js";
import { exportChromeTracing } from "./export.js";
import { Recording } from "./recording.js";
import { ProfilerResult } from "./result.js";
import { type Scheduler, schedulerOf } from "./scheduler.js";
import { summaryText, type TimeUnit, timeUnits } from "./summary.js";
import { StepTimer } from "./timer.js";

/** Takes what was recorded; a promise it gives is awaited by `stop`. */
export type TraceHandler = (profiler: Profiler) => unknown;

/** Options of {@link Profiler}. */
export interface ProfilerOptions {
  /** Devices; the CPU is the one there is. */
  readonly targets?: readonly ProfilerTarget[] | undefined;
  /** In which steps to record: a function (see makeScheduler), or `[first, end]`; by default in all. */
  readonly scheduler?: Scheduler | readonly [first: number, end: number] | undefined;
  /** Called after each recorded period; by default `exportChromeTracing("./profiler_log/")`. */
  readonly onTraceReady?: TraceHandler | undefined;
  /** Record the shapes of operators' tensors. */
  readonly recordShapes?: boolean | undefined;
  /** Record how much of the heap is in use. */
  readonly profileMemory?: boolean | undefined;
  /** Only take the time of steps (`stepInfo`), record nothing. */
  readonly timerOnly?: boolean | undefined;
  /** Kept for Paddle's sake: floating-point operations are always counted. */
  readonly withFlops?: boolean | undefined;
}

/** Options of {@link Profiler.summary}. */
export interface SummaryOptions {
  /** Default `SortedKeys.CPUTotal`. */
  readonly sortedBy?: SortedKeys | undefined;
  /** Operators with their kernels below them; default true. */
  readonly opDetail?: boolean | undefined;
  /** Kept for Paddle's sake: one thread gives out all work. */
  readonly threadSep?: boolean | undefined;
  /** Default "ms". */
  readonly timeUnit?: TimeUnit | undefined;
  /** Which tables; by default all that have rows. */
  readonly views?: SummaryView | readonly SummaryView[] | undefined;
}

const keys = [
  ...["targets", "scheduler", "onTraceReady", "recordShapes", "profileMemory", "timerOnly", "withFlops"],
] as const;
const summaryKeys = ["sortedBy", "opDetail", "threadSep", "timeUnit", "views"] as const;

const records = (state: ProfilerState): boolean =>
  state === ProfilerState.RECORD || state === ProfilerState.RECORD_AND_RETURN;

/**
 * Records eager operators, every kernel of compiled functions and Programs, phases of steps and the user's own spans. While it records,
 * kernels of a compiled step are launched one by one, which costs some microseconds each; results do not change. While it does not,
 * nothing is measured.
 *
 * @throws InvalidArgumentError for a scheduler that is neither a function nor a range.
 * @example
 * ```ts
 * import { nn, ones, profiler } from "oarjs";
 * const net = new nn.Linear(4, 2);
 * const p = new profiler.Profiler({ scheduler: [1, 3], onTraceReady: () => undefined });
 * p.start();
 * for (let i = 0; i < 4; i++) {
 *   net(ones([8, 4])).sum().backward();
 *   p.step();
 * }
 * await p.stop();
 * console.log(p.profilerResult!.events.filter((e) => e.kind === "ProfileStep").length); // 2
 * ```
 */
export class Profiler {
  /** What the last recorded period holds. */
  profilerResult: ProfilerResult | undefined;
  /** Number of the current step. */
  stepNum = 0;
  currentState: ProfilerState;
  private readonly scheduler: Scheduler;
  private readonly onTraceReady: TraceHandler;
  private readonly options: ProfilerOptions;
  private timer = new StepTimer();
  private recording: Recording | undefined;
  /** Whether what is being recorded is not kept. */
  private warming = false;
  private stepStart = 0;
  private endReading: (() => void) | undefined;
  private readonly pending: Promise<unknown>[] = [];

  constructor(options: ProfilerOptions = {}) {
    this.options = checkOptions("profiler.Profiler", options, keys);
    for (const target of options.targets ?? []) {
      if (target !== ProfilerTarget.CPU) console.warn(`Profiling target ${target} is not supported here.`);
    }
    this.scheduler = schedulerOf(options.scheduler);
    this.onTraceReady = options.onTraceReady ?? exportChromeTracing("./profiler_log/");
    this.currentState = this.scheduler(0);
  }

  /** Starts step 0. */
  start(): void {
    this.timer = new StepTimer();
    this.endReading = watchReading((start, end) => this.timer.reading((end - start) / 1000));
    if (!this.options.timerOnly) this.enter(this.currentState);
  }

  /**
   * Ends the current step and starts the next.
   *
   * @param numSamples samples in the step that ends, for the throughput in `stepInfo`
   */
  step(numSamples?: number): void {
    this.timer.step(numSamples);
    if (this.options.timerOnly) return;
    this.endStep();
    const before = this.currentState;
    this.currentState = this.scheduler(++this.stepNum);
    if (before === ProfilerState.RECORD_AND_RETURN) this.finish();
    else if (before !== ProfilerState.CLOSED && !records(this.currentState) && before !== this.currentState) {
      console.warn("The profiler's schedule ends a period without its last step: nothing of it is kept.");
      this.drop();
    }
    this.enter(this.currentState);
  }

  /** Ends the profile. What was recorded last goes to `onTraceReady`; resolves when all that it was given is done. */
  async stop(): Promise<void> {
    this.endReading?.();
    this.endReading = undefined;
    const table = this.timer.summary();
    if (table !== undefined) console.log(table);
    if (!this.options.timerOnly) {
      this.endStep();
      if (records(this.currentState)) this.finish();
      else this.drop();
    }
    await Promise.all(this.pending.splice(0));
  }

  /** Profiles what `fn` does, also after its awaits: `start`, `fn`, `stop`. */
  async within<R>(fn: (profiler: Profiler) => R | Promise<R>): Promise<R> {
    this.start();
    try {
      return await fn(this);
    } finally {
      await this.stop();
    }
  }

  /**
   * Means over the steps since the last call: ` reader_cost: … s batch_cost: … s ips: … samples/s`.
   *
   * @param unit what samples are called; steps without a number of samples count in `steps/s`
   */
  stepInfo(unit = "samples"): string {
    return this.timer.report(unit);
  }

  /**
   * Writes what was recorded last as a Chrome trace, for Perfetto.
   *
   * @throws InvalidArgumentError for another format than "json".
   */
  async export(path: string, format = "json"): Promise<void> {
    await this.profilerResult?.save(path, format);
  }

  /**
   * Prints tables of what was recorded last, and gives their text: kinds of events, phases, operators, kernels with GFLOP/s and GB/s, the
   * user's spans, memory.
   *
   * @throws InvalidArgumentError for an unknown unit, or sorting by a device that was not profiled.
   */
  summary(options: SummaryOptions = {}): string {
    const api = "Profiler.summary";
    const o = checkOptions(api, options, summaryKeys);
    const { sortedBy = SortedKeys.CPUTotal, opDetail = true, timeUnit = "ms", views } = o;
    if (!timeUnits.includes(timeUnit)) {
      throw new InvalidArgumentError(`timeUnit must be ${timeUnits.join(", ")}, got ${describe(timeUnit)}.`, {
        op: api,
      });
    }
    if (sortedBy > SortedKeys.CPUMin) {
      throw new InvalidArgumentError("no GPU was profiled.", { op: api, hint: "sort by SortedKeys.CPUTotal." });
    }
    if (!this.profilerResult) return "";
    const list = views === undefined ? undefined : [views].flat();
    const text = summaryText(this.profilerResult, { sortedBy, opDetail, timeUnit, views: list });
    console.log(text);
    return text;
  }

  /** Begins a step. One in READY is recorded like others, so that what is made once is made then, but not kept. */
  private enter(state: ProfilerState): void {
    if (state === ProfilerState.CLOSED) this.drop();
    else if (!this.recording || this.warming) this.begin();
    this.warming = state === ProfilerState.READY;
    this.stepStart = performance.now();
  }

  private begin(): void {
    if (observer() && observer() !== this.recording) {
      throw new PreconditionNotMetError("another profiler is recording.", {
        op: "profiler.Profiler",
        hint: "stop it.",
      });
    }
    const { heap } = engine();
    this.recording = new Recording({
      shapes: this.options.recordShapes ?? false,
      memory: this.options.profileMemory ? () => heap.liveBytes : undefined,
    });
    setObserver(this.recording);
  }

  private endStep(): void {
    this.recording?.add("ProfileStep", `ProfileStep#${this.stepNum}`, this.stepStart, performance.now());
  }

  /** Ends a period that is kept. */
  private finish(): void {
    const { recording } = this;
    this.drop();
    if (!recording) return;
    this.profilerResult = new ProfilerResult(recording.events, recording.memory);
    const work = this.onTraceReady(this);
    // A failure is thrown by stop, which awaits it; until then it is not unhandled.
    if (work instanceof Promise) {
      work.catch(() => undefined);
      this.pending.push(work);
    }
  }

  private drop(): void {
    if (this.recording) setObserver(undefined);
    this.recording = undefined;
  }
}
