// L-BFGS: Newton's method with an inverse Hessian estimated from the last changes of parameters and gradients.

import { InvalidArgumentError, UnimplementedError } from "../core/errors.js";
import { describe, namedOptions } from "../core/options.js";
import { sizeOf } from "../core/shape.js";
import { add, multiply, subtract } from "../ops/arithmetic.js";
import { sum } from "../ops/broadcast.js";
import { concat, slice } from "../ops/concat.js";
import { fullLike } from "../ops/creation.js";
import { max } from "../ops/reduction.js";
import { abs } from "../ops/rounding.js";
import { reshape } from "../ops/views.js";
import type { Parameter } from "../param/parameter.js";
import type { Value } from "../program/value.js";
import type { Tensor } from "../tensor/tensor.js";
import { toArray } from "../trace/eager.js";
import { assignInto } from "../trace/inplace.js";
import { withGrad } from "../trace/tape.js";
import type { OptimizerState } from "./accumulators.js";
import { type LbfgsMemory, packMemory, readMemory } from "./lbfgs-state.js";
import { strongWolfe } from "./line-search.js";
import { Optimizer, type OptimizerOptions } from "./optimizer.js";

/** Arguments of {@link LBFGS}. */
export interface LBFGSOptions extends Omit<OptimizerOptions, "learningRate" | "multiPrecision"> {
  /** Length of a step without line search, first trial of one with it; 1 by default. */
  readonly learningRate?: number | undefined;
  /** Iterations a step, 20 by default. */
  readonly maxIter?: number | undefined;
  /** Evaluations of the closure a step; 1.25 times maxIter by default. */
  readonly maxEval?: number | null | undefined;
  /** The step ends when no gradient is larger; 1e-7 by default. */
  readonly toleranceGrad?: number | undefined;
  /** The step ends when loss or parameters change by less; 1e-9 by default. */
  readonly toleranceChange?: number | undefined;
  /** How many changes are remembered, 100 by default. */
  readonly historySize?: number | undefined;
  /** How the step length is found; by default it is learningRate. */
  readonly lineSearchFn?: "strong_wolfe" | null | undefined;
}

const keys = [
  "learningRate",
  "maxIter",
  "maxEval",
  "toleranceGrad",
  "toleranceChange",
  "historySize",
  "lineSearchFn",
  "parameters",
  "weightDecay",
  "gradClip",
  "name",
] as const;

/** Changes whose product is not above this tell nothing of the curvature. */
const leastCurvature = 1e-10;

/**
 * L-BFGS (Nocedal and Wright, Numerical Optimization, 2006, algorithm 7.5). A step evaluates the loss several times and reads it, so it
 * takes a closure, runs at once and cannot be compiled. As in Paddle, weight decay, clipping and the parameters' rates are not applied.
 *
 * @throws InvalidArgumentError for a lineSearchFn that is neither "strong_wolfe" nor null, and for numbers out of range.
 * @example
 * ```ts
 * import { nn, ones, optimizer } from "oarjs";
 * const fc = new nn.Linear(3, 1);
 * const opt = new optimizer.LBFGS({ learningRate: 1, lineSearchFn: "strong_wolfe", parameters: fc.parameters() });
 * const loss = opt.step(() => {
 *   opt.clearGrad();
 *   const l = nn.functional.mseLoss(fc(ones([2, 3])), ones([2, 1]));
 *   l.backward();
 *   return l;
 * });
 * console.log(loss.shape); // []
 * ```
 */
export class LBFGS extends Optimizer {
  readonly maxIter: number;
  readonly maxEval: number;
  readonly toleranceGrad: number;
  readonly toleranceChange: number;
  readonly historySize: number;
  readonly lineSearchFn: "strong_wolfe" | null;
  #memory: LbfgsMemory = { evaluations: 0, iterations: 0, changes: [], scale: 1 };

  constructor(...args: [options: LBFGSOptions] | [learningRate: number, options: LBFGSOptions]) {
    const o = namedOptions<LBFGSOptions>("LBFGS", args, keys, 0);
    super("LBFGS", { ...o, learningRate: o.learningRate ?? 1 });
    this.maxIter = count("maxIter", o.maxIter ?? 20);
    this.maxEval = count("maxEval", o.maxEval ?? Math.floor((this.maxIter * 5) / 4));
    this.toleranceGrad = o.toleranceGrad ?? 1e-7;
    this.toleranceChange = o.toleranceChange ?? 1e-9;
    this.historySize = count("historySize", o.historySize ?? 100);
    this.lineSearchFn = o.lineSearchFn ?? null;
    if (this.lineSearchFn !== null && this.lineSearchFn !== "strong_wolfe")
      throw new InvalidArgumentError(`lineSearchFn must be "strong_wolfe" or null, got ${describe(o.lineSearchFn)}.`, {
        op: "LBFGS",
      });
  }

  protected override accumulators(): [] {
    return [];
  }

  protected override update(): void {
    throw new UnimplementedError("LBFGS updates in step(closure) only.", { op: "LBFGS" });
  }

  /** Throws Unimplemented: a loss alone does not say how it is computed again. */
  override minimize(_loss?: Tensor): never {
    throw new UnimplementedError("LBFGS evaluates the loss several times.", {
      op: "LBFGS.minimize",
      hint: "call step(() => { opt.clearGrad(); const loss = …; loss.backward(); return loss; }).",
    });
  }

  /**
   * Makes up to `maxIter` iterations.
   *
   * @param closure clears the gradients, computes the loss, calls its backward and returns it
   * @returns the loss before the step
   */
  override step(closure?: () => Tensor): Tensor {
    if (typeof closure !== "function")
      throw new InvalidArgumentError("step needs the function that computes the loss.", {
        op: "LBFGS.step",
        hint: "step(() => { opt.clearGrad(); const loss = …; loss.backward(); return loss; }).",
      });
    return withGrad(false, () => {
      const loss = this.#evaluate(closure);
      const gradient = this.#gradient();
      if (largest(gradient) > this.toleranceGrad) this.#iterate(closure, numberOf(loss), gradient);
      this.stepCount++;
      return loss;
    });
  }

  #evaluate(closure: () => Tensor): Tensor {
    this.#memory.evaluations++;
    return withGrad(true, closure);
  }

  #iterate(closure: () => Tensor, firstLoss: number, firstGradient: Value): void {
    const m = this.#memory;
    const [before, rate] = [m.evaluations - 1, this.getLr()];
    let [loss, gradient] = [firstLoss, firstGradient];
    for (let i = 1; i <= this.maxIter; i++) {
      m.iterations++;
      m.direction = m.iterations === 1 ? multiply(gradient, -1) : this.#newDirection(gradient);
      m.gradient = gradient;
      m.loss = loss;
      m.step = m.iterations === 1 ? Math.min(1, 1 / numberOf(sum(abs(gradient)))) * rate : rate;
      const slope = dot(gradient, m.direction);
      if (slope > -this.toleranceChange) return;
      if (this.lineSearchFn === null) {
        this.#move(m.direction, m.step);
        if (i < this.maxIter) {
          loss = numberOf(this.#evaluate(closure));
          gradient = this.#gradient();
        }
      } else ({ loss, gradient } = this.#search(closure, loss, gradient, slope));
      if (largest(gradient) <= this.toleranceGrad) return;
      if (largest(m.direction) * m.step <= this.toleranceChange) return;
      if (Math.abs(loss - m.loss) < this.toleranceChange) return;
      if (m.evaluations - before >= this.maxEval) return;
    }
  }

  /** Moves to the point that the line search finds. */
  #search(closure: () => Tensor, loss: number, gradient: Value, slope: number): { loss: number; gradient: Value } {
    const m = this.#memory;
    const direction = m.direction!;
    const start = this.parameters.map((p) => multiply(p, 1));
    const evaluate = (step: number) => {
      this.#move(direction, step);
      const value = numberOf(this.#evaluate(closure));
      const at = this.#gradient();
      this.parameters.forEach((p, i) => assignInto(p, start[i]!));
      return { step, value, slope: dot(at, direction), at };
    };
    const narrowest = this.toleranceChange / largest(direction);
    const from = { step: 0, value: loss, slope, at: gradient };
    const { point } = strongWolfe<Value>(evaluate, from, m.step!, narrowest);
    m.step = point.step;
    this.#move(direction, point.step);
    return { loss: point.value, gradient: point.at };
  }

  /** Remembers the last change, and multiplies the gradient by the estimate of the inverse Hessian (algorithm 7.4). */
  #newDirection(gradient: Value): Value {
    const m = this.#memory;
    const y = subtract(gradient, m.gradient!);
    const s = multiply(m.direction!, m.step!);
    const ys = dot(y, s);
    if (ys > leastCurvature) {
      if (m.changes.length === this.historySize) m.changes.shift();
      m.changes.push({ y, s, ro: 1 / ys });
      m.scale = ys / dot(y, y);
    }
    let q = multiply(gradient, -1);
    const shares: number[] = [];
    for (const change of [...m.changes].reverse()) {
      const share = dot(change.s, q) * change.ro;
      shares.unshift(share);
      q = add(q, multiply(change.y, -share));
    }
    m.shares = shares;
    let r = multiply(q, m.scale);
    m.changes.forEach((change, i) => {
      r = add(r, multiply(change.s, shares[i]! - dot(change.y, r) * change.ro));
    });
    return r;
  }

  /** The gradients of all parameters in one row; 0 where there is none. */
  #gradient(): Value {
    const parts = this.parameters.map((p) => reshape<Value>(p.grad ?? fullLike(p, 0), [-1]));
    return concat(parts, 0);
  }

  /** `parameters += step * direction`. */
  #move(direction: Value, step: number): void {
    let at = 0;
    for (const p of this.parameters) {
      const size = sizeOf(p.shape);
      assignInto(p, add<Value>(p, multiply(reshape(slice(direction, [0], [at], [at + size]), p.shape), step)));
      (p as Parameter).settle();
      at += size;
    }
  }

  /** What the next step builds on, under Paddle's names in `state`. */
  override stateDict(): OptimizerState {
    const more = this.stepCount > 0 ? { "StepCount@@": this.stepCount } : {};
    return { state: packMemory(this.#memory), ...more };
  }

  /**
   * Restores what {@link LBFGS.stateDict} gave.
   *
   * @throws InvalidArgumentError for a state that is not LBFGS's.
   */
  override setStateDict(state: Readonly<Record<string, unknown>>): void {
    this.#memory = readMemory(state["state"]);
    const steps = state["StepCount@@"];
    if (typeof steps === "number") this.stepCount = steps;
  }
}

function count(name: string, x: unknown): number {
  if (typeof x === "number" && Number.isInteger(x) && x > 0) return x;
  throw new InvalidArgumentError(`${name} must be a positive integer, got ${describe(x)}.`, { op: "LBFGS", name });
}

/** A tensor's only element, read at once. */
const numberOf = (x: Value): number => Number(toArray(x).data[0]);

const dot = (x: Value, y: Value): number => numberOf(sum(multiply(x, y)));

const largest = (x: Value): number => numberOf(max(abs(x), [0], false));
