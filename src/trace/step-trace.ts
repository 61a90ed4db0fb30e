// StepTrace: captures a whole function as a block; eager tensors it touches become captured variables, numbers that change are refreshed.

import { scalarAsArray } from "./scalars.js";
import { BlockTrace } from "./block-trace.js";
import { currentCapture, eagerly } from "./bind.js";
import type { Value } from "../program/value.js";
import { fromArray } from "./eager.js";
import { unscoped } from "./handles.js";

/** A number that is read anew before every run: learning rates and the like. */
export interface RuntimeScalar {
  readonly holder: Value;
  readonly read: () => number;
}

/** A capture that knows run-time scalars and what to do before each run. */
export class StepTrace extends BlockTrace {
  readonly scalars: RuntimeScalar[] = [];
  /** Called before each run, for bookkeeping outside the engine (step counters). */
  readonly beforeRun: (() => void)[] = [];
  /** What the captured code was decided by: when a text changes, the step must be captured again. */
  readonly guards: { readonly read: () => string; readonly was: string }[] = [];
  /** Layers that ran in the captured code, with the modes it was captured in. */
  private readonly modes = new Map<Moded, { readonly training: boolean; readonly isFrozen: boolean }>();

  /** Whether the code still fits the settings it was captured with. */
  get fits(): boolean {
    return this.guards.every((g) => g.read() === g.was);
  }

  /** Whether the layers it was captured from are in the same modes. */
  get inSameModes(): boolean {
    for (const [layer, was] of this.modes)
      if (layer.training !== was.training || layer.isFrozen !== was.isFrozen) return false;
    return true;
  }

  /** Notes a layer whose modes may decide the code. */
  noteModes(layer: Moded): void {
    const { training, isFrozen } = layer;
    if (!this.modes.has(layer)) this.modes.set(layer, { training, isFrozen });
  }
}

/** What is captured differently in training and when frozen. */
export interface Moded {
  readonly training: boolean;
  readonly isFrozen: boolean;
}

/** Notes a layer that runs inside a trace. */
export function runsInside(layer: Moded): void {
  const trace = currentCapture();
  if (trace instanceof StepTrace) trace.noteModes(layer);
}

/**
 * A number for use as an operand that may change between runs of a compiled step. Outside a trace it is the number itself; inside,
 * a captured scalar tensor that is refreshed before each run, so that changing it compiles nothing.
 */
export function runtimeScalar(read: () => number): Value | number {
  const trace = currentCapture();
  if (!(trace instanceof StepTrace)) return read();
  const holder = unscoped(() => eagerly(() => fromArray(scalarAsArray(read()))));
  trace.scalars.push({ holder, read });
  return holder;
}

/** Runs `action` now when eager, or before each run of the step being traced. */
export function eachStep(action: () => void): void {
  const trace = currentCapture();
  if (trace instanceof StepTrace) trace.beforeRun.push(action);
  else action();
}

/** Notes a text that decided the code being traced: settings of parameters. */
export function guarded(read: () => string): void {
  const trace = currentCapture();
  if (trace instanceof StepTrace) trace.guards.push({ read, was: read() });
}
