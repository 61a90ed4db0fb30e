// oar.jit.toStatic: a function or layer captured once per input signature; forward and backward each run as one engine call.

import { InvalidArgumentError, UnimplementedError } from "../core/errors.js";
import { isDifferentiable } from "../core/dtype.js";
import { checkOptions, describe } from "../core/options.js";
import { type Engine, engine } from "../device/engine.js";
import { Layer } from "../nn/layer.js";
import { fullLike } from "../ops/creation.js";
import { Block, type Operator, VarDesc } from "../program/program.js";
import type { Value } from "../program/value.js";
import type { InputSpec } from "../static/input-spec.js";
import type { Tensor } from "../tensor/tensor.js";
import { capturing, eagerly } from "../trace/bind.js";
import { symbolHandle } from "../trace/handles.js";
import { loopTokens } from "../trace/region.js";
import { Runnable, type RunnableSource } from "../trace/runnable.js";
import { makeRunnable, readsSizes, Segmented } from "../trace/segments.js";
import { StepTrace } from "../trace/step-trace.js";
import { isGradEnabled, recordCustom, walk } from "../trace/tape.js";
import { fillSlots, mapTensors, signature, slotted } from "./tree.js";
import { withLine } from "./with-line.js";

/** Options of {@link toStatic}. */
export interface ToStaticOptions {
  /** What each tensor argument must be; -1 stands for any extent. */
  readonly inputSpec?: readonly InputSpec[] | null | undefined;
}

/** A captured function, with a look inside. */
export type StaticFunction<A extends readonly unknown[], R> = ((...args: A) => R) & {
  /** Number of signatures captured so far. */
  readonly variants: () => number;
};

/**
 * Captures a function of tensors, or a layer's forward, once for each signature of its arguments; later calls run the captured Program.
 * Gradients flow through the result as through any op: the backward part is captured too. A layer is changed in place and returned.
 *
 * What the function does beside tensor operations (printing, branches on values of other arguments) happens when it is captured only.
 *
 * @throws PreconditionNotMetError when a tensor's value is read in the middle, naming the line; InvalidArgumentError when an argument
 * does not fit its InputSpec.
 * @example
 * ```ts
 * import { jit, nn, ones, static as static_ } from "oarjs";
 * const net = jit.toStatic(new nn.Linear(4, 2), { inputSpec: [new static_.InputSpec([-1, 4])] });
 * net(ones([3, 4])).sum().backward();
 * console.log(net.weight.grad?.shape); // [ 4, 2 ]
 * ```
 */
export function toStatic<L extends Layer>(layer: L, options?: ToStaticOptions): L;
export function toStatic<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  options?: ToStaticOptions,
): StaticFunction<A, R>;
export function toStatic(
  given: Layer | ((...args: readonly unknown[]) => unknown),
  options?: ToStaticOptions,
): unknown {
  const { inputSpec = null } = checkOptions<ToStaticOptions>("jit.toStatic", options, ["inputSpec"]);
  if (given instanceof Layer) {
    const forward = given.forward.bind(given);
    given.forward = captured(forward, inputSpec, () => settingsOf(given));
    return given;
  }
  if (typeof given === "function") return captured(given, inputSpec, () => "");
  throw new InvalidArgumentError(`takes a layer or a function, got ${describe(given)}.`, { op: "jit.toStatic" });
}

/** What a layer's forward depends on beside its arguments. */
function settingsOf(layer: Layer): string {
  const modes = [layer, ...layer.sublayers()].map((l) => (l.isFrozen ? "f" : l.training ? "t" : "e")).join("");
  return `${modes}${layer
    .parameters()
    .map((p) => (p.stopGradient ? "0" : "1"))
    .join("")}`;
}

function captured(
  fn: (...args: readonly unknown[]) => unknown,
  specs: readonly InputSpec[] | null,
  settings: () => string,
): StaticFunction<readonly unknown[], unknown> {
  const variants = new Map<string, CapturedCall>();
  const call = (...args: readonly unknown[]): unknown => {
    const tensors: Tensor[] = [];
    const key = `${signature(args, tensors)}${isGradEnabled() ? "g" : ""}${settings()}`;
    specs?.forEach((spec, i) => {
      if (tensors[i]) spec.check(tensors[i], i);
    });
    // Inside another capture, or on a Program's variables, its ops go there.
    if (tensors.some((t) => t.symbol)) return fn(...args);
    let variant = variants.get(key);
    if (!variant) {
      variant = new CapturedCall(engine(), fn, args, tensors);
      variants.set(key, variant);
    }
    return variant.run(tensors);
  };
  return Object.assign(call, { variants: () => variants.size });
}

/** A captured forward and backward. */
class CapturedCall {
  private readonly forward: Runnable | Segmented;
  private readonly backward: Runnable | Segmented | undefined;
  /** Why there is no backward part although gradients could flow. */
  private readonly refusal: UnimplementedError | undefined;
  private readonly trace: StepTrace;
  private readonly results: number;
  private readonly tree: unknown;
  /** Captured tensors that get gradients, arguments that do, and which gradient (-1: none) each gets. */
  private readonly leaves: readonly Value[] = [];
  private readonly sources: readonly number[] = [];
  private readonly gradients: readonly number[] = [];
  /** Results that a gradient can flow into. */
  private readonly flowing: readonly number[] = [];

  constructor(
    private readonly on: Engine,
    fn: (...args: readonly unknown[]) => unknown,
    args: readonly unknown[],
    tensors: readonly Tensor[],
  ) {
    const block = new Block();
    this.trace = new StepTrace(block);
    const inputs = tensors.map((t, i) => new VarDesc(`input_${i}`, t.shape, t.dtype, false, true));
    const handles = inputs.map((desc, i) => {
      const handle = symbolHandle(desc);
      handle.stopGradient = tensors[i]!.stopGradient;
      return handle;
    });
    let next = 0;
    const symbolic = mapTensors(args, () => handles[next++]!) as readonly unknown[];
    const outs: Value[] = [];
    const result = withLine("jit.toStatic", () => capturing(this.trace, () => fn(...symbolic)));
    this.tree = slotted(result, "jit.toStatic", (t) => outs.push(t) - 1);
    this.results = outs.length;
    const forwardOps = block.ops.length;
    const cut = readsSizes(block.ops);
    const flowing = outs.flatMap((o, i) =>
      !o.stopGradient && isDifferentiable(o.dtype) && isGradEnabled() ? [i] : [],
    );
    const residuals: VarDesc[] = [];
    if (flowing.length > 0) {
      const seeds = flowing.map((i) => new VarDesc(`seed_${i}`, outs[i]!.shape, outs[i]!.dtype, false, true));
      this.flowing = flowing;
      this.leaves = [...this.trace.captures.keys()].filter((v) => !v.stopGradient && isDifferentiable(v.dtype));
      this.sources = handles.flatMap((h, i) => (!h.stopGradient ? [i] : []));
      const wanted = [...this.leaves, ...this.sources.map((i) => handles[i]!)];
      const found = capturing(this.trace, () =>
        walk(
          flowing.map((i) => outs[i]!),
          seeds.map(symbolHandle),
          { retainGraph: true, createGraph: false, inputs: wanted },
        ),
      );
      const backOps = block.ops.slice(forwardOps);
      // Branches have more outputs now: what their gradients read.
      const made = new Set(block.ops.slice(0, forwardOps).flatMap((op) => op.outputs));
      const gradients: VarDesc[] = [];
      this.gradients = wanted.map((v) => {
        const g = found.get(v)?.symbol as VarDesc | undefined;
        return g ? gradients.push(g) - 1 : -1;
      });
      residuals.push(
        ...readBy(backOps, gradients)
          .filter((d) => made.has(d) || d.isInput)
          .filter((d) => !seeds.includes(d)),
      );
      const loop = residuals.find((d) => loopTokens.has(d));
      if (loop) {
        this.refusal = loopRefusal(loopTokens.get(loop));
        residuals.length = 0;
      } else {
        const source: RunnableSource = {
          ops: backOps,
          inputs: [...residuals, ...seeds],
          captures: capturesOf(block),
          outputs: gradients,
          api: "jit.toStatic",
        };
        this.backward = cut ? new Segmented(on, source) : new Runnable(on, source);
      }
    }
    this.forward = makeRunnable(on, {
      ops: block.ops.slice(0, forwardOps),
      inputs,
      captures: capturesOf(block),
      outputs: [...outs.map((o) => o.symbol as VarDesc), ...residuals],
      api: "jit.toStatic",
    });
  }

  run(tensors: readonly Tensor[]): unknown {
    for (const action of this.trace.beforeRun) action();
    for (const s of this.trace.scalars) this.on.heap.views.f32[s.holder.storage!.address / 4] = s.read();
    const all = this.forward.run(tensors);
    const results = all.slice(0, this.results);
    const residuals = all.slice(this.results);
    const { forward, backward, refusal } = this;
    const read = forward instanceof Segmented ? forward.read : undefined;
    if (backward || refusal) {
      const inputs = [...this.leaves, ...this.sources.map((i) => tensors[i]!)];
      const outputs = this.flowing.map((i) => results[i]!);
      recordCustom("toStatic", inputs, outputs, (given) => {
        if (!backward) throw refusal;
        const seeds = given.map((g, i) => g ?? eagerly(() => fullLike(outputs[i]!, 0)));
        const found = backward.run([...residuals, ...seeds], read);
        return this.gradients.map((at) => (at < 0 ? null : found[at]!));
      });
    }
    return fillSlots(this.tree, results, read?.sizes);
  }
}

/** What a loop records of its iterations does not outlive a step, and here forward and backward are steps of their own. */
const loopRefusal = (site: string | undefined): UnimplementedError =>
  new UnimplementedError(
    `gradients do not flow through a whileLoop${site ? ` (${site})` : ""} of a captured function.`,
    {
      ...{ op: "jit.toStatic", site },
      hint: "capture the whole training step with jit.compile, or build a static Program.",
    },
  );

const capturesOf = (block: Block) =>
  [...block.vars.values()].flatMap((desc) => (desc.captured?.storage ? [{ desc, tensor: () => desc.captured! }] : []));

/** Variables that operators read, or that are results themselves. */
function readBy(ops: readonly Operator[], results: readonly VarDesc[]): VarDesc[] {
  const made = new Set(ops.flatMap((op) => op.outputs));
  const read = new Set<VarDesc>(results.filter((d) => !made.has(d)));
  for (const op of ops) for (const o of op.operands) if (typeof o === "object" && !made.has(o)) read.add(o);
  return [...read];
}
