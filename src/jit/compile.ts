// oar.jit.compile: a training step or any function of tensors captured once per input signature and run as one engine call.

import { type Engine, engine } from "../device/engine.js";
import type { LaunchTime } from "../program/executable.js";
import { Block, VarDesc } from "../program/program.js";
import { Value } from "../program/value.js";
import { Parameter, settingChanges } from "../param/parameter.js";
import type { Tensor } from "../tensor/tensor.js";
import { capturing } from "../trace/bind.js";
import { symbolHandle } from "../trace/handles.js";
import { rowsOf, rowsValue } from "../trace/rows.js";
import type { CompileReport, Runnable } from "../trace/runnable.js";
import { makeRunnable, Segmented } from "../trace/segments.js";
import { StepTrace } from "../trace/step-trace.js";
import { fillSlots, mapTensors, signature, slotted, type Tree } from "./tree.js";
import { withLine } from "./with-line.js";

/** What `jit.compile` returns: the function, with a look inside. */
export type Compiled<A extends readonly unknown[], R> = ((...args: A) => R) & {
  /** How often the function was captured so far: once for each signature and set of settings (frozen parts, kinds of regularizers). */
  readonly variants: () => number;
  /**
   * Resolves when no native compilation is under way; the next call uses what it made. A report for each variant that asked for native
   * code (in its third call): which target its next run uses, the seconds it took, and the reason where there is none.
   */
  readonly ready: () => Promise<readonly CompileReport[]>;
  /**
   * Time of each launch of each variant in milliseconds, the best of five runs with the last inputs, and what it does. Parameters and
   * other state are put back as they were.
   */
  readonly profile: () => readonly LaunchTime[][];
};

/**
 * Compiles a function of tensors: forward, backward and the optimizer's step together. The function runs once in a trace for each
 * signature (shapes and dtypes of tensor arguments, values of the others); later calls run the captured Program in one engine call.
 * Tensors that the function reads from outside (parameters, buffers, optimizer state) are used in place.
 *
 * @throws PreconditionNotMetError when the function reads a value in the middle (`item`, `data`): return it instead.
 * @example
 * ```ts
 * import { jit, nn, ones, optimizer, type Tensor } from "oarjs";
 * const net = new nn.Linear(4, 1);
 * const opt = new optimizer.SGD({ learningRate: 0.1, parameters: net.parameters() });
 * const step = jit.compile((x: Tensor, y: Tensor) => {
 *   const loss = nn.functional.mseLoss(net(x), y);
 *   loss.backward();
 *   opt.step();
 *   opt.clearGrad();
 *   return loss;
 * });
 * const [first, second] = [step(ones([2, 4]), ones([2, 1])), step(ones([2, 4]), ones([2, 1]))];
 * console.log(Number(await second.item()) < Number(await first.item()), step.variants()); // true 1
 * ```
 */
export function compile<A extends readonly unknown[], R>(fn: (...args: A) => R): Compiled<A, R> {
  /** By signature; the step that ran last stands first. */
  const variants = new Map<string, CompiledStep<R>[]>();
  const call = (...args: A): R => {
    const tensors: Tensor[] = [];
    const key = signature(args, tensors);
    const steps = variants.get(key) ?? [];
    variants.set(key, steps);
    const at = steps.findIndex((s) => s.fits());
    if (at !== 0) {
      const step = at < 0 ? new CompiledStep(engine(), (given) => fn(...(given as A)), args, tensors) : steps[at]!;
      if (at > 0) steps.splice(at, 1);
      steps.unshift(step);
    }
    return steps[0]!.run(tensors);
  };
  const all = (): CompiledStep<R>[] => [...variants.values()].flat();
  return Object.assign(call, {
    variants: () => all().length,
    ready: async () => {
      const reports = await Promise.all(all().map((v) => v.settled()));
      return reports.filter((r) => r !== undefined);
    },
    profile: () => all().map((v) => v.profile()),
  });
}

class CompiledStep<R> {
  private readonly runnable: Runnable | Segmented;
  private readonly result: Tree;
  /** Leaves whose gradient the function leaves behind, and how it comes from the outputs. */
  private readonly leaves: readonly { readonly leaf: Value; readonly gradient: FromOutputs }[];
  private readonly trace: StepTrace;
  /** Parameters that the function read, and whether they were frozen. */
  private readonly frozen: readonly (readonly [parameter: Value, stopped: boolean])[];
  private changes = settingChanges();
  private fitting = true;

  constructor(
    private readonly on: Engine,
    fn: (args: readonly unknown[]) => R,
    args: readonly unknown[],
    tensors: readonly Tensor[],
  ) {
    const block = new Block();
    this.trace = new StepTrace(block);
    const inputs = tensors.map((t, i) => new VarDesc(`input_${i}`, t.shape, t.dtype, false, true));
    let next = 0;
    const symbolic = mapTensors(args, (t) => {
      const handle = symbolHandle(inputs[next++]!);
      handle.stopGradient = t.stopGradient;
      return handle;
    }) as readonly unknown[];
    const result = withLine("jit.compile", () => capturing(this.trace, () => fn(symbolic)));
    this.frozen = [...this.trace.captures.keys()].flatMap((v) =>
      v instanceof Parameter ? [[v, v.stopGradient] as const] : [],
    );
    const left = [...this.trace.captures.keys()].filter((v) => v.gradient && isTraced(v.gradient));
    const outputs: VarDesc[] = [];
    this.result = slotted(result, "jit.compile", (t) => outputs.push(t.symbol as VarDesc) - 1);
    this.leaves = left.map((leaf) => {
      const gradient = outputOf(leaf.gradient!, outputs);
      leaf.gradient = undefined;
      return { leaf, gradient };
    });
    const captures = [...block.vars.values()].flatMap((desc) => {
      const { captured } = desc;
      return captured?.storage ? [{ desc, tensor: () => captured }] : [];
    });
    this.runnable = makeRunnable(on, { ops: block.ops, inputs, captures, outputs, api: "jit.compile" });
  }

  /** Whether parameters and layers still have the kinds of settings that the step was captured with. */
  fits(): boolean {
    for (const [p, stopped] of this.frozen) if (p.stopGradient !== stopped) return false;
    if (!this.trace.inSameModes) return false;
    if (this.changes !== settingChanges()) {
      this.changes = settingChanges();
      this.fitting = this.trace.fits;
    }
    return this.fitting;
  }

  run(tensors: readonly Tensor[]): R {
    const { trace, leaves } = this;
    for (const action of trace.beforeRun) action();
    for (const s of trace.scalars) this.on.heap.views.f32[s.holder.storage!.address / 4] = s.read();
    const handles = this.runnable.run(tensors);
    for (const { leaf, gradient } of leaves) leaf.gradient = gradient(handles);
    const { runnable } = this;
    return fillSlots(this.result, handles, runnable instanceof Segmented ? runnable.read.sizes : undefined) as R;
  }

  /** Done when no compilation is under way for this step. */
  settled(): Promise<CompileReport | undefined> {
    return this.runnable.settled();
  }

  profile() {
    return this.runnable.profile();
  }
}

/** Makes a value of the outputs of a run. */
type FromOutputs = (handles: readonly Value[]) => Value;

/** Whether a gradient was computed in the trace. */
function isTraced(gradient: Value): boolean {
  const rows = rowsOf(gradient);
  return rows ? isTraced(rows.values) || isTraced(rows.ids) : gradient.symbol !== undefined;
}

/** Adds a traced gradient, or the parts of one of rows, to the outputs. */
function outputOf(gradient: Value, outputs: VarDesc[]): FromOutputs {
  const rows = rowsOf(gradient);
  if (rows) {
    const ids = outputOf(rows.ids, outputs);
    const values = outputOf(rows.values, outputs);
    const like = new Value(gradient.shape, gradient.dtype);
    return (handles) => rowsValue(ids(handles), values(handles), like);
  }
  if (!gradient.symbol) return () => gradient;
  const at = outputs.push(gradient.symbol as VarDesc) - 1;
  return (handles) => handles[at]!;
}
