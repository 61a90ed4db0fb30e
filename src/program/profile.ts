// Profile: what each launch of a plan is called and does, and who is told when launches end.

import { dtypes } from "../core/dtype.js";
import { type Shape, sizeOf } from "../core/shape.js";
import type { Engine } from "../device/engine.js";
import type { TargetName } from "../device/target.js";
import { countKernel } from "./profile-count.js";
import { launchSize } from "./launch-size.js";
import { type CompiledNest, type Launcher, plainLauncher, setLauncher } from "./plan.js";

/** What a launch does, counted beforehand. */
export interface LaunchCost {
  /**
   * Floating-point operations: those its kernel executes (see KernelCount), but where the op states its multiply-adds (matrix products,
   * convolutions, attention), without those spent on the padding of register tiles.
   */
  readonly flops: number;
  /** Bytes that must pass between memory and the processor: of each buffer what is loaded and stored, at most its size each way. */
  readonly bytes: number;
  /** False where loops depend on data: then both are estimates. */
  readonly exact: boolean;
}

/** One kernel of a nest as it is launched. */
export interface LaunchInfo extends LaunchCost {
  /** The nest's ops, and which of its launches it is when it has several. */
  readonly name: string;
  readonly ops: readonly string[];
  readonly blocks: number;
  /** Threads that take its blocks. */
  readonly threads: number;
  readonly target: TargetName;
}

/** Is told of launches. Times are those of `performance.now()`, in milliseconds. */
export interface LaunchObserver {
  launch(info: LaunchInfo, start: number, end: number): void;
  /** An op that runs in TypeScript. */
  host(name: string, start: number, end: number): void;
}

/** Ops as one name, in order, repeated ones counted: `matmul add relu`, `sgd_ x6`. */
export function nameOf(ops: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const op of ops) counts.set(op, (counts.get(op) ?? 0) + 1);
  return [...counts].map(([op, n]) => (n > 1 ? `${op} x${n}` : op)).join(" ");
}

/** Shapes of all values, or how many elements each of them has. */
type Shapes = readonly Shape[] | number;

const elements = (shapes: Shapes, value: number): number =>
  typeof shapes === "number" ? shapes : sizeOf(shapes[value]!);

const known = new WeakMap<CompiledNest, Map<string, readonly LaunchInfo[]>>();

/** Each kernel of a nest as it is launched with a filled table, for the shapes of the graph's values. */
export function launchInfos(
  engine: Engine,
  nest: CompiledNest,
  args: number,
  parallel: boolean,
  shapes: Shapes,
): readonly LaunchInfo[] {
  const key = (parallel ? "p" : "") + sizesKey(engine, nest, args, shapes);
  let bySize = known.get(nest);
  if (!bySize) {
    bySize = new Map();
    known.set(nest, bySize);
  }
  let infos = bySize.get(key);
  if (!infos) {
    infos = describe(engine, nest, args, parallel, shapes);
    bySize.set(key, infos);
  }
  return infos;
}

function describe(engine: Engine, nest: CompiledNest, args: number, parallel: boolean, shapes: Shapes): LaunchInfo[] {
  const ops = nest.nodes.map((n) => n.name);
  const name = nameOf(ops);
  const costs = count(engine, nest, args, shapes);
  const { target } = nest;
  return nest.blockCounts(engine, args).map((blocks, i) => ({
    ...costs[i]!,
    name: costs.length > 1 ? `${name} (${i + 1}/${costs.length})` : name,
    ops,
    blocks,
    threads: parallel ? Math.max(1, Math.min(blocks, target.threads)) : 1,
    target: target.name,
  }));
}

/** Everything the costs of a nest depend on. */
function sizesKey(engine: Engine, nest: CompiledNest, args: number, shapes: Shapes): string {
  const { i32 } = engine.heap.views;
  return nest.nest.slots
    .map((s, slot) => {
      if (s.kind === "buffer") return elements(shapes, s.value);
      const whole = s.kind === "extent" || ((s.kind === "attr" || s.kind === "operand") && s.type[0] === "i");
      return whole ? i32[args / 4 + slot * 2]! : "";
    })
    .join();
}

function count(engine: Engine, nest: CompiledNest, args: number, shapes: Shapes): LaunchCost[] {
  const { views } = engine.heap;
  const { kernels, slots, cost } = nest.nest;
  const sizeOfSlot = (slot: number): number => {
    const source = slots[slot]!;
    if (source.kind === "buffer")
      return elements(shapes, source.value) * dtypes[nest.values[source.value]!.dtype].bytes;
    return source.kind === "temp" ? launchSize(source.length)(views.i32, args / 4) * source.bytes : 0;
  };
  const counts = kernels.map((kernel) =>
    countKernel(kernel, (arg) => {
      const word = args / 4 + arg.slot * 2;
      if (arg.type === "i64") return Number(views.i64[word / 2]!);
      return arg.type === "i32" ? views.i32[word]! : 0;
    }),
  );
  const stated = cost?.reduce((n, f) => n * launchSize(f)(views.i32, args / 4), 2);
  const fused = counts.reduce((n, c) => n + c.fused, 0);
  const most = counts.reduce((best, c, i) => (c.fused > counts[best]!.fused ? i : best), 0);
  return counts.map((c, i) => {
    const padding = i === most && stated !== undefined && stated > 0 ? Math.max(0, fused - stated) : 0;
    let bytes = 0;
    kernels[i]!.buffers.forEach((buf, b) => {
      const size = sizeOfSlot(buf.slot);
      bytes += Math.min(c.loaded[b]!, size) + Math.min(c.stored[b]!, size);
    });
    return { flops: Math.max(0, c.flops - padding), bytes, exact: c.exact };
  });
}

/** A launcher that runs kernels and tells an observer. */
const observedLauncher =
  (observer: LaunchObserver): Launcher =>
  (engine, nest, kernel, args, blocks, parallel, shapes) => {
    const start = performance.now();
    plainLauncher(engine, nest, kernel, args, blocks, parallel, shapes);
    const end = performance.now();
    observer.launch(launchInfos(engine, nest, args, parallel, shapes)[kernel]!, start, end);
  };

let watching: LaunchObserver | undefined;
let quiet: Launcher = plainLauncher;

/** Has an observer told of the launches of eager calls; undefined ends it. */
export function watchLaunches(observer: LaunchObserver | undefined): void {
  watching = observer;
  setLauncher(observer ? observedLauncher(observer) : quiet);
}

/** Has another observer told of them whenever the first one is not there. */
export function watchQuietly(observer: LaunchObserver): void {
  quiet = observedLauncher(observer);
  if (!watching) setLauncher(quiet);
}
