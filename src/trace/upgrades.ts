// Upgrades: eager plans that turn out hot are compiled to native code in the background, many at a time, and go over when ready.

import { isDeterministic } from "../core/flags.js";
import type { Backend, BackgroundTarget } from "../device/backend.js";
import type { Engine } from "../device/engine.js";
import type { Graph } from "../fuse/fuse.js";
import { prepareGraphs } from "../program/plan.js";

/** Something eager that can be made again for another backend. */
export interface Upgradable {
  /** Work done so far, in elements of memory traffic; infinite once it has been queued. */
  heat: number;
  readonly graph: Graph;
  /** Goes over to kernels that the backend has compiled. */
  apply(backend: Backend): void;
}

/** Work from which native code is worth a compiler's time: about a millisecond of WebAssembly. */
const hot = 4e6;
/** How long hot plans are gathered before they are compiled together, in milliseconds. */
const gatherTime = 50;
/** Plans compiled by one call of the compiler. */
const batchSize = 24;

const queues = new WeakMap<Engine, Upgradable[]>();

/** Notes work; queues the plan when it has become hot. */
export function noteWork(on: Engine, plan: Upgradable, work: number): void {
  plan.heat += work;
  if (plan.heat < hot || plan.heat === Infinity) return;
  plan.heat = Infinity;
  if (isDeterministic()) return;
  const queue = queues.get(on);
  if (queue) queue.push(plan);
  else start(on, plan);
}

function start(on: Engine, first: Upgradable): void {
  const queue = [first];
  queues.set(on, queue);
  const timer: unknown = setTimeout(() => void drain(on, queue), gatherTime);
  letExit(timer);
}

/** On Node a waiting timer must not keep the process alive. */
function letExit(timer: unknown): void {
  if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function")
    timer.unref();
}

async function drain(on: Engine, queue: Upgradable[]): Promise<void> {
  const backend = on.accelerator;
  while (backend && queue.length > 0) await compileBatch(on, backend, queue.splice(0, batchSize));
  queues.delete(on);
}

async function compileBatch(
  on: Engine,
  backend: Backend<BackgroundTarget>,
  batch: readonly Upgradable[],
): Promise<void> {
  try {
    await prepareGraphs(
      backend,
      batch.map((u) => u.graph),
      { generic: true },
    );
    for (const u of batch) u.apply(backend);
  } catch (error) {
    // Eager calls go on in WebAssembly.
    on.noteFailure(error);
  }
}
