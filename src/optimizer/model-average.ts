// ModelAverage: keeps the mean of parameters over a window of their last updates, and puts it in their place for evaluation.

import type { DType } from "../core/dtype.js";
import { InvalidArgumentError, PreconditionNotMetError } from "../core/errors.js";
import { describe, isOptions, splitOptions, type Trailing } from "../core/options.js";
import { add, divide } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { averageAccumulatesOp } from "../ops/model-average.js";
import type { Parameter } from "../param/parameter.js";
import type { Value } from "../program/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { bind, eagerly, isStaticMode } from "../trace/bind.js";
import { scoped } from "../trace/handles.js";
import { assignInto } from "../trace/inplace.js";
import { withGrad } from "../trace/tape.js";
import { toArray } from "../trace/eager.js";
import { type AccumulatorSpec, heldValue } from "./accumulators.js";
import { Optimizer } from "./optimizer.js";
import { staticUpdates } from "./static-updates.js";
import type { OptimizerOptions } from "./types.js";

/** Options of {@link ModelAverage}. */
export interface ModelAverageOptions {
  /** Required in dynamic mode; in static mode all parameters of the Program by default. */
  readonly parameters?: OptimizerOptions["parameters"];
  /** The least updates in the mean, 10000 by default. */
  readonly minAverageWindow?: number | undefined;
  /** The most, 10000 by default. */
  readonly maxAverageWindow?: number | undefined;
  readonly name?: string | null | undefined;
}

/** Options of {@link ModelAverage.apply}. */
export interface ApplyOptions {
  /** Accepted for Paddle's sake. */
  readonly executor?: object | null | undefined;
  /** Whether the parameters come back afterwards. Default true. */
  readonly needRestore?: boolean | undefined;
}

const keys = ["parameters", "minAverageWindow", "maxAverageWindow", "name"] as const;
const counters = ["num_accumulates", "old_num_accumulates", "num_updates"] as const;
const sums = ["sum_1", "sum_2", "sum_3"] as const;

/**
 * Sums parameters up as they are trained; `apply` puts `sum / count` in their place. When the sum holds at least `minAverageWindow`
 * updates, and `min(maxAverageWindow, updates · averageWindowRate)`, a new one is begun beside it, which takes its place when it is as
 * long. In dynamic mode call `step()` after the optimizer's; in static mode make it after `minimize`, and each run adds the parameters.
 * A parameter with `doModelAverage: false` is left out.
 *
 * @param averageWindowRate length of the window as a share of the updates so far
 * @throws InvalidArgumentError for arguments that are no numbers, or no parameters.
 * @example
 * ```ts
 * import { incubate, nn, ones, optimizer } from "oarjs";
 * const fc = new nn.Linear(2, 1);
 * const opt = new optimizer.SGD({ learningRate: 0.1, parameters: fc.parameters() });
 * const average = new incubate.ModelAverage(0.15, { parameters: fc.parameters(), minAverageWindow: 2, maxAverageWindow: 10 });
 * for (let i = 0; i < 4; i++) {
 *   fc(ones([3, 2])).sum().backward();
 *   opt.step();
 *   average.step();
 *   opt.clearGrad();
 * }
 * console.log(average.apply(() => fc(ones([1, 2])).shape)); // [ 1, 1 ]
 * ```
 */
export class ModelAverage extends Optimizer {
  readonly averageWindow: number;
  readonly minAverageWindow: number;
  readonly maxAverageWindow: number;
  private readonly averaged: readonly Parameter[];
  /** What `apply` put averages into: the memory of parameters, and where their own values are kept. */
  private applied: readonly (readonly [value: Tensor, kept: Tensor])[] = [];

  constructor(averageWindowRate: number, ...rest: Trailing<OptimizerOptions["parameters"], ModelAverageOptions>) {
    const o = splitOptions<ModelAverageOptions>("ModelAverage", rest, keys);
    const { minAverageWindow = 10000, maxAverageWindow = 10000 } = o;
    for (const [name, x] of Object.entries({ averageWindowRate, minAverageWindow, maxAverageWindow }))
      if (typeof x !== "number" || !(x >= 0))
        throw new InvalidArgumentError(`${name} must be a number that is not negative, got ${describe(x)}.`, {
          op: "ModelAverage",
        });
    const parameters = o.parameters ?? (isStaticMode() ? staticUpdates()?.parameters() : undefined);
    // The optimizer that trains the parameters goes on deciding whose gradients are of no use.
    const unused = new Map([...(parameters ?? [])].map((p) => [p, (p as Parameter).gradientUnused]));
    super("ModelAverage", { learningRate: 0, parameters, name: o.name });
    for (const p of this.parameters) p.gradientUnused = unused.get(p);
    this.averageWindow = averageWindowRate;
    this.minAverageWindow = minAverageWindow;
    this.maxAverageWindow = maxAverageWindow;
    this.averaged = this.parameters.filter((p) => p.doModelAverage);
    if (isStaticMode()) staticUpdates()?.append(() => this.accumulate(this.averaged));
  }

  protected override accumulators(p: Parameter): readonly AccumulatorSpec[] {
    const dtype: DType = p.dtype === "float64" ? p.dtype : "float32";
    return [
      ...sums.map((name) => ({ name, fill: 0, dtype })),
      { name: "restore", fill: 0, dtype: p.dtype },
      ...counters.map((name) => ({ name, fill: 0, shape: [1], dtype: "int64" as const })),
    ];
  }

  /** Adds the trainable parameters that have a gradient to their sums. */
  override step(): void {
    for (const p of this.averaged) this.stateOf(p);
    this.accumulate(this.averaged.filter((p) => !p.stopGradient && p.gradient));
  }

  /** In dynamic mode as {@link ModelAverage.step}; in static mode the Program has it already. */
  override minimize(loss: Tensor): [[], []] {
    if (!loss.symbol) this.step();
    return [[], []];
  }

  /** Nothing is updated by it: averages need no gradients. */
  protected override update(): void {
    throw new PreconditionNotMetError("averages are made by step().", { op: "ModelAverage" });
  }

  private accumulate(parameters: readonly Parameter[]): void {
    const attrs = {
      average_window: this.averageWindow,
      max_average_window: this.maxAverageWindow,
      min_average_window: this.minAverageWindow,
    };
    withGrad(false, () =>
      scoped(() => {
        for (const p of parameters) {
          const state = this.stateOf(p);
          bind(averageAccumulatesOp, [p, ...[...sums, ...counters].map((name) => state.get(name)!)], attrs);
        }
      }),
    );
  }

  /**
   * Runs `fn` with the averages in the parameters' place; in static mode those of the current scope. Parameters without an average yet
   * stay. They come back when `fn` is done (when its promise is, if it gives one), unless `needRestore` is false.
   *
   * @returns what `fn` gives
   * @throws PreconditionNotMetError in static mode before the startup Program ran.
   */
  apply<R>(...args: [fn: () => R] | [options: ApplyOptions | object | null, fn: () => R]): R {
    const fn = args[args.length - 1] as () => R;
    const given = args.length === 2 && isOptions(args[0]) ? (args[0] as ApplyOptions) : {};
    const needRestore = given.needRestore ?? true;
    this.put();
    const back = (): void => {
      if (needRestore) this.restore();
    };
    let result: R;
    try {
      result = fn();
    } catch (error) {
      back();
      throw error;
    }
    if (result instanceof Promise) return result.finally(back) as R;
    back();
    return result;
  }

  /** Puts the parameters' own values back; `apply` does it by itself. An executor is accepted for Paddle's sake. */
  restore(_executor?: object | null): void {
    eagerly(() => {
      for (const [value, kept] of this.applied) assignInto(value, kept);
    });
    this.applied = [];
  }

  private put(): void {
    this.applied = this.averaged.flatMap((p) => {
      const state = this.stateOf(p);
      const held = (t: Tensor): Tensor => heldValue(t) ?? notStarted(t);
      const [counted, before] = ["num_accumulates", "old_num_accumulates"].map((n) => held(state.get(n)!));
      if (Number(toArray(counted!).data[0]) + Number(toArray(before!).data[0]) === 0) return [];
      const [value, kept] = [held(p), held(state.get("restore")!)];
      eagerly(() =>
        withGrad(false, () =>
          scoped(() => {
            assignInto(kept, value);
            const sum = (n: (typeof sums)[number]): Value => held(state.get(n)!);
            const total = add(add(sum("sum_1"), sum("sum_2")), sum("sum_3"));
            assignInto(value, divide(total, cast<Value>(add<Value>(counted!, before!), total.dtype)));
          }),
        ),
      );
      return [[value, kept] as const];
    });
  }
}

function notStarted(t: Tensor): never {
  throw new PreconditionNotMetError(`the scope has no value for "${t.name}" yet.`, {
    op: "ModelAverage.apply",
    hint: "run the startup program first: await exe.run(startup).",
  });
}
