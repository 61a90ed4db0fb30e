// static.nn.whileLoop: a loop of JavaScript in dynamic mode, a block of the Program in static mode.

import { isDifferentiable } from "../../core/dtype.js";
import { describe, splitOptions, type Trailing } from "../../core/options.js";
import { Tensor } from "../../tensor/tensor.js";
import { isGradEnabled, withGrad } from "../../trace/tape.js";
import { appendLoop } from "../control-flow-loop.js";
import { buildingTrace } from "../control-flow-home.js";
import {
  calledFrom,
  type Leaf,
  leavesOf,
  refused,
  sameType,
  structureOf,
  typeName,
  withLeaves,
} from "../control-flow-results.js";
import { SubTrace } from "../control-flow-trace.js";
import { isBuilding, requireFunction, requirePredicate, elementOf } from "./control-flow.js";

/** Options of {@link whileLoop}. */
export interface WhileLoopOptions {
  /** True: no gradient will be asked for. Default false. */
  readonly isTest?: boolean | undefined;
  readonly name?: string | null | undefined;
}

const op = "static.nn.whileLoop";

/** What loop variables may be: tensors, in arrays and records, and what stays as it is. */
export type LoopVariables = readonly unknown[];

/**
 * Repeats `loopVars = body(...loopVars)` while `cond(...loopVars)` is true, and gives the last loop variables.
 *
 * In dynamic mode this is a loop of JavaScript; the tensors given first are left as they are (Python Paddle overwrites them). In static
 * mode (and in `jit.compile`) the body becomes a block of the Program, each iteration is one run of it, and gradients flow through all
 * iterations: what the body's gradient needs of each is kept until the gradient has run. There a loop variable keeps its shape and dtype.
 *
 * @param cond gives a bool tensor of one element
 * @param body gives the next loop variables, as many as `loopVars`; a single one may come without an array
 * @param loopVars tensors, or arrays and records of tensors
 * @throws InvalidArgumentError, naming the line of the call, for no loop variables, another condition, or a body that returns another
 * structure, shape or dtype.
 * @example
 * ```ts
 * import { disableStatic, enableStatic, full, static as static_ } from "oarjs";
 * enableStatic();
 * const [main, startup] = [new static_.Program(), new static_.Program()];
 * const [y, dx] = static_.programGuard(main, startup, () => {
 *   const x = static_.data("x", [1]);
 *   x.stopGradient = false;
 *   const i = full([1], 0, { dtype: "int64" });
 *   const [, power] = static_.nn.whileLoop((n) => n.lessThan(3), (n, p) => [n.add(1), p.multiply(x)], [i, x]);
 *   return [power, static_.gradients(power, x)[0]!];
 * });
 * const got = await new static_.Executor().run(main, { feed: { x: [2] }, fetchList: [y, dx] });
 * console.log(got.map((a) => a.data[0])); // [ 16, 32 ]
 * disableStatic();
 * ```
 */
export function whileLoop<const V extends LoopVariables>(
  cond: (...loopVars: Loosened<V>) => Tensor,
  body: (...loopVars: Loosened<V>) => Loosened<V> | Loosened<V>[0],
  loopVars: V,
  ...rest: Trailing<boolean, WhileLoopOptions>
): Loosened<V> {
  const { isTest = false } = splitOptions<WhileLoopOptions>(op, rest, ["isTest", "name"]);
  return calledFrom(whileLoop, () => {
    requireFunction(cond, "cond", op);
    requireFunction(body, "body", op);
    if (!Array.isArray(loopVars)) throw refused(op, `loopVars must be an array, got ${describe(loopVars)}.`);
    if (loopVars.length === 0) throw refused(op, "needs at least one loop variable.");
    const call = { cond, body, isTest } as LoopCall;
    const going = predicate(call.cond(...loopVars));
    const tensors = leavesOf(loopVars, op).map((l) => l.leaf);
    const building = isBuilding(going) || tensors.some((t) => t instanceof Tensor && t.symbol);
    return (building ? built(call, going, loopVars) : looped(call, going, loopVars)) as Loosened<V>;
  });
}

/** Loop variables as the functions get them: their types without their values. */
export type Loosened<V extends LoopVariables> = { -readonly [I in keyof V]: V[I] extends Tensor ? Tensor : V[I] };

interface LoopCall {
  readonly cond: (...vars: LoopVariables) => Tensor;
  readonly body: (...vars: LoopVariables) => unknown;
  readonly isTest: boolean;
}

/** Throws InvalidArgument unless it is a bool of one element. */
const predicate = (going: unknown): Tensor => requirePredicate(going, "what cond returns", op, ["bool"]);

/** What the body returned, as a list like the loop variables. */
function nextOf(returned: unknown, vars: LoopVariables): LoopVariables {
  const list = Array.isArray(returned) ? (returned as LoopVariables) : [returned];
  if (list.length === vars.length && structureOf(list) === structureOf(vars)) return list;
  throw refused(
    op,
    `the body returns ${structureOf(list)} for loop variables ${structureOf(vars)}.`,
    "return as many values as there are loop variables, in the same structure.",
  );
}

function looped(call: LoopCall, first: Tensor, loopVars: LoopVariables): LoopVariables {
  let vars = loopVars;
  for (let going = first; elementOf(going) !== 0; going = predicate(call.cond(...vars))) {
    vars = nextOf(call.body(...vars), vars);
  }
  return [...vars];
}

function built(call: LoopCall, going: Tensor, loopVars: LoopVariables): LoopVariables {
  const parent = buildingTrace(going.symbol ? going : (firstVariable(loopVars) ?? going), op);
  const leaves = leavesOf(loopVars, op);
  const first = leaves.flatMap(({ leaf }) => (leaf instanceof Tensor ? [leaf] : []));
  if (first.length === 0) throw refused(op, "needs a loop variable that is a tensor.");
  const trace = new SubTrace(parent);
  const recording = isGradEnabled() && !call.isTest;
  const args = first.map((v, i) => {
    const arg = trace.argument(`loop_var${i}`, v) as Tensor;
    arg.stopGradient = !recording || !isDifferentiable(v.dtype);
    return arg;
  });
  return withGrad(recording, () => {
    const written = trace.write(() => {
      const vars = filled(
        loopVars,
        leaves.map((l) => l.leaf),
        args,
      );
      const next = nextOf(call.body(...vars), vars);
      const after = leavesOf(next, op).map((l) => l.leaf);
      return {
        next: checked(
          leaves.map((l) => l.leaf),
          after,
        ),
        going: predicate(call.cond(...next)),
      };
    });
    const body = { trace, args, ...written };
    const outs = appendLoop(parent, "while", going, first, body) as Tensor[];
    return filled(
      loopVars,
      leaves.map((l) => l.leaf),
      outs,
    );
  });
}

/** The first loop variable of a Program. */
const firstVariable = (loopVars: LoopVariables): Tensor | undefined =>
  leavesOf(loopVars, op)
    .map((l) => l.leaf)
    .find((leaf): leaf is Tensor => leaf instanceof Tensor && leaf.symbol !== undefined);

/** The loop variables with other tensors in the places of theirs. */
function filled(loopVars: LoopVariables, leaves: readonly Leaf[], tensors: readonly Tensor[]): LoopVariables {
  let next = 0;
  return withLeaves(
    loopVars,
    leaves.map((leaf) => (leaf instanceof Tensor ? tensors[next++] : leaf)),
  ) as LoopVariables;
}

/** The tensors among the next loop variables. Throws InvalidArgument when one changed its type, or what is no tensor its value. */
function checked(before: readonly Leaf[], after: readonly Leaf[]): Tensor[] {
  return before.flatMap((was, i) => {
    const now = after[i]!;
    if (was instanceof Tensor && now instanceof Tensor && sameType(was, now)) return [now];
    if (!(was instanceof Tensor) && was === now) return [];
    const hint =
      was instanceof Tensor
        ? "a loop variable keeps its shape and dtype: start with the size it reaches, or cast."
        : "make it a tensor: what is none cannot change from one iteration to the next.";
    throw refused(op, `loop variable ${i} is ${typeName(was)}, and the body makes ${typeName(now)} of it.`, hint);
  });
}
