// Summary: what a recording says, as tables.

import { amount, columns, percent, rate, shortened } from "../program/profile-text.js";
import { SortedKeys, SummaryView } from "./enums.js";
import type { EventKind, TraceEvent } from "./recording.js";
import type { ProfilerResult } from "./result.js";

/** Units of time, in how many there are of them in a microsecond. */
const units = { s: 1e-6, ms: 1e-3, us: 1, ns: 1e3 } as const;

/** A unit of time. */
export type TimeUnit = keyof typeof units;

/** Names of the units. */
export const timeUnits = Object.keys(units) as readonly TimeUnit[];

/** Columns for a name. */
const nameWidth = 56;

/** What is shown, and how. */
export interface TableOptions {
  readonly sortedBy: SortedKeys;
  /** Operators with the kernels they launched below them. */
  readonly opDetail: boolean;
  readonly timeUnit: TimeUnit;
  readonly views: readonly SummaryView[] | undefined;
}

/** Events of one name together. Times in microseconds. */
interface Row {
  readonly name: string;
  calls: number;
  total: number;
  max: number;
  min: number;
  flops: number;
  bytes: number;
  exact: boolean;
}

/** The tables of a recording, those without rows left out. */
export function summaryText(result: ProfilerResult, o: TableOptions): string {
  const tables: readonly (readonly [SummaryView, string, () => string | undefined])[] = [
    [SummaryView.OverView, "Overview Summary", () => overview(result, o)],
    [SummaryView.ModelView, "Model Summary", () => model(result, o)],
    [SummaryView.OperatorView, "Operator Summary", () => operators(result, o)],
    [SummaryView.KernelView, "Kernel Summary", () => kernels(result, o)],
    [SummaryView.UDFView, "UserDefined Summary", () => simple(result, ["UserDefined"], o)],
    [SummaryView.MemoryView, "Memory Summary", () => memory(result)],
  ];
  const wanted = tables.filter(([view]) => o.views?.includes(view) ?? true);
  const shown = wanted.flatMap(([, title, make]) => {
    const text = make();
    if (text === undefined) return [];
    const width = Math.max(...text.split("\n").map((line) => line.length));
    const head = ` ${title} `.padStart(Math.ceil((width + title.length + 2) / 2), "-").padEnd(width, "-");
    return [`${head}\n${text}`];
  });
  return [`Time unit: ${o.timeUnit}`, ...shown].join("\n\n");
}

const of = (result: ProfilerResult, ...kinds: readonly EventKind[]): readonly TraceEvent[] =>
  result.events.filter((e) => kinds.includes(e.kind));

function rowsOf(events: readonly TraceEvent[], nameOf: (e: TraceEvent) => string = (e) => e.name): Row[] {
  const rows = new Map<string, Row>();
  for (const e of events) {
    const name = nameOf(e);
    let row = rows.get(name);
    if (!row) {
      row = emptyRow(name);
      rows.set(name, row);
    }
    row.calls++;
    row.total += e.duration;
    row.max = Math.max(row.max, e.duration);
    row.min = Math.min(row.min, e.duration);
    row.flops += e.kernel?.flops ?? 0;
    row.bytes += e.kernel?.bytes ?? 0;
    row.exact &&= e.kernel?.exact ?? true;
  }
  return [...rows.values()];
}

const emptyRow = (name: string): Row => ({
  ...{ name, calls: 0, total: 0, max: 0, min: Infinity, flops: 0, bytes: 0, exact: true },
});

const sortKey: Readonly<Record<number, (r: Row) => number>> = {
  [SortedKeys.CPUTotal]: (r) => r.total,
  [SortedKeys.CPUAvg]: (r) => r.total / r.calls,
  [SortedKeys.CPUMax]: (r) => r.max,
  [SortedKeys.CPUMin]: (r) => r.min,
};

const sorted = (rows: readonly Row[], by: SortedKeys): Row[] =>
  [...rows].sort((a, b) => sortKey[by]!(b) - sortKey[by]!(a));

const timeHeader = ["Calls", "Total", "Avg", "Max", "Min", "Ratio"];

function timeCells(r: Row, whole: number, unit: TimeUnit): string[] {
  const time = (us: number): string => (us * units[unit]).toFixed(unit === "ns" ? 0 : 4);
  return [String(r.calls), time(r.total), time(r.total / r.calls), time(r.max), time(r.min), percent(r.total, whole)];
}

const totalOf = (events: readonly TraceEvent[]): number => events.reduce((n, e) => n + e.duration, 0);

/** The time of all recorded steps; of everything outermost where there are none. */
function wholeOf(result: ProfilerResult): number {
  const steps = of(result, "ProfileStep");
  return steps.length > 0 ? totalOf(steps) : totalOf(outermost(result.events));
}

/** Events that stand in no other one. They are sorted by start, outer ones first. */
function outermost(events: readonly TraceEvent[]): TraceEvent[] {
  let end = -Infinity;
  return events.filter((e) => {
    if (e.start < end) return false;
    end = e.start + e.duration;
    return true;
  });
}

/** One row a kind of event; kinds contain one another. */
function overview(result: ProfilerResult, o: TableOptions): string | undefined {
  const rows = rowsOf(result.events, (e) => e.kind);
  if (rows.length === 0) return undefined;
  const whole = wholeOf(result);
  return columns(
    ["Event Type", ...timeHeader],
    sorted(rows, SortedKeys.CPUTotal).map((r) => [r.name, ...timeCells(r, whole, o.timeUnit)]),
  );
}

/** The phases of steps, and what is left. */
function model(result: ProfilerResult, o: TableOptions): string | undefined {
  const steps = of(result, "ProfileStep");
  if (steps.length === 0) return undefined;
  const whole = totalOf(steps);
  const parts = of(result, "Dataloader", "Compile", "Forward", "Backward", "Optimization", "Program");
  const top = outermost(parts);
  const rows = [...rowsOf(steps, (e) => e.kind), ...rowsOf(top, (e) => e.kind)];
  const others = whole - totalOf(top);
  const cells = rows.map((r, i) => [i === 0 ? r.name : `  ${r.name}`, ...timeCells(r, whole, o.timeUnit)]);
  const rest = ["  Others", "-", (others * units[o.timeUnit]).toFixed(4), "-", "-", "-", percent(others, whole)];
  return columns(["Name", ...timeHeader], [...cells, rest]);
}

function simple(result: ProfilerResult, kinds: readonly EventKind[], o: TableOptions): string | undefined {
  const rows = sorted(rowsOf(of(result, ...kinds)), o.sortedBy);
  if (rows.length === 0) return undefined;
  const whole = wholeOf(result);
  return columns(
    ["Name", ...timeHeader],
    rows.map((r) => [shortened(r.name, nameWidth), ...timeCells(r, whole, o.timeUnit)]),
  );
}

/** Eager operators and runs of compiled functions and Programs, each with its kernels. */
function operators(result: ProfilerResult, o: TableOptions): string | undefined {
  const outer = of(result, "Operator", "Program");
  const rows = sorted(rowsOf(outer), o.sortedBy);
  if (rows.length === 0) return undefined;
  const inner = new Map<string, TraceEvent[]>(rows.map((r) => [r.name, []]));
  for (const [e, parent] of launchesIn(result)) inner.get(parent.name)!.push(e);
  const whole = totalOf(outermost(outer));
  const lines = rows.flatMap((r) => {
    const launched = rowsOf(inner.get(r.name)!);
    const flops = launched.reduce((n, l) => n + l.flops, 0);
    const own = [shortened(r.name, nameWidth), ...timeCells(r, whole, o.timeUnit), amount(flops, "")];
    if (!o.opDetail) return [own];
    const below = sorted(launched, o.sortedBy).map((l) => [
      `  ${shortened(l.name, nameWidth - 2)}`,
      ...timeCells(l, r.total, o.timeUnit),
      amount(l.flops, ""),
    ]);
    return [own, ...below];
  });
  return columns(["Name", ...timeHeader, "FLOPs"], lines);
}

/** Launches with the operator or run that each is part of. */
function launchesIn(result: ProfilerResult): [TraceEvent, TraceEvent][] {
  const found: [TraceEvent, TraceEvent][] = [];
  let parent: TraceEvent | undefined;
  for (const e of result.events) {
    const inside = parent !== undefined && e.start < parent.start + parent.duration;
    if ((e.kind === "Operator" || e.kind === "Program") && !inside) parent = e;
    else if (e.kind === "Kernel" && inside) found.push([e, parent!]);
  }
  return found;
}

/** Launches by kernel: what each computed and moved in its time. */
function kernels(result: ProfilerResult, o: TableOptions): string | undefined {
  const launches = of(result, "Kernel");
  const rows = sorted(rowsOf(launches), o.sortedBy);
  if (rows.length === 0) return undefined;
  const whole = totalOf(launches);
  return columns(
    ["Kernel", ...timeHeader, "FLOPs", "Bytes", "GFLOP/s", "GB/s"],
    rows.map((r) => {
      const mark = r.exact ? "" : "~";
      return [
        ...[shortened(r.name, nameWidth), ...timeCells(r, whole, o.timeUnit)],
        ...[mark + amount(r.flops, ""), mark + amount(r.bytes, "")],
        ...[rate(r.flops, r.total / 1000), rate(r.bytes, r.total / 1000)],
      ];
    }),
  );
}

function memory(result: ProfilerResult): string | undefined {
  const sizes = result.memory.map((m) => m.bytes);
  if (sizes.length === 0) return undefined;
  const cells = [sizes[0]!, Math.max(...sizes), sizes.at(-1)!].map((n) => amount(n, "B"));
  return columns(["Heap", "First", "Peak", "Last"], [["bytes in use", ...cells]]);
}
