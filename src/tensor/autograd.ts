// Autograd as users call it: backward, grad, noGrad, hooks.

import { InvalidArgumentError } from "../core/errors.js";
import { checkOptions, isOptions, splitOptions, type Trailing } from "../core/options.js";
import { runScope, type Synchronous } from "../core/scope.js";
import { type GradientHook, Value } from "../program/value.js";
import { add } from "../ops/arithmetic.js";
import { storageOf } from "../trace/eager.js";
import { eagerHandle, symbolHandle } from "../trace/handles.js";
import { phase } from "../trace/observe.js";
import { joinRows } from "../trace/rows.js";
import { isGradEnabled, runHooks, setGradEnabled, type TapeNode, walk, withGrad } from "../trace/tape.js";

/** Options of `backward`. */
export interface BackwardOptions {
  /** Keep the graph, so that it can be walked again. Default false. */
  readonly retainGraph?: boolean | undefined;
}

/** Walks back from one tensor and adds to the leaves' `grad`. */
export function backward(root: Value, gradient?: Value | BackwardOptions, options?: BackwardOptions): void {
  const bare = isOptions(gradient) ? undefined : (gradient as Value | undefined);
  const given = checkOptions("backward", isOptions(gradient) ? (gradient as BackwardOptions) : options, [
    "retainGraph",
  ]);
  const retainGraph = given.retainGraph ?? false;
  phase("Backward", "Gradient Backward", () => accumulate(walk([root], [bare], { retainGraph, createGraph: false })));
}

/** Options of {@link backwardAll}. */
export interface BackwardAllOptions<T extends Value = Value> extends BackwardOptions {
  /** One gradient a tensor, null or left out: ones. */
  readonly gradTensors?: T | readonly (T | null)[] | undefined;
}

/**
 * Walks back from several tensors at once and adds to the leaves' `grad`; Paddle's `autograd.backward`.
 *
 * @throws InvalidArgumentError unless there are as many gradients as tensors.
 * @example
 * ```ts
 * import { autograd, toTensor } from "oarjs";
 * const x = toTensor([1, 2], { stopGradient: false });
 * autograd.backward([x.multiply(2), x.multiply(3)]);
 * console.log(await x.grad!.tolist()); // [5, 5]
 * ```
 */
export function backwardAll<T extends Value>(
  tensors: T | readonly T[],
  ...rest: Trailing<T | readonly (T | null)[], BackwardAllOptions<T>>
): void {
  const keys = ["gradTensors", "retainGraph"] as const;
  const options = splitOptions<BackwardAllOptions<T>>("autograd.backward", rest, keys);
  const roots = tensors instanceof Value ? [tensors] : [...tensors];
  const given = options.gradTensors instanceof Value ? [options.gradTensors] : options.gradTensors;
  if (given && given.length !== roots.length) {
    throw new InvalidArgumentError(`${given.length} gradients for ${roots.length} tensors.`, {
      op: "autograd.backward",
    });
  }
  const gradients = roots.map((_, i) => given?.[i] ?? undefined);
  const retainGraph = options.retainGraph ?? false;
  phase("Backward", "Gradient Backward", () => accumulate(walk(roots, gradients, { retainGraph, createGraph: false })));
}

function accumulate(gradients: ReadonlyMap<Value, Value>): void {
  for (const [leaf, fresh] of gradients) {
    const g = leaf.hooks ? runHooks(leaf.hooks, fresh) : fresh;
    const old = leaf.gradient;
    leaf.gradient = old ? withGrad(false, () => joinRows(old, g) ?? add(old, g)) : g;
  }
}

/** Options of {@link grad}. */
export interface GradOptions<T extends Value = Value> {
  readonly gradOutputs?: T | readonly (T | null | undefined)[] | undefined;
  readonly retainGraph?: boolean | undefined;
  readonly createGraph?: boolean | undefined;
  readonly onlyInputs?: boolean | undefined;
  readonly allowUnused?: boolean | undefined;
  readonly noGradVars?: readonly T[] | undefined;
}

const gradKeys = ["gradOutputs", "retainGraph", "createGraph", "onlyInputs", "allowUnused", "noGradVars"];

/**
 * Gradients of outputs with respect to inputs, without touching any `grad`.
 *
 * @returns one gradient an input; null for an unused one when `allowUnused` is set.
 * @throws InvalidArgumentError when an input is not part of the graph and `allowUnused` is not set.
 * @example
 * ```ts
 * import { grad, toTensor } from "oarjs";
 * const x = toTensor(3, { stopGradient: false });
 * const [dx] = grad(x.multiply(x), x, { createGraph: true });
 * console.log(await dx!.item()); // 6
 * ```
 */
export function grad<T extends Value>(
  outputs: T | readonly T[],
  inputs: T | readonly T[],
  options?: GradOptions<T>,
): (T | null)[] {
  const o = checkOptions<GradOptions<T>>("grad", options, gradKeys);
  const roots = outputs instanceof Value ? [outputs] : [...outputs];
  const wanted = inputs instanceof Value ? [inputs] : [...inputs];
  const given = o.gradOutputs instanceof Value ? [o.gradOutputs] : [...(o.gradOutputs ?? [])];
  const createGraph = o.createGraph ?? false;
  const stopped = (o.noGradVars ?? []).filter((v) => !v.stopGradient);
  for (const v of stopped) v.stopGradient = true;
  try {
    const live = roots.map((r, i) => ({ r, g: given[i] ?? undefined })).filter(({ r }) => !r.stopGradient);
    const found = walk(
      live.map((x) => x.r),
      live.map((x) => x.g),
      { retainGraph: o.retainGraph ?? createGraph, createGraph, inputs: wanted },
    );
    return wanted.map((x, i) => {
      const g = found.get(x);
      if (!g && o.allowUnused !== true) {
        throw new InvalidArgumentError(`input ${i} is not part of the graph of the outputs.`, {
          op: "grad",
          hint: "pass allowUnused: true to get null for it.",
        });
      }
      return (g as T | undefined) ?? null;
    });
  } finally {
    for (const v of stopped) v.stopGradient = false;
  }
}

/** Same memory or variable, no history. */
export function detachHandle<T extends Value>(x: T): T {
  if (x.symbol) return symbolHandle(x.symbol) as T;
  return eagerHandle(x.shape, x.dtype, storageOf(x, "detach").retain()) as T;
}

/** Adds a gradient hook to a leaf or to the op that made the tensor. */
export function registerHook(x: Value, hook: GradientHook): { remove(): boolean } {
  if (x.stopGradient)
    throw new InvalidArgumentError("a tensor with stopGradient = true gets no gradient to hook.", {
      op: "registerHook",
    });
  const node = x.source as TapeNode | undefined;
  if (node) node.hooks[x.outputIndex] ??= [];
  else x.hooks ??= [];
  const list = (node ? node.hooks[x.outputIndex] : x.hooks)!;
  list.push(hook);
  return {
    remove() {
      const at = list.indexOf(hook);
      if (at >= 0) list.splice(at, 1);
      return at >= 0;
    },
  };
}

/** Makes a non-leaf keep its gradient. */
export function retainGradients(x: Value): void {
  const node = x.source as TapeNode | undefined;
  if (node) node.retainers[x.outputIndex] = new WeakRef(x);
  x.retainsGradient = true;
}

/** Switches recording and gives what switches it back. */
const switched = (enabled: boolean) => (): (() => void) => {
  const before = isGradEnabled();
  setGradEnabled(enabled);
  return () => setGradEnabled(before);
};

/**
 * Runs `fn` without recording: nothing in it gets a gradient.
 *
 * @throws InvalidArgumentError when `fn` returns a promise: recording would be on again before the promise is done.
 * @example
 * ```ts
 * import { noGrad, toTensor } from "oarjs";
 * const w = toTensor([1], { stopGradient: false });
 * console.log(noGrad(() => w.multiply(2)).stopGradient); // true
 * ```
 */
export const noGrad = <R>(fn: () => Synchronous<R>): R => runScope("noGrad", switched(false), fn);

/**
 * Runs `fn` with recording on, inside `noGrad` too.
 *
 * @throws InvalidArgumentError when `fn` returns a promise.
 */
export const enableGrad = <R>(fn: () => Synchronous<R>): R => runScope("enableGrad", switched(true), fn);

export { isGradEnabled, setGradEnabled };
