// Learning rates in the Scope: shown as `learning_rate_N`, and taken from there when somebody wrote another number.

import { engine } from "../device/engine.js";
import { LRScheduler } from "../optimizer/lr/lr-scheduler.js";
import type { Optimizer } from "../optimizer/optimizer.js";
import { uniqueName } from "../param/unique-name.js";
import type { Tensor } from "../tensor/tensor.js";
import { makePersistable } from "./mode.js";
import type { Program } from "./program.js";
import type { Scope } from "./scope.js";

interface Shown {
  readonly name: string;
  /** What the startup Program puts in the Scope. */
  readonly first: number;
}

const shown = new WeakMap<Optimizer, Shown>();

/** The optimizer's own rate that a Scope's variable was last brought up to. */
const seen = new WeakMap<Tensor, number>();

/** Makes the optimizer's rate a variable of a Program. */
export function showRate(program: Program, given: Optimizer): void {
  const optimizer = given.rateOwner;
  let known = shown.get(optimizer);
  if (!known) {
    known = { name: uniqueName.generate("learning_rate"), first: optimizer.getLr() };
    shown.set(optimizer, known);
  }
  if (!program.persistables.has(known.name)) makePersistable(known.name, [], "float32", known.first);
  program.rates.set(known.name, optimizer);
}

/**
 * Runs `fn` with the rates that a Scope says. As in Paddle a schedule decides at every run; a number that stands in the Scope is in
 * force, whoever wrote it: `setLr`, `getTensor().set()`, or a loaded file.
 */
export function withRates<R>(program: Program, scope: Scope, fn: () => R): R {
  if (program.rates.size === 0) return fn();
  for (const [name, optimizer] of program.rates) {
    const place = scope.findVar(name)?.tensor;
    if (place) optimizer.useRate(rateIn(place, optimizer));
  }
  try {
    return fn();
  } finally {
    for (const optimizer of program.rates.values()) optimizer.useRate(undefined);
  }
}

/** The rate in force by a Scope's variable, which then shows it. */
function rateIn(place: Tensor, optimizer: Optimizer): number {
  const own = optimizer.getLr();
  const before = seen.get(place) ?? shown.get(optimizer)!.first;
  const memory = engine().heap.views.f32;
  const at = place.storage!.address / Float32Array.BYTES_PER_ELEMENT;
  const held = memory[at]!;
  if (!(optimizer.learningRate instanceof LRScheduler) && own === before && held !== Math.fround(own)) return held;
  memory[at] = own;
  seen.set(place, own);
  return own;
}
