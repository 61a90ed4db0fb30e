// Assert: stops a run of a Program when a condition does not hold.

import { InvalidArgumentError } from "../core/errors.js";
import type { NdArray } from "../core/nd-array.js";
import { toNested } from "../core/nested.js";
import { splitOptions, type Trailing } from "../core/options.js";
import { formatShape } from "../core/shape.js";
import { defineOp } from "../program/define-op.js";
import type { Tensor } from "../tensor/tensor.js";
import { bind } from "../trace/bind.js";
import { withGrad } from "../trace/tape.js";
import { calledFrom, callSite, leavesOf } from "./control-flow-results.js";
import { requirePredicate } from "./nn/control-flow.js";

/** Options of {@link Assert}. */
export interface AssertOptions {
  /** Tensors that the error shows. */
  readonly data?: readonly Tensor[] | null | undefined;
  /** How many elements of each; -1: all. Default 20. */
  readonly summarize?: number | undefined;
  readonly name?: string | null | undefined;
}

const op = "static.Assert";

/**
 * Stops with an error unless `cond` is true: at once in dynamic mode, at each run of the Program in static mode (inside a branch or a loop:
 * whenever that runs). It cuts the Program in two engine calls.
 *
 * @param cond bool, one element
 * @throws InvalidArgumentError when it does not hold, with the line of the call and the values of `data`; for another condition.
 * @example
 * ```ts
 * import { disableStatic, enableStatic, max, static as static_ } from "oarjs";
 * enableStatic();
 * const main = new static_.Program();
 * static_.programGuard(main, new static_.Program(), () => {
 *   const x = static_.data("x", [2]);
 *   static_.Assert(max(x).lessThan(1), [x]);
 * });
 * const failed = await new static_.Executor().run(main, { feed: { x: [0.1, 2] } }).catch((e: Error) => e.name);
 * console.log(failed); // InvalidArgumentError
 * disableStatic();
 * ```
 */
export function Assert(cond: Tensor, ...rest: Trailing<readonly Tensor[] | null, AssertOptions>): void {
  const o = splitOptions<AssertOptions>(op, rest, ["data", "summarize", "name"]);
  calledFrom(Assert, () => {
    requirePredicate(cond, "the condition", op, ["bool"]);
    const data = leavesOf(o.data ?? [], op).map((l) => l.leaf as Tensor);
    const site = callSite();
    const names = data.map((x, i) => x.name ?? `data[${i}]`);
    const check = (holds: NdArray, arrays: readonly NdArray[]): void => {
      if (Number(holds.data[0]) !== 0) return;
      const shown = arrays.map((a, i) => `\n  ${names[i]}: ${textOf(a, o.summarize ?? 20)}`).join("");
      throw new InvalidArgumentError(`the condition does not hold${site ? `, asserted at ${site}` : ""}.${shown}`, {
        ...{ op, site },
      });
    };
    withGrad(false, () => bind(assertion(check), [cond, data]));
  });
}

/** `float32[2] 0.1 2`, cut after some elements. */
function textOf(array: NdArray, limit: number): string {
  const flat = toNested({ ...array, shape: [array.data.length] } as NdArray) as unknown[];
  const shown = limit < 0 ? flat : flat.slice(0, limit);
  return `${array.dtype}${formatShape(array.shape)} ${shown.join(" ")}${shown.length < flat.length ? " …" : ""}`;
}

/** A record for one call: each has its own line and names. */
const assertion = (check: (holds: NdArray, arrays: readonly NdArray[]) => void) =>
  defineOp({
    name: "assert",
    inputs: ["cond", "data*"],
    outputs: ["out"],
    attrs: {},
    infer: ({ cond }) => ({ outs: { out: { shape: cond.shape, dtype: cond.dtype } } }),
    host: ({ cond, data }) => {
      check(cond as NdArray, data as readonly NdArray[]);
      return { out: cond as NdArray };
    },
    random: true,
    grad: null,
    check: { samples: [], noGradCheck: "stops or does nothing" },
  });
