// Executable: a whole graph as one launch table in the heap, its memory planned, so that a run is one call into the engine.

import { dtypes } from "../core/dtype.js";
import { BugError } from "../core/errors.js";
import { type Shape, sizeOf } from "../core/shape.js";
import type { Backend } from "../device/backend.js";
import { type Engine, writeEntry } from "../device/engine.js";
import { launchEntry, launchFlags } from "../device/target.js";
import type { GraphNode, GraphValue } from "../fuse/body.js";
import type { Graph } from "../fuse/fuse.js";
import { type Lifetime, planArena } from "./memory-plan.js";
import { type CompiledNest, compileGraph, type Plan } from "./plan.js";
import { type LaunchInfo, type LaunchObserver, launchInfos } from "./profile.js";

/** Work (as in CompiledNest.work) below which an entry runs on one thread. */
const singleWork = 16384;

/** Consecutive nests between host ops: one call into the engine. */
interface Segment {
  readonly table: number;
  readonly entries: number;
  /** Which kernel each entry launches, with its table of arguments. */
  readonly launches: readonly Launch[];
  readonly threads: number;
  /** The host op after the nests, if any. */
  readonly host: GraphNode | undefined;
}

/** An entry of a table: a kernel of a nest. */
interface Launch {
  readonly nest: CompiledNest;
  readonly kernel: number;
  readonly args: number;
  readonly single: boolean;
}

/** Time of one launch. */
export interface LaunchTime extends LaunchInfo {
  /** Milliseconds, the best of some runs. */
  readonly ms: number;
}

/** Runs a host op on heap memory; `trace/` knows how. */
export type HostRunner = (engine: Engine, node: GraphNode, addresses: readonly number[]) => void;

/** A compiled graph bound to memory. Inputs, captured tensors and outputs are bound by address, everything else is planned. */
export class Executable {
  readonly plan: Plan;
  private readonly segments: Segment[] = [];
  /** Argument words that hold a value's address, by value id. */
  private readonly words = new Map<number, number[]>();
  private readonly addresses: number[];
  private readonly owned: number[] = [];
  /** Bytes of the planned arena. */
  readonly arenaBytes: number;

  constructor(
    private readonly engine: Engine,
    graph: Graph,
    values: readonly GraphValue[],
    /** Values bound by the caller: inputs, captured tensors, outputs. */
    private readonly bound: ReadonlySet<GraphValue>,
    private readonly runHost: HostRunner,
    private readonly backend: Backend = engine.primary,
    options: { readonly fuse?: boolean; readonly generic?: boolean } = {},
  ) {
    this.plan = compileGraph(backend, graph, values, { generic: false, ...options });
    this.addresses = new Array<number>(values.length).fill(0);
    this.arenaBytes = this.build(bound);
  }

  /** Nests in order, for inspection. */
  get nests(): readonly CompiledNest[] {
    return this.plan.steps.flatMap((s) => (s.kind === "nest" ? [s.nest] : []));
  }

  /** What each launch of a run does, in order. */
  get launches(): readonly LaunchInfo[] {
    const shapes = this.plan.values.map((v) => v.shape);
    return this.segments.flatMap((s) => s.launches.map((l) => this.infoOf(l, shapes)));
  }

  /** The value whose memory a value is. */
  rootOf(id: number): number {
    let at = id;
    for (let alias = this.plan.aliases.get(at); alias; alias = this.plan.aliases.get(at)) at = alias.of;
    return at;
  }

  /** Binds a value to memory; the same address again costs nothing. */
  bind(id: number, address: number): void {
    if (this.addresses[id] === address) return;
    this.addresses[id] = address;
    const { u32 } = this.engine.heap.views;
    for (const word of this.words.get(id) ?? []) u32[word] = address;
  }

  /** Where a value that is its own root stands. */
  addressOf(id: number): number {
    return this.addresses[id]!;
  }

  /** Runs everything. */
  run(): void {
    const { engine } = this;
    for (const segment of this.segments) {
      if (segment.entries > 0) {
        engine.launches++;
        engine.launch(this.backend.target, segment.table, segment.entries, segment.threads);
      }
      if (segment.host) this.runHost(engine, segment.host, this.resolved());
    }
  }

  /** Runs everything, one launch after another, and tells the observer when each was under way. The results are those of `run`. */
  runObserved(observer: LaunchObserver): void {
    const { engine } = this;
    const { target } = this.backend;
    const shapes = this.plan.values.map((v) => v.shape);
    for (const segment of this.segments) {
      if (segment.entries > 0) engine.launches++;
      segment.launches.forEach((launch, i) => {
        const info = this.infoOf(launch, shapes);
        const start = performance.now();
        engine.launch(target, segment.table + i * launchEntry.bytes, 1, launch.single ? 1 : segment.threads);
        observer.launch(info, start, performance.now());
      });
      if (!segment.host) continue;
      const start = performance.now();
      this.runHost(engine, segment.host, this.resolved());
      observer.host(segment.host.name, start, performance.now());
    }
  }

  /**
   * The best time of each launch in `rounds` runs of everything, one launch after another. What the runs change in memory that is not the
   * executable's own (parameters, optimizer state, generators) is put back afterwards; other outputs go to memory of their own.
   */
  profile(rounds = 5): LaunchTime[] {
    const best: { info: LaunchInfo; ms: number }[] = [];
    let at = 0;
    const observer: LaunchObserver = {
      launch(info, start, end) {
        const entry = best[at];
        if (entry) entry.ms = Math.min(entry.ms, end - start);
        else best.push({ info, ms: end - start });
        at++;
      },
      host: () => undefined,
    };
    this.undone(() => {
      for (let r = 0; r < rounds; r++) {
        at = 0;
        this.runObserved(observer);
      }
    });
    return best.map(({ info, ms }) => ({ ...info, ms }));
  }

  /** Runs `fn`, during which the executable may run, and leaves the caller's memory as it was. */
  private undone(fn: () => void): void {
    const { heap } = this.engine;
    const computed = new Set(this.plan.graph.nodes.flatMap((n) => n.outputs));
    const changed = new Set([...this.plan.aliases].filter(([, a]) => a.written).map(([id]) => this.rootOf(id)));
    const held: (() => void)[] = [];
    for (const value of this.bound) {
      const { id } = value;
      const address = this.addresses[id]!;
      const fresh = computed.has(value);
      if (this.rootOf(id) !== id || address === 0 || !(fresh || changed.has(id))) continue;
      const bytes = bytesOf(value);
      const own = heap.alloc(Math.max(64, bytes));
      if (fresh) this.bind(id, own);
      else heap.views.u8.copyWithin(own, address, address + bytes);
      held.push(() => {
        if (fresh) this.bind(id, address);
        else heap.views.u8.copyWithin(address, own, own + bytes);
        heap.free(own);
      });
    }
    try {
      fn();
    } finally {
      for (const back of held) back();
    }
  }

  private infoOf(launch: Launch, shapes: readonly Shape[]): LaunchInfo {
    const { nest, kernel, args, single } = launch;
    return launchInfos(this.engine, nest, args, !single, shapes)[kernel]!;
  }

  /** Frees the arena and the tables. */
  dispose(): void {
    for (const address of this.owned.splice(0)) this.engine.heap.free(address);
  }

  private resolved(): number[] {
    return this.addresses.map((_, id) => this.addresses[this.rootOf(id)]!);
  }

  private own(bytes: number): number {
    const address = this.engine.heap.alloc(Math.max(64, bytes));
    this.owned.push(address);
    return address;
  }

  private build(bound: ReadonlySet<GraphValue>): number {
    const { plan, engine } = this;
    const args = plan.steps.map((s) => (s.kind === "nest" ? this.own(s.nest.argumentBytes) : 0));
    const shapes = plan.values.map((v) => v.shape);
    const bindings = {
      addresses: this.addresses,
      shapes,
      attrs: plan.graph.nodes.map((n) => n.attrs),
      operands: plan.graph.nodes.map((n) => n.operands),
    };
    plan.steps.forEach((s, i) => {
      if (s.kind === "nest") s.nest.fill(engine, args[i]!, bindings);
    });
    const bytes = this.place(bound, args);
    this.collectWords(args);
    this.writeTables(args);
    return bytes;
  }

  /** Plans intermediates and temporaries, and sets scratch. */
  private place(bound: ReadonlySet<GraphValue>, args: readonly number[]): number {
    const { plan, engine } = this;
    const boundIds = new Set([...bound].map((v) => v.id));
    const lives = new Map<number, { from: number; to: number }>();
    const touch = (id: number, step: number): void => {
      const root = this.rootOf(id);
      if (boundIds.has(root)) return;
      const life = lives.get(root);
      if (life) life.to = step;
      else lives.set(root, { from: step, to: step });
    };
    const temps: { life: Lifetime; word: number }[] = [];
    let scratch = 0;
    plan.steps.forEach((s, step) => {
      if (s.kind === "host") {
        for (const v of [...s.node.operands, ...s.node.outputs]) if (typeof v === "object") touch(v.id, step);
        return;
      }
      for (const id of [...s.nest.nest.reads, ...s.nest.nest.writes]) touch(id, step);
      for (const t of s.nest.tempSizes(engine, args[step]!)) {
        temps.push({ life: { bytes: t.bytes, from: step, to: step }, word: args[step]! / 4 + t.slot * 2 });
      }
      scratch = Math.max(scratch, s.nest.scratchBytes);
    });
    const ids = [...lives.keys()];
    const blocks = ids.map((id): Lifetime => ({ ...lives.get(id)!, bytes: bytesOf(plan.values[id]!) }));
    const arena = planArena([...blocks, ...temps.map((t) => t.life)]);
    const base = this.own(arena.bytes);
    ids.forEach((id, i) => {
      this.addresses[id] = base + arena.offsets[i]!;
    });
    temps.forEach((t, i) => {
      engine.heap.views.u32[t.word] = base + arena.offsets[ids.length + i]!;
    });
    if (scratch > 0) this.setScratch(args, this.own(scratch * this.backend.target.threads));
    return arena.bytes;
  }

  private setScratch(args: readonly number[], address: number): void {
    this.plan.steps.forEach((s, i) => {
      if (s.kind === "nest" && s.nest.scratchBytes > 0) s.nest.writeScratch(this.engine, args[i]!, address);
    });
  }

  /** Finds where each value's address stands, and writes those known. Values that are views or in-place results follow their root. */
  private collectWords(args: readonly number[]): void {
    const { u32 } = this.engine.heap.views;
    this.plan.steps.forEach((s, i) => {
      if (s.kind !== "nest") return;
      s.nest.nest.slots.forEach((source, slot) => {
        if (source.kind !== "buffer") return;
        const root = this.rootOf(source.value);
        const word = args[i]! / 4 + slot * 2;
        const list = this.words.get(root);
        if (list) list.push(word);
        else this.words.set(root, [word]);
        u32[word] = this.addresses[root]!;
      });
    });
  }

  private writeTables(args: readonly number[]): void {
    const { plan } = this;
    let pending: { nest: CompiledNest; args: number }[] = [];
    const close = (host: GraphNode | undefined): void => {
      this.segments.push(this.segment(pending, host));
      pending = [];
    };
    plan.steps.forEach((s, i) => {
      if (s.kind === "nest") pending.push({ nest: s.nest, args: args[i]! });
      else close(s.node);
    });
    if (pending.length > 0) close(undefined);
    if (this.backend.target.threads < 1) throw new BugError("a target without threads");
  }

  private segment(nests: readonly { nest: CompiledNest; args: number }[], host: GraphNode | undefined): Segment {
    const { engine } = this;
    const shapes = this.plan.values.map((v) => v.shape);
    const entries = nests.flatMap(({ nest, args }) => {
      const small = nest.work(engine, args, shapes) < singleWork;
      const counts = nest.blockCounts(engine, args);
      return nest.kernels.flatMap((kernel, k) =>
        counts[k]! > 0
          ? [
              {
                nest,
                kernel,
                index: k,
                args,
                blocks: counts[k]!,
                small,
              },
            ]
          : [],
      );
    });
    const table = this.own(entries.length * launchEntry.bytes);
    entries.forEach((e, i) => {
      const single = e.small || e.blocks < 2;
      writeEntry(
        engine.heap,
        table + i * launchEntry.bytes,
        e.kernel,
        e.args,
        e.blocks,
        single ? launchFlags.single : 0,
      );
    });
    const parallel = entries.some((e) => !e.small && e.blocks > 1);
    return {
      table,
      entries: entries.length,
      launches: entries.map((e) => ({
        nest: e.nest,
        kernel: e.index,
        args: e.args,
        single: e.small || e.blocks < 2,
      })),
      threads: parallel ? this.backend.target.threads : 1,
      host,
    };
  }
}

const bytesOf = (v: GraphValue): number => sizeOf(v.shape) * dtypes[v.dtype].bytes;
