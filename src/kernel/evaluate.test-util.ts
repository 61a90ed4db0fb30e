// Applies a function of expressions to typed arrays on a target, element by element: for measuring and testing such functions.

import { BugError } from "../core/errors.js";
import { Arg, argument, Buf, constant, type Expr, load, memBytes, read, Var } from "./expr.js";
import { schedule } from "./builder.js";
import { verifyKernel } from "./spec.js";
import type { Kernel, Stmt } from "./stmt.js";
import type { Heap } from "../device/heap.js";
import type { CompiledKernel, Target } from "../device/target.js";

/** Types that both memory and expressions have. */
export type NumberType = "f32" | "f64" | "i32" | "i64";

/** The typed array of each type. */
export interface ArrayOf {
  readonly f32: Float32Array<ArrayBuffer>;
  readonly f64: Float64Array<ArrayBuffer>;
  readonly i32: Int32Array<ArrayBuffer>;
  readonly i64: BigInt64Array<ArrayBuffer>;
}

/** How an evaluator runs: on which target and heap, and in loops of which kind. */
export interface EvaluateOptions {
  readonly target: Target;
  readonly heap: Heap;
  /** Vectorised where true; the interpreter runs scalars faster. */
  readonly vectors?: boolean;
}

/**
 * Compiles `fn` once and returns a function that applies it to arrays of equal length, one for each of `types`.
 * Throws BugError when `fn` breaks the language's rules or the arrays' lengths differ.
 *
 * @example
 * ```ts
 * const heap = new Heap();
 * const exps = evaluator(exp, ["f32"], "f32", { heap, target: interpTarget(heap) });
 * exps(Float32Array.of(0, 1)); // [1, 2.7182817]
 * ```
 */
export function evaluator<const T extends readonly NumberType[], R extends NumberType>(
  fn: (...x: { [i in keyof T]: Expr }) => Expr,
  types: T,
  result: R,
  { heap, target, vectors }: EvaluateOptions,
): (...x: { [i in keyof T]: ArrayOf[T[i]] }) => ArrayOf[R] {
  const kernel = evaluationKernel(fn as (...x: Expr[]) => Expr, types, result, vectors ?? false);
  const compiled = target.compile([kernel])[0]!;
  return (...arrays) => evaluate(compiled, heap, types, result, arrays);
}

/** Runs a compiled {@link evaluationKernel} on arrays of equal length. */
export function evaluate<R extends NumberType>(
  compiled: CompiledKernel,
  heap: Heap,
  types: readonly NumberType[],
  result: R,
  arrays: readonly ArrayOf[NumberType][],
): ArrayOf[R] {
  const n = arrays[0]?.length ?? 0;
  if (arrays.some((a) => a.length !== n)) throw new BugError("evaluate: arrays of different lengths");
  const addresses = [...types, result].map((t) => heap.alloc(n * memBytes[t]));
  const args = heap.alloc(addresses.length * 8 + 8);
  addresses.forEach((a, slot) => {
    heap.views.u32[args / 4 + slot * 2] = a;
  });
  heap.views.i32[args / 4 + addresses.length * 2] = n;
  const view = (slot: number, t: NumberType): ArrayOf[NumberType] =>
    heap.views[t].subarray(addresses[slot]! / memBytes[t], addresses[slot]! / memBytes[t] + n) as ArrayOf[NumberType];
  types.forEach((t, slot) => {
    view(slot, t).set(arrays[slot] as never);
  });
  compiled.run(args, 0, 1, 0);
  const out = view(types.length, result).slice() as ArrayOf[R];
  for (const a of [...addresses, args]) heap.free(a);
  return out;
}

/** The scheduled kernel that applies `fn` to arrays: buffers in slots 0 …, then the result's, then the length. */
export function evaluationKernel(
  fn: (...x: Expr[]) => Expr,
  types: readonly NumberType[],
  result: NumberType,
  vectors: boolean,
): Kernel {
  const inputs = types.map((t, slot) => new Buf(`x${slot}`, t, slot));
  const out = new Buf("out", result, types.length);
  const n = new Arg("n", "i32", types.length + 1);
  const i = new Var("i", "i32");
  const value = fn(...inputs.map((buf) => load(buf, read(i))));
  const body: Stmt[] = [{ s: "store", buf: out, index: read(i), value, stream: false }];
  const kind = vectors ? "lanes" : "serial";
  const [from, to] = [constant("i32", 0), argument(n)];
  const kernel = schedule({
    name: "evaluate",
    buffers: [...inputs, out],
    scalars: [n],
    scratch: [],
    scratchSlot: -1,
    block: new Var("block", "i32"),
    blocks: constant("i32", 1),
    body: [{ s: "for", v: i, from, to, step: 1, kind, body }],
  });
  verifyKernel(kernel, "scheduled");
  return kernel;
}
