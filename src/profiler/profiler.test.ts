// The profiler: which steps it records, that its events nest and cover, its file, its tables, and that it is gone when it is off.

import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { engine } from "../device/engine.js";
import { DataLoader, TensorDataset } from "../io/index.js";
import { compile } from "../jit/compile.js";
import { Linear } from "../nn/layers/linear.js";
import { SGD } from "../optimizer/sgd.js";
import { ones } from "../tensor/creation.js";
import type { Tensor } from "../tensor/tensor.js";
import { observer } from "../trace/observe.js";
import {
  exportChromeTracing,
  loadProfilerResult,
  makeScheduler,
  Profiler,
  ProfilerTarget,
  RecordEvent,
  SortedKeys,
  SummaryView,
  type TraceEvent,
} from "./index.js";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "oar-profiler-"));
  vi.spyOn(console, "log").mockImplementation(() => undefined);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

/** An eager and a compiled training step of one layer. */
function steps() {
  const net = new Linear(64, 32);
  const opt = new SGD({ learningRate: 0.01, parameters: net.parameters() });
  const eager = (x: Tensor): Tensor => {
    const loss = net(x).square().mean();
    loss.backward();
    opt.step();
    opt.clearGrad();
    return loss;
  };
  return { net, eager, compiled: compile(eager), x: ones([128, 64]) };
}

const quiet = { onTraceReady: () => undefined };

describe("makeScheduler", () => {
  // Recorded from Paddle 3.3.1.
  it.each([
    [{ closed: 1, ready: 1, record: 2, repeat: 1, skipFirst: 1 }, "0012300000000000"],
    [{ closed: 0, ready: 0, record: 1 }, "3333333333333333"],
    [{ closed: 2, ready: 1, record: 3, repeat: 2 }, "0012230012230000"],
    [{ closed: 0, ready: 2, record: 1, skipFirst: 3 }, "0001131131131131"],
  ])("%o is Paddle's", (options, states) => {
    const scheduler = makeScheduler(options);
    expect([...states].map((_, i) => scheduler(i)).join("")).toBe(states);
  });

  it.each([
    [[0, 2] as const, "2300000000"],
    [[1, 3] as const, "1230000000"],
    [[3, 7] as const, "0012223000"],
    [[-2, 2] as const, "2300000000"],
  ])("a range %o is Paddle's", (range, states) => {
    const p = new Profiler({ scheduler: range, timerOnly: false, ...quiet });
    const seen = [p.currentState];
    p.start();
    for (let i = 1; i < states.length; i++) {
      p.step();
      seen.push(p.currentState);
    }
    expect(seen.join("")).toBe(states);
    expect(observer()).toBeUndefined();
  });

  it("refuses what is no number of steps", () => {
    expect(() => makeScheduler({ closed: -1, ready: 0, record: 1 })).toThrow("closed must be an integer from 0 up");
    expect(() => makeScheduler({ closed: 0, ready: 0, record: 0 })).toThrow("record must be an integer from 1 up");
    expect(() => new Profiler({ scheduler: [3, 3] })).toThrow("end > first");
  });
});

/** Whether two events of one thread overlap without one being inside the other; times are rounded to a nanosecond. */
function crosses(a: TraceEvent, b: TraceEvent): boolean {
  const [first, second] = a.start <= b.start ? [a, b] : [b, a];
  const end = first.start + first.duration;
  return second.start < end - 1e-3 && second.start + second.duration > end + 1e-3;
}

describe("Profiler", () => {
  it("records the scheduled steps; events nest, and launches cover their runs", async () => {
    const { eager, compiled, x } = steps();
    const p = new Profiler({ scheduler: [2, 4], recordShapes: true, ...quiet });
    p.start();
    for (let i = 0; i < 6; i++) {
      new RecordEvent("mine").within(() => {
        eager(x);
        compiled(x);
      });
      p.step();
    }
    await p.stop();
    const { events } = p.profilerResult!;
    const named = (kind: string): string[] => events.filter((e) => e.kind === kind).map((e) => e.name);
    expect(named("ProfileStep")).toEqual(["ProfileStep#2", "ProfileStep#3"]);
    expect(named("UserDefined")).toEqual(["mine", "mine"]);
    for (const kind of ["Forward", "Backward", "Optimization"]) expect(named(kind)).toHaveLength(2);
    expect(named("Operator").filter((name) => name === "matmul").length).toBeGreaterThanOrEqual(4);
    for (const a of events) for (const b of events) expect(crosses(a, b)).toBe(false);
    const matmul = events.find((e) => e.kind === "Operator" && e.name === "matmul")!;
    expect(matmul.shapes).toEqual([
      [128, 64],
      [64, 32],
    ]);
    const runs = events.filter((e) => e.kind === "Program");
    expect(runs).toHaveLength(2);
    for (const run of runs) {
      const inside = events.filter(
        (e) => e.kind === "Kernel" && e.start >= run.start && e.start < run.start + run.duration,
      );
      const covered = inside.reduce((n, e) => n + e.duration, 0);
      expect(covered).toBeLessThanOrEqual(run.duration);
      expect(inside.length).toBe(compiled.profile()[0]!.length);
    }
    const product = events.find((e) => e.kind === "Kernel" && e.name.startsWith("matmul"))!;
    expect(product.kernel!.flops).toBeGreaterThanOrEqual(2 * 128 * 64 * 32);
  });

  it("gives the results that are there without it", async () => {
    const run = async (profiled: boolean): Promise<ArrayLike<number | bigint>> => {
      const { net, compiled, x } = steps();
      const fill = ones([64, 32]).scale(0.01);
      net.weight.setValue(fill);
      const p = new Profiler(quiet);
      if (profiled) p.start();
      for (let i = 0; i < 3; i++) compiled(x);
      if (profiled) await p.stop();
      return net.weight.data();
    };
    expect(await run(true)).toEqual(await run(false));
  });

  it("costs nothing when it is off: the same launches, and no events", async () => {
    const { eager, compiled, x } = steps();
    const launches = (): number => {
      const before = engine().launches;
      eager(x);
      compiled(x);
      return engine().launches - before;
    };
    launches();
    const before = launches();
    const p = new Profiler(quiet);
    p.start();
    launches();
    await p.stop();
    const recorded = p.profilerResult!.events.length;
    expect(recorded).toBeGreaterThan(0);
    expect(launches()).toBe(before);
    expect(p.profilerResult!.events).toHaveLength(recorded);
  });

  it("refuses a second one while it records", async () => {
    const p = new Profiler(quiet);
    p.start();
    expect(() => new Profiler(quiet).start()).toThrow("another profiler is recording");
    await p.stop();
  });

  it("warns of devices that are not there, and of periods without an end", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const p = new Profiler({ targets: [ProfilerTarget.GPU], scheduler: (i) => (i === 0 ? 2 : 0), ...quiet });
    p.start();
    p.step();
    await p.stop();
    expect(warn.mock.calls.map(([text]) => String(text).slice(0, 24))).toEqual([
      "Profiling target 1 is no",
      "The profiler's schedule ",
    ]);
    expect(p.profilerResult).toBeUndefined();
  });
});

describe("traces", () => {
  it("are valid Chrome traces, one file a period, that can be read again", async () => {
    const { compiled, x } = steps();
    const scheduler = makeScheduler({ closed: 1, ready: 1, record: 1, repeat: 2 });
    const p = new Profiler({ scheduler, profileMemory: true, onTraceReady: exportChromeTracing(`${folder}/log`, "w") });
    await p.within(() => {
      for (let i = 0; i < 6; i++) {
        compiled(x);
        p.step();
      }
    });
    const names = await readdir(join(folder, "log"));
    expect(names).toHaveLength(2);
    for (const name of names) expect(name).toMatch(/^w_time_\d{4}(?:_\d\d){5}_\d{6}\.paddle_trace\.json$/);
    const path = join(folder, "log", names.sort()[1]!);
    const { traceEvents } = JSON.parse(await readFile(path, "utf8"));
    for (const e of traceEvents) {
      expect(["X", "M", "C"]).toContain(e.ph);
      expect(typeof e.name).toBe("string");
      expect(Number.isInteger(e.pid) && Number.isInteger(e.tid)).toBe(true);
      if (e.ph === "X") expect(e.ts >= 0 && e.dur >= 0).toBe(true);
      if (e.ph === "C") expect(e.args.bytes).toBeGreaterThan(0);
    }
    const threads = traceEvents.filter((e: { name: string }) => e.name === "thread_name");
    expect(threads.map((e: { args: { name: string } }) => e.args.name)).toEqual(["steps", "main thread"]);
    const again = await loadProfilerResult(path);
    expect(again.events).toEqual(JSON.parse(JSON.stringify(p.profilerResult!.events)));
    expect(again.memory).toEqual(p.profilerResult!.memory);
  });

  it("are refused when they are none, or in another format", async () => {
    const path = join(folder, "bad.json");
    await writeFile(path, '{"traceEvents": [{"ph": "X", "name": "theirs"}]}');
    await expect(loadProfilerResult(path)).rejects.toThrow("an event is not this library's");
    await writeFile(path, "{");
    await expect(loadProfilerResult(path)).rejects.toThrow("it is no JSON");
    const p = new Profiler(quiet);
    await p.within(() => ones([2]).add(1));
    await expect(p.export(path, "pb")).rejects.toThrow('"pb" is no format of traces');
  });
});

describe("tables", () => {
  it("hold the calls and times of the events, sorted", async () => {
    const { compiled, x } = steps();
    const p = new Profiler(quiet);
    await p.within(() => {
      for (let i = 0; i < 5; i++) compiled(x);
    });
    const text = p.summary({ views: SummaryView.KernelView, timeUnit: "us", sortedBy: SortedKeys.CPUAvg });
    const rows = text.split("\n").slice(5);
    const launches = p.profilerResult!.events.filter((e) => e.kind === "Kernel");
    expect(rows.reduce((n, row) => n + Number(row.trim().split(/ {2,}/)[1]), 0)).toBe(launches.length);
    const means = rows.map((row) => Number(row.trim().split(/ {2,}/)[3]));
    expect(means).toEqual([...means].sort((a, b) => b - a));
    expect(text).toContain("GFLOP/s");
    expect(() => p.summary({ sortedBy: SortedKeys.GPUMax })).toThrow("no GPU was profiled");
  });
});

describe("stepInfo", () => {
  it("tells the time of steps, of samples, and of waiting for data", async () => {
    const p = new Profiler({ timerOnly: true });
    const loader = new DataLoader(new TensorDataset([ones([12, 2])]), { batchSize: 4 });
    p.start();
    for await (const _ of loader) p.step(4);
    expect(p.stepInfo("images")).toMatch(
      /^ reader_cost: \d+\.\d{5} s batch_cost: \d+\.\d{5} s ips: \d+\.\d{3} images\/s$/,
    );
    p.step();
    expect(p.stepInfo()).toMatch(/^ batch_cost: \d+\.\d{5} s ips: \d+\.\d{3} steps\/s$/);
    await p.stop();
    expect(p.profilerResult).toBeUndefined();
  });

  it("prints a closing table after more than ten steps", async () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
    const p = new Profiler({ timerOnly: true });
    await p.within(() => {
      for (let i = 0; i < 12; i++) p.step(8);
    });
    const text = String(log.mock.calls[0]?.[0]);
    expect(text.split("\n").map((line) => line.split("|")[1]?.trim())).toEqual([
      undefined,
      undefined,
      "",
      "batch_cost",
      "ips",
    ]);
  });
});
