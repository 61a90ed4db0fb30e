// What a profiler recorded, and its file: a Chrome trace, which Perfetto and chrome://tracing open.

import { files } from "#platform";
import { InvalidArgumentError } from "../core/errors.js";
import type { EventKind, KernelArgs, MemorySample, TraceEvent } from "./recording.js";

/** The process and the threads that events are shown under. */
const PROCESS = 1;
const STEPS = 1;
const MAIN = 2;

/** Recorded events. */
export class ProfilerResult {
  constructor(
    /** In order of their starts, those around others first. */
    readonly events: readonly TraceEvent[],
    readonly memory: readonly MemorySample[] = [],
  ) {
    this.events = [...events].sort((a, b) => a.start - b.start || b.duration - a.duration);
  }

  /**
   * Writes a Chrome trace, under a temporary name first; missing folders are made.
   *
   * @throws InvalidArgumentError for another format than "json", UnavailableError when the file cannot be written.
   */
  async save(path: string, format = "json"): Promise<void> {
    if (format !== "json") {
      throw new InvalidArgumentError(`"${format}" is no format of traces.`, { op: "profiler", hint: 'Use "json".' });
    }
    await files.write(path, new TextEncoder().encode(JSON.stringify(this.toTrace())), true);
  }

  /** The Chrome trace as an object; see "Trace Event Format". Times are microseconds from the start of the process. */
  toTrace(): ChromeTrace {
    const name = (what: string, text: string, tid: number): ChromeEvent => ({
      ...{ ph: "M", name: what, pid: PROCESS, tid, args: { name: text } },
    });
    const spans = this.events.map(
      (e): ChromeEvent => ({
        ...{ ph: "X", name: e.name, cat: e.kind, ts: e.start, dur: e.duration, pid: PROCESS },
        tid: e.kind === "ProfileStep" ? STEPS : MAIN,
        args: { ...e.kernel, ...(e.shapes && { shapes: e.shapes }) },
      }),
    );
    const counters = this.memory.map(
      (m): ChromeEvent => ({
        ...{ ph: "C", name: "memory", cat: "Memory", ts: m.at, pid: PROCESS, tid: MAIN, args: { bytes: m.bytes } },
      }),
    );
    const names = [
      name("process_name", "oarjs", MAIN),
      name("thread_name", "steps", STEPS),
      name("thread_name", "main thread", MAIN),
    ];
    return {
      schemaVersion: "1.0.2",
      displayTimeUnit: "ms",
      otherData: { timeOrigin: performance.timeOrigin },
      traceEvents: [...names, ...spans, ...counters],
    };
  }
}

/** An event of a Chrome trace: `X` a span, `C` a counter, `M` a name. */
export interface ChromeEvent {
  readonly ph: "X" | "C" | "M";
  readonly name: string;
  readonly cat?: string;
  readonly ts?: number;
  readonly dur?: number;
  readonly pid: number;
  readonly tid: number;
  readonly args: Readonly<Record<string, unknown>>;
}

/** A Chrome trace. */
export interface ChromeTrace {
  readonly schemaVersion: string;
  readonly displayTimeUnit: string;
  readonly otherData: Readonly<Record<string, unknown>>;
  readonly traceEvents: readonly ChromeEvent[];
}

const kinds: ReadonlySet<string> = new Set<EventKind>([
  ...(["ProfileStep", "UserDefined", "Operator", "Program", "Kernel", "Compile"] as const),
  ...(["Forward", "Backward", "Optimization", "Dataloader"] as const),
]);

/**
 * Reads a trace that {@link ProfilerResult.save}, `Profiler.export` or `exportChromeTracing` wrote.
 *
 * @throws NotFoundError when there is no such file, InvalidArgumentError when it is no such trace.
 * @example
 * ```ts
 * import { ones, profiler } from "oarjs";
 * const p = new profiler.Profiler({ onTraceReady: () => undefined });
 * await p.within(() => ones([4]).add(1));
 * const file = `data:application/json,${encodeURIComponent(JSON.stringify(p.profilerResult!.toTrace()))}`; // or a path
 * const { events } = await profiler.loadProfilerResult(file);
 * console.log(events.some((e) => e.kind === "Operator" && e.name === "add")); // true
 * ```
 */
export async function loadProfilerResult(filename: string): Promise<ProfilerResult> {
  const bytes = await files.read(filename);
  let trace: unknown;
  try {
    trace = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw damaged(filename, "it is no JSON");
  }
  const list = (trace as { readonly traceEvents?: unknown } | null)?.traceEvents;
  if (!Array.isArray(list)) throw damaged(filename, "it has no list of events");
  const events: TraceEvent[] = [];
  const memory: MemorySample[] = [];
  for (const e of list as readonly (Partial<ChromeEvent> | null)[]) {
    if (e?.ph === "X") events.push(eventOf(e, filename));
    else if (e?.ph === "C" && e.name === "memory") memory.push({ at: Number(e.ts), bytes: Number(e.args?.["bytes"]) });
  }
  return new ProfilerResult(events, memory);
}

function eventOf(e: Partial<ChromeEvent>, filename: string): TraceEvent {
  const { name, cat = "", ts, dur, args = {} } = e;
  if (typeof name !== "string" || !kinds.has(cat) || typeof ts !== "number" || typeof dur !== "number")
    throw damaged(filename, `an event is not this library's: ${JSON.stringify(e).slice(0, 80)}`);
  const kernel = typeof args["flops"] === "number" ? kernelOf(args) : undefined;
  const shapes = args["shapes"] as TraceEvent["shapes"];
  return { name, kind: cat as EventKind, start: ts, duration: dur, kernel, shapes };
}

function kernelOf(args: Readonly<Record<string, unknown>>): KernelArgs {
  const [flops, bytes, blocks, threads] = ["flops", "bytes", "blocks", "threads"].map((key) => Number(args[key]));
  return {
    ...{ flops: flops!, bytes: bytes!, blocks: blocks!, threads: threads! },
    ...{ exact: args["exact"] === true, target: String(args["target"]) },
  };
}

const damaged = (filename: string, why: string): InvalidArgumentError =>
  new InvalidArgumentError(`"${filename}" is no trace: ${why}.`, { op: "profiler.loadProfilerResult" });
