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

/** Hot plans of an engine that wait for the compiler. */
interface Queue {
  readonly plans: Upgradable[];
  /** When they are compiled, as `performance.now()` says; infinite while others are. */
  due: number;
}

const queues = new WeakMap<Engine, Queue>();

/** Notes work; queues the plan when it has become hot. */
export function noteWork(on: Engine, plan: Upgradable, work: number): void {
  plan.heat += work;
  if (plan.heat < hot) return;
  const queue = queues.get(on);
  if (queue) look(on, queue);
  if (plan.heat === Infinity) return;
  plan.heat = Infinity;
  if (isDeterministic()) return;
  if (queue) queue.plans.push(plan);
  else start(on, plan);
}

/** What the event loop would do, for loops that do not return to it. */
function look(on: Engine, queue: Queue): void {
  if (queue.due === Infinity) on.poll();
  else if (performance.now() >= queue.due) drain(on, queue);
}

function start(on: Engine, first: Upgradable): void {
  const queue = { plans: [first], due: performance.now() + gatherTime };
  queues.set(on, queue);
  const timer: unknown = setTimeout(() => {
    if (queue.due !== Infinity) drain(on, queue);
  }, gatherTime);
  letExit(timer);
}

/** On Node a waiting timer must not keep the process alive. */
function letExit(timer: unknown): void {
  if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function")
    timer.unref();
}

/** Compiles what waits, batch after batch. */
function drain(on: Engine, queue: Queue): void {
  queue.due = Infinity;
  on.accelerate((backend) => {
    const next = (): void => {
      if (backend && queue.plans.length > 0) compileBatch(on, backend, queue.plans.splice(0, batchSize), next);
      else queues.delete(on);
    };
    next();
  });
}

function compileBatch(
  on: Engine,
  backend: Backend<BackgroundTarget>,
  batch: readonly Upgradable[],
  next: () => void,
): void {
  const graphs = batch.map((u) => u.graph);
  prepareGraphs(backend, graphs, { generic: true }, ({ error }) => {
    // Eager calls go on in WebAssembly where it failed.
    if (error !== undefined) on.noteFailure(error);
    else for (const u of batch) u.apply(backend);
    next();
  });
}
