// PyLayer: functions with a gradient written by the user.

import { InvalidArgumentError, UnimplementedError } from "../core/errors.js";
import { zerosLike } from "./creation.js";
import { detachHandle } from "./autograd.js";
import { Tensor } from "./tensor.js";
import type { Value } from "../program/value.js";
import { recordCustom, withGrad } from "../trace/tape.js";

/** What `forward` and `backward` share: saved tensors, and any fields one sets. */
export class PyLayerContext {
  private saved: readonly Tensor[] = [];
  private materialize = true;
  private readonly constant = new Set<Tensor>();
  [field: string]: unknown;

  /** Keeps tensors for `backward`; the last call counts. */
  saveForBackward(...tensors: readonly Tensor[]): void {
    this.saved = tensors;
  }

  /** What {@link PyLayerContext.saveForBackward} kept. */
  savedTensor(): readonly Tensor[] {
    return this.saved;
  }

  /** Says that no gradient flows through these outputs. */
  markNonDifferentiable(...tensors: readonly Tensor[]): void {
    for (const t of tensors) this.constant.add(t);
  }

  /** False: `backward` gets undefined, not zeros, for outputs that nothing used. */
  setMaterializeGrads(materialize: boolean): void {
    this.materialize = materialize;
  }

  /** Whether no gradient flows through an output. */
  isConstant(output: Tensor): boolean {
    return this.constant.has(output);
  }

  /** Whether missing gradients become zeros. */
  get materializesGrads(): boolean {
    return this.materialize;
  }
}

/** A class with a static `forward` and `backward`. */
export interface PyLayerClass<A extends readonly unknown[], R> {
  readonly name: string;
  forward(ctx: PyLayerContext, ...args: A): R;
  backward(ctx: PyLayerContext, ...gradients: readonly never[]): unknown;
}

/**
 * Base of functions with their own gradient: extend it with a static `forward(ctx, …)` and a static `backward(ctx, …gradients)`, and
 * call `apply`. `backward` gets the gradient of each output and gives one for each tensor argument (null: none).
 *
 * @example
 * ```ts
 * import { autograd, type Tensor, toTensor } from "oarjs";
 * class Double extends autograd.PyLayer {
 *   static forward(_: autograd.PyLayerContext, x: Tensor) { return x.multiply(2); }
 *   static backward(_: autograd.PyLayerContext, dy: Tensor) { return dy.multiply(2); }
 * }
 * const x = toTensor([1, 2], { stopGradient: false });
 * Double.apply(x).backward();
 * console.log(await x.grad?.tolist()); // [2, 2]
 * ```
 */
export class PyLayer {
  /** Only its static functions are used. */
  constructor() {
    throw new UnimplementedError("a PyLayer has no instances.", {
      op: new.target.name,
      hint: `call ${new.target.name}.apply(…).`,
    });
  }

  /** Computes the outputs: a tensor or an array of them. Runs without recording. */
  static forward: (ctx: PyLayerContext, ...args: never[]) => unknown = missing("forward");

  /** Computes the gradients of the tensor arguments. */
  static backward: (ctx: PyLayerContext, ...gradients: never[]) => unknown = missing("backward");

  /**
   * Runs `forward` and records `backward` as its gradient.
   *
   * @throws InvalidArgumentError, during the backward walk, when `backward` gives another number of gradients.
   */
  static apply: <A extends readonly unknown[], R>(this: PyLayerClass<A, R>, ...args: A) => R = applyPyLayer;
}

function missing(what: string): () => never {
  return () => {
    throw new UnimplementedError(`the class has no static ${what}.`, { op: "PyLayer" });
  };
}

function applyPyLayer<A extends readonly unknown[], R>(this: PyLayerClass<A, R>, ...args: A): R {
  const ctx = new PyLayerContext();
  const result = withGrad(false, () => this.forward(ctx, ...args));
  const inputs = args.filter((a): a is Tensor => a instanceof Tensor);
  const many = Array.isArray(result);
  const given = (many ? result : [result]) as readonly unknown[];
  const outputs = given.map((o) => (o instanceof Tensor && inputs.includes(o) ? detachHandle(o) : o));
  const flowing = outputs.filter((o, i): o is Tensor => o instanceof Tensor && !ctx.isConstant(given[i] as Tensor));
  recordCustom(this.name, inputs, flowing, (gradients) => {
    const filled = gradients.map((g, i) => g ?? (ctx.materializesGrads ? zerosLike(flowing[i]!) : undefined));
    return gradientsOf(this.name, this.backward(ctx, ...(filled as never[])), inputs);
  });
  return (many ? outputs : outputs[0]) as R;
}

/** What `backward` gave as a list of the right length. */
function gradientsOf(op: string, given: unknown, inputs: readonly Tensor[]): readonly (Value | null)[] {
  const list = Array.isArray(given) ? (given as readonly unknown[]) : [given];
  if (list.length !== inputs.length) {
    throw new InvalidArgumentError(`backward gave ${list.length} gradients for ${inputs.length} tensor arguments.`, {
      op,
    });
  }
  return list.map((g, i) => {
    if (g === null || g === undefined || g instanceof Tensor) return g ?? null;
    throw new InvalidArgumentError(`gradient ${i} of backward is no tensor.`, { op });
  });
}
