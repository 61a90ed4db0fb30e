// ExponentialMovingAverage: shadows of parameters, kept by the Program and put in place for evaluation.

import { checkOptions, splitOptions, type Trailing } from "../core/options.js";
import { PreconditionNotMetError } from "../core/errors.js";
import { overwrite } from "../param/set-value.js";
import type { Parameter } from "../param/parameter.js";
import { uniqueName } from "../param/unique-name.js";
import type { Tensor } from "../tensor/tensor.js";
import { fromArray, toArray } from "../trace/eager.js";
import { capturing } from "../trace/bind.js";
import { runtimeScalar } from "../trace/step-trace.js";
import { withGrad } from "../trace/tape.js";
import type { Executor } from "./executor.js";
import { defaultMainProgram, makePersistable } from "./mode.js";
import type { Program } from "./program.js";
import { globalScope, type Scope } from "./scope.js";

/** Options of {@link ExponentialMovingAverage}. */
export interface EmaOptions {
  /** Share of the former average that stays. Default 0.999. */
  readonly decay?: number | undefined;
  /** A step counter: the decay in force is min(decay, (steps + 1) / (steps + 10)). */
  readonly thresSteps?: (() => number) | null | undefined;
  readonly name?: string | null | undefined;
}

/** Options of {@link ExponentialMovingAverage.apply}. */
export interface EmaApplyOptions {
  /** Whether the parameters come back afterwards. Default true. */
  readonly needRestore?: boolean | undefined;
  /** Whose parameters; the current scope unless given. */
  readonly scope?: Scope | null | undefined;
}

/**
 * Keeps `average = decay · average + (1 - decay) · parameter` of every trainable parameter, from 0; what is applied is corrected by
 * `1 / (1 - decay^updates)`, as in Paddle. Make it after `minimize`, call `update()` once while building.
 */
export class ExponentialMovingAverage {
  readonly decay: number;
  private readonly shadows = new Map<Parameter, Tensor>();
  /** What `apply` put averages into, with the values that were there. */
  private readonly kept = new Map<Tensor, Tensor>();
  private readonly program: Program;
  /** The product of all decays so far. */
  private power: Tensor;

  constructor(...rest: Trailing<number, EmaOptions>) {
    const o = splitOptions<EmaOptions>("ExponentialMovingAverage", rest, ["decay", "thresSteps", "name"]);
    this.decay = o.decay ?? 0.999;
    this.steps = o.thresSteps ?? null;
    this.program = defaultMainProgram();
    const prefix = o.name ? `${o.name}_` : "";
    for (const p of this.program.allParameters())
      if (p.trainable && p.doModelAverage)
        this.shadows.set(p, makePersistable(uniqueName.generate(`${prefix}${p.name}_ema`), p.shape, p.dtype, 0));
    this.power = makePersistable(uniqueName.generate(`${prefix}ema_decay_pow`), [], "float32", 1);
  }

  private readonly steps: (() => number) | null;

  private now(): number {
    if (!this.steps) return this.decay;
    const t = this.steps();
    return Math.min(this.decay, (t + 1) / (t + 10));
  }

  /** Appends the update of the averages to the Program: each run makes one. */
  update(): void {
    const { trace } = this.program;
    trace.as("optimize", () =>
      capturing(trace, () =>
        withGrad(false, () => {
          const decay = runtimeScalar(() => this.now()) as Tensor | number;
          const rest = runtimeScalar(() => 1 - this.now()) as Tensor | number;
          this.power.multiply_(decay);
          for (const [p, shadow] of this.shadows) shadow.multiply_(decay).add_(p.multiply(rest));
        }),
      ),
    );
  }

  /**
   * Puts the averages in the parameters' place while `fn` runs, then the parameters back.
   *
   * @param options `needRestore: false` leaves the averages there until {@link ExponentialMovingAverage.restore}; `scope`: the current
   * one unless given
   * @throws PreconditionNotMetError before the startup Program ran, and where averages are in place already.
   */
  async apply<R>(_executor: Executor, fn: () => R | Promise<R>, options?: EmaApplyOptions): Promise<R> {
    const { needRestore = true, scope } = checkOptions<EmaApplyOptions>("ExponentialMovingAverage.apply", options, [
      "needRestore",
      "scope",
    ]);
    this.put(scope ?? globalScope());
    try {
      return await fn();
    } finally {
      if (needRestore) this.restore();
    }
  }

  private put(scope: Scope): void {
    if (this.kept.size > 0)
      throw new PreconditionNotMetError("the averages are in the parameters' place already.", {
        op: "ExponentialMovingAverage",
        hint: "call restore() first.",
      });
    const held = (name: string): Tensor => valueOrThrow(scope, name);
    const power = Number(toArray(held(this.power.name!)).data[0]);
    // Before the first update the averages are 0, as in Paddle, and there is nothing to correct.
    const correction = power === 1 ? 1 : 1 / (1 - power);
    for (const [p, shadow] of this.shadows) {
      const value = held(p.name);
      this.kept.set(value, fromArray(toArray(value)) as Tensor);
      overwrite(
        value,
        withGrad(false, () => held(shadow.name!).multiply(correction)),
      );
    }
  }

  /** Puts the parameters back; `apply` does it by itself. An executor is accepted for Paddle's sake. */
  restore(_executor?: Executor): void {
    for (const [value, own] of this.kept) overwrite(value, own);
    this.kept.clear();
  }
}

function valueOrThrow(scope: Scope, name: string): Tensor {
  const value = scope.findVar(name)?.tensor;
  if (value) return value;
  throw new PreconditionNotMetError(`the scope has no value for "${name}".`, {
    op: "ExponentialMovingAverage",
    name,
    hint: "run the startup program first: await exe.run(startup).",
  });
}
