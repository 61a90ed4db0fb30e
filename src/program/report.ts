// OAR_DEBUG: tells on standard error (the console in browsers) what was compiled, how fast it runs, and what it was made from.

import { debugLevel } from "../core/flags.js";
import type { Backend } from "../device/backend.js";
import type { Engine } from "../device/engine.js";
import type { CompiledKernel } from "../device/target.js";
import type { GraphNode } from "../fuse/body.js";
import type { Kernel } from "../kernel/stmt.js";
import type { Executable } from "./executable.js";
import type { Plan } from "./plan.js";
import { limitsOf } from "./profile-limits.js";
import { amount, columns, milliseconds, percent, rate, shareOfLimit, shortened } from "./profile-text.js";
import { type LaunchInfo, type LaunchObserver, nameOf, watchQuietly } from "./profile.js";
import { listProgram, listSchedule } from "./report-listing.js";

/** Runs of a block that are timed, and the call of an eager plan that is. */
const timedRuns = 3;
/** Columns for a launch's name. */
const nameWidth = 48;

/** Writes sources into the folder that `OAR_DEBUG_DIR` names; gives the path. */
let writeSource: ((name: string, text: string) => string) | undefined;
let sources = 0;
let blocks = 0;
const shown = new WeakMap<CompiledKernel, number>();

/** Has sources (level 5) written to files in place of standard error. */
export function setSourceWriter(write: ((name: string, text: string) => string) | undefined): void {
  writeSource = write;
}

const say = (text: string): void => console.error(`[oar] ${text}`);

/** A number for the next compiled block, so that its lines can be told from others'. */
export const blockName = (api: string): string => `${api} #${++blocks}`;

/** What is told of a compiled block. */
export interface BlockReport {
  readonly name: string;
  readonly engine: Engine;
  readonly backend: Backend;
  /** The ops before clean-up. */
  readonly before: readonly GraphNode[];
  readonly plan: Plan;
  readonly executable: Executable;
  /** Milliseconds it took to make. */
  readonly ms: number;
}

/** Tells of a block (a step, a Program) that was compiled. From level 2 on, gives what must run it until its times are known. */
export function reportBlock(report: BlockReport): FirstRuns | undefined {
  const level = debugLevel();
  if (level < 1) return undefined;
  const { name, backend, plan, executable, ms } = report;
  const { launches } = executable;
  const total = (of: (l: LaunchInfo) => number): number => launches.reduce((n, l) => n + of(l), 0);
  const counts = [
    `${some(plan.graph.nodes.length, "op")} in ${some(nestsOf(plan).length, "nest")}`,
    `${some(launches.length, "launch")} of ${some(kernelsOf(plan).length, "kernel")}`,
    `${amount(
      total((l) => l.flops),
      "FLOP",
    )}`,
    `${amount(
      total((l) => l.bytes),
      "B",
    )} moved`,
    `${amount(executable.arenaBytes, "B")} planned`,
  ];
  say(`${name} on ${placeOf(backend)}: ${counts.join(", ")}; made in ${ms.toFixed(1)} ms`);
  reportParts(level, name, report.before, plan, backend);
  return level >= 2 ? new FirstRuns(report) : undefined;
}

/** Tells of a plan of eager calls that was compiled. */
export function reportPlan(name: string, engine: Engine, plan: Plan, backend: Backend, ms: number): void {
  const level = debugLevel();
  if (level < 1) return;
  const parts = `${some(nestsOf(plan).length, "nest")}, ${some(kernelsOf(plan).length, "kernel")}`;
  say(`eager ${name} on ${placeOf(backend)}: ${parts}; made in ${ms.toFixed(1)} ms`);
  reportParts(level, `eager ${name}`, plan.graph.nodes, plan, backend);
  if (level >= 2) watchQuietly(eagerTimes(engine, backend));
}

function reportParts(level: number, name: string, before: readonly GraphNode[], plan: Plan, backend: Backend): void {
  if (level >= 4) say(listProgram(name, before, plan));
  if (level < 3) return;
  for (const { kernel, compiled, ops } of kernelsOf(plan)) {
    if ((shown.get(compiled) ?? 0) >= level) continue;
    shown.set(compiled, level);
    say(`schedule of ${ops}\n${listSchedule(kernel, backend.target.threads)}`);
    if (level >= 5) reportSource(kernel, ops, backend);
  }
}

function reportSource(kernel: Kernel, ops: string, { target }: Backend): void {
  const source = target.source?.(kernel);
  if (!source) return say(`no source of ${ops}: the target ${target.name} runs the schedule itself`);
  if (!writeSource) return say(`source of ${ops}\n${source.text}`);
  const file = `${String(++sources).padStart(4, "0")}-${kernel.name.replaceAll(/\W/g, "_")}.${source.extension}`;
  say(`source of ${ops}: ${writeSource(file, source.text)}`);
}

/** `1 nest`, `2 launches`. */
const some = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : what.endsWith("h") ? "es" : "s"}`;

const placeOf = ({ target }: Backend): string =>
  target.threads > 1 ? `${target.name} x${target.threads}` : target.name;

const nestsOf = (plan: Plan) => plan.steps.flatMap((s) => (s.kind === "nest" ? [s.nest] : []));

/** The distinct kernels of a plan, with the ops of the nest that each was first found in. */
function kernelsOf(plan: Plan): { kernel: Kernel; compiled: CompiledKernel; ops: string }[] {
  const found = new Map<CompiledKernel, { kernel: Kernel; compiled: CompiledKernel; ops: string }>();
  for (const nest of nestsOf(plan)) {
    const ops = nameOf(nest.nodes.map((n) => n.name));
    nest.kernels.forEach((compiled, i) => {
      const kernel = nest.nest.kernels[i]!;
      const part = nest.kernels.length > 1 ? ` (${i + 1}/${nest.kernels.length})` : "";
      if (!found.has(compiled)) found.set(compiled, { kernel, compiled, ops: ops + part });
    });
  }
  return [...found.values()];
}

/** Times the launches of a block's first runs, then tells of them. */
export class FirstRuns {
  private readonly best: { readonly info: LaunchInfo; ms: number }[] = [];
  private runs = 0;

  constructor(private readonly report: BlockReport) {}

  /** Runs the block; true when nothing is left to be timed. */
  run(): boolean {
    let at = 0;
    const { best } = this;
    const note = (info: LaunchInfo, ms: number): void => {
      const known = best[at++];
      if (known) known.ms = Math.min(known.ms, ms);
      else best.push({ info, ms });
    };
    this.report.executable.runObserved({
      launch: (info, start, end) => note(info, end - start),
      host: (name, start, end) => note(hostInfo(name, this.report.backend), end - start),
    });
    if (++this.runs < timedRuns) return false;
    this.tell();
    return true;
  }

  private tell(): void {
    const { name, backend, engine } = this.report;
    const total = this.best.reduce((n, l) => n + l.ms, 0);
    say(
      `${name} on ${placeOf(backend)}: best of ${timedRuns} runs, launch by launch, ${milliseconds(total)} ms in all`,
    );
    console.error(timesTable(this.best, total, engine, backend));
  }
}

const hostInfo = (name: string, { target }: Backend): LaunchInfo => ({
  ...{ name: `${name} (in TypeScript)`, ops: [name], blocks: 1, threads: 1 },
  ...{ flops: 0, bytes: 0, exact: true, target: target.name },
});

/** Launches in order with their times, and how they compare to what the machine can do. */
function timesTable(
  launches: readonly { readonly info: LaunchInfo; readonly ms: number }[],
  total: number,
  engine: Engine,
  backend: Backend,
): string {
  const limits = limitsOf(engine, backend);
  const rows = launches.map(({ info, ms }) => [
    shortened(info.name, nameWidth),
    String(info.blocks),
    String(info.threads),
    milliseconds(ms),
    percent(ms, total),
    mark(info, amount(info.flops, "FLOP")),
    mark(info, amount(info.bytes, "B")),
    rate(info.flops, ms),
    rate(info.bytes, ms),
    limits ? shareOfLimit(info, ms, limits) : "",
  ]);
  const header = ["launch", "blocks", "threads", "ms", "share", "work", "moved", "GFLOP/s", "GB/s", "of limit"];
  if (!limits) return columns(header, rows);
  const limit = (name: string, i: 0 | 1): string[] => [
    ...[name, "", "", "", "", "", "", limits.gflops[i].toFixed(1), limits.gbytes[i].toFixed(1), ""],
  ];
  const ends = [limit("limit, 1 thread", 0)];
  if (backend.target.threads > 1) ends.push(limit(`limit, ${backend.target.threads} threads`, 1));
  return columns(header, [...rows, ...ends]);
}

/** Estimates are marked. */
const mark = (info: LaunchInfo, text: string): string => (info.exact ? text : `~${text}`);

const calls = new WeakMap<LaunchInfo, number>();

/** Tells of each eager launch of a kind and size once, when it comes for the third time. */
const eagerTimes = (engine: Engine, backend: Backend): LaunchObserver => ({
  launch(info, start, end) {
    const call = (calls.get(info) ?? 0) + 1;
    calls.set(info, call);
    if (call !== timedRuns) return;
    const ms = end - start;
    const limits = limitsOf(engine, backend);
    const share = limits ? `, ${shareOfLimit(info, ms, limits)} of the limit` : "";
    const work = `${mark(info, amount(info.flops, "FLOP"))}, ${mark(info, amount(info.bytes, "B"))}`;
    say(`eager ${info.name} on ${info.target} x${info.threads}: ${milliseconds(ms)} ms, ${work}${share}`);
  },
  host: () => undefined,
});
